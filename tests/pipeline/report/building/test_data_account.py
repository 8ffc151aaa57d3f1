"""What became of the data's rows is on the page's first screen and in a section, in the terminal and in the artifact."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from flows import artifacts, terminal
from pipeline.datasets.config import IngestConfig
from pipeline.datasets.dataset import Dataset
from pipeline.datasets.ingest import ingest
from pipeline.report.building.data_account import NewestData, add_newest, describe_dataset
from pipeline.report.html import page
from pipeline.report.model import Report
from pipeline.report.tables import list_warnings
from tests.pipeline.report.samples import HOSTILE, Reader, candidates, full_report

DATA: dict[str, Any] = {
    "name": "tiny", "rows": 10, "accepted": 8, "duplicates": 1, "rejected": 1, "folder": "workspace/datasets/tiny-1",
    "summary": "10 rows → 8 molecules; 1 duplicate merged, 1 rejected (parse 1); pIC50: 6 values, 2 as bounds",
    "rejected_by_stage": {"parse": 1}, "rejected_file": "rejected.csv",
    "rejections": [{"row": "row 4", "input": HOSTILE, "stage": "parse", "reason": "not a SMILES"}],
    "changes": [
        {"change": "uncharged", "explanation": "Charges were neutralized.", "count": 3, "row": "row 3", "input": "CC[O-]", "smiles": "CCO"}
    ],
    "labels": [{"property": "pIC50", "label": "pIC50", "exact": 6, "bounds": 2, "spread": 0}],
    "warnings": ["many rows were lost", "3 cells of 'logp' hold no number"], "notes": ["fields are separated by ';'"],
}  # fmt: skip


def make_report() -> Report:
    return Report.from_dict({**full_report(), "dataset": DATA})


def test_the_first_screen_and_the_section_of_the_page() -> None:
    text = page.render(make_report(), candidates())
    read = Reader(text)
    first, rest = read.text.split("Best candidates", 1)
    assert DATA["summary"] in first and "Many rows were lost" in first
    for words in (
        "row 4",
        HOSTILE,
        "not a SMILES",
        "uncharged",
        "Charges were neutralized.",
        "row 3",
        "fields are separated",
    ):
        assert words in rest, words
    assert "#data" in read.loads and "data" in read.ids and "rejected.csv" in read.loads
    assert HOSTILE not in text, "what a file holds is text"
    without = page.render(Report.from_dict({**full_report(), "dataset": {"name": "x"}}), candidates())
    assert "#data" not in Reader(without).loads, "an older report has no such section"


def test_warnings_about_what_was_asked_for_come_first() -> None:
    report = make_report()
    told = list_warnings(report)
    assert told[0] == "3 cells of 'logp' hold no number", "logp was asked for"
    assert set(told) >= {"many rows were lost", *report.warnings}


def test_terminal_and_artifact_tell_the_same(tmp_path: Path) -> None:
    report = make_report()
    shown = terminal.format_summary(report)
    assert f"data: {DATA['summary']}" in shown and "warning: many rows were lost" in shown
    assert "note: fields are separated by ';'" in shown
    text = artifacts.format_summary(report, tmp_path)
    assert DATA["summary"] in text and "- many rows were lost" in text and "- fields are separated" in text
    assert "| uncharged | 3 | row 3: CC[O-] |" in text and "| rejected: parse | 1 | row 4:" in text


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    path = tmp_path / "mine.csv"
    path.write_text(
        "smiles;pIC50\n"
        + "".join(f"{'C' * n}CO;{5 + n / 7:.2f}\n" for n in range(1, 20))
        + "XX;5\nCCCC(=O)[O-].[Na+];6\n"
    )
    return ingest(
        IngestConfig.model_validate({"source": str(path), "compute": ["mw"], "properties": ["pIC50"]}), tmp_path
    )


def test_a_datasets_facts(dataset: Dataset) -> None:
    card = {"dataset": {"name": "mine", "key": "k", "summary": "20 rows", "warnings": ["a", "about pIC50"]}}
    facts = describe_dataset(dataset, card, ["pIC50"])
    assert facts.summary.startswith("21 rows → 20 molecules; 1 rejected (parse 1); pIC50: 20 values")
    assert facts.rejections[0].row == "row 21" and facts.rejected_by_stage == {"parse": 1}
    assert {change.change for change in facts.changes} == set(dataset.changes) and facts.changes[0].explanation
    assert facts.changes[0].row == "row 22" and facts.labels[0].exact == 20
    gone = describe_dataset(None, card, ["pIC50"])
    assert (gone.summary, gone.warnings) == ("20 rows", ["about pIC50", "a"]), "the model's card keeps them"


def test_the_rows_of_all_rounds_are_accounted_for(dataset: Dataset) -> None:
    facts = describe_dataset(dataset, {}, ["pIC50"])
    before = facts.model_copy(deep=True, update={"notes": ["first: read as cp1252"]})
    facts.notes = ["about a file that nobody wrote"]
    add_newest(facts, NewestData(dataset, before, pd.DataFrame()), dataset.labels)
    assert (facts.rows, facts.accepted, facts.duplicates, facts.rejected) == (42, 20, 20, 2)
    assert facts.summary.startswith(
        "42 rows → 20 molecules; 20 duplicates merged, 2 rejected (parse 2); pIC50: 20 values"
    )
    assert "New in this round, mine: 21 rows" in facts.summary and facts.rejected_by_stage == {"parse": 2}
    assert facts.notes[-1] == "first: read as cp1252" and "about a file that nobody wrote" not in facts.notes
    assert any(note.startswith("mine, row 21: 'XX' was rejected") for note in facts.notes)
    assert [row.row for row in facts.rejections] == ["mine row 21", "row 21"]
    assert [(c.change, c.count) for c in facts.changes] == [(c.change, 2 * c.count) for c in before.changes]
