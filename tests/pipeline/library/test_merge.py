"""Two libraries become one: nothing doubled, nothing lost, and a second merge changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from chem_vae.errors import UserError
from pipeline.library import CandidateLibrary, open_library
from pipeline.library.laboratory.measurement_files import FileOptions


@pytest.fixture
def other(tmp_path: Path, write_run: Callable[..., Path]) -> CandidateLibrary:
    """A library of another workspace: a later night with one molecule that both know."""
    workspace = tmp_path / "other"
    write_run(workspace, "20260105-020000-theirs", ["CCO", "CCCCO"], model="b" * 64)
    made = open_library(workspace)
    made.add_missing_runs()
    (workspace / "m.csv").write_text("SMILES,pIC50\nCCO,6.5\nCCCCO,7\n")
    made.import_measurements(workspace / "m.csv", who="Bea")
    return made


def test_a_merge_brings_everything_once(
    library: CandidateLibrary, other: CandidateLibrary, tmp_path: Path, write_run: Callable[..., Path]
) -> None:
    library.add_run(write_run(tmp_path, "20260101-020000-ours", ["CCN", "CCO"]))
    library.set_status(["CCO"], "ordered", who="Ada", why="cheap")
    made = library.merge(other)
    assert (made.molecules, made.new_molecules, made.new_runs, made.new_measurements) == (2, 1, 1, 2)
    both = library.describe("CCO")
    assert [p["run"] for p in both["proposals"]] == ["20260101-020000-ours", "20260105-020000-theirs"]
    assert both["score"] == 0.9  # of the later night
    assert {v["model"][0]: v["is_current"] for v in both["values"] if v["basis"] == "predicted"} == {
        "a": False,
        "b": True,
    }
    assert {(s["status"], s["who"]) for s in both["statuses"]} == {("ordered", "Ada"), ("measured", "Bea")}
    assert both["status"] == "ordered" and [m["value"] for m in both["measurements"]] == [6.5]
    assert both["other_ids"] and both["other_ids"][0].startswith("CV-000001 in ")
    again = library.merge(other)
    assert (again.new_molecules, again.new_runs, again.new_measurements) == (0, 0, 0)
    assert library.describe("CCO") == both
    other.close()


def test_a_library_is_not_merged_with_itself(other: CandidateLibrary) -> None:
    with pytest.raises(UserError, match="same library"), open_library(other.workspace) as copy:
        other.merge(copy)
    other.close()


def test_the_words_of_classes_are_taken_over(
    library: CandidateLibrary, other: CandidateLibrary, tmp_path: Path
) -> None:
    path = tmp_path / "classes.csv"
    path.write_text("SMILES,result\nCCO,good\nCCCCO,not good\n")
    other.import_measurements(path, FileOptions({"result": ""}), who="Bea")
    library.merge(other)
    path.write_text("SMILES,result\nCCO,Not good\n")
    assert library.import_measurements(path).added == 1
    assert [m["value"] for m in library.describe("CCO")["measurements"] if m["property"] == "result"] == [1, 0]
    other.close()
