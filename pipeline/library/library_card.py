"""Describes a candidate library as a short card for a notebook."""

from __future__ import annotations

import pandas as pd
from sqlalchemy import Connection, func, select

from pipeline.chemistry.output.molecule_table import list_drawings, list_lines
from pipeline.library.schema import MoleculeRecord, RunRecord
from pipeline.workspace.presentation.formatting import count_things
from pipeline.workspace.presentation.notebook_card import Card


def make_library_card(connection: Connection, address: str, best: pd.DataFrame) -> Card:
    """Describe a library: how many molecules and runs it has, what became of the molecules, and the best of them.

    Args:
        connection: A connection to its database.
        address: Where it is, without a password.
        best: The first molecules of the library as a table, the best score first.
    """
    by_status = dict(
        connection.execute(
            select(MoleculeRecord.status, func.count()).group_by(MoleculeRecord.status).order_by(func.count().desc())
        )
        .tuples()
        .all()
    )
    runs = int(connection.execute(select(func.count()).select_from(RunRecord)).scalar_one())
    last = connection.execute(select(RunRecord.run).order_by(RunRecord.finished.desc(), RunRecord.id.desc()).limit(1))
    total = sum(by_status.values())
    facts = [
        ("at", address),
        ("runs", f"{runs:,}" + (f", the last is {name}" if (name := last.scalar_one_or_none()) else "")),
    ]
    facts.append(
        ("status", ", ".join(f"{status} {count:,}" for status, count in by_status.items()) or "no molecule yet")
    )
    hint = 'more: .to_frame(ranges=["qed_computed>0.8"], limit=50), .describe("CV-000001"), .list_runs()'
    return Card(
        f"candidate library: {count_things(total, 'molecule')}",
        facts,
        (),
        list_drawings(best),
        list_lines(best),
        hint,
    )
