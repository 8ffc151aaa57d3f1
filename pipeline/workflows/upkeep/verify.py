"""Verifies that the folders of a workspace, the shipped models and the downloads hold what was written."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from chem_vae.errors import ChemVAEError, DataError
from chem_vae.progress import Progress, silent
from pipeline.datasets.building.part_cache import FOLDER as PARTS
from pipeline.datasets.building.parts import is_finished_part
from pipeline.datasets.dataset import FORMAT as DATASET_KIND
from pipeline.datasets.dataset import Dataset
from pipeline.report.model import read_report
from pipeline.workspace.lookup import MODEL, find_folder, list_shipped_models
from pipeline.workspace.presentation.formatting import count_of, count_things
from pipeline.workspace.registry import find_data_folder, list_datasets, resolve
from pipeline.workspace.remote.outages import NoAnswerError, UnreachableError
from pipeline.workspace.remote.redaction import redact
from pipeline.workspace.remote.remote_folders import FETCHED, check_folder, list_folders, open_folder
from pipeline.workspace.remote.remote_storage import is_remote
from pipeline.workspace.runs import KIND as RUN_KIND
from pipeline.workspace.storage.cache_folder import find_cache_folder
from pipeline.workspace.storage.folders import read_manifest
from pipeline.workspace.storage.integrity import CONTENTS, MANIFEST, check_contents, is_plain_name, scan_folder
from pipeline.workspace.storage.linked_folders import measure_disk

MODEL_KIND = "chem-vae trained model"
_KINDS = {"datasets": DATASET_KIND, "models": MODEL_KIND, "runs": RUN_KIND}
_REMEDIES = {
    DATASET_KIND: "ingest or run the same again, and the dataset is made anew",
    MODEL_KIND: "train or run the same again, and the model is made anew; the damaged folder is set aside",
    RUN_KIND: "its other files are as they were written; the same command makes a new run",
}


@dataclass(frozen=True)
class Verified:
    """What was found of a folder or file: whether it is as it was written, and in words what to do."""

    name: str
    state: Literal["whole", "damaged", "unfinished", "unknown"]
    """`unknown`: it was written by a version that kept no hashes, and could be opened and read."""
    text: str


def verify(workspace: Path, what: Sequence[str] = (), progress: Progress = silent) -> list[Verified]:
    """Verify every file of a workspace, of the shipped models and of the downloads, or of what is named.

    Args:
        workspace: The folder with datasets, models and runs.
        what: Names, folders or addresses of datasets, models and runs; everything when empty.
        progress: Told of the folders done.

    Returns:
        One entry for each folder or file, in the order of its kind.

    Raises:
        DataError: If something that is named is not there.
    """
    jobs = (
        _list_named(workspace, what) if what else [*_list_workspace(workspace), *_list_installed(), *_list_downloads()]
    )
    found = []
    for done, (name, job) in enumerate(jobs):
        progress("verify", done, len(jobs))
        try:
            found.append(job(name))
        except (ChemVAEError, OSError) as error:
            found.append(Verified(name, "damaged", str(error)))
    if jobs:
        progress("verify", len(jobs), len(jobs))
    return found


Job = tuple[str, Callable[[str], Verified]]


def _list_named(workspace: Path, what: Sequence[str]) -> list[Job]:
    shipped = list_shipped_models()
    jobs: list[Job] = []
    for asked in what:
        if is_remote(asked):
            jobs += [(redact(address), partial(_verify_remote, address=address)) for address in list_folders(asked)]
        else:
            jobs.append((asked, _make_job(shipped.get(asked) or find_folder(asked, workspace), None, workspace)))
    return jobs


def _list_workspace(workspace: Path) -> list[Job]:
    jobs: list[Job] = []
    for place in _KINDS:
        for folder in sorted((workspace / place).glob("*")) if (workspace / place).is_dir() else ():
            if not folder.name.startswith("."):
                jobs.append((f"{place}/{folder.name}", _make_job(folder, _KINDS[place], workspace)))
    for folder in sorted((workspace / FETCHED).glob("[!.]*/[!.]*")):
        inner = folder / MODEL if not (folder / MANIFEST).exists() and (folder / MODEL).is_dir() else folder
        jobs.append((inner.relative_to(workspace).as_posix(), _make_job(inner)))
    if (workspace / PARTS).is_dir():
        jobs.append((PARTS, partial(_verify_parts, folder=workspace / PARTS)))
    return jobs


def _list_installed() -> list[Job]:
    jobs = [(f"shipped model {name}", _make_job(folder)) for name, folder in list_shipped_models().items()]
    files = [name for name, entry in list_datasets().items() if "file" in entry]
    return [
        *jobs,
        *((f"shipped dataset {name}", partial(_verify_shipped, dataset=name)) for name in files),
    ]


def _list_downloads() -> list[Job]:
    cache = find_cache_folder()
    paths = sorted(
        p for p in cache.glob("*/*") if p.is_file() and p.parent.name != "verified" and not p.name.startswith(".")
    )
    return [(f"download {path.relative_to(cache)}", partial(_verify_download, path=path)) for path in paths]


def _make_job(folder: Path, kind: str | None = None, workspace: Path | None = None) -> Callable[[str], Verified]:
    return lambda name: _verify_folder(name, folder, kind, workspace)


def _verify_folder(name: str, folder: Path, kind: str | None, workspace: Path | None) -> Verified:
    if ".damaged-" in folder.name:
        return Verified(name, "unfinished", "was set aside as damaged; delete it when you need nothing of it")
    if folder.name.endswith(".partial"):
        return _verify_partial(name, folder)
    if not folder.is_dir():
        return Verified(name, "damaged", "is a file where a folder belongs; move it away")
    if not (folder / "manifest.json").exists():
        return Verified(
            name, "unfinished", "has no manifest.json: it was not finished; delete it, or run the same again"
        )
    kind = kind or _find_kind(folder)
    try:
        manifest = read_manifest(folder, kind)
        if not (count := check_contents(folder, manifest, use_cache=False)):
            _read_all(folder, kind)
            return Verified(name, "unknown", "was written by a version that kept no hashes; all of it can be read")
    except ChemVAEError as error:
        why = (
            str(error)
            .partition("; ")[0]
            .removeprefix(f"the model {folder} ")
            .removeprefix(f"{folder} ")
            .removeprefix("is damaged: ")
        )
        remedy = "install chem-vae again" if folder in list_shipped_models().values() else _REMEDIES[kind]
        return Verified(name, "damaged", f"{why}; {remedy}")
    size = sum(stat.st_size for stat in scan_folder(folder).values())
    missing = "" if workspace is None else find_missing(folder, manifest, workspace)
    return Verified(name, "whole", f"{count_things(count, 'file')}, {size / 1e6:,.1f} MB{missing and f'; {missing}'}")


def find_missing(folder: Path, manifest: Mapping[str, Any], workspace: Path) -> str:
    """Say which dataset or model of a workspace a finished folder names that is no longer there; "" where all are.

    Args:
        folder: A run or a model.
        manifest: Its manifest.
        workspace: The folder in which the others are looked for.
    """
    about = (manifest.get("card") or manifest).get("dataset")
    told = []
    if isinstance(about, dict) and is_plain_name(about.get("folder")):
        there = workspace / "datasets" / about["folder"]
        if not (there / "manifest.json").is_file() and about.get("name") not in list_datasets():
            told.append(f"its dataset {about['folder']} is not in {workspace}, which repeat and update need")
    model = manifest.get("model")
    if isinstance(model, dict) and manifest.get("format") == RUN_KIND and "model" in manifest:
        try:
            found = read_manifest(folder / MODEL, MODEL_KIND).get("key")
        except ChemVAEError:
            found = None
        if found is None:
            told.append("its model is not in it")
        elif found != model.get("key"):
            told.append("the model in it is another one than it was made with")
    return "; ".join(told)


def _verify_remote(name: str, address: str) -> Verified:
    """Verify every file of a published folder where it lies."""
    try:
        folder = open_folder(address)
    except UnreachableError as error:
        return Verified(name, "unfinished", f"{error}; chem-vae publish goes on with what was interrupted")
    try:
        check_folder(folder)
    except DataError as error:
        return Verified(name, "damaged", f"{error}; chem-vae publish --check copies it anew from its workspace")
    except NoAnswerError as error:
        return Verified(name, "unknown", str(error))
    state: Literal["whole", "unknown"] = "whole" if CONTENTS in folder.manifest else "unknown"
    return Verified(name, state, f"{count_things(len(folder.files), 'file')}, {folder.bytes / 1e6:,.1f} MB")


def _verify_parts(name: str, folder: Path) -> Verified:
    """Verify the standardized parts that ingests have kept for the next ones."""
    parts = sorted(folder.glob("*/*.parquet"))
    whole = [part for part in parts if not part.name.endswith(".rejections.parquet")]
    damaged = [part for part in whole if not is_finished_part(part)]
    size = measure_disk([folder]).total
    if damaged:
        text = f"{count_of(len(damaged), len(whole), 'part', 'is', 'are')} damaged, such as {damaged[0].name}; made again when needed"
        return Verified(name, "unfinished", text)
    return Verified(name, "whole", f"{count_things(len(whole), 'part')} of ingests, {size / 1e6:,.1f} MB")


def _find_kind(folder: Path) -> str:
    if (folder / "model.json").exists():
        return MODEL_KIND
    return RUN_KIND if (folder / "report.json").exists() or (folder / "config.json").exists() else DATASET_KIND


def _read_all(folder: Path, kind: str) -> None:
    """Read what a folder without hashes holds, which raises an error where it cannot be read."""
    if kind == DATASET_KIND:
        dataset = Dataset.open(folder)
        dataset.table()
        dataset.rejections()
        dataset.tokens()
    elif kind == MODEL_KIND:
        from pipeline.models.trained_model import TrainedModel  # here: loads torch

        model = TrainedModel.open(folder)
        assert model.checkpoint and model.latent and model.measured is not None
        list(model.predictors.values())  # each is built
    elif (folder / "report.json").exists():
        read_report(folder)


def _verify_partial(name: str, folder: Path) -> Verified:
    parts = sorted((folder / "parts").glob("part-*[0-9].parquet"))
    damaged = [part.name for part in parts if not is_finished_part(part)]
    if damaged:
        return Verified(
            name,
            "unfinished",
            f"unfinished work; {count_of(len(damaged), len(parts), 'part', 'is', 'are')} damaged and will be made again",
        )
    if (resume := folder / "resume.safetensors").exists():
        from chem_vae.training.checkpoint_io import SafetensorsIO  # here: loads lightning

        try:
            SafetensorsIO().load_checkpoint(resume)
        except ChemVAEError:
            return Verified(
                name, "unfinished", "unfinished training; its checkpoint is damaged, and it will begin at the start"
            )
    return Verified(name, "unfinished", "unfinished work; run the same command again to finish it")


def _verify_shipped(name: str, dataset: str) -> Verified:
    try:
        path = resolve(dataset).path
    except DataError as error:
        return Verified(name, "damaged", f"{error}")
    return Verified(name, "whole", f"{path.relative_to(find_data_folder())}, {path.stat().st_size / 1e6:,.1f} MB")


def _verify_download(name: str, path: Path) -> Verified:
    """Verify the checksum that a gzipped file holds of itself; of other files nothing is known."""
    if path.suffix != ".gz":
        return Verified(
            name, "unknown", f"{path.stat().st_size / 1e6:,.1f} MB; checked against its SHA-256 when it is used"
        )
    try:
        with gzip.open(path) as file:
            while file.read(1 << 20):
                pass
    except (OSError, EOFError) as error:
        return Verified(name, "damaged", f"{error}; delete {path}, and it is fetched again")
    return Verified(name, "whole", f"{path.stat().st_size / 1e6:,.1f} MB")
