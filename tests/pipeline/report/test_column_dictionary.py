"""The dictionary of the columns: every column of a run has an entry, with unit and basis."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd

from pipeline import report
from pipeline.report.column_dictionary import describe_columns, make_dictionary
from tests.pipeline.report.samples import as_report, candidates, full_report


def test_each_column_of_candidates_csv_has_an_entry_beside_it(written: Path) -> None:
    with (written.parent / "candidates.csv").open(newline="") as file:
        columns = next(csv.reader(file))
    beside = pd.read_csv(written.parent / report.COLUMNS, keep_default_na=False)
    assert list(beside.columns) == ["column", "meaning", "basis", "unit"]
    assert beside["column"].tolist() == columns and beside["meaning"].all()


def test_a_value_names_its_unit_and_where_it_comes_from() -> None:
    content = full_report()
    content["request"]["objectives"].append(
        {"property": "dock", "label": "docking", "unit": "kcal/mol", "basis": "by your oracle"}
    )
    names = [
        "logp_computed",
        "pIC50_predicted",
        "pIC50_predicted_std",
        "dock_computed",
        "nearest_measured_batch",
        "mine",
    ]
    table = make_dictionary(describe_columns(names, as_report(content))).set_index("column")
    assert table["basis"].tolist() == ["computed", "predicted", "predicted", "by your oracle", "", ""]
    assert table.loc["pIC50_predicted", "unit"] == "log M" and table.loc["dock_computed", "unit"] == "kcal/mol"
    assert "standard deviation" in table.loc["pIC50_predicted_std", "meaning"]


def test_a_column_of_a_library_is_its_own_also_where_it_has_a_name_of_ours() -> None:
    content = full_report()
    content["logarithms"] = [{"property": "pIC50", "column": "IC50", "unit": "nM", "sign": -1, "exponent": -9}]
    own = ["batch", "x_computed", "nearest_measured_x", "IC50_nM_predicted"]
    known = as_report({**content, "library": {"columns": own}})
    entries = describe_columns([*own, "rank"], known)
    assert [entry.meaning for entry in entries[:4]] == ["A column of the library, as it came."] * 4
    assert not any(entry.basis for entry in entries) and "library" not in entries[4].meaning


def test_what_is_known_of_the_nearest_measured_molecule_is_no_prediction_of_the_candidate() -> None:
    names = ["pIC50", "dock_predicted", "dock_computed_std", "compound id"]
    columns = ["pIC50_predicted", "x_predicted", *(f"nearest_measured_{name}" for name in [*names, "x"])]
    content = {**full_report(), "library": {"columns": ["x_predicted"]}}
    entries = describe_columns(columns, as_report(content))[2:]
    assert [entry.label for entry in entries] == [f"its {name}" for name in [*names, "x"]]
    assert [(entry.basis, entry.unit) for entry in entries] == [("measured", "log M"), *[("", "")] * 4]
    assert all("of the nearest measured molecule" in entry.meaning and not entry.property for entry in entries)


def test_a_raw_value_says_what_it_was_turned_from() -> None:
    content = full_report()
    content["logarithms"] = [{"property": "pIC50", "column": "IC50", "unit": "nM", "sign": -1, "exponent": -9}]
    [entry] = describe_columns(["IC50_nM_predicted"], as_report(content))
    assert (entry.unit, entry.basis) == ("nM", "predicted") and "pIC50" in entry.meaning
    assert len(describe_columns(list(candidates().columns), as_report(content))) == len(candidates().columns)
