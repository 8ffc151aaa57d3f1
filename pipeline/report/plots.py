"""The report's plots: matplotlib without pyplot, rendered to inline SVG whose colors are the page's CSS variables."""

from __future__ import annotations

import html
import io
import math
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from pipeline.report.reading import finite, number_of, pairs

# Sentinel colors, replaced by CSS variables after drawing: one SVG then serves the light theme, the dark one and paper.
INK, MUTED, LINE, DATA, SAMPLES, CANDIDATES, GOOD = (f"#0000{i:02x}" for i in range(1, 8))
_VARIABLES = dict(
    zip(
        (INK, MUTED, LINE, DATA, SAMPLES, CANDIDATES, GOOD),
        ("ink", "muted", "line", "data", "samples", "candidates", "good"),
        strict=True,
    )
)
_STYLE: Any = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # a "$" in a user's column name is a dollar
    "path.simplify": False,
    "axes.unicode_minus": True,
    "font.size": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "legend.fontsize": 7.5,
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "axes.edgecolor": LINE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "legend.frameon": False,
    "lines.linewidth": 1.6,
}
_MAP_COLORS = ("#482475", "#414487", "#355f8d", "#2a788e", "#21918c", "#22a884", "#44bf70", "#7ad151", "#bddf26")
_lock = threading.Lock()  # rc_context changes matplotlib's global settings for a moment


@contextmanager
def _drawing(width: float, height: float) -> Iterator[Any]:
    """A Figure of so many inches under the report's style."""
    import matplotlib
    from matplotlib.figure import Figure

    with _lock, matplotlib.rc_context(_STYLE):
        yield Figure(figsize=(width, height), layout="constrained")


def distribution(name: str, entry: dict[str, Any], objective: dict[str, Any] | None) -> str | None:
    """One property in the data, in all samples and in the candidates; beneath, how desirable each value is.

    entry: `data`, `samples`, `candidates`, lists of floats. Each curve is scaled to its own height, since the
    candidates are few and close together. Without a value the desirability alone; None where there is nothing to draw.
    """
    series = {key: finite(entry.get(key)) for key in ("data", "samples", "candidates")}
    everything = [v for values in series.values() for v in values]
    low, high = aim_bounds(objective)
    transform = pairs((objective or {}).get("transform"))
    if not everything:
        return _transform(name, transform, low, high) if transform else None
    edges = _edges(series, [b for b in (low, high) if b is not None])
    with _drawing(3.5, 2.15 if transform else 1.75) as figure:
        if transform:
            axes, under = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        else:
            axes, under = figure.subplots(), None
        for panel in (axes, under):
            if panel is not None and (low is not None or high is not None):
                panel.axvspan(
                    edges[0] if low is None else low, edges[-1] if high is None else high, color=GOOD, alpha=0.14, lw=0
                )
        styles = {"data": (DATA, 0.35, 0.0), "samples": (SAMPLES, 0.0, 1.3), "candidates": (CANDIDATES, 0.12, 1.7)}
        for key, values in series.items():
            color, alpha, width = styles[key]
            if len(values) >= 8:
                counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
                heights = counts / max(counts.max(), 1)
                axes.stairs(heights, edges, fill=True, color=color, alpha=alpha, lw=0) if alpha else None
                axes.stairs(heights, edges, color=color, lw=width) if width else None
        few = series["candidates"][:400]
        axes.plot(*_ticks(few, -0.09, -0.02), color=CANDIDATES, lw=0.7, alpha=0.8)
        axes.set(xlim=(edges[0], edges[-1]), ylim=(-0.1, 1.05), yticks=[])
        axes.spines["left"].set_visible(False)
        if under is not None:
            _desirable(under, transform)
        return _svg(figure, name, "distribution of the property in data, samples and candidates")


def _transform(name: str, points: Sequence[tuple[float, float]], low: float | None, high: float | None) -> str:
    """How desirable each value is, where there are no values to show."""
    first, last = min(x for x, _ in points), max(x for x, _ in points)
    with _drawing(3.5, 1.2) as figure:
        axes = figure.subplots()
        if low is not None or high is not None:
            axes.axvspan(first if low is None else low, last if high is None else high, color=GOOD, alpha=0.14, lw=0)
        _desirable(axes, points)
        return _svg(figure, name, "desirability of the property's values")


def _desirable(axes: Any, points: Sequence[tuple[float, float]]) -> None:
    x, y = zip(*points, strict=True)
    axes.plot(x, y, color=GOOD, lw=1.4)
    axes.set(ylim=(-0.08, 1.12), yticks=[0, 1], ylabel="desirable")
    axes.yaxis.label.set_size(7)


def parity(name: str, points: Any, label: str) -> str | None:
    """Measured against predicted on held-out molecules. points: [[measured, predicted, ...], ...]."""
    measured = [(p[0], p[1]) for p in points or () if isinstance(p, list | tuple) and len(p) >= 2]
    kept = pairs(measured)
    if len(kept) < 3:
        return None
    x, y = zip(*kept, strict=True)
    span = (min(*x, *y), max(*x, *y))
    pad = 0.04 * ((span[1] - span[0]) or 1.0)
    limits = (span[0] - pad, span[1] + pad)
    with _drawing(2.7, 2.5) as figure:
        axes = figure.subplots()
        axes.plot(limits, limits, color=MUTED, lw=0.9, ls=(0, (4, 3)))
        _dots(axes, kept, SAMPLES, size=3.0, alpha=0.55)
        axes.set(xlim=limits, ylim=limits, aspect="equal", xlabel=f"{label}, held-out value", ylabel="predicted")
        axes.locator_params(nbins=5)
        return _svg(figure, name, "predicted against held-out values")


def calibration(name: str, coverage: Any) -> str | None:
    """Nominal against observed coverage of the predictor's intervals. coverage: {"0.9": 0.88, ...}."""
    entries = coverage.items() if isinstance(coverage, dict) else ()
    points = sorted(pairs([(_nominal(k), v) for k, v in entries]))
    if not points:
        return None
    with _drawing(2.7, 2.5) as figure:
        axes = figure.subplots()
        axes.plot((0, 1), (0, 1), color=MUTED, lw=0.9, ls=(0, (4, 3)))
        x, y = zip(*points, strict=True)
        axes.plot(x, y, color=CANDIDATES, marker="o", ms=4, lw=1.3)
        axes.set(xlim=(0, 1.02), ylim=(0, 1.02), aspect="equal", xlabel="interval promised", ylabel="values inside it")
        axes.set(xticks=[0, 0.25, 0.5, 0.75, 1], yticks=[0, 0.25, 0.5, 0.75, 1])
        axes.set_xticklabels(["0", "25 %", "50 %", "75 %", "100 %"])
        axes.set_yticklabels(["0", "25 %", "50 %", "75 %", "100 %"])
        axes.text(0.05, 0.93, "too cautious", color=MUTED, size=7, transform=axes.transAxes)
        axes.text(0.97, 0.05, "too sure", color=MUTED, size=7, ha="right", transform=axes.transAxes)
        return _svg(figure, name, "observed against nominal coverage")


def _nominal(key: Any) -> float | None:
    """The level that a key of the coverage table names: "0.9"."""
    try:
        return number_of(float(key))
    except (TypeError, ValueError):
        return None


def training_curve(
    name: str, history: Sequence[dict[str, Any]], validation: Sequence[dict[str, Any]], key: str, label: str
) -> str | None:
    """One figure of the training history (a line), with its value on validation molecules (dots) where measured."""
    unit = "molecules" if any(number_of(row.get("molecules")) is not None for row in history) else "step"
    line = pairs([(row.get(unit), row.get(key)) for row in history])
    molecules_of = {row.get("step"): row.get(unit) for row in history}
    dots = pairs([(row.get(unit, molecules_of.get(row.get("step"))), row.get(key)) for row in validation])
    if max(len(line), len(dots)) < 2:
        return None
    scale, word = (1e3, "thousand molecules seen") if unit == "molecules" else (1.0, "step")
    with _drawing(2.9, 1.9) as figure:
        axes = figure.subplots()
        if line:
            x, y = zip(*line, strict=True)
            axes.plot([v / scale for v in x], y, color=SAMPLES, label="training", lw=1.3)
        if dots:
            x, y = zip(*dots, strict=True)
            axes.plot([v / scale for v in x], y, color=CANDIDATES, marker="o", ms=3, lw=0.9, label="validation")
            axes.legend(loc="best", handlelength=1.4)
        axes.set(xlabel=word, ylabel=label)
        axes.set_ylim(bottom=0)
        axes.locator_params(axis="y", nbins=5)
        return _svg(figure, name, f"{label} during training")


def kl_per_dimension(name: str, values: Any, threshold: float = 0.01) -> str | None:
    """KL of each latent dimension in nats, sorted; those under `threshold` carry next to nothing."""
    kept = sorted(finite(values), reverse=True)
    if not kept:
        return None
    with _drawing(4.6, 2.4) as figure:
        axes = figure.subplots()
        shown = kept[:400]
        for color, test in ((SAMPLES, True), (DATA, False)):
            at = [i for i, v in enumerate(shown) if (v >= threshold) is test]
            x, y = _bars(at, [shown[i] for i in at])
            axes.fill(x, y, color=color, lw=0)
        axes.set(xlabel="latent dimension, most used first", ylabel="KL, nats", xlim=(-0.8, len(shown) - 0.2))
        axes.set_ylim(bottom=0)
        axes.locator_params(axis="x", integer=True)
        return _svg(figure, name, "KL divergence of each latent dimension")


def latent_map(name: str, latent: Any) -> str | None:
    """The two main directions of the latent space: training molecules colored by a property, candidates as rings."""
    latent = latent if isinstance(latent, dict) else {}
    points = latent.get("data") or []
    values = latent.get("values") or []
    rows = [(p, values[i] if i < len(values) else None) for i, p in enumerate(points)]
    known = sorted(v for _, value in rows if (v := number_of(value)) is not None)
    candidates = pairs(latent.get("candidates"))
    if not pairs(points) and not candidates:
        return None
    cuts = np.quantile(known, np.linspace(0, 1, len(_MAP_COLORS) + 1)[1:-1]) if known else np.array([])
    with _drawing(4.8, 3.9) as figure:
        axes = figure.subplots()
        unknown = pairs([p for p, value in rows if number_of(value) is None])
        if unknown:
            _dots(axes, unknown, DATA, size=2.4, alpha=0.5)
        for step, color in enumerate(_MAP_COLORS):
            here = pairs([p for p, value in rows if _bin_of(value, cuts) == step])
            if here:
                _dots(axes, here, color, size=2.6, alpha=0.8)
        if candidates:
            x, y = zip(*candidates, strict=True)
            axes.plot(x, y, ls="", marker="o", ms=4.6, mfc="none", mec=CANDIDATES, mew=1.3)
        explained = finite(latent.get("explained"))
        shares = [f" ({100 * share:.0f} % of variance)" for share in explained[:2]] + ["", ""]
        axes.set(xlabel=f"direction 1{shares[0]}", ylabel=f"direction 2{shares[1]}")
        axes.locator_params(nbins=6)
        if known:
            _legend(figure, axes, known, str(latent.get("color_property") or "value"))
        return _svg(figure, name, "map of the latent space")


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


def _dots(axes: Any, points: Sequence[tuple[float, float]], color: str, size: float, alpha: float) -> None:
    """Many dots as one path: strokes of no length with round ends, a tenth of the bytes of a scatter plot."""
    x, y = zip(*points, strict=True)
    gap = [math.nan] * len(points)
    axes.plot(
        np.column_stack([x, x, gap]).ravel(),
        np.column_stack([y, y, gap]).ravel(),
        color=color, lw=size, alpha=alpha, solid_capstyle="round",
    )  # fmt: skip


def _ticks(values: Sequence[float], bottom: float, top: float) -> tuple[Any, Any]:
    x = np.column_stack([values, values, [math.nan] * len(values)]).ravel()
    return x, np.tile([bottom, top, math.nan], len(values))


def _bars(at: Sequence[int], heights: Sequence[float]) -> tuple[list[float], list[float]]:
    x = [v for i in at for v in (i - 0.4, i - 0.4, i + 0.4, i + 0.4)]
    return x, [v for h in heights for v in (0.0, h, h, 0.0)]


def _edges(series: dict[str, list[float]], bounds: Sequence[float], most: int = 36) -> Any:
    """Histogram edges over the bulk of the data and all the candidates; one bin for each integer where all are."""
    bulk = series["data"] or series["samples"] or series["candidates"]
    low, high = np.quantile(bulk, [0.005, 0.995])
    inner = [*series["candidates"], *bounds]
    low, high = min(low, *inner) if inner else low, max(high, *inner) if inner else high
    if all(v == round(v) for values in series.values() for v in values) and high - low <= most:
        return np.arange(math.floor(low) - 0.5, math.ceil(high) + 1.0)
    if high <= low:
        low, high = low - 0.5, high + 0.5
    pad = 0.02 * (high - low)
    return np.linspace(low - pad, high + pad, most + 1)


def _legend(figure: Any, axes: Any, known: Sequence[float], label: str) -> None:
    from matplotlib.patches import Rectangle

    box = axes.inset_axes((0.0, 1.03, 0.42, 0.03))
    for step, color in enumerate(_MAP_COLORS):
        box.add_patch(Rectangle((step, 0), 1, 1, color=color, lw=0))
    box.set(xlim=(0, len(_MAP_COLORS)), ylim=(0, 1), xticks=[], yticks=[])
    box.set_frame_on(False)
    low, high = (f"{v:.3g}".replace("-", "\N{MINUS SIGN}") for v in (known[0], known[-1]))
    box.text(-0.2, 0.4, low, ha="right", va="center", size=7.5, color=MUTED)
    box.text(len(_MAP_COLORS) + 0.2, 0.4, f"{high}   {label}", va="center", size=7.5, color=MUTED)


def _svg(figure: Any, name: str, label: str) -> str:
    """The figure as an inline <svg>: ids made unique by `name`, no global styles, colors as CSS variables."""
    import matplotlib

    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", text, flags=re.DOTALL)
    used = set(re.findall(r"#([\w.-]+)", " ".join(re.findall(r'(?:href="|url\()#[\w.-]+', text))))
    text = re.sub(r"<[^>]+>", lambda tag: _slim(tag.group(0), name, used), text)
    text = re.sub(r">\s+<", "><", text)
    for _ in range(4):
        text = re.sub(r"<g></g>|<defs></defs>", "", text)
    head, _, body = text.partition(">")
    box = re.search(r'viewBox="[^"]*"', head)
    start = f'<svg class="plot" role="img" aria-label="{html.escape(label)}" {box.group(0) if box else ""}>'
    return start + body.strip()


def _slim(tag: str, name: str, used: set[str]) -> str:
    tag = re.sub(r'\s+id="([^"]*)"', lambda m: f' id="{name}-{m.group(1)}"' if m.group(1) in used else "", tag)
    tag = re.sub(r'xlink:href="#', f'href="#{name}-', tag)
    tag = re.sub(r"url\(#", f"url(#{name}-", tag)
    tag = re.sub(r"\s*font-family:[^;\"]*;?", "", tag)
    tag = re.sub(r'\s+transform="rotate\(-?0 [^)]*\)"', "", tag)
    tag = re.sub(r"(\d\.\d\d)\d+", r"\1", tag)
    tag = re.sub("|".join(_VARIABLES), lambda m: f"var(--{_VARIABLES[m.group(0)]})", tag)
    return re.sub(r"\s+", " ", tag)
