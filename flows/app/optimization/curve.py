"""A curve of desirability that one drags: how good each value of a property is, from 0 to 1."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from nicegui import ui

from flows.app.layout import text
from flows.app.pieces import choose_step, range_slider
from pipeline.workspace.presentation.formatting import format_plain

RISING, FALLING, BETWEEN = "sigmoid", "reverse_sigmoid", "double_sigmoid"
"""The transforms that a curve can be (`pipeline.objectives.transforms`)."""
WIDTH, HEIGHT = 520, 150
LEFT, RIGHT, TOP, BOTTOM = 14, 506, 12, 122
POINTS = 80
_POINT = """(event) => {
    if (event.type === 'pointermove' && !event.buttons) return;
    if (event.type === 'pointerdown') event.currentTarget.setPointerCapture(event.pointerId);
    emit(event.type, event.offsetX / event.currentTarget.clientWidth);
}"""
_STEEPNESS = {RISING: 0.25, FALLING: 0.25, BETWEEN: 1.0}


def compute_desirability(shape: str, low: float, high: float, x: float) -> float:
    """Compute how good a value is, as the transform of that name does.

    >>> round(compute_desirability("sigmoid", 0, 10, 5), 3), round(compute_desirability("reverse_sigmoid", 0, 10, 10), 2)
    (0.5, 0.05)
    >>> round(compute_desirability("double_sigmoid", 0, 10, 5), 2)
    1.0
    """
    slope = 10 * _STEEPNESS[shape] / (high - low)
    if shape == BETWEEN:
        return _rise(slope * (x - low)) - _rise(slope * (x - high))
    middle = _rise(slope * (x - (low + high) / 2))
    return middle if shape == RISING else 1.0 - middle


def _rise(power: float) -> float:
    return 1.0 / (1.0 + 10.0 ** -max(-300.0, min(300.0, power)))


class Curve:
    """Shows a curve with two ends, which one drags in the drawing, or moves by the slider below it."""

    def __init__(
        self, name: str, unit: str, extent: tuple[float, float], changed: Callable[[], Any] | None = None
    ) -> None:
        """Take what is drawn.

        Args:
            name: The property's name for a person.
            unit: Its unit; "" where it has none.
            extent: The values from the left to the right of the drawing.
            changed: Called when the curve was changed.
        """
        self.name, self.unit, self.extent, self.changed = name, unit, extent, changed
        self.shape, self.low, self.high = RISING, *self._split()
        self.dragged: str | None = None

    def _split(self) -> tuple[float, float]:
        """Choose the first ends: a quarter of the way from either side."""
        low, high = self.extent
        return low + (high - low) / 4, high - (high - low) / 4

    def show(self) -> None:
        """Show the drawing and the slider."""
        low, high = self.extent
        step = choose_step(low, high)
        with ui.element("div").classes("curve").props("role=img") as self.image:
            self.drawing = ui.html(self.draw(), sanitize=False)  # made here, of numbers alone
        for kind in ("pointerdown", "pointermove", "pointerup"):
            self.image.on(kind, lambda event: self.drag(*event.args), js_handler=_POINT)
        self.slider = range_slider(
            f"ends of the curve of {self.name}", low, high, step, (self.low, self.high), self._take
        )
        self.slider.classes("curve-slider")
        self.told = text("", "muted small")
        self._tell()

    def draw(self) -> str:
        """Draw the curve with its two handles as an SVG."""
        low, high = self.extent
        points = []
        for i in range(POINTS + 1):
            x = low + (high - low) * i / POINTS
            points.append(
                f"{self._to_x(x):.1f},{self._to_y(compute_desirability(self.shape, self.low, self.high, x)):.1f}"
            )
        line = " ".join(points)
        parts = [
            f'<polygon points="{LEFT},{BOTTOM} {line} {RIGHT},{BOTTOM}" fill="var(--accent)" fill-opacity=".14"/>',
            f'<polyline points="{line}" fill="none" stroke="var(--accent)" stroke-width="2.5"/>',
            f'<line x1="{LEFT}" y1="{BOTTOM}" x2="{RIGHT}" y2="{BOTTOM}" stroke="var(--muted)" stroke-width="1"/>',
        ]
        for value in (self.low, self.high):
            x, y = self._to_x(value), self._to_y(compute_desirability(self.shape, self.low, self.high, value))
            parts.append(
                f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{x:.1f}" y2="{BOTTOM}" stroke="var(--accent)" stroke-dasharray="3 3"/>'
            )
            parts.append(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="8" fill="var(--card)" stroke="var(--accent)" stroke-width="3"/>'
            )
        for value, anchor in ((low, "start"), ((low + high) / 2, "middle"), (high, "end")):
            parts.append(
                f'<text x="{self._to_x(value):.1f}" y="{BOTTOM + 20}" text-anchor="{anchor}" font-size="13" '
                f'fill="var(--muted)">{format_plain(value)}</text>'
            )
        return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true">{"".join(parts)}</svg>'

    def _to_x(self, value: float) -> float:
        low, high = self.extent
        return LEFT + (RIGHT - LEFT) * (value - low) / (high - low)

    def _to_y(self, desirability: float) -> float:
        return BOTTOM - (BOTTOM - TOP) * desirability

    def drag(self, kind: str, share: float) -> None:
        """Move the nearer end with the mouse, a pen or a finger while it is down.

        Args:
            kind: What happened: pointerdown, pointermove or pointerup.
            share: Where, as a share of the drawing's width.
        """
        low, high = self.extent
        value = low + (high - low) * (share * WIDTH - LEFT) / (RIGHT - LEFT)
        if kind == "pointerdown":
            self.dragged = "low" if abs(value - self.low) <= abs(value - self.high) else "high"
        elif kind == "pointerup":
            self.dragged = None
        if self.dragged is None:
            return
        step = choose_step(low, high)
        value = round(min(high, max(low, round((value - low) / step) * step + low)), 10)
        ends = {"min": self.low, "max": self.high}
        if self.dragged == "low":
            ends["min"] = min(value, self.high - step)
        else:
            ends["max"] = max(value, self.low + step)
        self.slider.set_value(ends)

    def _take(self, low: float, high: float) -> None:
        if low < high:
            self.low, self.high = low, high
            self._tell()

    def set_shape(self, shape: str) -> None:
        """Change the shape of the curve."""
        self.shape = shape
        self._tell()

    def _tell(self) -> None:
        self.drawing.set_content(self.draw())
        told = self.describe()
        self.image.props["aria-label"] = f"how good each value of {self.name} is: {told}"
        self.told.set_text(told)
        if self.changed is not None:
            self.changed()

    def describe(self) -> str:
        """Say what the curve asks for."""
        unit = f" {self.unit}" if self.unit else ""
        low, high = f"{format_plain(self.low)}{unit}", f"{format_plain(self.high)}{unit}"
        if self.shape == BETWEEN:
            return f"good from {low} to {high}"
        bad, good = (low, high) if self.shape == RISING else (high, low)
        return (
            f"good from {good} on, bad up to {bad}" if self.shape == RISING else f"good up to {good}, bad from {bad} on"
        )

    def make_objective(self) -> dict[str, Any]:
        """Make the settings of the objective."""
        return {"transform": self.shape, "low": self.low, "high": self.high}


def widen(low: float, high: float) -> tuple[float, float]:
    """Widen the extent of values to round ends.

    >>> widen(0.136, 0.927), widen(188.2, 640.0)
    ((0.1, 1.0), (150.0, 650.0))
    """
    power = 10.0 ** math.floor(math.log10((high - low) / 5))
    step = next(power * k for k in (1, 2, 5, 10) if power * k * 10 >= high - low)
    return round(math.floor(low / step) * step, 10), round(math.ceil(high / step) * step, 10)
