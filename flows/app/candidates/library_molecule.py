"""The page of one molecule of the library: all that is known of it, and its history."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from nicegui import ui

from flows.app.layout import block, heading, quiet_button, text
from flows.app.pieces import picture, plain_table
from pipeline.workspace.presentation.formatting import format_plain_spread, format_time


def show_molecule(known: dict[str, Any]) -> None:
    """Show a molecule with its values, proposals, statuses and measurements."""
    with ui.element("div").classes("between"):
        heading(known["id"])
        if known["status"]:
            text(known["status"], f"chip {known['status']}")
    with block(), ui.element("div").classes("line").style("align-items: flex-start; gap: 28px"):
        picture(known["smiles"], 360, 240)
        with ui.element("div").style("display: flex; flex-direction: column; gap: 6px; min-width: 0; flex: 1 1 280px"):
            text(known["smiles"], "smiles")
            text(known["inchikey"], "smiles")
            for other in known["other_ids"]:
                text(other, "small muted")
            with ui.element("div").classes("line"):
                quiet_button(
                    "Explore around it",
                    lambda: ui.navigate.to(f"/explore?smiles={quote(known['smiles'])}"),
                    "travel_explore",
                )
    with block():
        heading("Values", 2)
        rows = [
            (
                ", ".join(filter(None, (v["label"] or v["property"], v["unit"]))),
                v["value"] if v["std"] is None else format_plain_spread(v["value"], v["std"]),
                v["basis"],
                v["model_name"] or "",
                "" if v["is_current"] else "earlier",
            )
            for v in known["values"]
        ]
        plain_table(("property", "value", "how", "model", ""), rows, numbers=(1,))
    with block():
        heading("History", 2)
        plain_table(("when", "what", "who", "why"), list_events(known))


def list_events(known: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    """List what happened to a molecule, in order: proposals, statuses and measurements."""
    events: list[tuple[str, str, str, str]] = []
    for p in known["proposals"]:
        rank = f", rank {p['rank']}" if p["rank"] is not None else ""
        events.append((p["night"], f"proposed by {p['run']}{rank}", "", p["origin"] or ""))
    for s in known["statuses"]:
        events.append((s["when"], s["status"], s["who"] or "", s["why"] or ""))
    for m in known["measurements"]:
        value = m["measured"]
        about = ", ".join(str(part) for part in (m["assay"], m["file"], f"row {m['row']}") if part)
        events.append(
            (m["imported"], f"{m['property']} measured: {value} {m['unit'] or ''}".strip(), m["who"] or "", about)
        )
    return [(format_time(when), *rest) for when, *rest in sorted(events)]  # type: ignore[misc]
