"""From SELFIES strings to molecules that RDKit accepts: each row becomes one Candidate, with the reason if it fails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rdkit import Chem, rdBase
from rdkit.Chem import Mol

from chem_vae.vocabulary import SelfiesVocabulary, bond_constraints

Status = Literal["valid", "not decoded", "empty", "not parsed", "not sanitized", "no identity"]
"""Why a row is no molecule:

- not decoded: there is no SELFIES string, or selfies cannot decode it
- empty: it decodes to a molecule without atoms (RDKit calls that one valid; it is not)
- not parsed: the SMILES is not well formed
- not sanitized: RDKit refuses its valences or aromaticity
- no identity: InChI cannot name it, so it cannot be compared with anything
"""


@dataclass(frozen=True)
class Candidate:
    """What became of one decoded string. `smiles` (canonical) and `inchikey` are set exactly when status is "valid"."""

    row: int
    smiles: str | None
    inchikey: str | None
    status: Status

    @property
    def valid(self) -> bool:
        """Parsed, sanitized, with at least one atom, and with an InChIKey."""
        return self.status == "valid"


def validate(selfies: Sequence[str | None], vocabulary: SelfiesVocabulary) -> list[Candidate]:
    """One Candidate for each string, row i staying row i, under the vocabulary's bond constraints.

    Never raises for a single item: whatever is wrong with it is its status. RDKit's log is silent meanwhile.
    """
    with rdBase.BlockLogs(), bond_constraints(vocabulary.constraints):
        return [_validate_one(row, string, vocabulary) for row, string in enumerate(selfies)]


def _validate_one(row: int, string: str | None, vocabulary: SelfiesVocabulary) -> Candidate:
    if not isinstance(string, str):  # None, or the NaN that a data frame makes of it
        return Candidate(row, None, None, "not decoded")
    try:
        smiles = vocabulary.to_smiles(string)
    except Exception:  # selfies raises DecoderError, and on odd input a dozen other kinds
        return Candidate(row, None, None, "not decoded")
    try:
        canonical, inchikey, status = _canonical(smiles)
    except Exception:  # RDKit's C++ exceptions have no common base
        return Candidate(row, None, None, "not sanitized")
    return Candidate(row, canonical, inchikey, status)


def sanitized(smiles: str) -> tuple[Mol | None, Status]:
    """The molecule that a SMILES stands for, or None and why there is none. InChI is not asked: that is slow.

    Its canonical SMILES is a fixed point. May raise whatever RDKit does.
    """
    if not smiles.strip():
        return None, "empty"
    mol = Chem.MolFromSmiles(smiles)
    if mol is None:
        return None, "not parsed" if Chem.MolFromSmiles(smiles, sanitize=False) is None else "not sanitized"
    if mol.GetNumAtoms() == 0:
        return None, "empty"
    # Once around: what stays of stereo can change on the second reading, and the canonical form must be a fixed point.
    mol = Chem.MolFromSmiles(Chem.MolToSmiles(mol))
    return mol, "not sanitized" if mol is None else "valid"


def _canonical(smiles: str) -> tuple[str | None, str | None, Status]:
    mol, status = sanitized(smiles)
    if mol is None:
        return None, None, status
    inchikey = Chem.MolToInchiKey(mol)
    if not inchikey:
        return None, None, "no identity"
    return Chem.MolToSmiles(mol), inchikey, "valid"
