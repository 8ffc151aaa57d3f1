"""Several objectives as curves: what is drawn is what the search is told, by the mouse and by the slider."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import torch
from nicegui import ui

from flows.app.optimization.curve import BETWEEN, FALLING, LEFT, RIGHT, RISING, WIDTH, Curve, compute_desirability
from flows.app.optimization.objective_list import SCORE, read_extents
from pipeline.objectives.transforms import find_transform
from pipeline.optimization.config import OptimizeConfig
from pipeline.workspace.work.jobs import open_job
from tests.app.simulated_app import open_app


@pytest.mark.parametrize("shape", [RISING, FALLING, BETWEEN])
def test_the_curve_that_is_drawn_is_the_transform(shape: str) -> None:
    transform: Any = find_transform(shape)(low=2.0, high=6.5)  # type: ignore[call-arg]
    for x in (-50.0, 0.0, 2.0, 3.1, 4.25, 6.5, 8.0, 1e6):
        wanted = float(transform.compute_desirability(torch.tensor([x], dtype=torch.float64)))
        assert compute_desirability(shape, 2.0, 6.5, x) == pytest.approx(wanted, abs=1e-6)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of jobs that would have been started."""
    ids: list[str] = []
    monkeypatch.setattr("pipeline.workspace.work.jobs.Job.start", lambda job: ids.append(job.id))
    return ids


def find_selects(user: Any, label: str) -> list[ui.select]:
    found = [s for s in user.find(ui.select).elements if s.props.get("label") == label]
    return sorted(found, key=lambda s: s.id)


@pytest.mark.anyio
async def test_several_objectives_are_put_together(tmp_path: Path, started: list[str]) -> None:
    async with open_app(tmp_path) as user:
        await user.open("/optimize")
        await user.should_not_see("Several together")
        user.find("One more objective").click()
        user.find("One more objective").click()
        await user.should_see("Drag the ends of the curve")
        with user:
            find_selects(user, "Property")[2].set_value("qed")
        user.find(kind=ui.button, content="Optimize").click()
        await user.should_see("QED is there twice")
        with user:
            find_selects(user, "Property")[2].set_value("mw")
            find_selects(user, "Goal")[2].set_value(BETWEEN)
            sliders = sorted(user.find(ui.range).elements, key=lambda s: s.id)
            sliders[-1].set_value({"min": 300, "max": 420})
            weights = [n for n in user.find(ui.number).elements if n.props.get("label") == "Counts times"]
            max(weights, key=lambda n: n.id).set_value(3)
            find_selects(user, "Several together")[0].set_value("arithmetic")
        await user.should_see("good from 300 g/mol to 420 g/mol")
        user.find(kind=ui.button, content="Optimize").click()
        await asyncio.sleep(0.5)
    asked = open_job(tmp_path, started[0]).settings["optimize"]
    assert OptimizeConfig.model_validate(asked).aggregate == "arithmetic"
    assert asked["objectives"]["qed"] == {"maximize": True}
    assert asked["objectives"]["sa"]["transform"] == FALLING
    assert asked["objectives"]["mw"] == {"transform": BETWEEN, "low": 300, "high": 420, "weight": 3}


@pytest.mark.anyio
@pytest.mark.parametrize("label", ["Molecules", "Times the oracle is asked"])
async def test_an_emptied_number_is_asked_for(tmp_path: Path, started: list[str], label: str) -> None:
    async with open_app(tmp_path) as user:
        await user.open("/optimize")
        number = next(n for n in user.find(ui.number).elements if n.props.get("label") == label)
        with user:
            number.set_value(None)
        user.find(kind=ui.button, content="Optimize").click()
        await user.should_see(f"{label}: give a number")
    assert not started


@pytest.mark.anyio
async def test_the_own_function_is_one_objective_beside_computed_ones(tmp_path: Path) -> None:
    async with open_app(tmp_path) as user:
        await user.open("/optimize")
        with user:
            next(iter(user.find(ui.radio).elements)).set_value("own")
        assert find_selects(user, "Property")[0].value == SCORE
        user.find("One more objective").click()
        assert find_selects(user, "Goal")[0].value == RISING
        await user.should_see("Scale from")
        with user:
            next(iter(user.find(ui.radio).elements)).set_value("computed")
        assert SCORE not in [s.value for s in find_selects(user, "Property")]


@pytest.mark.anyio
async def test_an_end_follows_the_mouse_while_its_button_is_down(tmp_path: Path) -> None:
    async with open_app(tmp_path) as user:
        await user.open("/optimize")
        with user:
            curve = Curve("logP", "", (0.0, 10.0))
            curve.show()

            def move(kind: str, value: float) -> None:
                curve.drag(kind, (LEFT + (RIGHT - LEFT) * value / 10) / WIDTH)

            move("pointermove", 1.0)
            assert (curve.low, curve.high) == (2.5, 7.5), "nothing moves before it is taken"
            move("pointerdown", 3.0)
            move("pointermove", 4.0)
            move("pointermove", 99.0)
            assert (curve.low, curve.high) == (pytest.approx(7.45), 7.5), "the ends do not pass each other"
            move("pointerup", 4.0)
            move("pointermove", 1.0)
            assert curve.low == pytest.approx(7.45)
            move("pointerdown", 9.0)
            assert curve.high == pytest.approx(9.0)
            assert curve.make_objective() == {"transform": RISING, "low": curve.low, "high": curve.high}


def test_the_values_of_a_models_molecules_are_the_scale(tmp_path: Path) -> None:
    found = read_extents("druglike", tmp_path)
    assert found["mw"][0] < 250 < 500 < found["mw"][1] and "qed" not in found
    assert read_extents("no-such-model", tmp_path) == {}
