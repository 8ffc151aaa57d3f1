"""What a fine-tuned model knows from its bases is not novel; bases without hashes are named."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
import torch

import pipeline as mg
from pipeline.chemistry.molecule import Molecule
from pipeline.generation.annotate import compare_with_training, list_novelty_warnings
from pipeline.models.base_models import BaseMolecules
from pipeline.models.trained_model import TrainedModel
from pipeline.models.training_set.kept_molecules import read_kept_smiles
from pipeline.models.training_set.training_molecules import TrainingMolecules

NEW = "CC1(C)OB(C2CC2)OC1(C)C"  # MOSES holds no boron


def fine_tune(model: TrainedModel, *bases: dict[str, Any]) -> TrainedModel:
    """The model, whose card says that it was fine-tuned from the first base, this one from the second, and so on."""
    base = None
    for told in reversed(bases):
        base = {"training_molecules": 100, **told, "base": base}
    return TrainedModel(
        model.folder, {**model.manifest, "card": {**model.card, "base": base}}, workspace=model.workspace
    )


@pytest.fixture(scope="module")
def moses() -> TrainedModel:
    return mg.load_model("moses")


def test_molecules_of_a_shipped_base_are_not_novel(model: TrainedModel, moses: TrainedModel) -> None:
    told = {"name": "moses", "key": moses.key, "dataset": "moses"}
    tuned, dataset = fine_tune(model, told), model.dataset()
    assert dataset is not None
    own = str(dataset.table(["smiles"], split="train")["smiles"].iloc[0])
    known = next(s for s in read_kept_smiles(moses) if s not in set(dataset.table(["smiles"])["smiles"]))
    z = [torch.zeros(model.checkpoint.model.latent_size)] * 3
    molecules = pd.DataFrame({"smiles": [own, known, NEW], "z": z})
    molecules["inchikey"] = [Molecule(s).inchikey for s in molecules["smiles"]]
    for one, novel in ((model, [False, True, True]), (tuned, [False, False, True])):
        found = compare_with_training(molecules.copy(), one, TrainingMolecules.of(one, dataset))
        assert found["novel"].tolist() == found["novel_stereo_blind"].tolist() == novel
        assert found["novel"].dtype == bool
    assert list_novelty_warnings(tuned, dataset) == [], "all were compared"


def test_a_base_that_cannot_be_asked_is_named(model: TrainedModel, moses: TrainedModel) -> None:
    shipped = {"name": "moses", "key": moses.key, "dataset": "moses"}
    gone = {"name": "a-01234567", "key": "0", "dataset": "last-year"}
    found = BaseMolecules.of(fine_tune(model, gone, shipped))
    assert found.unknown == ("last-year",) and len(found.hashes) == 1, "the base of the base is asked"
    (warning,) = list_novelty_warnings(fine_tune(model, gone, shipped), model.dataset())
    assert "those of last-year, which the model knows from its base, were not compared" in warning
    same, fewer = {**gone, "dataset": "moses"}, {**gone, "dataset": "moses", "training_molecules": 90}
    assert BaseMolecules.of(fine_tune(model, shipped, same)).unknown == (), (
        "its molecules are those of the base with hashes"
    )
    assert BaseMolecules.of(fine_tune(model, shipped, fewer)).unknown == ("moses",)
    other = BaseMolecules.of(fine_tune(model, {**shipped, "key": "of another version"}))
    assert other.unknown == ("moses",) and not other.hashes
    assert other.find(["CCO"], ["LFQSCWFLJHTTHZ-UHFFFAOYSA-N"]) == [False]
    assert BaseMolecules.of(model) == BaseMolecules((), ())


def test_the_data_of_a_base_tells_its_molecules(model: TrainedModel) -> None:
    dataset = model.dataset()
    assert dataset is not None
    told = {"name": str(model.folder), "key": model.key, "dataset": dataset.name}
    found = BaseMolecules.of(fine_tune(model, told))
    assert found.unknown == () and [data.key for data in found.datasets] == [dataset.key]
    table = dataset.table(["smiles", "inchikey", "split"])
    known = found.find(table["smiles"].tolist(), table["inchikey"].tolist())
    assert known == (table["split"] == "train").tolist(), "the molecules that it was trained on, and no others"
    assert list_novelty_warnings(fine_tune(model, told), dataset) == []
