"""Unusual motifs and structural alerts are found, and only where they are."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from rdkit import Chem

from pipeline.chemistry.filters.atom_environments import compute_all_environments, compute_environments
from pipeline.chemistry.filters.structure_filters import (
    LARGE_RING,
    PATTERNS,
    RARE_ATOM,
    STRAINED,
    find_unusual_motifs,
    has_unusual_motif,
    learn_usual,
    locate_unusual,
    name_first_unusual,
    name_first_unusual_of_each,
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


def read_cases(file: str) -> dict[str, str]:
    """SMILES -> what it is, of a table beside this file."""
    with (Path(__file__).with_name(file)).open(encoding="utf-8", newline="") as table:
        return {row["smiles"]: row.get("what") or row["name"] for row in csv.DictReader(table)}


def test_most_unusual_structures_are_found_and_most_drugs_are_usual() -> None:
    odd, drugs = read_cases("unusual_structures.csv"), read_cases("known_drugs.csv")
    assert len(odd) > 250 and len(drugs) > 90
    missed = {smiles: what for smiles, what in odd.items() if not has_unusual_motif(Chem.MolFromSmiles(smiles))}
    assert len(missed) <= 0.05 * len(odd), missed
    found = {name: names for smiles, name in drugs.items() if (names := locate_unusual(Chem.MolFromSmiles(smiles)))}
    assert len(found) <= 0.1 * len(drugs), found
    assert not found.keys() & {"doxycycline", "ascorbic acid", "taxol", "dexamethasone", "nifedipine", "lorlatinib"}
    assert found["erythromycin"].keys() == {LARGE_RING} and found["orlistat"].keys() == {"long chain"}


def test_the_form_of_the_input_makes_nothing_unusual() -> None:
    for neutral, charged in (
        ("NCCc1ccc(O)c(O)c1", "[NH3+]CCc1ccc(O)c(O)c1"),
        ("CC(C)Cc1ccc(C(C)C(=O)O)cc1", "CC(C)Cc1ccc([C@@H](C)C(=O)[O-])cc1"),
        ("c1ccc(CNc2ncccn2)cc1", "c1ccc(CNc2nccc[nH+]2)cc1"),
    ):
        first, second = (compute_environments(Chem.MolFromSmiles(smiles)) for smiles in (neutral, charged))
        for ours, theirs in zip(first[:2], second[:2], strict=True):
            assert sorted(ours.tolist()) == sorted(theirs.tolist())
        assert sorted(key for key, _ in first.ring_systems) == sorted(key for key, _ in second.ring_systems)


def test_rare_environments_are_marked_and_allowed_by_example() -> None:
    odd = Chem.MolFromSmiles("CS(C)(C)(C)(C)c1ccc(C(=O)NC2CCN(C)CC2)cc1")
    assert locate_unusual(odd)[RARE_ATOM] == (0, 1, 2, 3, 4, 5)  # its carbon is that of an aryl-SF5
    like_it = Chem.MolFromSmiles("CS(C)(C)(C)(C)c1ccc(C(=O)NCCC)cc1")
    assert has_unusual_motif(odd, learn_usual([Chem.MolFromSmiles("CCOc1ccccc1")]))
    assert not has_unusual_motif(odd, learn_usual([like_it])) and not has_unusual_motif(
        odd, learn_usual([like_it] * 9, 9)
    )
    peroxide = Chem.MolFromSmiles("CC(C)OOCc1ccc(C(=O)NC2CCN(C)CC2)cc1")
    assert locate_unusual(peroxide).keys() == {"peroxide"} and not has_unusual_motif(peroxide, {"peroxide"})


def test_many_molecules_together_are_judged_as_one_by_one() -> None:
    smiles = [
        "CCO",
        "C",
        "COOC",
        "O=C1C=CC=CC1c1ccccc1",
        "CC(=O)Nc1ccc(O)cc1",
        "C1CCCCCCCCCC1",
        "[Na+].[Cl-]",
        "NC(O)c1ccc2ccccc2c1",
    ]
    mols = [Chem.MolFromSmiles(s) for s in smiles]
    for together, mol in zip(compute_all_environments(mols), mols, strict=True):
        alone = compute_environments(mol)
        assert together.radius_1.tolist() == alone.radius_1.tolist()
        assert together.radius_2.tolist() == alone.radius_2.tolist()
        assert together.ring_systems == alone.ring_systems
    for allowed in ((), ("peroxide",)):
        names = name_first_unusual_of_each(mols, [allowed] * len(mols))
        assert names == [name_first_unusual(mol, allowed) for mol in mols]
    assert names[2] is None and any(names)
    assert name_first_unusual_of_each([], []) == []
