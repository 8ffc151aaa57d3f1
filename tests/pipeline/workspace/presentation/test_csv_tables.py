from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.workspace.presentation.csv_tables import (
    escape_formula,
    format_csv,
    read_csv,
    read_csv_rows,
    restore_formula,
)

HOSTILE = ["=cmd|' /C calc'!A0", "+1+1", "-OH", "@SUM(A1)", "\tx", "\r=1", "'=1", "''=1", "-", "=", "--1"]
PLAIN = ["-5.2", "+3", "-1e-5", "-1,234.5", "-5,2", "-.5", "CC(=O)O", "'quoted'", "", "a=b", "5 - 2", "-inf"]
RELATIONS = ["'='", "'-'"]  # as ChEMBL writes them


@pytest.mark.parametrize("text", HOSTILE)
def test_a_formula_is_written_as_text_and_read_back_unchanged(text: str) -> None:
    assert escape_formula(text) == f"'{text}"
    assert restore_formula(escape_formula(text)) == text


@pytest.mark.parametrize("text", PLAIN)
def test_numbers_and_other_texts_stay_as_they_are(text: str) -> None:
    assert escape_formula(text) == text == restore_formula(text)


def test_a_quoted_sign_is_no_formula_that_was_made_safe() -> None:
    assert [restore_formula(text) for text in RELATIONS] == RELATIONS


def test_a_table_comes_back_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    notes = [*HOSTILE, *PLAIN]
    table = pd.DataFrame({"smiles": ["CCO"] * len(notes), "=cmd|x!A0": -np.arange(len(notes)) / 7, "note": notes})
    path.write_text(format_csv(table), encoding="utf-8", newline="")
    rows = list(read_csv_rows(path))
    assert [row["note"] for row in rows] == notes
    assert [float(row["=cmd|x!A0"]) for row in rows] == table["=cmd|x!A0"].tolist(), "numbers are exact"
    back = read_csv(path, keep_default_na=False)
    pd.testing.assert_frame_equal(back, table, check_dtype=False)
    starts = {cell[:1] for line in path.read_text().splitlines() for cell in line.split(",")[2:]}
    assert not starts & set("=+@\t"), "no text begins as a formula"


def test_the_index_is_made_safe_too() -> None:
    assert format_csv(pd.DataFrame({"a": [1.5]}, index=["=x"]), index=True) == ",a\n'=x,1.5\n"
