"""What the verdict says of most candidates: structural alerts, and sizes that the model has not seen."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from pipeline.chemistry.molecule import Molecule
from pipeline.models.sizes import Sizes
from pipeline.report import page, tables
from pipeline.report.cautions import list_cautions
from pipeline.report.model import Refusal, Report, Request, Stage

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


def test_cautions_and_constraints_stand_in_the_verdict() -> None:
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
    assert '<p class="caution">6 of 10 candidates carry structural alerts.</p>' in verdict
    assert text.count("6 of 10 candidates carry") == 1, "not once more among the warnings"
    assert "refused 907 of 1,000" in text and "refused none" in text
    assert tables.describe_refusals(report) == (
        "constraints refused, of 1,000 distinct molecules: 907 by 'mw at least 300'"
    )
    assert tables.list_warnings(report) == ["6 of 10 candidates carry structural alerts", "the model is young"]
