"""Sets what became of molecules; the history keeps every status with who, when and why."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection, func, select, update

from chem_vae.errors import match_name, unknown_name
from pipeline.library.database import insert_new, split
from pipeline.library.schema import STATUSES, MoleculeRecord, StatusRecord


def spell_status(status: str) -> str:
    """Return a status as STATUSES has it, whatever its capitals. Raises UserError where there is none."""
    if (found := match_name(status, STATUSES)) is None:
        raise unknown_name("status", status, STATUSES)
    return found


def set_status(connection: Connection, ids: Sequence[int], status: str, who: str, why: str) -> None:
    """Set the status of molecules and add it to their history; the same once more, by the same person for the same reason, is no event."""
    now = datetime.now(UTC)
    for part in split(ids):
        last = (
            select(func.max(StatusRecord.id))
            .where(StatusRecord.molecule_id.in_(part))
            .group_by(StatusRecord.molecule_id)
        )
        same = (StatusRecord.status == status) & (StatusRecord.who == who) & (StatusRecord.why == why)
        told = {*connection.execute(select(StatusRecord.molecule_id).where(StatusRecord.id.in_(last), same)).scalars()}
        rows = [
            {"molecule_id": i, "status": status, "who": who, "when": now, "why": why} for i in part if i not in told
        ]
        insert_new(connection, StatusRecord, rows)
        connection.execute(update(MoleculeRecord).where(MoleculeRecord.id.in_(part)).values(status=status))
