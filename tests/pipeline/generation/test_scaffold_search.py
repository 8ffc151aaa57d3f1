"""Generation around a scaffold: every candidate keeps it, the account adds up, and what cannot be done is refused."""

from __future__ import annotations

import pytest
from rdkit import Chem

import pipeline as mg
from chem_vae.errors import UserError
from pipeline.chemistry.variation.scaffolds import Scaffold
from pipeline.models.trained_model import TrainedModel
from pipeline.objectives.config import Constraint, Objective

AMIDE = "O=C(N[*:1])c1ccc([*:2])cc1"


@pytest.mark.parametrize("scaffold", [AMIDE, "c1ccccc1[*:1].C1CCN([*:2])CC1", "c1ccncc1"])
def test_every_candidate_keeps_the_scaffold(model: TrainedModel, scaffold: str) -> None:
    found = mg.generate(model, scaffold=scaffold, n=12, samples=40, seed=1)
    frame = found.to_frame()
    assert len(frame) == 12 and frame["inchikey"].is_unique
    kept = Scaffold(scaffold)
    assert all(kept.is_in(Chem.MolFromSmiles(smiles)) for smiles in frame["smiles"])
    c = found.counts
    assert c["requested"] >= c["valid"] >= c["unique"] == len(found.molecules) >= c["novel"]
    assert set(found.molecules["strategy"]) == {"scaffold"}


def test_the_table_names_the_group_at_each_point(model: TrainedModel) -> None:
    frame = mg.generate(model, scaffold=AMIDE, n=5, samples=20, seed=1).to_frame()
    for _, row in frame.iterrows():
        placed = Scaffold(AMIDE).place(Chem.MolFromSmiles(row["smiles"]))
        assert placed is not None and {"R1": row["R1"], "R2": row["R2"]} == placed.describe()


def test_a_fragment_is_replaced(model: TrainedModel) -> None:
    asked = {"replace": "c1ccccc1", "molecule": "CC(=O)Nc1ccc(OC)cc1"}
    frame = mg.generate(model, scaffold=asked, n=5, samples=20, seed=1).to_frame()
    kept = Scaffold("CC(=O)N[*:1].CO[*:2]")
    assert all(kept.is_in(Chem.MolFromSmiles(smiles)) for smiles in frame["smiles"])
    assert frame["R1,R2"].str.contains(r"\[\*:1\]").all()


def test_the_same_seed_gives_the_same_molecules(model: TrainedModel) -> None:
    one, same, other = (
        mg.generate(model, scaffold=AMIDE, n=5, samples=15, seed=seed).to_frame()["smiles"].tolist()
        for seed in (3, 3, 4)
    )
    assert one == same != other


def test_objectives_and_constraints_hold_beside_the_scaffold(model: TrainedModel) -> None:
    found = mg.generate(
        model,
        scaffold=AMIDE,
        n=8,
        samples=60,
        objectives={"logp": Objective(target=3.0, tolerance=0.5)},
        constraints=(Constraint(property="heavy_atoms", at_most=20),),
    )
    frame = found.to_frame()
    assert frame["score"].is_monotonic_decreasing and len(frame)
    for mol in map(Chem.MolFromSmiles, frame["smiles"]):
        assert mol.GetNumAtoms() <= 20 and Scaffold(AMIDE).is_in(mol)
    assert found.counts["unique"] >= found.counts["meets the constraints"] == len(found.molecules)


def test_the_number_of_added_atoms_can_be_limited(model: TrainedModel) -> None:
    frame = mg.generate(model, scaffold={"keep": AMIDE, "most_atoms": 4}, n=5, samples=15).to_frame()
    assert max(Chem.MolFromSmiles(s).GetNumAtoms() for s in frame["smiles"]) <= Scaffold(AMIDE).size + 4


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"scaffold": "nothing"}, "cannot be read as SMILES"),
        ({"scaffold": "[Pt]([*:1])Cl"}, "has Pt, and no molecule of the model"),
        ({"scaffold": "c1ccc(cc1)" * 9 + "C[*:1]"}, "too large to grow from"),
        ({"scaffold": AMIDE, "strategy": "gradient"}, "keeps no scaffold"),
        ({"strategy": "scaffold"}, "needs a scaffold"),
        ({"scaffold": {"keep": AMIDE, "most_atoms": 1}}, "too few for the 2 attachment points"),
    ],
)
def test_what_cannot_be_done_is_refused(model: TrainedModel, settings: dict, said: str) -> None:
    with pytest.raises(UserError, match=said):
        mg.generate(model, n=5, samples=10, **settings)
