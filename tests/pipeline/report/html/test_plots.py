"""Plots of every report, also of odd data."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from pipeline.report.facts.asked_and_found import Distribution
from pipeline.report.facts.model_facts import LatentMap, Training
from pipeline.report.facts.part import Row
from pipeline.report.html import plots


def test_plots_bear_odd_data() -> None:
    odd = [None, "x", math.nan, math.inf, 1.0, True]
    assert plots.to_values([None, math.nan, math.inf, 1.0]).tolist() == [1.0]
    assert plots.to_points([[1, 2], [None, 1], [1], [3, math.nan]]).tolist() == [[1.0, 2.0]]
    assert (
        plots.draw_distribution("a", Distribution.from_dict({"data": [1.0] * 20, "candidates": odd}), None) is not None
    )  # no spread at all
    assert plots.draw_distribution("a", Distribution(data=[None]), None) is None
    assert plots.draw_parity("a", [[1, 1], [2, None]], "x") is None
    assert plots.draw_calibration("a", {"0.5": None, "x": 1}) is None
    assert plots.draw_training_curve("a", Training(history=[{"step": 1}]), "kl", "KL") is None
    flat: list[Row] = [{"step": 1, "kl": 0}, {"step": 2, "kl": 0}]
    assert plots.draw_training_curve("a", Training(history=flat), "kl", "KL") is not None
    assert plots.draw_kl_per_dimension("a", []) is None
    assert plots.draw_latent_map("a", LatentMap()) is None
    assert plots.draw_latent_map("a", LatentMap(candidates=[[0, 0]])) is not None


def test_a_steep_start_does_not_set_the_scale() -> None:
    history: list[Row] = [{"step": i, "kl": 5000.0 if i == 0 else 2.0} for i in range(100)]
    ticks = re.findall(r">([\d.]+)</text>", str(plots.draw_training_curve("a", Training(history=history), "kl", "KL")))
    assert "2.0" in ticks and not {t for t in ticks if float(t) > 100}


def test_values_beyond_the_frame_make_no_bar_at_its_edge() -> None:
    data = [0.0, 1.0] * 200
    inside, beyond = (plots.draw_distribution("a", Distribution(data=values), None) for values in (data, [*data, 1e6]))
    assert inside == beyond


def test_a_plot_of_a_model_is_drawn_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHEM_VAE_CACHE", str(tmp_path))
    points: list[list[float | None]] = [[1, 2, 0], [2, 1, 0], [3, 3, 0]]
    first, empty = plots.draw_parity("a", points, "pIC50"), plots.draw_parity("a", points[:1], "pIC50")
    other = plots.draw_parity("a", points, "Ki")
    with monkeypatch.context() as patch:
        patch.setattr(plots, "open_figure", None)  # whoever draws again fails
        assert (
            first and plots.draw_parity("a", points, "pIC50") == first and plots.draw_parity("a", points, "Ki") == other
        )
        assert plots.draw_parity("a", points[:1], "pIC50") is empty is None
        with pytest.raises(TypeError):
            plots.draw_parity("a", [*points, [4, 4, 0]], "pIC50")
    monkeypatch.setenv("CHEM_VAE_CACHE", str(tmp_path / "new"))
    assert plots.draw_parity("a", points, "pIC50") == first != other


def test_the_key_of_a_map_writes_thousands_without_powers_of_ten() -> None:
    points: list[list[float | None]] = [[x / 10, -x / 10] for x in range(1, 9)]
    values: list[float | None] = [1234.56 * x for x in range(1, 9)]
    drawn = str(plots.draw_latent_map("a", LatentMap(data=points, values=values, color_property="IC50")))
    assert ">1,235</text>" in drawn and "e+0" not in drawn
