"""Molecule: the one class that stands for a molecule from the input file to the report."""

from __future__ import annotations

import re
import weakref
from collections import deque
from collections.abc import Iterable
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem, rdBase
from rdkit.Chem import Mol
from rdkit.Chem.Scaffolds import MurckoScaffold

from chem_vae.errors import DataError
from pipeline.chemistry.descriptors import compute_descriptors
from pipeline.chemistry.fingerprints import ECFP4_2048, SIMULATED_COUNTS, Bits

_MARKS = re.compile(r"[@/\\\\]|\[\d")
"""Finds the marks of stereo and of isotopes in a SMILES."""
MOST_PARSED = 2_000
"""The molecules of a process that hold their RDKit molecule, some 40 kB each: an older one is parsed again where it is asked for."""


class Molecule:
    """A molecule in its canonical form, parsed when its structure is first asked for.

    Two molecules are equal when their canonical SMILES are. All that is derived from the RDKit molecule is kept once it was computed;
    the RDKit molecule itself until MOST_PARSED others were parsed, so that long tables take little memory. Pickling drops all this, so
    that only the SMILES crosses a process. Nobody may change `mol`: copy it first.

    Args:
        smiles: The canonical SMILES, as `standardize` and `validate` give it. It is not checked here; `Molecule.parse`
            takes any SMILES.
        inchikey: Its InChIKey, where it is known already; computing one takes longer than parsing.
        changes: What standardization did to the input ("salt removed", "uncharged", ...).
        mol: The sanitized RDKit molecule, where there is one already.
    """

    def __init__(
        self, smiles: str, inchikey: str | None = None, changes: tuple[str, ...] = (), *, mol: Mol | None = None
    ) -> None:
        self.smiles, self.changes = smiles, changes
        if inchikey is not None:
            self.__dict__["inchikey"] = inchikey
        if mol is not None:
            self._keep(mol)

    @classmethod
    def parse(cls, text: str | None) -> Molecule | None:
        """Read any SMILES and write it canonically, without standardizing it; None where RDKit finds no molecule in it."""
        mol = parse_mol(text)
        return None if mol is None else cls(Chem.MolToSmiles(mol), mol=mol)

    @property
    def mol(self) -> Mol:
        """The sanitized RDKit molecule.

        Raises:
            DataError: If RDKit cannot read the SMILES.
        """
        mol: Mol | None = self.__dict__.get("_mol")
        if mol is None:
            mol = parse_mol(self.smiles)
            if mol is None:
                raise DataError(f"RDKit cannot read {self.smiles!r}")
            self._keep(mol)
        return mol

    @property
    def is_parsed(self) -> bool:
        """Whether it holds its RDKit molecule."""
        return "_mol" in self.__dict__

    def _keep(self, mol: Mol) -> None:
        """Hold the RDKit molecule, and let go of that of the molecule which was parsed longest ago."""
        self.__dict__["_mol"] = mol
        _parsed.append(weakref.ref(self))
        if len(_parsed) > MOST_PARSED and (oldest := _parsed.popleft()()) is not None:
            oldest.__dict__.pop("_mol", None)

    @cached_property
    def inchikey(self) -> str:
        """The InChIKey, by which molecules are compared; "" where InChI cannot name the molecule."""
        with rdBase.BlockLogs():
            return str(Chem.MolToInchiKey(self.mol))

    @property
    def stereo_blind_key(self) -> str:
        """The first block of the InChIKey: the skeleton without stereo, isotopes and protonation."""
        return skeleton_key(self.inchikey)

    @cached_property
    def fingerprint(self) -> Bits:
        """The fingerprint `ECFP4_2048` as an RDKit bit vector."""
        return ECFP4_2048.bits(self.mol)

    @cached_property
    def substructures(self) -> NDArray[np.uint8]:
        """The fingerprint `SIMULATED_COUNTS` in packed bits."""
        return np.packbits(SIMULATED_COUNTS.array(self.mol))

    @cached_property
    def descriptors(self) -> NDArray[np.float32]:
        """The descriptors of `pipeline.chemistry.descriptors`, in order."""
        return compute_descriptors(self.mol)

    @cached_property
    def scaffold(self) -> str:
        """The Bemis-Murcko scaffold as canonical SMILES without stereo; "" for a molecule without a ring."""
        return write_scaffold(self.mol)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Molecule) and self.smiles == other.smiles

    def __hash__(self) -> int:
        return hash(self.smiles)

    def __repr__(self) -> str:
        return f"Molecule({self.smiles!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return Molecule, (self.smiles, self.__dict__.get("inchikey"), self.changes)


_parsed: deque[weakref.ref[Molecule]] = deque()
"""The molecules that were parsed last, the oldest first."""
Structure = str | Molecule
"""A molecule as functions of this room take it: parsed already, or as SMILES that they parse."""


def parse_mol(structure: Structure | None) -> Mol | None:
    """Return the sanitized RDKit molecule of a structure; None for None and where RDKit finds no molecule in it."""
    if isinstance(structure, Molecule):
        return structure.mol
    if not isinstance(structure, str) or not structure:  # None, or the NaN that a data frame makes of it
        return None
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(structure)
    return mol if mol is not None and mol.GetNumAtoms() else None


def parse_mols(structures: Iterable[Structure | None]) -> list[Mol | None]:
    """Return `parse_mol` of each."""
    return [parse_mol(structure) for structure in structures]


def read_canonical(smiles: str) -> Mol | None:
    """Read a canonical SMILES of RDKit without full sanitization, which it has been through: 3.5 times as fast.

    The weight, the counts of atoms and the fingerprints are the same; substructure searches may not be. None where RDKit finds no molecule.
    """
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles, sanitize=False)
    if mol is not None:
        mol.UpdatePropertyCache(strict=False)
        Chem.FastFindRings(mol)
    return mol


def write_scaffold(mol: Mol) -> str:
    """Write the Bemis-Murcko scaffold (rings and what links them; doi:10.1021/jm9602928) as canonical SMILES without stereo.

    Returns:
        The SMILES; "" for a molecule without a ring.
    """
    flat = Chem.Mol(mol)
    Chem.RemoveStereochemistry(flat)
    return str(Chem.MolToSmiles(MurckoScaffold.GetScaffoldForMol(flat)))


def skeleton_key(inchikey: str) -> str:
    """Return the first block of an InChIKey, which leaves out stereo, isotopes and protonation."""
    return inchikey[:14]


def remove_stereo(smiles: str) -> str:
    """Return the canonical SMILES without stereo and isotopes, of a canonical SMILES; as it is where RDKit cannot read it."""
    if not _MARKS.search(smiles):
        return smiles
    mol = parse_mol(smiles)
    return smiles if mol is None else str(Chem.MolToSmiles(mol, isomericSmiles=False))
