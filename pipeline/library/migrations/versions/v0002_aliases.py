"""The table of the ids that molecules have in libraries that were merged into this one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0002", "0001"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "aliases",
        sa.Column("library", sa.String(length=40), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("molecule_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["molecule_id"], ["molecules.id"], name="fk_aliases_molecule_id"),
        sa.PrimaryKeyConstraint("library", "number", name="pk_aliases"),
    )
    op.create_index("ix_aliases_molecule_id", "aliases", ["molecule_id"], unique=False)
