"""Chooses molecules that are worth measuring from a given library, which is streamed: every row of it is counted."""

from __future__ import annotations

import time
from collections.abc import Container, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from chem_vae.errors import ChemVAEError, DataError, UserError
from chem_vae.progress import Progress, silent
from pipeline.chemistry.filters.structure_filters import read_allowed
from pipeline.chemistry.metrics import NEVER_PROPOSED, NOT_IN_TRAINING, Share
from pipeline.datasets.dataset import Dataset
from pipeline.datasets.readers import Hints
from pipeline.datasets.readers.row_numbers import RowNumbers
from pipeline.datasets.readers.source import Source
from pipeline.generation.acquisition.acquisition_search import list_measured_molecules
from pipeline.generation.acquisition.batch_selection import choose_batch
from pipeline.generation.acquisition.hit_probability import add_hit_probability
from pipeline.generation.acquisition.measured_kind import MeasuredKind
from pipeline.generation.acquisition.measured_neighbors import add_measured_neighbors
from pipeline.generation.annotate import (
    add_neighbors,
    compare_with_earlier_runs,
    compare_with_training,
    list_novelty_warnings,
)
from pipeline.generation.config import GenerateConfig, ScreenConfig
from pipeline.generation.earlier_proposals import EarlierProposals
from pipeline.generation.ranking import has_only_bounded, rank_candidates
from pipeline.generation.result import GenerationReport
from pipeline.generation.sampling.constraint_filter import Refusals
from pipeline.generation.screening.library_account import BestRows, LibraryAccount, RejectsFile, SeenKeys
from pipeline.generation.screening.library_scoring import (
    PROPOSED,
    KeptRow,
    ScoringTask,
    open_scorer,
    open_worker,
    score_chunk,
)
from pipeline.generation.screening.library_table import add_library_columns, annotate_batch, build_library_table
from pipeline.generation.stereo_candidates import list_measured_keys, predict_isomers
from pipeline.models.trained_model import TrainedModel, load_model
from pipeline.models.training_set.training_molecules import TrainingMolecules
from pipeline.models.training_set.usual_structures import learn_usual_structures
from pipeline.objectives.config import Objective
from pipeline.objectives.constraints import check_aims, collect_named_molecules
from pipeline.objectives.desirability import ResolvedObjective
from pipeline.objectives.resolve import resolve
from pipeline.workspace.night import make_seed
from pipeline.workspace.presentation.formatting import count_things
from pipeline.workspace.registry import ResolvedSource
from pipeline.workspace.registry import resolve as resolve_source
from pipeline.workspace.work.parallel import Workers, count_workers

FEW_CHUNKS = 4
"""Chunks up to which a library is scored in this process: to start others would take longer."""


def screen(
    model: TrainedModel | str | Path,
    library: str | Path | None = None,
    target: Mapping[str, float] | None = None,
    *,
    config: GenerateConfig | None = None,
    screening: ScreenConfig | None = None,
    dataset: Dataset | None = None,
    rejects: Path | None = None,
    proposed: Container[str] | None = None,
    progress: Progress = silent,
    **settings: Any,
) -> GenerationReport:
    """Choose molecules from a library by what measuring them is worth: the choice of `generate` among given molecules.

    The library is read once, in chunks, and only the best molecules are kept. Molecules that were measured before and their
    stereoisomers, molecules outside of the domain of the predictor, those that fail a constraint and those with something unusual are
    left out, and counted. What is chosen is the best batch whose molecules are unlike each other.

    >>> screen("my-run", "catalogue.csv", objectives={"pIC50": {"maximize": True}}, n=50)  # doctest: +SKIP

    Args:
        model: The trained model, or what `load_model` takes.
        library: A file, a URL or the name of a dataset; that of `screening` when None.
        target: Target values by property; other objectives go into `config` or `objectives`.
        config: The settings of what is wanted, as for `generate`.
        screening: The settings of the library.
        dataset: The dataset with the measured molecules; found beside the model when None.
        rejects: A CSV file that gets the rows of the library that are no molecules, each with its number and the reason.
        proposed: InChIKeys that earlier runs proposed, which are left out unless `exclude_known` is False; None where that is not
            known.
        progress: Told each stage of the work.
        **settings: Fields of GenerateConfig and ScreenConfig by name, which go before those of `config` and `screening`.

    Returns:
        The chosen molecules, the best of the library, the counts, and in `library` the account of its rows.

    Raises:
        UserError: Nothing is wanted, or the model does not know a property or cannot predict it.
        DataError: The library cannot be read, or none of its rows is a molecule.
    """
    model = model if isinstance(model, TrainedModel) else load_model(model)
    config, screening = _read_settings(library, target, config, screening, settings)
    dataset = dataset or model.dataset()
    started = time.monotonic()
    objectives, warnings = resolve_choice(config, model)
    warnings += list_novelty_warnings(model, dataset)
    check_aims(config.objectives, config.constraints)
    usual = learn_usual_structures(model, collect_named_molecules(config.constraints)).allowed
    allowed = read_allowed(config.allow_unusual)
    known_values, kind = list_measured_molecules(dataset, objectives), MeasuredKind()
    if any(w.basis == "predicted" for w in objectives):
        kind = MeasuredKind.measure(model, objectives, config, known_values)
        warnings += kind.explain(config)
    task = ScoringTask(
        model.folder,
        model.workspace,
        config,
        (*kind.list_constraints(), *config.constraints),
        tuple(objectives),
        known_values,
        frozenset(list_measured_keys(dataset, objectives)),
        frozenset({*usual, *allowed}),
    )
    scorer = open_scorer(task)
    if scorer.worth is not None:
        warnings += scorer.worth.explain_hardest()
    resolved, source, account = open_library(screening, progress)
    earlier = EarlierProposals((), proposed, config.exclude_known)
    best = _read_library(resolved, source, account, task, screening, rejects, earlier, progress)
    molecules, cells = build_library_table(scorer, best), {row.inchikey: row for row in best}

    training = TrainingMolecules.of(model, dataset)
    if dataset is not None:  # a measured molecule is known, whichever split it is in
        training = replace(training, keys=set(dataset.table(["inchikey"])["inchikey"]))
    molecules = compare_with_training(molecules, model, training)
    unseen = molecules["novel"].copy() if training.is_told else None
    if earlier.is_known:
        compare_with_earlier_runs(molecules, earlier)
    eligible = choose_batch(molecules, config, kind.alerts)
    molecules = molecules.join(eligible["batch"])
    molecules = annotate_batch(molecules, model, objectives, usual, progress)
    eligible = molecules.loc[eligible.index]
    shown = eligible if config.allow_alerts else eligible[eligible["alerts"] == ""]
    nothing_behind = pd.Series(False, index=shown.index)
    candidates = rank_candidates(shown, config.n, nothing_behind, has_only_bounded(objectives))
    candidates = add_neighbors(candidates, model, dataset, progress)
    candidates = add_measured_neighbors(candidates, dataset, objectives)
    candidates, hits = add_hit_probability(candidates, model, objectives, int(config.seed))
    isomers = None
    if config.enumerate_stereo is not None:
        isomers = predict_isomers(candidates, model, objectives, config.enumerate_stereo, training.keys or ())
    candidates = add_library_columns(candidates, cells, account)

    account.kept = len(best)
    counts = account.list_stages(
        scorer.worth is not None and not config.measured.outside_domain,
        bool(task.constraints),
        earlier.is_known and config.exclude_known,
    )
    if earlier.is_known:
        counts[NEVER_PROPOSED] = int((~candidates["proposed_before"].astype(bool)).sum())
    if unseen is not None:
        new = dict(zip(molecules["inchikey"], unseen, strict=True))
        counts[NOT_IN_TRAINING] = sum(bool(new[key]) for key in candidates["inchikey"])
        counts["novel"] = int(candidates["novel"].sum())
        counts["novel, stereo-blind"] = int(candidates["novel_stereo_blind"].sum())
    if len(candidates) < config.n:
        warnings.append(_explain_few(len(candidates), account, config, screening))
    refused = account.refused
    return GenerationReport(
        candidates,
        molecules,
        counts,
        list(objectives),
        config,
        account.rows,
        Share(0, 0),
        warnings,
        time.monotonic() - started,
        Refusals(account.eligible + refused.total() + account.unusual.total(), refused),
        isomers=isomers,
        hits=hits,
        library=account,
    )


def resolve_choice(config: GenerateConfig, model: TrainedModel) -> tuple[list[ResolvedObjective], list[str]]:
    """Resolve the objectives by which a library is chosen from, as `resolve` does.

    Raises:
        UserError: Nothing is wanted, something that no choice can give, or what the model does not know.
    """
    if config.scaffold is not None:
        raise UserError("a scaffold is grown by generate, not chosen from a library: use --must-contain SMARTS")
    objectives, warnings = resolve(config.objectives, model.properties)
    if not objectives:
        names = ", ".join(p.name for p in model.properties)
        raise UserError(f"say what is wanted of the molecules, as in --maximize NAME; the model knows {names}")
    return objectives, warnings


def _read_settings(
    library: str | Path | None,
    target: Mapping[str, float] | None,
    config: GenerateConfig | None,
    screening: ScreenConfig | None,
    settings: Mapping[str, Any],
) -> tuple[GenerateConfig, ScreenConfig]:
    """Put the settings together; raises UserError where no library is named."""
    config = config or GenerateConfig()
    own = {name: value for name, value in settings.items() if name in ScreenConfig.model_fields}
    asked = {name: value for name, value in settings.items() if name not in own}
    if target:
        asked["objectives"] = {**config.objectives, **{k: Objective(target=v) for k, v in target.items()}}
    config = GenerateConfig.from_values({**config.model_dump(), **asked})
    if config.seed == "date":
        config = config.model_copy(update={"seed": make_seed(config.seed)})
    if library is None and screening is None and "library" not in own:
        raise UserError("name the library to choose from: a file of molecules, or a name from `chem-vae datasets`")
    given = {} if screening is None else screening.model_dump()
    named = {} if library is None else {"library": str(library)}
    return config, ScreenConfig.from_values({**given, **own, **named})


def open_library(screening: ScreenConfig, progress: Progress = silent) -> tuple[ResolvedSource, Source, LibraryAccount]:
    """Find and open the file of a library, and begin its account.

    Raises:
        DataError: It cannot be read, or no column holds SMILES.
        UserError: The name is unknown.
    """
    resolved = resolve_source(screening.library, None, progress)
    hints = Hints(
        screening.smiles_column or resolved.smiles_column,
        screening.header,
        (),
        screening.delimiter,
        screening.encoding,
        screening.sheet,
    )
    source = Source.open(resolved.path, hints)
    return resolved, source, LibraryAccount(resolved.name, resolved.location, RowNumbers.of_layout(source.layout))


def _read_library(
    resolved: ResolvedSource,
    source: Source,
    account: LibraryAccount,
    task: ScoringTask,
    screening: ScreenConfig,
    rejects: Path | None,
    earlier: EarlierProposals,
    progress: Progress,
) -> list[KeptRow]:
    """Read the library in chunks, score and count its rows, and return the best ones, best first."""
    counted = source.count()
    total = min(counted, screening.limit or counted)
    count = screening.workers or (count_workers() if total > FEW_CHUNKS * screening.chunk_rows else 1)
    best, seen, breaks = BestRows(screening.keep), SeenKeys(), 0
    columns: dict[str, None] = dict.fromkeys(source.columns)

    def read() -> Any:
        nonlocal breaks
        for chunk in source.chunks(screening.chunk_rows, screening.limit):
            breaks += chunk.line_breaks
            columns.update(dict.fromkeys(chunk.columns))
            yield chunk

    def tell(total: int) -> None:
        figures = {"to choose from": account.eligible, "unreadable": account.unreadable}
        progress("screen", account.rows, max(total, account.rows), figures)

    tell(max(total, 1))
    with RejectsFile(rejects, account.numbers) as file, Workers(count, partial(open_worker, task)) as workers:
        for scored in workers.map(score_chunk, read()):
            is_new = seen.add(scored.keys)
            for place in [place for place, row in scored.kept.items() if earlier.is_left_out(row.inchikey)]:
                scored.fates[place] = PROPOSED
                del scored.kept[place]
            account.count(scored, is_new)
            best.add(row for place, row in scored.kept.items() if is_new[place])
            file.add(scored.rejections)
            tell(max(total, 1))
    resolved.check_unchanged()
    if not account.rows:
        raise DataError(f"{source.path.name} has no rows")
    if account.rows != screening.limit and account.rows + breaks != counted:
        raise ChemVAEError(
            f"{counted:,} rows were counted in {source.path.name}, but {account.rows:,} were read with {breaks:,} line breaks in "
            "them, which is a bug; please report it"
        )
    tell(account.rows)
    account.columns, account.notes = list(columns), list(dict.fromkeys(source.notes))
    if account.unreadable == account.rows:
        first = next(iter(account.examples.values()))
        raise DataError(
            f"none of the {count_things(account.rows, 'row')} of {source.path.name} is a molecule: {account.numbers.name(first.row)} "
            f"({first.input[:60]!r}): {first.reason}; name the column of SMILES by --smiles-column"
        )
    return best.sort()


def _explain_few(found: int, account: LibraryAccount, config: GenerateConfig, screening: ScreenConfig) -> str:
    """Explain why fewer molecules were chosen than asked for, and what to loosen."""
    told = f"{count_things(config.n, 'molecule', 'was', 'were')} asked for and {found:,} chosen of {account.eligible:,} to choose from"
    loosen = []
    if account.kept > found:
        loosen.append(
            "raise generate.measured.most_similar or generate.measured.per_scaffold: others are too much like better ones"
        )
    if account.kept < account.eligible:
        loosen.append(f"keep more of them with --keep {10 * screening.keep}")
    if not config.allow_alerts:
        loosen.append("allow alerts with generate.allow_alerts")
    lost = [
        (
            account.fates["outside of the domain"],
            "are too unlike the measured molecules, or predicted too vaguely: --outside-domain takes them too",
        ),
        (account.refused.total(), "were refused by constraints: loosen them"),
        (account.unusual.total(), "have something unusual: --allow-unusual NAME lets it through"),
        (account.fates[PROPOSED], "were proposed before: --no-exclude-known takes them too"),
    ]
    loosen += [f"{n:,} {what}" for n, what in lost if n]
    return f"{told}; {'; '.join(loosen)}" if loosen else f"{told}; the library holds no more"
