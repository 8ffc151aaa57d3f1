"""Holds the proposals for a measured property to the kind of the measured molecules: their weights and their share of alerts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.chemistry.filters.structural_alerts import find_structural_alerts
from pipeline.chemistry.molecule import parse_mols
from pipeline.chemistry.properties import compute
from pipeline.generation.config import GenerateConfig
from pipeline.models.trained_model import TrainedModel
from pipeline.models.training_set.kept_molecules import read_kept_smiles
from pipeline.objectives.config import MEASURED_SIZE, Constraint
from pipeline.objectives.desirability import ResolvedObjective

SIZES = ("mw", "heavy_atoms")
LOOKED_AT = 2000
"""The most molecules whose weights are measured."""
CHECKED = 500
"""The most molecules that alerts are looked for in; it takes a millisecond for each."""


@dataclass(frozen=True)
class MeasuredKind:
    """The limits that keep proposals like the measured molecules, as a predictor knows nothing of others."""

    heaviest: int | None = None
    """The most that a candidate weighs, in g/mol; None for no limit."""
    source: str = "measured molecules"
    """The molecules that the limits are those of, in words."""
    alerts: float | None = None
    """The largest share of the batch that may have structural alerts; None for any."""

    @classmethod
    def measure(
        cls,
        model: TrainedModel,
        objectives: Sequence[ResolvedObjective],
        config: GenerateConfig,
        known: pd.DataFrame | None,
    ) -> MeasuredKind:
        """Measure the limits of the measured molecules, as far as the settings ask for them.

        Args:
            model: The trained model; the molecules kept with it stand for the measured ones where the dataset is not at hand.
            objectives: The objectives.
            config: The settings of the generation.
            known: The measured molecules, with the column `smiles`; None without the dataset.
        """
        source, smiles = cls.source, [] if known is None else [str(s) for s in known["smiles"]]
        if not smiles:
            source, smiles = "training molecules kept with the model", read_kept_smiles(model)
        some = [smiles[i] for i in np.random.default_rng(0).permutation(len(smiles))[:LOOKED_AT]]
        mols = [mol for mol in parse_mols(some) if mol is not None]
        if not mols:
            return cls()
        settings, heaviest, alerts = config.measured, None, None
        named = {w.summary.name for w in objectives} | {c.property for c in config.constraints}
        if settings.heaviest is not None and not named.intersection(SIZES):
            weights = [compute(mol, ["mw"])[0] for mol in mols]
            heaviest = math.floor(float(np.quantile(weights, settings.heaviest)))
        if settings.limit_alerts and config.allow_alerts:
            found = find_structural_alerts(some[:CHECKED])
            alerts = sum(map(bool, found)) / len(found)
        return cls(heaviest, source, alerts)

    def list_constraints(self) -> tuple[Constraint, ...]:
        """List the constraints that every candidate has to meet."""
        if self.heaviest is None:
            return ()
        return (
            Constraint(property="mw", at_most=self.heaviest, name=f"{MEASURED_SIZE}: mw at most {self.heaviest:,}"),
        )

    def explain(self, config: GenerateConfig) -> list[str]:
        """Say in sentences what candidates are held to, and how to change it."""
        if self.heaviest is None:
            return []
        return [
            f"candidates weigh {self.heaviest:,} g/mol at most, as {config.measured.heaviest:.0%} of the {self.source} do, since "
            f"of larger ones little is known: --within mw=:{self.heaviest + 100} sets another limit"
        ]
