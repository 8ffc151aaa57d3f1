"""The run folder of a screening: the library's columns, the rejected rows, and nothing after an error."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

import pipeline as mg
from chem_vae.errors import DataError
from pipeline.config import CampaignConfig
from pipeline.generation.config import GenerateConfig, ScreenConfig
from pipeline.models.trained_model import TrainedModel
from pipeline.objectives.config import Objective
from pipeline.report.model import read_report
from pipeline.workflows.screen_run import REJECTS, screen_run
from pipeline.workspace.presentation.csv_tables import read_csv_rows


@pytest.fixture
def library(sample_smiles: list[str], tmp_path: Path) -> Path:
    path = tmp_path / "catalogue.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["ID", "SMILES", "supplier <b>"])
        writer.writerows([f"V-{i}", text, "=1+2"] for i, text in enumerate([*sample_smiles[1:200], "=no"]))
    return path


def test_a_run_folder_of_a_screening(model: TrainedModel, library: Path, tmp_path: Path) -> None:
    config = GenerateConfig(objectives={"assay": Objective(maximize=True)}, n=4)
    screening = ScreenConfig(library=str(library), workers=1)
    run = screen_run(model, None, config, screening, tmp_path / "w", "choice")
    names = {p.name for p in run.folder.iterdir()}
    assert names >= {"config.json", "model", "report.html", "report.json", "candidates.csv", "candidates.sdf", REJECTS}
    rows = list(read_csv_rows(run.folder / "candidates.csv"))
    assert len(rows) == 4 and all(row["ID"].startswith("V-") and row["supplier <b>"] == "=1+2" for row in rows)
    assert "'=1+2" in (run.folder / "candidates.csv").read_text()  # no spreadsheet takes it for a formula
    assert f"V-{rows[0]['ID'][2:]}" in (run.folder / "candidates.sdf").read_text()
    told = list(read_csv_rows(run.folder / REJECTS))
    assert [row["row"] for row in told] == ["201"] and told[0]["input"] == "=no"
    report, page = read_report(run.folder), (run.folder / "report.html").read_text()
    assert report.library is not None and report.library.rows == 200 and report.library.rejected_file == REJECTS
    assert "chosen from the 200 rows of the library catalogue; they were not generated" in page
    assert (
        "V-" in page
        and "supplier &lt;b&gt;" in page
        and "all samples" not in page
        and "distinct molecules made" not in page
    )
    assert [s.stage for s in report.funnel][:2] == ["read", "readable"]
    again = CampaignConfig.model_validate({**json.loads((run.folder / "config.json").read_text()), "name": "again"})
    assert again.screen == screening and again.generate.objectives == config.objectives
    assert run.manifest["library"]["rows"] == 200


def test_an_error_leaves_no_folder(model: TrainedModel, tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("SMILES\n")
    config = GenerateConfig(objectives={"assay": Objective(maximize=True)})
    with pytest.raises(DataError):
        screen_run(model, None, config, ScreenConfig(library=str(tmp_path / "empty.csv")), tmp_path / "w", "choice")
    assert not list((tmp_path / "w").glob("runs/*"))


def test_the_public_name() -> None:
    from pipeline.interface.generation import screen

    assert mg.screen is screen
