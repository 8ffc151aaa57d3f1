"""Rows of one molecule: medians, spreads, bounds that tighten or contradict each other, and the list of disagreements."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from chem_vae.errors import ChemVAEWarning
from pipeline.datasets.building.duplicates import _describe, choose_limit, merge_duplicates
from pipeline.datasets.config import IngestConfig
from pipeline.datasets.ingest import ingest
from pipeline.datasets.labels.label import LabelColumn
from pipeline.datasets.readers.row_numbers import RowNumbers

NAN = np.nan
MANY = (
    "CCOc1ccccc1,4.0", "c1ccccc1OCC,9.0", "C(C)Oc1ccccc1,6.0", "CCN(CC)CC.Cl,5", "CCN(CC)CC,8", "Oc1ccccn1,5", "O=c1cccc[nH]1,7",
    "[2H]C([2H])([2H])Oc1ccccc1,8.2", "COc1ccccc1,6.1", "C[C@H](N)c1ccccc1,8", "C[C@@H](N)c1ccccc1,5", "CCCCO,>6", "OCCCC,>7",
    "CCCCCO,5", "OCCCCC,>6.5",
)  # fmt: skip


def column(value: list[float], lower: list[float], upper: list[float], spread: list[float]) -> LabelColumn:
    return LabelColumn(*(np.array(numbers, float) for numbers in (value, lower, upper, spread)))


def test_merging_counted_by_hand() -> None:
    keys = np.array([5, 9, 5, 7, 9, 5], np.uint64)
    y = np.array([1.0, NAN, 4.0, 3.0, 6.0, NAN])
    empty = np.full(6, NAN)
    merged = merge_duplicates(keys, {"y": LabelColumn(y, empty, empty, empty)})
    assert merged.keep.tolist() == [True, True, False, True, False, False]
    label = merged.labels["y"]
    assert label.value[merged.keep].tolist() == [2.5, 6.0, 3.0], "the median of all rows of a molecule"
    assert np.array_equal(label.spread[merged.keep], [1.5, NAN, NAN], equal_nan=True)
    assert np.isnan(label.lower).all() and not merged.contradictions["y"].any()
    assert merge_duplicates(np.zeros(0, np.uint64), {"y": LabelColumn.make_empty(0)}).keep.tolist() == []
    assert merge_duplicates(keys, {}).keep.sum() == 3


def test_bounds_tighten_each_other_and_are_checked_against_exact_values() -> None:
    keys = np.array([1, 1, 2, 2, 3, 3, 4, 4, 5], np.uint64)
    labels = column(
        [NAN, NAN, 5, NAN, NAN, NAN, 5, NAN, NAN],
        [6, 7, NAN, 4, 8, NAN, NAN, 6.5, 3],
        [NAN, 9, NAN, NAN, NAN, 5, NAN, NAN, NAN],
        [NAN] * 9,
    )
    merged = merge_duplicates(keys, {"y": labels})
    kept = merged.labels["y"]
    shown = np.column_stack([kept.value, kept.lower, kept.upper])[merged.keep]
    expected = [[NAN, 7, 9], [5, NAN, NAN], [NAN] * 3, [5, NAN, NAN], [NAN, 3, NAN]]
    assert np.array_equal(shown, expected, equal_nan=True)
    assert merged.contradictions["y"][merged.keep].tolist() == [False, False, True, True, False]


def test_a_stated_error_is_the_spread_where_it_is_larger_than_half_the_range() -> None:
    keys = np.array([1, 1, 2, 3, 3], np.uint64)
    labels = column([5, 6, 7, 4, 4.2], [NAN] * 5, [NAN] * 5, [0.1, 0.3, 0.4, 0.6, NAN])
    merged = merge_duplicates(keys, {"y": labels})
    assert merged.labels["y"].spread[merged.keep].tolist() == pytest.approx([0.5, 0.4, 0.6])


def test_the_limit_of_a_disagreement() -> None:
    values = np.array([1.0, 2.0, 300.0, NAN])
    assert choose_limit("pIC50", values, None) == (1.0, False)
    assert choose_limit("logS", values, None) == (1.0, False)
    assert choose_limit("IC50", values, None) == (10.0, True)
    assert choose_limit("tm", np.array([50.0, 60.0]), None) == (5.0, False)
    assert choose_limit("IC50", values, 3.0) == (3.0, False)


def test_disagreements_and_merged_forms_are_told_and_listed(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("smiles,pIC50\n" + "\n".join(MANY) + "\n")
    config = IngestConfig(
        source=str(path), properties="pIC50", compute=(), merges=0, validation_fraction=0, test_fraction=0
    )
    with pytest.warns(ChemVAEWarning, match="4 molecules were measured more than once"):
        dataset = ingest(config, tmp_path)
    table = pd.read_csv(dataset.folder / "disagreements.csv", dtype=str).set_index("rows")
    assert table.loc["2 3 4", ["values", "label", "difference"]].tolist() == ["4; 9; 6", "6", "5"]
    assert table.loc["15 16", ["values", "reason"]].tolist() == ["5; >6.5", "bounds contradict"]
    assert set(table.index) == {"2 3 4", "5 6", "7 8", "9 10", "15 16"}
    frame = dataset.table().set_index("smiles")
    assert frame.loc["CCOc1ccccc1", ["pIC50", "pIC50_spread"]].tolist() == [6.0, 2.5]
    assert frame.loc["CCCCO", "pIC50_lower"] == 7 and np.isnan(frame.loc["CCCCO", "pIC50"])
    assert frame.loc["CCCCCO", "pIC50"] == 5 and np.isnan(frame.loc["CCCCCO", "pIC50_lower"])
    said = " ".join(dataset.warnings)
    assert (
        "rows 2, 3, 4: 4, 9, 6" in said and "1 molecule was measured more than once with bounds that contradict" in said
    )
    notes = " ".join(dataset.notes)
    assert "3 molecules were merged from rows with different forms" in notes
    assert "rows 5 and 6" in notes and "isotopes" in notes and "tautomers with one InChIKey" in notes


def test_repeated_raw_values_are_compared_by_their_ratio(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("smiles,IC50\nCCO,1\nOCC,20\nCCN,900\nNCC,1000\nCCC,5\n")
    config = IngestConfig(
        source=str(path), properties="IC50=nM", compute=(), merges=0, validation_fraction=0, test_fraction=0
    )
    with pytest.warns(ChemVAEWarning, match="more than a factor of 10"):
        dataset = ingest(config, tmp_path)
    assert pd.read_csv(dataset.folder / "disagreements.csv")["smiles"].tolist() == ["CCO"]


def test_rows_that_contradict_each_other_in_a_class_teach_none() -> None:
    keys = np.array([1, 1, 2, 2, 2, 3], np.uint64)
    blank = [NAN] * 6
    merged = merge_duplicates(keys, {"active": column([0, 1, 0, 1, 1, 0], blank, blank, blank)})
    assert merged.labels["active"].value[merged.keep].tolist()[1:] == [1, 0] and np.isnan(
        merged.labels["active"].value[0]
    )
    assert merged.contradictions["active"][:2].all() and not merged.contradictions["active"][2:].any()


def test_a_large_limit_is_written_without_powers_of_ten() -> None:
    record = {"reason": "values differ", "rows": "2 3", "values": "100; 9000"}
    assert "differ by more than 1,235;" in _describe("IC50", [record], 1234.56, False, RowNumbers())[0]
