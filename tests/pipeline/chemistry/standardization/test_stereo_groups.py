from __future__ import annotations

import pytest
from rdkit import Chem

from pipeline.chemistry.molecule import Molecule
from pipeline.chemistry.standardization.standardize import Standardizer
from pipeline.chemistry.standardization.stereo_groups import (
    clear_all_stereo,
    count_undefined_stereo,
    merge_stereoisomers,
    undefine_stereo_groups,
)


def read(text: str) -> Chem.Mol:
    return Chem.MolFromSmiles(text)


@pytest.mark.parametrize(
    ("texts", "merged"),
    [
        (["C[C@H](F)Cl", "C[C@@H](F)Cl"], "CC(F)Cl"),
        (["C[C@H](F)[C@H](Cl)Br", "C[C@H](F)[C@@H](Cl)Br"], "C[C@H](F)C(Cl)Br"),
        (["C/C=C/[C@H](F)Cl", "C/C=C\\[C@H](F)Cl"], "CC=C[C@H](F)Cl"),
        (["C/C=C/C=C/F", "C/C=C/C=C\\F"], "C/C=C/C=CF"),
        (["C/C=C/F", "CC=CF"], "CC=CF"),
        (["C[C@H](O)[C@@H](C)O", "C[C@@H](O)[C@@H](C)O", "C[C@H](O)[C@H](C)O"], "CC(O)C(C)O"),
    ],
)  # fmt: skip
def test_stereoisomers_are_merged(texts: list[str], merged: str) -> None:
    assert Chem.MolToSmiles(merge_stereoisomers([read(text) for text in texts])) == Chem.MolToSmiles(read(merged))
    assert Chem.MolToSmiles(merge_stereoisomers([read(text) for text in texts[::-1]])) == Chem.MolToSmiles(read(merged))


def test_groups_of_a_mol_block() -> None:
    racemate = read("C[C@H](O)[C@@H](N)Cc1ccccc1 |a:1,&1:3|")
    block = Chem.MolToV3KMolBlock(racemate)
    found = Standardizer().from_molblock(block)
    assert isinstance(found, Molecule)
    assert (found.smiles, found.changes) == ("C[C@H](O)C(N)Cc1ccccc1", ("stereo of a mixture made undefined",))
    assert not list(found.mol.GetStereoGroups())
    absolute = read("C[C@H](O)[C@@H](N)Cc1ccccc1 |a:1,3|")
    kept = Standardizer().from_molblock(Chem.MolToV3KMolBlock(absolute))
    assert isinstance(kept, Molecule) and kept.changes == () and kept.smiles == "C[C@H](O)[C@@H](N)Cc1ccccc1"


def test_nothing_is_copied_where_there_is_nothing_to_do() -> None:
    mol = read("C[C@H](O)C=CC")
    assert undefine_stereo_groups(mol) == (mol, False)
    flat, changed = clear_all_stereo(mol)
    assert changed and Chem.MolToSmiles(flat) == "CC=CC(C)O"
    assert clear_all_stereo(flat) == (flat, False)


@pytest.mark.parametrize(
    ("text", "count"),
    [("CCO", 0), ("CC(F)Cl", 1), ("C[C@H](F)Cl", 0), ("C[C@H](F)C(Cl)Br", 1), ("CC=CC", 1), ("C/C=C/C", 0), ("CC=C", 0), ("CC=NO", 1),
     ("C1CC=CCC1", 0), ("CC(C)=C(C)C", 0), ("CC(F)C=CC(Cl)Br", 3)],
)  # fmt: skip
def test_undefined_stereo_is_counted(text: str, count: int) -> None:
    assert count_undefined_stereo(read(text)) == count
