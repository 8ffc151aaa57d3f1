"""Merges another library into one: molecules by their InChIKeys, runs and models by their keys; a second merge changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, update

from chem_vae.errors import UserError
from pipeline.library.database import insert_new, split
from pipeline.library.laboratory.measured_values import summarize
from pipeline.library.laboratory.repeats import is_same_file, read_files
from pipeline.library.recording import NO_MODEL, find_ids, find_properties, note_classes, table_of, write_values
from pipeline.library.schema import (
    MEASURED,
    AliasRecord,
    Base,
    FingerprintRecord,
    LibraryFact,
    MeasurementRecord,
    ModelRecord,
    MoleculeRecord,
    PropertyRecord,
    ProposalRecord,
    RunRecord,
    StatusRecord,
    UnmatchedRow,
    ValueRecord,
)

AT_ONCE = 2_000
"""Molecules that are merged at once."""


@dataclass
class MergedLibrary:
    """What a merge added."""

    molecules: int = 0
    """Molecules of the other library."""
    new_molecules: int = 0
    new_runs: int = 0
    new_measurements: int = 0
    taken_for_same: int = 0
    """Measurements that equal one here from another file, which may have been measured again."""


def merge(connection: Connection, other: Connection) -> MergedLibrary:
    """Merge another library into the one of a transaction that writes.

    Raises:
        UserError: Both are the same library.
    """
    own_id, other_id = _read_id(connection), _read_id(other)
    if own_id == other_id:
        raise UserError("this is the same library (or a copy of it): there is nothing to merge")
    before = [_count(connection, table) for table in (MoleculeRecord, RunRecord, MeasurementRecord)]
    models = _merge_named(connection, other, ModelRecord, "key")
    properties = _merge_properties(connection, other)
    runs = _merge_runs(connection, other, models)
    made = MergedLibrary()
    for part in _read_parts(other):
        made.molecules += len(part)
        ids, latest = _merge_molecules(connection, other, part)
        aliases = [{"library": other_id, "number": number, "molecule_id": here} for number, here in ids.items()]
        for own in split(aliases):
            insert_new(connection, AliasRecord, own)
        made.taken_for_same += _merge_history(connection, other, ids, latest, runs, models, properties)
    for rows in split(_read(other, UnmatchedRow)):
        insert_new(connection, UnmatchedRow, [_without(row, "id") for row in rows])
    after = [_count(connection, table) for table in (MoleculeRecord, RunRecord, MeasurementRecord)]
    made.new_molecules, made.new_runs, made.new_measurements = (a - b for a, b in zip(after, before, strict=True))
    return made


def _read_id(connection: Connection) -> str:
    return str(connection.execute(select(LibraryFact.value).where(LibraryFact.name == "id")).scalar_one())


def _count(connection: Connection, table: type[Base]) -> int:
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def _read(connection: Connection, table: type[Base], *conditions: Any) -> list[Mapping[str, Any]]:
    return [dict(row) for row in connection.execute(select(table.__table__).where(*conditions)).mappings()]


def _without(row: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}


def _read_parts(other: Connection) -> Iterator[list[dict[str, Any]]]:
    """Read the molecules of a library part by part."""
    last = 0
    while True:
        query = (
            select(MoleculeRecord.__table__).where(MoleculeRecord.id > last).order_by(MoleculeRecord.id).limit(AT_ONCE)
        )
        part = [dict(row) for row in other.execute(query).mappings()]
        if not part:
            return
        last = part[-1]["id"]
        yield part


def _merge_named(connection: Connection, other: Connection, table: type[Base], key: str) -> dict[int, int]:
    """Merge rows that have a key; return the ids here by the ids there."""
    rows = _read(other, table)
    for part in split(rows):
        insert_new(connection, table, [_without(row, "id") for row in part])
    here = {row[key]: row["id"] for row in _read(connection, table)}
    return {row["id"]: here[row[key]] for row in rows}


def _merge_properties(connection: Connection, other: Connection) -> dict[int, int]:
    rows = _read(other, PropertyRecord)
    known = {row["name"]: row for row in _read(connection, PropertyRecord)}
    for row in rows:
        mine = known.get(row["name"])
        if mine is not None and mine["unit"] and row["unit"] and mine["unit"] != row["unit"]:
            raise UserError(
                f"{row['name']} is in {mine['unit']} in one library and in {row['unit']} in the other: they cannot be merged; export "
                "its measurements (chem-vae library export --labels FILE) and import them, which converts units"
            )
    found = find_properties(connection, [r["name"] for r in rows], {r["name"]: (r["label"], r["unit"]) for r in rows})
    note_classes(connection, {r["name"]: json.loads(r["classes"]) for r in rows if r["classes"]})
    return {row["id"]: found[row["name"]] for row in rows}


def _merge_runs(connection: Connection, other: Connection, models: Mapping[int, int]) -> dict[int, int]:
    rows = _read(other, RunRecord)
    for part in split(rows):
        insert_new(
            connection, RunRecord, [{**_without(row, "id"), "model_id": models.get(row["model_id"])} for row in part]
        )
    here = {row["key"]: row["id"] for row in _read(connection, RunRecord)}
    return {row["id"]: here[row["key"]] for row in rows}


def _merge_molecules(
    connection: Connection, other: Connection, part: Sequence[Mapping[str, Any]]
) -> tuple[dict[int, int], set[int]]:
    """Add the molecules that are new, and take over what others are sorted by where the other library knows it later.

    Returns:
        The ids here by the ids there, and those here whose values in the other library are the newest.
    """
    before = find_ids(connection, [row["inchikey"] for row in part])
    for rows in split(part):
        insert_new(connection, MoleculeRecord, [_without(row, "id") for row in rows])
    here = find_ids(connection, [row["inchikey"] for row in part])
    ids = {row["id"]: here[row["inchikey"]] for row in part}
    for rows in split(list(ids)):
        prints = _read(other, FingerprintRecord, FingerprintRecord.molecule_id.in_(rows))
        insert_new(connection, FingerprintRecord, [{**row, "molecule_id": ids[row["molecule_id"]]} for row in prints])
    taken = {here[row["inchikey"]] for row in part if row["inchikey"] not in before}
    known = {row["inchikey"]: row for row in part if row["inchikey"] in before}
    later = []
    for keys in split(list(known)):
        query = select(MoleculeRecord.inchikey, MoleculeRecord.proposed).where(MoleculeRecord.inchikey.in_(keys))
        for key, proposed in connection.execute(query):
            theirs = known[key]
            if theirs["proposed"] is not None and (proposed is None or theirs["proposed"] > proposed):
                later.append({"of_id": here[key], **{n: theirs[n] for n in ("score", "hit_probability", "proposed")}})
    if later:
        molecules = table_of(MoleculeRecord)
        connection.execute(update(molecules).where(molecules.c.id == bindparam("of_id")), later)
    return ids, taken | {row["of_id"] for row in later}


def _merge_history(
    connection: Connection,
    other: Connection,
    ids: Mapping[int, int],
    latest: set[int],
    runs: Mapping[int, int],
    models: Mapping[int, int],
    properties: Mapping[int, int],
) -> int:
    """Add proposals, values, statuses and measurements of some molecules; values of `latest` are the current ones.

    Returns:
        How many measurements were taken for the same as ones of other files.
    """
    same = 0
    for part in split(list(ids)):

        def read(table: type[Base], column: Any, part: Sequence[int] = part) -> list[dict[str, Any]]:
            return [{**row, "molecule_id": ids[row["molecule_id"]]} for row in _read(other, table, column.in_(part))]

        proposals = read(ProposalRecord, ProposalRecord.molecule_id)
        insert_new(connection, ProposalRecord, [{**r, "run_id": runs[r["run_id"]]} for r in proposals])
        values = [
            {
                **row,
                "property_id": properties[row["property_id"]],
                "model_id": models.get(row["model_id"], NO_MODEL),
                "is_current": row["is_current"] and row["molecule_id"] in latest,
            }
            for row in read(ValueRecord, ValueRecord.molecule_id)
            if row["basis"] != MEASURED
        ]
        write_values(connection, values)
        _merge_statuses(connection, read(StatusRecord, StatusRecord.molecule_id))
        measured = read(MeasurementRecord, MeasurementRecord.molecule_id)
        rows = [{**_without(r, "id"), "property_id": properties[r["property_id"]]} for r in measured]
        there = read_files(connection, [r["key"] for r in rows])
        same += sum(not is_same_file(there[r["key"]], (r["source"], r["file"])) for r in rows if r["key"] in there)
        insert_new(connection, MeasurementRecord, rows)
        summarize(connection, {(row["molecule_id"], row["property_id"]) for row in rows})
    return same


def _merge_statuses(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add events of the history that are not there, and take the newest as the status."""
    ids = sorted({row["molecule_id"] for row in rows})
    if not ids:
        return
    own = ("molecule_id", "status", "who", "when", "why")
    known = {tuple(r[n] for n in own) for r in _read(connection, StatusRecord, StatusRecord.molecule_id.in_(ids))}
    new = [_without(row, "id") for row in rows if tuple(row[n] for n in own) not in known]
    insert_new(connection, StatusRecord, new)
    newest: dict[int, tuple[Any, str]] = {}
    for row in _read(connection, StatusRecord, StatusRecord.molecule_id.in_(ids)):
        newest[row["molecule_id"]] = max(
            newest.get(row["molecule_id"], (row["when"], "")), (row["when"], row["status"])
        )
    molecules = table_of(MoleculeRecord)
    statement = update(molecules).where(molecules.c.id == bindparam("of_id"))
    connection.execute(statement, [{"of_id": i, "status": status} for i, (_, status) in newest.items()])
