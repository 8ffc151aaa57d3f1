"""The plots of every report: distributions, predictors, training, the latent space."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.report.plot_style import PAGE, open_figure, render_svg
from pipeline.report.reading import finite, number_of, pairs

MAP_SIZE = (4.3, 3.5)  # inches; text stays readable where a phone shrinks the figure


def distribution(name: str, entry: dict[str, Any], objective: dict[str, Any] | None) -> str | None:
    """One property in the data, in all samples and in the candidates; beneath, how desirable each value is.

    entry: `data`, `samples`, `candidates`, lists of floats. Each curve is scaled to its own height, since the
    candidates are few and close together; what lies beyond the frame is left out. Without a value the desirability alone; None where there is nothing to draw.
    """
    series = {key: finite(entry.get(key)) for key in ("data", "samples", "candidates")}
    everything = [v for values in series.values() for v in values]
    low, high = aim_bounds(objective)
    transform = pairs((objective or {}).get("transform"))
    if not everything:
        return _transform(name, transform, low, high) if transform else None
    edges = _edges(series, [b for b in (low, high) if b is not None])
    with open_figure(3.5, 2.15 if transform else 1.75, PAGE) as figure:
        if transform:
            axes, under = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        else:
            axes, under = figure.subplots(), None
        for panel in (axes, under):
            if panel is not None and (low is not None or high is not None):
                panel.axvspan(
                    edges[0] if low is None else low,
                    edges[-1] if high is None else high,
                    color=PAGE.good,
                    alpha=0.14,
                    lw=0,
                )
        styles = {
            "data": (PAGE.data, 0.35, 0.0),
            "samples": (PAGE.samples, 0.0, 1.3),
            "candidates": (PAGE.candidates, 0.12, 1.7),
        }
        for key, values in series.items():
            color, alpha, width = styles[key]
            if len(values) >= 8:
                counts, _ = np.histogram(values, edges)
                heights = counts / max(counts.max(), 1)
                axes.stairs(heights, edges, fill=True, color=color, alpha=alpha, lw=0) if alpha else None
                axes.stairs(heights, edges, color=color, lw=width) if width else None
        axes.plot(*_ticks(series["candidates"][:400], -0.09, -0.02), color=PAGE.candidates, lw=0.7, alpha=0.8)
        axes.set(xlim=(edges[0], edges[-1]), ylim=(-0.1, 1.05), yticks=[])
        axes.spines["left"].set_visible(False)
        if under is not None:
            _desirable(under, transform)
        return render_svg(figure, name, "distribution of the property in data, samples and candidates")


def _transform(name: str, points: Sequence[tuple[float, float]], low: float | None, high: float | None) -> str:
    """How desirable each value is, where there are no values to show."""
    first, last = min(x for x, _ in points), max(x for x, _ in points)
    with open_figure(3.5, 1.2, PAGE) as figure:
        axes = figure.subplots()
        if low is not None or high is not None:
            axes.axvspan(
                first if low is None else low, last if high is None else high, color=PAGE.good, alpha=0.14, lw=0
            )
        _desirable(axes, points)
        return render_svg(figure, name, "desirability of the property's values")


def _desirable(axes: Any, points: Sequence[tuple[float, float]]) -> None:
    x, y = zip(*points, strict=True)
    axes.plot(x, y, color=PAGE.good, lw=1.4)
    axes.set(ylim=(-0.08, 1.12), yticks=[0, 1], ylabel="desirable")
    axes.yaxis.label.set_size(7)


def parity(name: str, points: Any, known: str, label: str = "predicted against held-out values") -> str | None:
    """Predicted against known values. points: [[known, predicted, ...], ...]; `known` names the axis of the first."""
    kept = pairs(points)
    if len(kept) < 3:
        return None
    with open_figure(2.7, 2.5, PAGE) as figure:
        draw_parity(figure, kept, known)
        return render_svg(figure, name, label)


def calibration(name: str, coverage: Any) -> str | None:
    """Nominal against observed coverage of the predictor's intervals. coverage: {"0.9": 0.88, ...}."""
    entries = coverage.items() if isinstance(coverage, dict) else ()
    points = sorted(pairs([(_nominal(k), v) for k, v in entries]))
    if not points:
        return None
    with open_figure(2.7, 2.5, PAGE) as figure:
        axes = figure.subplots()
        draw_diagonal(axes, (0, 1))
        x, y = zip(*points, strict=True)
        axes.plot(x, y, color=PAGE.candidates, marker="o", ms=4, lw=1.3)
        axes.set(xlim=(0, 1.02), ylim=(0, 1.02), aspect="equal", xlabel="interval promised", ylabel="values inside it")
        axes.set(xticks=[0, 0.25, 0.5, 0.75, 1], yticks=[0, 0.25, 0.5, 0.75, 1])
        axes.set_xticklabels(["0", "25 %", "50 %", "75 %", "100 %"])
        axes.set_yticklabels(["0", "25 %", "50 %", "75 %", "100 %"])
        axes.text(0.05, 0.93, "too cautious", color=PAGE.muted, size=7, transform=axes.transAxes)
        axes.text(0.97, 0.05, "too sure", color=PAGE.muted, size=7, ha="right", transform=axes.transAxes)
        return render_svg(figure, name, "observed against nominal coverage")


def _nominal(key: Any) -> float | None:
    """The level that a key of the coverage table names: "0.9"."""
    try:
        return number_of(float(key))
    except (TypeError, ValueError):
        return None


def training_curve(
    name: str,
    history: Sequence[dict[str, Any]],
    validation: Sequence[dict[str, Any]],
    key: str,
    label: str,
    percent: bool = False,
) -> str | None:
    """One figure of the training history (a line), with its value on validation molecules (dots) where measured.

    The height is that of what follows the first twentieth: a steep start would press the rest against the axis.
    """
    unit = "molecules" if any(number_of(row.get("molecules")) is not None for row in history) else "step"
    line = pairs([(row.get(unit), row.get(key)) for row in history])
    molecules_of = {row.get("step"): row.get(unit) for row in history}
    checked = pairs([(row.get(unit, molecules_of.get(row.get("step"))), row.get(key)) for row in validation])
    if max(len(line), len(checked)) < 2:
        return None
    scale, word = _unit_of_steps(max(x for x, _ in line + checked), unit)
    shown = line[len(line) // 20 :] + checked
    with open_figure(2.5, 1.7, PAGE) as figure:
        axes = figure.subplots()
        if line:
            x, y = zip(*line, strict=True)
            axes.plot([v / scale for v in x], y, color=PAGE.samples, lw=1.3)
        if checked:
            x, y = zip(*checked, strict=True)
            axes.plot([v / scale for v in x], y, color=PAGE.candidates, marker="o", ms=3, lw=0.9)
        top = 1.0 if percent else max(y for _, y in shown)
        axes.set(xlabel=word, ylabel=label, ylim=(0, 1.08 * top if top > 0 else 1.0))
        if percent:
            axes.set_yticks([0, 0.5, 1], ["0", "50 %", "100 %"])
        axes.locator_params(axis="x", nbins=6)
        if not percent:
            axes.locator_params(axis="y", nbins=5)
        return render_svg(figure, name, f"{label} during training")


def _unit_of_steps(last: float, unit: str) -> tuple[float, str]:
    if unit != "molecules":
        return 1.0, "step"
    return (1e6, "million molecules seen") if last >= 2e6 else (1e3, "thousand molecules seen")


def kl_per_dimension(name: str, values: Any, threshold: float = 0.01) -> str | None:
    """KL of each latent dimension in nats, sorted; those under `threshold` carry next to nothing."""
    kept = sorted(finite(values), reverse=True)
    if not kept:
        return None
    with open_figure(4.3, 2.4, PAGE) as figure:
        axes = figure.subplots()
        shown = kept[:400]
        for color, test in ((PAGE.samples, True), (PAGE.data, False)):
            at = [i for i, v in enumerate(shown) if (v >= threshold) is test]
            x, y = _bars(at, [shown[i] for i in at])
            axes.fill(x, y, color=color, lw=0)
        axes.set(xlabel="latent dimension, most used first", ylabel="KL, nats", xlim=(-0.8, len(shown) - 0.2))
        axes.set_ylim(bottom=0)
        axes.locator_params(axis="x", integer=True)
        return render_svg(figure, name, "KL divergence of each latent dimension")


def latent_map(name: str, latent: Any, label: str = "") -> str | None:
    """The two main directions of the latent space: training molecules colored by a property, candidates as rings.

    label: what the property is called; its name when not given.
    """
    latent = latent if isinstance(latent, dict) else {}
    points = latent.get("data") or []
    values = latent.get("values") or []
    rows = [(p, values[i] if i < len(values) else None) for i, p in enumerate(points)]
    known = sorted(v for _, value in rows if (v := number_of(value)) is not None)
    candidates = pairs(latent.get("candidates"))
    if not pairs(points) and not candidates:
        return None
    cuts = np.quantile(known, np.linspace(0, 1, len(PAGE.scale) + 1)[1:-1]) if known else np.array([])
    with open_figure(*MAP_SIZE, PAGE) as figure:
        axes = figure.subplots()
        unknown = pairs([p for p, value in rows if number_of(value) is None])
        if unknown:
            draw_dots(axes, unknown, PAGE.data, size=2.4, alpha=0.5)
        for step, color in enumerate(PAGE.scale):
            here = pairs([p for p, value in rows if _bin_of(value, cuts) == step])
            if here:
                draw_dots(axes, here, color, size=2.6, alpha=0.8)
        if candidates:
            x, y = zip(*candidates, strict=True)
            axes.plot(x, y, ls="", marker="o", ms=4.6, mfc="none", mec=PAGE.candidates, mew=1.3)
        directions(axes, latent.get("explained"))
        if known:
            _legend(axes, known, label or str(latent.get("color_property") or "value"))
        return render_svg(figure, name, "map of the latent space")


def directions(axes: Any, explained: Any) -> None:
    """Name the axes of a map of the latent space. explained: the share of the variance along each direction."""
    shares = [f" ({100 * share:.0f} % of variance)" for share in finite(explained)[:2]] + ["", ""]
    axes.set(xlabel=f"direction 1{shares[0]}", ylabel=f"direction 2{shares[1]}")
    axes.locator_params(nbins=6)


def _bin_of(value: Any, cuts: Any) -> int | None:
    known = number_of(value)
    return None if known is None else int(np.searchsorted(cuts, known))


# -- what is aimed at ------------------------------------------------------------------------------------------------


def aim_bounds(objective: dict[str, Any] | None) -> tuple[float | None, float | None]:
    """The interval that an objective of report.json accepts; None for an open end, or where it has no interval."""
    objective = objective or {}
    target, tolerance = number_of(objective.get("target")), number_of(objective.get("tolerance"))
    if target is not None and tolerance is not None:
        return target - tolerance, target + tolerance
    return number_of(objective.get("low")), number_of(objective.get("high"))


# -- drawing compactly -----------------------------------------------------------------------------------------------


def _ticks(values: Sequence[float], bottom: float, top: float) -> tuple[Any, Any]:
    x = np.column_stack([values, values, [math.nan] * len(values)]).ravel()
    return x, np.tile([bottom, top, math.nan], len(values))


def _bars(at: Sequence[int], heights: Sequence[float]) -> tuple[list[float], list[float]]:
    x = [v for i in at for v in (i - 0.4, i - 0.4, i + 0.4, i + 0.4)]
    return x, [v for h in heights for v in (0.0, h, h, 0.0)]


def _edges(series: dict[str, list[float]], bounds: Sequence[float], most: int = 36) -> Any:
    """Histogram edges over the bulk of the data, of the samples and all the candidates; one bin for each integer where
    all are."""
    bulks = [np.quantile(values, [0.005, 0.995]) for values in (series["data"], series["samples"]) if values]
    inner = [*series["candidates"], *bounds, *(float(v) for bulk in bulks for v in bulk)]
    low, high = min(inner), max(inner)
    if all(v == round(v) for values in series.values() for v in values) and high - low <= most:
        return np.arange(math.floor(low) - 0.5, math.ceil(high) + 1.0)
    if high <= low:
        low, high = low - 0.5, high + 0.5
    pad = 0.02 * (high - low)
    return np.linspace(low - pad, high + pad, most + 1)


def _legend(axes: Any, known: Sequence[float], label: str) -> None:
    from matplotlib.patches import Rectangle

    box = axes.inset_axes((0.0, 1.03, 0.42, 0.03))
    for step, color in enumerate(PAGE.scale):
        box.add_patch(Rectangle((step, 0), 1, 1, color=color, lw=0))
    box.set(xlim=(0, len(PAGE.scale)), ylim=(0, 1), xticks=[], yticks=[])
    box.set_frame_on(False)
    low, high = (f"{v:.3g}".replace("-", "\N{MINUS SIGN}") for v in (known[0], known[-1]))
    box.text(-0.2, 0.4, low, ha="right", va="center", size=7.5, color=PAGE.muted)
    box.text(len(PAGE.scale) + 0.2, 0.4, f"{high}   {label}", va="center", size=7.5, color=PAGE.muted)


# -- shapes that several plots share -----------------------------------------------------------------------------------


def draw_dots(axes: Any, points: Sequence[tuple[float, float]], color: str, size: float, alpha: float) -> None:
    """Draw many dots as one path: strokes of no length with round ends take a tenth of the bytes of a scatter plot."""
    x, y = zip(*points, strict=True)
    gap = [math.nan] * len(points)
    axes.plot(
        np.column_stack([x, x, gap]).ravel(),
        np.column_stack([y, y, gap]).ravel(),
        color=color, lw=size, alpha=alpha, solid_capstyle="round",
    )  # fmt: skip


def draw_diagonal(axes: Any, limits: tuple[float, float]) -> None:
    """Draw the line on which both axes have the same value."""
    axes.plot(limits, limits, color=PAGE.muted, lw=0.9, ls=(0, (4, 3)))


def draw_parity(figure: Any, points: Sequence[tuple[float, float]], known: str) -> None:
    """Draw predicted (second of each pair) against `known` values on equal axes, with the diagonal."""
    x, y = zip(*points, strict=True)
    low, high = min(*x, *y), max(*x, *y)
    pad = 0.04 * ((high - low) or 1.0)
    limits = (low - pad, high + pad)
    axes = figure.subplots()
    draw_diagonal(axes, limits)
    draw_dots(axes, points, PAGE.samples, size=3.0, alpha=0.55)
    axes.set(xlim=limits, ylim=limits, aspect="equal", xlabel=known, ylabel="predicted")
    axes.locator_params(nbins=5)
