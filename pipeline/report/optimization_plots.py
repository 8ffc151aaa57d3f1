"""The plots of an optimization: what was found against the calls paid, by which move, and where in the latent space."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pipeline.report.candidates import properties_in
from pipeline.report.plot_style import PAGE, open_figure, render_svg
from pipeline.report.plots import MAP_SIZE, directions, draw_dots
from pipeline.report.reading import number_of, pairs, rows, table

_ORIGINS = (PAGE.candidates, PAGE.samples, PAGE.good, PAGE.fourth, PAGE.fifth, PAGE.data)
"""Of shares by origin, the most asked first; PAGE.data is what the others have together."""


def best_so_far(name: str, curve: Any, scores: Any) -> str | None:
    """Each call's score, the best so far, and the mean of the best ten and hundred. curve: [[call, best, ten, hundred], ...]."""
    lines = [[number_of(v) for v in row] for row in curve or () if isinstance(row, list | tuple) and len(row) == 4]
    single = pairs(scores)
    if len(lines) < 2 or not single:
        return None
    with open_figure(4.3, 2.6, PAGE) as figure:
        axes = figure.subplots()
        draw_dots(axes, single, PAGE.data, size=2.2, alpha=0.45)
        series = (
            ("best", 1, 1, PAGE.ink, 1.2),
            ("best ten, mean", 2, 10, PAGE.candidates, 2.0),
            ("best hundred, mean", 3, 100, PAGE.muted, 1.0),
        )
        ends = []
        for label, column, least, color, width in series:
            known = [(row[0], row[column]) for row in lines if (row[0] or 0) >= least and row[column] is not None]
            if len(known) < 2:
                continue
            x, y = zip(*known, strict=True)
            axes.plot(x, y, color=color, lw=width, drawstyle="steps-post", label=label)
            ends.append(y)
        _room(axes, single, ends)
        axes.set(xlabel="oracle calls", ylabel="score", xlim=(0, None))
        if ends:
            figure.legend(loc="outside upper center", ncols=3, handlelength=1.6)
        return render_svg(figure, name, "score of each call, the best so far and the mean of the best ten")


def _room(axes: Any, single: Sequence[tuple[float, float]], lines: Sequence[Sequence[float]]) -> None:
    """Leave the worst twentieth of the calls below the frame where they would press the rest together."""
    top = max((max(y) for y in lines), default=1.0)
    values = [y for _, y in single] or [min(y) for y in lines]
    low = float(np.quantile(values, 0.05)) if values else 0.0
    pad = 0.06 * ((top - low) or abs(top) or 1.0)
    axes.set_ylim(low - pad, top + pad)


def diversity(name: str, points: Any) -> str | None:
    """Internal diversity of the best hundred (a line) and their distinct scaffolds (dots), against calls."""
    known = [p for p in (points or ()) if isinstance(p, Mapping)]
    line = pairs([(p.get("calls"), p.get("diversity")) for p in known])
    counts = pairs([(p.get("calls"), p.get("scaffolds")) for p in known])
    if len(line) < 2:
        return None
    with open_figure(4.3, 2.6, PAGE) as figure:
        axes = figure.subplots()
        axes.plot(*zip(*line, strict=True), color=PAGE.samples, lw=1.6)
        axes.set(xlabel="oracle calls", ylim=(0, 1), xlim=(0, None))
        axes.set_ylabel("internal diversity", color=PAGE.samples)
        if counts:
            other = axes.twinx()
            other.spines["right"].set_visible(True)
            other.plot(*zip(*counts, strict=True), color=PAGE.candidates, lw=0.9, marker="o", ms=2.6)
            other.set_ylabel("scaffolds", color=PAGE.candidates)
            other.set_ylim(bottom=0, top=1.08 * max(y for _, y in counts))
            other.locator_params(axis="y", integer=True)
        return render_svg(figure, name, "diversity of the best hundred molecules against calls")


def shares(name: str, told: Any) -> str | None:
    """Which share of the calls each origin had, as the run went on."""
    told = told if isinstance(told, Mapping) else {}
    names = [str(n) for n in told.get("origins") or ()]
    parts = [row for row in told.get("shares") or () if isinstance(row, list) and len(row) == len(names)]
    edges = [v for v in map(number_of, told.get("edges") or ()) if v is not None]
    if len(parts) < 3 or len(names) < 2 or len(edges) != len(parts) + 1:
        return None
    with open_figure(4.3, 2.3, PAGE) as figure:
        axes = figure.subplots()
        middles = [(a + b) / 2 for a, b in itertools.pairwise(edges)]
        below = np.zeros(len(parts))
        for i, label in enumerate(names):
            color = PAGE.data if label == "others" else _ORIGINS[i % (len(_ORIGINS) - 1)]
            top = below + np.array([number_of(row[i]) or 0.0 for row in parts])
            axes.fill_between(middles, below, top, color=color, lw=0, alpha=0.85, label=label)
            below = top
        axes.set(xlabel="oracle calls", ylabel="share of the calls", ylim=(0, 1), xlim=(middles[0], middles[-1]))
        axes.set_yticks([0, 0.5, 1], ["0", "50 %", "100 %"])
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(handles[::-1], labels[::-1], loc="outside right upper", handlelength=0.9)
        return render_svg(figure, name, "share of the calls by origin")


def front(name: str, told: Any, wanted: Mapping[str, str] | None = None) -> str | None:
    """All calls in two objectives' own values, the front as a line of dots; three objectives as three panels.

    wanted: what is asked of each property ("high"). The frame holds the front and most of the other calls.
    """
    told = told if isinstance(told, Mapping) else {}
    objectives = rows(told, "objectives")
    points = [p for p in told.get("points") or () if isinstance(p, list)]
    best = [p for p in told.get("front") or () if isinstance(p, list)]
    if len(objectives) < 2 or not best:
        return None
    panels = [(0, 1)] if len(objectives) == 2 else [(0, 1), (0, 2), (1, 2)]
    with open_figure(4.3, 2.6 if len(panels) == 1 else 6.6, PAGE) as figure:
        for axes, (i, j) in zip(np.atleast_1d(figure.subplots(len(panels), 1)), panels, strict=True):
            every = pairs([(p[i], p[j]) for p in points])
            held = sorted(pairs([(p[i], p[j]) for p in best]))
            if every:
                draw_dots(axes, every, PAGE.data, size=2.4, alpha=0.5)
            if len(panels) == 1:
                axes.plot(*zip(*held, strict=True), color=PAGE.candidates, lw=0.8, alpha=0.6)
            draw_dots(axes, held, PAGE.candidates, size=4.2, alpha=1.0)
            axes.set(xlabel=_named(objectives[i], wanted), ylabel=_named(objectives[j], wanted))
            axes.locator_params(nbins=6)
            _focus(axes, [], every, bulk=(0.1, 0.9), inside=held)
        return render_svg(figure, name, "the Pareto front among all calls")


def _named(objective: Mapping[str, Any], wanted: Mapping[str, str] | None) -> str:
    unit, aim = objective.get("unit"), (wanted or {}).get(str(objective.get("property")))
    name = f"{objective.get('label') or objective.get('property')}" + (f", {unit}" if unit else "")
    return f"{name} (wanted: {aim})" if aim else name


def hypervolume(name: str, points: Any) -> str | None:
    """The hypervolume of the front against calls."""
    line = pairs(points)
    if len(line) < 2:
        return None
    with open_figure(4.3, 2.6, PAGE) as figure:
        axes = figure.subplots()
        axes.plot(*zip(*line, strict=True), color=PAGE.candidates, lw=1.8, drawstyle="steps-post")
        axes.set(xlabel="oracle calls", ylabel="hypervolume", xlim=(0, None))
        axes.set_ylim(bottom=0)
        return render_svg(figure, name, "hypervolume of the front against calls")


def search_map(name: str, told: Any, best: bool = True) -> str | None:
    """The two main directions of the latent space: training molecules in gray, calls from dark (first) to light (last), and
    the path from each best molecule to the next, unless no single one is `best`, as on a front."""
    told = told if isinstance(told, Mapping) else {}
    known, calls = pairs(told.get("data")), [p for p in told.get("calls") or () if isinstance(p, list) and len(p) >= 3]
    path = pairs(told.get("path")) if best else []
    if not calls or not known:
        return None
    orders = [number_of(p[2]) or 0.0 for p in calls]
    last = max(orders) or 1.0
    with open_figure(*MAP_SIZE, PAGE) as figure:
        axes = figure.subplots()
        draw_dots(axes, known, PAGE.line, size=2.4, alpha=0.8)
        for step, color in enumerate(PAGE.scale):
            here = pairs([p for p, o in zip(calls, orders, strict=True) if _step(o, last) == step])
            if here:
                draw_dots(axes, here, color, size=2.6, alpha=0.85)
        if len(path) > 1:
            axes.plot(*zip(*path, strict=True), color=PAGE.ink, lw=0.9, alpha=0.8)
        if path:
            axes.plot(*path[0], marker="o", ms=5, mfc="none", mec=PAGE.ink, mew=1.3, ls="")
            axes.plot(*path[-1], marker="*", ms=12, color=PAGE.candidates, ls="")
        chosen = pairs(told.get("candidates"))
        if chosen:
            axes.plot(*zip(*chosen, strict=True), ls="", marker="o", ms=4.2, mfc="none", mec=PAGE.candidates, mew=1.0)
        _focus(axes, [*pairs(calls), *path, *chosen], known)
        directions(axes, told.get("explained"))
        return render_svg(figure, name, "the search on the map of the latent space")


def _step(order: float, last: float) -> int:
    return min(len(PAGE.scale) - 1, int(len(PAGE.scale) * (order - 1) / last))


def _focus(
    axes: Any,
    shown: Sequence[tuple[float, float]],
    known: Sequence[tuple[float, float]],
    bulk: tuple[float, float] = (0.01, 0.99),
    inside: Sequence[tuple[float, float]] = (),
) -> None:
    """The frame around most of all points and everything `inside`: single far ones would shrink the rest."""
    for i, limit in ((0, axes.set_xlim), (1, axes.set_ylim)):
        ends = [p[i] for p in inside]
        ends += [float(v) for v in np.quantile([p[i] for p in shown], (0.005, 0.995))] if shown else []
        ends += [float(v) for v in np.quantile([p[i] for p in known], bulk)] if known else []
        pad = 0.05 * (max(ends) - min(ends) or 1.0)
        if math.isfinite(pad):
            limit(min(ends) - pad, max(ends) + pad)


def curves(report: Mapping[str, Any]) -> dict[str, str | None]:
    """All plots of report.json's `optimization`, by what the page calls them."""
    told = table(report, "optimization")
    held = told.get("front")
    wanted = {name: known.brief for name, known in properties_in(report).items() if known.objective}
    return {
        "curve": None if held else best_so_far("oc", told.get("curve"), told.get("scores")),
        "diversity": diversity("od", told.get("diversity")),
        "shares": shares("os", told.get("shares")),
        "front": front("of", held, wanted),
        "hypervolume": hypervolume("oh", table(told, "front").get("hypervolume")),
        "map": search_map("om", told.get("map"), best=not held),
    }
