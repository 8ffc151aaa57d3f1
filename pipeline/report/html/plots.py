"""The plots of every report: distributions, predictors, training, the map of the latent space; and their shapes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache, wraps
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from pipeline.report.facts.asked_and_found import Distribution, Objective
from pipeline.report.facts.model_facts import LatentMap, Training
from pipeline.report.facts.part import Number, Point
from pipeline.workspace.presentation import formatting, plot_style
from pipeline.workspace.presentation.formatting import format_number
from pipeline.workspace.presentation.plot_style import PAGE, open_figure, render_svg
from pipeline.workspace.storage.folders import hash_content
from pipeline.workspace.storage.kept_results import keep_result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]
Draw = TypeVar("Draw", bound="Callable[..., str | None]")

MAP_SIZE = (4.3, 3.5)  # inches; text stays readable where a phone shrinks the figure
_QUARTERS = [0, 0.25, 0.5, 0.75, 1], ["0", "25 %", "50 %", "75 %", "100 %"]


def to_values(values: Sequence[Number]) -> Array:
    """Return the finite numbers of a list, as an array."""
    array = np.array(values, dtype=np.float64)
    return array[np.isfinite(array)]


def to_points(points: Sequence[Sequence[Number]], columns: Sequence[int] = (0, 1)) -> Array:
    """(n, columns) the chosen coordinates of all points that have a finite number in each of them."""
    kept = [[point[c] for c in columns] for point in points if len(point) > max(columns)]
    array = np.array(kept, dtype=np.float64).reshape(-1, len(columns))
    return array[np.isfinite(array).all(axis=1)]


# -- the cache ---------------------------------------------------------------------------------------------------------


def keep_drawing(draw: Draw) -> Draw:
    """Make a function keep in the user's cache what it draws: plots of a model are the same in every report.

    Args:
        draw: It returns the text of an <svg>, or None, and that depends on its arguments alone.
    """

    @wraps(draw)
    def drawn(*args: Any, **options: Any) -> str | None:
        about = [draw.__name__, args, options, _hash_code()]
        kept = keep_result("plot", about, lambda: (draw(*args, **options) or "").encode())
        return kept.decode() or None

    return cast(Draw, drawn)


@cache
def _hash_code() -> str:
    """Hash what else a drawing depends on: the code of this module, of the style and of numbers, and matplotlib's version."""
    code = (Path(file).read_text(encoding="utf-8") for file in (__file__, plot_style.__file__, formatting.__file__))
    return hash_content(*code, version("matplotlib"))


# -- properties --------------------------------------------------------------------------------------------------------


def draw_distribution(name: str, entry: Distribution, objective: Objective | None) -> str | None:
    """Draw a property in the data, in all samples and in the candidates; beneath, how desirable each value is.

    Each curve is scaled to its own height, since the candidates are few and close together; what lies beyond the frame is
    left out. Without a value only the desirability is drawn; the result is None where there is nothing to draw.
    """
    series = {key: to_values(getattr(entry, key)) for key in ("data", "samples", "candidates")}
    low, high = objective.interval() if objective else (None, None)
    transform = to_points(objective.transform if objective else ())
    has_values = any(map(len, series.values()))
    if not has_values and not len(transform):
        return None
    edges = _bin_edges(series, [b for b in (low, high) if b is not None]) if has_values else transform[:, 0]
    first, last = edges.min(), edges.max()
    ratios = [3, 1] if has_values and len(transform) else [1]
    with open_figure(3.5, (1.75 + 0.4 * len(transform[:1])) if has_values else 1.2, PAGE) as figure:
        panels = figure.subplots(len(ratios), 1, sharex=True, height_ratios=ratios, squeeze=False)[:, 0]
        for panel in panels if (low, high) != (None, None) else ():
            panel.axvspan(
                first if low is None else low, last if high is None else high, color=PAGE.good, alpha=0.14, lw=0
            )
        if has_values:
            _draw_histograms(panels[0], series, edges)
        if len(transform):
            panels[-1].plot(*transform.T, color=PAGE.good, lw=1.4)
            panels[-1].set(ylim=(-0.08, 1.12), yticks=[0, 1], ylabel="desirable")
            panels[-1].yaxis.label.set_size(7)
        what = "distribution of the property in data, samples and candidates"
        return render_svg(figure, name, what if has_values else "desirability of the property's values")


def _draw_histograms(axes: Axes, series: Mapping[str, Array], edges: Array) -> None:
    styles = {
        "data": (PAGE.data, 0.35, 0.0),
        "samples": (PAGE.samples, 0.0, 1.3),
        "candidates": (PAGE.candidates, 0.12, 1.7),
    }
    for key, values in series.items():
        color, alpha, width = styles[key]
        if len(values) < 8:
            continue
        counts, _ = np.histogram(values, edges)
        heights = counts / max(counts.max(), 1)
        if alpha:
            axes.stairs(heights, edges, fill=True, color=color, alpha=alpha, lw=0)
        if width:
            axes.stairs(heights, edges, color=color, lw=width)
    strokes = series["candidates"][:400]
    axes.plot(
        _interrupt(strokes, strokes),
        np.tile([-0.09, -0.02, math.nan], len(strokes)),
        color=PAGE.candidates,
        lw=0.7,
        alpha=0.8,
    )
    axes.set(xlim=(edges[0], edges[-1]), ylim=(-0.1, 1.05), yticks=[])
    axes.spines["left"].set_visible(False)


def _bin_edges(series: Mapping[str, Array], bounds: Sequence[float], most: int = 36) -> Array:
    """Histogram edges over the bulk of data and samples and all candidates; one bin per integer where all are integers."""
    bulks = [
        np.quantile(values, [0.005, 0.995]) for key, values in series.items() if key != "candidates" and len(values)
    ]
    inner = np.concatenate([series["candidates"], bounds, *bulks])
    low, high = float(inner.min()), float(inner.max())
    if all((values == values.round()).all() for values in series.values()) and high - low <= most:
        return np.arange(math.floor(low) - 0.5, math.ceil(high) + 1.0)
    if high <= low:
        low, high = low - 0.5, high + 0.5
    pad = 0.02 * (high - low)
    return np.linspace(low - pad, high + pad, most + 1)


@keep_drawing
def draw_parity(
    name: str, points: Sequence[Point], known: str, label: str = "predicted against held-out values"
) -> str | None:
    """Draw predicted (second of each point) against known values; `known` is the label of their axis."""
    kept = to_points(points)
    if len(kept) < 3:
        return None
    low, high = kept.min(), kept.max()
    pad = 0.04 * ((high - low) or 1.0)
    limits = (low - pad, high + pad)
    with open_figure(2.7, 2.5, PAGE) as figure:
        axes = figure.subplots()
        _draw_diagonal(axes, limits)
        draw_dots(axes, kept, PAGE.samples, size=3.0, alpha=0.55)
        axes.set(xlim=limits, ylim=limits, aspect="equal", xlabel=known, ylabel="predicted")
        axes.locator_params(nbins=5)
        return render_svg(figure, name, label)


@keep_drawing
def draw_calibration(name: str, coverage: Mapping[str, Number]) -> str | None:
    """Draw nominal against observed coverage of the predictor's intervals, such as {"0.9": 0.88}."""
    points = to_points([(float(k), v) for k, v in coverage.items() if k.replace(".", "", 1).isdigit()])
    return _draw_promise(name, points, ("interval promised", "values inside it"), "observed against nominal coverage")


@keep_drawing
def draw_reliability(name: str, rows: Sequence[Sequence[Number]]) -> str | None:
    """Draw the share of actives against the mean probability of groups of molecules, each (probability, share, molecules)."""
    points = to_points([(row[0], row[1]) for row in rows])
    return _draw_promise(name, points, ("probability", "share of actives"), "share of actives against probability")


def _draw_promise(name: str, points: NDArray[np.float64], labels: tuple[str, str], title: str) -> str | None:
    """Draw what was found against what was promised, with the diagonal on which they agree."""
    points = points[points[:, 0].argsort()]
    if not len(points):
        return None
    with open_figure(2.7, 2.5, PAGE) as figure:
        axes = figure.subplots()
        _draw_diagonal(axes, (0, 1))
        axes.plot(*points.T, color=PAGE.candidates, marker="o", ms=4, lw=1.3)
        axes.set(xlim=(0, 1.02), ylim=(0, 1.02), aspect="equal", xlabel=labels[0], ylabel=labels[1])
        axes.set_xticks(*_QUARTERS)
        axes.set_yticks(*_QUARTERS)
        above, below = ("too cautious", "too sure") if "interval" in labels[0] else ("too low", "too high")
        axes.text(0.05, 0.93, above, color=PAGE.muted, size=7, transform=axes.transAxes)
        axes.text(0.97, 0.05, below, color=PAGE.muted, size=7, ha="right", transform=axes.transAxes)
        return render_svg(figure, name, title)


# -- the model ---------------------------------------------------------------------------------------------------------


@keep_drawing
def draw_training_curve(name: str, training: Training, key: str, label: str, percent: bool = False) -> str | None:
    """Draw one figure of the training history (a line), with its value on validation molecules (dots).

    The vertical axis fits what follows the first twentieth: a steep start would press the rest against the axis.
    """
    history = training.history
    unit = "molecules" if any(row.get("molecules") is not None for row in history) else "step"
    line = to_points([(row.get(unit), row.get(key)) for row in history])
    molecules_of = {row.get("step"): row.get(unit) for row in history}
    checked = to_points(
        [(row.get(unit, molecules_of.get(row.get("step"))), row.get(key)) for row in training.validation]
    )
    if max(len(line), len(checked)) < 2:
        return None
    scale, word = _choose_step_unit(float(np.concatenate([line, checked])[:, 0].max()), unit)
    shown = np.concatenate([line[len(line) // 20 :], checked])[:, 1]
    top = 1.0 if percent else float(shown.max())
    with open_figure(2.5, 1.7, PAGE) as figure:
        axes = figure.subplots()
        if len(line):
            axes.plot(line[:, 0] / scale, line[:, 1], color=PAGE.samples, lw=1.3)
        if len(checked):
            axes.plot(checked[:, 0] / scale, checked[:, 1], color=PAGE.candidates, marker="o", ms=3, lw=0.9)
        axes.set(xlabel=word, ylabel=label, ylim=(0, 1.08 * top if top > 0 else 1.0))
        axes.locator_params(axis="x", nbins=6)
        if percent:
            axes.set_yticks([0, 0.5, 1], ["0", "50 %", "100 %"])
        else:
            axes.locator_params(axis="y", nbins=5)
        return render_svg(figure, name, f"{label} during training")


def _choose_step_unit(last: float, unit: str) -> tuple[float, str]:
    if unit != "molecules":
        return 1.0, "step"
    return (1e6, "million molecules seen") if last >= 2e6 else (1e3, "thousand molecules seen")


@keep_drawing
def draw_kl_per_dimension(name: str, values: Sequence[Number], threshold: float = 0.01) -> str | None:
    """Draw the KL of each latent dimension in nats, sorted; those under `threshold` carry next to nothing."""
    shown = -np.sort(-to_values(values))[:400]
    if not len(shown):
        return None
    with open_figure(4.3, 2.4, PAGE) as figure:
        axes = figure.subplots()
        for color, chosen in ((PAGE.samples, shown >= threshold), (PAGE.data, shown < threshold)):
            at, heights = np.flatnonzero(chosen), shown[chosen]
            corners = np.stack([at - 0.4, at - 0.4, at + 0.4, at + 0.4], axis=1).ravel()
            axes.fill(
                corners, np.stack([0 * heights, heights, heights, 0 * heights], axis=1).ravel(), color=color, lw=0
            )
        axes.set(xlabel="latent dimension, most used first", ylabel="KL, nats", xlim=(-0.8, len(shown) - 0.2))
        axes.set_ylim(bottom=0)
        axes.locator_params(axis="x", integer=True)
        return render_svg(figure, name, "KL divergence of each latent dimension")


def draw_latent_map(name: str, latent: LatentMap, label: str = "") -> str | None:
    """Draw the two main directions of the latent space: training molecules colored by a property, candidates as rings.

    label: what the property is called; its name when not given.
    """
    values = [*latent.values, *[None] * len(latent.data)]
    rows = [(*point[:2], value) for point, value in zip(latent.data, values, strict=False)]
    colored = to_points(rows, (0, 1, 2))
    plain = to_points([row for row in rows if row[2] is None])
    candidates = to_points(latent.candidates)
    if not len(colored) and not len(plain) and not len(candidates):
        return None
    with open_figure(*MAP_SIZE, PAGE) as figure:
        axes = figure.subplots()
        draw_dots(axes, plain, PAGE.data, size=2.4, alpha=0.5)
        if len(colored):
            cuts = np.quantile(colored[:, 2], np.linspace(0, 1, len(PAGE.scale) + 1)[1:-1])
            draw_colored_dots(axes, colored, np.searchsorted(cuts, colored[:, 2]), alpha=0.8)
        draw_rings(axes, candidates, size=4.6, width=1.3)
        label_directions(axes, latent.explained)
        if len(colored):
            _draw_color_key(axes, colored[:, 2], label or latent.color_property or "value")
        return render_svg(figure, name, "map of the latent space")


def _draw_color_key(axes: Axes, values: Array, label: str) -> None:
    from matplotlib.patches import Rectangle  # slow to load

    box = axes.inset_axes((0.0, 1.03, 0.42, 0.03))
    for step, color in enumerate(PAGE.scale):
        box.add_patch(Rectangle((step, 0), 1, 1, color=color, lw=0))
    box.set(xlim=(0, len(PAGE.scale)), ylim=(0, 1), xticks=[], yticks=[])
    box.set_frame_on(False)
    low, high = (format_number(float(v)) for v in (values.min(), values.max()))
    box.text(-0.2, 0.4, low, ha="right", va="center", size=7.5, color=PAGE.muted)
    box.text(len(PAGE.scale) + 0.2, 0.4, f"{high}   {label}", va="center", size=7.5, color=PAGE.muted)


# -- shapes that several plots share -----------------------------------------------------------------------------------


def draw_dots(axes: Axes, points: Array, color: str, size: float, alpha: float) -> None:
    """Draw many dots as one path: strokes of no length with round ends take a tenth of the bytes of a scatter plot."""
    if len(points):
        x, y = (_interrupt(values, values) for values in points.T)
        axes.plot(x, y, color=color, lw=size, alpha=alpha, solid_capstyle="round")


def draw_colored_dots(axes: Axes, points: Array, steps: NDArray[np.int64], alpha: float) -> None:
    """Draw dots in the colors of the scale; `steps` has the index of each point's color."""
    for step, color in enumerate(PAGE.scale):
        draw_dots(axes, points[steps == step, :2], color, size=2.6, alpha=alpha)


def draw_rings(axes: Axes, points: Array, size: float, width: float) -> None:
    """Draw the candidates of a map as rings."""
    if len(points):
        axes.plot(*points.T, ls="", marker="o", ms=size, mfc="none", mec=PAGE.candidates, mew=width)


def label_directions(axes: Axes, explained: Sequence[Number]) -> None:
    """Label the axes of a map of the latent space with the share of the variance along each direction."""
    shares = [f" ({100 * share:.0f} % of variance)" for share in to_values(explained)[:2]] + ["", ""]
    axes.set(xlabel=f"direction 1{shares[0]}", ylabel=f"direction 2{shares[1]}")
    axes.locator_params(nbins=6)


def _draw_diagonal(axes: Axes, limits: tuple[float, float]) -> None:
    """Draw the line on which both axes have the same value."""
    axes.plot(limits, limits, color=PAGE.muted, lw=0.9, ls=(0, (4, 3)))


def _interrupt(starts: Array, ends: Array) -> Array:
    """Start and end of each stroke with a gap behind it, so that all of them are one path."""
    gap: Any = np.full(len(starts), math.nan)
    return np.stack([starts, ends, gap], axis=1).ravel()
