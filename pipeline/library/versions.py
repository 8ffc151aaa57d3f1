"""Brings the schema of a library to this version with Alembic: a new one is made, an older one is migrated after a backup."""

from __future__ import annotations

import os
import sqlite3
import uuid
import warnings
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

from chem_vae.atomic_files import write_whole
from chem_vae.errors import ChemVAEWarning
from pipeline.library.database import LibraryError, describe, insert_new, is_sqlite, read, write
from pipeline.library.schema import LibraryFact

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory

NEWEST = "0004"
"""The schema of this version: the last of `migrations/versions`, so that Alembic is loaded only where something is to be migrated."""


def prepare(engine: Engine) -> None:
    """Make the tables of a new library, or migrate those of an older version after a backup.

    Raises:
        LibraryError: The library was made by a newer version, the database holds other tables, or it cannot be written.
    """
    if not is_sqlite(engine) or Path(str(engine.url.database)).exists():
        with read(engine) as connection:
            found = _find_version(connection)
        if found == NEWEST:
            return
    if is_sqlite(engine):
        path = Path(str(engine.url.database))
        path.parent.mkdir(parents=True, exist_ok=True)
        with read(engine) as connection:
            connection.rollback()
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")  # readers and a writer at once; kept in the file
    with write(engine) as connection:  # another process may have been faster
        found = _find_version(connection)
        if found == NEWEST:
            return
        if found is not None:
            backup = _back_up(connection, engine, found)
            warnings.warn(
                f"the library {describe(engine.url)} was made by an older version and is brought to this one; as it was it is kept in {backup}",
                ChemVAEWarning,
                stacklevel=3,
            )
        migrate(connection)
        if found is None:
            now = datetime.now(UTC).isoformat(timespec="seconds")
            facts = {"id": uuid.uuid4().hex, "made": now}
            insert_new(connection, LibraryFact, [{"name": name, "value": value} for name, value in facts.items()])


def read_scripts() -> ScriptDirectory:
    """Read the migrations that this version knows."""
    from alembic.script import ScriptDirectory  # here: takes long to load

    return ScriptDirectory(str(Path(__file__).parent / "migrations"))


def migrate(connection: Connection, to: str = "head") -> None:
    """Run the migrations up to a revision, within the transaction of the connection."""
    from alembic.migration import MigrationContext  # here: takes long to load
    from alembic.operations import Operations

    scripts = read_scripts()
    options = {"fn": lambda revision, _: scripts._upgrade_revs(to, revision)}
    context = MigrationContext.configure(connection, opts=options)
    with Operations.context(context):
        context.run_migrations()


def _find_version(connection: Connection) -> str | None:
    """Find the revision of a library; None for an empty database.

    Raises:
        LibraryError: The revision is unknown, or the tables are others.
    """
    where = describe(connection.engine.url)
    tables = {*inspect(connection).get_table_names()}
    rows = (
        connection.scalars(text("SELECT version_num FROM alembic_version")).all() if "alembic_version" in tables else ()
    )
    found = max(rows, default=None)
    if found is None:
        others = sorted(tables - {"alembic_version"})
        if others:
            raise LibraryError(
                f"{where} holds other tables ({', '.join(others[:5])}) and is no library: name another database with --library"
            )
        return None
    if found != NEWEST and found not in {script.revision for script in read_scripts().walk_revisions()}:
        raise LibraryError(
            f"the library {where} was made by a newer version of chem-vae (its schema is {found}, this version knows up to "
            f"{NEWEST}): install the newer version; nothing was changed"
        )
    return str(found)


def _back_up(connection: Connection, engine: Engine, version: str) -> str:
    """Copy a library before it is migrated; return where the copy is."""
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    if is_sqlite(engine):
        path = Path(str(engine.url.database))
        copy = path.with_name(f"{path.stem}-schema-{version}-{stamp}{path.suffix}")
        try:
            with (
                write_whole(copy) as partial,
                closing(sqlite3.connect(path)) as source,  # a reader of its own, beside the one that writes
                closing(sqlite3.connect(partial)) as target,
            ):
                source.backup(target)
            os.chmod(copy, path.stat().st_mode)
        except (sqlite3.Error, OSError) as error:
            raise LibraryError(
                f"the library {path} was made by an older version and cannot be copied to {copy} before it is changed ({error}); nothing was changed"
            ) from None
        return str(copy)
    schema = f"chem_vae_backup_{version}_{stamp.replace('-', '_')}"
    connection.execute(text(f'CREATE SCHEMA "{schema}"'))
    for table in inspect(connection).get_table_names():
        connection.execute(text(f'CREATE TABLE "{schema}"."{table}" AS TABLE "{table}"'))
    return f"the schema {schema} of the database"
