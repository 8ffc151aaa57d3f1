"""Desirabilities and hits of one objective, and the means of several."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from pipeline.objectives.config import Objective
from pipeline.objectives.desirability import score
from pipeline.objectives.resolve import resolve
from tests.pipeline.objectives.example_objectives import ASSAY, DOCKING, LOGP, wanted


def test_a_target_is_worth_one_half_at_its_tolerance() -> None:
    w = wanted(target=2.5, tolerance=0.5)
    assert w.compute_desirability([2.5, 3.0, 2.0, 3.5]).tolist() == pytest.approx([1.0, 0.5, 0.5, 2**-4])
    assert w.find_hits([2.5, 3.0, 3.001, math.nan]).tolist() == [True, True, False, False]


def test_a_range_is_flat_inside() -> None:
    w = wanted(range=(2.0, 4.0))
    assert w.compute_desirability([2.0, 3.0, 4.0]).tolist() == [1.0, 1.0, 1.0]
    assert 0 < w.compute_desirability([5.0])[0] < 1
    assert w.find_hits([1.9, 2.0, 4.1]).tolist() == [False, True, False]


def test_maximize_and_minimize_mirror_each_other() -> None:
    up, down = wanted(maximize=True), wanted(minimize=True)
    x = np.linspace(0, 10, 7)
    assert up.compute_desirability(x.tolist()) == pytest.approx(down.compute_desirability((10 - x).tolist()), rel=1e-3)
    assert up.compute_desirability([5.0, 9.5]).tolist() == pytest.approx([0.119, 0.881], abs=2e-3)
    assert up.find_hits([8.9, 9.1]).tolist() == [False, True]
    assert down.find_hits([0.9, 1.1]).tolist() == [True, False]


def test_the_score_is_a_weighted_geometric_mean_and_keeps_missing_values_missing() -> None:
    both, _ = resolve(
        {"logp": Objective(target=2.0, tolerance=1.0, weight=3.0), "assay": Objective(target=2.0, tolerance=1.0)},
        [LOGP, ASSAY],
    )
    scores = score(both, {"logp": [2.0, 3.0, 2.0], "assay": [2.0, 3.0, math.nan]}, 3)
    assert scores[:2].tolist() == pytest.approx([1.0, 0.5])
    assert math.isnan(scores[2])
    assert score(both, {"logp": [3.0], "assay": [2.0]}, 1)[0] == pytest.approx(0.5 ** (3 / 4))
    assert np.isnan(score([], {}, 2)).all()


def test_gradients_pull_towards_the_aim_from_far_away() -> None:
    for w, x, sign in ((wanted(target=2.0), 9.0, -1), (wanted(maximize=True), 0.0, 1), (wanted(range=(2, 3)), 9.0, -1)):
        value = torch.tensor(x, requires_grad=True)
        w.compute_log_desirability(value).backward()
        assert value.grad is not None
        assert math.copysign(1, value.grad.item()) == sign
        assert abs(value.grad.item()) > 1e-2


def test_drawn_conditions_lie_where_they_should() -> None:
    generator = torch.Generator().manual_seed(0)
    assert set(wanted(target=3.0).draw(5, generator).tolist()) == {3.0}
    assert (
        9.0
        <= wanted(maximize=True).draw(100, generator).min()
        <= wanted(maximize=True).draw(100, generator).max()
        <= 10
    )
    inside = wanted(range=(1.0, 2.0)).draw(100, generator)
    assert 1.0 <= inside.min() < 1.2 < 1.8 < inside.max() <= 2.0


def test_the_arithmetic_mean_has_weights_too() -> None:
    both, _ = resolve(
        {"logp": Objective(target=2.0, tolerance=1.0, weight=3.0), "assay": Objective(target=2.0, tolerance=1.0)},
        [LOGP, ASSAY],
    )
    values = {"logp": [3.0, math.nan], "assay": [2.0, 2.0]}
    assert score(both, values, 2, aggregate="arithmetic") == pytest.approx(
        [0.25 * (3 * 0.5 + 1), math.nan], nan_ok=True
    )


def test_the_report_draws_a_transform_also_where_there_are_no_values() -> None:
    import pandas as pd

    from pipeline.report.facts.asked_and_found import Distribution
    from pipeline.report.facts.asked_and_found import Objective as ReportedObjective
    from pipeline.report.html import page, plots
    from pipeline.report.model import Report

    objective = resolve({"affinity": Objective(transform="reverse_sigmoid", low=-10, high=-6)}, [], DOCKING)[0][
        0
    ].to_dict()
    alone = plots.draw_distribution("x", Distribution(), ReportedObjective(**objective))
    assert alone is not None and "desirable" in alone
    assert plots.draw_distribution("x", Distribution(), ReportedObjective(**{**objective, "transform": []})) is None
    html = page.render(Report.from_dict({"request": {"objectives": [objective]}}), pd.DataFrame({"smiles": ["CCO"]}))
    assert html.count("desirability of the property") == 1
    seen = {"property": "affinity", "basis": "computed", "samples": [-7.0] * 20}
    html = page.render(
        Report.from_dict({"request": {"objectives": [objective]}, "distributions": [seen]}),
        pd.DataFrame({"smiles": ["CCO"]}),
    )
    assert html.count("desirable</text>") == 1 and "desirability of the property" not in html
