"""What the candidate library knows when a run begins, and the record of the run when it is finished.

A run notes which known molecules it came across (PROPOSED): that and its settings are enough to make the same molecules again.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from chem_vae.errors import ChemVAEWarning, DataError, UserError
from pipeline.library import open_library
from pipeline.library.database import LibraryError, UnreachableError
from pipeline.library.recording import RecordedRun
from pipeline.report.facts.asked_and_found import News
from pipeline.report.facts.part import Share
from pipeline.workspace.presentation.csv_tables import read_csv, read_csv_rows
from pipeline.workspace.runs import Run
from pipeline.workspace.work.parallel import count_cores

PROPOSED = "proposed.csv"
"""The file of a run folder that lists what the run passed over, as earlier runs had proposed it (smiles, inchikey, run)."""
COLUMNS = ["smiles", "inchikey", "run"]


class KnownMolecules:
    """The InChIKeys that the candidate library knew when a run began; notes which of them the run came across.

    Args:
        workspace: The workspace.
        address: The library's address where it is not the workspace's own.
        except_run: The id of a run that this one goes on from; what it alone proposed is not known.

    Raises:
        LibraryError: The library was made by a newer version. One that cannot be reached is a warning, and the runs of the
            workspace say what was proposed.
    """

    def __init__(self, workspace: Path, address: str | None = None, except_run: str | None = None) -> None:
        self.workspace, self.address = workspace, address
        self.met: set[str] = set()
        self.last_run: str | None = None
        try:
            with open_library(workspace, address) as library:
                warn_of_late_records(library.add_missing_runs())
                self.keys = library.read_known_keys(except_run)
                self.last_run = library.find_last_run()
        except UnreachableError as error:
            warnings.warn(
                f"{error}. The run goes on without it: only what the runs of {workspace} proposed is left out, and the run is recorded "
                "when the library is there again",
                ChemVAEWarning,
                stacklevel=2,
            )
            self.keys = _read_keys_of_runs(workspace, except_run)

    @classmethod
    def of_run(cls, run: Run) -> KnownMolecules:
        """Take what a finished run passed over, to make its molecules again without the library."""
        known = cls.__new__(cls)
        known.workspace, known.address, known.met, known.last_run = run.folder.parent.parent, None, set(), None
        known.keys = set(read_proposed(run)["inchikey"])
        return known

    def __contains__(self, key: object) -> bool:
        """Tell whether the library knows a molecule, and note it."""
        if key not in self.keys:
            return False
        self.met.add(str(key))
        return True

    def list_met(self) -> pd.DataFrame:
        """List what the run came across: smiles, inchikey and the first run that proposed it."""
        try:
            with open_library(self.workspace, self.address) as library:
                rows = library.list_proposals(self.met)
        except LibraryError:
            rows = []
        found = {row["inchikey"] for row in rows}
        rows += [{"smiles": "", "inchikey": key, "run": ""} for key in sorted(self.met - found)]
        return pd.DataFrame(rows, columns=COLUMNS, dtype=object)

    def describe(self, candidates: pd.DataFrame, excluded: bool) -> News:
        """Say for a report how many candidates are new since the last run."""
        new = sum(key not in self.keys for key in candidates["inchikey"])
        return News(
            new=Share(count=new, of=len(candidates)),
            last_run=self.last_run or "",
            known=len(self.keys),
            passed_over=len(self.met),
            excluded=excluded,
        )


def warn_of_late_records(recorded: Iterable[RecordedRun]) -> None:
    """Say which runs were only now recorded in the library."""
    names = [run.run for run in recorded]
    if names:
        told = ", ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")
        one = len(names) == 1
        warnings.warn(
            f"{len(names):,} finished {'run was' if one else 'runs were'} not in the candidate library yet and {'is' if one else 'are'} "
            f"recorded now: {told}",
            ChemVAEWarning,
            stacklevel=2,
        )


def record_run(run: Run, workspace: Path, address: str | None = None) -> None:
    """Record a finished run in the library; where that fails a warning says what records it later."""
    try:
        with open_library(workspace, address) as library:
            library.add_run(run.folder, count_cores())
    except (UserError, OSError) as error:
        warnings.warn(
            f"the run {run.id} is finished, but is not in the candidate library: {error}. The next run records it, or: "
            f"chem-vae library add {run.id}",
            ChemVAEWarning,
            stacklevel=2,
        )


def name_library(address: str | None) -> dict[str, str]:
    """Name the library in the settings of a run, where it is not that of the workspace."""
    return {} if address is None else {"library": address}


def join_proposed(earlier: pd.DataFrame | None, met: pd.DataFrame) -> pd.DataFrame:
    """Join what earlier rounds proposed and what a run came across of the library, each molecule once."""
    parts = [met] if earlier is None else [earlier, met]
    return pd.concat(parts, ignore_index=True).drop_duplicates("inchikey").reset_index(drop=True)


def list_proposed(run: Run) -> pd.DataFrame:
    """List what a run and those before it proposed: smiles, inchikey and run."""
    own = read_csv(run.folder / "candidates.csv", dtype=str)
    parts = [read_proposed(run), own.reindex(columns=COLUMNS).assign(run=run.id)]
    return pd.concat(parts, ignore_index=True).drop_duplicates("inchikey").reset_index(drop=True)


def read_proposed(run: Run) -> pd.DataFrame:
    """Read what a run passed over: smiles, inchikey and run."""
    path = run.folder / PROPOSED
    return read_csv(path, dtype=str)[COLUMNS] if path.is_file() else pd.DataFrame(columns=COLUMNS, dtype=object)


def _read_keys_of_runs(workspace: Path, except_run: str | None) -> set[str]:
    """Read the InChIKeys of the candidates of all finished runs of a workspace."""
    found: set[str] = set()
    for folder in (workspace / "runs").glob("*/"):
        if folder.name != except_run and (folder / "manifest.json").is_file():
            try:
                found.update(row["inchikey"] for row in read_csv_rows(folder / "candidates.csv"))
            except (OSError, ValueError, KeyError, DataError):
                continue
    return found - {""}
