"""Short descriptions of results for a notebook: a card in HTML, and the same in text."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from chem_vae.atomic_files import write_bytes
from pipeline.workspace.presentation.formatting import count_things
from pipeline.workspace.presentation.plot_style import picture_format

MOST_LINES = 40
"""The most lines of a description in text."""
MOST_BYTES = 90_000
"""The most bytes of a card, so that a notebook with many of them stays small; further drawings are left out."""
_LONGEST = 160  # characters of one line

_BOX = (
    "border:1px solid #d5dbe1;border-radius:8px;padding:10px 14px;max-width:960px;background:#fff;color:#16191d;"
    "font:13px/1.45 system-ui,sans-serif"
)
_FIGURE = "display:inline-block;vertical-align:top;width:200px;margin:0 8px 8px 0;text-align:center"
_FRAME = "height:132px;display:flex;align-items:center;justify-content:center"


@dataclass(frozen=True)
class Drawing:
    """A drawing of a molecule for a card."""

    svg: str
    caption: str = ""
    title: str = ""
    """What is shown when the pointer rests on it."""


@dataclass(frozen=True)
class Card:
    """A short description: a title, facts by name, warnings, drawings, and how to go on."""

    title: str
    facts: Sequence[tuple[str, str]] = ()
    warnings: Sequence[str] = ()
    drawings: Sequence[Drawing] = ()
    lines: Sequence[str] = ()
    """What stands in the text instead of the drawings, one line for each."""
    hint: str = ""

    def to_text(self) -> str:
        """Write the card as text of at most `MOST_LINES` lines."""
        width = max((len(name) for name, _ in self.facts), default=0)
        lines = [self.title, *(f"  {name:<{width}}  {value}" for name, value in self.facts)]
        lines += [f"  warning: {text}" for text in self.warnings[:3]]
        if len(self.warnings) > 3:
            lines.append(f"  and {count_things(len(self.warnings) - 3, 'more warning')}")
        room = MOST_LINES - len(lines) - 1
        lines += [f"  {line}" for line in self.lines[:room]]
        if self.hint:
            lines.append(f"  {self.hint}")
        return "\n".join(_shorten(line) for line in lines)

    def to_html(self) -> str:
        """Write the card as HTML of at most about `MOST_BYTES` bytes; it holds no script and asks for nothing from outside."""
        parts = [f'<div style="{_BOX}"><div style="font-weight:600;font-size:15px">{html.escape(self.title)}</div>']
        if self.facts:
            rows = "".join(
                f'<tr style="background:none"><td style="text-align:left;color:#5a6570;padding:1px 14px 1px 0;white-space:nowrap">'
                f'{html.escape(name)}</td><td style="text-align:left;padding:1px 0">{html.escape(_shorten(value, 400))}</td></tr>'
                for name, value in self.facts
            )
            parts.append(f'<table style="border:0;margin:6px 0;color:inherit;font-size:13px">{rows}</table>')
        for text in self.warnings[:3]:
            parts.append(
                f'<div style="color:#8a5a00;margin:2px 0">\N{WARNING SIGN} {html.escape(_shorten(text, 400))}</div>'
            )
        if len(self.warnings) > 3:
            parts.append(f'<div style="color:#8a5a00">and {len(self.warnings) - 3:,} more: .warnings</div>')
        size, figures = sum(map(len, parts)), 0
        for drawing in self.drawings:
            figure = _write_figure(drawing)
            if size + len(figure) > MOST_BYTES:
                break
            parts.append(figure)
            size, figures = size + len(figure), figures + 1
        if self.hint:
            parts.append(f'<div style="color:#5a6570;margin-top:4px">{html.escape(self.hint)}</div>')
        return "".join([*parts, "</div>"])


class Described:
    """Shows an object by its card, in a notebook and as text."""

    def describe_card(self) -> Card:
        """Return the card of the object."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return self.describe_card().to_text()

    def _repr_html_(self) -> str:
        return self.describe_card().to_html()


@dataclass(frozen=True)
class Picture:
    """A picture that a notebook shows, and that `save` writes to a file."""

    render: Callable[[str], bytes] = field(repr=False)
    """Makes the content of a file of the format "svg" or "png"."""

    def save(self, path: str | Path) -> Path:
        """Write the picture as .svg or .png, whole or not at all.

        Raises:
            UserError: The name has another ending.
        """
        path = Path(path)
        return write_bytes(path, self.render(picture_format(path)))

    def _repr_svg_(self) -> str:
        text = self.render("svg").decode("utf-8")
        return text[text.index("<svg") :]


def write_image(svg: str, text: str, width: int | None = None) -> str:
    """Write an SVG as an <img> that holds it: its styles reach nothing else, and a notebook that is not trusted shows it too."""
    data = base64.b64encode(svg.encode("utf-8")).decode("ascii")
    size = f"max-width:{width}px;" if width else ""
    return f'<img alt="{html.escape(text)}" style="{size}background:#fff;display:inline-block" src="data:image/svg+xml;base64,{data}">'


def _write_figure(drawing: Drawing) -> str:
    caption = "<br>".join(html.escape(line) for line in drawing.caption.split("\n"))
    return (
        f'<div style="{_FIGURE}" title="{html.escape(drawing.title)}"><div style="{_FRAME}">'
        f"{write_image(drawing.svg, drawing.title, 196)}</div>"
        f'<div style="font-size:12px;overflow-wrap:anywhere">{caption}</div></div>'
    )


def _shorten(text: str, most: int = _LONGEST) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
