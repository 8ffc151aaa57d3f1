"""The ids that a person can type, and the look-up of a molecule by its id, InChIKey or SMILES."""

from __future__ import annotations

import re

from sqlalchemy import Connection, select

from chem_vae.errors import UserError
from pipeline.chemistry.config import StandardizeOptions
from pipeline.chemistry.standardization.refusal import Rejection
from pipeline.chemistry.standardization.standardize import Standardizer
from pipeline.library.schema import MoleculeRecord

PREFIX = "CV-"
_ID = re.compile(r"CV-?0*(\d{1,18})", re.IGNORECASE)
_INCHIKEY = re.compile(r"[A-Z]{14}-[A-Z]{10}-[A-Z]|NOINCHI-[0-9A-F]{19}")


def format_id(number: int) -> str:
    """Write the id of a molecule.

    >>> format_id(123)
    'CV-000123'
    """
    return f"{PREFIX}{number:06d}"


def parse_id(text: str) -> int | None:
    """Read the id of a molecule, with or without its zeros; None where a text is none."""
    found = _ID.fullmatch(text.strip())
    return None if found is None else int(found[1])


def is_inchikey(text: str) -> bool:
    """Tell whether a text has the form of an InChIKey."""
    return _INCHIKEY.fullmatch(text.strip()) is not None


def standardize_key(smiles: str, standardizer: Standardizer | None = None) -> str | Rejection:
    """Return the InChIKey of a SMILES in the standard form, or why it has none."""
    found = (standardizer or Standardizer(StandardizeOptions()))(smiles)
    return found if isinstance(found, Rejection) else found.inchikey


def find_molecule(connection: Connection, text: str) -> int:
    """Find the number of a molecule by its id, InChIKey or SMILES.

    Raises:
        UserError: It is not in the library; the message says which ones differ from it only in stereo, isotopes or protonation.
    """
    number = parse_id(text)
    if number is not None:
        found = connection.execute(select(MoleculeRecord.id).where(MoleculeRecord.id == number)).scalar_one_or_none()
        if found is None:
            raise UserError(f"there is no molecule {format_id(number)} in the library")
        return number
    key = text.strip()
    if not is_inchikey(key):
        standard = standardize_key(key)
        if isinstance(standard, Rejection):
            raise UserError(
                f"{text!r} is no id (CV-000123), no InChIKey and no SMILES that can be read: {standard.reason}"
            )
        key = standard
    found = connection.execute(select(MoleculeRecord.id).where(MoleculeRecord.inchikey == key)).scalar_one_or_none()
    if found is not None:
        return int(found)
    near = (
        select(MoleculeRecord.id)
        .where(MoleculeRecord.stereo_blind_key == key[:14])
        .order_by(MoleculeRecord.id)
        .limit(5)
    )
    others = ", ".join(map(format_id, connection.execute(near).scalars()))
    hint = f"; {others} differs from it only in stereo, isotopes or protonation" if others else ""
    raise UserError(f"{text} is not in the library{hint}")
