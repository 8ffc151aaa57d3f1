"""The candidates as one JSON model: rows, columns with units and definitions, marks and the map, apart from any page."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from chem_vae.atomic_files import to_plain
from pipeline.chemistry.filters.structural_alerts import locate_alerts
from pipeline.chemistry.filters.unusual_cells import SEPARATOR, read_atoms, read_names
from pipeline.chemistry.molecule import parse_mol
from pipeline.chemistry.output.differences import find_different_atoms
from pipeline.report.candidate_table import choose_columns
from pipeline.report.column_dictionary import MEASURED, ColumnEntry, describe_columns
from pipeline.report.facts.asked_and_found import Isomer
from pipeline.report.facts.model_facts import LatentMap
from pipeline.report.facts.part import Number, Part, Point
from pipeline.report.facts.search_facts import SearchMap
from pipeline.report.model import Report
from pipeline.report.raw_values import add_raw_values
from pipeline.report.shown_properties import PREDICTED, collect_properties, describe_score, list_own_columns
from pipeline.workspace.presentation.formatting import choose_column_decimals, is_number
from pipeline.workspace.presentation.value_columns import NEAREST_MEASURED

FORMAT, FORMAT_VERSION = "chem-vae candidates", 1
NUMBER, TEXT, FLAG, STRUCTURE, LIST, EMPTY = "number", "text", "flag", "structure", "list", "empty"
"""The kinds of columns: a list is text with semicolons between its entries, and an empty column has no value at all."""
MOST_ANCESTORS, MOST_COMPARED = 8, 100
_LISTS = ("alerts", "unusual")
_STRUCTURES = ("smiles", "nearest_training_smiles", f"{NEAREST_MEASURED}smiles", "parent", "scaffold")
_ALWAYS = ("rank", "score", "hit_probability", "similarity_to_measured", f"{NEAREST_MEASURED}similarity", "nearest_training_similarity",
    "undefined_stereo")  # fmt: skip
_FURTHER = ("distance_to_training", "parent_similarity")
_GROUPS = ("scaffold", "origin", "strategy", "R1", "R2")


class DataColumn(ColumnEntry):
    """A column of the candidates, with how it is shown."""

    kind: str = TEXT
    decimals: int | None = None
    spread: str = ""
    """The column of the standard deviations of a predicted value."""
    raw: str = ""
    """The column of the same values in the unit of the measurements, where a logarithm was learned."""
    is_probability: bool = False
    is_objective: bool = False
    low: float | None = None
    high: float | None = None
    """The interval that the objective accepts; None for an open end."""
    aim: str = ""
    is_shown: bool = False
    """Whether a table shows the column from the start."""
    can_group: bool = False
    """Whether candidates can be grouped by it."""


class MapData(Part):
    """The candidates on the two main directions of the latent space, an illustration."""

    points: list[Point] = []
    """For each candidate its two coordinates; [] where it has none."""
    data: list[Point] = []
    """Training molecules."""
    explained: list[Number] = []
    """The share of the variance along each direction."""


class CandidateData(Part):
    """The candidates of a run: everything that a page or an app shows of them."""

    format: str = FORMAT
    format_version: int = FORMAT_VERSION
    run_id: str = ""
    title: str = ""
    count: int = 0
    columns: list[DataColumn] = []
    values: dict[str, list[Any]] = {}
    """The cells of each column, in the order of the rows; None where a value is missing."""
    marks: list[dict[str, list[int]]] = []
    """For each candidate the atoms (their numbers in its SMILES) of each alert and each unusual structure, by its name."""
    differences: list[list[int]] = []
    """For each of the first candidates (MOST_COMPARED) the atoms of its nearest measured molecule in which that one differs from it."""
    lineages: list[list[dict[str, Any]]] = []
    """For each candidate its ancestors, the parent first; [] where it was not made from a molecule."""
    isomers: dict[str, list[Isomer]] = {}
    """The stereoisomers of a candidate by its rank."""
    map: MapData | None = None

    def to_dict(self) -> dict[str, Any]:
        """Write the data in plain types."""
        return dict(to_plain(self.model_dump()))


def collect_candidate_data(report: Report, candidates: pd.DataFrame) -> CandidateData:
    """Collect what is known of the candidates.

    Args:
        report: The report of the run.
        candidates: One row each, best first, as `pipeline.report.write` takes them.
    """
    table = add_raw_values(candidates.loc[:, ~candidates.columns.duplicated()], report.logarithms)
    table = table.drop(columns=["molecule", "z"], errors="ignore")
    table.columns = [str(name) for name in table.columns]
    if "rank" not in table:
        table.insert(0, "rank", range(1, len(table) + 1))
    if "smiles" not in table:
        table.insert(1, "smiles", None)
    values = {name: [to_plain(cell) for cell in table[name].tolist()] for name in table.columns}
    of_parent: dict[str, list[Isomer]] = {}
    for isomer in report.isomers:
        of_parent.setdefault(str(isomer.parent_rank), []).append(isomer)
    return CandidateData(
        run_id=report.run_id,
        title=report.title,
        count=len(table),
        columns=_describe(report, table, values),
        values=values,
        marks=[_mark(row) for row in table.to_dict("records")],
        differences=_compare(values),
        lineages=_trace(report, values),
        isomers=of_parent,
        map=_place(report, len(table)),
    )


def _describe(report: Report, table: pd.DataFrame, values: Mapping[str, list[Any]]) -> list[DataColumn]:
    """Describe the columns with their kinds, decimals, and what of them is shown from the start."""
    properties, is_value = collect_properties(report), describe_score(report).is_value
    own = list_own_columns(report)
    chosen = {column.source: column for column in choose_columns(table, properties, report)}
    shown = {*chosen, *_ALWAYS, *own[:4]} - ({"score"} if is_value else set())
    raws = {log.property: log.name_raw() for log in report.logarithms}
    found = []
    for entry in describe_columns(list(table.columns), report):
        name, cells = entry.column, values[entry.column]
        kind = _find_kind(name, cells)
        column = DataColumn(**entry.model_dump(), kind=kind, is_shown=name in shown and kind != EMPTY)
        if name in chosen:
            column.decimals, column.spread = chosen[name].decimals, chosen[name].spread or ""
            objective = chosen[name].property.objective
            if objective is not None:
                column.is_objective, column.aim = True, chosen[name].property.brief
                column.low, column.high = objective.interval()
        elif kind == NUMBER and entry.basis != MEASURED:  # what was measured is not rounded
            column.decimals = choose_column_decimals(cells)
        if entry.basis == PREDICTED and f"{name}_std" in table and f"{name}_std" not in own:
            column.spread = f"{name}_std"
        known = properties.get(entry.property)
        column.is_probability = name == "hit_probability" or (
            name == f"{entry.property}_{PREDICTED}" and known is not None and known.is_probability(PREDICTED)
        )
        raw = f"{raws.get(entry.property, '')}_{entry.basis}"
        column.raw = raw if raw in table and raw != name and raw not in own else ""
        column.can_group = name in _GROUPS or (name in own and kind == TEXT)
        found.append(column)
    return found


def _find_kind(name: str, cells: Sequence[Any]) -> str:
    """Find the kind of a column by its name and its cells."""
    known = [cell for cell in cells if cell is not None]
    if not known:
        return EMPTY
    if name in _STRUCTURES:
        return STRUCTURE
    if name in _LISTS:
        return LIST
    if known and all(isinstance(cell, bool) for cell in known):
        return FLAG
    return NUMBER if known and all(is_number(cell) for cell in known) else TEXT


def _mark(row: Mapping[Any, Any]) -> dict[str, list[int]]:
    """Find the atoms of a candidate's alerts and of what is unusual in it, by name."""
    marks: dict[str, list[int]] = {}
    unusual = row.get("unusual_atoms")
    cells = unusual.split(SEPARATOR) if isinstance(unusual, str) else []
    for name, atoms in zip(read_names(row.get("unusual")), cells, strict=False):
        marks[name] = read_atoms(atoms)
    if read_names(row.get("alerts")) and (mol := parse_mol(row.get("smiles"))) is not None:
        marks.update({name: list(atoms) for name, atoms in locate_alerts(mol).items()})
    return marks


def _compare(values: Mapping[str, list[Any]]) -> list[list[int]]:
    """Find the atoms in which the nearest measured molecules of the first candidates differ from them; [] where there are none."""
    nearest = values.get(f"{NEAREST_MEASURED}smiles")
    if nearest is None:
        return []
    pairs = zip(nearest[:MOST_COMPARED], values["smiles"], strict=False)
    return [find_different_atoms(other, smiles) for other, smiles in pairs]


def _trace(report: Report, values: Mapping[str, list[Any]]) -> list[list[dict[str, Any]]]:
    """Trace the ancestors of each candidate as far as the report knows them, the parent first."""
    missing: list[Any] = [None] * len(values["smiles"])
    parents: dict[str, dict[str, Any]] = {}
    for chain in report.optimization.lineages if report.optimization else []:
        for older, younger in itertools.pairwise(chain):
            if younger.smiles:
                parents[younger.smiles] = {"smiles": older.smiles, "score": older.score, "origin": younger.origin}
    own = set(list_own_columns(report))
    told = [missing if name in own else values.get(name, missing) for name in ("parent", "origin")]
    rows = zip(values["smiles"], *told, strict=True)
    for smiles, parent, origin in rows:
        if smiles and parent:
            parents.setdefault(smiles, {"smiles": parent, "score": None, "origin": origin})
    found = []
    for smiles in values["smiles"]:
        chain_of: list[dict[str, Any]] = []
        at, seen = smiles, {smiles}
        while (step := parents.get(at)) and len(chain_of) < MOST_ANCESTORS and step["smiles"] not in seen:
            chain_of.append(step)
            at = step["smiles"]
            seen.add(at)
        found.append(chain_of)
    return found


def _place(report: Report, count: int) -> MapData | None:
    """Place the candidates on the map of the latent space; None where the report has no map, or not a place for each."""
    known: LatentMap | SearchMap | None = report.latent_map
    if known is None and report.optimization is not None:
        known = report.optimization.map
    if known is None or not known.candidates:
        return None
    if len(known.candidates) != count and not known.candidate_rows:
        return None
    rows = known.candidate_rows or list(range(count))
    points: list[Point] = [[] for _ in range(count)]
    for row, point in zip(rows, known.candidates, strict=False):
        if row < count:  # of more candidates than the table has, the first are shown
            points[row] = _round(point)
    return MapData(points=points, data=[_round(point) for point in known.data], explained=known.explained)


def _round(point: Point) -> Point:
    return [None if value is None else round(value, 3) for value in point[:2]]
