"""Predictions of molecules that one has: values in the domain, reasons elsewhere, and every row of a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import pipeline as mg
from chem_vae.errors import UserError
from pipeline.datasets.dataset import Dataset
from pipeline.explore.prediction import predict, predict_file
from pipeline.models.trained_model import TrainedModel


def test_one_smiles_is_as_good_as_a_list(model: TrainedModel, sample_smiles: list[str]) -> None:
    one = sample_smiles[0]
    assert predict(model, one).equals(predict(model, [one])) and len(predict(model, one)) == 1
    assert model.encode(one).shape == model.encode([one]).shape
    assert len(model.predict(one)["assay"].mean) == 1
    assert len(mg.anomaly(model, one)) == len(mg.reconstruct(model, one)) == 1


def test_values_in_the_domain_and_reasons_elsewhere(
    model: TrainedModel, dataset: Dataset, sample_smiles: list[str]
) -> None:
    given = [*sample_smiles[:30], "not a molecule", "O"]
    found = predict(model, given)
    assert found["input"].tolist() == given
    inside = found["assay_in_domain"].eq(True)
    assert inside.sum() > 20
    assert found.loc[inside, ["assay_predicted", "assay_predicted_std"]].notna().all(axis=None)
    bad, water = found.iloc[-2], found.iloc[-1]
    assert pd.isna(bad["smiles"]) and bad["reason"] and bad["assay_in_domain"] is None
    assert np.isnan([bad["assay_predicted"], water["assay_predicted"]]).all(), "no confident nonsense"
    assert water["assay_in_domain"] is False or water["reason"]
    labels = dataset.table(["smiles", "assay"]).set_index("smiles")["assay"]
    for smiles, known in zip(found["smiles"], found["assay_measured"], strict=True):
        assert known == pytest.approx(labels.get(smiles, np.nan), nan_ok=True)
    assert found.loc[inside, "logp_computed"].notna().all() and "logp_predicted" not in found
    anyway = predict(model, given, outside_domain=True)
    assert anyway.loc[inside, "assay_predicted"].equals(found.loc[inside, "assay_predicted"])
    outside = anyway["assay_in_domain"].eq(False)
    assert anyway.loc[outside, "reason"].str.contains("outside of the domain of assay").all()


def test_every_row_of_a_file_is_in_the_table(model: TrainedModel, sample_smiles: list[str], tmp_path: Path) -> None:
    path = tmp_path / "ideas.csv"
    rows = [f"{s},idea {i},{i}" for i, s in enumerate(sample_smiles[:5])]
    path.write_text("\n".join(["SMILES,name,assay_predicted", *rows[:3], ",empty,3", "xx,bad,4", *rows[3:]]) + "\n")
    found = predict_file(model, path)
    assert found["row"].tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert found["name"].tolist()[4] == "bad" and found["reason"].iloc[3] and found["reason"].iloc[4]
    assert found["assay_predicted (file)"].iloc[0] == "0", "the file's own column is kept beside ours"
    alone = predict(model, sample_smiles[:5])
    read = found[found["smiles"].notna()].reset_index(drop=True)
    assert np.allclose(read["assay_predicted"], alone["assay_predicted"], equal_nan=True)
    assert len(predict_file(model, path, limit=2)) == 2 == len(predict_file(model, str(path), limit=2))
    empty = tmp_path / "empty.csv"
    empty.write_text("SMILES,name\n")
    for where in (empty, str(empty)):
        with pytest.raises(UserError, match="empty.csv has no rows"):
            predict_file(model, where)
