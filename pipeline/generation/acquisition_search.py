"""The search for molecules that are worth measuring: an optimization with the acquisition in the oracle's place."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from rdkit import Chem, rdBase
from torch import Tensor

from chem_vae.errors import UserError
from chem_vae.predictors import Prediction
from chem_vae.progress import Progress, silent
from pipeline.chemistry.properties import compute
from pipeline.datasets.dataset import Dataset
from pipeline.generation.acquisition import acquire, best_measured
from pipeline.generation.annotate import identities
from pipeline.generation.config import ACQUISITION, MeasuredConfig
from pipeline.generation.direct import Found
from pipeline.models.measured_predictor import MeasuredPredictor
from pipeline.models.trained_model import TrainedModel, encode_valid
from pipeline.objectives.desirability import ResolvedObjective, score
from pipeline.oracles.function import FunctionOracle

LEAST = 1000
"""Molecules that `generate` has looked at, at least, unless the user says how many: predictions cost nothing but time."""
SEEDS = 100
"""Measured molecules that the search starts from, the best."""
FAR = -20.0
"""The worth of a molecule of which nothing can be predicted."""
OUTSIDE, HARD = 5.0, 2.0
"""What it costs to share nothing with the measured molecules, and a point of synthetic accessibility above the limit."""


class Worth:
    """What molecules are worth measuring, and what is predicted of them."""

    def __init__(
        self,
        model: TrainedModel,
        objectives: Sequence[ResolvedObjective],
        config: MeasuredConfig,
        known: pd.DataFrame | None,
    ) -> None:
        """known: as `search` takes it. Raises UserError where an objective's property has no predictor."""
        self.model, self.objectives, self.config = model, objectives, config
        self.predicted = [w.about.name for w in objectives if w.basis == "predicted"]
        self.computed = [w.about.name for w in objectives if w.basis == "computed"]
        for name in self.predicted:
            if name not in model.measured:
                raise UserError(f"there is no predictor of {name}: too few molecules were measured")
        self.measured: list[MeasuredPredictor] = [model.measured[name] for name in self.predicted]
        self.floors = [p.floor if config.min_similarity is None else config.min_similarity for p in self.measured]
        names = [*self.predicted, *self.computed]
        self.known = pd.DataFrame(columns=["smiles", *names]) if known is None else known[["smiles", *names]]
        values = {name: torch.tensor(self.known[name].to_numpy(dtype=np.float32)) for name in names}
        if not len(self.known):  # the model keeps the values, if not the molecules
            values = {p.name: p.process.y.float() for p in self.measured}
        alone = [w for w in objectives if w.about.name in values]
        self.best = best_measured(alone, values) if len(alone) == len(objectives) else -np.inf

    def seeds(self) -> list[str]:
        """The best measured molecules (canonical SMILES), best first; none without the dataset."""
        if not len(self.known):
            return []
        names = list(self.known.columns[1:])
        values = {name: self.known[name].tolist() for name in names}
        order = np.argsort(-np.nan_to_num(score(self.objectives, values, len(self.known)), nan=-np.inf), kind="stable")
        return [str(s) for s in self.known["smiles"].to_numpy()[order[:SEEDS]]]

    def told(self, smiles: Sequence[str]) -> tuple[dict[str, Tensor], dict[str, Prediction], Tensor, Tensor]:
        """Computed values and predictions (n,) by property, z (n, D), and how far a molecule is in every domain: its
        similarity over the similarity that it takes (n,), 1 or more inside."""
        needs_z = any(p.needs_z for p in self.measured)
        z = torch.full((len(smiles), self.model.checkpoint.model.latent_size), torch.nan)
        if needs_z:
            z = encode_valid(self.model.checkpoint, smiles)
        computed: dict[str, Tensor] = {}
        if self.computed:
            rows = torch.tensor([compute(Chem.MolFromSmiles(s), self.computed) for s in smiles])
            computed = {name: rows[:, i].float() for i, name in enumerate(self.computed)}
        predicted = {p.name: p.predict(smiles, z) for p in self.measured}
        inside = torch.stack(
            [p.similarity(smiles) / max(f, 1e-6) for p, f in zip(self.measured, self.floors, strict=True)]
        )
        return computed, predicted, z, inside.min(dim=0).values

    def __call__(self, smiles: list[str]) -> list[float]:
        """(n,) for the search: the acquisition, less what lies against a molecule."""
        with rdBase.BlockLogs():
            computed, predicted, _, inside = self.told(smiles)
            worth = acquire(self.objectives, computed, predicted, self.config, self.best)
            if not self.config.outside_domain:
                worth = worth - OUTSIDE * torch.relu(1.0 - inside)
            if self.config.sa is not None:
                sa = torch.tensor([compute(Chem.MolFromSmiles(s), ["sa"])[0] for s in smiles])
                worth = worth - HARD * torch.relu(sa - self.config.sa)
        return [float(v) for v in worth.nan_to_num(nan=FAR).clamp_min(FAR)]


def search(
    model: TrainedModel,
    objectives: Sequence[ResolvedObjective],
    *,
    samples: int,
    config: MeasuredConfig,
    known: pd.DataFrame | None = None,
    strategy: str = "adaptive",
    temperature: float = 1.0,
    seed: int = 0,
    progress: Progress = silent,
) -> Found:
    """Look at `samples` molecules, from the best measured ones on, for those that are worth measuring.

    wanted: at least one objective of a measured property. known: the molecules measured so far (`measured_molecules`), which
    the search starts from; without them it starts from the model. Predictions cost nothing, so `samples` is time alone.

    Raises UserError where nothing measured is aimed at, or a property has no predictor.
    """
    # Here: this room's configuration is read where none of the optimization is needed.
    from pipeline.objectives.config import Objective
    from pipeline.optimization.config import OptimizeConfig
    from pipeline.optimization.loop import optimize

    if all(w.basis == "computed" for w in objectives):
        raise UserError(
            f"the strategy {ACQUISITION} chooses what to measure next: aim at a measured property, or use --strategy conditional"
        )
    worth = Worth(model, objectives, config, known)
    seeds = _readable(worth.seeds(), model)
    asked = OptimizeConfig(
        oracle_calls=samples + len(seeds),
        objectives={"worth": Objective(maximize=True)},
        strategy=strategy,
        seeds=tuple(seeds),
        batch_size=max(10, min(100, samples // 10)),
        temperature=temperature,
        seed=seed,
    )
    oracle = FunctionOracle(worth, ("worth",), "acquisition")

    def told(stage: str, done: int, total: int, figures: Mapping[str, float] | None = None) -> None:
        progress("generate" if stage == "optimize" else stage, done, total)

    with tempfile.TemporaryDirectory() as folder:
        result = optimize(model, asked, Path(folder), oracle=oracle, progress=told)
    calls = result.calls[result.calls["origin"] != "seed"]
    asked_first = len(result.calls) - len(calls)
    molecules = _table(worth, calls, ACQUISITION)
    counts = {
        "requested": int(result.counts["proposed"]) - asked_first,
        "valid": int(result.counts["passed"]) - asked_first,
        "unique": len(molecules),
    }
    return Found(molecules, counts)


def _table(worth: Worth, calls: pd.DataFrame, strategy: str) -> pd.DataFrame:
    """The molecules that a search asked about, in its order."""
    smiles = [str(s) for s in calls["smiles"]]
    with rdBase.BlockLogs():
        computed, predicted, z, inside = worth.told(smiles)
        if len(smiles) and torch.isnan(z).all():
            z = encode_valid(worth.model.checkpoint, smiles)
    columns: dict[str, Any] = {
        "smiles": smiles,
        "inchikey": identities(smiles, worth.model),
        "acquisition": acquire(worth.objectives, computed, predicted, worth.config, worth.best).tolist(),
        "sample": np.arange(len(smiles)),
        "strategy": strategy,
        "origin": calls["origin"].tolist(),
        "parent": calls["parent"].tolist(),
        "z": list(z),
    }
    values = {name: v.tolist() for name, v in computed.items()} | {n: p.mean.tolist() for n, p in predicted.items()}
    within = np.ones(len(smiles), dtype=bool)
    for w in worth.objectives:
        columns[f"{w.about.name}_{w.basis}"] = values[w.about.name]
        if w.basis == "predicted":
            columns[f"{w.about.name}_predicted_std"] = predicted[w.about.name].std.tolist()
        within &= w.hits(values[w.about.name])
    columns["score"] = score(worth.objectives, values, len(smiles))
    columns["within_target"] = within
    nearest = torch.stack([p.similarity(smiles) for p in worth.measured]).min(dim=0).values
    columns["similarity_to_measured"] = nearest.tolist()
    columns["in_domain"] = (inside >= 1.0).tolist()
    return pd.DataFrame(columns).drop_duplicates("inchikey").reset_index(drop=True)


def measured_molecules(dataset: Dataset | None, objectives: Sequence[ResolvedObjective]) -> pd.DataFrame | None:
    """smiles and the objectives' values of the dataset's molecules of which all that can only be measured was; None where
    there is no dataset with them."""
    names = [w.about.name for w in objectives]
    if dataset is None or any(name not in dataset.columns for name in names):
        return None
    found = dataset.table(["smiles", *names])
    return found.dropna(subset=[w.about.name for w in objectives if w.basis == "predicted"]).reset_index(drop=True)


def _readable(smiles: Sequence[str], model: TrainedModel) -> list[str]:
    """Those that the model's SELFIES can spell and that read back as molecules, each once."""
    from pipeline.optimization.screen import Screen

    spelled = Screen(model.checkpoint.vocabulary).spellings(smiles)
    back = Screen(model.checkpoint.vocabulary)(spelled)
    found = {m.key: s for s, m in zip(smiles, back, strict=True) if m is not None}
    return list(found.values())
