"""CandidateLibrary: the candidates of all runs of a workspace, or of a group, in a database."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Engine, func, select

from chem_vae.errors import ChemVAEWarning, UserError
from pipeline.library.database import connect, describe, find_library, read, split, write
from pipeline.library.identity import find_molecule
from pipeline.library.queries import LibraryQuery, count, find_page
from pipeline.library.recording import RecordedRun, describe_candidates, record
from pipeline.library.run_tables import hash_manifest, read_run
from pipeline.library.schema import MoleculeRecord, ProposalRecord, RunRecord
from pipeline.library.versions import prepare
from pipeline.library.views import describe_molecule, read_rows

INDEX = "library-index"
"""The folder of a workspace with the files that structures are found by; it can be removed at any time."""


def open_library(workspace: Path, url: str | None = None) -> CandidateLibrary:
    """Open the candidate library of a workspace; a new one is made, an older one migrated after a backup.

    Args:
        workspace: The workspace, whose library.sqlite it is by default.
        url: A SQLite file or the address of a PostgreSQL database instead; when not given, that of the environment variable
            CHEM_VAE_LIBRARY.

    Raises:
        UserError: The address is none.
        LibraryError: The database cannot be reached, or was made by a newer version.
    """
    engine = connect(find_library(workspace, url))
    try:
        prepare(engine)
    except BaseException:
        engine.dispose()
        raise
    return CandidateLibrary(engine, workspace)


@dataclass(frozen=True)
class LibraryPage:
    """A page of molecules."""

    rows: list[dict[str, Any]]
    """As `pipeline.library.views.read_rows` gives them."""
    more: bool
    """Whether further molecules follow."""


class CandidateLibrary:
    """The candidates of all runs, with what was computed, predicted, decided and measured of each.

    It is safe to be used by several processes at once: a reader sees a whole state, and writers wait for each other.
    """

    def __init__(self, engine: Engine, workspace: Path) -> None:
        """Take the engine of a prepared database; see `open_library`."""
        self.engine, self.workspace = engine, workspace

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections to the database."""
        self.engine.dispose()

    @property
    def address(self) -> str:
        """The file or the address of the database, without a password."""
        return describe(self.engine.url)

    @property
    def index_folder(self) -> Path:
        """Where the files that structures are found by are kept."""
        return self.workspace / INDEX

    def count(self) -> int:
        """Count the molecules."""
        with read(self.engine) as connection:
            return int(connection.execute(select(func.count()).select_from(MoleculeRecord)).scalar_one())

    def add_run(self, folder: Path) -> RecordedRun | None:
        """Record a finished run by its folder alone; None where it is recorded already.

        Raises:
            DataError: The folder is no finished run, or damaged.
        """
        table = read_run(folder)
        structures = describe_candidates(table)  # before the transaction: other writers need not wait for it
        with write(self.engine) as connection:
            return record(connection, table, structures)

    def add_missing_runs(self) -> list[RecordedRun]:
        """Record the finished runs of the workspace that are not in the library, the oldest first.

        They were finished while the library could not be reached, by an older version, or right before a kill. A run that cannot
        be read is left out, which a warning says.
        """
        with read(self.engine) as connection:
            known = set(connection.execute(select(RunRecord.key)).scalars())
        found = []
        for folder in sorted((self.workspace / "runs").glob("*/")):
            key = hash_manifest(folder)
            if key is None or key in known or folder.name.endswith((".partial", ".damaged")):
                continue
            try:
                found.append(self.add_run(folder))
            except UserError as error:
                text = f"the run {folder.name} is not in the library: {error}"
                warnings.warn(text, ChemVAEWarning, stacklevel=2)
        return [run for run in found if run is not None]

    def read_known_keys(self, except_run: str | None = None) -> set[str]:
        """Read the InChIKeys of all molecules.

        Args:
            except_run: The id of a run; what it alone proposed is left out.
        """
        query = select(MoleculeRecord.inchikey)
        if except_run is not None:
            own = select(RunRecord.id).where(RunRecord.run == except_run)
            others = select(ProposalRecord.molecule_id).where(ProposalRecord.run_id.not_in(own))
            query = query.where(MoleculeRecord.id.in_(others) | MoleculeRecord.proposed.is_(None))
        with read(self.engine) as connection:
            return set(connection.execute(query, execution_options={"yield_per": 10_000}).scalars())

    def find_last_run(self) -> str | None:
        """Find the id of the last run; None where there is none."""
        order = (RunRecord.finished.desc(), RunRecord.id.desc())
        with read(self.engine) as connection:
            return connection.execute(select(RunRecord.run).order_by(*order).limit(1)).scalar_one_or_none()

    def list_proposals(self, keys: Iterable[str]) -> list[dict[str, str]]:
        """List the molecules of some InChIKeys with the first run that proposed each: smiles, inchikey, run."""
        found = {}
        with read(self.engine) as connection:
            for part in split(sorted(keys)):
                query = (
                    select(MoleculeRecord.smiles, MoleculeRecord.inchikey, RunRecord.run)
                    .outerjoin(ProposalRecord, ProposalRecord.molecule_id == MoleculeRecord.id)
                    .outerjoin(RunRecord, RunRecord.id == ProposalRecord.run_id)
                    .where(MoleculeRecord.inchikey.in_(part))
                    .order_by(RunRecord.night, RunRecord.id)
                )
                for smiles, key, run in connection.execute(query):
                    found.setdefault(key, {"smiles": smiles, "inchikey": key, "run": run or ""})
        return list(found.values())

    def query(self, query: LibraryQuery) -> LibraryPage:
        """List a page of molecules.

        Raises:
            UserError: A condition cannot be read, or names what is not there.
        """
        with read(self.engine) as connection:
            ids, similarities, more = find_page(connection, query, self.index_folder)
            return LibraryPage(read_rows(connection, ids, similarities), more)

    def count_matches(self, query: LibraryQuery) -> int:
        """Count all molecules that meet the conditions of a query, which takes long where it has a substructure that is frequent."""
        with read(self.engine) as connection:
            return count(connection, query, self.index_folder)

    def describe(self, molecule: str) -> dict[str, Any]:
        """Describe a molecule, by its id, InChIKey or SMILES, with its whole history.

        Raises:
            UserError: It is not in the library.
        """
        with read(self.engine) as connection:
            return describe_molecule(connection, find_molecule(connection, molecule))
