"""What the verdict says of most candidates: structural alerts, and sizes that the model has not seen."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from flows.terminal import format_summary
from pipeline.chemistry.molecule import Molecule
from pipeline.models.training_set.sizes import Sizes
from pipeline.report import tables
from pipeline.report.building.cautions import list_cautions
from pipeline.report.facts.asked_and_found import Objective, Refusal, Request, Stage
from pipeline.report.facts.model_facts import Predictor
from pipeline.report.html import page
from pipeline.report.model import Report
from pipeline.report.read_first import split_warnings

USUAL, HEAVY, LIGHT = "CC(=O)Nc1ccc(O)cc1", "CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC(=O)O", "CCO"


def table(smiles: list[str], alerts: list[str | None]) -> pd.DataFrame:
    return pd.DataFrame({"molecule": [Molecule(text) for text in smiles], "alerts": alerts})


@pytest.fixture(autouse=True)
def sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sizes, "measure", lambda model: Sizes((100, 400), (8, 30)))


def test_most_candidates_with_alerts_or_of_an_unseen_size_are_said() -> None:
    model: Any = None
    assert list_cautions(table([USUAL] * 10, ["BRENK: a"] * 4 + [""] * 5 + [None]), model) == []
    (said,) = list_cautions(table([USUAL] * 10, ["BRENK: a"] * 6 + [""] * 4), model)
    assert said.startswith("6 of 10 candidates carry structural alerts (PAINS, BRENK): look at them before ordering")
    assert "--without-alerts PAINS,BRENK" in said
    (said,) = list_cautions(table([HEAVY] * 7 + [USUAL] * 3, [""] * 10), model)
    assert said.startswith("7 of 10 candidates are heavier than 99 % of the training molecules (400 g/mol)")
    assert "--within mw=:400" in said
    (said,) = list_cautions(table([LIGHT] * 6 + [USUAL] * 4, [""] * 10), model)
    assert "lighter than 99 %" in said and "--within mw=100:" in said
    assert list_cautions(table([HEAVY] * 2, ["BRENK: a"] * 2), model) == [], "two molecules are looked at one by one"


def test_cautions_are_ordered_by_harm_and_name_every_fault_that_most_have() -> None:
    faulty = table([HEAVY] * 10, ["BRENK: a"] * 10).assign(
        distance_to_training=[2.5] * 6 + [None] * 4,
        unusual=["peroxide"] * 9 + [None],
        undefined_stereo=[1] * 5 + [0] * 5,
    )
    model: Any = None
    told = list_cautions(faulty, model)
    faults = (
        "are far from the training data",
        "have something unusual",
        "are heavier",
        "carry structural alerts",
        "have undefined stereo",
    )
    assert [fault in text for fault, text in zip(faults, told, strict=True)] == [True] * 5
    assert [text.split(" of 10 ")[0] for text in told] == ["6", "9", "10", "10", "5"]
    fine = table([USUAL] * 10, [""] * 10).assign(distance_to_training=1.9, unusual="", undefined_stereo=0)
    assert list_cautions(fine, model) == []


def test_five_sentences_about_what_was_asked_for_come_first_and_the_rest_are_notes() -> None:
    weak = [
        f"the predictor of {name} is weak: on 7 held-out molecules it explains little" for name in ("logp", "qed", "mw")
    ]
    report = Report(
        request=Request(objectives=[Objective(property="pKi")]),
        predictors=[Predictor(property=name) for name in ("pKi", "logp", "qed", "mw")],
        cautions=["6 of 10 candidates carry structural alerts"],
        warnings=[*weak, "the data is small", "heavier ones are left out: --within mw=:400", "pKi 6.5 lies outside the training data"],
    )  # fmt: skip
    first, notes = split_warnings(report, tables.list_warnings(report))
    assert first == [
        "6 of 10 candidates carry structural alerts", "pKi 6.5 lies outside the training data", "the data is small",
        "heavier ones are left out: --within mw=:400",
    ]  # fmt: skip
    (note,) = notes
    assert note.startswith("the predictors of logp, qed and mw are weak"), (
        "nobody asked for them, and one line is enough"
    )
    report.warnings = [f"reason {i}" for i in range(9)]
    first, notes = split_warnings(report, tables.list_warnings(report))
    assert len(first) == 5 and first[0] == report.cautions[0] and notes == [f"reason {i}" for i in range(4, 9)]
    shown = format_summary(report).splitlines()
    start = shown.index("read this first:")
    assert [line.partition(": ")[0] for line in shown[start + 1 : start + 6]] == ["warning"] * 5
    assert sum(line.startswith("note: reason") for line in shown) == 5, "nothing is lost"


def test_constraints_stand_in_the_verdict_and_cautions_right_behind_it() -> None:
    report = Report(
        request=Request(n=2, constraints=["mw at least 300", "sa at most 4"]),
        funnel=[
            Stage(stage="requested", count=1200, of=1200),
            Stage(stage="meets the constraints", count=93, of=1000),
        ],
        refusals=[Refusal(constraint="mw at least 300", count=907, of=1000)],
        cautions=["6 of 10 candidates carry structural alerts"],
        warnings=["the model is young"],
    )
    text = page.render(report, pd.DataFrame({"smiles": [USUAL], "score": [1.0]}))
    verdict = text.split('class="verdict"')[1].split("</div>")[0]
    assert "Constraints: <strong>93 of 1,000</strong> distinct molecules met them." in verdict
    box = text.split('class="warnings"')[1].split("</div>")[0]
    assert (
        "<h2>Read this first</h2><ul><li>6 of 10 candidates carry structural alerts</li><li>The model is young</li>"
        in box
    )
    assert text.count("6 of 10 candidates carry") == 1, "not once more among the notes"
    assert "refused 907 of 1,000" in text and "refused none" in text
    assert tables.describe_refusals(report) == (
        "constraints refused, of 1,000 distinct molecules: 907 by 'mw at least 300'"
    )
    assert tables.list_warnings(report) == ["6 of 10 candidates carry structural alerts", "the model is young"]
