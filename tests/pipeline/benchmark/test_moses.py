"""The MOSES benchmark of a whole model."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chem_vae.errors import UserError
from pipeline.benchmark import moses, targets
from pipeline.benchmark.distribution import (
    measure_validity,
)
from pipeline.benchmark.moses import BenchmarkSettings, average_seeds, run_benchmark, score_samples
from pipeline.benchmark.reference import Reference, build_reference
from pipeline.benchmark.table import render_markdown
from pipeline.chemistry.metrics import Share
from pipeline.models.trained_model import TrainedModel


def test_over_seeds() -> None:
    shares = [{"valid": Share(9, 10).to_dict(), "SNN": 0.5}, {"valid": Share(7, 10).to_dict(), "SNN": None}]
    found = average_seeds(shares)
    assert found["valid"] == {
        "count": 16,
        "of": 20,
        "mean": 0.8,
        "std": pytest.approx(math.sqrt(0.02)),
        "seeds": [0.9, 0.7],
    }
    assert math.isnan(found["SNN"]["mean"]), "one that failed is not averaged away"
    assert average_seeds(shares[:1])["valid"]["std"] is None


def test_settings_are_checked() -> None:
    with pytest.raises(UserError, match="did you mean 'normal'"):
        BenchmarkSettings(prior="norml")
    with pytest.raises(UserError, match="samples should be 1"):
        BenchmarkSettings(samples=0)
    with pytest.raises(UserError, match="temperature"):
        BenchmarkSettings(temperature=-1)


@pytest.fixture
def small_moses(monkeypatch: pytest.MonkeyPatch, sample_smiles: list[str]) -> None:
    """A MOSES of some dozen molecules, without ChemNet and without the network."""
    sets = {"train": sample_smiles[:2800:7], "test": sample_smiles[1:300:7]}
    references = {name: build_reference(name, sets["test"], workers=1, chemnet=False) for name in ("Test", "TestSF")}

    def given(name: str, **_: Any) -> Reference:
        return references[name]

    monkeypatch.setattr(moses, "read_split", lambda split: sets[split])
    monkeypatch.setattr(moses, "load_reference", given)
    monkeypatch.setattr(moses, "load_rules", lambda: ("[#16]-[#1]",))
    monkeypatch.setattr(moses, "find_fcd_version", lambda: "none")


SMALL = BenchmarkSettings(samples=60, seeds=2, reconstructions=20, targets=20, per_value=4)


def test_whole_benchmark(
    small_moses: None, model: TrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []

    def progress(stage: str, done: int, total: int, figures: Any = None) -> None:
        said.append(stage)

    folder = run_benchmark(model, SMALL, tmp_path, workers=1, progress=progress)
    results = json.loads((folder / "results.json").read_text())
    assert {"sample, seed 0", "sample, seed 1", "reconstruct from mean", "measure samples, seed 1"} <= set(said)
    figures = results["distribution"]
    assert figures["valid"]["of"] == 120 and len(figures["valid"]["seeds"]) == 2
    assert 0 < figures["SNN/Test"]["mean"] <= 1 and "FCD/Test" not in figures
    unusual, data = figures["Unusual"], results["unusual_in_data"]
    assert unusual["of"] == figures["valid"]["count"] and 0 <= data["count"] <= data["of"] == 43
    assert figures["Novelty"]["of"] == figures["Novelty (InChIKey)"]["of"] > 0
    assert results["model"]["key"] == model.key and results["settings"]["samples"] == 60
    with (folder / "samples-0.csv").open() as file:
        smiles = [row["SMILES"] for row in csv.DictReader(file)]
    assert len(smiles) == 60
    assert measure_validity(smiles).fraction == figures["valid"]["seeds"][0], "the file alone gives the same figures"
    share = results["reconstruction"]["from_mean"]["molecule"]
    assert share["of"] == results["posterior"]["molecules"] == 20
    assert results["reconstruction"]["from_mean"]["ids"]["count"] <= share["count"]
    assert results["reconstruction"]["passed_over"]["training_data_checked"] is True
    assert "sa" in results["protocol_b"]["skipped"], "the tiny model knows logP and the weight alone"
    assert len(results["single_targets"]["mw"]["targets"]) == len(targets.QUANTILES)
    assert results["single_targets"]["mw"]["targets"][0]["within"]["of"] == 4
    page = (folder / "results.md").read_text()
    assert "| CharRNN | 0.9748 |" in page and "**this model**" in page and "nan" not in page
    ours = next(line for line in page.splitlines() if line.startswith("| **this model** |"))
    assert ours.split(" | ")[2:4] == ["–", "–"], "60 samples tell nothing of uniqueness among 1,000"
    assert "parameters, trained on assay (" in page
    assert f"valid samples ({unusual['count']:,} of {unusual['of']:,}); of MOSES' test molecules" in page
    base = {"name": "a-1", "dataset": "a", "training_molecules": 5000, "base": {"name": "b", "dataset": "B", "training_molecules": 70, "base": None}}  # fmt: skip
    told = render_markdown({**results, "model": {**results["model"], "base": base}})
    assert "fine-tuned from a-1, trained on a (5,000 molecules), itself fine-tuned from b, trained on B (70" in told
    tuned = replace(model, manifest={**model.manifest, "card": {**model.card, "base": base}})
    assert not moses._Benchmark(tuned, SMALL, folder, None, 1, progress).known  # type: ignore[arg-type]

    # A part that was lost is made again, alike; what is there is not touched.
    kept = json.loads((folder / "parts" / "distribution-1.json").read_text())
    (folder / "parts" / "distribution-1.json").unlink()
    (folder / "samples-1.csv").unlink()
    before = (folder / "parts" / "reconstruction.json").stat().st_mtime_ns
    monkeypatch.setattr(moses, "measure_reconstruction", None)
    assert run_benchmark(model, SMALL, tmp_path, workers=1) == folder
    assert json.loads((folder / "parts" / "distribution-1.json").read_text())["result"] == kept["result"]
    assert (folder / "parts" / "reconstruction.json").stat().st_mtime_ns == before
    assert not list(tmp_path.rglob("*.partial"))


def test_own_samples_are_scored(small_moses: None) -> None:
    found = score_samples(["CCO", "OCC", "CCS", None], workers=1)
    assert score_samples(["CCO", "CCOOC", None], workers=1)["Unusual"] == {"count": 1, "of": 2, "fraction": 0.5}
    assert (found["samples"], found["valid"]["count"], found["unique@1000"]["count"]) == (4, 3, 2)
    assert found["Filters"] == {"count": 2, "of": 3, "fraction": 2 / 3} and found["Novelty"]["fraction"] == 1.0
    assert found["weight"] > 200, "far lighter than a test molecule"
    assert 0 < found["SNN/TestSF"] < 0.5 and found["Scaf/Test"] != found["Scaf/Test"], "no scaffold to compare"


def test_another_setting_is_another_folder(small_moses: None, model: TrainedModel, tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    def stop(stage: str, done: int, total: int, figures: Any = None) -> None:
        raise Stop

    for settings in (SMALL, BenchmarkSettings(samples=61, seeds=2, reconstructions=20, targets=20, per_value=4)):
        with pytest.raises(Stop):
            run_benchmark(model, settings, tmp_path, workers=1, progress=stop)
    assert len([p for p in (tmp_path / "benchmarks").iterdir() if p.is_dir()]) == 2
