"""The part of the page Optimize that asks what is wanted: one or several objectives, each as high or as low as possible or by a curve."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from nicegui import ui

from chem_vae.atomic_files import read_json
from chem_vae.errors import ChemVAEError, UserError
from flows.app.layout import quiet_button, text
from flows.app.optimization.curve import BETWEEN, FALLING, RISING, Curve, widen
from pipeline.chemistry.properties import PROPERTIES
from pipeline.workspace.lookup import find_model

AIMS = {
    "maximize": "as high as possible",
    "minimize": "as low as possible",
    RISING: "high is good, by a curve",
    FALLING: "low is good, by a curve",
    BETWEEN: "good between two values, by a curve",
}
CURVES = (RISING, FALLING, BETWEEN)
AGGREGATES = {
    "geometric": "all of them at once (geometric mean)",
    "arithmetic": "good on average (arithmetic mean)",
    "pareto": "the best trade-offs (Pareto front of two or three)",
}
SCORE = "score"
"""The name of the value that the user's own oracle returns."""
MOST = 6
"""The most objectives that the page offers."""
WITHIN_0_1 = ("qed", "fraction_sp3")
EXTENTS = {
    "qed": (0.0, 1.0), "fraction_sp3": (0.0, 1.0), "rotatable_bonds": (0.0, 15.0), "rings": (0.0, 8.0), "formal_charge": (-2.0, 2.0),
    "hbd": (0.0, 8.0), "hba": (0.0, 12.0), SCORE: (0.0, 10.0),
}  # fmt: skip
"""The values that a curve is drawn over where the model tells none."""


class ObjectiveList:
    """Asks for objectives, and how several are put together."""

    def __init__(self, extents: Callable[[], dict[str, tuple[float, float]]]) -> None:
        """Take what returns the usual values of each property."""
        self.extents = extents
        self.names = {name: PROPERTIES.find(name).label or name for name in PROPERTIES}
        self.rows: list[ObjectiveRow] = []

    def show(self) -> None:
        """Show one objective, and the button for a further one."""
        self.place = ui.element("div").style("display: flex; flex-direction: column; gap: 12px")
        with ui.element("div").classes("line"):
            self.adder = quiet_button("One more objective", self.add, "add")
            self.aggregate = ui.select(AGGREGATES, value="geometric", label="Several together")
            self.aggregate.props("outlined options-dense").classes("min-w-[300px]").set_visibility(False)
        self.add()

    def add(self) -> None:
        """Add an objective; from two on, those without a curve get one, so that they can be put together."""
        taken = {row.name for row in self.rows}
        free = [name for name in self.names if name not in taken]
        if len(self.rows) >= MOST or not free:
            return
        if len(self.rows) == 1:
            self.rows[0].bend()
        first = next((name for name in ("qed", "sa", "logp", "mw") if name in free), free[0])
        row = ObjectiveRow(self, first if self.rows or SCORE not in self.names else SCORE)
        self.rows.append(row)
        with self.place:
            row.show()
        if len(self.rows) > 1:
            row.bend()
        self._arrange()

    def remove(self, row: ObjectiveRow) -> None:
        """Remove an objective; the last one stays."""
        if len(self.rows) > 1:
            self.rows.remove(row)
            row.card.delete()
            self._arrange()

    def _arrange(self) -> None:
        self.aggregate.set_visibility(len(self.rows) > 1)
        self.adder.set_enabled(len(self.rows) < MOST)
        for row in self.rows:
            row.remover.set_visibility(len(self.rows) > 1)
            row.weight.set_visibility(len(self.rows) > 1)

    def take_score(self, is_own: bool) -> None:
        """Offer the value of the user's own function as an objective, or no more."""
        if is_own == (SCORE in self.names):
            return
        if is_own:
            self.names = {SCORE: "what my function returns", **self.names}
            self.rows[0].offer(self.names, SCORE)
        else:
            self.names = {name: label for name, label in self.names.items() if name != SCORE}
        for row in self.rows:
            row.offer(self.names, row.name if row.name in self.names else next(iter(self.names)))

    def make_settings(self) -> dict[str, Any]:
        """Make the settings of what is wanted.

        Raises:
            UserError: A property is asked for twice.
        """
        names = [row.name for row in self.rows]
        if twice := sorted({self.names[name] for name in names if names.count(name) > 1}):
            raise UserError(f"{twice[0]} is there twice; change one of the two objectives, or remove it")
        made: dict[str, Any] = {"objectives": {row.name: row.make_objective(len(names) > 1) for row in self.rows}}
        return made | ({"aggregate": str(self.aggregate.value)} if len(names) > 1 else {})

    def describe(self) -> str:
        """Say what is wanted in words."""
        return "; ".join(row.describe() for row in self.rows)


class ObjectiveRow:
    """One objective: the property, what is good, its curve, and how much it counts."""

    def __init__(self, owner: ObjectiveList, name: str) -> None:
        """Take the list that it belongs to, and its property."""
        self.owner, self.name, self.aim = owner, name, "maximize"
        self.curve: Curve | None = None

    def show(self) -> None:
        """Show the controls."""
        with ui.element("div").classes("objective") as self.card:
            with ui.element("div").classes("line"):
                self.which = ui.select(self.owner.names, value=self.name, label="Property", on_change=self._choose)
                self.which.props("outlined options-dense").classes("min-w-[220px]")
                self.aims = ui.select(AIMS, value=self.aim, label="Goal", on_change=self._aim)
                self.aims.props("outlined options-dense").classes("min-w-[260px]")
                self.weight = ui.number("Counts times", value=1, min=0.1, max=20, step=0.5).props("outlined")
                self.weight.classes("w-32")
                self.remover = ui.button(icon="close", on_click=lambda: self.owner.remove(self)).props(
                    "flat round color=accent"
                )
                self.remover.props["aria-label"] = "remove this objective"
            self.place = ui.element("div")

    def offer(self, names: dict[str, str], chosen: str) -> None:
        """Offer other properties."""
        self.which.set_options(names, value=chosen)

    def bend(self) -> None:
        """Take a curve in the place of an open end, unless the values lie between 0 and 1 by themselves."""
        if self.name not in WITHIN_0_1 and self.aim not in CURVES:
            self.aims.set_value(FALLING if self.aim == "minimize" or self.name == "sa" else RISING)

    def _choose(self, event: Any) -> None:
        self.name = str(event.value)
        self.curve = None
        self._draw()
        if len(self.owner.rows) > 1:
            self.bend()

    def _aim(self, event: Any) -> None:
        self.aim = str(event.value)
        self._draw()

    def _draw(self) -> None:
        if self.aim in CURVES and self.curve is not None:
            self.curve.set_shape(self.aim)
            return
        self.place.clear()
        self.curve = None
        if self.aim not in CURVES:
            return
        known = {**EXTENTS, **self.owner.extents()}
        self._draw_over(known.get(self.name, (0.0, 1.0)))

    def _draw_over(self, extent: tuple[float, float]) -> None:
        self.place.clear()
        label = self.owner.names.get(self.name, self.name)
        unit = "" if self.name == SCORE else PROPERTIES.find(self.name).unit
        self.curve = Curve(label, unit, extent)
        self.curve.shape = self.aim
        with self.place:
            text(f"Drag the ends of the curve: how good is each {label}?", "muted small")
            self.curve.show()
            if self.name == SCORE:
                with ui.element("div").classes("line"):
                    low = ui.number("Scale from", value=extent[0]).props("outlined dense").classes("w-36")
                    high = ui.number("to", value=extent[1]).props("outlined dense").classes("w-36")

                    def stretch() -> None:
                        if low.value is not None and high.value is not None and low.value < high.value:
                            self._draw_over((float(low.value), float(high.value)))

                    for field in (low, high):
                        field.on("blur", stretch)
                        field.on("keydown.enter", stretch)

    def make_objective(self, is_one_of_several: bool) -> dict[str, Any]:
        """Make the settings of the objective."""
        found: dict[str, Any] = {self.aim: True} if self.curve is None else self.curve.make_objective()
        if is_one_of_several and self.weight.value and self.weight.value != 1:
            found["weight"] = float(self.weight.value)
        return found

    def describe(self) -> str:
        """Say what is wanted in words."""
        return f"{self.name} {AIMS[self.aim] if self.curve is None else self.curve.describe()}"


def read_extents(model: str, workspace: Path) -> dict[str, tuple[float, float]]:
    """Read from a model's manifest the values that nearly all of its training molecules have, by property; nothing where it tells none."""
    try:
        told = read_json(find_model(model, workspace) / "manifest.json")["properties"]
        ends = {p["name"]: (float(p["quantiles"]["0.01"]), float(p["quantiles"]["0.99"])) for p in told}
    except (ChemVAEError, OSError, ValueError, KeyError, TypeError):
        return {}
    found = {name: widen(low, high) for name, (low, high) in ends.items() if low < high}
    return {name: extent for name, extent in found.items() if name not in WITHIN_0_1}
