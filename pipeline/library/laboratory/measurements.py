"""Brings measurements from a laboratory into the library: each is kept once, with its file and row; what matches nothing is kept too."""

from __future__ import annotations

import getpass
import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rdkit.Chem import Descriptors
from sqlalchemy import Connection, delete, exists, select, update

from pipeline.chemistry.config import StandardizeOptions
from pipeline.chemistry.molecule import Molecule, skeleton_key
from pipeline.chemistry.standardization.refusal import Rejection
from pipeline.chemistry.standardization.standardize import Standardizer
from pipeline.library.database import insert_new, split
from pipeline.library.laboratory.measured_values import summarize
from pipeline.library.laboratory.measurement_files import KnownProperty, Measured, MeasuredRow, MeasurementFile
from pipeline.library.laboratory.repeats import hash_rows, select_new
from pipeline.library.recording import add_molecules, find_ids, find_properties, note_classes
from pipeline.library.schema import (
    MEASURED_STATUS,
    MeasurementRecord,
    MoleculeRecord,
    PropertyRecord,
    StatusRecord,
    UnmatchedRow,
    ValueRecord,
)
from pipeline.library.search.identity import format_id, is_inchikey, parse_id
from pipeline.library.structures import describe_structure

Meant = str | int | Rejection
"""What a text of a row says: an InChIKey, the id of a molecule of the library, or nothing that can be read."""


@dataclass
class ImportedMeasurements:
    """The account of an imported file of measurements: every row is imported, known, without a value, or unmatched."""

    file: str = ""
    """Its name, without the folder or the server."""
    rows: int = 0
    matched: int = 0
    """Rows that belong to a molecule of the library."""
    added: int = 0
    """Measurements that were not in the library."""
    repeated: int = 0
    """Measurements that were there already."""
    taken_for_same: dict[str, int] = field(default_factory=dict)
    """Those of them that equal one of another file, which may have been measured again, by the name of that file."""
    molecules: int = 0
    """Molecules with a new measurement."""
    new_molecules: int = 0
    """Molecules that were added for them."""
    properties: list[str] = field(default_factory=list)
    """The measured properties that the file has."""
    unmatched: list[tuple[int, str, str]] = field(default_factory=list)
    """Row, what it says its molecule is, and the reason."""
    contradictions: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_known_properties(connection: Connection) -> dict[str, KnownProperty]:
    """Read what the library knows of its properties, by their names."""
    is_number = exists().where(
        ValueRecord.property_id == PropertyRecord.id, (ValueRecord.value < 0) | (ValueRecord.value > 1)
    )
    query = select(PropertyRecord.name, PropertyRecord.unit, PropertyRecord.classes, is_number)
    return {
        name: KnownProperty(unit, None if words is None else json.loads(words), bool(number))
        for name, unit, words, number in connection.execute(query)
    }


def write_measurements(
    connection: Connection,
    file: str,
    read: MeasurementFile,
    *,
    adds: bool = False,
    counts_replicates: bool = False,
    who: str | None = None,
) -> ImportedMeasurements:
    """Write the measurements of a file into the library.

    Args:
        connection: A transaction that writes.
        file: The file's name, for the history.
        read: Its content.
        adds: Whether a molecule that the library does not know is added, where the row has its SMILES.
        counts_replicates: Whether a measurement that equals one of another file is a further one (`repeats`).
        who: Who imports; the user of the system when None.
    """
    count = len(read.rows) + len(read.rejected)
    made = ImportedMeasurements(file, count, properties=list(read.units), notes=list(read.notes))
    who, now = who or find_user(), datetime.now(UTC)
    matched = _match(connection, read.rows, adds, made)
    properties = find_properties(connection, read.units, {name: ("", unit) for name, unit in read.units.items()})
    _fill_units(connection, read.units)
    note_classes(connection, read.classes)
    molecules = _read_molecules(connection, set(matched.values()))
    source = hash_rows((row.number, row.cells) for row in read.rows)
    rows, contents = list[dict[str, Any]](), list[str]()
    for row in read.rows:
        if row.number not in matched:
            continue
        for found in row.measured:
            inchikey, weight = molecules[matched[row.number]]
            value = _scale(found, weight)
            content = [inchikey, found.property, value, read.units[found.property], row.assay, row.date]
            contents.append(json.dumps([*content, row.replicate] if row.replicate else content))
            rows.append(
                {
                    "molecule_id": matched[row.number], "property_id": properties[found.property],
                    "unit": read.units[found.property], "assay": row.assay, "measured_on": row.date, "file": file,
                    "source": source, "row": row.number, "cell": found.cell, "imported": now, "who": who, **value,
                }
            )  # fmt: skip
    new, same = select_new(connection, rows, contents, counts_replicates)
    for part in split(new):
        insert_new(connection, MeasurementRecord, part)
    made.added, made.repeated, made.taken_for_same = len(new), len(rows) - len(new), dict(same)
    pairs = {(r["molecule_id"], r["property_id"]) for r in new}
    made.molecules = len({molecule for molecule, _ in pairs})
    made.contradictions = summarize(connection, pairs)
    _set_measured(connection, {m for m, _ in pairs}, f"measured: {file}", who, now)
    _keep_unmatched(connection, file, read, made, now)
    return made


def find_user() -> str:
    """Find the name of the user of the system, for the history."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


def _match(
    connection: Connection, rows: Sequence[MeasuredRow], adds: bool, made: ImportedMeasurements
) -> dict[int, int]:
    """Find the molecule of each row; rows without one are noted with the reason."""
    standardizer = Standardizer(StandardizeOptions())
    meant: dict[int, list[tuple[str, Meant]]] = {}
    standard: dict[str, Molecule | Rejection] = {}
    for row in rows:
        meant[row.number] = []
        for text in row.names:
            number = parse_id(text)
            if number is None and not is_inchikey(text) and text not in standard:
                standard[text] = standardizer(text)
            key = number if number is not None else text.strip() if is_inchikey(text) else standard[text]
            meant[row.number].append((text, key.inchikey if isinstance(key, Molecule) else key))
    keys = {key for keys in meant.values() for _, key in keys if isinstance(key, str)}
    numbers = {key for keys in meant.values() for _, key in keys if isinstance(key, int)}
    ids = find_ids(connection, keys)
    skeletons = _read_skeletons(connection, {*numbers, *ids.values()})
    if adds:
        new = _list_new(rows, meant, standard, ids, skeletons)
        add_molecules(connection, [describe_structure(m) for m in new.values()], MEASURED_STATUS)
        added = find_ids(connection, new)
        ids |= added
        skeletons |= _read_skeletons(connection, added.values())
        made.new_molecules = len(new)
    found: dict[int, int] = {}
    for row in rows:
        said = {text: _find_molecule(key, ids, skeletons) for text, key in meant[row.number]}
        distinct = {number for number in said.values() if number is not None}
        others = [text for text, key in meant[row.number] if distinct and _is_another(key, distinct, skeletons)]
        if len(distinct) == 1 and not others:
            found[row.number] = distinct.pop()
            made.matched += 1
            continue
        shown = " / ".join(said) or "nothing"
        if distinct:
            told = [f"{text} is {format_id(n)}" for text, n in said.items() if n is not None]
            told += [f"{text} is another" for text in others if said[text] is None]
            reason = f"it names two molecules: {' and '.join(told)}"
        else:
            reason = _explain_unmatched(connection, meant[row.number])
        made.unmatched.append((row.number, shown, reason))
    return found


def _find_molecule(key: Meant, ids: Mapping[str, int], skeletons: Mapping[int, str]) -> int | None:
    """Return the id of the molecule that a row means; None where the library lacks it."""
    if isinstance(key, int):
        return key if key in skeletons else None
    return ids.get(key) if isinstance(key, str) else None


def _is_another(key: Meant, molecules: Iterable[int], skeletons: Mapping[int, str]) -> bool:
    """Whether an InChIKey is of another structure than each of some molecules, whatever its stereo."""
    return isinstance(key, str) and all(skeleton_key(key) != skeletons[number] for number in molecules)


def _list_new(
    rows: Sequence[MeasuredRow],
    meant: Mapping[int, Sequence[tuple[str, Meant]]],
    standard: Mapping[str, Molecule | Rejection],
    ids: Mapping[str, int],
    skeletons: Mapping[int, str],
) -> dict[str, Molecule]:
    """List by InChIKey the molecules that the library lacks, of rows that have a value and name nothing else."""
    molecules = {m.inchikey: m for m in standard.values() if isinstance(m, Molecule)}
    new: dict[str, Molecule] = {}
    for row in rows:
        keys = [key for _, key in meant[row.number]]
        named = {key for key in keys if isinstance(key, str)}
        is_known = any(_find_molecule(key, ids, skeletons) is not None for key in keys)
        if row.measured and not is_known and len(named) == 1 and (key := named.pop()) in molecules:
            new[key] = molecules[key]
    return new


def _explain_unmatched(connection: Connection, meant: Sequence[tuple[str, Meant]]) -> str:
    """Say why a row belongs to no molecule of the library."""
    if not meant:
        return "it says no molecule"
    for _, key in meant:
        if isinstance(key, Rejection):
            return f"it cannot be read: {key.reason}"
        if isinstance(key, str):
            near = select(MoleculeRecord.id).where(MoleculeRecord.stereo_blind_key == skeleton_key(key)).limit(1)
            other = connection.execute(near).scalar_one_or_none()
            if other is not None:
                return f"not in the library; {format_id(other)} differs from it only in stereo, isotopes or protonation"
    return "not in the library"


def _read_skeletons(connection: Connection, numbers: Iterable[int]) -> dict[int, str]:
    """Read the first block of the InChIKey of those of some molecules that are there, by id."""
    found: dict[int, str] = {}
    for part in split(sorted(numbers)):
        wanted = select(MoleculeRecord.id, MoleculeRecord.stereo_blind_key).where(MoleculeRecord.id.in_(part))
        found.update(connection.execute(wanted).tuples().all())
    return found


def _read_molecules(connection: Connection, ids: Iterable[int]) -> dict[int, tuple[str, float]]:
    """Read the InChIKeys of molecules, and compute their molecular weights (g/mol)."""
    found: dict[int, tuple[str, float]] = {}
    columns = (MoleculeRecord.id, MoleculeRecord.inchikey, MoleculeRecord.smiles)
    for part in split(sorted(ids)):
        for number, key, smiles in connection.execute(select(*columns).where(MoleculeRecord.id.in_(part))):
            found[number] = key, Descriptors.MolWt(Molecule(smiles).mol)  # type: ignore[attr-defined]
    return found


def _scale(found: Measured, weight: float) -> dict[str, float | None]:
    """Return value, bounds and spread as the library keeps them: None where there is none."""
    factor = 1.0 if math.isnan(found.mass) else found.mass / weight
    numbers = {
        "value": found.label.value,
        "lower": found.label.lower,
        "upper": found.label.upper,
        "spread": found.spread,
    }
    return {name: None if math.isnan(number) else number * factor for name, number in numbers.items()}


def _fill_units(connection: Connection, units: Mapping[str, str]) -> None:
    """Note the units of properties that had none."""
    for name, unit in units.items():
        if unit:
            lacks = (PropertyRecord.name == name) & (PropertyRecord.unit == "")
            connection.execute(update(PropertyRecord).where(lacks).values(unit=unit))


def _set_measured(connection: Connection, ids: Iterable[int], why: str, who: str, now: datetime) -> None:
    """Write into the history that molecules were measured."""
    for part in split(sorted(ids)):
        rows = [{"molecule_id": i, "status": MEASURED_STATUS, "who": who, "when": now, "why": why} for i in part]
        insert_new(connection, StatusRecord, rows)
        chosen = MoleculeRecord.id.in_(part)
        connection.execute(update(MoleculeRecord).where(chosen).values(status=MEASURED_STATUS))


def _keep_unmatched(
    connection: Connection, file: str, read: MeasurementFile, made: ImportedMeasurements, now: datetime
) -> None:
    """Keep the rows that belong to no molecule, and forget those of an earlier import that now do."""
    reasons = {number: reason for number, _, reason in made.unmatched}
    kept, gone = [], []
    for row in read.rows:
        cells = json.dumps(row.cells, ensure_ascii=False)
        content = hashlib.sha256(f"{file} {row.number} {cells}".encode()).hexdigest()
        if row.number in reasons:
            kept.append({"file": file, "row": row.number, "reason": reasons[row.number], "cells": cells,
                         "content": content, "imported": now})  # fmt: skip
        else:
            gone.append(content)
    for number, text, reason in read.rejected:
        content = hashlib.sha256(f"{file} {number} {text}".encode()).hexdigest()
        cells = json.dumps({"row": text}, ensure_ascii=False)
        kept.append(
            {"file": file, "row": number, "reason": reason, "cells": cells, "content": content, "imported": now}
        )
    for part in split(gone):
        connection.execute(delete(UnmatchedRow).where(UnmatchedRow.content.in_(part)))
    for part in split(kept):
        insert_new(connection, UnmatchedRow, part)
    made.unmatched += read.rejected
    unreadable = [f"row {row.number} ({', '.join(row.unreadable)})" for row in read.rows if row.unreadable]
    if unreadable:
        more = f" and {len(unreadable) - 5:,} more" if len(unreadable) > 5 else ""
        made.notes.append(f"cells without a number that can be read: {', '.join(unreadable[:5])}{more}")
