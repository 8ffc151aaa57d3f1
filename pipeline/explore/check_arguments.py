"""Refuses what cannot be looked at before any work: numbers out of range, and what is no list of SMILES."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from chem_vae.config import MOST_SEED
from chem_vae.errors import UserError
from pipeline.chemistry.standardization.smiles_text import list_smiles


def check_count(name: str, value: int | None, least: int = 1) -> None:
    """Refuse a count that is too low; None, where nothing is said, is taken.

    Raises:
        UserError: It is below the least.
    """
    if value is not None and value < least:
        raise UserError(f"{name} is {value:,}: it must be {least} or more")


def check_seed(seed: int) -> None:
    """Refuse a seed that some generator of random numbers does not take.

    Raises:
        UserError: It is negative or too high.
    """
    if not 0 <= seed <= MOST_SEED:
        raise UserError(f"seed is {seed}: it must be from 0 to {MOST_SEED}")


def list_given(smiles: Any) -> list[str]:
    """List the molecules that are given, one SMILES or several; a cell that is no text keeps its place.

    Raises:
        UserError: It is neither a text nor a list, such as one molecule of RDKit.
    """
    if not isinstance(smiles, Iterable):
        raise UserError(
            f"give one SMILES, or a list of them, not a value of type {type(smiles).__name__}; "
            "Chem.MolToSmiles writes a molecule of RDKit as SMILES"
        )
    return list_smiles(smiles)
