"""The tables of the candidate library as SQLAlchemy models; `pipeline/library/migrations` makes and changes them.

A molecule is one row whatever proposed it. What was computed, predicted (with the model that did so) and measured are rows of
their own kind in `property_values`. The history (proposals, statuses, measurements) is only added to; what a list of molecules is
sorted and filtered by stands beside it in `molecules`, as of the last event.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

from sqlalchemy import (
    Date,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

COMPUTED, PREDICTED, MEASURED = "computed", "predicted", "measured"
BASES = (COMPUTED, PREDICTED, MEASURED)
"""What a value of a property is based on; values of different bases are never mixed."""
PROPOSED, SHORTLISTED, ORDERED, MADE, MEASURED_STATUS, REJECTED = STATUSES = (
    "proposed",
    "shortlisted",
    "ordered",
    "made",
    "measured",
    "rejected",
)
"""What can become of a molecule."""


class UtcDateTime(TypeDecorator[datetime]):
    """A time in UTC, with its time zone also where the database keeps none."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """The base of all tables; constraints have names, so that a migration can change them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime, date: Date, float: Float(53), str: Text}  # noqa: RUF012


class LibraryFact(Base):
    """A fact about the library itself: its id, and when it was made."""

    __tablename__ = "library_facts"
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[str]


class RunRecord(Base):
    """A finished run, by the hash of its manifest."""

    __tablename__ = "runs"
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    run: Mapped[str] = mapped_column(String(200), index=True)
    """The name of the run folder."""
    name: Mapped[str]
    kind: Mapped[str] = mapped_column(String(20))
    night: Mapped[date] = mapped_column(index=True)
    finished: Mapped[datetime | None]
    recorded: Mapped[datetime]
    model_id: Mapped[int | None] = mapped_column(ForeignKey("models.id"))
    dataset_key: Mapped[str | None] = mapped_column(String(64))
    dataset: Mapped[str | None]
    seed: Mapped[str | None]
    candidates: Mapped[int]
    new: Mapped[int]
    """The candidates that the library did not know before."""


class ModelRecord(Base):
    """A model that predicted values, by its key."""

    __tablename__ = "models"
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str]


class MoleculeRecord(Base):
    """A molecule, with what it is sorted and filtered by."""

    __tablename__ = "molecules"
    id: Mapped[int] = mapped_column(primary_key=True)
    inchikey: Mapped[str] = mapped_column(String(27), unique=True)
    stereo_blind_key: Mapped[str] = mapped_column(String(14), index=True)
    smiles: Mapped[str]
    scaffold: Mapped[str]
    added: Mapped[datetime]
    status: Mapped[str] = mapped_column(String(12))
    score: Mapped[float | None]
    """The score in the last run that proposed it."""
    hit_probability: Mapped[float | None]
    proposed: Mapped[date | None]
    """The night of the last run that proposed it; None for a molecule that only has measurements."""
    __table_args__ = (
        Index("ix_molecules_score", "score", "id"),
        Index("ix_molecules_hit_probability", "hit_probability", "id"),
        Index("ix_molecules_proposed", "proposed", "id"),
        Index("ix_molecules_status", "status", "score", "id"),
    )


class FingerprintRecord(Base):
    """The fingerprints of a molecule, as bytes of packed bits."""

    __tablename__ = "fingerprints"
    molecule_id: Mapped[int] = mapped_column(ForeignKey("molecules.id"), primary_key=True)
    morgan: Mapped[bytes] = mapped_column(LargeBinary)
    """ECFP4_2048, for similarity."""
    pattern: Mapped[bytes] = mapped_column(LargeBinary)
    """RDKit's pattern fingerprint of 2048 bits, which rules out most molecules without a substructure."""


class ProposalRecord(Base):
    """What one run said of one molecule."""

    __tablename__ = "proposals"
    molecule_id: Mapped[int] = mapped_column(ForeignKey("molecules.id"), primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"), primary_key=True)
    rank: Mapped[int]
    score: Mapped[float | None]
    hit_probability: Mapped[float | None]
    within_target: Mapped[bool | None]
    origin: Mapped[str | None]
    parent: Mapped[str | None]
    """The SMILES of the molecule that it was made from."""
    details: Mapped[str]
    """The other cells of the run's table of candidates, as a JSON object."""
    __table_args__ = (Index("ix_proposals_run_id", "run_id", "rank"), {"sqlite_with_rowid": False})


class PropertyRecord(Base):
    """A property that values are of."""

    __tablename__ = "properties"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    label: Mapped[str]
    unit: Mapped[str]
    classes: Mapped[str | None]
    """The words that are read as 1 and 0, as a JSON list; None where it is no class, or its words are not known."""


class ValueRecord(Base):
    """A value of a property: computed (model 0), predicted by a model, or the median of the exact measurements (model 0)."""

    __tablename__ = "property_values"
    molecule_id: Mapped[int] = mapped_column(ForeignKey("molecules.id"), primary_key=True)
    property_id: Mapped[int] = mapped_column(ForeignKey("properties.id"), primary_key=True)
    basis: Mapped[str] = mapped_column(String(9), primary_key=True)
    model_id: Mapped[int] = mapped_column(primary_key=True)
    value: Mapped[float]
    std: Mapped[float | None]
    """The standard deviation: of a prediction, or of repeated measurements."""
    is_current: Mapped[bool]
    """Whether it is the newest of its basis; of several models only the last one's is."""
    __table_args__ = (
        Index("ix_property_values_current", "property_id", "basis", "is_current", "value", "molecule_id"),
        {"sqlite_with_rowid": False},
    )


class StatusRecord(Base):
    """An event in the history of a molecule's status."""

    __tablename__ = "statuses"
    id: Mapped[int] = mapped_column(primary_key=True)
    molecule_id: Mapped[int] = mapped_column(ForeignKey("molecules.id"))
    status: Mapped[str] = mapped_column(String(12))
    who: Mapped[str]
    when: Mapped[datetime]
    why: Mapped[str]
    __table_args__ = (Index("ix_statuses_molecule_id", "molecule_id", "id"),)


class MeasurementRecord(Base):
    """A measurement that came back from a laboratory, as its file says it."""

    __tablename__ = "measurements"
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    """A hash of what it is equal to others by (`repeats`), so that a file that is imported again changes nothing."""
    molecule_id: Mapped[int] = mapped_column(ForeignKey("molecules.id"))
    property_id: Mapped[int] = mapped_column(ForeignKey("properties.id"))
    value: Mapped[float | None]
    lower: Mapped[float | None]
    upper: Mapped[float | None]
    """The bounds: ">10" has a lower one alone."""
    spread: Mapped[float | None]
    unit: Mapped[str]
    assay: Mapped[str]
    measured_on: Mapped[str]
    """The date as the file says it."""
    file: Mapped[str]
    source: Mapped[str | None] = mapped_column(String(64))
    """A hash of the file's rows; None where an older version imported it."""
    row: Mapped[int]
    cell: Mapped[str]
    """The cell as the file has it."""
    imported: Mapped[datetime]
    who: Mapped[str]
    __table_args__ = (Index("ix_measurements_molecule_id", "molecule_id", "property_id"),)


class UnmatchedRow(Base):
    """A row of a file of measurements that belongs to no molecule of the library, kept as it is."""

    __tablename__ = "unmatched_rows"
    id: Mapped[int] = mapped_column(primary_key=True)
    file: Mapped[str]
    row: Mapped[int]
    reason: Mapped[str]
    cells: Mapped[str]
    """The row as a JSON object."""
    content: Mapped[str] = mapped_column(String(64))
    """A hash of the row, so that it is kept once."""
    imported: Mapped[datetime]
    __table_args__ = (UniqueConstraint("content"),)


class AliasRecord(Base):
    """The id that a molecule has in another library that was merged into this one."""

    __tablename__ = "aliases"
    library: Mapped[str] = mapped_column(String(40), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    molecule_id: Mapped[int] = mapped_column(ForeignKey("molecules.id"), index=True)
