"""The words of the two classes of a property, by which a file of measurements with one of them alone is read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0003", "0002"


def upgrade() -> None:
    """Add the column."""
    op.add_column("properties", sa.Column("classes", sa.Text(), nullable=True))
