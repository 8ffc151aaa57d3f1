"""The tables of molecules, their values, proposals, statuses and measurements."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0001", None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "library_facts",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_library_facts"),
    )
    op.create_table(
        "models",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_models"),
        sa.UniqueConstraint("key", name="uq_models_key"),
    )
    op.create_table(
        "molecules",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("inchikey", sa.String(length=27), nullable=False),
        sa.Column("stereo_blind_key", sa.String(length=14), nullable=False),
        sa.Column("smiles", sa.Text(), nullable=False),
        sa.Column("scaffold", sa.Text(), nullable=False),
        sa.Column("added", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("score", sa.Float(precision=53), nullable=True),
        sa.Column("hit_probability", sa.Float(precision=53), nullable=True),
        sa.Column("proposed", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_molecules"),
        sa.UniqueConstraint("inchikey", name="uq_molecules_inchikey"),
    )
    op.create_index("ix_molecules_hit_probability", "molecules", ["hit_probability", "id"], unique=False)
    op.create_index("ix_molecules_proposed", "molecules", ["proposed", "id"], unique=False)
    op.create_index("ix_molecules_score", "molecules", ["score", "id"], unique=False)
    op.create_index("ix_molecules_status", "molecules", ["status", "score", "id"], unique=False)
    op.create_index("ix_molecules_stereo_blind_key", "molecules", ["stereo_blind_key"], unique=False)
    op.create_table(
        "properties",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_properties"),
        sa.UniqueConstraint("name", name="uq_properties_name"),
    )
    op.create_table(
        "unmatched_rows",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("cells", sa.Text(), nullable=False),
        sa.Column("content", sa.String(length=64), nullable=False),
        sa.Column("imported", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_unmatched_rows"),
        sa.UniqueConstraint("content", name="uq_unmatched_rows_content"),
    )
    op.create_table(
        "fingerprints",
        sa.Column("molecule_id", sa.Integer(), nullable=False),
        sa.Column("morgan", sa.LargeBinary(), nullable=False),
        sa.Column("pattern", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["molecule_id"], ["molecules.id"], name="fk_fingerprints_molecule_id"),
        sa.PrimaryKeyConstraint("molecule_id", name="pk_fingerprints"),
    )
    op.create_table(
        "measurements",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("molecule_id", sa.Integer(), nullable=False),
        sa.Column("property_id", sa.Integer(), nullable=False),
        sa.Column("value", sa.Float(precision=53), nullable=True),
        sa.Column("lower", sa.Float(precision=53), nullable=True),
        sa.Column("upper", sa.Float(precision=53), nullable=True),
        sa.Column("spread", sa.Float(precision=53), nullable=True),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("assay", sa.Text(), nullable=False),
        sa.Column("measured_on", sa.Text(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("cell", sa.Text(), nullable=False),
        sa.Column("imported", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["molecule_id"], ["molecules.id"], name="fk_measurements_molecule_id"),
        sa.ForeignKeyConstraint(["property_id"], ["properties.id"], name="fk_measurements_property_id"),
        sa.PrimaryKeyConstraint("id", name="pk_measurements"),
        sa.UniqueConstraint("key", name="uq_measurements_key"),
    )
    op.create_index("ix_measurements_molecule_id", "measurements", ["molecule_id", "property_id"], unique=False)
    op.create_table(
        "property_values",
        sa.Column("molecule_id", sa.Integer(), nullable=False),
        sa.Column("property_id", sa.Integer(), nullable=False),
        sa.Column("basis", sa.String(length=9), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("value", sa.Float(precision=53), nullable=False),
        sa.Column("std", sa.Float(precision=53), nullable=True),
        sa.Column("is_current", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["molecule_id"], ["molecules.id"], name="fk_property_values_molecule_id"),
        sa.ForeignKeyConstraint(["property_id"], ["properties.id"], name="fk_property_values_property_id"),
        sa.PrimaryKeyConstraint("molecule_id", "property_id", "basis", "model_id", name="pk_property_values"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_property_values_current",
        "property_values",
        ["property_id", "basis", "is_current", "value", "molecule_id"],
        unique=False,
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("run", sa.String(length=200), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("night", sa.Date(), nullable=False),
        sa.Column("finished", sa.DateTime(timezone=True), nullable=True),
        sa.Column("recorded", sa.DateTime(timezone=True), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=True),
        sa.Column("dataset_key", sa.String(length=64), nullable=True),
        sa.Column("dataset", sa.Text(), nullable=True),
        sa.Column("seed", sa.Text(), nullable=True),
        sa.Column("candidates", sa.Integer(), nullable=False),
        sa.Column("new", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name="fk_runs_model_id"),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
        sa.UniqueConstraint("key", name="uq_runs_key"),
    )
    op.create_index("ix_runs_night", "runs", ["night"], unique=False)
    op.create_index("ix_runs_run", "runs", ["run"], unique=False)
    op.create_table(
        "statuses",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("molecule_id", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("when", sa.DateTime(timezone=True), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["molecule_id"], ["molecules.id"], name="fk_statuses_molecule_id"),
        sa.PrimaryKeyConstraint("id", name="pk_statuses"),
    )
    op.create_index("ix_statuses_molecule_id", "statuses", ["molecule_id", "id"], unique=False)
    op.create_table(
        "proposals",
        sa.Column("molecule_id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("score", sa.Float(precision=53), nullable=True),
        sa.Column("hit_probability", sa.Float(precision=53), nullable=True),
        sa.Column("within_target", sa.Boolean(), nullable=True),
        sa.Column("origin", sa.Text(), nullable=True),
        sa.Column("parent", sa.Text(), nullable=True),
        sa.Column("details", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["molecule_id"], ["molecules.id"], name="fk_proposals_molecule_id"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_proposals_run_id"),
        sa.PrimaryKeyConstraint("molecule_id", "run_id", name="pk_proposals"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_proposals_run_id", "proposals", ["run_id", "rank"], unique=False)
