"""The Python interface as a notebook uses it: names, tables, workspaces, aims, and short descriptions."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rdkit import Chem

import pipeline as mg
from chem_vae.errors import UserError
from pipeline.config import CampaignConfig
from pipeline.datasets.dataset import Dataset
from pipeline.interface.data import write_frame
from pipeline.models.trained_model import TrainedModel
from pipeline.report.facts.asked_and_found import Stage
from pipeline.report.model import Report
from pipeline.workspace.presentation.notebook_card import MOST_BYTES, MOST_LINES

PHENOL = "CC(=O)Nc1ccc(O)cc1"


@pytest.fixture(scope="module")
def found(model: TrainedModel) -> mg.GenerationReport:
    return mg.generate(
        model, maximize="logp", range={"mw": (200, 400)}, n=6, samples=60, seed=1, strategy="conditional", quiet=True
    )


def check_card(shown: object) -> str:
    """Check that a description is short in text and in HTML; return the text."""
    text, page = repr(shown), shown._repr_html_()  # type: ignore[attr-defined]
    assert 1 <= text.count("\n") + 1 <= MOST_LINES and len(page.encode()) <= MOST_BYTES + 5_000
    assert "<script" not in page and "http" not in page.replace("http://www.w3.org", "")
    return text


def test_a_result_shows_counts_and_saves_its_candidates(found: mg.GenerationReport, tmp_path: Path) -> None:
    text = check_card(found)
    assert "logp high" in text and "mw" in text and f"{len(found):,} candidate" in text
    assert len(found) == len(found.to_frame()) == len(list(found)) > 0
    assert next(iter(found))["smiles"] == found.to_frame()["smiles"].iloc[0]
    assert not {"z", "molecule"} & set(found.to_frame()) and "z" in found.to_frame(latent=True)
    for name in ("a.csv", "a.sdf", "a.png"):
        assert found.save(tmp_path / name).stat().st_size
    assert found.to_csv(tmp_path / "b.csv").read_text() == (tmp_path / "a.csv").read_text()
    assert "logp" in found.plot()._repr_svg_() and "<svg" in found.grid()._repr_svg_()


def test_cards_show_the_stages_in_the_order_of_the_funnel(found: mg.GenerationReport, tmp_path: Path) -> None:
    mixed = {"in domain": 333, "never proposed before": 499, "requested": 509, "unique": 400, "valid": 500}
    assert "requested 509 → valid 500 → unique 400 → in domain 333" in repr(replace(found, counts=mixed))
    report = Report(funnel=[Stage(stage="read", count=40, of=40), Stage(stage="in domain", count=30, of=40)])
    (tmp_path / "report.json").write_text(json.dumps(report.to_dict()))
    assert "read 40 → in domain 30" in repr(mg.Run(tmp_path, {"counts": {"in domain": 30, "read": 40}}))


def test_a_result_without_candidates_is_described_too(found: mg.GenerationReport) -> None:
    empty = mg.GenerationReport(
        found.candidates.head(0),
        found.molecules.head(0),
        found.counts,
        found.objectives,
        found.config,
        0,
        found.canonical,
    )
    assert "0 candidates" in check_card(empty) and len(empty) == 0 and empty


def test_aims_are_those_of_the_command_line(model: TrainedModel) -> None:
    with pytest.raises(UserError, match="'qed' has two aims"):
        mg.generate(model, target={"qed": 1.0}, maximize=["qed"])
    wrong: Any = {"a key": 1}
    with pytest.raises(UserError, match="exclude takes one text or a list of them"):
        mg.generate(model, exclude=wrong, quiet=True)


def test_model_dataset_and_library_are_short(model: TrainedModel, dataset: Dataset, tmp_path: Path) -> None:
    assert "assay" in check_card(model) and "conditions" in repr(model)
    assert "400" in check_card(dataset) and "assay" in repr(dataset)
    assert "0 molecules" in check_card(mg.library(str(tmp_path)))


def test_names_of_models_are_taken_wherever_a_model_is(
    model: TrainedModel, workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CHEM_VAE_WORKSPACE", str(workspace))
    name = model.folder.name
    near = mg.neighbors(name, PHENOL, k=3)
    assert isinstance(near, mg.MoleculeTable) and near.attrs["given"] == PHENOL and len(near) == 3
    assert "encode training molecules" in capsys.readouterr().err  # progress is shown where nobody listens
    assert len(mg.analogues(name, PHENOL, n=2, progress=mg.silent)) == 2 and not capsys.readouterr().err
    assert mg.predict(name, PHENOL, quiet=True)["smiles"].tolist() == [PHENOL]
    assert mg.load_model(name).folder == model.folder and mg.load_model(model) is model


def test_a_table_in_and_a_table_out(tmp_path: Path, sample_smiles: list[str], model: TrainedModel) -> None:
    frame = pd.DataFrame({"Structure": sample_smiles[:300], "pIC50": [5 + len(s) / 20 for s in sample_smiles[:300]]})
    made = mg.ingest(
        frame, str(tmp_path), smiles="Structure", properties=["pIC50"], compute=("mw",), quiet=True, workers=1
    )
    again = mg.ingest(frame, tmp_path, smiles="Structure", properties="pIC50", compute=("mw",), quiet=True, workers=1)
    assert made.counts["rows"] == 300 and again.reused and again.key == made.key
    assert made.table(["pIC50"])["pIC50"].max() == pytest.approx(frame["pIC50"].max())

    asked = frame.head(3).set_axis(["a", "b", "c"])
    asked.loc["b", "Structure"] = None
    told = mg.predict(model, asked, smiles_column="structure", quiet=True)
    assert told.index.tolist() == ["a", "b", "c"] and told["pIC50"].tolist() == asked["pIC50"].tolist()
    assert told["reason"].map(bool).tolist() == [False, True, False]


def test_tables_that_cannot_be_read_say_why(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no rows"):
        write_frame(pd.DataFrame({"smiles": []}), tmp_path)
    with pytest.raises(UserError, match="name of a dataset"):
        write_frame(pd.DataFrame({"smiles": ["C"]}), tmp_path, "../x")


def test_a_campaign_from_a_table(tmp_path: Path, sample_smiles: list[str], model: TrainedModel) -> None:
    run = mg.Run(model.folder, {})  # a folder without candidates
    assert len(run) == 0 and "it is not finished" in check_card(run)
    assert mg.list_runs(str(tmp_path)) == []


def test_capitals_of_names_make_no_difference(model: TrainedModel, workspace: Path) -> None:
    found = mg.generate(
        model, maximize="LogP", range={"MW": (200, 400)}, n=2, samples=20, strategy="conditional", quiet=True
    )
    assert [w.summary.name for w in found.objectives] == ["logp", "mw"]
    with pytest.raises(UserError, match="capitals make no difference"):
        mg.generate(model, target={"logp": 2.0}, maximize="LogP", n=2, quiet=True)
    assert mg.load_model(model.folder.name.upper(), workspace).folder == model.folder


def test_a_series_with_missing_cells_is_predicted(model: TrainedModel) -> None:
    cells: Any = pd.Series(["CCO", float("nan"), None, Chem.MolFromSmiles("CC")])
    told = mg.predict(model, cells, quiet=True)
    assert told["smiles"].isna().tolist() == [False, True, True, True]
    assert told["reason"].tolist()[1:3] == ["no SMILES: the cell is empty"] * 2
    assert "Chem.MolToSmiles" in told["reason"][3]
    table = mg.predict(model, pd.DataFrame({"smiles": cells}), quiet=True)
    assert table["reason"].tolist() == told["reason"].tolist()


def test_a_campaign_checks_its_settings_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pd.DataFrame({"smiles": ["CCO", "CCN"]})
    for wrong, words in (
        ({"n": 0}, r"the request: n: input should be greater than or equal to 1"),
        ({"n": 5, "name": "a name"}, r"the request: name: "),
    ):
        asked: dict[str, Any] = wrong
        with pytest.raises(UserError, match=words):
            mg.campaign(frame, tmp_path, quiet=True, **asked)
    assert not list(tmp_path.iterdir()), "nothing was written"
    taken: list[CampaignConfig] = []

    def run(config: CampaignConfig, *rest: Any) -> mg.Run:
        taken.append(config)
        return mg.Run(tmp_path, {})

    monkeypatch.setattr("pipeline.interface.runs.run_campaign", run)
    whole = CampaignConfig.model_validate(
        {
            "fail_under": 2,
            "ingest": {"source": "moses-sample", "limit": 9},
            "generate": {"seed": 5, "objectives": {"qed": {"maximize": True}}},
        }
    )
    mg.campaign(whole, tmp_path, quiet=True, n=7, target={"logp": 2.0}, name="b")
    (got,) = taken
    assert (got.name, got.fail_under, got.generate.n, got.generate.seed) == ("b", 2, 7, 5)
    assert list(got.generate.objectives) == ["qed", "logp"] and got.ingest == whole.ingest
    assert got.train == whole.train and got.optimize is None
