"""Unusual motifs and structural alerts are found, and only where they are."""

from __future__ import annotations

import pytest
from rdkit import Chem

from pipeline.chemistry.structure_filters import (
    LARGE_RING,
    PATTERNS,
    STRAINED,
    find_structural_alerts,
    find_unusual_motifs,
    has_unusual_motif,
    learn_usual,
    locate_unusual,
)

ODD = {
    "Cc1ccc(-c2ccccc2)cc(C)nc(C)cc1": LARGE_RING,
    "C1CCCCCCCCCCC1": LARGE_RING,
    "C1=CC2CCC1=C2": STRAINED,
    "C1=C=CCCC1": "allene in a ring",
    "C1#CCCCCC1": "alkyne in a ring",
    "C1=CC1": "double bond in a ring of three or four",
    "CCOOC": "peroxide",
    "CN(C)Cl": "halogen on another atom than carbon",
    "O=S(=O)(F)c1ccccc1": "halogen on another atom than carbon",
    "CS(=O)O": None,
    "C[SH](=O)=O": "hydrogen on oxidized sulfur",
    "CN(C)N(C)N(C)C": "three nitrogens in a row",
    "CC=C=O": "heterocumulene",
    "O=C=NC": "heterocumulene",
}
USUAL_ONES = [
    "Cc1ccc(-c2cc(C(F)(F)F)nn2-c2ccc(S(N)(=O)=O)cc2)cc1",
    "C1CC2CCC1N2",
    "CC(=O)Oc1ccccc1C(=O)O",
    "C1CCCCCCC1",
    "CCS",
]


@pytest.mark.parametrize(("smiles", "name"), ODD.items())
def test_unusual_motifs_have_names(smiles: str, name: str | None) -> None:
    mol = Chem.MolFromSmiles(smiles)
    found = find_unusual_motifs(mol)
    assert (name in found) if name else not found
    assert has_unusual_motif(mol) == bool(found)
    assert not has_unusual_motif(mol, found)  # and what is allowed is not held against it


def test_unusual_motifs_have_atoms() -> None:
    mol = Chem.MolFromSmiles("COOC=C=O")
    assert locate_unusual(mol) == {"peroxide": (1, 2), "heterocumulene": (3, 4, 5)}
    assert locate_unusual(mol, {"peroxide"}) == {"heterocumulene": (3, 4, 5)}
    assert STRAINED in locate_unusual(Chem.MolFromSmiles("CC1=CC2CCC1=C2C"))


def test_what_molecules_have_is_usual_for_them() -> None:
    mols = [Chem.MolFromSmiles(s) for s in ("CCOOC", "COOC", "CC=C=O", "CCO")]
    assert not has_unusual_motif(mols[0], learn_usual(mols)) and not has_unusual_motif(mols[2], learn_usual(mols))
    assert has_unusual_motif(mols[2], learn_usual(mols, at_least=2))
    assert learn_usual(mols[3:]) == learn_usual([]) == frozenset()


def test_usual_molecules_have_none_and_every_pattern_can_be_read() -> None:
    assert all(not find_unusual_motifs(Chem.MolFromSmiles(s)) for s in USUAL_ONES)
    assert all(pattern is not None for pattern in PATTERNS.values())


def test_structural_alerts_name_their_family() -> None:
    rhodanine, toluene, broken = find_structural_alerts(["O=C1NC(=S)SC1=Cc1ccccc1", "Cc1ccccc1", "C(("])
    assert "PAINS: ene_rhod_A(235)" in rhodanine
    assert "BRENK: Thiocarbonyl_group" in rhodanine
    assert rhodanine == sorted(set(rhodanine))
    assert toluene == broken == find_structural_alerts([""])[0] == []
    assert find_structural_alerts([]) == []
