"""What the report's plots are drawn on: matplotlib without pyplot, rendered to inline SVG in the page's CSS variables."""

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

# Sentinel colors, replaced by CSS variables after drawing: one SVG then serves the light theme, the dark one and paper.
INK, MUTED, LINE, DATA, SAMPLES, CANDIDATES, GOOD, FOURTH, FIFTH = (f"#0000{i:02x}" for i in range(1, 10))
SCALE = tuple(f"#0000{i:02x}" for i in range(16, 25))
"""Nine colors from dark to light, for a quantity; each theme has those that stand out from its ground."""
_NAMES = ("ink", "muted", "line", "data", "samples", "candidates", "good", "fourth", "fifth")
_VARIABLES = {
    **dict(zip((INK, MUTED, LINE, DATA, SAMPLES, CANDIDATES, GOOD, FOURTH, FIFTH), _NAMES, strict=True)),
    **{color: f"scale-{i}" for i, color in enumerate(SCALE)},
}
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
lock = threading.Lock()  # rc_context changes matplotlib's global settings for a moment


@contextmanager
def drawing(width: float, height: float) -> Iterator[Any]:
    """A Figure of so many inches under the report's style."""
    import matplotlib
    from matplotlib.figure import Figure

    with lock, matplotlib.rc_context(_STYLE):
        yield Figure(figsize=(width, height), layout="constrained")


def dots(axes: Any, points: Sequence[tuple[float, float]], color: str, size: float, alpha: float) -> None:
    """Many dots as one path: strokes of no length with round ends, a tenth of the bytes of a scatter plot."""
    x, y = zip(*points, strict=True)
    gap = [math.nan] * len(points)
    axes.plot(
        np.column_stack([x, x, gap]).ravel(),
        np.column_stack([y, y, gap]).ravel(),
        color=color, lw=size, alpha=alpha, solid_capstyle="round",
    )  # fmt: skip


def parity_axes(figure: Any, points: Sequence[tuple[float, float]], known: str) -> None:
    """Predicted (second of each pair) against `known` values on equal axes, with the diagonal."""
    x, y = zip(*points, strict=True)
    low, high = min(*x, *y), max(*x, *y)
    pad = 0.04 * ((high - low) or 1.0)
    limits = (low - pad, high + pad)
    axes = figure.subplots()
    diagonal(axes, limits)
    dots(axes, points, SAMPLES, size=3.0, alpha=0.55)
    axes.set(xlim=limits, ylim=limits, aspect="equal", xlabel=known, ylabel="predicted")
    axes.locator_params(nbins=5)


def diagonal(axes: Any, limits: tuple[float, float]) -> None:
    """Where both axes say the same."""
    axes.plot(limits, limits, color=MUTED, lw=0.9, ls=(0, (4, 3)))


def svg(figure: Any, name: str, label: str) -> str:
    """The figure as an inline <svg>: ids made unique by `name`, no global styles, colors as CSS variables."""
    import matplotlib

    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": name}):
        figure.draw_without_rendering()  # the layout is found once; savefig alone would do so twice
        figure.set_layout_engine("none")
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
