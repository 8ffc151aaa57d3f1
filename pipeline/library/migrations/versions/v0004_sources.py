"""The content of the file that a measurement came from, by which one made again with the same value is known."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0004", "0003"


def upgrade() -> None:
    """Add the column."""
    op.add_column("measurements", sa.Column("source", sa.String(length=64), nullable=True))
