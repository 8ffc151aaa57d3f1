"""Artifacts without a server: keys, tables, throttling."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from flows import artifacts
from flows.candidate_rows import make_candidate_rows, read_candidates
from flows.terminal import format_candidates
from pipeline.report.facts.asked_and_found import Stage
from pipeline.report.model import Report


def test_keys_hold_only_what_prefect_takes() -> None:
    assert (
        artifacts.make_artifact_key("progress", "Nearest training molecules (2/3)")
        == "progress-nearest-training-molecules-2-3"
    )


def test_candidate_rows_are_json_without_nan_or_infinity(tmp_path: Path) -> None:
    path = tmp_path / "candidates.csv"
    path.write_text("rank,smiles,score,x_predicted\n1,CCO,0.5,inf\n2,CCN,nan,-inf\n3,CCC,,1e3\n")
    rows = read_candidates(path, 50)
    assert rows == [
        {"rank": 1, "smiles": "CCO", "score": 0.5, "x_predicted": None},
        {"rank": 2, "smiles": "CCN", "score": None, "x_predicted": None},
        {"rank": 3, "smiles": "CCC", "score": None, "x_predicted": 1000.0},
    ]
    json.dumps(rows, allow_nan=False)
    assert len(read_candidates(path, 2)) == 2
    assert read_candidates(tmp_path / "missing.csv", 2) == []


def test_the_shown_candidates_are_drawn_and_rounded() -> None:
    row = {
        "rank": 1,
        "smiles": "C[N+](C)(C)C*",
        "score": 0.98765432,
        "logp_computed": 1.23456789,
        "a_predicted": 5.25,
        "a_predicted_std": 0.3125,
    }
    shown = [{**row, "smiles": "CCO", "unusual": ""}, {**row, "unusual": "ring"}]
    plain, odd = make_candidate_rows(shown, Report())
    assert plain["drawing"].startswith("![molecule](data:image/png;base64,iVBOR") and len(plain["drawing"]) < 8000
    assert (plain["score"], plain["logp (computed)"], plain["a (predicted)"]) == (0.988, 1.23, "5.25 ± 0.31")
    assert odd["unusual"] == "ring" and odd["smiles"] == "`C[N+](C)(C)C*`"
    assert make_candidate_rows([], Report()) == []
    assert make_candidate_rows([{**row, "smiles": "no molecule"}], Report())[0]["drawing"] == ""


def test_the_heads_of_the_candidates_are_those_of_the_terminal(tmp_path: Path) -> None:
    known = Report.from_dict(
        {
            "request": {"objectives": [{"property": "affinity", "basis": "by your oracle", "unit": "kcal/mol"}]},
            "library": {"columns": ["pIC50_predicted"]},
        }
    )
    path = tmp_path / "candidates.csv"
    path.write_text(
        "rank,smiles,score,affinity_computed,logp_computed,pIC50_predicted,nearest_measured_dock_predicted\n1,CCO,1,-7.2,2,5,-8\n"
    )
    [row] = make_candidate_rows(read_candidates(path, 1), known)
    heads = ["affinity (by your oracle) [kcal/mol]", "logp (computed)"]
    assert list(row) == ["rank", "drawing", "score", *heads, "smiles"] and row[heads[0]] == -7.2
    assert re.split(r"\s{2,}", format_candidates(path, report=known).splitlines()[0].strip())[-3:] == [*heads, "smiles"]


def test_the_summary_stands_a_report_with_holes(tmp_path: Path) -> None:
    text = artifacts.format_summary(Report(funnel=[Stage(stage="valid", count=3, of=4, fraction=None)]), tmp_path)
    assert "| valid | 3 | 4 | - |" in text
    assert "Read this first" in artifacts.format_summary(Report(warnings=["weak predictor"]), tmp_path)
    assert tmp_path.name in artifacts.format_summary(Report(), tmp_path)


def test_progress_is_throttled_and_ends_at_a_hundred(monkeypatch: pytest.MonkeyPatch) -> None:
    import prefect.artifacts

    calls: list[tuple[str, float]] = []

    def create(progress: float, **_: Any) -> str:
        calls.append(("create", progress))
        return "id"

    def update(_: Any, progress: float, **__: Any) -> None:
        calls.append(("update", progress))

    monkeypatch.setattr(prefect.artifacts, "create_progress_artifact", create)
    monkeypatch.setattr(prefect.artifacts, "update_progress_artifact", update)
    show = artifacts.ProgressArtifacts(every=3600)
    for done in range(1001):
        show("train", done, 1000, {"loss": 1.0})
    show("train", 1000, 1000)
    assert calls == [("create", 0.0), ("update", 100.0)]


def test_a_server_that_does_not_answer_stops_no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    import prefect.artifacts

    def broken(*_: Any, **__: Any) -> None:
        raise ConnectionError("gone")

    monkeypatch.setattr(prefect.artifacts, "create_progress_artifact", broken)
    artifacts.ProgressArtifacts()("train", 1, 2)
