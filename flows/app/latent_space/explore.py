"""The page that looks around a molecule: where it lies, what is predicted, what is near it, and what lies between two."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from nicegui import app as nicegui_app
from nicegui import ui

from flows.app.context import AppContext
from flows.app.editor import open_editor
from flows.app.latent_space import look
from flows.app.latent_space.growth import GrowthCard
from flows.app.layout import block, frame, heading, primary_button, quiet_button, say_empty, tell_errors, text, tile
from flows.app.pieces import AXIS, list_sentences, molecule_card, picture, plain_table
from flows.app.remedies import say
from pipeline.chemistry.molecule import parse_mol
from pipeline.workspace.presentation.formatting import format_plain_spread

ANALOGUES, STEPS = 12, 9
REACH = 1.5
UNUSUAL = 95.0
"""The percentile from which on a molecule is called unlike the training data."""


def register(context: AppContext) -> None:
    """Register the page."""
    looker = look.Looker()
    nicegui_app.on_shutdown(looker.close)

    @ui.page("/explore")
    def show(smiles: str = "") -> None:
        with frame("Explore", "/explore"):
            heading("Explore a molecule")
            models = context.list_models()
            if not models:
                say_empty("No model yet", "A run trains one on your molecules.", "Begin with a file", "/")
                return
            text(
                "See how a model looks at a molecule: whether it is like what the model has learned, what is predicted, and what is near it.",
                "lede",
            )
            ExplorePage(context, looker, models).show(smiles)


class ExplorePage:
    """Shows a molecule as a model sees it."""

    def __init__(self, context: AppContext, looker: look.Looker, models: dict[str, str]) -> None:
        """Take what answers, and the models that can be asked."""
        self.context, self.looker, self.models = context, looker, models
        self.seen = ("", "", "")
        """The model, the workspace and the molecule of what is shown, which the form need not hold any more."""

    def show(self, smiles: str) -> None:
        """Show the form; a molecule that is given is looked at right away."""
        with block():
            self.model = (
                ui.select(self.models, value=next(iter(self.models)), label="Model")
                .props("outlined options-dense")
                .classes("w-full")
            )
            with ui.element("div").classes("line"):
                self.smiles = (
                    ui.input("Molecule (SMILES)", value=smiles).props("outlined").classes("grow min-w-[240px]")
                )
                self.smiles.on("keydown.enter", self.look)
                quiet_button("Draw it", lambda: open_editor(self._take, self.smiles.value or ""), "draw")
            with ui.element("div").classes("line"):
                primary_button("Look at it", self.look, "travel_explore")
        self.place = ui.element("div").style("display: flex; flex-direction: column; gap: 20px")
        if smiles:
            ui.timer(0.2, self.look, once=True)

    async def _take(self, smiles: str) -> None:
        self.smiles.set_value(smiles)
        await self.look()

    @tell_errors
    async def look(self) -> None:
        """Look at the molecule."""
        smiles = (self.smiles.value or "").strip()
        self.place.clear()
        if parse_mol(smiles) is None:
            with self.place, ui.element("div").classes("fail").props("role=alert"):
                text(
                    f"{smiles!r} is no SMILES of a molecule; draw it, or paste another one."
                    if smiles
                    else "Draw a molecule, or paste its SMILES."
                )
            return
        with self.place, block():
            waiting = ui.element("div").classes("line").props("role=status")
            with waiting:
                ui.spinner()
                text("The model is loaded the first time; this takes some seconds.", "muted")
        asked = str(self.model.value), str(self.context.workspace), smiles
        try:
            found = await self.looker.ask(look.describe, *asked)
        finally:
            self.place.clear()
        self.seen = asked
        with self.place:
            self._show_place(smiles, found)
            self._offer(
                "Around it", "New molecules near this one, the nearest first.", "Find analogues", self._show_analogues
            )
            GrowthCard(
                smiles, lambda scaffold, n: self.looker.ask(look.grow, *asked[:2], scaffold, n), self._take
            ).show()
            with block():
                heading("Between two molecules", 2)
                with ui.element("div").classes("line"):
                    self.other = ui.input("The other molecule (SMILES)").props("outlined").classes("grow min-w-[240px]")
                    quiet_button("Draw it", lambda: open_editor(self.other.set_value, self.other.value or ""), "draw")
                    quiet_button("Show the way", self._show_path, "timeline")
                self.path = ui.element("div")
            self._offer(
                "On the map",
                "The training molecules on the two main directions of the latent space, as an illustration.",
                "Draw the map",
                self._show_map,
            )

    def _offer(self, title: str, sentence: str, label: str, work: Callable[[ui.element], Any]) -> None:
        with block():
            heading(title, 2)
            text(sentence, "muted small")
            with ui.element("div").classes("line"):
                button = quiet_button(label, icon="play_arrow")
            place = ui.element("div")

        @tell_errors
        async def act() -> None:
            button.props("loading")
            try:
                await work(place)
            finally:
                button.props(remove="loading")

        button.on_click(act)

    def _show_place(self, smiles: str, found: dict[str, Any]) -> None:
        strange, values = found["strange"], found["values"]
        with block():
            with ui.element("div").classes("line").style("align-items: flex-start; gap: 24px"):
                picture(smiles, 300, 200)
                with ui.element("div").classes("tiles").style("flex: 1 1 300px"):
                    percentile = strange.get("percentile")
                    if percentile is None:
                        tile("likeness", "unknown", str(strange.get("reason") or ""))
                    else:
                        word = "unlike the data" if percentile >= UNUSUAL else "like the data"
                        tile(
                            "the model finds it",
                            word,
                            f"stranger than {math.floor(percentile)} of 100 {name_reference(found['origin'])}",
                        )
            if reason := str(values.get("reason") or strange.get("reason") or ""):
                with ui.element("div").classes("warn"):
                    text(say(reason))
            rows = list_values(values, found["properties"])
            plain_table(("property", "value", "how", "domain"), rows)

    async def _show_analogues(self, place: ui.element) -> None:
        rows = await self.looker.ask(look.find_analogues, *self.seen, ANALOGUES, REACH)
        place.clear()
        with place, ui.element("div").classes("mols"):
            for row in rows:
                card = molecule_card(
                    row["smiles"], [f"similarity {row['similarity']:.2f}"], f"distance {row['distance']:.2f}"
                )
                with card:
                    ui.button("Look at it", on_click=lambda s=row["smiles"]: self._take(s)).props(
                        "flat dense no-caps color=accent align=left"
                    )

    @tell_errors
    async def _show_path(self) -> None:
        rows = await self.looker.ask(look.find_path, *self.seen, (self.other.value or "").strip(), STEPS)
        self.path.clear()
        with self.path, ui.element("div").classes("mols"):
            for row in rows:
                line = f"similarity {row['similarity_to_start']:.2f} and {row['similarity_to_end']:.2f}"
                molecule_card(
                    row["smiles"] or "",
                    [line],
                    {0: "this one", STEPS - 1: "the other"}.get(row["step"], f"step {row['step']}"),
                )

    async def _show_map(self, place: ui.element) -> None:
        model, workspace, smiles = self.seen
        made = await self.looker.ask(look.draw_map, model, workspace, [smiles])
        place.clear()
        with place:
            reasons = [f"this molecule has no place on the map: {reason}" for reason in made["unplaced"]]
            list_sentences("", reasons, "warn")
            chart = ui.echart(make_map(made)).classes("w-full").style("height: 420px")
            chart.props["aria-label"] = "map of the latent space"


def name_reference(origin: str) -> str:
    """Name the molecules that one is compared with, without the remark in brackets."""
    return origin.partition(" (")[0] or "molecules"


def list_values(values: dict[str, Any], properties: dict[str, dict[str, str]]) -> list[tuple[str, str, str, str]]:
    """List the values of a molecule: property, value, how it is known, and whether a prediction counts."""
    rows = []
    for column, value in values.items():
        name, _, basis = column.rpartition("_")
        if basis not in ("predicted", "computed", "measured") or not name:
            continue
        about = properties.get(name, {"label": name, "unit": ""})
        label = ", ".join(filter(None, (about["label"] or name, about["unit"])))
        domain, near = "", values.get(f"{name}_similarity")
        if basis == "predicted" and near is not None:
            word = "inside" if values.get(f"{name}_in_domain") else "outside: no prediction counts"
            domain = f"{word} (similarity to the nearest measured {near:.2f})"
        if value is None or (isinstance(value, float) and math.isnan(value)):
            if basis == "predicted":
                rows.append((label, "not predicted", basis, domain))
            continue
        rows.append((label, format_plain_spread(value, values.get(f"{column}_std")), basis, domain))
    return rows


def make_map(made: dict[str, Any]) -> dict[str, Any]:
    """Make the options of a chart of the latent space."""
    axis = {
        "axisLabel": {"show": False},
        "axisTick": {"show": False},
        "splitLine": {"show": False},
        "nameTextStyle": {"color": AXIS},
    }
    training = [point[:3] for point in made["points"] if point[3] == "training"]
    own = [point[:2] for point in made["points"] if point[3] == "own"]
    known = sorted(point[2] for point in training if point[2] is not None)
    shares = [f" ({100 * share:.0f} % of variance)" for share in made["explained"]] or ["", ""]
    options: dict[str, Any] = {
        "animation": False,
        "grid": {"left": 40, "right": 96, "top": 16, "bottom": 40},
        "xAxis": {"type": "value", "name": f"direction 1{shares[0]}", "nameLocation": "middle", **axis},
        "yAxis": {"type": "value", "name": f"direction 2{shares[1]}", "nameLocation": "middle", **axis},
        "series": [
            {"type": "scatter", "data": training, "symbolSize": 4, "itemStyle": {"opacity": 0.7}},
            {"type": "scatter", "data": own, "symbolSize": 18, "symbol": "pin", "itemStyle": {"color": "#d55e00"}},
        ],
    }  # fmt: skip
    if known:
        options["visualMap"] = {
            "seriesIndex": 0, "dimension": 2, "right": 0, "top": "center", "text": [made["label"], ""], "textStyle": {"color": AXIS},
            "min": known[len(known) // 100], "max": known[-1 - len(known) // 100], "calculable": False,
            "inRange": {"color": ["#46085c", "#31668e", "#1f988b", "#95d840"]},
        }  # fmt: skip
    return options
