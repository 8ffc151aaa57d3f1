"""The plots of an optimization: scores against oracle calls, by origin, the Pareto front, the search in the latent space."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from pipeline.report.facts.part import Point, PropertyPart
from pipeline.report.facts.search_facts import DiversityAt, Front, OriginShares, Search, SearchMap
from pipeline.report.html.plots import (
    MAP_SIZE,
    Array,
    draw_colored_dots,
    draw_dots,
    draw_rings,
    label_directions,
    to_points,
)
from pipeline.report.shown_properties import SCORE, ShownScore
from pipeline.workspace.presentation.plot_style import PAGE, open_figure, render_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ORIGIN_COLORS = (PAGE.candidates, PAGE.samples, PAGE.good, PAGE.fourth, PAGE.fifth)
_SIZE = (4.3, 2.6)


def draw_search_plots(search: Search, aims: Mapping[str, str], score: ShownScore = SCORE) -> dict[str, str | None]:
    """Draw all plots of an optimization.

    Args:
        search: the report's part about the optimization.
        aims: the objectives in few words by property, for the axes of a front.
        score: what the scores of the search stand for; they are the user's own values.

    Returns:
        The SVG of each plot by its name in the page's template; None where there is nothing to draw.
    """
    front = search.front
    return {
        "curve": None if front else draw_best_so_far("oc", search, score),
        "diversity": draw_diversity("od", search.diversity),
        "shares": draw_shares("os", search.shares),
        "front": draw_front("of", front, aims) if front else None,
        "hypervolume": draw_hypervolume("oh", front.hypervolume) if front else None,
        "map": draw_search_map("om", search.map, best=not front) if search.map else None,
    }


def draw_best_so_far(name: str, search: Search, score: ShownScore = SCORE) -> str | None:
    """Draw the score of each call, the best so far, and the mean of the best ten and of the best hundred.

    The best is at the bottom where less is better.
    """
    single = to_points(search.scores)
    if len(search.curve) < 2 or not len(single):
        return None
    series = (
        ("best", 1, 1, PAGE.ink, 1.2),
        ("best ten, mean", 2, 10, PAGE.candidates, 2.0),
        ("best hundred, mean", 3, 100, PAGE.muted, 1.0),
    )
    with open_figure(*_SIZE, PAGE) as figure:
        axes = figure.subplots()
        draw_dots(axes, single, PAGE.data, size=2.2, alpha=0.45)
        ends = []
        for label, column, least, color, width in series:
            line = to_points(search.curve, (0, column))
            line = line[line[:, 0] >= least]
            if len(line) >= 2:
                axes.plot(*line.T, color=color, lw=width, drawstyle="steps-post", label=label)
                ends.append(score.sign * (score.sign * line[:, 1]).max())
        # The worst twentieth of the calls lies below the frame where it would press the rest together.
        worst = score.sign * np.quantile(score.sign * single[:, 1], 0.05)
        low, top = sorted((float(worst), score.sign * max((score.sign * end for end in ends), default=1.0)))
        pad = 0.06 * ((top - low) or abs(top) or 1.0)
        axes.set(xlabel="oracle calls", ylabel=score.with_unit, xlim=(0, None), ylim=(low - pad, top + pad))
        if ends:
            axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, handlelength=1.6)  # above the lines
        return render_svg(figure, name, "score of each call, the best so far and the mean of the best ten")


def draw_diversity(name: str, points: Sequence[DiversityAt]) -> str | None:
    """Draw internal diversity of the best hundred (a line) and their scaffolds (dots) against calls."""
    line = to_points([(p.calls, p.diversity) for p in points])
    counts = to_points([(p.calls, p.scaffolds) for p in points])
    if len(line) < 2:
        return None
    with open_figure(*_SIZE, PAGE) as figure:
        axes = figure.subplots()
        axes.plot(*line.T, color=PAGE.samples, lw=1.6)
        axes.set(xlabel="oracle calls", ylim=(0, 1), xlim=(0, None))
        axes.set_ylabel("internal diversity", color=PAGE.samples)
        if len(counts):
            other = axes.twinx()
            other.spines["right"].set_visible(True)
            other.plot(*counts.T, color=PAGE.candidates, lw=0.9, marker="o", ms=2.6)
            other.set_ylabel("scaffolds", color=PAGE.candidates)
            other.set_ylim(bottom=0, top=1.08 * counts[:, 1].max())
            other.locator_params(axis="y", integer=True)
        return render_svg(figure, name, "diversity of the best hundred molecules against calls")


def draw_shares(name: str, shares: OriginShares) -> str | None:
    """Draw the share of the calls that each origin had, as the run went on."""
    parts, edges = [row for row in shares.shares if len(row) == len(shares.origins)], np.array(shares.edges)
    if len(parts) < 3 or len(shares.origins) < 2 or len(edges) != len(parts) + 1:
        return None
    middles = (edges[:-1] + edges[1:]) / 2
    tops = np.cumsum(np.array(parts), axis=1).T
    with open_figure(4.3, 2.3, PAGE) as figure:
        axes = figure.subplots()
        for i, label in enumerate(shares.origins):
            color = PAGE.data if label == "others" else _ORIGIN_COLORS[i % len(_ORIGIN_COLORS)]
            below = tops[i - 1] if i else 0 * tops[0]
            axes.fill_between(middles, below, tops[i], color=color, lw=0, alpha=0.85, label=label)
        axes.set(xlabel="oracle calls", ylabel="share of the calls", ylim=(0, 1), xlim=(middles[0], middles[-1]))
        axes.set_yticks([0, 0.5, 1], ["0", "50 %", "100 %"])
        handles, labels = axes.get_legend_handles_labels()
        axes.legend(handles[::-1], labels[::-1], loc="upper left", bbox_to_anchor=(1.0, 1.03), handlelength=0.9)
        return render_svg(figure, name, "share of the calls by origin")


def draw_front(name: str, front: Front, aims: Mapping[str, str]) -> str | None:
    """Draw all calls in two objectives' own values, the front as a line of dots; three objectives take three panels.

    aims: what is requested of each property, such as "high". The frame holds the front and most of the other calls.
    """
    if len(front.objectives) < 2 or not front.front:
        return None
    panels = [(0, 1)] if len(front.objectives) == 2 else [(0, 1), (0, 2), (1, 2)]
    with open_figure(4.3, 2.6 if len(panels) == 1 else 6.6, PAGE) as figure:
        for axes, (i, j) in zip(figure.subplots(len(panels), 1, squeeze=False)[:, 0], panels, strict=True):
            every, best = to_points(front.points, (i, j)), to_points(front.front, (i, j))
            best = best[np.lexsort(best.T[::-1])]
            draw_dots(axes, every, PAGE.data, size=2.4, alpha=0.5)
            if len(panels) == 1:
                axes.plot(*best.T, color=PAGE.candidates, lw=0.8, alpha=0.6)
            draw_dots(axes, best, PAGE.candidates, size=4.2, alpha=1.0)
            names = [_label_objective(front.objectives[k], aims) for k in (i, j)]
            axes.set(xlabel=names[0], ylabel=names[1])
            axes.locator_params(nbins=6)
            _set_frame(axes, (every, (0.1, 0.9)), (best, (0, 1)))
        return render_svg(figure, name, "the Pareto front among all calls")


def _label_objective(objective: PropertyPart, aims: Mapping[str, str]) -> str:
    name = (objective.label or objective.property) + (f", {objective.unit}" if objective.unit else "")
    return f"{name} (wanted: {aims[objective.property]})" if aims.get(objective.property) else name


def draw_hypervolume(name: str, points: Sequence[Point]) -> str | None:
    """Draw the hypervolume of the front against calls."""
    line = to_points(points)
    if len(line) < 2:
        return None
    with open_figure(*_SIZE, PAGE) as figure:
        axes = figure.subplots()
        axes.plot(*line.T, color=PAGE.candidates, lw=1.8, drawstyle="steps-post")
        axes.set(xlabel="oracle calls", ylabel="hypervolume", xlim=(0, None), ylim=(0, None))
        return render_svg(figure, name, "hypervolume of the front against calls")


def draw_search_map(name: str, search: SearchMap, best: bool = True) -> str | None:
    """Draw the search on the two main directions of the latent space.

    Training molecules are gray, calls go from dark (first) to light (last). A line leads from each best molecule to the
    next, unless there is no single `best`, as on a front.
    """
    known, calls = to_points(search.data), to_points(search.calls, (0, 1, 2))
    path, candidates = to_points(search.path if best else ()), to_points(search.candidates)
    if not len(calls) or not len(known):
        return None
    steps = (len(PAGE.scale) * (calls[:, 2] - 1) / max(calls[:, 2].max(), 1)).astype(np.int64)
    with open_figure(*MAP_SIZE, PAGE) as figure:
        axes = figure.subplots()
        draw_dots(axes, known, PAGE.line, size=2.4, alpha=0.8)
        draw_colored_dots(axes, calls, steps.clip(0, len(PAGE.scale) - 1), alpha=0.85)
        if len(path) > 1:
            axes.plot(*path.T, color=PAGE.ink, lw=0.9, alpha=0.8)
        if len(path):
            axes.plot(*path[0], marker="o", ms=5, mfc="none", mec=PAGE.ink, mew=1.3, ls="")
            axes.plot(*path[-1], marker="*", ms=12, color=PAGE.candidates, ls="")
        draw_rings(axes, candidates, size=4.2, width=1.0)
        _set_frame(axes, (np.concatenate([calls[:, :2], path, candidates]), (0.005, 0.995)), (known, (0.01, 0.99)))
        label_directions(axes, search.explained)
        return render_svg(figure, name, "the search on the map of the latent space")


def _set_frame(axes: Axes, *groups: tuple[Array, tuple[float, float]]) -> None:
    """Fit the frame to the given quantiles of each group of points: single far points would shrink the rest."""
    for i, set_limits in ((0, axes.set_xlim), (1, axes.set_ylim)):
        ends = np.concatenate([np.quantile(points[:, i], bulk) for points, bulk in groups if len(points)])
        pad = 0.05 * (ends.max() - ends.min() or 1.0)
        if math.isfinite(pad):
            set_limits(ends.min() - pad, ends.max() + pad)
