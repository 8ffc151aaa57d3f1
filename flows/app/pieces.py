"""The pieces of which pages are made: drawings of molecules, tables, histograms, downloads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from nicegui import ui
from numpy.typing import NDArray

from flows.app.layout import Words, text
from flows.app.remedies import Remedy, read_sentence
from pipeline.chemistry.output.drawings import draw_molecule
from pipeline.workspace.presentation import formatting
from pipeline.workspace.presentation.formatting import format_plain

BINS = 30
INSIDE, OUTSIDE, AXIS = "#d55e00", "#8d97a3", "#8a949e"
"""The colors of what is asked for and of everything else, and of the axes, in light and dark."""


def picture(structure: str | None, width: int = 220, height: int = 132) -> None:
    """Draw a molecule, given as SMILES or a mol block; a sentence where it cannot be drawn."""
    drawn = draw_molecule(structure, width, height) if structure and len(structure) < 20_000 else None
    with ui.element("div").classes("picture"):
        if drawn is None:
            text("cannot be drawn", "tiny muted")
        else:
            title = f"<title>{_escape((structure or '')[:200])}</title>"
            ui.html(drawn.replace(">", f' role="img">{title}', 1), sanitize=False)  # made by our own drawer


def molecule_card(structure: str, lines: Iterable[str], caption: str = "") -> ui.element:
    """Show a molecule with some lines below."""
    with ui.element("div").classes("mol-card") as card:
        picture(structure)
        if caption:
            text(caption, "tiny muted")
        for line in lines:
            text(line, "small")
    return card


def plain_table(head: Sequence[str], rows: Iterable[Sequence[Any]], numbers: Sequence[int] = ()) -> None:
    """Show a table whose cells are text alone.

    Args:
        head: The names of the columns.
        rows: The cells; None is an empty one, and a function shows what it likes.
        numbers: The places of columns that hold numbers.
    """
    with ui.element("div").classes("scroll").props("tabindex=0"), ui.element("table").classes("plain"):
        with ui.element("thead"), ui.element("tr"):
            for name in head:
                Words("th", name).props("scope=col")
        with ui.element("tbody"):
            for row in rows:
                with ui.element("tr"):
                    for place, cell in enumerate(row):
                        kind = "num" if place in numbers else ""
                        if callable(cell):
                            with ui.element("td").classes(kind):
                                cell()
                        else:
                            Words("td", write_cell(cell)).classes(kind)


def write_cell(value: Any) -> str:
    """Write a value as a cell: numbers with three digits, nothing for None and NaN."""
    if value is None or value != value:
        return ""
    return format_plain(value) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def histogram(values: NDArray[np.float64], name: str, is_inside: Callable[[float], bool]) -> ui.echart:
    """Show how often each value occurs, with the bars that are asked for in another color."""
    chart = (
        ui.echart(make_histogram(values, name, is_inside)).classes("w-full").style("height: 220px").props("role=img")
    )
    chart.props["aria-label"] = f"{name}: distribution of {len(values):,} values"
    return chart


def make_histogram(values: NDArray[np.float64], name: str, is_inside: Callable[[float], bool]) -> dict[str, Any]:
    """Make the options of a chart of a distribution."""
    counts, edges = np.histogram(values, bins=BINS)
    middles = (edges[:-1] + edges[1:]) / 2
    bars = [
        {"value": int(count), "itemStyle": {"color": INSIDE if is_inside(float(middle)) else OUTSIDE}}
        for count, middle in zip(counts, middles, strict=True)
    ]
    axis = {"axisLabel": {"color": AXIS}, "axisLine": {"lineStyle": {"color": AXIS}}, "nameTextStyle": {"color": AXIS}}
    return {
        "animation": False,
        "grid": {"left": 46, "right": 16, "top": 26, "bottom": 44},
        "tooltip": {"trigger": "axis"},
        "xAxis": {
            "type": "category", "data": [format_plain(float(m)) for m in middles], "name": name, "nameLocation": "middle",
            "nameGap": 28, **axis,
        },
        "yAxis": {
            "type": "value", "name": "molecules", "splitLine": {"lineStyle": {"color": AXIS, "opacity": 0.2}}, "minInterval": 1, **axis,
        },
        "series": [{"type": "bar", "data": bars, "barCategoryGap": "8%"}],
    }  # fmt: skip


def make_curves(series: Mapping[str, Sequence[tuple[float, float]]], across: str) -> dict[str, Any]:
    """Make the options of a chart of curves, each by its name as pairs of x and y."""
    axis = {"axisLabel": {"color": AXIS}, "axisLine": {"lineStyle": {"color": AXIS}}, "nameTextStyle": {"color": AXIS}}
    colors = ["#0072b2", "#d55e00", "#00795c", "#7b4a9e", "#a67c00"]
    return {
        "animation": False,
        "color": colors,
        "grid": {"left": 56, "right": 18, "top": 34, "bottom": 44},
        "legend": {"textStyle": {"color": AXIS}, "top": 0},
        "tooltip": {"trigger": "axis"},
        "xAxis": {
            "type": "value",
            "name": across,
            "nameLocation": "middle",
            "nameGap": 26,
            "min": "dataMin",
            "max": "dataMax",
            "splitLine": {"show": False},
            **axis,
        },
        "yAxis": {"type": "value", "scale": True, "splitLine": {"lineStyle": {"color": AXIS, "opacity": 0.2}}, **axis},
        "series": [
            {"type": "line", "name": name, "data": [list(point) for point in points], "showSymbol": len(points) < 20}
            for name, points in series.items()
        ],
    }


def choose_step(low: float, high: float) -> float:
    """Choose a round step of a slider that has about 200 of them.

    >>> choose_step(4.2, 9.1)
    0.02
    """
    wide = (high - low) / 200
    if not wide > 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(wide))
    return float(next(round(power * k, 12) for k in (1, 2, 5, 10) if power * k >= wide * 0.8))


def range_slider(
    name: str,
    low: float,
    high: float,
    step: float,
    ends: tuple[float, float],
    take: Callable[[float, float], Any],
) -> ui.range:
    """Show a slider with two ends.

    Args:
        name: What a screen reader calls it.
        low: The least value.
        high: The highest value.
        step: The step from one value to the next.
        ends: Where the ends are first.
        take: Told both ends when one was moved.
    """

    def tell(first: float, last: float) -> None:
        # Quasar says "1|2" here, which is no number
        slider.props["aria-valuenow"] = first
        slider.props["aria-valuetext"] = f"{format_plain(first)} to {format_plain(last)}"

    def change(event: Any) -> None:
        first, last = float(event.value["min"]), float(event.value["max"])
        tell(first, last)
        take(first, last)

    slider = ui.range(min=low, max=high, step=step, value={"min": ends[0], "max": ends[1]}, on_change=change)
    slider.props["aria-label"] = name
    tell(*ends)
    return slider


def list_sentences(
    title: str,
    sentences: Sequence[str],
    classes: str,
    most: int = 4,
    offer: Callable[[tuple[Remedy, ...]], Callable[[], Any] | None] | None = None,
) -> None:
    """Show some sentences in a colored box in the words of the app, the rest behind a click.

    Args:
        title: What stands above them.
        sentences: The sentences; a remedy is an option of the command line in them.
        classes: The style of the box.
        most: How many are shown at once.
        offer: Returns what applies a remedy, or None where it cannot be applied here; a button is shown where it can.
    """
    if not sentences:
        return
    with ui.element("div").classes(classes):
        if title:
            text(title).style("font-weight: 600")
        for sentence in sentences[:most]:
            _show_sentence(sentence, offer)
        if len(sentences) > most:
            with ui.element("details"):
                Words("summary", f"{len(sentences) - most:,} more").style("cursor: pointer")
                for sentence in sentences[most:]:
                    _show_sentence(sentence, offer)


def _show_sentence(sentence: str, offer: Callable[[tuple[Remedy, ...]], Callable[[], Any] | None] | None) -> None:
    told, remedies = read_sentence(sentence)
    text(capitalize(told))
    actions = [(remedy, offer(remedy)) for remedy in remedies] if offer else []
    if any(action for _, action in actions):
        with ui.element("div").classes("line"):
            for remedy, action in actions:
                if action is not None:
                    label = capitalize(", ".join(change.label for change in remedy)).rstrip(".")
                    ui.button(label, on_click=action, icon="build").props(
                        "outline dense no-caps color=accent padding='2px 10px'"
                    )


def capitalize(sentence: str) -> str:
    """Begin a sentence with a capital letter, unless its first word is spelled in its own way, and end it with a full stop.

    >>> capitalize("few rows are usable"), capitalize("pIC50 has 3 usable labels"), capitalize("my.csv is empty!")
    ('Few rows are usable.', 'pIC50 has 3 usable labels.', 'my.csv is empty!')
    """
    return f"{formatting.capitalize(sentence)}{'' if sentence.endswith(('.', '!', '?')) else '.'}"


def _escape(content: str) -> str:
    return content.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
