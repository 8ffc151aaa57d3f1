"""Tests for reading the candidates of a run's folder back."""

from __future__ import annotations

from pathlib import Path

from pipeline import report
from pipeline.interface.runs import Run
from pipeline.report.read_candidates import read_candidates
from tests.pipeline.report.samples import as_report, candidates, full_report

OWN = {"code": ["0006", "0007"], "well": ["1E5", "2E5"], "price": ["12.50", "7"], "dose_predicted": ["3", "4"]}


def write_run(folder: Path) -> Path:
    """Write a run whose catalogue has columns of its own."""
    known = as_report({**full_report(), "library": {"columns": list(OWN)}})
    frame = candidates(2).assign(**OWN, nearest_measured_smiles="CCO", nearest_measured_id=["00129", "00130"])
    report.write(folder, known, frame)
    return folder


def test_names_stay_texts_and_plain_numbers_are_numbers(tmp_path: Path) -> None:
    table = read_candidates(write_run(tmp_path / "run") / "candidates.csv")
    assert table["code"].tolist() == OWN["code"] and table["well"].tolist() == OWN["well"]
    assert table["nearest_measured_id"].tolist() == ["00129", "00130"]
    assert table["price"].tolist() == [12.5, 7.0] and table["rank"].tolist() == [1, 2]


def test_a_card_takes_no_column_of_a_catalogue_for_a_prediction(tmp_path: Path) -> None:
    run = Run(write_run(tmp_path / "run"), {"counts": {}})
    assert run.to_frame()["code"].tolist() == OWN["code"]
    card = repr(run)
    assert "dose" not in card, card
