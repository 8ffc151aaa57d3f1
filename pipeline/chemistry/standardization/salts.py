"""Chooses the molecule that a record of several parts is about: the drug, not its counterions and solvents."""

from __future__ import annotations

import contextlib
import csv
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache, lru_cache

from rdkit import Chem, rdBase
from rdkit.Chem import Mol
from rdkit.Chem.MolStandardize import rdMolStandardize

from pipeline.chemistry.standardization.changes import Change
from pipeline.chemistry.standardization.metals import METALS
from pipeline.chemistry.standardization.refusal import Refused
from pipeline.workspace.registry import find_data_folder

DRUG_SIZE = 12
"""Heavy atoms from which on a second molecule on no list is taken for a second drug, not for a counterion."""
_SHOWN = 60  # characters of a SMILES in a message
_WATER = "O"
_INORGANIC_CARBON = ("O=C(O)O", "O=C=O", "[C-]#[O+]")


class Kind(IntEnum):
    """The kind of a part; a record is about its parts of the highest kind."""

    METAL = 0
    INORGANIC = 1
    SOLVENT = 2
    ACID = 3  # an acid that is a counterion and nothing else, such as trifluoroacetic acid or a sulfonic acid
    COUNTERION = 4
    MOLECULE = 5


@dataclass(frozen=True)
class Part:
    """One part of a record.

    Args:
        smiles: Its canonical SMILES.
        key: Its neutral form without stereo and isotopes, by which parts are compared.
        isomer: Its neutral form without isotopes.
        kind: Its kind.
        name: Its name in the list of counterions and solvents; else its SMILES, cut where it is long.
        heavy_atoms: The number of its heavy atoms.
        charged: The number of its charged atoms.
    """

    smiles: str
    key: str
    isomer: str
    kind: Kind
    name: str
    heavy_atoms: int
    charged: int


def choose_parent(smiles: str, inorganic: bool = False) -> tuple[list[str], list[Change]]:
    """Choose the molecule that a record is about, by the list `data/counterions.csv`, then by the number of heavy atoms.

    Metals and inorganic parts are removed first, then solvents, strong acids and other counterions, each only where something else is
    left. Of several molecules on no list, the largest is chosen if the others are so small that they can be counterions.
    The order of the parts does not matter.

    Args:
        smiles: The canonical SMILES of the record.
        inorganic: Whether a record without an organic part is accepted.

    Returns:
        The canonical SMILES of the molecule (several where the record holds stereoisomers of it), and what was done.

    Raises:
        Refused: If no part is organic, or if it is a mixture of several molecules.
    """
    parts = [describe_part(text) for text in sorted(smiles.split("."))]
    best = max(part.kind for part in parts)
    if best == Kind.METAL or (best == Kind.INORGANIC and not inorganic):
        names = ", ".join(dict.fromkeys(part.name for part in parts))
        raise Refused("fragment", f"it is inorganic: it has no organic molecule, only {names}")
    candidates = [part for part in parts if part.kind == best]
    key = _choose_key([part for part in candidates if part.key != _WATER] or candidates)
    kept = [part for part in candidates if part.key == key]
    done = {_name_removal(part) for part in parts if part.key != key}
    if not done and len({part.isomer for part in kept}) < len(kept):
        done.add(Change.COPY)
    isomers: dict[str, Part] = {}
    for part in kept:  # a salt and its free acid in one record: the form with the fewest charges stands for both
        if part.isomer not in isomers or part.charged < isomers[part.isomer].charged:
            isomers[part.isomer] = part
    return [part.smiles for part in isomers.values()], [change for change in Change if change in done]


def _choose_key(candidates: Sequence[Part]) -> str:
    """Choose among parts of one kind. Raises Refused where they are a mixture."""
    groups = {part.key: part for part in candidates}
    ordered = sorted(groups.values(), key=lambda part: (-part.heavy_atoms, part.key))
    largest = ordered[0].heavy_atoms
    if ordered[0].kind == Kind.MOLECULE:
        rivals = [p for p in ordered[1:] if p.heavy_atoms >= DRUG_SIZE or 2 * p.heavy_atoms >= largest]
    elif ordered[0].kind == Kind.SOLVENT:
        rivals = ordered[1:]
    else:
        rivals = [p for p in ordered[1:] if p.heavy_atoms == largest]
    if rivals:
        names = [part.name for part in (ordered[0], *rivals)]
        more = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
        listed = ", ".join(names[:3]) if more else f"{', '.join(names[:-1])} and {names[-1]}"
        raise Refused("fragment", f"it is a mixture of {listed}{more}; give each molecule a row of its own")
    return ordered[0].key


def _name_removal(part: Part) -> Change:
    if part.kind == Kind.METAL:
        return Change.METAL
    if part.kind == Kind.SOLVENT or (part.key == _WATER and not part.charged):
        return Change.SOLVENT
    return Change.PART if part.kind == Kind.MOLECULE else Change.SALT


@lru_cache(maxsize=4_096)
def describe_part(smiles: str) -> Part:
    """Describe one part of a record, which is given as its canonical SMILES."""
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles)
        if mol is None:
            raise Refused("cleanup", f"its part {_shorten(smiles)} cannot be read back")
        key, isomer = write_keys(mol)
        kind, name = _list_counterions().get(key, (Kind.MOLECULE, _shorten(smiles)))
    numbers = {atom.GetAtomicNum() for atom in mol.GetAtoms()}
    if mol.GetNumAtoms() == 1 and numbers <= METALS:
        kind = Kind.METAL
    elif (6 not in numbers and 0 not in numbers) or key in _INORGANIC_CARBON:
        kind = Kind.INORGANIC
    charged = sum(atom.GetFormalCharge() != 0 for atom in mol.GetAtoms())
    return Part(smiles, key, isomer, kind, name, mol.GetNumHeavyAtoms(), charged)


def write_keys(mol: Mol) -> tuple[str, str]:
    """Write the neutral form of a molecule as canonical SMILES: without stereo and isotopes, and without isotopes."""
    mol = Chem.Mol(mol)
    for atom in mol.GetAtoms():
        atom.SetIsotope(0)
    with contextlib.suppress(Exception):  # RDKit raises many kinds; the form as given is compared then
        mol = rdMolStandardize.Uncharger(canonicalOrder=True).uncharge(rdMolStandardize.Normalize(Chem.RemoveHs(mol)))
    isomer = str(Chem.MolToSmiles(mol))
    return str(Chem.MolToSmiles(mol, isomericSmiles=False)), isomer


@cache
def _list_counterions() -> dict[str, tuple[Kind, str]]:
    """Read the list of counterions and solvents, by key."""
    with (find_data_folder() / "counterions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {write_keys(Chem.MolFromSmiles(row["smiles"]))[0]: (Kind[row["kind"].upper()], row["name"]) for row in rows}


def _shorten(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
