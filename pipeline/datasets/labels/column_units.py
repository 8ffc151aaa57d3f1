"""Decides the unit of a measured column, and how each of its cells is converted to it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from chem_vae.errors import DataError
from pipeline.datasets.labels.units import find_factor, find_mass_factor, is_known_unit, is_same
from pipeline.workspace.presentation.formatting import count_things


@dataclass(frozen=True)
class UnitFacts:
    """The facts about the units of a column.

    Args:
        column: The column's name.
        asked: The unit that the user asks for, or nothing.
        header: The unit in the column's name, or nothing.
        seen: The units that cells have, or the unit column beside them, each with its number of cells.
        bare: The number of cells with a number and without a unit.
        bare_example: One of those.
        examples: A cell of each unit.
        unit_column: The column that says the units, if there is one.
    """

    column: str
    asked: str
    header: str
    seen: Mapping[str, int]
    bare: int
    bare_example: str
    examples: Mapping[str, str]
    unit_column: str | None


@dataclass(frozen=True)
class UnitPlan:
    """The unit of a column, and the line that converts the values of each unit that occurs in it.

    Args:
        unit: The unit that all values get; nothing where none is known.
        lines: Unit of a cell (nothing for a cell without one): factor and offset.
        masses: Unit of a mass concentration: the factor by which a value becomes molar, still to be divided by the
            molecular weight.
        lost: The units that cannot be converted, whose cells are left out as the user accepts.
        notes: Sentences for the user on what was decided.
    """

    unit: str
    lines: Mapping[str, tuple[float, float]]
    masses: Mapping[str, float] = field(default_factory=dict)
    lost: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()


def find_strange_words(column: str, words: Mapping[str, int], numbers: int, said: Collection[str]) -> set[str]:
    """Find the words behind numbers that are no units, so that nobody knows what their cells say.

    A word is a unit if it is a known one, if the column's name or another source says it, or if most cells have it.

    Args:
        column: The column's name.
        words: The words behind numbers, each with its number of cells.
        numbers: The number of cells with a number, with a word or without.
        said: The units that the user asks for, or that a column of units has.
    """
    strange = set()
    for word, count in words.items():
        in_name = re.search(rf"(?<!\w){re.escape(word)}(?!\w)", column, re.IGNORECASE)
        if 2 * count > numbers or in_name or any(is_same(word, unit) for unit in said) or is_known_unit(word):
            continue
        strange.add(word)
    return strange


def plan_units(facts: UnitFacts, accept_losses: bool) -> UnitPlan:
    """Decide the unit of a column: the one asked for, or that of its name, or the most frequent one of its cells.

    Raises:
        DataError: If cells without a unit stand beside cells that have one, or if units cannot be converted; it names the
            options that help.
    """
    column, seen = facts.column, Counter(dict(facts.seen))
    target = facts.asked or facts.header or (seen.most_common(1)[0][0] if seen else "")
    own = facts.header or facts.asked
    if not target:
        return UnitPlan("", {"": (1.0, 0.0)})
    if seen and facts.bare and not own:
        raise DataError(
            f"{count_things(facts.bare, 'number')} of {column!r} without a unit (such as {facts.bare_example!r}), while others "
            f"have one: {_list_units(seen)}; say the unit of the former, to which all are converted: "
            f'--property "{column}={target}", or write it into the file'
        )
    notes = []
    if facts.header and not facts.asked:
        notes.append(f"the unit of {column!r} is {target}, from the column's name")
    lines: dict[str, tuple[float, float]] = {"": (1.0, 0.0)}
    masses: dict[str, float] = {}
    strange: dict[str, int] = {}
    for unit, count in ([(own, facts.bare)] if facts.bare and own else []) + seen.most_common():
        line = find_factor(unit, target)
        if line is not None:
            lines[unit] = line
        elif (mass := find_mass_factor(unit, target)) is not None:
            masses[unit] = mass
        else:
            strange[unit] = count
    if own and own in strange:
        raise DataError(
            f"the column {column!r} is in {own} by its name, which cannot be converted to {target}; give a unit of the same "
            f'kind: --property "{column}={own}"'
        )
    if strange and not accept_losses:
        raise _refuse(facts, target, strange)
    if own in masses:
        masses[""] = masses[own]
    elif own in lines:
        lines[""] = lines[own]
    if seen:
        if facts.asked == "" and facts.header == "":
            notes.append(f"the unit of {column!r} is {target}, the most frequent one of its cells")
        if facts.bare:
            notes.append(f"{count_things(facts.bare, 'number')} of {column!r} without a unit, read as {own}")
    for unit, count in seen.items():
        if unit in lines and not is_same(unit, target):
            notes.append(
                f"{count_things(count, 'value')} of {column!r} converted from {unit} to {target} (such as "
                f"{facts.examples[unit]!r})"
            )
        if unit in masses:
            notes.append(
                f"{count_things(count, 'value')} of {column!r} converted from {unit} to {target} by the molecular weight of "
                f"the standard form, without salt (such as {facts.examples[unit]!r})"
            )
    if own and facts.bare and not is_same(own, target):
        notes.append(f"{count_things(facts.bare, 'value')} of {column!r} converted from {own} to {target}")
    for unit, count in strange.items():
        notes.append(f"{count_things(count, 'value')} of {column!r} left out: {unit} cannot be converted to {target}")
    return UnitPlan(target, lines, masses, frozenset(strange), tuple(notes))


def _refuse(facts: UnitFacts, target: str, strange: Mapping[str, int]) -> DataError:
    unit, count = next(iter(strange.items()))
    others = sum(facts.seen.values()) + facts.bare - sum(strange.values())
    choice = f'--where "{facts.unit_column}={target}", or ' if facts.unit_column else ""
    return DataError(
        f"{count_things(count, 'value')} of {facts.column!r} in {unit} (such as {facts.examples.get(unit, '')!r}) beside "
        f"{others:,} in {target}, to which {unit} cannot be converted; leave them out with {choice}--accept-lost-labels"
    )


def _list_units(seen: Counter[str]) -> str:
    return ", ".join(f"{unit} ({count:,})" for unit, count in seen.most_common(5))
