"""Runs in the library: each once, from its folder alone, in any order."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import func, select

from chem_vae.errors import ChemVAEWarning, DataError
from pipeline.library import CandidateLibrary
from pipeline.library.database import read
from pipeline.library.recording import describe_candidates
from pipeline.library.run_tables import read_run
from pipeline.library.schema import Base

OLD = Path(__file__).resolve().parents[2] / "old_formats" / "workspace"


def count_rows(library: CandidateLibrary) -> dict[str, int]:
    with read(library.engine) as connection:
        return {
            name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for name, table in Base.metadata.tables.items()
        }


def test_a_run_is_recorded_from_its_folder_once(
    library: CandidateLibrary, tmp_path: Path, write_run: Callable[..., Path]
) -> None:
    folder = write_run(tmp_path, "20260101-020000-nightly")
    recorded = library.add_run(folder)
    assert recorded is not None and (recorded.candidates, recorded.new, recorded.unreadable) == (6, 6, 0)
    before = count_rows(library)
    assert before["molecules"] == before["proposals"] == before["fingerprints"] == 6
    assert before["property_values"] == 12
    assert library.add_run(folder) is None and library.add_missing_runs() == []
    assert count_rows(library) == before


def test_processes_compute_what_one_computes(
    tmp_path: Path, write_run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    table = read_run(write_run(tmp_path, "20260101-020000-nightly"))
    alone = describe_candidates(table)
    monkeypatch.setattr("pipeline.library.recording.PARALLEL_FROM", 2)
    monkeypatch.setattr("pipeline.library.recording.describe_structure", None)  # this process computes none
    assert describe_candidates(table, workers=2) == alone and len(alone) == 6


def test_a_molecule_that_is_proposed_again_is_one_molecule_with_two_proposals(
    library: CandidateLibrary, tmp_path: Path, write_run: Callable[..., Path]
) -> None:
    write_run(tmp_path, "20260101-020000-nightly", ["CCO", "CCN"])
    write_run(tmp_path, "20260102-020000-nightly", ["CCN", "CCC"], model="b" * 64)
    assert [(r.run, r.new) for r in library.add_missing_runs()] == [
        ("20260101-020000-nightly", 2), ("20260102-020000-nightly", 1)
    ]  # fmt: skip
    known = library.describe("CCN")
    assert [p["run"] for p in known["proposals"]] == ["20260101-020000-nightly", "20260102-020000-nightly"]
    predicted = [(v["model"][0], v["value"], v["is_current"]) for v in known["values"] if v["basis"] == "predicted"]
    assert predicted == [("b", 8.0, True), ("a", 7.5, False)]
    assert known["proposals"][0]["details"]["pIC50_predicted"] == 7.5
    assert known["score"] == 0.9 and known["proposals"][0]["parent"] == "CCC"


def test_an_older_run_that_is_recorded_later_does_not_replace_newer_values(
    library: CandidateLibrary, tmp_path: Path, write_run: Callable[..., Path]
) -> None:
    older = write_run(tmp_path, "20260101-020000-nightly", ["CCO", "CCN"], model="a" * 64)
    newer = write_run(tmp_path, "20260102-020000-nightly", ["CCN", "CCC"], model="b" * 64)
    library.add_run(newer)
    library.add_run(older)
    known = library.describe("CCN")
    assert known["score"] == 0.9
    assert {v["model"][0]: v["is_current"] for v in known["values"] if v["model"]} == {"b": True, "a": False}
    assert next(v["value"] for v in known["values"] if v["basis"] == "computed") == 1.0


def test_stereoisomers_are_two_molecules_with_one_stereo_blind_key(
    library: CandidateLibrary, tmp_path: Path, write_run: Callable[..., Path]
) -> None:
    library.add_run(write_run(tmp_path, "20260101-020000-nightly"))
    one, other = library.describe("C[C@H](N)C(=O)O"), library.describe("C[C@@H](N)C(=O)O")
    assert one["id"] != other["id"] and one["stereo_blind_key"] == other["stereo_blind_key"]


def test_runs_of_earlier_versions_are_recorded(library: CandidateLibrary, tmp_path: Path) -> None:
    shutil.copytree(OLD / "runs", tmp_path / "runs")
    assert [(r.run, r.candidates) for r in library.add_missing_runs()] == [
        ("20261125-200547-tiny", 5), ("20261125-200551-search", 12)
    ]  # fmt: skip


def test_what_cannot_be_read_is_said_and_the_others_are_recorded(
    library: CandidateLibrary, tmp_path: Path, write_run: Callable[..., Path]
) -> None:
    damaged = write_run(tmp_path, "20260101-020000-nightly")
    (damaged / "candidates.csv").unlink()
    write_run(tmp_path, "20260102-020000-nightly", ["CCO", "not a molecule"])
    (tmp_path / "runs" / "20260103-020000-unfinished").mkdir()
    with pytest.warns(ChemVAEWarning, match="20260101-020000-nightly is not in the library"):
        [recorded] = library.add_missing_runs()
    assert recorded.run == "20260102-020000-nightly" and recorded.unreadable == 1
    with pytest.raises(DataError, match=r"no candidates\.csv"):
        library.add_run(damaged)


def test_columns_of_a_catalogue_or_of_another_molecule_are_no_predictions(
    library: CandidateLibrary, tmp_path: Path, write_run: Callable[..., Path]
) -> None:
    columns = {
        "logS_predicted": [-1.0, -2.0],
        "catalogue": ["0042", "0043"],
        "nearest_measured_dock_predicted": [-7, -8],
    }
    folder = write_run(tmp_path, "20260101-020000-screen", ["CCO", "CCN"], columns=columns)

    report = json.loads((folder / "report.json").read_text())
    (folder / "report.json").write_text(json.dumps({**report, "library": {"columns": ["logS_predicted", "catalogue"]}}))
    library.add_run(folder)
    known = library.describe("CCO")
    assert {v["property"] for v in known["values"]} == {"logp", "pIC50"}
    assert known["proposals"][0]["details"]["catalogue"] == "0042"
    assert known["proposals"][0]["details"]["logS_predicted"] == -1.0


def test_of_two_runs_of_a_night_the_later_one_counts_in_whatever_order_they_are_recorded(
    library: CandidateLibrary, tmp_path: Path, write_run: Callable[..., Path]
) -> None:
    smiles, hours = ["CCO", "CCCO"], ("05:30:00", "01:30:00")
    for hour, scores in zip(hours, ([0.8, 0.7], [0.1, 0.2]), strict=True):
        name = f"20260101-{hour[:2]}0000-night"
        finished = f"2026-01-01T{hour}+00:00"
        library.add_run(
            write_run(tmp_path, name, smiles, model=hour[:1] * 64, columns={"score": scores}, finished=finished)
        )
    frame = library.to_frame()
    assert frame["score"].tolist() == [0.8, 0.7] and set(frame["run"]) == {"20260101-050000-night"}


def test_one_condition_and_one_molecule_are_no_letters(
    library: CandidateLibrary, tmp_path: Path, write_run: Callable[..., Path]
) -> None:
    library.add_run(write_run(tmp_path, "20260101-010000-night", ["CCO", "CCCO"], columns={"score": [0.8, 0.2]}))
    assert library.set_status("CCO", "ordered") == library.set_status(["CCO"], "ordered")
    assert library.to_frame(status="ordered")["smiles"].tolist() == ["CCO"]
    assert library.to_frame(ranges="score<0.5")["smiles"].tolist() == ["CCCO"]
