"""The candidate library: what all runs proposed, and what became of it. `open_library` opens it.

In a notebook the room itself is called: `mg.library()` opens the library, records the runs that it lacks, and gives
DataFrames (`to_frame`, `list_runs`, `read_labels`, `describe`).
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

from pipeline.library.candidate_library import CandidateLibrary as CandidateLibrary
from pipeline.library.candidate_library import open_library as open_library
from pipeline.library.notebook import library as library


class _Room(ModuleType):
    """Makes the room callable, since the public name `library` of `pipeline` is the room's own name, too."""

    def __call__(self, workspace: str | Path | None = None, url: str | None = None) -> CandidateLibrary:
        return library(workspace, url)


sys.modules[__name__].__class__ = _Room
