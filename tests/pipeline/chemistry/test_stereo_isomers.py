"""The isomers of a molecule with undefined stereo."""

from __future__ import annotations

from pipeline.chemistry.molecule import Molecule
from pipeline.chemistry.standardization.stereo_groups import count_undefined_stereo
from pipeline.chemistry.stereo_isomers import enumerate_stereoisomers


def test_all_isomers_and_no_other() -> None:
    assert enumerate_stereoisomers("CC(N)C(O)CC", 8)[1] == 4 and len(enumerate_stereoisomers("CC(N)C(O)CC", 8)[0]) == 4
    assert enumerate_stereoisomers("CC=CC", 8) == (["C/C=C/C", "C/C=C\\C"], 2)
    meso, _ = enumerate_stereoisomers("OC(C)C(C)O", 8)
    assert len(meso) == 3, "two enantiomers and the meso form"
    assert enumerate_stereoisomers("C[C@H](N)O", 8) == (["C[C@H](N)O"], 1)
    assert enumerate_stereoisomers("CCO", 8) == (["CCO"], 1)
    assert enumerate_stereoisomers("nonsense", 8) == ([], 0)


def test_what_is_defined_stays() -> None:
    found, count = enumerate_stereoisomers("C[C@H](N)C(O)CC", 8)
    assert count == 2 and all(count_undefined_stereo(Molecule(s).mol) == 0 for s in found)
    keys = {Molecule(s).inchikey for s in found}
    assert len(keys) == 2
    whole = {Molecule(s).inchikey for s in enumerate_stereoisomers("CC(N)C(O)CC", 8)[0]}
    assert keys < whole


def test_no_more_than_asked_for_and_always_the_same() -> None:
    sugar = "OCC1OC(O)C(O)C(O)C1O"
    first, count = enumerate_stereoisomers(sugar, 5)
    assert len(first) == 5 and count == 32
    assert enumerate_stereoisomers(sugar, 5)[0] == first
