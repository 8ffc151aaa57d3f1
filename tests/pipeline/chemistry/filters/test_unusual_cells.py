"""What is unusual in a molecule stands in two cells of its row: names, and atoms of the SMILES as written."""

from __future__ import annotations

import math
import random

import pytest
from rdkit import Chem

from chem_vae.errors import UserError
from pipeline.chemistry.filters.structure_filters import list_unusual_names, locate_unusual, read_allowed
from pipeline.chemistry.filters.unusual_cells import is_usual, read_atoms, read_names, write_unusual
from pipeline.chemistry.molecule import Molecule


@pytest.mark.parametrize("smiles", ["CCOOCC", "C1=C=CCCC1CCOOC", "O(OC)C", "c1ccccc1CCN(C)Cl", "CCO", "C(("])
def test_the_atoms_are_those_of_the_smiles_as_written(smiles: str) -> None:
    mol = Chem.MolFromSmiles(smiles)
    names, atoms = write_unusual(smiles)
    found = locate_unusual(mol) if mol is not None else {}
    if mol is not None:
        turned = Chem.RenumberAtoms(mol, list(range(mol.GetNumAtoms()))[::-1])
        assert write_unusual(Molecule(smiles, mol=turned)) == (names, atoms)
        parsed = Molecule.parse(Chem.MolToSmiles(mol))
        assert parsed is not None and write_unusual(parsed) == write_unusual(parsed.smiles)
    assert read_names(names) == list(found) and len(atoms.split(";")) == max(len(found), 1)
    assert read_atoms(atoms) == sorted({i for indices in found.values() for i in indices})
    if found:
        order = list(range(mol.GetNumAtoms()))
        random.Random(0).shuffle(order)
        other = Chem.MolToSmiles(Chem.RenumberAtoms(mol, order), canonical=False)
        again, places = write_unusual(other)
        assert sorted(read_names(again)) == sorted(found)
        symbols = sorted(Chem.MolFromSmiles(other).GetAtomWithIdx(i).GetSymbol() for i in read_atoms(places))
        assert symbols == sorted(mol.GetAtomWithIdx(i).GetSymbol() for i in read_atoms(atoms))


def test_what_is_usual_is_not_written_and_cells_are_read_as_they_come_from_files() -> None:
    assert write_unusual("CCOOCC", {"peroxide"}) == ("", "") == write_unusual("CCOCC")
    assert is_usual("") and is_usual("peroxide", {"peroxide"}) and not is_usual("peroxide; other", {"peroxide"})
    for missing in (None, math.nan):
        assert not is_usual(missing) and read_names(missing) == [] == read_atoms(missing)
    assert read_atoms("2 3; 3 10") == [2, 3, 10]


def test_names_of_what_is_allowed() -> None:
    names = list_unusual_names()
    assert len(set(names)) == len(names) and not any({":", ";"} & set(name) for name in names)
    assert read_allowed(["All"]) == set(names) and read_allowed([]) == frozenset()
    assert read_allowed([names[0].upper()]) == {names[0]}
    with pytest.raises(UserError, match="unknown unusual structure 'peroxides'; did you mean 'peroxide'"):
        read_allowed(["peroxides"])
