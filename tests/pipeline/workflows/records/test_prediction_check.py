"""What was measured of a round's proposals, exactly or as a bound, is held against what the round had promised."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline import report
from pipeline.workflows.records.prediction_check import PredictionCheck, check_predictions
from pipeline.workspace.runs import Run
from tests.pipeline.report.samples import as_report, full_report

KEYS = [f"KEY{i}" for i in range(6)]


class Before:
    """The data of the round before, as far as a check reads it."""

    def table(self, names: list[str]) -> pd.DataFrame:
        return pd.DataFrame({name: [5.0, 6.0] for name in names})


def make_check(folder: Path, more: list[dict[str, Any]], measured: dict[str, list[float]]) -> PredictionCheck:
    """Check six proposals with y predicted at 7.0 to 7.5 and a goal of 7 and more."""
    goal = {"property": "y", "basis": "predicted", "kind": "maximize", "low": 7.0}
    content = full_report()
    content["request"] = {**content["request"], "objectives": [goal, *more]}
    table = pd.DataFrame({"smiles": ["CCO"] * 6, "inchikey": KEYS, "mw_computed": [200.0, 300, 300, 300, 300, 300]})
    table["y_predicted"], table["y_predicted_std"] = np.linspace(7, 7.5, 6), 0.5
    table["hit_probability"] = [0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    report.write(folder, as_report(content), table)
    columns = {f"y{kind}": measured.get(kind, [np.nan] * 5) for kind in ("", "_lower", "_upper")}
    new = pd.DataFrame({"smiles": ["CCO"] * 5, "inchikey": KEYS[:5], **columns})
    return check_predictions(Run(folder), "y", new, Before())  # type: ignore[arg-type]


NONE = float("nan")
MEASURED = {
    "": [7.5, 6.0, NONE, NONE, NONE],
    "_lower": [NONE, NONE, 8.0, NONE, NONE],
    "_upper": [NONE, NONE, NONE, 6.0, 9.0],
}


def test_bounds_count_where_they_decide(tmp_path: Path) -> None:
    check = make_check(tmp_path / "run", [], MEASURED)
    assert (check.measured.count, check.measured.of) == (5, 6) and len(check.points) == 2
    assert check.found == 6.75 and check.predicted == pytest.approx(7.05)
    assert check.hits is not None and (check.hits.count, check.hits.of) == (2, 4), "<9 leaves it open"
    assert check.expected_hits == pytest.approx(0.5 + 0.6 + 0.7 + 0.8)
    text = str(check)
    assert "5 of 6" in text and "3 of them as bounds" in text and "2 of the 4 that are decided are hits, 3 were" in text


def test_hits_are_those_of_every_objective(tmp_path: Path) -> None:
    mw = {"property": "mw", "basis": "computed", "kind": "range", "low": 250.0, "high": 350.0}
    check = make_check(tmp_path / "run", [mw], MEASURED)
    assert check.hits is not None and (check.hits.count, check.hits.of) == (1, 4), "the first is too light"
    other = {"property": "z", "basis": "predicted", "kind": "maximize", "low": 1.0}
    check = make_check(tmp_path / "other", [other], MEASURED)
    assert check.hits is not None and (check.hits.count, check.hits.of) == (0, 2), "misses are certain, hits are not"


def test_bounds_alone_have_no_mean(tmp_path: Path) -> None:
    check = make_check(tmp_path / "run", [], {"_lower": [8.0, 8.0, NONE, NONE, NONE]})
    assert check.measured.count == 2 and not check.points and "on average" not in str(check)
    assert check.hits is not None and check.hits.count == 2
