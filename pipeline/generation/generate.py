"""Generates ranked candidates with a model: search, compare, annotate, rank; every molecule on the way is counted."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Container, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from chem_vae.errors import UserError
from chem_vae.optimizers import spell_strategy
from chem_vae.progress import Progress, silent
from pipeline.chemistry.filters.structure_filters import read_allowed
from pipeline.chemistry.filters.unusual_cells import is_usual
from pipeline.chemistry.metrics import NEVER_PROPOSED, NOT_IN_TRAINING
from pipeline.chemistry.properties import PROPERTIES
from pipeline.chemistry.variation.scaffold_request import open_scaffold
from pipeline.chemistry.variation.scaffold_variation import list_capped
from pipeline.datasets.dataset import Dataset
from pipeline.generation.acquisition.acquisition_search import (
    LEAST,
    WEIGH,
    WEIGH_STEPS,
    list_measured_molecules,
    search,
)
from pipeline.generation.acquisition.batch_selection import choose_batch, explain_few
from pipeline.generation.acquisition.hit_probability import add_hit_probability
from pipeline.generation.acquisition.measured_kind import MeasuredKind
from pipeline.generation.acquisition.measured_neighbors import add_measured_neighbors
from pipeline.generation.annotate import (
    add_neighbors,
    annotate,
    compare_with_earlier_runs,
    compare_with_training,
    list_novelty_warnings,
)
from pipeline.generation.config import ACQUISITION, SCAFFOLD, GenerateConfig
from pipeline.generation.earlier_proposals import EarlierProposals
from pipeline.generation.ranking import has_only_bounded, rank_candidates, sort_molecules
from pipeline.generation.result import GenerationReport
from pipeline.generation.sampling.budget import PER_CANDIDATE, Budget
from pipeline.generation.sampling.constraint_filter import make_constraints
from pipeline.generation.sampling.direct import SearchResult, sample
from pipeline.generation.sampling.kept_batches import KeptBatches
from pipeline.generation.sampling.rare_targets import warn_of_rare_targets
from pipeline.generation.sampling.shortfall import explain_shortfall
from pipeline.generation.scaffold_search import name_groups, search_scaffold
from pipeline.generation.stereo_candidates import (
    NO_COPY,
    explain_stereo_copies,
    find_stereo_copies,
    list_measured_keys,
    predict_isomers,
)
from pipeline.models.trained_model import TrainedModel, load_model
from pipeline.models.training_set.training_molecules import TrainingMolecules
from pipeline.models.training_set.usual_structures import learn_usual_structures
from pipeline.objectives.config import Objective
from pipeline.objectives.constraints import Constraints, check_aims, collect_named_molecules
from pipeline.objectives.desirability import ResolvedObjective
from pipeline.objectives.resolve import resolve
from pipeline.workspace.check_arguments import list_names
from pipeline.workspace.night import make_seed

UNUSED = {
    ACQUISITION: ("temperature", "guidance", "redraws", "batch_size"),
    SCAFFOLD: ("guidance", "redraws", "measured", "allow_stereo_copies"),
    "": ("measured", "allow_stereo_copies"),
}
"""The settings of GenerateConfig that a strategy does not use; "" stands for all that draw from the model."""


def generate(
    model: TrainedModel | str | Path,
    target: Mapping[str, float] | None = None,
    *,
    config: GenerateConfig | None = None,
    dataset: Dataset | None = None,
    exclude: str | Collection[str] = (),
    proposed: Container[str] | None = None,
    kept: KeptBatches | None = None,
    progress: Progress = silent,
    **settings: Any,
) -> GenerationReport:
    """Generate molecules that meet objectives, compare them with the training data, annotate and rank them.

    >>> generate("moses", target={"logp": 2.5}, n=20, seed=0)  # doctest: +SKIP

    Args:
        model: The trained model, or what `load_model` takes.
        target: Target values by property; other objectives go into `config` or `objectives`.
        config: The settings of the generation.
        dataset: The dataset to compare with; found beside the model when None.
        exclude: InChIKeys that are not proposed, or one, as those of an earlier round.
        proposed: InChIKeys that earlier runs proposed: not novel, and left out unless `exclude_known` is False; None where that
            is not known.
        kept: Where drawn batches are kept, so that the same call goes on from them after a stop; None keeps none.
        progress: Told each stage of the work.
        **settings: Fields of GenerateConfig by name, which go before those of `config`.

    Returns:
        The candidates, all molecules found, and the counts.

    Raises:
        UserError: The model does not know a property or the strategy.
    """
    exclude = list_names("exclude", exclude)
    model = model if isinstance(model, TrainedModel) else load_model(model)
    config = config or GenerateConfig()
    if target:
        settings["objectives"] = {**config.objectives, **{k: Objective(target=v) for k, v in target.items()}}
    config = GenerateConfig.from_values({**config.model_dump(), **settings})
    config = settle_seed(config)
    dataset = dataset or model.dataset()
    started = time.monotonic()
    objectives, warnings = resolve(config.objectives, model.properties)
    warnings += list_novelty_warnings(model, dataset)
    config = config.model_copy(update={"strategy": choose_strategy(objectives, model, config)})

    warnings += list_unused_settings(config)
    constraints = make_constraints(config, model)
    check_aims(config.objectives, config.constraints)
    allowed = read_allowed(config.allow_unusual)
    named = collect_named_molecules(config.constraints)
    named += list_capped(open_scaffold(config.scaffold)) if config.scaffold is not None else []
    usual = learn_usual_structures(model, named).allowed
    training = TrainingMolecules.of(model, dataset)
    earlier = EarlierProposals(exclude, proposed, config.exclude_known)

    def is_new(smiles: str, key: str) -> bool:
        return not earlier.is_left_out(key) and not training.find([smiles], [key])[0]

    rare, expected = warn_of_rare_targets(model, objectives, config, is_new, usual | allowed, progress)
    warnings += rare
    kind = MeasuredKind()
    if config.strategy == ACQUISITION:
        kind = MeasuredKind.measure(model, objectives, config, list_measured_molecules(dataset, objectives))
        constraints = Constraints((*kind.list_constraints(), *constraints.constraints))
        warnings += kind.explain(config)
    found, samples = _search(model, objectives, config, dataset, constraints, usual, is_new, kept, progress)
    counts = found.counts
    molecules = compare_with_training(found.molecules, model, training)
    if dataset is not None and (exclude or config.strategy == ACQUISITION):
        molecules = _compare_with_all_splits(molecules, dataset)
    new = _select_new(molecules, earlier)
    if config.strategy == ACQUISITION:
        progress(WEIGH, 2, WEIGH_STEPS)
    unseen = compare_with_earlier_runs(molecules, earlier) if earlier.is_known else None
    eligible = new = molecules.loc[new.index]
    if config.strategy == ACQUISITION and not config.allow_stereo_copies:
        copies = find_stereo_copies(new, list_measured_keys(dataset, objectives))
        eligible = new = new[~copies]
        counts[NO_COPY] = len(new)
        if copies.any():
            warnings.append(explain_stereo_copies(int(copies.sum()), len(copies)))
    if config.strategy == ACQUISITION:
        progress(WEIGH, 3, WEIGH_STEPS)
        eligible = choose_batch(new, config, kind.alerts)
        progress(WEIGH, WEIGH_STEPS, WEIGH_STEPS)
        molecules = molecules.join(eligible["batch"])
        if not config.measured.outside_domain:
            counts["in domain"] = len(eligible)
    molecules = _annotate(molecules, eligible, model, objectives, config, usual, allowed, progress)
    eligible = molecules.loc[eligible.index]
    fits = eligible["unusual"].map(lambda cell: is_usual(cell, allowed)).astype(bool)
    if earlier.is_known:
        counts[NEVER_PROPOSED] = int((~molecules["proposed_before"]).sum())
    if training.is_told:
        counts[NOT_IN_TRAINING] = int(molecules["novel"].sum()) if unseen is None else unseen
        counts["novel"] = int(molecules["novel"].sum())
        counts["novel, stereo-blind"] = int(molecules["novel_stereo_blind"].sum())
    free = eligible["alerts"] == ""
    counts["within target"] = int(eligible["within_target"].sum())
    counts["usual"] = int((fits & eligible["within_target"]).sum())
    counts["alert-free"] = int((free & fits & eligible["within_target"]).sum())
    if expected is not None:
        warnings.append(expected.compare(counts["usual"], counts["requested"]))
    shown = eligible if config.allow_alerts else eligible[free]
    candidates = rank_candidates(shown, config.n, ~fits, has_only_bounded(objectives))
    candidates = add_neighbors(candidates, model, dataset, progress)
    candidates = add_measured_neighbors(candidates, dataset, objectives)
    isomers = None
    if config.enumerate_stereo is not None:
        isomers = predict_isomers(
            candidates, model, objectives, config.enumerate_stereo, {*(training.keys or ()), *exclude}
        )
    candidates, hits = add_hit_probability(candidates, model, objectives, int(config.seed))
    if config.scaffold is not None:
        candidates = name_groups(candidates, config.scaffold)

    if len(candidates) < config.n and config.strategy == ACQUISITION:
        batch = int(molecules["batch"].notna().sum())
        warnings.append(explain_few(len(candidates), len(new), len(eligible), batch, samples, config))
        if found.refusals.refused.total():
            worst, count = found.refusals.refused.most_common(1)[0]
            warnings.append(
                f"the constraints refused {found.refusals.refused.total():,} of {found.refusals.examined:,} distinct molecules that the "
                f"search looked at, {worst!r} the most ({count:,}): loosen it for more candidates"
            )
    elif config.strategy != ACQUISITION and counts["requested"] == samples:
        reached = int((shown["within_target"] & fits[shown.index]).sum())
        warnings += explain_shortfall(candidates, reached, samples, config, objectives, constraints, found.refusals)
    return GenerationReport(
        candidates,
        molecules,
        counts,
        objectives,
        config,
        counts["requested"],
        found.canonical,
        warnings + found.warnings,
        time.monotonic() - started,
        found.refusals,
        isomers=isomers,
        hits=hits,
        is_stopped=found.is_stopped,
    )


def settle_seed(config: GenerateConfig) -> GenerateConfig:
    """Put the day's number in the place of the seed "date"; it is said in the report, so that the night can be repeated."""
    return config.model_copy(update={"seed": make_seed(config.seed)}) if config.seed == "date" else config


def choose_strategy(objectives: Sequence[ResolvedObjective], model: TrainedModel, config: GenerateConfig) -> str:
    """Choose the strategy where none is asked for: around a scaffold, or the search by acquisition for measured properties that
    can be predicted.

    Raises:
        UserError: A strategy is asked for that keeps no scaffold.
    """
    asked = config.strategy and spell_strategy(config.strategy, ACQUISITION, SCAFFOLD)
    if config.scaffold is not None:
        if asked not in (None, SCAFFOLD):
            raise UserError(
                f"the strategy {asked} keeps no scaffold: leave out --strategy, or --scaffold and --replace"
            )
        return SCAFFOLD
    if asked == SCAFFOLD:
        raise UserError("the strategy scaffold needs a scaffold to keep: give --scaffold, or --replace and --in")
    measured = [w.summary.name for w in objectives if w.basis == "predicted"]
    usual = ACQUISITION if measured and all(name in model.measured for name in measured) else "conditional"
    return asked or usual


def list_unused_settings(config: GenerateConfig) -> list[str]:
    """Name the settings that were changed and that the strategy does not use, in a sentence; nothing where there are none."""
    unused = UNUSED[ACQUISITION if config.strategy == ACQUISITION else SCAFFOLD if config.strategy == SCAFFOLD else ""]
    usual = GenerateConfig()
    changed = [name for name in unused if getattr(config, name) != getattr(usual, name)]
    if not changed:
        return []
    have = "has" if len(changed) == 1 else "have"
    return [f"{' and '.join(changed)} {have} no effect with the strategy {config.strategy}"]


def _search(
    model: TrainedModel,
    objectives: Sequence[ResolvedObjective],
    config: GenerateConfig,
    dataset: Dataset | None,
    constraints: Constraints,
    usual: frozenset[str],
    is_new: Callable[[str, str], bool],
    kept: KeptBatches | None,
    progress: Progress,
) -> tuple[SearchResult, int]:
    """Search with the strategy; return what was found and how many molecules were to be looked at."""
    allowed = usual | read_allowed(config.allow_unusual)
    if config.strategy == SCAFFOLD:
        samples = config.samples or PER_CANDIDATE * config.n
        return search_scaffold(model, objectives, config, samples, progress, constraints, allowed), samples
    if config.strategy != ACQUISITION:
        budget = Budget(config, objectives, constraints, is_new, allowed)
        return sample(model, objectives, config, budget, progress, constraints, kept), budget.granted
    samples = config.samples or max(PER_CANDIDATE * config.n, LEAST)
    known, seed = list_measured_molecules(dataset, objectives), int(config.seed)
    found = search(
        model,
        objectives,
        samples=samples,
        config=config.measured,
        known=known,
        seed=seed,
        progress=progress,
        constraints=constraints,
        usual=usual,
        allow_unusual=config.allow_unusual,
    )
    return found, samples


def _compare_with_all_splits(molecules: pd.DataFrame, dataset: Dataset) -> pd.DataFrame:
    """Set novelty as for a further round: a measured molecule is known, whichever split it is in."""
    known = set(dataset.table(["inchikey"])["inchikey"])
    molecules["novel"] &= ~molecules["inchikey"].isin(known)
    molecules["novel_stereo_blind"] &= molecules["novel"]  # a known molecule is not new, with stereo or without
    return molecules


def _select_new(molecules: pd.DataFrame, earlier: EarlierProposals) -> pd.DataFrame:
    """Select the molecules that may be proposed; without the data only what was proposed before is known."""
    if not len(molecules):
        return molecules
    left_out = molecules["inchikey"].map(earlier.is_left_out).astype(bool)
    return molecules[molecules["novel"].fillna(True).astype(bool) & ~left_out]


def _annotate(
    molecules: pd.DataFrame,
    eligible: pd.DataFrame,
    model: TrainedModel,
    objectives: Sequence[ResolvedObjective],
    config: GenerateConfig,
    usual: Collection[str],
    allowed: Collection[str],
    progress: Progress,
) -> pd.DataFrame:
    """Annotate the batch, the eligible molecules within the target and those that score better than these, then the best of the others."""
    aimed = {w.summary.name for w in objectives}
    others = [p.name for p in model.properties if p.kind == "computed" and p.name not in aimed and p.name in PROPERTIES]
    order = eligible.index[eligible["within_target"].astype(bool)].tolist() if len(eligible) else []
    if "batch" in eligible:  # the candidates are among them, in the target or not
        order = list(dict.fromkeys([*eligible.index[eligible["batch"].notna()], *order]))
    first = set(order)
    ranked = sort_molecules(eligible, has_only_bounded(objectives)).index.tolist()
    hits = [place for place, i in enumerate(ranked) if i in first]
    if (
        "batch" not in eligible and hits
    ):  # by score, what is a little beside one target may go before what meets them all
        order += [i for i in ranked[: hits[min(2 * config.n, len(hits)) - 1]] if i not in first]
        first = set(order)
    beyond = [i for i in ranked if i not in first]
    return annotate(
        molecules,
        order,
        beyond,
        others,
        n=config.n,
        allow_alerts=config.allow_alerts,
        usual=usual,
        allow_unusual=allowed,
        progress=progress,
    )
