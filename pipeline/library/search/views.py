"""Reads molecules of the library as rows of a table, and one molecule with its whole history."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from pipeline.library.database import split
from pipeline.library.schema import (
    AliasRecord,
    MeasurementRecord,
    ModelRecord,
    MoleculeRecord,
    PropertyRecord,
    ProposalRecord,
    RunRecord,
    StatusRecord,
    ValueRecord,
)
from pipeline.library.search.identity import format_id

OWN_COLUMNS = {
    "id": "The molecule's id in this library.",
    "smiles": "Its structure in the standard form, as canonical SMILES.",
    "inchikey": "Its InChIKey.",
    "status": "What became of it: proposed, shortlisted, ordered, made, measured or rejected.",
    "score": "Its score in the last run that proposed it, 0..1.",
    "hit_probability": "The probability that a measurement reaches the goal of that run.",
    "proposed": "The night of the last run that proposed it.",
    "run": "The last run that proposed it.",
    "similarity": "The Tanimoto similarity (ECFP4, 2048 bits) to the molecule that was asked for.",
    "scaffold": "Its Bemis-Murcko scaffold, without stereo.",
}
"""The columns of a table of molecules beside the values of properties, with their meaning."""


def read_rows(
    connection: Connection, ids: Sequence[int], similarities: Mapping[int, float] | None = None
) -> list[dict[str, Any]]:
    """Read molecules as rows, in the order given: their own columns, then each current value as `<name>_<basis>`.

    A predicted value has its standard deviation in `<name>_predicted_std`.
    """
    rows: dict[int, dict[str, Any]] = {}
    for part in split(ids):
        molecules = select(MoleculeRecord.__table__).where(MoleculeRecord.id.in_(part))
        runs = _read_last_runs(connection, part)
        for m in connection.execute(molecules):
            rows[m.id] = {
                "id": format_id(m.id), "smiles": m.smiles, "inchikey": m.inchikey, "status": m.status, "score": m.score,
                "hit_probability": m.hit_probability, "proposed": None if m.proposed is None else m.proposed.isoformat(),
                "run": runs.get(m.id),
            }  # fmt: skip
            if similarities:
                rows[m.id]["similarity"] = similarities.get(m.id)
            rows[m.id]["scaffold"] = m.scaffold
        values = (
            select(ValueRecord.molecule_id, PropertyRecord.name, ValueRecord.basis, ValueRecord.value, ValueRecord.std)
            .join(PropertyRecord, PropertyRecord.id == ValueRecord.property_id)
            .where(ValueRecord.molecule_id.in_(part), ValueRecord.is_current.is_(True))
            .order_by(ValueRecord.molecule_id, ValueRecord.property_id, ValueRecord.basis)
        )
        for number, name, basis, value, std in connection.execute(values):
            rows[number][f"{name}_{basis}"] = value
            if std is not None:
                rows[number][f"{name}_{basis}_std"] = std
    return [rows[i] for i in ids if i in rows]


def _read_last_runs(connection: Connection, ids: Sequence[int]) -> dict[int, str]:
    query = (
        select(ProposalRecord.molecule_id, RunRecord.run)
        .join(RunRecord, RunRecord.id == ProposalRecord.run_id)
        .where(ProposalRecord.molecule_id.in_(ids))
        .order_by(RunRecord.night, RunRecord.finished, RunRecord.id)
    )
    return dict(connection.execute(query).tuples().all())  # the last one wins


def describe_molecule(connection: Connection, number: int) -> dict[str, Any]:
    """Describe one molecule with all that is known of it: proposals, values by model, statuses, measurements, other ids."""
    [row] = read_rows(connection, [number])
    m = connection.execute(select(MoleculeRecord.__table__).where(MoleculeRecord.id == number)).one()
    found: dict[str, Any] = {
        key: row[key] for key in ("id", "smiles", "inchikey", "status", "score", "hit_probability")
    }
    found |= {
        "stereo_blind_key": m.stereo_blind_key,
        "scaffold": m.scaffold,
        "added": m.added.isoformat(timespec="seconds"),
    }
    found["values"] = [
        {"property": v.name, "label": v.label, "unit": v.unit, "basis": v.basis, "value": v.value, "std": v.std,
         "model": v.key, "model_name": v.model, "is_current": v.is_current}
        for v in connection.execute(
            select(PropertyRecord.name, PropertyRecord.label, PropertyRecord.unit, ValueRecord.basis, ValueRecord.value,
                   ValueRecord.std, ModelRecord.key, ModelRecord.name.label("model"), ValueRecord.is_current)
            .join(PropertyRecord, PropertyRecord.id == ValueRecord.property_id)
            .outerjoin(ModelRecord, ModelRecord.id == ValueRecord.model_id)
            .where(ValueRecord.molecule_id == number)
            .order_by(PropertyRecord.name, ValueRecord.basis, ValueRecord.is_current.desc(), ValueRecord.model_id)
        )
    ]  # fmt: skip
    found["proposals"] = [
        {"run": p.run, "night": p.night.isoformat(), "kind": p.kind, "rank": p.rank, "score": p.score,
         "hit_probability": p.hit_probability, "within_target": p.within_target, "origin": p.origin, "parent": p.parent,
         "model": p.key, "dataset": p.dataset, "details": json.loads(p.details)}
        for p in connection.execute(
            select(RunRecord.run, RunRecord.night, RunRecord.kind, RunRecord.dataset, ModelRecord.key, ProposalRecord.rank,
                   ProposalRecord.score, ProposalRecord.hit_probability, ProposalRecord.within_target, ProposalRecord.origin,
                   ProposalRecord.parent, ProposalRecord.details)
            .join(RunRecord, RunRecord.id == ProposalRecord.run_id)
            .outerjoin(ModelRecord, ModelRecord.id == RunRecord.model_id)
            .where(ProposalRecord.molecule_id == number)
            .order_by(RunRecord.night, RunRecord.finished, RunRecord.id)
        )
    ]  # fmt: skip
    found["statuses"] = [
        {"status": s.status, "who": s.who, "when": s.when.isoformat(timespec="seconds"), "why": s.why}
        for s in connection.execute(
            select(StatusRecord.__table__).where(StatusRecord.molecule_id == number).order_by(StatusRecord.id)
        )
    ]
    found["measurements"] = [
        {"property": r.name, "value": r.value, "lower": r.lower, "upper": r.upper, "spread": r.spread, "unit": r.unit,
         "assay": r.assay, "measured_on": r.measured_on, "file": r.file, "row": r.row, "cell": r.cell, "who": r.who,
         "measured": write_measured(r.value, r.lower, r.upper, r.spread),
         "imported": r.imported.isoformat(timespec="seconds")}
        for r in connection.execute(
            select(MeasurementRecord.__table__, PropertyRecord.name)
            .join(PropertyRecord, PropertyRecord.id == MeasurementRecord.property_id)
            .where(MeasurementRecord.molecule_id == number)
            .order_by(MeasurementRecord.id)
        )
    ]  # fmt: skip
    found["other_ids"] = [
        f"{format_id(a.number)} in {a.library}"
        for a in connection.execute(select(AliasRecord.__table__).where(AliasRecord.molecule_id == number))
    ]
    return found


def list_value_columns(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """List the columns of rows that hold values of properties, in the order in which they come."""
    return list(dict.fromkeys(name for row in rows for name in row if name not in OWN_COLUMNS))


def write_measured(value: float | None, lower: float | None, upper: float | None, spread: float | None) -> str:
    """Write what a measurement says in the unit of its property: the value with its spread, or what it lies above or below.

    >>> write_measured(6.0, None, None, 0.25), write_measured(None, 7.5, None, None)
    ('6 ± 0.25', '>7.5')
    """
    said = [
        None if n is None else repr(int(n) if n.is_integer() and abs(n) < 1e15 else n) for n in (value, lower, upper)
    ]
    if value is not None:
        return f"{said[0]} ± {spread!r}" if spread else str(said[0])
    if lower is not None and upper is not None:
        return f"{said[1]} - {said[2]}"
    return f">{said[1]}" if lower is not None else f"<{said[2]}" if upper is not None else ""
