"""What the library keeps of a molecule's structure: keys, scaffold, and fingerprints as bytes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem, DataStructs
from rdkit.Chem import Mol, rdSubstructLibrary

from chem_vae.errors import UserError
from pipeline.chemistry.fingerprints import ECFP4_2048
from pipeline.chemistry.molecule import Molecule, parse_mol

BITS = 2048
WORDS = BITS // 64
Words = NDArray[np.uint64]
"""Fingerprints as 64-bit words."""
_NEEDS_ALL = re.compile(r"[rRxk]\d|[\^@/\\]")
"""What in a SMARTS needs exact rings, hybridization or stereo."""


@dataclass(frozen=True)
class Structure:
    """A molecule as the library keeps it."""

    smiles: str
    inchikey: str
    scaffold: str
    morgan: bytes
    pattern: bytes


def describe_structure(molecule: Molecule, scaffold: str | None = None) -> Structure:
    """Compute what the library keeps of a molecule; a scaffold that is known already is taken."""
    return Structure(
        molecule.smiles,
        molecule.inchikey,
        molecule.scaffold if scaffold is None else scaffold,
        pack(ECFP4_2048.bits(molecule.mol)),
        pack(compute_pattern(molecule.mol)),
    )


def compute_pattern(mol: Mol) -> DataStructs.ExplicitBitVect:
    """Compute RDKit's pattern fingerprint: a molecule holds a substructure only where it has all bits of it."""
    return Chem.PatternFingerprint(mol, fpSize=BITS)


def pack(bits: DataStructs.ExplicitBitVect) -> bytes:
    """Pack the bits of a fingerprint into bytes."""
    return bytes(DataStructs.BitVectToBinaryText(bits))


def to_words(packed: bytes) -> Words:
    """Return packed fingerprints, one after the other, as words (n, WORDS)."""
    return np.frombuffer(packed, dtype="<u8").reshape(-1, WORDS)


class Substructure:
    """A substructure to look for in molecules of the library.

    Args:
        smarts: Its SMARTS.

    Raises:
        UserError: It is no SMARTS.
    """

    def __init__(self, smarts: str) -> None:
        query = Chem.MolFromSmarts(smarts)
        if query is None or not query.GetNumAtoms():
            raise UserError(f"{smarts!r} is no SMARTS of a substructure")
        query.UpdatePropertyCache(strict=False)
        Chem.GetSymmSSSR(query)
        self._query = query
        self._needs_all = _NEEDS_ALL.search(smarts) is not None
        self.pattern = pack(compute_pattern(query))
        """The packed pattern fingerprint that a molecule needs to have the substructure."""

    def find_in(self, smiles: Sequence[str]) -> list[bool]:
        """Tell which of some molecules of the library have the substructure, without regard to stereo; on all cores."""
        if self._needs_all:
            mols = (parse_mol(text) for text in smiles)
            return [mol is not None and bool(mol.HasSubstructMatch(self._query)) for mol in mols]
        # what the library has written needs not be checked again, which takes most of the time
        holder = rdSubstructLibrary.CachedTrustedSmilesMolHolder()
        for text in smiles:
            holder.AddSmiles(text)
        found = rdSubstructLibrary.SubstructLibrary(holder).GetMatches(
            self._query, useChirality=False, numThreads=-1, maxResults=-1
        )
        has = np.zeros(len(smiles), dtype=bool)
        has[list(found)] = True
        return list(has.tolist())
