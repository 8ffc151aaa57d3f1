"""Shows molecules of the library as cards or as a table, each with a box to tick."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from nicegui import ui

from flows.app.layout import Words, text
from flows.app.pieces import picture, write_cell
from pipeline.library.search.views import list_value_columns
from pipeline.workspace.presentation.formatting import format_plain_spread, format_probability

MOST_VALUES = 3
"""The values of a molecule that its card shows."""
MOST_COLUMNS = 10
"""The columns of values that the table has."""
_BASES = ("measured", "computed", "predicted")
"""Where values come from, the surest first."""
Tick = Callable[[str, bool], None]


def list_values(row: dict[str, Any]) -> list[str]:
    """List the columns of values by property: first those that were measured, then those that a model predicts.

    The values of a property follow each other, what is known before what is predicted.

    >>> list_values({"mw_computed": 1, "qed_computed": 0.9, "qed_predicted": 0.8, "qed_predicted_std": 0.1, "pKi_measured": 7})
    ['pKi_measured', 'qed_computed', 'qed_predicted', 'mw_computed']
    """
    values = [name for name in list_value_columns([row]) if not name.endswith("_std")]
    bases: dict[str, list[str]] = {}
    for name in values:
        property_name, _, basis = name.rpartition("_")
        bases.setdefault(property_name, []).append(basis)
    order = sorted(bases, key=lambda name: ("measured" not in bases[name], "predicted" not in bases[name]))
    return [f"{name}_{basis}" for name in order for basis in sorted(bases[name], key=_BASES.index)]


def list_known_values(row: dict[str, Any]) -> list[str]:
    """List the columns of values without a prediction of what was measured or computed.

    >>> list_known_values({"qed_computed": 0.9, "qed_predicted": 0.8, "pKi_predicted": 7})
    ['qed_computed', 'pKi_predicted']
    """
    values = list_values(row)
    known = {name.rpartition("_")[0] for name in values if not name.endswith("_predicted") and row[name] is not None}
    return [name for name in values if not name.endswith("_predicted") or name.removesuffix("_predicted") not in known]


def show_cards(rows: list[dict[str, Any]], chosen: Collection[str], tick: Tick) -> None:
    """Show molecules as cards."""
    with ui.element("div").classes("mols"):
        for row in rows:
            with ui.element("div").classes("mol-card"):
                with ui.element("div").classes("between").style("flex-wrap: nowrap"):
                    show_box(row["id"], row["id"] in chosen, tick)
                    if row["status"]:
                        text(row["status"], f"chip {row['status']}")
                picture(row["smiles"])
                ui.link(row["id"], f"/library/{row['id']}").classes("small")
                for name in list_known_values(row)[:MOST_VALUES]:
                    property_name, _, basis = name.rpartition("_")
                    text(f"{property_name} {write_cell(row[name])}, {basis}", "small")
                if row.get("similarity") is not None:
                    text(f"similarity {row['similarity']:.2f}", "small")


def show_table(
    rows: list[dict[str, Any]],
    chosen: Collection[str],
    tick: Tick,
    sort: Callable[[str], Any],
    sorted_by: str,
    ascending: bool,
) -> None:
    """Show molecules as a table whose heads sort.

    Args:
        rows: The molecules.
        chosen: The ids of those that are ticked.
        tick: Called with an id, and whether it is ticked now.
        sort: Called with the field that is to be sorted by.
        sorted_by: The field that is sorted by now.
        ascending: Whether the lowest comes first.
    """
    values = list(dict.fromkeys(name for row in rows for name in list_values(row)))[:MOST_COLUMNS]
    has = {name for name in ("hit_probability", "similarity") if any(row.get(name) is not None for row in rows)}
    own = [("status", ""), ("score", "score")]
    own += [("chance of a hit", "hit_probability")] * ("hit_probability" in has) + [("similarity", "")] * (
        "similarity" in has
    )
    heads = [*own, *((name.rpartition("_")[0] + ", " + name.rpartition("_")[2], name) for name in values)]
    with ui.element("div").classes("scroll").props("tabindex=0"), ui.element("table").classes("plain library-table"):
        with ui.element("thead"), ui.element("tr"):
            for name in ("choose", "structure", "id"):
                Words("th", name).props("scope=col")
            for label, field in heads:
                with ui.element("th").props("scope=col") as head:
                    if not field:
                        text(label)
                        continue
                    is_sorted = field == sorted_by
                    if is_sorted:
                        head.props["aria-sort"] = "ascending" if ascending else "descending"
                    icon = ("arrow_upward" if ascending else "arrow_downward") if is_sorted else None
                    button = ui.button(label, on_click=lambda field=field: sort(field))
                    button.props(f"flat dense no-caps color=accent{f' icon-right={icon}' if icon else ''}")
        with ui.element("tbody"):
            for row in rows:
                with ui.element("tr"):
                    with ui.element("td"):
                        show_box(row["id"], row["id"] in chosen, tick)
                    with ui.element("td"):
                        picture(row["smiles"], 150, 90)
                    with ui.element("td"):
                        ui.link(row["id"], f"/library/{row['id']}")
                    with ui.element("td"):
                        if row["status"]:
                            text(row["status"], f"chip {row['status']}")
                    Words("td", write_cell(row["score"])).classes("num")
                    if "hit_probability" in has:
                        chance = row.get("hit_probability")
                        Words("td", "" if chance is None else format_probability(chance)).classes("num")
                    if "similarity" in has:
                        Words("td", write_cell(row.get("similarity"))).classes("num")
                    for name in values:
                        spread = row.get(f"{name}_std")
                        value = row.get(name)
                        shown = (
                            write_cell(value) if value is None or spread is None else format_plain_spread(value, spread)
                        )
                        Words("td", shown).classes("num")


def show_box(molecule: str, ticked: bool, tick: Tick) -> None:
    """Show the box by which a molecule is chosen."""
    box = ui.checkbox(value=ticked, on_change=lambda e: tick(molecule, bool(e.value)))
    box.props("dense").props["aria-label"] = f"choose {molecule}"
