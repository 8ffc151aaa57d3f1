"""Measures how large the training molecules of a model are, to tell what is unusually small or large for it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from rdkit.Chem import Mol

from pipeline.chemistry.molecule import read_canonical
from pipeline.chemistry.properties import compute
from pipeline.models.trained_model import TrainedModel
from pipeline.models.training_set.kept_molecules import read_kept_smiles

MEASURED = 2000  # training molecules that are looked at
LEVELS = (0.01, 0.99)


@dataclass(frozen=True)
class Sizes:
    """The sizes that 98 % of the training molecules have, both ends included."""

    mw: tuple[int, int]
    """g/mol, rounded outwards."""
    heavy_atoms: tuple[int, int]

    @classmethod
    def measure(cls, model: TrainedModel) -> Sizes | None:
        """Measure training molecules that are kept with the model, or of its latent points; None where there are none."""
        smiles = read_kept_smiles(model)[:MEASURED] or model.decode(
            model.latent["mu"][:MEASURED].float(), temperature=0
        )
        mols = [mol for text in smiles if text and (mol := read_canonical(text)) is not None]
        if not mols:
            return None
        (low, high), (few, many) = (np.quantile(values, LEVELS) for values in _measure(mols))
        return cls((math.floor(low), math.ceil(high)), (math.floor(few), math.ceil(many)))

    def widen(self, mols: Sequence[Mol]) -> Sizes:
        """Return the sizes widened by other molecules."""
        if not mols:
            return self
        weights, atoms = _measure(mols)
        return replace(
            self,
            mw=(min(self.mw[0], math.floor(min(weights))), max(self.mw[1], math.ceil(max(weights)))),
            heavy_atoms=(min(self.heavy_atoms[0], *atoms), max(self.heavy_atoms[1], *atoms)),
        )


def _measure(mols: Sequence[Mol]) -> tuple[list[float], list[int]]:
    return [compute(mol, ["mw"])[0] for mol in mols], [mol.GetNumHeavyAtoms() for mol in mols]
