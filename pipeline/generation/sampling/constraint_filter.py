"""Holds the molecules of a generation to its constraints, and counts what was refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pipeline.chemistry.molecule import Molecule, parse_mols
from pipeline.generation.config import GenerateConfig
from pipeline.models.trained_model import TrainedModel
from pipeline.objectives.constraints import Constraints
from pipeline.workspace.presentation.formatting import count_of

MEETS = "meets the constraints"
"""The stage of the funnel with the distinct molecules that no constraint refused."""

EXPLAINED = 300  # molecules that are checked against every constraint to explain what they fail


def make_constraints(config: GenerateConfig, model: TrainedModel) -> Constraints:
    """Make the constraints of a generation. Raises UserError where one cannot be read or two contradict each other."""
    return Constraints(config.constraints)


@dataclass
class Refusals:
    """Counts the distinct molecules that were held to the constraints, and those that each constraint refused."""

    examined: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    """By constraint in words, how many molecules failed it first."""

    shown: list[str] = field(default_factory=list)
    """The SMILES of the first molecules, to explain what they fail."""

    @property
    def passed(self) -> int:
        """The number of molecules that met every constraint."""
        return self.examined - self.refused.total()

    def check(self, constraints: Constraints, molecules: Sequence[Molecule]) -> NDArray[np.bool_]:
        """Say for n molecules (n,) whether they meet the constraints, and count them."""
        self.examined += len(molecules)
        self.shown += [molecule.smiles for molecule in molecules[: max(0, EXPLAINED - len(self.shown))]]
        if not len(constraints):
            return np.ones(len(molecules), dtype=np.bool_)
        checked = constraints.check([molecule.mol for molecule in molecules])
        self.refused.update(checked.counts)
        return checked.passed

    def explain(self, constraints: Constraints) -> str:
        """Explain in a sentence which constraints most of the first molecules fail, and which are never met together."""
        return (
            f"{count_of(self.passed, self.examined, 'distinct molecule', 'meets', 'meet')} the constraints. Of the first of them, "
            + (constraints.explain(parse_mols(self.shown)))
        )
