"""Finds the columns beside a measured column that say its relation, unit and type, as in exports of ChEMBL or CDD Vault."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pipeline.datasets.labels.label import is_blank, read_relation
from pipeline.datasets.labels.logarithm_names import is_logarithm, is_p_value, is_potency
from pipeline.datasets.labels.units import is_unit, split_header

_WORDS = {
    "relation": {"relation", "relations", "relationship", "operator", "qualifier", "modifier", "prefix", "sign", "comparator"},
    "unit": {"unit", "units", "uom"},
    "type": {"type", "endpoint", "measurement", "parameter"},
}  # fmt: skip
_VALUE_WORDS = {"value", "values", "result", "results", "activity", "measured", "numeric", "number"}
_NEAR = 3  # columns between a value and what belongs to it without its name
_MOST_KINDS = 200
_NO_UNIT = re.compile(r"c?log ?[dps](?![a-z])|pk_?a(?![a-z])|qed(?![a-z])", re.IGNORECASE)
"""Names of values that have none."""
ENDPOINT = re.compile(
    r"-?(?:log ?|p)?(?:(?:ic|ec|ac|cc|gi|lc|ld|ed|dc|tc|xc|mic|mc|md)_?-?\d{2}|k_?(?:i|d|b|a|m)|mic|potency|inhibition|"
    r"activity|% ?inhibition|solubility|clearance|cl|t1/2|logd|logp|tm)",
    re.IGNORECASE,
)
"""The names of usual endpoints of assays."""


@dataclass(frozen=True)
class AssayColumns:
    """The columns that belong to a measured column; None where there is none."""

    relation: str | None = None
    unit: str | None = None
    type: str | None = None

    def describe(self, column: str) -> str:
        """Say which columns were found."""
        named = [f"{name!r} as its {kind}" for kind, name in vars(self).items() if name is not None]
        return f"the column {column!r} was read with {' and '.join(named)} (--no-assay-columns reads it alone)"


def find_assay_columns(
    value: str, columns: Sequence[str], others: Sequence[str], count_cells: Callable[[str], Mapping[str, int]]
) -> AssayColumns:
    """Find the columns that say relation, unit and type of a measured column, by their names and what they hold.

    A column that names the value is taken also where some of its cells cannot be read: they are told of with the rows.

    Args:
        value: The measured column.
        columns: All columns of the file in their order.
        others: The other measured columns: what stands nearer to one of them belongs to it.
        count_cells: Returns the cells of a column that are not blank, and how many rows have each.
    """
    found: dict[str, str] = {}
    for kind in _WORDS:
        named, near = _list_candidates(kind, value, columns, others)
        for name in (*named, *near):
            cells = {cell: n for cell, n in count_cells(name).items() if not is_blank(cell)}
            if _CHECKS[kind](cells) or (name in named and _NAMED_CHECKS[kind](cells)):
                found[kind] = name
                break
    if is_p_value(value) or is_logarithm(value) or _NO_UNIT.match(value):
        found.pop("unit", None)
    return AssayColumns(**found)


def is_raw_value(name: str) -> bool:
    """Whether a column is named like the measured value itself, not its logarithm ("Standard Value", "IC50 (nM)")."""
    words = _split(name)
    is_named = bool(set(words) & {"value", "values"}) and set(words) <= _VALUE_WORDS | {"standard", "ac"}
    return is_named or (is_potency(name) and not set(words) & set().union(*_WORDS.values()))


def _list_candidates(
    kind: str, value: str, columns: Sequence[str], others: Sequence[str]
) -> tuple[list[str], list[str]]:
    """List the columns whose name may say that they belong to the value: those that name it, and those that stand near."""
    at = columns.index(value) if value in columns else -1
    stems = {tuple(_split(value)), tuple(_split(split_header(value)[0]))}
    stems |= {tuple(w for w in stem if w not in _VALUE_WORDS) for stem in stems}
    if "pchembl" in value.casefold():
        stems |= {("standard",)}
    named, near = list[str](), list[int]()
    for i, name in enumerate(columns):
        words = _split(name)
        if name == value or not (set(words) & _WORDS[kind]):
            continue
        rest = tuple(word for word in words if word not in _WORDS[kind])
        if rest and rest in stems:
            named.append(name)
        elif set(rest) <= _VALUE_WORDS | {"standard"} and at >= 0 and abs(i - at) <= _NEAR:
            near.append(i)
    places = [columns.index(other) for other in others if other in columns]
    near = [i for i in near if all(abs(i - place) >= abs(i - at) for place in places)]
    is_behind = bool(near) and max(near) == len(columns) - 1  # the last column: units stand behind their values
    near.sort(key=lambda i: (abs(i - at), (i > at) != is_behind))
    return named, [columns[i] for i in near]


def _split(name: str) -> list[str]:
    name = re.sub(r"\.[0-9]+$", "", name.removesuffix(".source"))  # the second column of a name is written NAME.1
    special = {"acvalue": "ac value", "acqualifier": "ac qualifier", "acname": "ac type"}  # of PubChem
    name = special.get(name.casefold(), re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.replace("ChEMBL", "Chembl")))
    return re.findall(r"[a-z]+[0-9]*|[0-9]+|%", name.casefold())


def _holds_relations(cells: Mapping[str, int]) -> bool:
    return bool(cells) and all(read_relation(cell) is not None for cell in cells)


def _holds_units(cells: Mapping[str, int]) -> bool:
    units = sum(n for cell, n in cells.items() if is_unit(cell))
    return bool(cells) and len(cells) <= _MOST_KINDS and 2 * units >= sum(cells.values())


def _holds_types(cells: Mapping[str, int]) -> bool:
    return 0 < len(cells) <= _MOST_KINDS and any(ENDPOINT.fullmatch(cell.strip()) for cell in cells)


_NAMED_CHECKS: dict[str, Callable[[Mapping[str, int]], bool]] = {
    "relation": lambda cells: any(map(read_relation, cells)),
    "unit": lambda cells: 0 < len(cells) <= _MOST_KINDS and (len(cells) <= _NEAR or any(map(is_unit, cells))),
    "type": lambda cells: 0 < len(cells) <= _MOST_KINDS,
}
"""What a column must hold whose name names the value: it need not be clean."""
_CHECKS: dict[str, Callable[[Mapping[str, int]], bool]] = {
    "relation": _holds_relations,
    "unit": _holds_units,
    "type": _holds_types,
}
