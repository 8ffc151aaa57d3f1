"""Reads run folders: what a run was told, used, measured and made. `pipeline.workflows.records.run_folder` writes them."""

from __future__ import annotations

import json
import platform
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from chem_vae.errors import ChemVAEWarning, DataError, UserError
from pipeline.workspace.lookup import find_run
from pipeline.workspace.storage.folders import read_manifest
from pipeline.workspace.work.parallel import count_cores

KIND = "chem-vae run"
PACKAGES = (
    "chem-vae",
    *["torch", "lightning", "rdkit", "selfies", "tokenizers", "numpy", "pandas", "scikit-learn", "botorch", "prefect"],
)

OVERALL = ("library", "publish", "fail_under", "dask")
"""The settings above the tables that hold for a whole run, and for the runs that are made like it."""


@dataclass
class Run:
    """A run folder: its path and its manifest, which is empty until the run is finished."""

    folder: Path
    manifest: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The name of the folder: the time of the start and the name of the run."""
        return self.folder.name

    @property
    def report(self) -> dict[str, Any]:
        """The content of report.json.

        Raises:
            DataError: If it is missing or damaged.
        """
        try:
            report = json.loads((self.folder / "report.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise DataError(f"the run {self.id} has no report: it was not finished; run it again") from None
        except (OSError, ValueError) as error:
            raise DataError(f"{self.folder}/report.json is damaged: {error}") from None
        return dict(report)

    @classmethod
    def open(cls, where: str | Path, workspace: Path = Path("workspace"), *, optimization: bool | None = None) -> Run:
        """Open a finished run.

        Args:
            where: Its folder, id, name (the newest run of that name is taken), or "latest".
            workspace: The folder in which it is looked for.
            optimization: Whether to look only among the runs of `chem-vae optimize`, or only among the others.

        Raises:
            DataError: If there is none, or if it is damaged.
            UserError: If the name is unknown.
        """
        folder = find_run(str(where), workspace, optimization)
        return cls(folder, read_manifest(folder, KIND))


def read_settings(folder: Path) -> dict[str, Any]:
    """Read the settings of a run from its config.json; nothing where they are missing or damaged."""
    try:
        found = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return dict(found) if isinstance(found, dict) else {}


def select_overall(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Select the settings of a run that hold for the whole of it, as its config.json has them, where they are set."""
    return {key: settings[key] for key in OVERALL if settings.get(key) is not None}


def list_runs(workspace: Path) -> list[Run]:
    """List the finished runs of a workspace, newest first, without those that are not whole."""
    found = []
    for folder in sorted((workspace / "runs").glob("[!.]*/"), reverse=True):
        try:
            found.append(Run(folder, read_manifest(folder, KIND)))
        except UserError as error:
            if (folder / "manifest.json").exists():
                warnings.warn(f"the run {folder.name} is left out: {error}", ChemVAEWarning, stacklevel=2)
            continue
    return found


def list_versions() -> dict[str, str]:
    """List the versions of Python and of the packages that results depend on.

    They are read from the metadata of the packages, since selfies misreports its own.
    """
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def describe_machine() -> str:
    """Describe the machine that a figure was measured on, without its name."""
    cores = count_cores()
    return f"{platform.system()} {platform.machine()}, {cores} core{'s' if cores > 1 else ''}"
