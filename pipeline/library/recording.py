"""Writes finished runs into the library, each once; a run that is there already changes nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, Connection, Table, bindparam, select, tuple_, update

from chem_vae.atomic_files import to_plain
from pipeline.chemistry.molecule import Molecule, parse_mol, skeleton_key
from pipeline.library.database import insert_new, split
from pipeline.library.run_tables import Candidate, RunTable
from pipeline.library.schema import (
    PREDICTED,
    PROPOSED,
    Base,
    FingerprintRecord,
    ModelRecord,
    MoleculeRecord,
    PropertyRecord,
    ProposalRecord,
    RunRecord,
    ValueRecord,
)
from pipeline.library.structures import Structure, describe_structure
from pipeline.workspace.work.parallel import Workers

PARALLEL_FROM = 4_000
"""Candidates from which processes of their own compute the fingerprints."""
NO_MODEL = 0
"""The model of values that no model predicted."""


@dataclass(frozen=True)
class RecordedRun:
    """A run that was written into the library."""

    run: str
    candidates: int
    new: int
    """The candidates that the library did not know before."""
    unreadable: int = 0
    """Rows that RDKit cannot read, which are left out."""


def is_recorded(connection: Connection, key: str) -> bool:
    """Tell whether a run is in the library."""
    return connection.execute(select(RunRecord.id).where(RunRecord.key == key)).first() is not None


def record(
    connection: Connection, table: RunTable, structures: Mapping[str, Structure] | None = None
) -> RecordedRun | None:
    """Write a run into the library; None where it is there already.

    Args:
        connection: A transaction that writes.
        table: The run.
        structures: What `describe_candidates` computed of it before the transaction began.
    """
    if is_recorded(connection, table.key):
        return None
    structures = describe_candidates(table) if structures is None else structures
    rows: dict[str, Candidate] = {}
    for candidate in table.candidates:  # the best comes first
        if name_key(candidate) in structures:
            rows.setdefault(name_key(candidate), candidate)
    known = find_ids(connection, rows)
    add_molecules(connection, [structures[key] for key in rows if key not in known], PROPOSED, table)
    ids = {**known, **find_ids(connection, [key for key in rows if key not in known])}
    model = find_model(connection, table.model_key, table.model)
    new = len(ids) - len(known)
    run = {
        "key": table.key, "run": table.run, "name": table.name, "kind": table.kind, "night": table.night,
        "finished": table.finished, "recorded": datetime.now(UTC), "model_id": model or None,
        "dataset_key": table.dataset_key, "dataset": table.dataset, "seed": table.seed,
        "candidates": len(table.candidates), "new": new,
    }  # fmt: skip
    insert_new(connection, RunRecord, [run])
    run_id = connection.execute(select(RunRecord.id).where(RunRecord.key == table.key)).scalar_one()
    properties = find_properties(connection, {v.name for c in rows.values() for v in c.values}, table.properties)
    note_classes(connection, table.classes)
    for part in split(list(rows.items())):
        insert_new(connection, ProposalRecord, [_make_proposal(ids[key], run_id, c) for key, c in part])
        latest = _update_molecules(connection, table, {ids[key]: c for key, c in part})
        write_values(
            connection,
            [
                {
                    "molecule_id": ids[key], "property_id": properties[v.name], "basis": v.basis,
                    "model_id": model if v.basis == PREDICTED else NO_MODEL, "value": v.value, "std": v.std,
                    "is_current": ids[key] in latest,
                }
                for key, c in part
                for v in c.values
            ],
        )  # fmt: skip
    return RecordedRun(
        table.run, len(table.candidates), new, sum(name_key(c) not in structures for c in table.candidates)
    )


def describe_candidates(table: RunTable, workers: int = 1) -> dict[str, Structure]:
    """Compute keys and fingerprints of a run's candidates, by `name_key`; those that RDKit cannot read are left out.

    Args:
        table: The run.
        workers: The processes for a run of many candidates; with 1 everything is done in this one.
    """
    told = [(c.smiles, name_key(c), c.scaffold or None) for c in table.candidates]
    with Workers(workers if len(told) >= PARALLEL_FROM else 1, on_cluster=False) as processes:
        parts = processes.map(_describe_part, split(told))
        return {structure.inchikey: structure for part in parts for structure in part}


def _describe_part(told: Sequence[tuple[str, str, str | None]]) -> list[Structure]:
    """Describe the structures of some SMILES, each with its key and its scaffold where that is known."""
    mols = [parse_mol(smiles) for smiles, _, _ in told]
    rows = zip(told, mols, strict=True)
    return [
        describe_structure(Molecule(s, key, mol=mol), scaffold) for (s, key, scaffold), mol in rows if mol is not None
    ]


def name_key(candidate: Candidate) -> str:
    """Return the InChIKey of a candidate, or a key of its SMILES where InChI cannot name it."""
    if candidate.inchikey:
        return candidate.inchikey
    return f"NOINCHI-{hashlib.sha256(candidate.smiles.encode()).hexdigest()[:19].upper()}"


def find_ids(connection: Connection, keys: Iterable[str]) -> dict[str, int]:
    """Find the ids of molecules by their InChIKeys; those that are not there are left out."""
    found: dict[str, int] = {}
    for part in split(list(keys)):
        query = select(MoleculeRecord.inchikey, MoleculeRecord.id).where(MoleculeRecord.inchikey.in_(part))
        found.update((key, number) for key, number in connection.execute(query))
    return found


def add_molecules(
    connection: Connection, structures: Sequence[Structure], status: str, table: RunTable | None = None
) -> None:
    """Add molecules that are not there yet."""
    now = datetime.now(UTC)
    rows = [
        {
            "inchikey": s.inchikey, "stereo_blind_key": skeleton_key(s.inchikey), "smiles": s.smiles, "scaffold": s.scaffold,
            "added": now, "status": status, "proposed": None if table is None else table.night,
        }
        for s in structures
    ]  # fmt: skip
    for part in split(rows):
        insert_new(connection, MoleculeRecord, part)
    ids = find_ids(connection, [s.inchikey for s in structures])
    prints = [{"molecule_id": ids[s.inchikey], "morgan": s.morgan, "pattern": s.pattern} for s in structures]
    for part in split(prints):
        insert_new(connection, FingerprintRecord, part)


def find_model(connection: Connection, key: str | None, name: str) -> int:
    """Find the id of a model, which is added where it is new; NO_MODEL for None."""
    if key is None:
        return NO_MODEL
    insert_new(connection, ModelRecord, [{"key": key, "name": name}])
    return int(connection.execute(select(ModelRecord.id).where(ModelRecord.key == key)).scalar_one())


def find_properties(
    connection: Connection, names: Iterable[str], known: Mapping[str, tuple[str, str]]
) -> dict[str, int]:
    """Find the ids of properties, which are added where they are new, with label and unit as far as these are known."""
    asked = sorted({*names})
    rows = [{"name": n, "label": known.get(n, ("", ""))[0], "unit": known.get(n, ("", ""))[1]} for n in asked]
    insert_new(connection, PropertyRecord, rows)
    found = connection.execute(select(PropertyRecord.name, PropertyRecord.id).where(PropertyRecord.name.in_(asked)))
    return dict(found.tuples().all())


def note_classes(connection: Connection, classes: Mapping[str, Sequence[str]]) -> None:
    """Note the words of the classes of properties that had none."""
    for name, words in classes.items():
        lacks = (PropertyRecord.name == name) & PropertyRecord.classes.is_(None)
        connection.execute(update(PropertyRecord).where(lacks).values(classes=json.dumps(list(words))))


def write_values(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write values of properties; a newer one of the same basis and model replaces the older, and makes others past."""
    table = table_of(ValueRecord)
    current = [row for row in rows if row["is_current"]]
    for part in split([(r["molecule_id"], r["property_id"], r["basis"]) for r in current], 200):
        same = tuple_(ValueRecord.molecule_id, ValueRecord.property_id, ValueRecord.basis).in_(part)
        connection.execute(update(ValueRecord).where(same).values(is_current=False))
    for part in split(rows):
        insert_new(connection, ValueRecord, part)
    if current:
        own = ("molecule_id", "property_id", "basis", "model_id")
        same_row = [table.c[name] == bindparam(f"of_{name}") for name in own]
        connection.execute(
            update(table).where(*same_row),
            [{**{f"of_{n}": r[n] for n in own}, "value": r["value"], "std": r["std"], "is_current": True} for r in current],
        )  # fmt: skip


def _make_proposal(molecule_id: int, run_id: int, c: Candidate) -> dict[str, Any]:
    return {
        "molecule_id": molecule_id, "run_id": run_id, "rank": c.rank, "score": c.score, "hit_probability": c.hit_probability,
        "within_target": c.within_target, "origin": c.origin, "parent": c.parent,
        "details": json.dumps(to_plain(c.details), allow_nan=False),
    }  # fmt: skip


def _update_molecules(connection: Connection, table: RunTable, rows: Mapping[int, Candidate]) -> set[int]:
    """Bring what molecules are sorted by up to date; return those that no later run proposed."""
    later: set[int] = set()
    is_later: ColumnElement[bool] = RunRecord.night > table.night
    if table.finished is not None:
        is_later |= (RunRecord.night == table.night) & (RunRecord.finished > table.finished)
    for part in split(list(rows)):
        query = (
            select(ProposalRecord.molecule_id)
            .join(RunRecord, RunRecord.id == ProposalRecord.run_id)
            .where(ProposalRecord.molecule_id.in_(part), is_later)
        )
        later.update(connection.execute(query).scalars())
    latest = set(rows) - later
    if latest:
        molecules = table_of(MoleculeRecord)
        connection.execute(
            update(molecules).where(molecules.c.id == bindparam("of_id")),
            [
                {
                    "of_id": i,
                    "score": rows[i].score,
                    "hit_probability": rows[i].hit_probability,
                    "proposed": table.night,
                }
                for i in latest
            ],
        )
    return latest


def table_of(model: type[Base]) -> Table:
    """Return the table of a model, which takes rows of its own in one statement."""
    return cast(Table, model.__table__)
