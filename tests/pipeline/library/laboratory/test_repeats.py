"""A measurement that comes again is the same one, or was made again: nothing is doubled, and nothing is dropped in silence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.library import CandidateLibrary, open_library
from pipeline.library.laboratory.measurement_files import FileOptions


@pytest.fixture
def filled(library: CandidateLibrary, tmp_path: Path, write_run: Callable[..., Path]) -> CandidateLibrary:
    library.add_run(write_run(tmp_path, "20260101-020000-nightly"))
    return library


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_an_equal_value_of_another_file_is_told_and_counted_on_request(
    filled: CandidateLibrary, tmp_path: Path
) -> None:
    first = write(tmp_path, "january.csv", "id,pIC50\nCV-1,6\nCV-2,6.2\n")
    second = write(tmp_path, "june.csv", "id,pIC50\nCV-1,6\nCV-2,7\n")
    assert filled.import_measurements(first).taken_for_same == {}
    made = filled.import_measurements(second)
    assert (made.added, made.repeated, made.taken_for_same) == (1, 1, {"january.csv": 1})
    made = filled.import_measurements(second, replicates=True)
    assert (made.added, made.repeated, made.taken_for_same) == (1, 1, {})
    assert [m["file"] for m in filled.describe("CV-1")["measurements"]] == ["january.csv", "june.csv"]
    renamed = write(tmp_path, "renamed.csv", second.read_text())
    for again in (first, second, renamed):
        for replicates in (True, False):
            made = filled.import_measurements(again, replicates=replicates)
            assert (made.added, made.repeated, made.taken_for_same) == (0, 2, {})


def test_a_file_that_grew_adds_its_new_rows_alone(filled: CandidateLibrary, tmp_path: Path) -> None:
    text = "id,pIC50\nCV-1,6\nCV-1,6\nCV-2,6.2\n"
    assert filled.import_measurements(write(tmp_path, "export.csv", text)).added == 3
    made = filled.import_measurements(write(tmp_path, "export.csv", f"{text}CV-1,6\nCV-3,5\n"))
    assert (made.added, made.repeated, made.taken_for_same) == (2, 3, {"export.csv": 3})


def test_columns_that_number_repeated_measurements_tell_them_apart(filled: CandidateLibrary, tmp_path: Path) -> None:
    for batch in ("B1", "B2"):
        made = filled.import_measurements(write(tmp_path, f"{batch}.csv", f"id,pIC50,Batch ID\nCV-1,6,{batch}\n"))
        assert (made.added, made.taken_for_same) == (1, {})
    made = filled.import_measurements(write(tmp_path, "both.csv", "id,pIC50,Batch ID\nCV-1,6,B1\nCV-1,6,B2\n"))
    assert (made.added, made.taken_for_same) == (0, {"B1.csv": 1, "B2.csv": 1})


def test_equal_values_of_another_library_are_told(filled: CandidateLibrary, tmp_path: Path) -> None:
    shared = write(tmp_path, "shared.csv", "id,SMILES,pIC50\n,CCO,5\n")
    filled.import_measurements(shared)
    filled.import_measurements(write(tmp_path, "ours.csv", "SMILES,pIC50\nCCO,6\n"))
    with open_library(tmp_path / "other") as other:
        other.import_measurements(shared, FileOptions({"pIC50": "nM"}), add_unknown=True)
        theirs = write(tmp_path, "theirs.csv", "SMILES,pIC50\nCCO,6\n\nCCO,7\n")
        other.import_measurements(theirs)
        made = filled.merge(other)
    assert (made.new_measurements, made.taken_for_same) == (1, 1)
    assert filled.import_measurements(theirs, replicates=True).added == 1
