"""A further round learns from new measurements and proposes nothing twice."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch
from rdkit import Chem

from chem_vae.errors import DataError, UserError
from pipeline.config import load_config
from pipeline.datasets.dataset import Dataset
from pipeline.generation.config import GenerateConfig, ScreenConfig
from pipeline.library import open_library
from pipeline.models.trained_model import TrainedModel
from pipeline.objectives.config import Objective
from pipeline.report.model import read_report
from pipeline.workflows.generate_run import generate_run
from pipeline.workflows.new_measurements import merge_measurements, select_new
from pipeline.workflows.screen_run import screen_run
from pipeline.workflows.update import NoNewMeasurementsError, list_proposed, update
from pipeline.workspace.runs import Run, read_settings, select_overall


def labels(smiles: list[str]) -> torch.Tensor:
    return torch.tensor([s.count("N") + 0.1 * len(s) for s in smiles])


@pytest.fixture(scope="module")
def first_round(model: TrainedModel, workspace: Path) -> Run:
    config = GenerateConfig(n=10, samples=60, objectives={"assay": Objective(maximize=True)}, seed=1)
    return generate_run(model, None, config, workspace, "round-1")


def test_a_further_round_learns_and_does_not_repeat(first_round: Run, workspace: Path, tmp_path: Path) -> None:
    before = pd.read_csv(first_round.folder / "candidates.csv")
    measured = before["smiles"][:6].tolist()
    source = tmp_path / "round-2.csv"
    rows = [f"{s},{v:.3f}" for s, v in zip(measured, labels(measured).tolist(), strict=True)]
    lines = [
        "SMILES,assay,file",
        *(f"{row},june" for row in rows),
        "not a molecule,1.0,june",
        f"{before['smiles'][6]},,june",
    ]
    source.write_text("\n".join(lines) + "\n")
    quick = {"train.training.epochs": 1, "train.training.seed": 5, "generate.n": 5, "generate.samples": 40}
    config = load_config(first_round.folder / "config.json", quick)
    made = update(first_round, str(source), workspace, config=config)
    assert made.new == 6
    kept = made.checks[0]
    assert (kept.measured.count, kept.measured.of) == (6, len(before))
    assert kept.found == pytest.approx(float(labels(measured).mean()), abs=1e-3)
    assert kept.predicted == pytest.approx(before["assay_predicted"][:6].mean())
    assert "6 of" in str(kept)
    (told,) = read_report(made.run.folder).rounds
    assert (told.run, told.proposed, told.measured, len(told.points)) == (first_round.id, len(before), 6, 6)
    assert told.found == pytest.approx(kept.found) and told.goal.startswith("assay at least") and told.hits is not None
    assert told.best == pytest.approx(max(labels(measured).tolist()), abs=1e-3) and told.best_before is not None
    assert told.learned[0].figure == "molecules fitted on" and told.learned[0].after > told.learned[0].before
    assert "Rounds before this one" in (made.run.folder / "report.html").read_text(encoding="utf-8")
    facts = read_report(made.run.folder).dataset
    assert facts.rows == 400 + 8 == (facts.accepted or 0) + (facts.duplicates or 0) + (facts.rejected or 0)
    rejected = pd.read_csv(made.run.folder / "rejected.csv")
    assert rejected["file.source"].tolist() == ["june"], "the user's own column stays"
    assert rejected["file"].tolist() == ["round-2"] and rejected["row"].tolist() == [8] and facts.rejected == 1
    model = TrainedModel.open(made.run.folder, workspace=workspace)
    settings = model.manifest["config"]["training"]
    assert (settings["epochs"], settings["seed"]) == (1, 5), "what was given holds, also for a model from nothing"
    dataset = model.dataset(workspace)
    assert (
        dataset is not None and dataset.counts["accepted"] == 400 + 7
    )  # the unmeasured one is a molecule all the same
    assert model.measured["assay"].compared["labelled"] == 266 + 6
    assert model.card["base"]["name"] == first_round.id
    proposed = set(pd.read_csv(made.run.folder / "candidates.csv")["inchikey"])
    assert proposed and not proposed & set(before["inchikey"])
    again = list_proposed(made.run)
    assert set(again["inchikey"]) == proposed | set(before["inchikey"])
    assert set(again["run"]) == {first_round.id, made.run.id}

    with pytest.raises(NoNewMeasurementsError, match="no measurement that is not in the data"):
        update(made.run, str(source), workspace, config=config)  # the same file once more
    corrected = found_in(rows[0].split(",")[0], 9.0)
    new = select_new(dataset, pd.concat([corrected, found_in(*rows[1].split(","))]))
    assert new["assay"].tolist() == [9.0], "what is known is passed over"
    merged = pd.read_csv(merge_measurements(config.ingest, dataset, new, workspace).source)
    assert merged["assay"].notna().sum() == dataset.table(["assay"])["assay"].notna().sum() and 9.0 in set(
        merged["assay"]
    )  # in the old one's place


def found_in(smiles: str, value: float | str) -> pd.DataFrame:
    """Build a measurement as `read_measurements` would find it."""
    key = Chem.MolToInchiKey(Chem.MolFromSmiles(smiles))
    return pd.DataFrame({"smiles": [smiles], "inchikey": [key], "assay": [float(value)]})


def test_what_an_update_cannot_use(first_round: Run, workspace: Path, tmp_path: Path) -> None:
    source = tmp_path / "other.csv"
    source.write_text("SMILES,potency\nCCO,1.0\n")
    with pytest.raises(UserError, match="none of the measured columns assay"):
        update(first_round, str(source), workspace)
    alone = tmp_path / "elsewhere" / "runs" / first_round.id
    shutil.copytree(first_round.folder, alone)
    with pytest.raises(DataError, match="is not in"):
        update(Run.open(alone), str(source), tmp_path / "elsewhere")


def test_the_measurements_of_the_candidate_library_are_new_ones(
    model: TrainedModel, dataset: Dataset, workspace: Path, tmp_path: Path
) -> None:
    """What the laboratory told the library trains the next round, without a file."""
    own = tmp_path / "library.sqlite"
    config = GenerateConfig(n=10, samples=60, objectives={"assay": Objective(maximize=True)}, seed=2)
    run = generate_run(model, dataset, config, workspace, "measured-round", library=str(own))
    measured = pd.read_csv(run.folder / "candidates.csv")["smiles"][:5].tolist()
    told = tmp_path / "measured.csv"
    told.write_text(
        "smiles,assay\n" + "".join(f"{s},{v:.3f}\n" for s, v in zip(measured, labels(measured).tolist(), strict=True))
    )
    quick = {"train.training.epochs": 1, "train.replay": 0.0, "generate.n": 4, "generate.samples": 40}
    again = load_config(run.folder / "config.json", {**quick, "library": str(own)})
    with pytest.raises(UserError, match="no measurement"):
        update(run, "library", workspace, config=again)
    with open_library(workspace, str(own)) as library:
        assert library.import_measurements(told).added == 5
    made = update(run, "library", workspace, config=again)
    assert made.new == 5 and made.checks[0].measured.count == 5
    proposed = set(pd.read_csv(made.run.folder / "candidates.csv")["inchikey"])
    assert proposed and not proposed & set(pd.read_csv(run.folder / "candidates.csv")["inchikey"])


def test_a_further_round_of_a_screening_chooses_from_the_same_library(
    model: TrainedModel, workspace: Path, tmp_path: Path, sample_smiles: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue = tmp_path / "catalogue.csv"
    catalogue.write_text(
        "\n".join(["SMILES,number", *(f"{s},{i:05}" for i, s in enumerate(sample_smiles[:200]))]) + "\n"
    )
    wanted = GenerateConfig(n=5, objectives={"assay": Objective(maximize=True)}, seed=1)
    monkeypatch.chdir(tmp_path)
    run = screen_run(
        model,
        None,
        wanted,
        ScreenConfig(library=catalogue.name),
        workspace,
        "screened",
        library="lib.db",
        overall={"fail_under": 1, "publish": "pub"},
    )
    before = pd.read_csv(run.folder / "candidates.csv")
    source = tmp_path / "measured.csv"
    source.write_text(f"SMILES,assay\n{before['smiles'][0]},3.25\n")
    quick = {"train.training.epochs": 1, "train.replay": 0.0}
    catalogue.rename(tmp_path / "moved.csv")
    before_it = set((workspace / "updates").glob("*"))
    with pytest.raises(
        DataError, match=r"the library to choose from: there is no file .*catalogue.csv; .*screen.library"
    ):
        update(run, str(source), workspace, config=load_config(run.folder / "config.json", quick))
    assert set((workspace / "updates").glob("*")) == before_it, "found out before the ingest"
    (tmp_path / "moved.csv").rename(catalogue)
    monkeypatch.chdir(workspace)  # the folder from which the next command is called is another one
    made = update(run, str(source), workspace, config=load_config(run.folder / "config.json", quick))
    after = pd.read_csv(made.run.folder / "candidates.csv")
    assert len(after) and after["number"].notna().all() and not set(after["inchikey"]) & set(before["inchikey"])
    assert read_report(made.run.folder).rounds[0].measured == 1
    assert load_config(made.run.folder / "config.json").screen is not None
    assert select_overall(read_settings(made.run.folder)) == select_overall(read_settings(run.folder))
    assert not (workspace / "lib.db").exists(), "both rounds are in the library of the first"
    with open_library(workspace, str(tmp_path / "lib.db")) as library:
        assert {run.id, made.run.id} <= set(library.list_runs()["run"])


def test_the_relative_library_of_an_older_run_is_not_made_anew(
    first_round: Run, workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = workspace / "runs" / "20250101-000000-older"
    shutil.copytree(first_round.folder, older)
    settings = json.loads((older / "config.json").read_text())
    (older / "config.json").write_text(json.dumps({**settings, "library": "lib.sqlite"}))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="has the candidate library lib.sqlite, which is not here; .*--library"):
        update(Run(older), "measured.csv", workspace)
    shutil.rmtree(older)
