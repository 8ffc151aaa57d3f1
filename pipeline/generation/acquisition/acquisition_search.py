"""Searches for molecules that are worth measuring: an optimization with the acquisition in the place of an oracle."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from chem_vae.errors import UserError
from chem_vae.predictors import Prediction
from chem_vae.progress import Progress, silent
from chem_vae.threads import use_one_thread
from pipeline.chemistry.filters.structure_filters import read_allowed
from pipeline.chemistry.molecule import Molecule, parse_mols
from pipeline.chemistry.properties import compute
from pipeline.datasets.dataset import Dataset
from pipeline.generation.acquisition.functions import acquire, compute_best_measured
from pipeline.generation.config import ACQUISITION, MeasuredConfig
from pipeline.generation.sampling.constraint_filter import MEETS, Refusals
from pipeline.generation.sampling.direct import LESS, LOOKED_AT, SearchResult, explain_stop
from pipeline.models.spelling import encode_valid
from pipeline.models.trained_model import TrainedModel
from pipeline.objectives.config import Objective
from pipeline.objectives.constraints import Constraints, explain_allowing
from pipeline.objectives.desirability import ResolvedObjective, score
from pipeline.optimization.config import OptimizeConfig
from pipeline.optimization.loop import optimize
from pipeline.optimization.screen import Screen
from pipeline.oracles.function import FunctionOracle
from pipeline.workspace.progress.found_molecules import BestFound
from pipeline.workspace.work.long_work import watch_long_work

WEIGH, WEIGH_STEPS = "weigh what was found", 4
"""The stage between the search and the notes on its molecules: they are encoded, compared with the training data, copies are left out,
and the batch is chosen."""
LEAST = 5000
"""The least number of molecules that `generate` looks at, unless the user says how many."""
SEEDS = 100
"""The number of best measured molecules that the search starts from."""
MOST_SCORED = 1000
"""The most measured molecules whose synthetic accessibility is computed."""
FAR = -20.0
"""The score of a molecule of which nothing can be predicted."""
LEAST_HARD = 4.5
"""The synthetic accessibility above which a molecule ranks lower, unless the measured molecules have more."""
OUTSIDE, EDGE, HARD = 5.0, 1.0, 2.0
"""The penalty of sharing nothing with the measured molecules, of being outside of the domain at all, without which a search spends most
of its molecules just beyond the edge, and of one point of synthetic accessibility above the limit."""


def list_predicted(model: TrainedModel, objectives: Sequence[ResolvedObjective]) -> list[str]:
    """List the properties that are predicted. Raises UserError for one without predictor."""
    predicted = [w.summary.name for w in objectives if w.basis == "predicted"]
    for name in predicted:
        if name not in model.measured:
            raise UserError(f"there is no predictor of {name}: too few molecules were measured")
    return predicted


def require_measured(objectives: Sequence[ResolvedObjective]) -> None:
    """Raise UserError where no objective is of a measured property: there is nothing to choose for a measurement by."""
    if all(w.basis == "computed" for w in objectives):
        raise UserError(
            f"the strategy {ACQUISITION} chooses what to measure next: aim at a measured property, or use --strategy conditional"
        )


class AcquisitionScore:
    """Scores molecules by what measuring them is worth: an oracle for the search, which costs nothing but time."""

    def __init__(
        self,
        model: TrainedModel,
        objectives: Sequence[ResolvedObjective],
        config: MeasuredConfig,
        known: pd.DataFrame | None,
    ) -> None:
        """Look up the predictors and the best of the `known` molecules. Raises UserError for a property without predictor."""
        self.model, self.objectives, self.config = model, objectives, config
        predicted = list_predicted(model, objectives)
        self.computed = [w.summary.name for w in objectives if w.basis == "computed"]
        self.predictors = [model.measured[name] for name in predicted]
        self.floors = [p.floor if config.min_similarity is None else config.min_similarity for p in self.predictors]
        self.spreads = [p.most_spread if config.most_spread is None else config.most_spread for p in self.predictors]
        names = [*predicted, *self.computed]
        self.known = pd.DataFrame(columns=["smiles", *names]) if known is None else known[["smiles", *names]]
        self.measured = frozenset(self.known["smiles"])
        self.best_found = BestFound()
        values = {name: torch.tensor(self.known[name].to_numpy(dtype=np.float32)) for name in names}
        if not len(
            self.known
        ):  # the model keeps the values, if not the molecules: those of two properties are not of the same
            values = {p.name: p.process.y.float() for p in self.predictors} if len(self.predictors) == 1 else {}
        self.hardest = find_hardest(self.known["smiles"].tolist()) if config.sa is None else config.sa
        complete = all(w.summary.name in values for w in objectives)
        self.best = compute_best_measured(objectives, values) if complete else -np.inf

    def explain_hardest(self) -> list[str]:
        """Say in a sentence from where on hard synthesis counts, where the measured molecules moved the usual limit; else nothing."""
        if self.config.sa is not None or self.hardest <= LEAST_HARD:
            return []
        return [
            f"molecules with an SA score (1 easy to make, 10 hard) above {self.hardest:.1f} rank lower, as 95 % of the measured ones do not "
            f"exceed it: --set generate.measured.sa={LEAST_HARD} sets the usual limit"
        ]

    def select_seeds(self, constraints: Constraints) -> tuple[list[str], Counter[str]]:
        """Select the best measured molecules that meet the constraints as canonical SMILES; none without the dataset.

        Returns:
            The molecules, and what is unusual in those that were passed over for it, by name.
        """
        if not len(self.known):
            return [], Counter()
        values = {str(name): self.known[name].tolist() for name in self.known.columns[1:]}
        scores = score(self.objectives, values, len(self.known))
        order = np.argsort(-np.nan_to_num(scores, nan=-np.inf), kind="stable")
        ordered = [str(s) for s in self.known["smiles"].to_numpy()[order]]
        if not len(constraints):
            return ordered[:SEEDS], Counter()
        found: list[str] = []
        unusual: Counter[str] = Counter()
        for first in range(0, len(ordered), SEEDS):
            some = ordered[first : first + SEEDS]
            checked = constraints.check(parse_mols(some))
            found += [text for text, fits in zip(some, checked.passed, strict=True) if fits]
            unusual.update(checked.unusual)
            if len(found) >= SEEDS:
                break
        return found[:SEEDS], unusual

    def predict(self, molecules: Sequence[Molecule]) -> tuple[dict[str, Tensor], dict[str, Prediction], Tensor, Tensor]:
        """Compute and predict what the objectives ask for.

        Returns computed values and predictions (n,) by property; latent points z (n, D); and how far each molecule is inside
        every domain (n,), 1 or more inside: its similarity to the measured molecules over the similarity that is needed, or the
        highest spread of a prediction that counts over its own, whichever is less.
        """
        z = torch.full((len(molecules), self.model.checkpoint.model.latent_size), torch.nan)
        if any(p.needs_z for p in self.predictors):
            z = encode_valid(self.model.checkpoint, molecules)
        computed: dict[str, Tensor] = {}
        if self.computed:
            rows = torch.tensor([compute(m.mol, self.computed) for m in molecules])
            computed = {name: rows[:, i].float() for i, name in enumerate(self.computed)}
        predicted = {p.name: p.predict(molecules, z) for p in self.predictors}
        shares = [p.similarity(molecules) / max(f, 1e-6) for p, f in zip(self.predictors, self.floors, strict=True)]
        for p, most in zip(self.predictors, self.spreads, strict=True):
            if most is not None:
                shares.append(most / p.predict_function(molecules, z).std.clamp_min(1e-12))
        return computed, predicted, z, torch.stack(shares).min(dim=0).values

    def __call__(self, smiles: list[str]) -> list[float]:
        """Score n canonical SMILES (`score`)."""
        molecules = [Molecule(text) for text in smiles]
        computed, predicted, _, inside = self.predict(molecules)
        scores = [float(v) for v in self.score(molecules, computed, predicted, inside)]
        values = {name: v.tolist() for name, v in computed.items()} | {n: p.mean.tolist() for n, p in predicted.items()}
        self.best_found.add([None if text in self.measured else text for text in smiles], scores, values)
        return scores

    def score(
        self,
        molecules: Sequence[Molecule],
        computed: Mapping[str, Tensor],
        predicted: Mapping[str, Prediction],
        inside: Tensor,
    ) -> Tensor:
        """Score n molecules (n,): the acquisition, less a penalty outside of the domain and for hard synthesis.

        The other arguments are what `predict` returns of them.
        """
        worth = acquire(self.objectives, computed, predicted, self.config, self.best)
        if not self.config.outside_domain:
            worth = worth - OUTSIDE * torch.relu(1.0 - inside) - EDGE * (inside < 1.0).float()
        sa = torch.tensor([compute(m.mol, ["sa"])[0] for m in molecules])
        worth = worth - HARD * torch.relu(sa - self.hardest)
        return worth.nan_to_num(nan=FAR).clamp_min(FAR)


@use_one_thread()
def search(
    model: TrainedModel,
    objectives: Sequence[ResolvedObjective],
    *,
    samples: int,
    config: MeasuredConfig,
    known: pd.DataFrame | None = None,
    strategy: str = "genetic",
    temperature: float = 1.0,
    seed: int = 0,
    progress: Progress = silent,
    constraints: Constraints | None = None,
    usual: Collection[str] = (),
    allow_unusual: Sequence[str] = (),
) -> SearchResult:
    """Search for molecules that are worth measuring, from the best measured ones on.

    The constraints hold from the start: for the measured molecules that the search starts from, and for every molecule that
    it looks at afterwards. So does the rule that nothing in a molecule is unusual.

    Args:
        model: The trained model.
        objectives: At least one objective of a measured property.
        samples: The number of molecules to look at. Predictions cost nothing, so this is time alone.
        config: The settings of the acquisition.
        known: The molecules measured so far (`list_measured_molecules`), where the search starts; the model when None.
        strategy: The strategy of the search; one that learns from scores would learn what costs nothing to ask.
        temperature: The temperature of the decoder's symbols.
        seed: The seed of the random numbers.
        progress: Told the stage "generate", and the first step of the stage WEIGH.
        constraints: What every molecule has to meet; nothing when None.
        usual: What is usual for the model or the user (`pipeline.models.training_set.usual_structures`).
        allow_unusual: Names of what is unusual and may be proposed all the same; "all" for everything.

    Raises:
        UserError: No molecule meets the constraints, no objective is of a measured property, or a property has no predictor.
    """
    require_measured(objectives)
    worth = AcquisitionScore(model, objectives, config, known)
    constraints = constraints or Constraints(())
    held = Constraints(constraints.constraints, {*usual, *read_allowed(allow_unusual)})
    best, unusual = worth.select_seeds(held)
    seeds, told = _keep_readable(best, model), worth.explain_hardest()
    if unusual:
        told.append(
            f"some of the best measured molecules are unusual, and the search does not start from them: {explain_allowing(unusual)}"
        )
    if not seeds and len(worth.known) and len(constraints):
        told.append(
            f"none of the {len(worth.known):,} measured molecules meets the constraints, so that the search starts from molecules "
            "of the model: expect fewer candidates near the measured molecules"
        )
    asked = OptimizeConfig(
        oracle_calls=samples + len(seeds),
        objectives={"worth": Objective(maximize=True)},
        constraints=constraints.constraints,
        allow_unusual=tuple(allow_unusual),
        usual_size=False,  # a prediction does not rise with the size: it counts near the measured molecules alone
        strategy=strategy,
        seeds=tuple(seeds),
        batch_size=max(10, min(100, samples // 10)),
        temperature=temperature,
        seed=seed,
    )
    oracle = FunctionOracle(worth, ("worth",), "acquisition")

    def tell(stage: str, done: int, total: int, figures: Mapping[str, float] | None = None) -> None:
        progress("generate" if stage == "optimize" else stage, done, total)

    with tempfile.TemporaryDirectory() as folder, watch_long_work(LOOKED_AT, LESS) as work:
        result = optimize(
            model, asked, Path(folder), oracle=oracle, progress=tell, work=work, shows_best=False, usual=usual
        )
        stopped = work.is_stopped()
    calls = result.calls[result.calls["origin"] != "seed"]
    asked_first = len(result.calls) - len(calls)
    if stopped and calls.empty:
        raise KeyboardInterrupt  # there is nothing to show yet
    if stopped:
        told.append(explain_stop(len(calls), samples))
    progress(WEIGH, 0, WEIGH_STEPS)
    molecules = build_table(worth, calls)
    progress(WEIGH, 1, WEIGH_STEPS)
    counts = {
        "requested": int(result.counts["proposed"]) - asked_first,
        "valid": int(result.counts["passed"]) - asked_first,
        "unique": len(molecules),
    }
    refusals = Refusals(int(result.counts["drafts"]), Counter(result.broken))
    if len(constraints):
        counts["valid"] = int(result.counts["valid"]) - asked_first
        counts[MEETS] = counts["unique"]
    return SearchResult(molecules, counts, warnings=told, refusals=refusals)


def build_table(worth: AcquisitionScore, calls: pd.DataFrame) -> pd.DataFrame:
    """Build the table of the molecules that a search asked about, or of given ones, in their order (smiles, origin and parent)."""
    molecules = calls["molecule"].tolist() if "molecule" in calls else [Molecule(str(text)) for text in calls["smiles"]]
    computed, predicted, z, inside = worth.predict(molecules)
    if molecules and torch.isnan(z).all():
        z = encode_valid(worth.model.checkpoint, molecules)
    columns: dict[str, Any] = {
        "smiles": [m.smiles for m in molecules],
        "inchikey": [worth.model.standardize(m).inchikey for m in molecules],
        "acquisition": acquire(worth.objectives, computed, predicted, worth.config, worth.best).tolist(),
        "sample": np.arange(len(molecules)),
        "strategy": ACQUISITION,
        "origin": calls["origin"].tolist(),
        "parent": calls["parent"].tolist(),
        "z": list(z),
        "molecule": molecules,
    }
    values = {name: v.tolist() for name, v in computed.items()} | {n: p.mean.tolist() for n, p in predicted.items()}
    within = np.ones(len(molecules), dtype=bool)
    for w in worth.objectives:
        columns[f"{w.summary.name}_{w.basis}"] = values[w.summary.name]
        if w.basis == "predicted" and not w.summary.classes:
            columns[f"{w.summary.name}_predicted_std"] = predicted[w.summary.name].std.tolist()
        within &= w.find_hits(values[w.summary.name])
    columns["score"] = score(worth.objectives, values, len(molecules))
    columns["within_target"] = within
    nearest = torch.stack([p.similarity(molecules) for p in worth.predictors]).min(dim=0).values
    columns["similarity_to_measured"] = nearest.tolist()
    columns["in_domain"] = (inside >= 1.0).tolist()
    return pd.DataFrame(columns).drop_duplicates("inchikey").reset_index(drop=True)


def find_hardest(smiles: Sequence[str]) -> float:
    """Find the synthetic accessibility above which molecules rank lower: LEAST_HARD, or what 95 % of the measured ones do not exceed.

    Natural products and bridged amines score above the usual limit, and were made all the same: held to it, a search leaves the kind that
    was measured.
    """
    some = [smiles[i] for i in np.random.default_rng(0).permutation(len(smiles))[:MOST_SCORED]]
    scores = [compute(mol, ["sa"])[0] for mol in parse_mols(some) if mol is not None]
    return max(LEAST_HARD, float(np.quantile(scores, 0.95))) if scores else LEAST_HARD


def list_measured_molecules(dataset: Dataset | None, objectives: Sequence[ResolvedObjective]) -> pd.DataFrame | None:
    """List the dataset's molecules with measured values of all objectives that can only be measured.

    The columns are smiles and the objectives' names. Returns None where there is no dataset with these columns.
    """
    names = [w.summary.name for w in objectives]
    if dataset is None or any(name not in dataset.columns for name in names):
        return None
    found = dataset.table(["smiles", *names])
    return found.dropna(subset=[w.summary.name for w in objectives if w.basis == "predicted"]).reset_index(drop=True)


def _keep_readable(smiles: Sequence[str], model: TrainedModel) -> list[str]:
    """Keep those that the model's SELFIES can spell and that read back as molecules, each once."""
    screen = Screen(model.checkpoint.vocabulary)
    back = screen(screen.spell(smiles))
    return list({m.key: s for s, m in zip(smiles, back, strict=True) if m is not None}.values())
