"""The typed report: what it reads, what it writes."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from pydantic import ValidationError

from chem_vae.atomic_files import to_plain
from chem_vae.errors import DataError
from pipeline.report.facts.asked_and_found import Achieved, Diversity, Objective, Stage
from pipeline.report.model import Report, read_report
from tests.pipeline.report.samples import as_report, full_report

OLD_RUNS = sorted((Path(__file__).parents[2] / "old_formats" / "workspace" / "runs").iterdir())


@pytest.mark.parametrize("run", OLD_RUNS, ids=lambda run: run.name)
def test_the_report_of_version_0_1_0_is_read_whole_and_written_alike(run: Path) -> None:
    report = read_report(run)
    assert report.run_id == run.name and report.funnel and report.request.objectives and report.predictors
    assert report.to_dict() == json.loads((run / "report.json").read_text(encoding="utf-8"))


def test_keys_and_their_order_stay() -> None:
    content = to_plain(full_report())
    written = as_report(content).to_dict()
    assert written == content and list(written) == list(content)


def test_reading_is_lenient_and_writing_is_strict() -> None:
    read = Report.from_dict({"title": 3, "funnel": {}, "diversity": {"scaffolds": "x", "of": 5}, "unknown": 1})
    assert read == Report(title="", funnel=[], diversity=Diversity(of=5, scaffolds=None))
    with pytest.raises(ValidationError):
        Diversity(scaffolds="x")  # type: ignore[arg-type]
    assert Diversity(internal_diversity=math.nan).internal_diversity is None


def test_a_folder_without_a_report_and_a_damaged_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no report\.json"):
        read_report(tmp_path)
    (tmp_path / "report.json").write_text("{")
    with pytest.raises(DataError, match="damaged"):
        read_report(tmp_path)


def test_objectives_become_intervals() -> None:
    assert Objective(target=2.5, tolerance=0.25).interval() == (2.25, 2.75)
    assert Objective(low=1, high=None).interval() == (1.0, None)
    assert Objective().interval() == (None, None)


def test_an_objective_without_figures_has_a_row_too() -> None:
    report = Report.from_dict({"request": {"objectives": [{"property": "a", "aim": "high"}, {"property": "b"}]}})
    report.achieved = [Achieved(property="b", mean=1.0), Achieved(property="c")]
    report.funnel = [Stage(stage="valid", count=1)]
    rows = report.requested_and_achieved()
    assert [(row.property, row.aim, row.mean) for row in rows] == [("a", "high", None), ("b", "", 1.0), ("c", "", None)]
