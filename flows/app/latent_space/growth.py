"""The part of the page Explore that keeps a scaffold and grows new molecules from it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import ui

from chem_vae.errors import UserError
from flows.app.editor import open_editor
from flows.app.layout import block, heading, quiet_button, tell_errors, text
from flows.app.pieces import list_sentences, molecule_card
from pipeline.chemistry.variation.scaffold_request import open_side_chains
from pipeline.workspace.presentation.formatting import format_plain

NUMBERS = {12: "12", 24: "24", 48: "48"}
Grow = Callable[[str, int], Awaitable[dict[str, Any]]]


class GrowthCard:
    """Asks which scaffold is kept, and shows molecules that have it."""

    def __init__(self, smiles: str, grow: Grow, look: Callable[[str], Any]) -> None:
        """Take what is needed.

        Args:
            smiles: The molecule whose scaffold is offered.
            grow: Grows so many molecules from a scaffold.
            look: Looks at a molecule that was found.
        """
        self.smiles, self.grow, self.look = smiles, grow, look

    def show(self) -> None:
        """Show the form."""
        with block():
            heading("Keep the scaffold, change the rest", 2)
            text(
                "New molecules that have this scaffold, atom for atom, and something else where [*:1], [*:2] ... stand; without such points, "
                "anywhere.",
                "muted small",
            )
            with ui.element("div").classes("line"):
                self.scaffold = ui.input("Scaffold to keep (SMILES)", value=open_side_chains(self.smiles)).props(
                    "outlined"
                )
                self.scaffold.classes("grow min-w-[240px]")
                self.scaffold.on("keydown.enter", self.act)
                quiet_button(
                    "Draw it", lambda: open_editor(self.scaffold.set_value, self.scaffold.value or ""), "draw"
                ).props["aria-label"] = "Draw the scaffold to keep"
            with ui.element("div").classes("line"):
                self.number = (
                    ui.select(NUMBERS, value=12, label="Molecules").props("outlined options-dense").classes("w-36")
                )
                self.button = quiet_button("Grow", self.act, "park")
            self.place = ui.element("div").props("role=status")

    @tell_errors
    async def act(self) -> None:
        """Grow molecules, and show them."""
        scaffold = (self.scaffold.value or "").strip()
        if not scaffold:
            raise UserError("give the scaffold to keep: draw it, or paste its SMILES")
        self.button.props("loading")
        try:
            found = await self.grow(scaffold, int(self.number.value))
        finally:
            self.button.props(remove="loading")
        self.place.clear()
        with self.place:
            list_sentences("", found["warnings"], "note", 1)
            with ui.element("div").classes("mols"):
                for row in found["rows"]:
                    groups = [f"{name}: {group}" for name, group in row["groups"].items() if group]
                    values = [f"{name} {format_plain(value)}" for name, value in row["values"].items()]
                    with molecule_card(row["smiles"], [*groups, *values]):
                        button = ui.button("Look at it", on_click=lambda s=row["smiles"]: self.look(s))
                        button.props("flat dense no-caps color=accent align=left")
