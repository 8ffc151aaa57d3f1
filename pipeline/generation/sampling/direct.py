"""Samples molecules from a model with one strategy: ask, draw, hold to the constraints, score; every sample is counted."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from chem_vae.errors import UserError
from chem_vae.optimizers import STRATEGIES, LatentOptimizer, Problem, create
from chem_vae.progress import Progress
from chem_vae.seeds import number_seed
from pipeline.chemistry.metrics import Share
from pipeline.generation.config import GenerateConfig
from pipeline.generation.sampling.batch import DrawJob, DrawnBatch, make_job
from pipeline.generation.sampling.batch_drawer import BatchDrawer, BatchPool
from pipeline.generation.sampling.budget import Budget
from pipeline.generation.sampling.constraint_filter import MEETS, Refusals
from pipeline.generation.sampling.kept_batches import KEPT_FROM, KeptBatches
from pipeline.generation.sampling.steering import Steering
from pipeline.models.trained_model import TrainedModel
from pipeline.objectives.constraints import Constraints
from pipeline.objectives.desirability import ResolvedObjective, score
from pipeline.objectives.latent_objective import draw_conditions, predict_log_desirability
from pipeline.workspace.progress.found_molecules import BestFound
from pipeline.workspace.work.long_work import LongWork, watch_long_work

STALE_BATCHES = 5  # batches in a row without a new molecule, after which sampling stops
DIRECT = ("conditional", "gradient", "random")  # strategies that need no scores
COLUMNS = ["smiles", "inchikey", "score", "sample", "selfies", "strategy", "z", "molecule", "within_target"]
LOOKED_AT, LESS = "molecules are to be looked at", "--number or --samples with a smaller number asks for less"


@dataclass
class SearchResult:
    """The distinct molecules of a search with their values, and the counts on the way."""

    molecules: pd.DataFrame
    """COLUMNS and the values of the objectives, in the order of the search. A search by acquisition has no selfies, but also
    acquisition, origin, parent, similarity_to_measured and in_domain."""
    counts: dict[str, int]
    """requested, decoded (not of a search by acquisition), valid, unique, and MEETS where there are constraints."""
    canonical: Share = field(default_factory=lambda: Share(0, 0))
    """How many of the decoded strings are the canonical spelling of their molecule (`pipeline.models.sampling`)."""
    warnings: list[str] = field(default_factory=list)
    refusals: Refusals = field(default_factory=Refusals)
    """The number of molecules that each constraint refused."""
    is_stopped: bool = False
    """Whether a person ended it early."""


def sample(
    model: TrainedModel,
    objectives: Sequence[ResolvedObjective],
    config: GenerateConfig,
    budget: Budget,
    progress: Progress,
    constraints: Constraints,
    kept: KeptBatches | None = None,
) -> SearchResult:
    """Sample from the model with one strategy, validate the molecules, hold them to the constraints and score them.

    It ends early when several batches in a row bring no new molecule, or with what is there at a first Ctrl-C, and goes on beyond the usual number of draws while too few
    molecules are as asked for (`Budget`).

    Args:
        model: The trained model.
        objectives: The resolved objectives; none samples like the training data.
        config: The settings; the strategy is set.
        budget: How many molecules to decode.
        progress: Told the stage "generate".
        constraints: A molecule that breaks one is counted, and is no row of the result.
        kept: Where drawn batches are kept, so that the same call goes on from them after a stop.

    Raises:
        UserError: The strategy learns from scores, or the model cannot follow it to the objectives.
    """
    with watch_long_work(LOOKED_AT, LESS) as work:
        return _sample(model, objectives, config, budget, progress, constraints, kept, work)


def _sample(
    model: TrainedModel,
    objectives: Sequence[ResolvedObjective],
    config: GenerateConfig,
    budget: Budget,
    progress: Progress,
    constraints: Constraints,
    kept: KeptBatches | None,
    work: LongWork,
) -> SearchResult:
    optimizer = _create_optimizer(model, objectives, config, constraints, int(config.seed))
    rows: list[dict[str, Any]] = []
    seen: set[str] = set()
    refusals = Refusals()
    steering = Steering(model, constraints, number_seed(int(config.seed), 0))
    counts = {"requested": 0, "decoded": 0, "valid": 0, "unique": 0}
    best = BestFound()
    asked: deque[Tensor] = deque()
    proposed = 0

    def propose() -> Iterator[DrawJob]:
        """Propose batches up to the draws that are granted now."""
        nonlocal proposed
        while proposed < budget.granted:
            proposal = optimizer.ask(min(config.batch_size, budget.granted - proposed))
            asked.append(proposal.conditions)
            if budget.is_extended and config.strategy != "random":
                proposal = steering.change(proposal, refusals)
            yield make_job(proposed, proposal)
            proposed += len(proposal.z)

    def draw_batches() -> Iterator[DrawnBatch]:
        while proposed < budget.granted:
            yield from pool.draw(propose())

    progress("generate", 0, budget.granted)
    done = stale = canonical = decoded = 0
    usual = budget.usual if budget.is_counting else None
    drawer = BatchDrawer(model, objectives, config, usual, budget.bounded, kept)
    with BatchPool(drawer, budget.granted) as pool:
        for batch in draw_batches():
            n, molecules, z = len(batch.molecules), batch.molecules, torch.from_numpy(batch.encoded)
            canonical, decoded = canonical + batch.canonical.count, decoded + batch.canonical.of
            scores = score(objectives, batch.values, n)
            within = np.logical_and.reduce(
                [np.ones(n, bool), *(w.find_hits(batch.values[w.summary.name]) for w in objectives)]
            )
            counts["decoded"] += sum(string is not None for string in batch.strings)
            counts["valid"] += sum(molecule is not None for molecule in molecules)
            fresh: dict[str, int] = {}
            for i, molecule in enumerate(molecules):
                if molecule is not None and molecule.inchikey not in seen:
                    fresh.setdefault(molecule.inchikey, i)
            seen |= fresh.keys()
            passed = refusals.check(constraints, [m for i in fresh.values() if (m := molecules[i]) is not None])
            before, met, unusual = len(rows), np.zeros(n, dtype=np.bool_), list[str | None]()
            for i, fits in zip(fresh.values(), passed, strict=True):
                met[i] = fits
                molecule = molecules[i]
                if molecule is None or not fits:
                    continue
                row = {"smiles": molecule.smiles, "inchikey": molecule.inchikey, "score": scores[i], "sample": done + i}
                row |= {"selfies": batch.strings[i], "strategy": config.strategy, "z": z[i], "molecule": molecule}
                for w in objectives:
                    row[f"{w.summary.name}_{w.basis}"] = batch.values[w.summary.name][i]
                    if w.basis == "predicted" and not w.summary.classes:
                        row[f"{w.summary.name}_predicted_std"] = batch.deviations[w.summary.name][i]
                rows.append(row | {"within_target": bool(within[i])})
                unusual.append(batch.unusual[i])
            done += n
            budget.count(rows[before:], unusual)
            show_rows(best, rows[before:], objectives, budget.is_new)
            budget.extend(done)
            conditions = asked.popleft()
            if budget.is_extended:
                steering.learn(conditions, molecules, z, met)
            stale = stale + 1 if len(seen) == counts["unique"] else 0
            counts["unique"] = len(seen)
            figures = {"valid": counts["valid"] / done, "unique": len(seen) / done}
            if budget.is_counting:
                figures["as asked for"] = budget.found
            progress("generate", done, budget.granted, figures)
            work.look(done, budget.granted)
            if stale >= STALE_BATCHES or work.is_stopped():
                break
    counts["requested"] = done
    if done < budget.granted:
        progress("generate", done, done)
    frame = pd.DataFrame(rows, columns=None if rows else COLUMNS)
    spelled = Share(canonical, decoded)
    if len(constraints):
        counts[MEETS] = refusals.passed
    told = _collect_warnings(counts, spelled, budget, steering, config, work.is_stopped(), kept is not None)
    return SearchResult(frame, counts, spelled, told, refusals, work.is_stopped())


def show_rows(
    best: BestFound,
    rows: Sequence[Mapping[str, Any]],
    objectives: Sequence[ResolvedObjective],
    is_new: Callable[[str, str], bool] = lambda smiles, key: True,
) -> None:
    """Show further molecules of a search to whoever watches it, as far as they may be proposed."""
    values = {w.summary.name: [float(row[f"{w.summary.name}_{w.basis}"]) for row in rows] for w in objectives}
    smiles = [row["smiles"] if is_new(row["smiles"], row["inchikey"]) else None for row in rows]
    best.add(smiles, [0.0 if not objectives else float(row["score"]) for row in rows], values)


def explain_stop(done: int, samples: int) -> str:
    """Say that a person stopped the work."""
    return f"stopped by Ctrl-C after {done:,} of {samples:,} samples: the candidates are the best of what was there"


def _collect_warnings(
    counts: dict[str, int],
    canonical: Share,
    budget: Budget,
    steering: Steering,
    config: GenerateConfig,
    is_stopped: bool,
    is_kept: bool,
) -> list[str]:
    told = []
    samples = budget.granted
    done, unique = counts["requested"], counts["unique"]
    if config.redraws and canonical.count < 0.25 * canonical.of:
        told.append(
            f"only {canonical} of the strings were spelled as the training data would spell their molecules: "
            "the model is young or was trained on little; expect odd structures"
        )
    if done < samples and is_stopped:
        goes_on = "; the same command goes on from these draws" if is_kept and done > KEPT_FROM else ""
        told.append(explain_stop(done, samples) + goes_on)
    elif done < samples:
        told.append(
            f"stopped after {done:,} of {samples:,} samples: the last {STALE_BATCHES} batches brought no molecule that was "
            f"not among the {unique:,} found before; raise the temperature (now {config.temperature:g}) or ask for less"
        )
    if steering.drawn_near:
        told.append(
            f"few of the first molecules met the constraints: {steering.drawn_near:,} of the {done:,} were drawn near molecules that "
            "meet them (training molecules, and those that the constraints name), and resemble these more than others do"
        )
    if done == samples and counts["valid"] and unique < 0.5 * counts["valid"]:
        told.append(
            f"only {unique:,} of {counts['valid']:,} valid samples are distinct: raise the temperature (now "
            f"{config.temperature:g}), or ask for less than there is"
        )
    return told


def check_direct_strategy(model: TrainedModel, objectives: Sequence[ResolvedObjective], strategy: str) -> None:
    """Check that a strategy needs no scores, and that the model was conditioned on what it is to be steered by. Raises UserError."""
    if strategy in STRATEGIES and strategy not in DIRECT:
        raise UserError(
            f"the strategy {strategy} learns from scored molecules: use it with `chem-vae optimize`; generate takes "
            f"{' or '.join(DIRECT)}"
        )
    conditions = model.checkpoint.conditions
    unknown = [w.summary.name for w in objectives if w.summary.name not in conditions]
    if strategy == "conditional" and unknown:
        known = ", ".join(conditions) or "no property"
        raise UserError(
            f"the model was not conditioned on {', '.join(unknown)} (it knows {known}); use --strategy gradient, or train "
            "with it among the conditions"
        )


def _create_optimizer(
    model: TrainedModel,
    objectives: Sequence[ResolvedObjective],
    config: GenerateConfig,
    constraints: Constraints,
    seed: int,
) -> LatentOptimizer:
    """Create the strategy with what it may know of the model and of the objectives."""
    assert config.strategy is not None
    check_direct_strategy(model, objectives, config.strategy)
    checkpoint = model.checkpoint
    problem = Problem(
        checkpoint,
        draw_conditions(objectives, checkpoint, constraints.constraints, model.list_known_values()),
        predict_log_desirability(objectives, model.predictors),
        model.latent["mu"].float(),
    )
    return create(config.strategy, problem, seed)
