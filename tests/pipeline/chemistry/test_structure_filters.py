"""What is odd about a structure, and that nothing odd is asked about unless the data has it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from rdkit import Chem

from pipeline.chemistry.structure_filters import (
    LARGE_RING,
    PATTERNS,
    STRAINED,
    find_structural_alerts,
    find_unusual_motifs,
    has_unusual_motif,
)
from pipeline.models.trained_model import TrainedModel
from pipeline.objectives.config import Constraint
from pipeline.objectives.constraints import USUAL, Constraints, collect_named_molecules
from pipeline.optimization.config import OptimizeConfig
from pipeline.optimization.initial_population import UsualStructures
from pipeline.optimization.loop import optimize

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
def test_oddities_have_names(smiles: str, name: str | None) -> None:
    mol = Chem.MolFromSmiles(smiles)
    found = find_unusual_motifs(mol)
    assert (name in found) if name else not found
    assert has_unusual_motif(mol) == bool(found)
    assert not has_unusual_motif(mol, found)  # and what is allowed is not held against it


def test_usual_molecules_have_none_and_every_pattern_can_be_read() -> None:
    assert all(not find_unusual_motifs(Chem.MolFromSmiles(s)) for s in USUAL_ONES)
    assert all(pattern is not None for pattern in PATTERNS.values())


def test_nothing_odd_is_asked_about_unless_the_model_or_a_seed_has_it(model: TrainedModel, tmp_path: Path) -> None:
    """An oracle that pays for what is odd gets nothing odder than that, but where more was asked for."""

    def of(smiles: Iterable[str]) -> frozenset[str]:
        return frozenset[str]().union(*(find_unusual_motifs(Chem.MolFromSmiles(s)) for s in smiles))

    def usual(*seeds: str) -> frozenset[str]:
        return UsualStructures.measure(
            model.checkpoint, model.latent["mu"], [Chem.MolFromSmiles(s) for s in seeds]
        ).oddities

    def paid(smiles: list[str]) -> list[float]:
        return [float(len(of([s]) - usual())) for s in smiles]

    def search(name: str, **settings: object) -> tuple[frozenset[str], dict[str, int]]:
        told = {"oracle_calls": 60, "batch_size": 20, "objectives": {"score": {"maximize": True}}, **settings}
        config = OptimizeConfig.model_validate({**told, "strategy": "genetic"})
        found = optimize(model, config, tmp_path / name, oracle=paid)
        return of(found.calls["smiles"]), found.broken

    seen, broken = search("usual")
    assert seen <= usual() < {*PATTERNS, LARGE_RING, STRAINED}
    assert broken[USUAL] > 0  # the drafts had some, and they are counted
    assert search("asked for", odd_structures=True)[0] > usual()
    seed = "CCOOCCc1ccccc1"
    assert (of([seed]) - usual()) and of([seed]) <= search("seed", seeds=(seed,))[0] <= usual(seed)


def test_what_a_constraint_asks_for_is_not_odd(model: TrainedModel, tmp_path: Path) -> None:
    named = collect_named_molecules(
        [
            Constraint(must_contain="S(=O)(=O)F"),
            Constraint(similarity_to=("CCOOCC",), at_least=0.3),
            Constraint(similarity_to=("CN=C=O",), at_most=0.3),
            Constraint(must_contain="[#6]~[#7]"),
        ]
    )
    allowed = UsualStructures.measure(model.checkpoint, model.latent["mu"][:0], named).oddities
    assert {"halogen on another atom than carbon", "peroxide"} <= allowed and "heterocumulene" not in allowed
    refused = Constraints([Constraint(must_contain="[N]=[C]=[S]")], allowed_oddities=())
    assert "odd_structures = true" in refused.explain([Chem.MolFromSmiles("CN=C=S")])


def test_structural_alerts_name_their_family() -> None:
    rhodanine, toluene, broken = find_structural_alerts(["O=C1NC(=S)SC1=Cc1ccccc1", "Cc1ccccc1", "C(("])
    assert "PAINS: ene_rhod_A(235)" in rhodanine
    assert "BRENK: Thiocarbonyl_group" in rhodanine
    assert rhodanine == sorted(set(rhodanine))
    assert toluene == broken == find_structural_alerts([""])[0] == []
    assert find_structural_alerts([]) == []
