"""Compares a dataset with an earlier one of the same source: what is new, what is gone, what is labelled otherwise."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from chem_vae.errors import ChemVAEWarning, DataError, UserError
from pipeline.datasets.config import IngestConfig
from pipeline.datasets.dataset import FORMAT, Dataset
from pipeline.workspace.registry import list_datasets
from pipeline.workspace.remote.downloads import find_address, is_address, name_download
from pipeline.workspace.remote.outages import describe_outage, read_outage
from pipeline.workspace.remote.redaction import expand_variables
from pipeline.workspace.storage.folders import read_manifest

_FREE = {"source", "sha256", "workers", "when_down"}
"""Settings that may differ between two nights of one source."""


@dataclass(frozen=True)
class Growth:
    """The difference between a dataset and an earlier one, in molecules."""

    before: int
    """The training molecules of the earlier dataset."""
    new: int
    """Training molecules that the earlier dataset had not, and measured ones of the other splits: predictors learn from these, too."""
    changed: int
    """Molecules of any split that were in both, with another measured value or bound: predictors learn from all of them."""
    gone: int
    """Training molecules of the earlier dataset that are no longer there."""

    @property
    def share(self) -> float:
        """The new and changed molecules, as a share of those before."""
        return (self.new + self.changed) / max(1, self.before)

    def to_dict(self) -> dict[str, int]:
        """Return the four numbers, as manifests hold them."""
        return asdict(self)

    def __str__(self) -> str:
        parts = [f"{self.new:,} new"]
        parts += [f"{self.changed:,} with other measured values"] if self.changed else []
        parts += [f"{self.gone:,} gone"] if self.gone else []
        return f"{', '.join(parts)}, beside {self.before:,} training molecules before"


def is_same_source(one: Any, other: Any) -> bool:
    """Tell whether two sources, as users give them, are the same name, address or file."""
    one, other = str(one), str(other)
    if one == other or is_address(one) or is_address(other):
        return one == other
    return Path(one).expanduser().absolute() == Path(other).expanduser().absolute()


def find_earlier(config: IngestConfig, datasets: Path) -> Iterator[Path]:
    """Find the finished datasets that earlier ingests made of the same source with the same settings, the newest first.

    Args:
        config: The settings.
        datasets: The folder of datasets of the workspace.
    """
    wanted, found = _select_options(config.model_dump(mode="json")), []
    for mark in datasets.glob("*/manifest.json"):
        if mark.parent.name.endswith(".partial") or ".damaged-" in mark.parent.name:
            continue
        try:
            manifest = read_manifest(mark.parent, FORMAT)
            options = IngestConfig.model_validate(manifest["options"]).model_dump(mode="json")
        except (UserError, ValueError, KeyError, TypeError):  # damaged, or of another version
            continue
        if is_same_source(options["source"], wanted["source"]) and _select_options(options) == {
            **wanted,
            "source": options["source"],
        }:
            found.append((str(manifest.get("created", "")), mark.parent))
    yield from (folder for _, folder in sorted(found, reverse=True))


def open_earlier(config: IngestConfig, datasets: Path) -> Dataset | None:
    """Open the newest dataset that `find_earlier` finds and that is whole; None where there is none."""
    for folder in find_earlier(config, datasets):
        try:
            return Dataset.open(folder, reused=True)
        except UserError as error:
            warnings.warn(str(error), ChemVAEWarning, stacklevel=2)
    return None


def find_outage(source: str, dataset: Dataset) -> str | None:
    """Say that a source cannot be reached now and that an earlier dataset stands for it; None where it can be.

    Args:
        source: The name, path or address that the user gave.
        dataset: The dataset that is used.
    """
    if source in list_datasets():
        return None
    what = f"the dataset {dataset.folder.name}"
    if (address := find_address(source)) is not None:
        path = name_download(expand_variables(address))
        if (reason := read_outage(path)) is None:
            return None
        if path.is_file():
            return describe_outage(reason, path.stat().st_mtime, "the copy")
        return describe_outage(reason, dataset.manifest.get("created"), what)
    if Path(source).expanduser().is_file():
        return None
    return describe_outage(f"there is no file {source}", dataset.manifest.get("created"), what)


def compare_datasets(before: Dataset, after: Dataset) -> Growth:
    """Count the molecules that are new and gone between two datasets, and those whose labels changed.

    Molecules are compared by InChIKey.

    Raises:
        DataError: If one is damaged.
    """
    names = [p.name for p in after.properties if p.kind == "measured" and p.name in before.columns]
    labels = [column for name in names for column in (name, f"{name}_lower", f"{name}_upper")]
    old, new = (_read_labels(dataset, labels) for dataset in (before, after))
    both = new.index.intersection(old.index)
    mine, theirs = (table.loc[both, labels].to_numpy(np.float64) for table in (new, old))
    changed = int((~np.isclose(mine, theirs, rtol=1e-6, atol=0.0, equal_nan=True)).any(axis=1).sum())
    first, second = (table.index[table["split"] == "train"] for table in (old, new))
    kept = len(second.intersection(first))
    held_out = new[(new["split"] != "train") & ~new.index.isin(old.index)]
    measured = int(held_out[labels].notna().any(axis=1).sum())
    return Growth(len(first), len(second) - kept + measured, changed, len(first) - kept)


def _read_labels(dataset: Dataset, labels: Sequence[str]) -> pd.DataFrame:
    """Read split and labels by InChIKey; NaN where a dataset has no such column."""
    there = dataset.columns
    table = dataset.table(["inchikey", "split", *(column for column in labels if column in there)])
    return table.set_index("inchikey").reindex(columns=["split", *labels])


def explain_few(growth: Growth, enough: float | None = None) -> str:
    """Say that too few molecules are new for a training."""
    of = "train.enough_new" if enough is None else f"train.enough_new = {enough:g}"
    return f"{growth} ({growth.share:.2%}), fewer than {of} asks for"


def describe_origin(before: Dataset, after: Dataset) -> dict[str, Any] | None:
    """Describe the dataset that another one has grown from, for its manifest; None where the earlier one is damaged."""
    try:
        growth = compare_datasets(before, after)
    except DataError:
        return None
    about = {"key": before.key, "folder": before.folder.name, "created": before.manifest.get("created")}
    return {**about, "rows": before.counts["rows"], **growth.to_dict()}


def _select_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Select the settings that decide what a dataset holds; the source is kept, and compared apart."""
    return {key: value for key, value in options.items() if key == "source" or key not in _FREE}
