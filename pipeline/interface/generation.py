"""Generates, screens and optimizes from a notebook or a script."""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from chem_vae.progress import Progress
from pipeline.datasets.dataset import Dataset
from pipeline.generation.config import GenerateConfig, ScreenConfig
from pipeline.generation.generate import generate as generate_candidates
from pipeline.generation.result import GenerationReport
from pipeline.generation.screening.screen_library import screen as screen_library
from pipeline.models.trained_model import TrainedModel, load_model
from pipeline.objectives.aims import collect_objectives
from pipeline.optimization.config import OptimizeConfig
from pipeline.optimization.result import Optimization
from pipeline.oracles.base import Oracle
from pipeline.workflows.optimize_function import optimize as optimize_under_oracle
from pipeline.workspace.progress.bars import follow


def generate(
    model: TrainedModel | str | Path | None = None,
    target: Mapping[str, float] | None = None,
    *,
    maximize: str | Iterable[str] = (),
    minimize: str | Iterable[str] = (),
    range: Mapping[str, tuple[float | None, float | None]] | None = None,
    config: GenerateConfig | None = None,
    dataset: Dataset | None = None,
    exclude: str | Collection[str] = (),
    proposed: Container[str] | None = None,
    workspace: str | Path | None = None,
    progress: Progress | None = None,
    quiet: bool = False,
    **settings: Any,
) -> GenerationReport:
    """Generate molecules that meet objectives, compare them with the training data, annotate and rank them.

    >>> generate("moses", target={"logp": 2.5}, maximize="qed", range={"mw": (250, 320)}, n=20)  # doctest: +SKIP

    Args:
        model: The trained model, its name, or what else `load_model` takes.
        target: Target values by property.
        maximize: Properties that are to be high, one or several.
        minimize: Properties that are to be low, one or several.
        range: The lower and the higher end by property; None leaves an end open.
        config: The settings of the generation.
        dataset: The dataset to compare with; found beside the model when None.
        exclude: InChIKeys that are not proposed, or one, as those of an earlier round.
        proposed: InChIKeys that earlier runs proposed: not novel, and left out unless `exclude_known` is False; None where that
            is not known.
        workspace: The folder in which the model and its dataset are looked for; that of CHEM_VAE_WORKSPACE, or ./workspace, when not
            given.
        progress: Told each stage of the work; shown as bars when None.
        quiet: Show no progress.
        **settings: Fields of GenerateConfig by name, which go before those of `config`.

    Returns:
        The candidates, all molecules found, and the counts.

    Raises:
        UserError: The model does not know a property or the strategy, or a property has two aims.
    """
    opened = load_model(model, workspace)
    aims = collect_objectives(target, maximize, minimize, range)
    if aims:
        settings["objectives"] = _join(config, settings, aims)
    with follow(progress, quiet) as told:
        return generate_candidates(
            opened, config=config, dataset=dataset, exclude=exclude, proposed=proposed, progress=told, **settings
        )


def screen(
    model: TrainedModel | str | Path | None = None,
    library: str | Path | None = None,
    target: Mapping[str, float] | None = None,
    *,
    maximize: str | Iterable[str] = (),
    minimize: str | Iterable[str] = (),
    range: Mapping[str, tuple[float | None, float | None]] | None = None,
    config: GenerateConfig | None = None,
    screening: ScreenConfig | None = None,
    dataset: Dataset | None = None,
    rejects: str | Path | None = None,
    proposed: Container[str] | None = None,
    workspace: str | Path | None = None,
    progress: Progress | None = None,
    quiet: bool = False,
    **settings: Any,
) -> GenerationReport:
    """Choose molecules from a library by what measuring them is worth: the choice of `generate` among given molecules.

    The library is read once, in chunks, and only the best molecules are kept. Molecules that were measured before and their
    stereoisomers, molecules outside of the domain of the predictor, those that fail a constraint and those with something unusual are
    left out, and counted. What is chosen is the best batch whose molecules are unlike each other.

    >>> screen("my-run", "catalogue.csv", maximize="pIC50", n=50)  # doctest: +SKIP

    Args:
        model: The trained model, its name, or what else `load_model` takes.
        library: A file, a URL or the name of a dataset; that of `screening` when None.
        target: Target values by property.
        maximize: Properties that are to be high, one or several.
        minimize: Properties that are to be low, one or several.
        range: The lower and the higher end by property; None leaves an end open.
        config: The settings of what is wanted, as for `generate`.
        screening: The settings of the library.
        dataset: The dataset with the measured molecules; found beside the model when None.
        rejects: A CSV file that gets the rows of the library that are no molecules, each with its number and the reason.
        proposed: InChIKeys that earlier runs proposed, which are left out unless `exclude_known` is False; None where that is not
            known.
        workspace: As for `generate`.
        progress: Told each stage of the work; shown as bars when None.
        quiet: Show no progress.
        **settings: Fields of GenerateConfig and ScreenConfig by name, which go before those of `config` and `screening`.

    Returns:
        The chosen molecules, the best of the library, the counts, and in `library` the account of its rows.

    Raises:
        UserError: Nothing is wanted, or the model does not know a property or cannot predict it.
        DataError: The library cannot be read, or none of its rows is a molecule.
    """
    opened = load_model(model, workspace)
    aims = collect_objectives(target, maximize, minimize, range)
    if aims:
        settings["objectives"] = _join(config, settings, aims)
    with follow(progress, quiet) as told:
        return screen_library(
            opened,
            library,
            config=config,
            screening=screening,
            dataset=dataset,
            rejects=None if rejects is None else Path(rejects),
            proposed=proposed,
            progress=told,
            **settings,
        )


def optimize(
    model: TrainedModel | str | Path | None = None,
    oracle: Oracle | Callable[[list[str]], Any] | None = None,
    calls: int | None = None,
    *,
    endpoints: str | Sequence[str] = ("score",),
    timeout: float | None = None,
    retries: int | None = None,
    oracle_batch: int | None = None,
    target: Mapping[str, float] | None = None,
    maximize: str | Iterable[str] = (),
    minimize: str | Iterable[str] = (),
    range: Mapping[str, tuple[float | None, float | None]] | None = None,
    config: OptimizeConfig | None = None,
    folder: str | Path | None = None,
    dataset: Dataset | None = None,
    workspace: str | Path | None = None,
    progress: Progress | None = None,
    quiet: bool = False,
    **settings: Any,
) -> Optimization:
    """Search for the best molecules that a number of oracle calls finds.

    >>> found = optimize("moses", oracle=my_function, calls=500)  # doctest: +SKIP
    >>> found, found.plot(), found.to_frame().head(10)  # doctest: +SKIP

    Args:
        model: The trained model, its name, or what else `load_model` takes.
        oracle: An Oracle, or a function from a list of SMILES to a number (None: failed) or a dictionary by endpoint for each;
            the computed properties of the objectives when None.
        calls: The number of oracle calls.
        endpoints: The names of what a function measures; each as high as possible without other objectives.
        timeout: Seconds for a batch. After them the batch fails, and the function is left alone: a thread cannot be stopped.
        retries: How often a batch that failed is tried again; 1 when None.
        oracle_batch: The number of molecules handed to the oracle at once.
        target: Target values by endpoint or computed property.
        maximize: Names of endpoints or computed properties that are to be high.
        minimize: Names of endpoints or computed properties that are to be low.
        range: The lower and the higher end by endpoint or computed property.
        config: The settings of the search.
        folder: Where each call is written when it is paid, so that the same request goes on after a crash; a temporary
            folder when None.
        dataset: The model's dataset; found beside the model when None.
        workspace: As for `generate`.
        progress: Told each stage of the work; shown as bars when None.
        quiet: Show no progress.
        **settings: Further fields of OptimizeConfig by name.

    Returns:
        Every call and the annotated candidates.

    Raises:
        UserError: The request cannot be carried out.
        OracleError: The oracle fails for good.
    """
    opened = load_model(model, workspace)
    aims = collect_objectives(target, maximize, minimize, range)
    if aims:
        settings["objectives"] = _join(config, settings, aims)
    with follow(progress, quiet) as told:
        return optimize_under_oracle(
            opened,
            oracle,
            calls,
            endpoints=endpoints,
            timeout=timeout,
            retries=retries,
            oracle_batch=oracle_batch,
            config=config,
            folder=folder,
            dataset=dataset,
            progress=told,
            **settings,
        )


def _join(
    config: GenerateConfig | OptimizeConfig | None, settings: Mapping[str, Any], aims: Mapping[str, Any]
) -> dict[str, Any]:
    """Put the aims before the objectives of the settings, and those before the objectives of the configuration."""
    return {**({} if config is None else config.objectives), **settings.get("objectives", {}), **aims}
