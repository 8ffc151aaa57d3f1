"""A few descriptors of the whole molecule, which predictors of measured properties see beside its substructures."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from rdkit.Chem import Mol, rdMolDescriptors

DESCRIPTORS: dict[str, tuple[Callable[[Mol], float], float]] = {
    "logp": (lambda mol: rdMolDescriptors.CalcCrippenDescriptors(mol)[0], 1.5),
    "mw": (rdMolDescriptors._CalcMolWt, 90.0),
    "tpsa": (rdMolDescriptors.CalcTPSA, 30.0),
    "aromatic_rings": (rdMolDescriptors.CalcNumAromaticRings, 1.0),
    "rotatable_bonds": (rdMolDescriptors.CalcNumRotatableBonds, 3.0),
    "hbd": (rdMolDescriptors.CalcNumHBD, 1.0),
}
"""The function of each descriptor and its usual standard deviation among druglike molecules, which is the unit that predictors see.
The files of models keep the names that they were fitted to, so that a name never changes its meaning."""


def compute_descriptors(mol: Mol) -> NDArray[np.float32]:
    """Compute all `DESCRIPTORS` of one sanitized molecule, in order and in their usual deviations; all NaN where one fails."""
    try:
        found = [float(function(mol)) / usual for function, usual in DESCRIPTORS.values()]
    except Exception:  # RDKit raises many kinds; such a molecule is like no other
        found = [math.nan] * len(DESCRIPTORS)
    return np.array(found, dtype=np.float32)
