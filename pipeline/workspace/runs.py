"""Run folders: everything that one run was told, used, measured and made, with its manifest written last."""

from __future__ import annotations

import json
import platform
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chem_vae.errors import DataError
from chem_vae.atomic_files import write_json
from chem_vae.progress import Progress
from pipeline.workspace.folders import read_manifest
from pipeline.workspace.lookup import run_folder
from pipeline.workspace.parallel import usable_cores

if TYPE_CHECKING:
    from pipeline.datasets.dataset import Dataset
    from pipeline.models.trained_model import TrainedModel

KIND = "chem-vae run"
PACKAGES = (
    "chem-vae",
    *["torch", "lightning", "rdkit", "selfies", "tokenizers", "numpy", "pandas", "scikit-learn", "botorch", "prefect"],
)


@dataclass
class Run:
    """A run folder, open for writing until `finish`."""

    folder: Path
    manifest: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def whole(self) -> bool:
        """Whether the run was finished."""
        return bool(self.manifest)

    @property
    def report(self) -> dict[str, Any]:
        """report.json. Raises DataError where it is missing or damaged."""
        try:
            report = json.loads((self.folder / "report.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise DataError(f"the run {self.id} has no report: it was not finished; run it again") from None
        except (OSError, ValueError) as error:
            raise DataError(f"{self.folder}/report.json is damaged: {error}") from None
        return dict(report)

    @classmethod
    def create(cls, workspace: Path, name: str, config: Mapping[str, Any]) -> Run:
        """A new folder `<workspace>/runs/<time>-<name>`, config.json in it."""
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        base = f"{stamp}-{re.sub(r'[^A-Za-z0-9._-]+', '-', name)}"
        for attempt in range(1, 1000):
            folder = workspace / "runs" / (base if attempt == 1 else f"{base}-{attempt}")
            try:
                folder.mkdir(parents=True)
            except FileExistsError:
                continue
            write_json(folder / "config.json", config)
            return cls(folder)
        raise DataError(f"cannot find a free name for a run in {workspace}")

    def finish(self, manifest: Mapping[str, Any]) -> None:
        """Write the manifest: from now on the run is whole."""
        self.manifest = {
            "format": KIND,
            "format_version": 1,
            "id": self.id,
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine(),
            "versions": versions(),
            "files": sorted(
                str(p.relative_to(self.folder))
                for p in self.folder.rglob("*")
                if p.is_file() and p.suffix != ".partial"
            ),
            **manifest,
        }
        write_json(self.folder / "manifest.json", self.manifest)

    @classmethod
    def open(cls, where: str | Path, workspace: Path = Path("workspace"), *, optimization: bool | None = None) -> Run:
        """A finished run by its folder, id, name (the newest so called) or "latest". Raises DataError or UserError.

        optimization: look only among the runs of `chem-vae optimize`, or only among the others.
        """
        folder = run_folder(str(where), workspace, optimization)
        return cls(folder, read_manifest(folder, KIND))


@contextmanager
def writing(
    workspace: Path,
    name: str,
    model: TrainedModel,
    dataset: Dataset | None,
    asked: Mapping[str, Any],
    progress: Progress,
) -> Iterator[Run]:
    """A new run folder with its config.json, to be filled and finished; gone again where that fails, so that nothing half-written
    is left to be mistaken for a run.

    config.json says how the data and the model were really made, whatever asked for them: a campaign can read it. asked: what
    was asked of the model, by the name of its table.
    """
    settings = {"name": name, "train": model.manifest["config"], **asked}
    if dataset is not None:
        settings["ingest"] = dataset.manifest["options"]
    run = Run.create(workspace, name, settings)
    progress("report", 0, 1)
    try:
        yield run
    except BaseException:
        shutil.rmtree(run.folder, ignore_errors=True)
        raise
    progress("report", 1, 1)


def seconds_of(model: TrainedModel, dataset: Dataset | None, **own: float) -> dict[str, float]:
    """What each step took: of the data and the model, made now or before, and the run's own."""
    before = {} if dataset is None else {"ingest": float(dataset.manifest["seconds"])}
    return {**before, "train": float(model.manifest["seconds"]), **own}


def made_of(model: TrainedModel, dataset: Dataset | None) -> dict[str, Any]:
    """For a manifest: which model and which data a run used."""
    about: dict[str, Any] = {
        "model": {"key": model.key, "folder": model.folder.name, "reused": model.reused},
        "dataset": None,
    }
    if dataset is not None:
        about["dataset"] = {
            "name": dataset.name,
            "key": dataset.key,
            "folder": dataset.folder.name,
            "source": dataset.manifest["source"],
            "reused": dataset.reused,
        }
    return about


def list_runs(workspace: Path) -> list[Run]:
    """The finished runs of a workspace, newest first; what is not whole is passed over."""
    found = []
    for folder in sorted((workspace / "runs").glob("*/"), reverse=True):
        try:
            found.append(Run(folder, read_manifest(folder, KIND)))
        except DataError:
            continue
    return found


def versions() -> dict[str, str]:
    """Of Python and of the packages that results depend on, from their metadata (selfies misreports its own)."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def machine() -> str:
    """What a figure was measured on, without the host's name."""
    cores = usable_cores()
    return f"{platform.system()} {platform.machine()}, {cores} core{'s' if cores > 1 else ''}"
