"""The style of every plot: colors, font sizes and lines, for the report's page and for picture files.

The page's plots are drawn in placeholder colors. `render_svg` replaces them by CSS variables, and so one SVG serves the
light theme, the dark theme and print. Picture files take the colors of the light theme.
"""

from __future__ import annotations

import html
import io
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chem_vae.atomic_files import write_bytes
from chem_vae.errors import UserError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PICTURES = (".png", ".svg")
LOCK = threading.Lock()  # matplotlib's settings are global and change while a figure is drawn


@dataclass(frozen=True)
class PlotStyle:
    """The colors of a plot by what they stand for, and its font size in points."""

    ink: str
    muted: str
    line: str
    data: str
    samples: str
    candidates: str
    good: str
    fourth: str
    fifth: str
    scale: tuple[str, ...]
    """Nine colors from dark to light, for a quantity."""
    background: str
    font_size: float

    @property
    def cycle(self) -> tuple[str, ...]:
        """The colors of several series, in the order in which they are used."""
        return (self.samples, self.candidates, self.good, self.fourth, self.fifth, self.data)


PAPER = PlotStyle(
    ink="#16191d", muted="#5a6570", line="#d5dbe1", data="#8d97a3", samples="#0072b2", candidates="#d55e00",
    good="#00795c", fourth="#7b4a9e", fifth="#a67c00",
    scale=("#46085c", "#472c7a", "#3e4a89", "#31668e", "#27808e", "#1f988b", "#2ab07f", "#56c667", "#95d840"),
    background="white", font_size=9,
)  # fmt: skip
"""The style of picture files: the light theme of page.css on white."""

_NAMES = ("ink", "muted", "line", "data", "samples", "candidates", "good", "fourth", "fifth")
PAGE = PlotStyle(
    **{name: f"#0000{i:02x}" for i, name in enumerate(_NAMES, start=1)},
    scale=tuple(f"#0000{i:02x}" for i in range(16, 25)),
    background="none",
    font_size=8,
)
"""The style of the report's page: placeholder colors, each of which stands for a variable of page.css."""
_ID = re.compile(r'\s+id="([^"]*)"')
_NEEDLESS = re.compile(r"""\s*font-family:[^;"]*;?|\s+transform="rotate\(-?0 [^)]*\)\"""")
_DIGITS = re.compile(r"(\d\.\d\d)\d+")
_VARIABLES = {getattr(PAGE, name): name for name in _NAMES} | {c: f"scale-{i}" for i, c in enumerate(PAGE.scale)}
_COLOR = re.compile("|".join(_VARIABLES))


@contextmanager
def open_figure(width: float, height: float, style: PlotStyle = PAPER) -> Iterator[Figure]:
    """Open an empty matplotlib figure in the style; draw on it inside the `with` block.

    Args:
        width: in inches.
        height: in inches.
        style: `PAPER` for a picture file, `PAGE` for the report's page.
    """
    import matplotlib  # slow to load
    from matplotlib.figure import Figure

    with LOCK, matplotlib.rc_context(_settings(style)):
        yield Figure(figsize=(width, height), layout=None if style is PAGE else "constrained")


def save_figure(figure: Figure, path: str | Path, resolution: int = 130) -> Path:
    """Write a figure as .png or .svg, whole or not at all.

    Args:
        figure: drawn in `open_figure` with the style `PAPER`.
        path: the file's name; its ending selects the format.
        resolution: of a .png, in pixels per inch.

    Raises:
        UserError: the name has another ending.
    """
    path = Path(path)
    return write_bytes(path, render_picture(figure, picture_format(path), resolution))


def render_picture(figure: Figure, kind: str, resolution: int = 130) -> bytes:
    """Render a figure that was drawn in the style `PAPER` as the content of a file of the format "png" or "svg"."""
    import matplotlib  # slow to load

    buffer = io.BytesIO()
    with LOCK, matplotlib.rc_context(_settings(PAPER)):
        figure.savefig(buffer, format=kind, dpi=resolution, metadata={"Date": None} if kind == "svg" else None)
    return buffer.getvalue()


def picture_format(path: Path) -> str:
    """Return the format that a picture's name asks for: "png" or "svg".

    Raises:
        UserError: the name has another ending.
    """
    if path.suffix.lower() not in PICTURES:
        raise UserError(f"cannot draw into {path.name}: the name must end in {' or '.join(PICTURES)}")
    return path.suffix.lower().removeprefix(".")


def render_svg(figure: Figure, name: str, label: str) -> str:
    """Render a figure as an inline <svg> for the page; call it inside the `with` block of `open_figure`.

    Args:
        figure: drawn with the style `PAGE`.
        name: a prefix that makes the ids of this SVG unique in the page.
        label: what a screen reader says of the plot.

    Returns:
        An <svg class="plot"> without global styles, its colors as CSS variables.
    """
    import matplotlib  # slow to load
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": name}):
        _fit(figure)
        FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", text, flags=re.DOTALL)
    used = set(re.findall(r"#([\w.-]+)", " ".join(re.findall(r'(?:href="|url\()#[\w.-]+', text))))
    text = re.sub(r"<[^>]+>", lambda tag: _shorten_tag(tag.group(0), name, used), text)
    text = re.sub(r">\s+<", "><", text)
    for _ in range(4):
        text = re.sub(r"<g></g>|<defs></defs>", "", text)
    head, _, body = text.partition(">")
    box = re.search(r'viewBox="[^"]*"', head)
    start = f'<svg class="plot" role="img" aria-label="{html.escape(label)}" {box.group(0) if box else ""}>'
    return start + body.strip()


def _fit(figure: Figure, pad: float = 3.0) -> None:
    """Give the axes of a figure the room that their labels leave, `pad` points from the edge.

    The layout engines of matplotlib measure every label four times and draw the figure twice more, which was two thirds of the
    time of a page.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # slow to load
    from matplotlib.transforms import Bbox

    panels = [axes for axes in figure.axes if axes.get_subplotspec() is not None]
    if not panels:
        return
    renderer, whole = FigureCanvasAgg(figure).get_renderer(), figure.bbox
    boxes = [box for axes in panels if (box := axes.get_tightbbox(renderer, for_layout_only=True)) is not None]
    # where both axes have one scale the plot is smaller than its place: its labels are beside the plot itself
    inner, outer = Bbox.union([axes.get_window_extent() for axes in panels]), Bbox.union(boxes)
    room = pad * figure.dpi / 72
    left, bottom = inner.x0 - outer.x0 + room, inner.y0 - outer.y0 + room
    right, top = outer.x1 - inner.x1 + room, outer.y1 - inner.y1 + room
    figure.subplots_adjust(left / whole.width, bottom / whole.height, 1 - right / whole.width, 1 - top / whole.height)


def _shorten_tag(tag: str, name: str, used: set[str]) -> str:
    """Drop unused ids, fonts and needless digits from an SVG tag, and name its colors by their CSS variables."""
    tag = _ID.sub(lambda m: f' id="{name}-{m.group(1)}"' if m.group(1) in used else "", tag)
    tag = tag.replace('xlink:href="#', f'href="#{name}-').replace("url(#", f"url(#{name}-")
    tag = _NEEDLESS.sub("", tag)
    tag = _DIGITS.sub(r"\1", tag)
    tag = _COLOR.sub(lambda m: f"var(--{_VARIABLES[m.group(0)]})", tag)
    return " ".join(tag.split())


def _settings(style: PlotStyle) -> Any:
    """Return the style as matplotlib's settings."""
    return {
        "svg.fonttype": "none",
        "svg.hashsalt": "chem-vae",  # the same figure is the same file
        "text.parse_math": False,  # a "$" in a user's column name is a dollar
        "path.simplify": False,
        "font.size": style.font_size,
        "axes.labelsize": style.font_size,
        "xtick.labelsize": style.font_size - 0.5,
        "ytick.labelsize": style.font_size - 0.5,
        "legend.fontsize": style.font_size - 0.5,
        "text.color": style.ink,
        "axes.labelcolor": style.muted,
        "xtick.labelcolor": style.muted,
        "ytick.labelcolor": style.muted,
        "xtick.color": style.line,
        "ytick.color": style.line,
        "axes.edgecolor": style.line,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": 0.8,
        "xtick.major.size": 3,
        "ytick.major.size": 3,
        "figure.facecolor": style.background,
        "savefig.facecolor": style.background,
        "axes.facecolor": "none",
        "legend.frameon": False,
        "lines.linewidth": 1.6,
    }
