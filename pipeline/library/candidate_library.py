"""CandidateLibrary: the candidates of all runs of a workspace, or of a group, in a database."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pandas as pd
from sqlalchemy import Engine, func, select

from chem_vae.errors import ChemVAEWarning, UserError
from pipeline.chemistry.output.molecule_table import SHOWN, MoleculeTable
from pipeline.library.database import connect, describe, find_library, read, split, write
from pipeline.library.exports import check_export, describe_columns, make_table, read_label_table, write_export
from pipeline.library.laboratory.measurement_files import FileOptions, fetch_measurements, read_file
from pipeline.library.laboratory.measurements import (
    ImportedMeasurements,
    find_user,
    read_known_properties,
    write_measurements,
)
from pipeline.library.library_card import make_library_card
from pipeline.library.merge import MergedLibrary, merge
from pipeline.library.recording import RecordedRun, describe_candidates, record
from pipeline.library.run_tables import hash_manifest, read_run
from pipeline.library.schema import MoleculeRecord, ProposalRecord, RunRecord, UnmatchedRow
from pipeline.library.search.extents import FieldExtent, read_extents
from pipeline.library.search.fields import Range
from pipeline.library.search.identity import find_molecule, format_id
from pipeline.library.search.queries import LEAST_SIMILARITY, LibraryQuery, count, find_page
from pipeline.library.search.views import describe_molecule, read_rows
from pipeline.library.statuses import set_status, spell_status
from pipeline.library.versions import prepare
from pipeline.workspace.check_arguments import list_names
from pipeline.workspace.presentation.notebook_card import Card, Described

ALL = 10**12
"""A limit for all molecules."""
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
    """The molecules, in the form that `pipeline.library.search.views.read_rows` returns."""
    more: bool
    """Whether further molecules follow."""


class CandidateLibrary(Described):
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

    def describe_card(self) -> Card:
        """Describe the library in short, with its best molecules drawn."""
        with read(self.engine) as connection:
            ids, _, _ = find_page(connection, LibraryQuery(limit=SHOWN), self.index_folder)
            return make_library_card(connection, self.address, make_table(read_rows(connection, ids)))

    def __len__(self) -> int:
        """Count the molecules."""
        return self.count()

    def __bool__(self) -> bool:
        """Say yes: a library without molecules is one, too."""
        return True

    def count(self) -> int:
        """Count the molecules."""
        with read(self.engine) as connection:
            return int(connection.execute(select(func.count()).select_from(MoleculeRecord)).scalar_one())

    def add_run(self, folder: Path, workers: int = 1) -> RecordedRun | None:
        """Record a finished run by its folder alone; None where it is recorded already.

        Args:
            folder: The run's folder.
            workers: The processes for a run of many candidates; with 1 everything is done in this one.

        Raises:
            DataError: The folder is no finished run, or damaged.
        """
        table = read_run(folder)
        structures = describe_candidates(table, workers)  # before the transaction: other writers need not wait for it
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
        for folder in sorted((self.workspace / "runs").glob("[!.]*/")):
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
        found: dict[str, dict[str, str]] = {}
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

    def list_extents(self) -> list[FieldExtent]:
        """List from where to where the values of each field go."""
        with read(self.engine) as connection:
            return read_extents(connection)

    def count_matches(self, query: LibraryQuery) -> int:
        """Count all molecules that meet the conditions of a query, which takes long where it has a substructure that is frequent."""
        with read(self.engine) as connection:
            return count(connection, query, self.index_folder)

    def to_frame(
        self,
        *,
        smarts: str | None = None,
        similar_to: str | None = None,
        min_similarity: float = LEAST_SIMILARITY,
        ranges: str | Sequence[str] = (),
        status: str | Sequence[str] = (),
        run: str | None = None,
        since: date | None = None,
        sort: str | None = None,
        ascending: bool = False,
        limit: int | None = None,
    ) -> MoleculeTable:
        """Read molecules as a table, one a row; without conditions all of them, the best score first.

        >>> library.to_frame(ranges=["pIC50_predicted>7", "mw=300:450"], status=["proposed"], limit=50)  # doctest: +SKIP

        Args:
            smarts: A substructure.
            similar_to: A molecule as SMILES.
            min_similarity: The least Tanimoto similarity (ECFP4) to it, in 0..1.
            ranges: Conditions on values, or one, as `Range.parse` reads them.
            status: What became of the molecules, one of these.
            run: The id or name of a run, or "latest".
            since: The first night on which they were proposed last.
            sort: What to sort by, the highest first.
            ascending: Whether the lowest comes first.
            limit: How many molecules at most.

        Raises:
            UserError: A condition cannot be read, or names what is not there.
        """
        conditions = tuple(map(Range.parse, list_names("ranges", ranges)))
        query = LibraryQuery(
            smarts,
            similar_to,
            min_similarity,
            conditions,
            list_names("status", status),
            run,
            since,
            sort,
            ascending,
            limit or ALL,
        )
        return self.read_all(query)

    def read_all(self, query: LibraryQuery) -> MoleculeTable:
        """Read the molecules of a query as a table."""
        with read(self.engine) as connection:
            ids, similarities, _ = find_page(connection, query, self.index_folder)
            return MoleculeTable(make_table(read_rows(connection, ids, similarities)))

    def export(self, query: LibraryQuery, path: Path) -> tuple[int, Path | None]:
        """Write all molecules that meet the conditions of a query to a .csv, .sdf or .xlsx file, with a dictionary of its columns.

        Returns:
            How many molecules were written, and the file of the dictionary (None for a workbook, which has it as a sheet).
        """
        check_export(path)
        table = self.read_all(replace(query, limit=ALL, offset=0))
        with read(self.engine) as connection:
            dictionary = describe_columns(connection, list(table.columns))
        return len(table), write_export(table, dictionary, path)

    def read_labels(self) -> pd.DataFrame:
        """Read all measurements as the labels of a training: smiles, inchikey, id, assay, and a column for each property."""
        with read(self.engine) as connection:
            return read_label_table(connection)

    def set_status(
        self, molecules: str | Sequence[str], status: str, *, why: str = "", who: str | None = None
    ) -> list[str]:
        """Set the status of molecules, or of one, by their ids, InChIKeys or SMILES, and add it to their history.

        Returns:
            The ids of the molecules.

        Raises:
            UserError: The status is unknown, or a molecule is not in the library; nothing is changed then.
        """
        status = spell_status(status)
        with write(self.engine) as connection:
            ids = list(
                dict.fromkeys(find_molecule(connection, molecule) for molecule in list_names("molecules", molecules))
            )
            set_status(connection, ids, status, who or find_user(), why)
        return [format_id(number) for number in ids]

    def import_measurements(
        self,
        path: str | Path,
        options: FileOptions | None = None,
        *,
        add_unknown: bool = False,
        replicates: bool = False,
        who: str | None = None,
    ) -> ImportedMeasurements:
        """Import measurements from a file; those that are there already change nothing, and rows that match nothing are kept aside.

        Args:
            path: A table (csv, tsv, xlsx, parquet) or an SD file, or the address of one, as sources have (https, s3://bucket/file.csv).
            options: What is to be said of the file.
            add_unknown: Whether molecules that the library does not know are added, where the row has their SMILES.
            replicates: Whether a measurement that equals one of another file was measured again and counts, too; otherwise it is taken
                for the same, as in an export that grows.
            who: Who imports; the user of the system when None.
        """
        file, name = fetch_measurements(path)
        with read(self.engine) as connection:
            known = read_known_properties(connection)
        content = read_file(file, options or FileOptions(), known)
        with write(self.engine) as connection:
            return write_measurements(
                connection, name, content, adds=add_unknown, counts_replicates=replicates, who=who
            )

    def merge(self, other: CandidateLibrary) -> MergedLibrary:
        """Merge another library into this one; a second time changes nothing."""
        with read(other.engine) as theirs, write(self.engine) as connection:
            return merge(connection, theirs)

    def list_runs(self) -> pd.DataFrame:
        """List the runs of the library as a table, the latest first."""
        columns = ("run", "name", "kind", "night", "finished", "dataset", "seed", "candidates", "new")
        order = (RunRecord.night.desc(), RunRecord.finished.desc(), RunRecord.id.desc())
        with read(self.engine) as connection:
            rows = connection.execute(select(*(getattr(RunRecord, c) for c in columns)).order_by(*order)).all()
        return pd.DataFrame(rows, columns=list(columns))

    def list_unmatched(self) -> pd.DataFrame:
        """List the rows of files of measurements that belong to no molecule of the library: file, row, reason, cells."""
        columns = ("file", "row", "reason", "cells")
        with read(self.engine) as connection:
            rows = connection.execute(
                select(*(getattr(UnmatchedRow, c) for c in columns)).order_by(UnmatchedRow.id)
            ).all()
        return pd.DataFrame(rows, columns=list(columns))

    def describe(self, molecule: str) -> dict[str, Any]:
        """Describe a molecule, by its id, InChIKey or SMILES, with its whole history.

        Raises:
            UserError: It is not in the library.
        """
        with read(self.engine) as connection:
            return describe_molecule(connection, find_molecule(connection, molecule))
