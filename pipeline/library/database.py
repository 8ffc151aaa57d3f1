"""Opens the database of the candidate library: SQLite in the workspace, or PostgreSQL by its address."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects import sqlite as sqlite_dialect
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from chem_vae.errors import DataError, UserError
from pipeline.library.schema import Base
from pipeline.workspace.remote.redaction import HIDDEN, expand_variables, redact

FILE = "library.sqlite"
"""The library of a workspace."""
VARIABLE = "CHEM_VAE_LIBRARY"
"""The environment variable that names another one."""
BUSY_SECONDS = 120
"""How long a writer waits for another one."""
LEAST_ROOM = 65_536
"""The bytes on the disk without which SQLite cannot even read a library."""
AT_ONCE = 500
"""Rows of one statement."""
_LOCK = 7_302_026_114
"""The advisory lock that a writer to PostgreSQL holds."""


class LibraryError(DataError):
    """The candidate library cannot be reached, read or written."""


def find_library(workspace: Path, address: str | None = None) -> URL:
    """Find out which database the library is.

    Args:
        workspace: The workspace, whose library.sqlite it is by default.
        address: A path, or the address of a database, which may name environment variables (`${PASSWORD}`); when not given, that of
            the environment variable CHEM_VAE_LIBRARY.

    Raises:
        UserError: The address is none of a SQLite file or a PostgreSQL database.
    """
    named = os.environ.get(VARIABLE) or None
    if address is not None and HIDDEN in address and named is not None:
        address = named  # the settings of a finished run are kept without the password
    address = address or named
    if address is None:
        return URL.create("sqlite", database=str(workspace / FILE))
    if HIDDEN in address:
        raise UserError(
            f"the address of the library, {redact(address)}, was kept without its password: give it again with --library or in {VARIABLE}, "
            "or write it with the name of an environment variable: postgresql://me:${PASSWORD}@host/database"
        )
    if "://" not in address:
        return URL.create("sqlite", database=str(Path(address).expanduser()))
    try:
        url = make_url(expand_variables(address))
    except ArgumentError:
        raise UserError(_explain_address(address)) from None
    kind = url.get_backend_name()
    if kind in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    if kind == "sqlite" and url.database:
        return url.set(drivername="sqlite")
    raise UserError(_explain_address(address))


def _explain_address(address: str) -> str:
    return (
        f"{redact(address)} is no address of a library: give a SQLite file of a disk (results/library.sqlite), or a database that a group "
        "shares, postgresql://user:${PASSWORD}@host/database"
    )


def connect(url: URL) -> Engine:
    """Make the engine of a library; nothing is read yet.

    Raises:
        LibraryError: The driver of the database is not installed.
    """
    if url.get_backend_name() == "sqlite":
        if _is_on_closed_disk(Path(str(url.database))):
            engine = create_engine(url, creator=lambda: _open_unchanged(Path(str(url.database))))
        else:
            engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})
        event.listen(engine, "connect", _prepare_sqlite)
        return engine
    try:
        return create_engine(url, connect_args={"connect_timeout": 10}, pool_pre_ping=True)
    except (NoSuchModuleError, ImportError) as error:
        raise UnreachableError(
            f"the library {describe(url)} needs a package that is not installed: pip install 'psycopg[binary]' ({error})"
        ) from None


def _is_on_closed_disk(path: Path) -> bool:
    """Tell whether a library lies in a folder that cannot be written to, and is whole without a log of its last changes."""
    log = path.with_name(f"{path.name}-wal")
    return path.is_file() and not os.access(path.parent, os.W_OK) and not (log.exists() and log.stat().st_size)


def _open_unchanged(path: Path) -> sqlite3.Connection:
    """Open a library to read it without the files that SQLite makes beside it."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True, check_same_thread=False)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions are begun by `read` and `write`
    for setting in ("foreign_keys = ON", "synchronous = FULL", "cache_size = -65536"):
        connection.execute(f"PRAGMA {setting}")


def is_sqlite(engine: Engine | Connection) -> bool:
    """Tell whether a library is a SQLite file."""
    return engine.dialect.name == "sqlite"


class UnreachableError(LibraryError):
    """The database of the library does not answer, is in use, full or damaged."""


_BEGIN_TO_READ = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SET LOCAL jit = off"
"""How PostgreSQL begins; to compile a query of a page takes it longer than to answer it."""


@contextmanager
def read(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that reads: it sees the library as it was when it began.

    Raises:
        LibraryError: The database cannot be reached or read.
    """
    with explain_errors(engine.url), engine.connect() as connection:
        connection.exec_driver_sql("BEGIN" if is_sqlite(engine) else _BEGIN_TO_READ)
        yield connection
        connection.rollback()


@contextmanager
def write(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that writes: all of it is written, or nothing; other writers wait.

    Raises:
        LibraryError: The database cannot be reached or written.
    """
    with explain_errors(engine.url), engine.connect() as connection:
        if is_sqlite(engine):
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        yield connection
        connection.commit()


@contextmanager
def explain_errors(url: URL) -> Iterator[None]:
    """Turn what a database raises into a sentence without the password."""
    try:
        yield
    except DBAPIError as error:
        raise UnreachableError(explain_error(url, error)) from None


def explain_error(url: URL, error: DBAPIError) -> str:
    """Say in a sentence what a database complained about."""
    told = redact(" ".join(str(error.orig).split()))
    if url.password:
        told = told.replace(str(url.password), HIDDEN)
    where = f"the library {describe(url)}"
    if url.get_backend_name() != "sqlite":
        if re.search(r"connect|authentication|resolve|role|does not exist", told) and "relation" not in told:
            return (
                f"{where} cannot be reached: {told[:300]}; check that the database runs and that its address is right "
                f"(--library, or {VARIABLE})"
            )
        return f"{where} failed: {told[:300]}"
    if "readonly" in told or "unable to open" in told:
        path = Path(str(url.database))
        lacks = "" if path.parent.is_dir() else f": there is no folder {path.parent}"
        return f"{where} cannot be opened for writing{lacks or f' ({told})'}; check the permissions of its folder, or name another with --library"
    if "locked" in told:
        return f"{where} is in use by another process for more than {BUSY_SECONDS} seconds; try again when that one is done"
    if "full" in told or ("I/O" in told and _is_full(Path(str(url.database)))):
        return f"{where} cannot be written: the disk is full; nothing of it was changed"
    if "malformed" in told or "not a database" in told:
        return f"{where} is damaged ({told}); put back a copy of the file, or move it away: chem-vae library add all makes a new one of the runs"
    return f"{where} failed: {told[:300]}"


def _is_full(path: Path) -> bool:
    """Tell whether the disk of a library has no room for the files that SQLite makes beside it."""
    try:
        return shutil.disk_usage(path.parent).free < LEAST_ROOM
    except OSError:
        return False


def describe(url: URL) -> str:
    """Return the address of a library without its password."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return f"postgresql://{url.host or 'localhost'}{f':{url.port}' if url.port else ''}/{url.database or ''}"


def insert_new(connection: Connection, table: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows into a table, but for those whose key is there already."""
    if rows:
        insert = (sqlite_dialect if is_sqlite(connection) else postgresql).insert(table)
        connection.execute(insert.on_conflict_do_nothing(), list(rows))


def split(items: Sequence[Any], size: int = AT_ONCE) -> Iterator[Sequence[Any]]:
    """Yield parts of a sequence that fit into one statement."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
