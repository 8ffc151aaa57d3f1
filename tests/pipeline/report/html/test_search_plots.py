"""Plots of an optimization."""

from __future__ import annotations

import re

import pytest
from matplotlib.figure import Figure

from pipeline.report.facts.part import PropertyPart
from pipeline.report.facts.search_facts import DiversityAt, Front, OriginShares, Search, SearchMap
from pipeline.report.html import search_plots
from pipeline.workspace.presentation.plot_style import render_svg

FRONT = Front(
    objectives=[PropertyPart(property="a", label="A", unit="nM"), PropertyPart(property="b")],
    points=[[1, 4], [2, 3], [3, 1], [1000, 2]],
    front=[[2, 3], [1, 4]],
    size=2,
    of=4,
    hypervolume=[[1, 0.5], [4, 1.0]],
)


def test_nothing_to_draw_is_none() -> None:
    assert set(search_plots.draw_search_plots(Search(), {}).values()) == {None}
    assert search_plots.draw_best_so_far("a", Search(curve=[[1, 1, 1, 1]], scores=[[1, 1]])) is None
    assert search_plots.draw_shares("a", OriginShares(origins=["x"], edges=[0, 1], shares=[[1.0]])) is None
    assert search_plots.draw_front("a", Front(objectives=FRONT.objectives), {}) is None
    assert search_plots.draw_search_map("a", SearchMap(data=[[0, 0]])) is None


def test_a_search_for_one_best_and_one_for_a_front_have_different_plots() -> None:
    search = Search(
        curve=[[call, 0.5, 0.25, 0.1] for call in (1, 20, 40)],
        scores=[[1, 0.1], [20, 0.5], [40, None]],
        diversity=[DiversityAt(calls=n, diversity=0.8, scaffolds=n) for n in (10, 20)],
        shares=OriginShares(
            origins=["x", "others"], edges=[0, 10, 20, 40], shares=[[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]
        ),
        map=SearchMap(data=[[0, 0], [1, 1]], calls=[[0, 1, 1], [1, 0, 2]], path=[[0, 1, 1, 0.5]]),
    )
    drawn = {name for name, svg in search_plots.draw_search_plots(search, {}).items() if svg}
    assert drawn == {"curve", "diversity", "shares", "map"}
    search.front = FRONT
    drawn = {name for name, svg in search_plots.draw_search_plots(search, {}).items() if svg}
    assert drawn == {"front", "hypervolume", "diversity", "shares", "map"}


def test_a_legend_stands_beside_what_is_drawn_and_not_over_it(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Figure] = []

    def draw(figure: Figure, name: str, label: str) -> str:
        drawn.append(figure)
        return render_svg(figure, name, label)

    monkeypatch.setattr(search_plots, "render_svg", draw)
    origins = ["structure variation", "near a good molecule", "others"]
    search_plots.draw_shares("s", OriginShares(origins=origins, edges=[0, 1, 2, 3], shares=[[0.2, 0.3, 0.5]] * 3))
    curve = [[call, 0.1 + 0.01 * call, 0.1 + 0.009 * call, 0.3] for call in range(1, 200)]
    search_plots.draw_best_so_far("c", Search(curve=curve, scores=[[call, score] for call, score, *_ in curve]))
    assert len(drawn) == 2
    for figure in drawn:
        (axes,) = figure.axes
        legend = next(iter(figure.legends), axes.get_legend())
        assert legend is not None
        assert not legend.get_window_extent().overlaps(axes.get_window_extent())
        box, page = legend.get_window_extent(), figure.bbox
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= page.x1 + 3 and box.y1 <= page.y1 + 3, "its frame has 3 points"


def test_a_front_names_its_objectives_and_leaves_far_points_outside() -> None:
    svg = str(search_plots.draw_front("a", FRONT, {"a": "low"}))
    assert "A, nM (wanted: low)" in svg and ">b</text>" in svg
    assert not re.search(r">[\d,]*\d{4}</text>", svg)
    three = FRONT.model_copy(update={"objectives": [*FRONT.objectives, PropertyPart(property="c")]})
    three.points, three.front = ([[*p, 1.0] for p in points] for points in (FRONT.points, FRONT.front))
    assert str(search_plots.draw_front("a", three, {})).count(">c</text>") == 2
