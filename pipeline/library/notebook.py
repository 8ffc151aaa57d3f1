"""The candidate library as a notebook opens it: `mg.library("workspace")`."""

from __future__ import annotations

from pathlib import Path

from pipeline.library.candidate_library import CandidateLibrary, open_library
from pipeline.workspace.lookup import find_workspace


def library(workspace: str | Path | None = None, url: str | None = None) -> CandidateLibrary:
    """Open the candidate library of a workspace, and record its finished runs that are missing in it.

    Args:
        workspace: The workspace; that of CHEM_VAE_WORKSPACE, or ./workspace, when not given.
        url: The address of another database, as `open_library` takes it.

    Raises:
        UserError: The address is none.
        LibraryError: The database cannot be reached, or was made by a newer version.
    """
    opened = open_library(find_workspace(workspace), url)
    opened.add_missing_runs()
    return opened
