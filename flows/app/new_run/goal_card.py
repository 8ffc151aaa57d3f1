"""The part of the start page that asks what is wanted, and starts the run."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
from nicegui import ui
from numpy.typing import NDArray

from flows.app.context import AppContext, check_settings
from flows.app.goal_words import describe_goal, make_run_name, name_property
from flows.app.layout import block, fold, heading, press_once, primary_button, read_number, text
from flows.app.new_run.data_card import Understood
from flows.app.pieces import choose_step, histogram, make_histogram, range_slider
from pipeline.datasets.labels.label_checks import find_classes
from pipeline.workflows.checks.estimate import estimate_campaign
from pipeline.workspace.work.jobs import make_job

AIMS = {
    "maximize": "as high as possible",
    "minimize": "as low as possible",
    "target": "near a value",
    "range": "between two values",
}
MOST = 1000
"""The most molecules that the page offers."""


class GoalCard:
    """Asks for the property, the goal and the number of molecules, over the distribution of the data."""

    def __init__(self, context: AppContext, path: Path) -> None:
        """Show nothing yet; see `show`."""
        self.context, self.path = context, path
        self.found: Understood | None = None
        self.place = ui.element("div").style("display: flex; flex-direction: column; gap: 20px")
        self.values: NDArray[np.float64] = np.zeros(0)
        self.property, self.aim = "", "maximize"
        self.number, self.name = min(context.find_setting("generate", "n", 50), MOST), make_run_name(path.stem)
        self.without_alerts = False
        self.weight: dict[str, float] | None = None
        self.ends: dict[str, float] = {}

    def show(self, found: Understood | None) -> None:
        """Ask what is wanted of a file that was read; hide while it is read."""
        self.found = found
        self.place.clear()
        if found is None:
            return
        known = [p.name for p in found.dataset.properties]
        stopped = {f.property for f in found.findings if f.stops}
        usable = [name for name in known if name not in stopped]
        if not usable:
            return
        first = found.measured if found.measured in usable else usable[0]
        labels = {
            p.name: name_property(p.name, p.label, p.unit, p.kind) for p in found.dataset.properties if p.name in usable
        }
        with self.place:
            with block():
                with ui.element("div").classes("line"):
                    text("2", "step").style("margin: 0")
                    heading("What do you want?", 2)
                with ui.element("div").classes("line"):
                    ui.select(
                        labels, value=first, label="Molecules whose", on_change=lambda e: self._choose_property(e.value)
                    ).props("outlined options-dense").classes("min-w-[260px]")
                    text("is")
                    self.aims = (
                        ui.select(AIMS, value=self.aim, label="Goal", on_change=lambda e: self._choose_aim(e.value))
                        .props("outlined options-dense")
                        .classes("min-w-[220px]")
                    )
                self.controls = ui.element("div").classes("w-full")
                self.chart = histogram(np.zeros(1), "", lambda _: False)
                self.reached = text("", "muted")
                self._ask_more()
            with block():
                with ui.element("div").classes("line"):
                    text("3", "step").style("margin: 0")
                    heading("How many?", 2)
                with ui.element("div").classes("line"):
                    self.field = ui.number(
                        "Molecules",
                        value=self.number,
                        min=1,
                        max=MOST,
                        step=10,
                        format="%d",
                        on_change=self._set_number,
                    )
                    self.field.props("outlined").classes("w-36")
                    ui.input("Name of the run", value=self.name, on_change=self._set_name).props(
                        "outlined maxlength=60"
                    ).classes("w-64")
                self.time = text("", "muted")
                with ui.element("div").classes("line"):
                    press_once(primary_button("Find molecules", icon="play_arrow"), self.start)
                text("You can close this page while it works. Nothing leaves this computer.", "muted tiny")
        self._choose_property(first)
        self._show_estimate()

    def _ask_more(self) -> None:
        # what was wished before the file was read again stays wished, and is seen
        kept, self.weight = self.weight, None
        if always := self.context.describe_constraints("generate"):
            text(always, "muted small")
        with fold("More wishes") as wishes:
            if self.without_alerts or kept:
                wishes.props("open")
            with ui.element("div").classes("line"):
                ui.switch(
                    "no molecules with structural alerts (PAINS, BRENK)",
                    value=self.without_alerts,
                    on_change=lambda e: setattr(self, "without_alerts", bool(e.value)),
                )
            assert self.found is not None
            weights = (
                self._read_values("mw") if "mw" in {p.name for p in self.found.dataset.properties} else np.zeros(0)
            )
            if len(weights) > 1:
                low, high = float(np.floor(weights.min())), float(np.ceil(weights.max()))

                def limit(first: float, last: float) -> None:
                    self.weight = None if first <= low and last >= high else {"min": first, "max": last}
                    shown.set_text(
                        f"molecular weight {first:,.0f} to {last:,.0f} g/mol"
                        if self.weight
                        else "any molecular weight like your molecules"
                    )

                shown = text("", "small")
                ends = (max(low, kept["min"]), min(high, kept["max"])) if kept else (low, high)
                if ends[0] > ends[1]:  # the molecules are others now
                    ends = (low, high)
                range_slider("molecular weight", low, high, 5, ends, limit)
                limit(*ends)

    def _read_values(self, name: str) -> NDArray[np.float64]:
        assert self.found is not None
        values = self.found.dataset.table([name])[name].to_numpy(dtype=np.float64)
        return values[np.isfinite(values)]

    def _choose_property(self, name: str) -> None:
        self.property = name
        self.values = self._read_values(name)
        is_between = not find_classes(self.values)  # nothing lies between two classes
        aims = {aim: label for aim, label in AIMS.items() if aim != "range" or is_between}
        self.aim = self.aim if self.aim in aims else "maximize"
        self.aims.set_options(aims, value=self.aim)
        self._choose_aim(self.aim)

    def _choose_aim(self, aim: str) -> None:
        self.aim = aim
        self.controls.clear()
        if not len(self.values):
            return
        low, high = float(self.values.min()), float(self.values.max())
        step = choose_step(low, high)
        decimals = max(0, -int(np.floor(np.log10(step))))
        low, high = np.floor(low / step) * step, np.ceil(high / step) * step
        spread = float(self.values.std())

        def tidy(value: float) -> float:
            return round(float(np.round(value / step) * step), decimals)

        def set_end(name: str, value: Any) -> None:
            if value is not None:
                self.ends[name] = float(value)
                self._show_goal()

        def slide(name: str, label: str, value: float, top: float = high, bottom: float = low) -> None:
            self.ends[name] = value
            with (
                ui.element("div").style("display: flex; flex-direction: column; width: 100%"),
                ui.element("div").classes("line").style("flex-wrap: nowrap"),
            ):
                slider = ui.slider(
                    min=bottom, max=top, step=step, value=value, on_change=lambda e: set_end(name, e.value)
                ).classes("grow")
                slider.props["aria-label"] = label
                number = (
                    ui.number(label, value=value, step=step, format=f"%.{decimals}f")
                    .props("outlined dense")
                    .classes("w-44")
                )
                number.bind_value(slider)

        self.ends = {}
        with self.controls:
            if find_classes(self.values):
                text(
                    "Two classes: what is ranked is the probability of the higher one (or of the lower one).",
                    "muted small",
                )
            elif aim == "maximize":
                slide("low", "a hit is at least", tidy(float(np.quantile(self.values, 0.9))))
            elif aim == "minimize":
                slide("high", "a hit is at most", tidy(float(np.quantile(self.values, 0.1))))
            elif aim == "target":
                slide("target", "value", tidy(float(np.median(self.values))))
                slide(
                    "tolerance",
                    "give or take",
                    max(step, tidy(spread / 4)),
                    top=max(step * 2, tidy(2 * spread)),
                    bottom=step,
                )
            else:
                self._slide_range(low, high, step, decimals, tidy)
        self._show_goal()

    def _slide_range(self, low: float, high: float, step: float, decimals: int, tidy: Any) -> None:
        first = {"min": tidy(float(np.quantile(self.values, 0.4))), "max": tidy(float(np.quantile(self.values, 0.6)))}
        if first["min"] >= first["max"]:
            first["max"] = first["min"] + step
        self.ends = {"from": first["min"], "to": first["max"]}
        shown = text("")

        def take(start: float, end: float) -> None:
            self.ends = {"from": start, "to": end}
            shown.set_text(f"from {self.ends['from']:.{decimals}f} to {self.ends['to']:.{decimals}f}")
            self._show_goal()

        range_slider("between two values", low, high, step, (first["min"], first["max"]), take)
        take(first["min"], first["max"])

    def make_objective(self) -> dict[str, Any]:
        """Make the settings of the objective."""
        ends = self.ends
        if self.aim == "target":
            classes = find_classes(self.values)
            return {
                "target": classes[1] if classes else ends["target"],
                **({} if classes else {"tolerance": ends["tolerance"]}),
            }
        if self.aim == "range" and "from" in ends:
            return {"range": [ends["from"], ends["to"]]}
        aim = "minimize" if self.aim == "minimize" else "maximize"
        return {aim: True, **({name: ends[name] for name in ("low", "high") if name in ends})}

    def is_inside(self, value: float) -> bool:
        """Whether a value reaches the goal as it is set now."""
        ends = self.ends
        if "target" in ends:
            return abs(value - ends["target"]) <= ends.get("tolerance", 0.0) + 1e-9
        if "from" in ends:
            return ends["from"] <= value <= ends["to"]
        return ("low" in ends or "high" in ends) and ends.get("low", -np.inf) <= value <= ends.get("high", np.inf)

    def _show_goal(self) -> None:
        options = make_histogram(self.values, self.property, self.is_inside)
        self.chart.options.clear()
        self.chart.options.update(options)
        self.chart.props["aria-label"] = f"{self.property}: distribution of {len(self.values):,} values of your data"
        self.chart.update()
        count = sum(map(self.is_inside, self.values.tolist()))
        told = f"{count:,} of your {len(self.values):,} molecules with a value reach this."
        if count == 0 and self.ends:
            told += " None does: predictions beyond the known values are guesses."
        elif count == len(self.values):
            told += " All do already: ask for more."
        self.reached.set_text(told if self.ends else "")

    def _set_number(self, event: Any) -> None:
        if event.value is not None and 1 <= event.value <= MOST:
            self.number = int(event.value)
            self._show_estimate()
        elif event.value is None:
            self.time.set_text("")

    def _set_name(self, event: Any) -> None:
        self.name = str(event.value or "")

    def _show_estimate(self) -> None:
        assert self.found is not None
        self.time.set_text(estimate_campaign(self.found.dataset, self.number, self.context.workspace).describe())

    def make_settings(self) -> dict[str, Any]:
        """Make the settings of the whole run, checked.

        Raises:
            UserError: The number of molecules was emptied, or the settings are wrong.
        """
        assert self.found is not None
        read_number(self.field)
        constraints: list[dict[str, Any]] = [{"alerts": ["PAINS", "BRENK"]}] if self.without_alerts else []
        if self.weight is not None:
            constraints.append({"property": "mw", "at_least": self.weight["min"], "at_most": self.weight["max"]})
        asked = {
            "name": make_run_name(self.name),
            "ingest": self.found.settings,
            "generate": {
                "n": self.number,
                "objectives": {self.property: self.make_objective()},
                "constraints": constraints,
            },
        }
        return check_settings(self.context.complete(asked))

    async def start(self) -> None:
        """Start the run in a process of its own, and show how far it is."""
        settings = self.make_settings()
        goal = f"{self.property} {describe_goal(settings['generate']['objectives'][self.property])}"
        arguments = ["--library", self.context.library] if self.context.library else []
        facts = {"goal": goal, "file": self.path.name, "upload": self.path.parent.name}
        job = make_job(self.context.workspace, "run", settings["name"], arguments, settings, **facts)
        await asyncio.to_thread(job.start)
        ui.navigate.to(f"/job/{job.id}")
