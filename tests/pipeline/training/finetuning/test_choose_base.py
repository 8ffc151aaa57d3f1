"""The base of a training is the model that fits the molecules best, and the figures of the choice are told."""

from __future__ import annotations

import csv
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
from signing import sign_again

from pipeline.chemistry.metrics import Share
from pipeline.datasets.config import IngestConfig
from pipeline.datasets.dataset import Dataset
from pipeline.datasets.ingest import ingest
from pipeline.generation.config import GenerateConfig
from pipeline.models.description.model_description import describe_fits
from pipeline.models.trained_model import TrainedModel
from pipeline.report.model import read_report
from pipeline.training.config import TrainConfig
from pipeline.training.finetuning import choose_base as module
from pipeline.training.finetuning.choose_base import BaseChoice, BaseFit, choose_base, draw_compared_molecules
from pipeline.training.train import train
from pipeline.workflows.generate_run import generate_run
from pipeline.workspace import lookup

QUICK = {"training": {"epochs": 1, "batch_size": 64, "validations": 1}}


def _choose(monkeypatch: pytest.MonkeyPatch, spelled: dict[str, set[int]], nats: dict[str, float]) -> BaseChoice:
    """Choose among stand-ins that can spell these of a hundred molecules, with these mean -log p(x)."""
    monkeypatch.setattr(module, "_spell", lambda model, smiles: {smiles[i]: "[C]" for i in spelled[model]})
    monkeypatch.setattr(
        module,
        "_measure",
        lambda models, found, names, tell: {
            n: nats[n] if set.intersection(*(set(found[m]) for m in names)) else math.nan for n in names
        },
    )
    return choose_base({name: name for name in spelled}, [str(i) for i in range(100)])  # type: ignore[misc]


def test_what_a_model_can_spell_counts_first_then_the_log_likelihood_then_the_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    every = set(range(100))
    cases = [
        ({"druglike": every, "moses": set(range(34))}, {"druglike": 60.0, "moses": 40.0}, "druglike"),
        ({"druglike": every, "moses": every}, {"druglike": 30.0, "moses": 26.0}, "moses"),
        ({"druglike": every, "moses": every}, {"druglike": 30.01, "moses": 30.0}, "druglike"),
        (
            {"druglike": set(range(99)), "moses": every},
            {"druglike": 29.0, "moses": 30.0},
            "druglike",
        ),  # one of a hundred
        ({"druglike": set(range(90)), "moses": every}, {"druglike": 29.0, "moses": 30.0}, "moses"),
        ({"druglike": set(), "moses": set()}, {"druglike": 1.0, "moses": 1.0}, "druglike"),
        ({"druglike": {1, 2}, "moses": every, "own": every}, {"druglike": 1.0, "moses": 30.0, "own": 20.0}, "own"),
    ]
    for spelled, nats, chosen in cases:
        found = _choose(monkeypatch, spelled, nats)
        assert found.name == chosen, spelled
        assert {fit.name for fit in found.fits} == set(spelled)
        assert all(fit.spelled == Share(len(spelled[fit.name]), 100) for fit in found.fits)


def test_the_choice_is_told_with_both_figures() -> None:
    choice = BaseChoice([BaseFit("druglike", Share(500, 500), 29.04), BaseFit("moses", Share(170, 500), 41.26)])
    assert str(choice) == (
        "it can spell 100 % of 500 molecules of the data (moses 34 %); -log p(x) of those that each of these models can spell is "
        "29.0 nats (moses 41.3)"
    )
    assert choice.put_first("moses").name == "moses" and choice.put_first("moses").fits[1].name == "druglike"
    alone = BaseFit("moses", Share(0, 20), math.nan).to_dict()
    assert describe_fits([alone]) == "it can spell 0 % of 20 molecules of the data"


@pytest.fixture
def halogens(tmp_path: Path) -> Dataset:
    """Measured molecules, half of them with an element that the tiny model does not know."""
    source = tmp_path / "measured.csv"
    with source.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["SMILES", "potency"])
        for i in range(20):
            chain = "C" * (1 + i // 2)
            writer.writerow([f"{chain}c1ccccc1" if i % 2 else f"{chain}c1ccc(B(O)O)cc1", 5 + 0.1 * i])
    settings = {"properties": ["potency"], "compute": ["logp"], "merges": 5, "workers": 1}
    return ingest(IngestConfig.model_validate({"source": str(source), **settings}), tmp_path / "workspace")


def test_the_better_of_two_shipped_models_is_taken_and_said_everywhere(
    halogens: Dataset, model: TrainedModel, fine_tuned: TrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`fine_tuned` knows boron, `model` does not."""
    installed, workspace = tmp_path / "installed", tmp_path / "workspace"
    for name, folder in (("broad", fine_tuned.folder), ("clean", model.folder)):
        shutil.copytree(folder, installed / "models" / name)
        sign_again(installed / "models" / name)
    monkeypatch.setattr(lookup, "find_data_folder", lambda: installed)
    smiles = draw_compared_molecules(halogens)
    assert smiles == draw_compared_molecules(halogens) and len(smiles) == halogens.counts["train"]
    boron = np.mean(["B" in s for s in smiles])
    models = {name: TrainedModel.open(installed / "models" / name) for name in ("clean", "broad")}
    choice = choose_base(models, smiles)
    assert choice.name == "broad" and choice.fits[0].spelled.fraction == 1
    assert choice.fits[1].spelled.fraction == pytest.approx(1 - boron) and boron > 0.2
    assert all(fit.nats > 0 for fit in choice.fits)

    config = TrainConfig.model_validate(QUICK)
    with pytest.warns(
        UserWarning, match=r"broad was taken: it can spell 100 % of .*\(clean \d+ %\); -log p\(x\) .* nats"
    ):
        made = train(halogens, config, workspace)
    assert made.card["base"]["name"] == "broad"
    assert made.card["base"]["fits"] == [fit.to_dict() for fit in choice.fits]
    assert "    broad: it can spell 100 %" in made.summary()
    run = generate_run(made, halogens, GenerateConfig(n=2, samples=20), workspace, "first")
    assert run.manifest["model"]["base"]["fits"] == made.card["base"]["fits"]
    shown = read_report(run.folder).model.base
    assert shown is not None and shown.startswith("broad (") and "(clean" in shown
    assert "started from" in (run.folder / "report.html").read_text(encoding="utf-8")

    obeyed = train(halogens, TrainConfig.model_validate({"start": "clean", **QUICK}), workspace)
    assert [fit["name"] for fit in obeyed.card["base"]["fits"]] == ["clean", "broad"]
