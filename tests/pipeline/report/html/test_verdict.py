"""The sentences of the verdict, in which every number is of what it says."""

from __future__ import annotations

from typing import Any

import pandas as pd

from pipeline.chemistry import metrics
from pipeline.optimization.config import STOPPED
from pipeline.report.html import page
from tests.pipeline.report.samples import Reader, as_report, candidates, full_report


def read_verdict(content: dict[str, Any], frame: pd.DataFrame) -> str:
    text = page.render(as_report(content), frame).split('<div class="verdict">')[1].split("</div>")[0]
    return " ".join(Reader(f"<div>{text}</div>").text.replace("\xa0", " ").split())


def test_the_verdict_tells_what_constraints_refused_before_the_funnel_counts() -> None:
    content = full_report()
    stages = [("requested", 100), ("unique", 80), ("meets the constraints", 80), ("novel", 60)]
    content["funnel"] = metrics.count_funnel(stages)
    content["refusals"] = [{"constraint": "mw at most 344", "count": 150, "of": 500}]
    told = read_verdict(content, candidates())
    assert "Constraints refused 150 of 500 distinct molecules that the search looked at. Of 80 distinct" in told
    assert "met them" not in told and "Of 80 distinct molecules kept, 75 % are not in the training data" in told
    content["refusals"][0]["of"] = 80
    assert "Constraints: 80 of 80 distinct molecules met them." in read_verdict(content, candidates())


def test_the_verdict_of_a_promise_and_of_a_first_run() -> None:
    content = full_report()
    content["funnel"] = metrics.count_funnel([("requested", 100), ("unique", 80), ("meets the constraints", 80)])
    checked = {"chosen": 16, "expected": 10.0, "found": 9}
    content["hits"] = {"goal": "logP 2", "expected": 3.2, "low": 1, "high": 4, "of": 5, "checked": checked}
    content["news"] = {"new": {"count": 5, "of": 5}, "known": 0}
    told = read_verdict(content, candidates())
    assert "and 9 were. Constraints: 80 of 80" in told
    assert "5 of 5 candidates are new (the first run that the candidate library has)." in told
    content["news"] = {"new": {"count": 1, "of": 5}, "known": 9, "last_run": "night-6", "passed_over": 1}
    told = read_verdict(content, candidates())
    assert (
        "1 of 5 candidates is new since the last run (night-6); 1 molecule that earlier runs had proposed was left out."
        in told
    )


def test_the_verdict_of_a_search_of_few_calls_counts_them() -> None:
    content = full_report()
    content["request"]["objectives"][0] |= {"kind": "as_is", "basis": "by your oracle", "unit": "kcal/mol"}
    content["novelty"] = None
    curve = [[1, 1.0, 1.0, 1.0], [6, 3.0, 2.0, 2.0]]
    search = {"calls": 6, "curve": curve, "best": 3.0, "scores": [[i, 1.0] for i in range(1, 7)], "ended": "spent"}
    content["optimization"] = search
    told = read_verdict(content, candidates())
    assert told.startswith(
        "The 6 best molecules have a mean logP of 2.00 kcal/mol (by your oracle) after 6 oracle calls;"
    )
    search["scores"] = [[i, 1.0] for i in range(1, 13)]
    assert read_verdict(content, candidates()).startswith("The ten best molecules have a mean logP of")
    search |= {"calls": 1, "curve": curve[:1], "best": 1.0, "scores": [[1, 1.0]]}
    search["failures"] = [{"reason": "no pose", "count": 1}]
    told = read_verdict(content, candidates())
    assert told.startswith("The only molecule scored has the logP 1.00 kcal/mol (by your oracle) after 1 oracle call.")
    assert ">1 call<" in page.render(as_report(content), candidates())
    search["front"] = {"size": 1, "of": 2}
    told = read_verdict(content, candidates())
    assert told.startswith("1 molecule of the 2 scored forms the Pareto front after 1 oracle call.")


def test_the_verdict_of_a_single_candidate_is_singular() -> None:
    content = full_report()
    content["optimization"] = {"calls": 1, "ended": "spent"}
    content["novelty"] = {"stereo_aware": {"count": 0, "of": 1}}
    told = read_verdict(content, candidates(1).assign(within_target=False))
    assert "0 of 1 candidate meets every objective. 0 of 1 candidate is not in the training data." in told


def test_the_verdict_of_a_stopped_search_says_it_once() -> None:
    content = full_report()
    content["optimization"] = {"calls": 60, "ended": f"{STOPPED} after 60 of 3,000 oracle calls"}
    text = Reader(page.render(as_report(content), candidates())).text.replace("\xa0", " ")
    assert text.count("Ended: stopped by Ctrl-C after 60 of 3,000 oracle calls.") == 2 and "Stopped: " not in text
