"""From a model to ranked candidates, and the honest accounts of the way: find, compare, describe, rank."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from chem_vae.progress import Progress, silent
from pipeline.chemistry.metrics import Share
from pipeline.chemistry.properties import PROPERTIES
from pipeline.datasets.dataset import Dataset
from pipeline.generation.annotate import compared, described, novelty_warnings, with_neighbors
from pipeline.generation.config import ACQUISITION, GenerateConfig
from pipeline.generation.direct import Found, sample
from pipeline.models.trained_model import TrainedModel
from pipeline.objectives.config import Objective
from pipeline.objectives.desirability import ResolvedObjective
from pipeline.objectives.resolve import resolve

PER_CANDIDATE = 10  # molecules decoded for each candidate asked for, unless the user says how many


@dataclass
class GenerationReport:
    """What was generated: the ranked candidates, every valid and distinct molecule, and the counts on the way."""

    candidates: pd.DataFrame
    """Ranked, `n` at most: valid, unique and novel."""
    molecules: pd.DataFrame
    """All valid and distinct molecules, in the order they were first decoded, with the same columns but neighbors. Those
    that are neither within the target nor near the candidates' rank are not described (alerts, scaffold, other
    properties): None and NaN."""
    counts: dict[str, int]
    """requested, decoded, valid, unique, novel, novel (stereo-blind), within target, alert-free (among those); without the
    training data there is no count of novel ones."""
    objectives: list[ResolvedObjective]
    config: GenerateConfig
    samples: int
    canonical: Share
    """Of all strings decoded, drawn again or kept, those spelled canonically (`pipeline.models.sampling`)."""
    warnings: list[str] = field(default_factory=list)
    seconds: float = 0.0
    report: dict[str, Any] = field(default_factory=dict)
    """report.json, where a run folder was written."""

    def to_frame(self) -> pd.DataFrame:
        """The candidates, one per row, best first."""
        return self.candidates.copy()


def generate(
    model: TrainedModel | str | Path,
    target: Mapping[str, float] | None = None,
    *,
    config: GenerateConfig | None = None,
    dataset: Dataset | None = None,
    exclude: Collection[str] = (),
    progress: Progress = silent,
    **settings: Any,
) -> GenerationReport:
    """Generate molecules with the wanted properties.

    >>> generate("workspace/models/moses-sample-1a2b3c4d", target={"logp": 2.5}, n=20, seed=0)  # doctest: +SKIP

    target: property -> value, for the common case; any other aim, tolerance or number goes into `config`, or as fields
    of GenerateConfig by name. dataset: what to compare with; found beside the model when not given. exclude: InChIKeys that are
    not to be proposed, as those of an earlier round. A measured property is searched by acquisition (`pipeline.measured`).
    Raises UserError for a property or strategy that the model does not know.
    """
    model = model if isinstance(model, TrainedModel) else TrainedModel.open(model)
    config = config or GenerateConfig()
    if target:
        settings["objectives"] = {**config.objectives, **{k: Objective(target=v) for k, v in target.items()}}
    config = GenerateConfig.model_validate({**config.model_dump(), **settings})
    if config.seed == "date":  # said in the report, so that the night can be repeated
        config = config.model_copy(update={"seed": datetime.now(UTC).date().toordinal()})
    dataset = dataset or model.dataset()
    started = time.monotonic()
    objectives, warnings = resolve(config.objectives, model.properties)
    warnings += novelty_warnings(model, dataset)
    config = config.model_copy(update={"strategy": config.strategy or usual_strategy(objectives, model)})

    found, samples = _found(model, objectives, config, dataset, progress)
    counts = found.counts
    molecules = compared(found.molecules, model, dataset)
    if dataset is not None and (exclude or config.strategy == ACQUISITION):
        molecules = _known_in_any_split(molecules, dataset, exclude)
    eligible = new = _new(molecules, exclude)
    if config.strategy == ACQUISITION:
        from pipeline.generation.batch_selection import choose

        eligible = choose(new, config)
        molecules = molecules.join(eligible["batch"])
        if not config.measured.outside_domain:
            counts["in domain"] = len(eligible)
    molecules = _described(molecules, eligible, model, objectives, config, progress)
    eligible = molecules.loc[eligible.index]
    if dataset is not None:
        counts["novel"] = int(molecules["novel"].sum())
        counts["novel, stereo-blind"] = int(molecules["novel_stereo_blind"].sum())
    free = eligible["alerts"] == ""
    counts["within target"] = int(eligible["within_target"].sum())
    counts["alert-free"] = int((free & eligible["within_target"]).sum())
    candidates = _ranked(eligible if config.allow_alerts else eligible[free], config.n)
    candidates = with_neighbors(candidates, model, dataset, progress)

    if len(candidates) < config.n and config.strategy == ACQUISITION:
        from pipeline.generation.batch_selection import why_few

        batch = int(molecules["batch"].notna().sum())
        warnings.append(why_few(len(candidates), len(new), len(eligible), batch, samples, config))
    elif len(candidates) < config.n and counts["requested"] == samples:
        warnings.append(
            f"{config.n} candidates were asked for and {len(candidates)} found among {samples:,} samples; ask for more "
            f"with --samples {max(10 * samples, 1000)}"
        )
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
    )


def usual_strategy(objectives: Sequence[ResolvedObjective], model: TrainedModel) -> str:
    """The strategy where none is asked for: of a measured property the search by acquisition, where it can be predicted."""
    measured = [w.about.name for w in objectives if w.basis == "predicted"]
    return ACQUISITION if measured and all(name in model.measured for name in measured) else "conditional"


def _found(
    model: TrainedModel,
    objectives: Sequence[ResolvedObjective],
    config: GenerateConfig,
    dataset: Dataset | None,
    progress: Progress,
) -> tuple[Found, int]:
    """The molecules of the strategy, and how many were to be looked at."""
    samples = config.samples or PER_CANDIDATE * config.n
    if config.strategy != ACQUISITION:
        return sample(model, objectives, config, samples, progress), samples
    from pipeline.generation.acquisition_search import LEAST, measured_molecules, search

    samples = config.samples or max(samples, LEAST)
    known, seed = measured_molecules(dataset, objectives), int(config.seed)
    found = search(
        model, objectives, samples=samples, config=config.measured, known=known, seed=seed, progress=progress
    )
    return found, samples


def _known_in_any_split(molecules: pd.DataFrame, dataset: Dataset, exclude: Collection[str]) -> pd.DataFrame:
    """With novelty in the sense of a further round: what was measured is known, in whichever split it is."""
    known = set(dataset.table(["inchikey"])["inchikey"]) | set(exclude)
    molecules["novel"] = ~molecules["inchikey"].isin(known)
    molecules["novel_stereo_blind"] &= molecules["novel"]  # what is known is new in no sense
    return molecules


def _new(molecules: pd.DataFrame, exclude: Collection[str]) -> pd.DataFrame:
    """Those that may be proposed; without the data novelty is not known, but what is excluded is."""
    if not len(molecules):
        return molecules
    excluded = molecules["inchikey"].isin(set(exclude))
    return molecules[molecules["novel"].fillna(True).astype(bool) & ~excluded]


def _described(
    molecules: pd.DataFrame,
    eligible: pd.DataFrame,
    model: TrainedModel,
    objectives: Sequence[ResolvedObjective],
    config: GenerateConfig,
    progress: Progress,
) -> pd.DataFrame:
    """`described`: the batch and the eligible molecules within the target, then the best of the others; the properties nobody aimed at."""
    aimed = {w.about.name for w in objectives}
    others = [p.name for p in model.properties if p.kind == "computed" and p.name not in aimed and p.name in PROPERTIES]
    order = eligible.index[eligible["within_target"].astype(bool)].tolist() if len(eligible) else []
    if "batch" in eligible:  # the candidates are among them, in the target or not
        order = list(dict.fromkeys([*eligible.index[eligible["batch"].notna()], *order]))
    first = set(order)
    beyond = [i for i in _ordered(eligible).index if i not in first]
    return described(molecules, order, beyond, others, n=config.n, allow_alerts=config.allow_alerts, progress=progress)


def _ranked(eligible: pd.DataFrame, n: int) -> pd.DataFrame:
    """The best n by score (in the order of sampling where nothing is wanted), with their rank."""
    if "batch" in eligible:
        eligible = eligible[eligible["batch"].notna()]
    ordered = _ordered(eligible).head(n).reset_index(drop=True).drop(columns="batch", errors="ignore")
    ordered.insert(0, "rank", np.arange(1, len(ordered) + 1))
    return ordered


def _ordered(molecules: pd.DataFrame) -> pd.DataFrame:
    if "batch" in molecules:
        return molecules.sort_values(["batch", "acquisition"], ascending=[True, False], kind="stable")
    return molecules.sort_values(["score", "sample"], ascending=[False, True], kind="stable", na_position="last")
