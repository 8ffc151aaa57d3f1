"""The predictor of a measured property in a model's folder: its file and its applicability domain."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from chem_vae.checkpoint import write_safetensors
from chem_vae.errors import CheckpointError
from chem_vae.predictors.tanimoto_process import TanimotoProcess
from chem_vae.tensor_files import read_tensors
from pipeline.chemistry.descriptors import DESCRIPTORS
from pipeline.chemistry.molecule import Molecule
from pipeline.models.measured_predictor import (
    FILE,
    MeasuredPredictor,
    Representation,
    features,
    find_domain_floor,
    inputs,
    load_measured,
    save_measured,
)
from pipeline.models.trained_model import TrainedModel


def test_predictions_come_from_the_better_one(model: TrainedModel) -> None:
    smiles = ["CCOc1ccccc1C(N)=O", "CCN1CCNCC1"]
    found = model.predict(smiles)["assay"]
    torch.testing.assert_close(found.mean, model.measured["assay"].process.predict(inputs(smiles)).mean)
    none = model.measured["assay"].predict([None, smiles[0]])
    assert torch.isnan(none.mean[0]) and none.mean[1] == pytest.approx(float(found.mean[0]))


def test_the_domain(model: TrainedModel) -> None:
    predictor = model.measured["assay"]
    dataset = model.dataset()
    assert dataset is not None
    measured = dataset.table(["smiles", "assay"]).dropna()["smiles"].tolist()
    assert float(predictor.similarity(measured[:20]).min()) == 1.0
    far = predictor.similarity(["FC(F)(F)C(F)(F)C(F)(F)F", "C1CC1[Si](C)(C)C"])
    assert float(far.max()) < predictor.floor == find_domain_floor(predictor.process.features) < 0.6


def test_a_damaged_file_is_said(model: TrainedModel, tmp_path: Path) -> None:
    assert load_measured(tmp_path / FILE, {}) == {}
    (tmp_path / FILE).write_bytes((model.folder / FILE).read_bytes()[:200])
    with pytest.raises(CheckpointError, match="damaged"):
        load_measured(tmp_path / FILE, {})


MOLECULES = ["CCOc1ccccc1C(N)=O", "CCN1CCNCC1", "CCOc1ccccc1C(N)=O", None, "Cc1ccc(S(N)(=O)=O)cc1"]


def _make(model: TrainedModel, representation: Representation) -> MeasuredPredictor:
    found = model.measured["assay"]
    assert found.latent is not None
    latent = deepcopy(found.latent)
    latent.scale = 1.3
    return MeasuredPredictor("assay", representation, found.process, latent, {"weight": 0.3, "scale": 1.2})


@pytest.mark.parametrize("representation", ["latent", "fingerprint+descriptors", "both"])
def test_functions_are_drawn_as_they_are_believed(model: TrainedModel, representation: Representation) -> None:
    predictor = _make(model, representation)
    z = torch.randn(5, model.checkpoint.model.latent_size, generator=torch.Generator().manual_seed(0))
    z[2] = z[0]
    measured, function = predictor.predict(MOLECULES, z), predictor.predict_function(MOLECULES, z)
    known = torch.tensor([0, 1, 2, 4])
    torch.testing.assert_close(function.mean[known], measured.mean[known])
    assert (function.std[known] < measured.std[known]).all() and torch.isnan(function.std[3])
    drawn = predictor.draw(MOLECULES, z, 4000, torch.Generator().manual_seed(1))
    assert drawn.shape == (4000, 5) and torch.isnan(drawn[:, 3]).all()
    spread = float(function.std[known].mean())
    torch.testing.assert_close(drawn.mean(dim=0)[known], function.mean[known], atol=0.1 * spread, rtol=0.0)
    torch.testing.assert_close(drawn.std(dim=0)[known], function.std[known], rtol=0.06, atol=0.0)
    assert float((drawn[:, 0] - drawn[:, 2]).abs().max()) < 0.1 * spread, (
        "the same molecule has one value in a function"
    )
    assert torch.equal(drawn[:, known], predictor.draw(MOLECULES, z, 4000, torch.Generator().manual_seed(1))[:, known])


def test_functions_of_a_calibrated_predictor_spread_more(model: TrainedModel) -> None:
    usual, wide = _make(model, "fingerprint+descriptors"), _make(model, "fingerprint+descriptors")
    process = deepcopy(usual.process)
    process.scale *= 2.0
    wide = replace(wide, process=process)
    of_usual, of_wide = (
        p.draw(MOLECULES, None, 500, torch.Generator().manual_seed(0)).std(dim=0)[:2] for p in (usual, wide)
    )
    torch.testing.assert_close(of_wide, 2.0 * of_usual, rtol=1e-3, atol=0.0)
    torch.testing.assert_close(
        wide.predict_function(MOLECULES).std[:2], 2.0 * usual.predict_function(MOLECULES).std[:2]
    )


def test_no_molecule_has_no_value(model: TrainedModel) -> None:
    predictor = _make(model, "fingerprint+descriptors")
    assert predictor.draw([], None, 3).shape == (3, 0) and torch.isnan(predictor.draw([None], None, 3)).all()
    assert torch.isnan(predictor.predict_function([None]).mean).all()


def test_what_a_process_sees_is_kept_with_a_molecule() -> None:
    molecule = Molecule("CCOc1ccccc1C(N)=O")
    texts, kept = inputs([molecule.smiles, None, "no molecule"]), inputs([molecule])
    assert torch.equal(kept[0], texts[0]) and torch.equal(kept[0], inputs([molecule])[0])
    assert texts[1:, -6:].isnan().all() and not texts[1:, :-6].any()
    usual = [usual for _, usual in DESCRIPTORS.values()]
    logp, weight, _, aromatic, _, donors = [round(v * u, 2) for v, u in zip(kept[0, -6:].tolist(), usual, strict=True)]
    assert (logp, weight, aromatic, donors) == (1.18, 165.19, 1.0, 1.0)


def test_other_descriptors_than_it_knows_are_refused(model: TrainedModel, tmp_path: Path) -> None:
    predictor = replace(model.measured["assay"], representation="fingerprint+descriptors")
    save_measured([predictor], tmp_path / FILE)
    read = load_measured(tmp_path / FILE, {})["assay"]
    torch.testing.assert_close(read.predict(MOLECULES[:2]).mean, predictor.predict(MOLECULES[:2]).mean)
    tensors, strings = read_tensors(tmp_path / FILE, may_be_infinite=("y",))
    write_safetensors(tensors, tmp_path / FILE, {"measured": strings["measured"].replace('"tpsa"', '"dipole"')})
    with pytest.raises(CheckpointError, match="needs the descriptors logp, mw, dipole"):
        load_measured(tmp_path / FILE, {})


def test_predictors_of_earlier_versions_see_substructures_alone(model: TrainedModel, tmp_path: Path) -> None:
    found = model.measured["assay"]
    process = TanimotoProcess(found.process.features, found.process.y)
    save_measured(
        [MeasuredPredictor("assay", "fingerprint", process, None, {"chosen": "fingerprint"})], tmp_path / FILE
    )
    tensors, strings = read_tensors(tmp_path / FILE, may_be_infinite=("y",))
    assert "descriptors" not in strings["measured"] and "0/descriptors" not in tensors
    tensors["0/fit"] = tensors["0/fit"][:3]  # noise, amplitude and mean were all that they had
    write_safetensors(tensors, tmp_path / FILE, strings)
    read = load_measured(tmp_path / FILE, {})["assay"]
    torch.testing.assert_close(read.predict(MOLECULES[:2]).mean, process.predict(features(MOLECULES[:2])).mean)
    assert read.draw(MOLECULES[:2], k=3).shape == (3, 2)
