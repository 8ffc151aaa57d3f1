"""Reads the molecules that a user names in a request (seeds, references) by the same rules as the molecules of a dataset."""

from __future__ import annotations

import warnings
from functools import lru_cache

from chem_vae.errors import ChemVAEWarning, UserError
from pipeline.chemistry.config import ORGANIC_ELEMENTS, StandardizeOptions
from pipeline.chemistry.molecule import Molecule
from pipeline.chemistry.standardization.refusal import Rejection
from pipeline.chemistry.standardization.standardize import Standardizer

_ELEMENTS = (*ORGANIC_ELEMENTS, "Ge", "As", "Sb", "Te")
_LARGEST = 1_000  # heavy atoms


@lru_cache(maxsize=256)  # a reference is read by each part of a run that needs it, but a change is told once
def read_named_molecule(text: str, role: str, options: StandardizeOptions | None = None) -> Molecule:
    """Read a molecule that a user names: its salt is removed, a metal complex is refused, and so on, as in a dataset.

    Args:
        text: A SMILES, which may have a CXSMILES extension or a name after it.
        role: What the molecule is for, as messages call it ("seed").
        options: The options of the dataset; its limits of size and of elements do not hold here.

    Raises:
        UserError: If it is refused, with the reason.

    Warns:
        ChemVAEWarning: If it is changed, with what was done; once in a process.
    """
    found = _get_standardizer(options or StandardizeOptions())(text)
    if isinstance(found, Rejection):
        raise UserError(f"the {role} {text!r} cannot be used: {found.reason}")
    if found.changes:
        warnings.warn(
            f"the {role} {text!r} is used as {found.smiles} ({'; '.join(found.changes)})", ChemVAEWarning, stacklevel=2
        )
    return found


@lru_cache(maxsize=4)
def _get_standardizer(options: StandardizeOptions) -> Standardizer:
    wide = {"inorganic": True, "min_heavy_atoms": 1, "max_heavy_atoms": _LARGEST, "elements": _ELEMENTS}
    return Standardizer(options.model_copy(update=wide))
