"""The benchmark of the base model keeps each row that is measured, and measures again only what is asked for otherwise."""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

import druglike
import pytest
from druglike_table import write_table

from pipeline.datasets.dataset import Dataset
from pipeline.models.trained_model import TrainedModel


@pytest.fixture
def options(dataset: Dataset, tmp_path: Path) -> argparse.Namespace:
    """A prepared table: molecules of the tiny model's data, and two with stereo and charges that it does not know."""
    smiles = dataset.table(["smiles"])["smiles"].tolist()
    rows = [(s, "zinc250k", "test" if i < 12 else "train") for i, s in enumerate(smiles[:40])]
    rows += [
        ("C[C@H](N)C(=O)O", "other", "test"),
        ("C[N+](C)(C)CC(=O)[O-]", "other", "test"),
        (smiles[50], "other", "test"),
    ]
    with (tmp_path / "prepared.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("smiles", "source", "split"), *rows])
    series = tmp_path / "series"
    series.mkdir()
    for name, few in (("A", smiles[:3]), ("B", [*smiles[3:5], "not a molecule"])):
        (series / f"{name}.csv").write_text("smiles,y\n" + "".join(f"{s},1\n" for s in few))
    return argparse.Namespace(
        model="tiny", data=tmp_path / "prepared.csv", moleculeace=series, molecules=50, per_series=0, samples=20,
        candidates=2, seed=0, data_has_training=True,
    )  # fmt: skip


def test_rows_are_measured_once_and_again_where_their_settings_differ(
    model: TrainedModel, options: argparse.Namespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "druglike.json"
    wanted = ("zinc250k", "other", "moleculeace", "likelihood", "predictors")
    rows = druglike.run(druglike.Bench(model, options), wanted, output)["rows"]
    entered = {name: rows[name]["figures"]["entered"] for name in wanted[:3]}
    assert {name: (e["count"], e["of"]) for name, e in entered.items()} == {
        "zinc250k": (7, 7), "other": (1, 3), "moleculeace": (5, 6),
    }  # fmt: skip
    assert rows["zinc250k"]["figures"]["exact"]["of"] == 7, "without the five of the series"
    nats = rows["likelihood"]["figures"]
    assert (nats["all"]["of"], nats["zinc250k"]["of"], nats["other"]["of"]) == (8, 7, 1)
    assert nats["all"]["nats"] == pytest.approx((7 * nats["zinc250k"]["nats"] + nats["other"]["nats"]) / 8, rel=1e-4)
    assert rows["predictors"]["figures"].keys() == {"of", "logp", "mw"}
    text = write_table(rows)
    assert "| zinc250k: can be entered; exact reconstruction | 100.0 % of 7; " in text
    assert not any(s in output.read_text() for s in ("[C@H]", "c1"))  # no molecule

    def refuse(bench: druglike.Bench) -> dict[str, object]:
        raise AssertionError("measured twice")

    monkeypatch.setattr(druglike, "MEASURES", dict.fromkeys(druglike.MEASURES, refuse))
    assert druglike.run(druglike.Bench(model, options), wanted, output)["rows"] == rows
    options.molecules = 5
    with pytest.raises(AssertionError, match="twice"):
        druglike.run(druglike.Bench(model, options), ("other",), output)
    assert json.loads(output.read_text())["rows"] == rows  # a row that failed takes nothing with it


def test_novelty_is_counted_against_the_tables_training_rows(
    model: TrainedModel, options: argparse.Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TrainedModel, "dataset", lambda self: None)
    known = [row["smiles"] for row in druglike.read_table(options.data) if row["split"] == "train"]
    found = druglike.measure_novel(druglike.Bench(model, options), {*known[:3], "CCCCCCCCCO"})
    assert (found["count"], found["of"]) == (1, 4)
