"""Substructures of molecules, as predictors of measured properties see them."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from rdkit import Chem, rdBase
from rdkit.Chem import rdFingerprintGenerator
from torch import Tensor

FEATURES = 2048
"""Morgan fingerprint, radius 2, with count simulation: the bits also tell how often a substructure is there, which makes
Tanimoto similarity on them close to that on counts."""
DESCRIPTION = f"Morgan, radius 2, {FEATURES} bits, with count simulation"


def features(smiles: Sequence[str | None]) -> Tensor:
    """(n, FEATURES) uint8 zeros and ones, as `pipeline.optimization.screen` has them; a row of zeros for None and for what RDKit does
    not read."""
    rows = np.zeros((len(smiles), FEATURES), dtype=np.uint8)
    with rdBase.BlockLogs():
        for row, text in enumerate(smiles):
            mol = Chem.MolFromSmiles(text) if text else None
            if mol is not None:
                rows[row] = _morgan().GetFingerprintAsNumPy(mol)
    return torch.from_numpy(rows)


@functools.cache
def _morgan() -> Any:
    return rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=FEATURES, countSimulation=True)
