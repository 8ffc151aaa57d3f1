"""Train, generate and report on a tiny model: accounts that add up, and what is predicted said to be."""

from __future__ import annotations

from pathlib import Path

import pytest
from rdkit import Chem

import pipeline as mg
from chem_vae.errors import UserError
from pipeline.chemistry.filters.structure_filters import locate_unusual
from pipeline.chemistry.properties import compute
from pipeline.datasets.dataset import Dataset
from pipeline.generation.config import GenerateConfig, MeasuredConfig
from pipeline.generation.generate import list_unused_settings
from pipeline.models.trained_model import TrainedModel
from pipeline.models.training_set.usual_structures import learn_usual_structures
from pipeline.objectives.config import Objective
from pipeline.training.config import TrainConfig
from pipeline.training.train import train


@pytest.mark.parametrize("strategy", ["conditional", "gradient"])
def test_accounts_add_up(model: TrainedModel, strategy: str) -> None:
    found = mg.generate(
        model, n=10, samples=120, strategy=strategy, objectives={"logp": Objective(target=2.0, tolerance=1.0)}, seed=1
    )
    c = found.counts
    assert c["requested"] == 120
    assert c["requested"] >= c["decoded"] >= c["valid"] >= c["unique"] == len(found.molecules)
    assert c["unique"] >= c["novel"] >= c["novel, stereo-blind"]
    assert c["novel"] >= c["within target"] >= c["usual"] >= c["alert-free"]
    frame = found.to_frame()
    assert len(frame) <= 10
    assert frame["rank"].tolist() == list(range(1, len(frame) + 1))
    behind = frame["unusual"] != ""
    assert behind.is_monotonic_increasing, "what is unusual comes last"
    assert all(scores.is_monotonic_decreasing for _, scores in frame["score"].groupby(behind))
    assert frame["inchikey"].is_unique
    assert frame["novel"].all()
    for _, row in frame.iterrows():
        mol = Chem.MolFromSmiles(row["smiles"])
        assert row["logp_computed"] == pytest.approx(compute(mol, ["logp"])[0])
        assert Chem.MolToInchiKey(mol) == row["inchikey"]
        assert row["within_target"] == (abs(row["logp_computed"] - 2.0) <= 1.0)
    assert not any(c.endswith("logp_predicted") for c in frame.columns)


def test_unusual_molecules_are_counted_and_come_behind_the_usual_ones(model: TrainedModel) -> None:
    aims = {"logp": Objective(target=2.0, tolerance=3.0)}
    asked = {"n": 10, "samples": 150, "temperature": 1.3, "redraws": 0, "objectives": aims, "seed": 1}
    found = mg.generate(model, **asked)
    usual = learn_usual_structures(model).allowed
    odd = {s: list(locate_unusual(Chem.MolFromSmiles(s), usual)) for s in found.molecules["smiles"]}
    annotated = found.molecules[found.molecules["unusual"].notna()]
    assert (annotated["unusual"] == annotated["smiles"].map(lambda s: "; ".join(odd[s]))).all()
    near = found.molecules[found.molecules["novel"] & found.molecules["within_target"]]
    within = near["smiles"].map(odd)
    names = {name for some in within for name in some}
    assert names, "a young model draws unusual structures"
    assert found.counts["within target"] == len(within) and found.counts["usual"] == sum(not some for some in within)
    best = found.to_frame()
    assert len(best) == 10 and (best["unusual"] == "").sum() == min(10, found.counts["usual"] + 10)
    allowed = mg.generate(model, **asked, allow_unusual=["ALL"])
    assert allowed.counts["usual"] == allowed.counts["within target"] == found.counts["within target"]
    assert allowed.to_frame()["score"].is_monotonic_decreasing
    named = set(allowed.molecules["unusual"].dropna()) - {""}
    assert named, "what is allowed is still named"
    one = sorted(names)[0]
    by_name = mg.generate(model, **asked, allow_unusual=[one])
    assert by_name.counts["usual"] == sum(set(some) <= {one} for some in within)
    with pytest.raises(UserError, match="unknown unusual structure 'enoll'"):
        mg.generate(model, **asked, allow_unusual=["enoll"])


def test_a_measured_property_is_predicted_and_labelled_so(model: TrainedModel) -> None:
    frame = mg.generate(model, n=5, samples=60, objectives={"assay": Objective(maximize=True)}).to_frame()
    assert "assay_computed" not in frame
    assert (frame["assay_predicted_std"].dropna() > 0).all()
    assert frame["assay_predicted"].notna().any()
    assert (frame["distance_to_training"].dropna() >= 0).all()
    assert frame["nearest_training_similarity"].between(0, 1).all()


def test_requests_that_cannot_be_met_are_explained(model: TrainedModel, dataset: Dataset, workspace: Path) -> None:
    with pytest.raises(UserError, match="did you mean 'logp'"):
        mg.generate(model, target={"logq": 1.0})
    with pytest.raises(UserError, match="did you mean 'gradient'"):
        mg.generate(model, strategy="gradent")
    with pytest.raises(UserError, match="did you mean 'assay'"):
        train(dataset, TrainConfig(start="nothing", conditions=("asay",)), workspace)
    far = mg.generate(model, target={"logp": 30.0}, n=3, samples=30)
    assert any("outside the training data" in w for w in far.warnings)
    few = mg.generate(model, n=50, samples=20)
    assert any("ask for more" in w for w in few.warnings)


def test_a_model_is_named_as_load_model_takes_it(model: TrainedModel) -> None:
    by_folder = mg.generate(model.folder, n=2, samples=20)
    by_model = mg.generate(model, n=2, samples=20)
    assert by_folder.to_frame()["smiles"].tolist() == by_model.to_frame()["smiles"].tolist()
    assert mg.generate("moses", n=1, samples=3).counts["requested"] == 3


def test_what_a_shipped_model_was_trained_on_does_not_count_as_found() -> None:
    """Half of what `moses` draws is in its training data, which its hashes tell: it has to draw on until enough is new."""
    found = mg.generate("moses", n=30, seed=3)
    assert len(found.candidates) == 30 and found.candidates["novel"].all()
    assert found.counts["requested"] > 36, (
        "1.2 times the number is drawn at first, and a quarter of it or more is known"
    )


def test_settings_that_the_strategy_does_not_use_are_named(model: TrainedModel) -> None:
    cautious = MeasuredConfig(kappa=-2.0)
    found = mg.generate(model, target={"logp": 2.5}, n=2, samples=20, measured=cautious, temperature=0.9, quiet=True)
    assert "measured has no effect with the strategy conditional" in found.warnings
    asked = GenerateConfig(strategy="acquisition", temperature=0.9, guidance=1.0, measured=cautious)
    assert list_unused_settings(asked) == ["temperature and guidance have no effect with the strategy acquisition"]
    assert list_unused_settings(GenerateConfig(strategy="scaffold", temperature=0.9)) == []
    assert list_unused_settings(GenerateConfig(strategy="acquisition")) == []
