"""Measurements that come back: each row is imported, known already, or kept aside with a reason; nothing is lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import fsspec
import openpyxl
import pytest

from chem_vae.errors import UserError
from pipeline.library import CandidateLibrary
from pipeline.library.laboratory.measurement_files import FileOptions


@pytest.fixture
def filled(library: CandidateLibrary, tmp_path: Path, write_run: Callable[..., Path]) -> CandidateLibrary:
    library.add_run(write_run(tmp_path, "20260101-020000-nightly"))  # CV-1: CCO, CV-2: pyridine, CV-3: paracetamol ...
    return library


def write(folder: Path, text: str) -> Path:
    path = folder / "measured.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_rows_are_matched_by_id_inchikey_and_smiles(filled: CandidateLibrary, tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "id,SMILES,InChIKey,pIC50,assay,date\n"
        "CV-000001,,,6.5,A,2026-01-05\n"
        ",n1ccccc1,,<5,A,2026-01-05\n"
        ",,RZVAJINKPMORJF-UHFFFAOYSA-N,7.1 ± 0.2,B,\n"
        ",CCCCCCC,,5,A,\n"
        "CV-1,n1ccccc1,,5,A,\n"
        "CV-99,,,5,A,\n"
        ",C[CH](N)C(=O)O,,5,A,\n"
        "CV-4,,,n.d.,A,\n",
    )
    made = filled.import_measurements(path, who="Ada")
    assert (made.rows, made.matched, made.added, made.molecules) == (8, 4, 3, 3)
    assert made.matched + len(made.unmatched) == made.rows
    assert [row for row, _, _ in made.unmatched] == [5, 6, 7, 8]
    reasons = {row: reason for row, _, reason in made.unmatched}
    assert reasons[6] == "it names two molecules: CV-1 is CV-000001 and n1ccccc1 is CV-000002"
    assert "differs from it only in stereo" in reasons[8] and reasons[5] == "not in the library"
    assert any("row 9 (pIC50)" in note for note in made.notes)
    first, bound, third = (filled.describe(f"CV-{i}") for i in (1, 2, 3))
    assert first["status"] == "measured" and first["statuses"][-1]["who"] == "Ada"
    assert (bound["measurements"][0]["value"], bound["measurements"][0]["upper"]) == (None, 5.0)
    assert third["measurements"][0]["spread"] == pytest.approx(0.2) and third["measurements"][0]["assay"] == "B"
    assert [v["value"] for v in first["values"] if v["basis"] == "measured"] == [6.5]
    assert filled.describe("CV-4")["status"] == "proposed"


def test_a_second_import_changes_nothing_also_under_another_name(filled: CandidateLibrary, tmp_path: Path) -> None:
    path = write(tmp_path, "id,pIC50\nCV-1,6.5\nCV-1,6.5\nCV-1,6.9\nCV-77,1\n")
    assert filled.import_measurements(path).added == 3  # the same value twice in a file is two measurements
    before = filled.describe("CV-1")
    again = filled.import_measurements(path.rename(tmp_path / "renamed.csv"))
    assert (again.added, again.repeated) == (0, 3)
    assert filled.describe("CV-1") == before
    assert [v["value"] for v in before["values"] if v["basis"] == "measured"] == [6.5]


def test_units_are_converted_to_that_of_the_library_or_refused(filled: CandidateLibrary, tmp_path: Path) -> None:
    options = FileOptions({"IC50": "nM"})
    assert filled.import_measurements(write(tmp_path, "id,IC50\nCV-1,1500\nCV-2,2.5 uM\n"), options).added == 2
    made = filled.import_measurements(write(tmp_path, "id,IC50 (uM)\nCV-3,0.5\n"))
    assert made.added == 1
    assert filled.describe("CV-2")["measurements"][0]["value"] == 2500.0
    assert filled.describe("CV-3")["measurements"][0]["value"] == 500.0
    with pytest.raises(UserError, match="IC50"):
        filled.import_measurements(write(tmp_path, "id,IC50\nCV-3,0.5 °C\nCV-2,7 °C\nCV-1,6 °C\n"))
    table = filled.read_labels()
    assert table["IC50"].tolist() == ["1500 nM", "2500 nM", "500 nM"]


def test_contradictions_are_told_and_kept(filled: CandidateLibrary, tmp_path: Path) -> None:
    filled.import_measurements(write(tmp_path, "id,pIC50\nCV-1,6.5\nCV-2,>7\n"))
    made = filled.import_measurements(write(tmp_path, "id,pIC50\nCV-1,8.5\nCV-2,6\nCV-3,5\n"))
    assert made.contradictions == [
        "CV-000001 pIC50: 6.5 (measured.csv, row 2) and 8.5 (measured.csv, row 2)",
        "CV-000002 pIC50: 6 (measured.csv, row 3) and >7 (measured.csv, row 3)",
    ]
    assert len(filled.describe("CV-1")["measurements"]) == 2


def test_rows_that_match_nothing_are_kept_until_they_do(filled: CandidateLibrary, tmp_path: Path) -> None:
    path = write(tmp_path, "SMILES,pIC50\nCCCCO,6.5\nxx,5\n")
    assert filled.import_measurements(path).added == 0
    assert filled.import_measurements(path).added == 0
    kept = filled.list_unmatched()
    assert kept["row"].tolist() == [2, 3] and '"CCCCO"' in kept["cells"][0]
    made = filled.import_measurements(path, add_unknown=True)
    assert (made.added, made.new_molecules) == (1, 1)
    assert filled.list_unmatched()["row"].tolist() == [3]
    assert filled.describe("CCCCO")["status"] == "measured" and filled.describe("CCCCO")["proposals"] == []


def test_a_workbook_is_read(filled: CandidateLibrary, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["SMILES", "pIC50", "Assay"])
    book.active.append(["CCO", "5,5", "binding"])
    book.active.append(["c1ccncc1", 6.25, "binding"])
    book.save(tmp_path / "lab.xlsx")
    assert filled.import_measurements(tmp_path / "lab.xlsx").added == 2
    assert filled.describe("CCO")["measurements"][0]["value"] == 5.5


def test_a_number_of_a_workbook_keeps_its_value_whatever_the_texts_say(
    filled: CandidateLibrary, tmp_path: Path
) -> None:
    book = openpyxl.Workbook()
    for row in (["SMILES", "pIC50"], ["CCO", "5,512"], ["c1ccncc1", 6.251]):
        book.active.append(row)
    book.save(tmp_path / "lab.xlsx")
    assert filled.import_measurements(tmp_path / "lab.xlsx", FileOptions(decimal=",")).added == 2
    measured = [filled.describe(smiles)["measurements"][0]["value"] for smiles in ("CCO", "c1ccncc1")]
    assert measured == [5.512, 6.251]


def test_a_file_without_a_known_column_says_which_there_are(filled: CandidateLibrary, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--property NAME.*Columns: id, result"):
        filled.import_measurements(write(tmp_path, "SMILES,id,result\nCCO,CV-1,5\n"))
    with pytest.raises(UserError, match="--id-column"):
        filled.import_measurements(write(tmp_path, "name,pIC50\nfoo,5\n"))


def test_a_file_of_a_storage_is_imported_by_its_address(
    filled: CandidateLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHEM_VAE_CACHE", str(tmp_path / "cache"))
    storage = fsspec.filesystem("memory")
    storage.pipe("/lab/measured.csv", b"id,pIC50\nCV-1,6.5\nCV-77,1\n")
    made = filled.import_measurements("memory://lab/measured.csv")
    assert (made.file, made.rows, made.added) == ("measured.csv", 2, 1)
    assert filled.describe("CV-1")["measurements"][0]["file"] == "measured.csv"
    local = write(tmp_path, "id,pIC50\nCV-1,6.5\nCV-77,1\n")
    assert filled.import_measurements(local).added == 0 and len(filled.list_unmatched()) == 1
    storage.pipe("/lab/measured.csv", b"id,pIC50\nCV-1,6.5\nCV-2,7\n")
    assert filled.import_measurements("memory://lab/measured.csv").added == 1, "it is fetched again"
    storage.rm("/lab/measured.csv")
    with pytest.raises(UserError, match=r"memory://lab/measured\.csv"):
        filled.import_measurements("memory://lab/measured.csv")
    assert len(filled.read_labels()) == 2


def test_a_row_whose_id_and_structure_differ_measures_nothing(filled: CandidateLibrary, tmp_path: Path) -> None:
    path = write(tmp_path, "id,SMILES,pIC50\nCV-1,CCCCCCCCc1ccccc1,9.5\nCV-4,CCCCCCC,5\n,CCCCCCCC,n.d.\n,CCCCCCCCC,6\n")
    made = filled.import_measurements(path, add_unknown=True)
    reasons = {row: reason for row, _, reason in made.unmatched}
    assert set(reasons) == {2, 3, 4} and "CV-1 is CV-000001 and CCCCCCCCc1ccccc1 is another" in reasons[2]
    assert made.new_molecules == 1 and made.added == 1
    assert filled.describe("CV-1")["measurements"] == []
    for unknown in ("CCCCCCC", "CCCCCCCC"):
        with pytest.raises(UserError):
            filled.describe(unknown)


def test_a_stated_unit_is_converted_to_that_of_the_library(filled: CandidateLibrary, tmp_path: Path) -> None:
    filled.import_measurements(write(tmp_path, "id,IC50\nCV-1,1500\n"), FileOptions(properties={"IC50": "nM"}))
    made = filled.import_measurements(
        write(tmp_path, "id,IC50\nCV-1,1.5\nCV-2,2.5 uM\n"), FileOptions(properties={"IC50": "uM"})
    )
    assert made.contradictions == []
    first, second = filled.describe("CV-1"), filled.describe("CV-2")
    assert [v["value"] for v in first["values"] if v["property"] == "IC50"] == [1500]
    assert [(m["measured"], m["unit"]) for m in second["measurements"]] == [("2500", "nM")]


def test_words_of_classes_are_read_as_in_the_data_also_one_alone(
    library: CandidateLibrary, tmp_path: Path, write_run: Callable[..., Path]
) -> None:
    data = {"key": "d" * 64, "name": "assay", "classes": {"toxicity": ["toxic", "non-toxic"]}}
    chances = {"toxicity_predicted": [0.9, 0.8, 0.5, 0.4, 0.2, 0.1]}
    library.add_run(write_run(tmp_path, "20260101-020000-nightly", columns=chances, dataset=data))
    made = library.import_measurements(write(tmp_path, "id,toxicity\nCV-1,Toxic\nCV-2,toxic\nCV-3,n.d.\n"))
    assert (made.added, made.matched) == (2, 3) and any("row 4 (toxicity)" in note for note in made.notes)
    assert "the words of 'toxicity' are two classes: 'toxic' as 1 and 'non-toxic' as 0" in made.notes
    assert library.import_measurements(write(tmp_path, "id,toxicity\nCV-4,non-toxic\nCV-5,0\n")).added == 2
    assert library.read_labels()["toxicity"].tolist() == ["1", "1", "0", "0"]


def test_words_of_classes_that_a_file_brings_are_kept(filled: CandidateLibrary, tmp_path: Path) -> None:
    options = FileOptions({"result": ""})
    assert filled.import_measurements(write(tmp_path, "id,result\nCV-1,active\nCV-2,inactive\n"), options).added == 2
    made = filled.import_measurements(write(tmp_path, "id,result,pIC50\nCV-3,inactive,low\nCV-4,inactive,high\n"))
    assert made.added == 2 and any("row 2 (pIC50), row 3 (pIC50)" in note for note in made.notes)
    assert filled.read_labels()["result"].tolist() == ["1", "0", "0", "0"]
