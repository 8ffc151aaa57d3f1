"""Turns SELFIES strings into molecules that RDKit accepts; each string becomes one Candidate, with the reason if it fails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rdkit import Chem, rdBase
from rdkit.Chem import Mol

from chem_vae.vocabulary import SelfiesVocabulary, use_bond_constraints
from pipeline.chemistry.molecule import Molecule

Status = Literal["valid", "not decoded", "empty", "not parsed", "not sanitized", "no identity"]
"""The reasons why a string is no molecule:

- not decoded: there is no SELFIES string, or selfies cannot decode it
- empty: it decodes to a molecule without atoms (RDKit calls that one valid; it is not)
- not parsed: the SMILES is not well formed
- not sanitized: RDKit refuses its valences or aromaticity
- no identity: InChI cannot name it, so it cannot be compared with anything
"""


_ROWS_AT_ONCE = 100
"""Strings that go through each step together: one library call many times over is quicker than all of them in turn."""


@dataclass(frozen=True)
class Candidate:
    """A decoded string and the molecule that it stands for, which is there exactly when the status is "valid"."""

    row: int
    molecule: Molecule | None
    status: Status

    @property
    def valid(self) -> bool:
        """Whether it was parsed and sanitized, has at least one atom, and has an InChIKey."""
        return self.molecule is not None

    @property
    def smiles(self) -> str | None:
        """The canonical SMILES; None without a molecule."""
        return self.molecule.smiles if self.molecule is not None else None

    @property
    def inchikey(self) -> str | None:
        """The InChIKey; None without a molecule."""
        return self.molecule.inchikey if self.molecule is not None else None


def validate(selfies: Sequence[str | None], vocabulary: SelfiesVocabulary) -> list[Candidate]:
    """Decode SELFIES strings and check the molecules with RDKit, whose log is silent meanwhile.

    Args:
        selfies: The strings; None where the decoder gave none.
        vocabulary: Its bond constraints are used to decode.

    Returns:
        One candidate for each string, row i for string i. Whatever is wrong with a string is its status: nothing is raised.
    """
    with rdBase.BlockLogs(), use_bond_constraints(vocabulary.constraints):
        found: list[Candidate] = []
        for start in range(0, len(selfies), _ROWS_AT_ONCE):
            block = selfies[start : start + _ROWS_AT_ONCE]
            texts = [_decode(string, vocabulary) for string in block]
            parsed = [_parse(text) for text in texts]
            keys = [_name(mol) for mol, _ in parsed]
            for row, ((mol, status), names) in enumerate(zip(parsed, keys, strict=True), start):
                if mol is None or names is None:
                    found.append(Candidate(row, None, status if mol is None else "not sanitized"))
                elif not names[1]:
                    found.append(Candidate(row, None, "no identity"))
                else:
                    found.append(Candidate(row, Molecule(*names, mol=mol), "valid"))
        return found


def _decode(string: str | None, vocabulary: SelfiesVocabulary) -> str | None:
    """Decode a SELFIES string into SMILES; None where that cannot be done."""
    if not isinstance(string, str):  # None, or the NaN that a data frame makes of it
        return None
    try:
        return vocabulary.to_smiles(string)
    except Exception:  # selfies raises DecoderError, and on odd input a dozen other kinds
        return None


def _parse(smiles: str | None) -> tuple[Mol | None, Status]:
    if smiles is None:
        return None, "not decoded"
    try:
        return sanitize_smiles(smiles)
    except Exception:  # RDKit's C++ exceptions have no common base
        return None, "not sanitized"


def _name(mol: Mol | None) -> tuple[str, str] | None:
    """Return the canonical SMILES and the InChIKey of a molecule; None without one, or where RDKit fails."""
    try:
        return None if mol is None else (Chem.MolToSmiles(mol), Chem.MolToInchiKey(mol))
    except Exception:  # RDKit's C++ exceptions have no common base
        return None


def sanitize_smiles(smiles: str) -> tuple[Mol | None, Status]:
    """Parse and sanitize a SMILES, without asking InChI, which is slow.

    Returns:
        The molecule, whose canonical SMILES reads back as itself, and "valid"; or None and the reason.

    Raises:
        Exception: Whatever RDKit raises.
    """
    if not smiles.strip():
        return None, "empty"
    mol = Chem.MolFromSmiles(smiles)
    if mol is None:
        return None, "not parsed" if Chem.MolFromSmiles(smiles, sanitize=False) is None else "not sanitized"
    if mol.GetNumAtoms() == 0:
        return None, "empty"
    # Once around: what stays of stereo can change on the second reading, and the canonical form must be a fixed point.
    written = Chem.MolToSmiles(mol)
    if written != smiles:
        mol = Chem.MolFromSmiles(written)
    return mol, "not sanitized" if mol is None else "valid"
