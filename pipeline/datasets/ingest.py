"""Ingests a file of molecules into a dataset folder, on all cores, resumably, with every row accounted for.

The work itself is in `pipeline.datasets.building.dataset_builder`: here it is found out whether the dataset is there already.
"""

from __future__ import annotations

import importlib.metadata
import warnings
from pathlib import Path

from chem_vae.errors import ChemVAEError, ChemVAEWarning, DataError
from chem_vae.progress import Progress, silent
from pipeline.chemistry.properties import PROPERTIES
from pipeline.datasets.building.dataset_builder import DatasetBuilder
from pipeline.datasets.columns import open_source
from pipeline.datasets.config import IngestConfig
from pipeline.datasets.dataset import FORMAT_VERSION, RULES, Dataset
from pipeline.datasets.growth import open_earlier
from pipeline.datasets.property_names import resolve_properties
from pipeline.datasets.readers.source import find_format
from pipeline.workspace.registry import ResolvedSource, resolve
from pipeline.workspace.remote.downloads import find_address, name_download
from pipeline.workspace.remote.outages import NoAnswerError, UnreachableError, describe_outage, note_outage
from pipeline.workspace.remote.redaction import expand_variables
from pipeline.workspace.storage.disk_space import check_writable, explain_full_disk
from pipeline.workspace.storage.folders import hash_content, lock_folder


def ingest(config: IngestConfig, workspace: Path, progress: Progress = silent) -> Dataset:
    """Make the dataset of a source, go on where a run was killed, or find it finished (`Dataset.reused`).

    Args:
        config: The source and how it is read.
        workspace: The folder that gets the dataset, in `datasets/`.
        progress: Is told of the stages.

    Each warning of the dataset is raised as a `ChemVAEWarning`, also where the dataset was made before.

    Returns:
        The dataset, in which rows = accepted + duplicates + rejected.

    Raises:
        DataError: If the source cannot be read, or if no row becomes a training molecule.
        UserError: If a name is unknown.
        BusyError: If another process makes the same dataset.
        ChemVAEError: If the disk is full or a worker dies, or if rows were lost, which is a bug.
    """
    dataset = _make_or_find(config, workspace, progress)
    for text in dataset.warnings:
        warnings.warn(text, ChemVAEWarning, stacklevel=2)
    return dataset


def _make_or_find(config: IngestConfig, workspace: Path, progress: Progress) -> Dataset:
    config = config.model_copy(update={"compute": tuple(map(PROPERTIES.spell, config.compute))})
    try:
        resolved = resolve(config.source, config.sha256, progress, keep=config.when_down == "last")
    except (UnreachableError, NoAnswerError) as error:
        return _take_last(config, workspace, error)
    config = resolve_properties(config, resolved.path)
    key = compute_dataset_key(config, resolved)
    folder = Path(workspace) / "datasets" / f"{resolved.name}-{key[:8]}"
    try:
        if found := _find_finished(folder, config, resolved):
            return found
    except DataError:
        pass  # looked at again below, under the lock
    check_writable(Path(workspace))
    try:
        with explain_full_disk(Path(workspace)), lock_folder(folder, "ingesting this dataset"):
            try:
                if found := _find_finished(folder, config, resolved):
                    return found
            except DataError as error:
                why = str(error).partition("; ")[0]
                warnings.warn(f"{why}; the dataset is made again", ChemVAEWarning, stacklevel=2)
            return DatasetBuilder(
                config, resolved, key, folder, progress, before=open_earlier(config, folder.parent)
            ).build()
    except OSError as error:
        if isinstance(error, ChemVAEError):
            raise
        where = f": {place}" if (place := error.filename2 or error.filename) else ""
        raise ChemVAEError(f"cannot write the dataset into {workspace}: {error.strerror or error}{where}") from error


def _take_last(config: IngestConfig, workspace: Path, error: ChemVAEError) -> Dataset:
    """Return the newest dataset of a source that cannot be reached, with a warning; raises the error where there is none."""
    last = open_earlier(config, Path(workspace) / "datasets") if config.when_down == "last" else None
    if last is None:
        raise error
    if (address := find_address(config.source)) is not None:
        note_outage(name_download(expand_variables(address)), str(error))
    told = describe_outage(str(error), last.manifest.get("created"), f"the dataset {last.folder.name}")
    warnings.warn(told, ChemVAEWarning, stacklevel=4)
    return last


def compute_dataset_key(config: IngestConfig, resolved: ResolvedSource) -> str:
    """Hash all that a dataset depends on: the content of the source, the options, the format, the versions of RDKit and
    selfies."""
    options = config.model_dump(mode="json", exclude={"source", "sha256", "workers", "when_down"})
    for name in ("header", "delimiter", "encoding", "sheet"):
        if options[name] is None:  # as before there was this setting, so that older datasets are found
            del options[name]
    return hash_content(
        {
            "source": resolved.sha256,
            "kind": find_format(resolved.path),
            "columns": [resolved.smiles_column, resolved.split_column, dict(resolved.properties)],
            "options": options,
            "format": FORMAT_VERSION,
            "rules": RULES,
            "versions": {name: importlib.metadata.version(name) for name in ("rdkit", "selfies")},
        }
    )


def _find_finished(folder: Path, config: IngestConfig, resolved: ResolvedSource) -> Dataset | None:
    """Open the dataset if it is there and holds all rows of its source; raises DataError where it is damaged."""
    if not folder.exists():
        return None
    found = Dataset.open(folder, reused=True)
    if "rows_checked" not in found.manifest:  # made by a version that could lose rows
        rows = open_source(config, resolved).count()
        if found.counts["rows"] != min(rows, config.limit or rows):
            return None
    return found
