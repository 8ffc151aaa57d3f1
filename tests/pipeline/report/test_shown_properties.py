"""What a person reads of values and scores: their own sign, unit and origin."""

from __future__ import annotations

import pandas as pd
import pytest

from pipeline.report import tables
from pipeline.report.candidate_data import collect_candidate_data
from pipeline.report.facts.asked_and_found import Achieved, ExpectedHits, Isomer, Objective, Request
from pipeline.report.facts.model_facts import Predictor
from pipeline.report.facts.search_facts import Ancestor, Origin, Search
from pipeline.report.html import page
from pipeline.report.html.search_plots import draw_best_so_far
from pipeline.report.message import render_message
from pipeline.report.model import Report
from pipeline.report.shown_properties import SCORE, collect_properties, describe_score, show_own_values
from tests.pipeline.report.samples import Reader

MINUS = "\N{MINUS SIGN}"


def minimized(**more: object) -> Report:
    """A search for the lowest value of a docking program, whose scores are the negative values."""
    asked = Objective(
        property="affinity", unit="kcal/mol", basis="by your oracle", aim="low, ranked by the value itself", kind="as_is", **more
    )  # fmt: skip
    search = Search(
        calls=20, budget=20, ended="spent", best=14.26, curve=[[i, 10.0 + i / 5, 9.0 + i / 5, 8.0] for i in range(1, 21)],
        scores=[[i, 5.0 + i / 4] for i in range(1, 21)],
        origins=[Origin(origin="mutation", asked=20, of=20, scored=20, mean=9.5, best=14.26, among_best=20, best_of=20, candidates=2)],
        lineages=[[Ancestor(smiles="CCO", score=8.125, call=3), Ancestor(smiles="CCN", score=14.26, call=19)]],
    )  # fmt: skip
    achieved = [Achieved(property="affinity", basis="by your oracle", aim=asked.aim, of=2, mean=-14.0, std=0.2)]
    return Report(request=Request(n=2, objectives=[asked]), achieved=achieved, optimization=search)


@pytest.mark.parametrize("more", [{"falling": True}, {}], ids=["told", "of an older report"])
def test_a_minimized_value_has_its_own_sign_unit_and_origin_everywhere(more: dict[str, object]) -> None:
    report = minimized(**more)
    frame = pd.DataFrame({"smiles": ["CCN", "CCO"], "score": [14.26, 13.7], "affinity_computed": [-14.26, -13.7]})
    text = Reader(page.render(report, frame)).text
    assert f"{MINUS}14.26" in text and "by your oracle" in text and "kcal/mol" in text and f"{MINUS}8.1" in text
    assert not any(wrong in text.replace(f"{MINUS}14.26", "") for wrong in ("14.26", "14.3"))
    assert "mean affinity" in text and f"{MINUS}13.00 kcal/mol" in text, "the ten best in the verdict"
    assert "score 14" not in text and "Score" not in text.split("Glossary")[0].split("From proposals")[0]
    assert "computed" not in text.split("Glossary")[0], "no formula of RDKit gave these values"


def test_a_score_is_turned_into_the_users_value_only_where_it_is_one() -> None:
    search = minimized().optimization
    assert search is not None
    own = describe_score(minimized(falling=True))
    turned = show_own_values(search, own)
    assert (turned.best, turned.scores[0], turned.curve[-1][2]) == (-14.26, [1, -5.25], -13.0)
    assert search.best == 14.26, "the report itself stays as it is"
    assert (own.with_unit, own.is_value, own.to_own(None)) == ("affinity, kcal/mol", True, None)
    report = minimized()
    report.request.objectives.append(Objective(property="qed", basis="computed", kind="as_is", aim="high"))
    assert describe_score(report) is SCORE is describe_score(Report()), "several objectives make a score of their own"
    assert show_own_values(search, SCORE) is search
    svg = draw_best_so_far("c", turned, own)
    assert svg is not None and "affinity, kcal/mol" in svg


def test_the_origin_of_a_value_is_the_oracles_only_for_what_it_gave() -> None:
    report = minimized()
    report.request.objectives.append(Objective(property="qed", basis="computed"))
    known = collect_properties(report)
    assert known["affinity"].name_basis("computed") == "by your oracle"
    assert (
        known["affinity"].name_basis("predicted") == "predicted" and known["qed"].name_basis("computed") == "computed"
    )


def test_a_probability_of_the_active_class_is_never_certain() -> None:
    asked = Objective(property="active", label="probability of active", basis="predicted", aim="high", low=0.5)
    reached = Achieved(property="active", basis="predicted", of=6, mean=0.993, std=0.012, within=6)
    frame = pd.DataFrame({"smiles": ["CCN", "CCO"], "active_predicted": [1.0, 0.4], "hit_probability": [1.0, 0.4]})
    report = Report(
        request=Request(objectives=[asked]),
        achieved=[reached],
        predictors=[Predictor(property="active", classes=[0.0, 1.0])],
        isomers=[Isomer(isomer="1.1", parent_rank=1, smiles="CCN", values={"active": 1.0})],
    )
    html = page.render(report, frame)
    text = Reader(html).text.replace("\xa0", " ")
    assert "> 99 % ± 1.2 %mean, 95 %: 98 % to > 99 %" in text and "active > 99 %" in text
    assert text.count("> 99 %") >= 5, "in the table of what was achieved, on the card, in the table, and of the isomer"
    assert "1.00" not in text and "| > 99 % |" in render_message(report, frame, html).replace("\xa0", " ")
    columns = collect_candidate_data(report, frame).columns
    assert [c.column for c in columns if c.is_probability] == ["active_predicted", "hit_probability"]
    between = Report(achieved=[reached], predictors=[Predictor(property="active", classes=[1.0, 2.0])])
    known = collect_properties(between)["active"]
    assert not known.is_probability("predicted") and known.clip((0.9, 2.2), "predicted") == (1.0, 2.0)
    assert known.clip((0.9, 2.2), "by your oracle") == (0.9, 2.2) and known.clip(None, "predicted") is None


def test_a_predicted_goal_promises_the_sum_of_the_probabilities_and_ticks_nothing() -> None:
    asked = Objective(property="pKi", basis="predicted", aim="high (a hit: at least 7)", kind="maximize", low=7.0)
    size = Objective(
        property="mw", label="weight", unit="g/mol", basis="computed", aim="at most 400", kind="step", high=400.0
    )
    frame = pd.DataFrame(
        {
            "smiles": ["CCN", "CCO", "CCC"], "score": [0.9, 0.8, 0.7], "pKi_predicted": [8.0, 7.9, 7.8], "pKi_predicted_std": 0.85,
            "mw_computed": [45.1, 46.1, 44.1], "hit_probability": [0.999, 0.4, 0.2], "within_target": True,
        }
    )  # fmt: skip
    hits = ExpectedHits(goal="pKi at least 7", expected=1.6, low=0, high=3, of=3)
    report = Report(
        request=Request(n=3, objectives=[asked, size]), hits=hits, ranking="what is worth measuring",
        achieved=[Achieved(property="pKi", basis="predicted", aim=asked.aim, of=3, mean=7.9, std=0.1, within=3, expected=1.6)],
    )  # fmt: skip
    text = Reader(page.render(report, frame)).text.replace("\xa0", " ")
    assert "Predicted: about 2 of 3 candidates are expected to reach pKi at least 7" in text
    assert "the sum of the model's own probabilities" in text and "meet every objective" not in text
    assert (
        "ranked by what is worth measuring" in text
        and "2 of 3 expected" in text
        and "3 by the predicted value alone" in text
    )
    assert text.count("> 99 %") >= 2 and text.count("40 %") >= 2, "on the card and in the table"
    cells = page.render(report, frame).split("<tbody>")[-1]
    assert not any("✓" in cell for cell in cells.split("<td") if "± 0.85" in cell) and cells.count("✓") == 3
    assert tables.list_achieved_rows(report)[0]["within"] == "2 of 3 expected"
    assert "are expected to reach pKi at least 7 when they are measured" in tables.describe_hits(report)
    report.hits = None
    again = Reader(page.render(report, frame)).text
    assert "3 of 3 candidates are predicted to meet every objective" in again, "a report of before the probabilities"
