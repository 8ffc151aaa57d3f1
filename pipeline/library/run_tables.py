"""Reads from a finished run folder what the library keeps of it."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from chem_vae.atomic_files import read_json
from chem_vae.errors import DataError
from pipeline.workspace.lookup import CALLS
from pipeline.workspace.presentation.csv_tables import read_csv_rows
from pipeline.workspace.presentation.value_columns import split_value_column
from pipeline.workspace.runs import KIND
from pipeline.workspace.storage.folders import read_manifest

CANDIDATES = "candidates.csv"
_OWN = ("rank", "smiles", "inchikey", "scaffold", "score", "hit_probability", "within_target", "parent")
"""Columns of the candidates that have a column in the library; the others go into its details."""


@dataclass(frozen=True)
class PropertyValue:
    """A value of a property of a candidate."""

    name: str
    basis: str
    value: float
    std: float | None = None


@dataclass(frozen=True)
class Candidate:
    """A row of a run's table of candidates."""

    smiles: str
    inchikey: str
    scaffold: str | None
    rank: int
    score: float | None
    hit_probability: float | None
    within_target: bool | None
    origin: str | None
    parent: str | None
    values: list[PropertyValue]
    details: dict[str, Any]


@dataclass(frozen=True)
class RunTable:
    """What the library keeps of a run."""

    key: str
    run: str
    name: str
    kind: str
    night: date
    finished: datetime | None
    model_key: str | None
    model: str
    dataset_key: str | None
    dataset: str | None
    seed: str | None
    candidates: list[Candidate]
    properties: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Label and unit by the property's name."""
    classes: dict[str, list[str]] = field(default_factory=dict)
    """The words that the data has for 1 and 0, by the property's name."""


def hash_manifest(folder: Path) -> str | None:
    """Hash the manifest of a run folder, by which the library knows the run; None where there is none."""
    try:
        return hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
    except OSError:
        return None


def read_run(folder: Path) -> RunTable:
    """Read a finished run folder.

    Raises:
        DataError: The folder is no finished run, or damaged.
    """
    key, manifest = hash_manifest(folder), read_manifest(folder, KIND)
    assert key is not None  # read_manifest has read it
    report = _read_report(folder)
    finished = _read_time(manifest.get("finished"))
    model, dataset = manifest.get("model") or {}, manifest.get("dataset") or {}
    own = set(((report.get("library") or {}).get("columns")) or ())
    try:
        candidates = [_read_candidate(row, own) for row in read_csv_rows(folder / CANDIDATES)]
    except FileNotFoundError:
        raise DataError(f"the run {folder.name} has no {CANDIDATES}") from None
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{folder / CANDIDATES} is damaged: {error}") from None
    seed = manifest.get("seed")
    return RunTable(
        key,
        folder.name,
        str(manifest.get("name", folder.name)),
        _find_kind(folder, manifest),
        _find_night(folder, manifest, finished),
        finished,
        model.get("key"),
        str(model.get("folder") or ""),
        dataset.get("key"),
        dataset.get("name"),
        None if seed is None else str(seed),
        candidates,
        _list_properties(report),
        {str(name): [str(word) for word in words] for name, words in (dataset.get("classes") or {}).items()},
    )


def _find_kind(folder: Path, manifest: Mapping[str, Any]) -> str:
    if manifest.get("kind") == "optimization" or (folder / CALLS).is_file():
        return "optimization"
    return "screening" if manifest.get("library") else "generation"


def _find_night(folder: Path, manifest: Mapping[str, Any], finished: datetime | None) -> date:
    """Find the day of a run: the scheduled one, that of the folder's name, or the day on which it was finished."""
    for text in (str(manifest.get("night") or "")[:10], folder.name[:8]):
        try:
            return date.fromisoformat(text)
        except ValueError:
            continue
    return (finished or datetime.fromtimestamp((folder / "manifest.json").stat().st_mtime, UTC)).date()


def _read_time(text: Any) -> datetime | None:
    try:
        time = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)


def _read_report(folder: Path) -> dict[str, Any]:
    """Read report.json; {} where there is none that can be read, since the library does without labels and units."""
    try:
        found = read_json(folder / "report.json")
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _list_properties(report: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """List label and unit of the properties that a report names."""
    found: dict[str, tuple[str, str]] = {}
    parts = [
        (report.get("request") or {}).get("objectives"),
        *(report.get(k) for k in ("achieved", "distributions", "predictors")),
    ]
    for entry in (entry for part in parts for entry in part or () if isinstance(entry, dict)):
        name = str(entry.get("property") or "")
        label, unit = found.get(name, ("", ""))
        found[name] = (label or str(entry.get("label") or ""), unit or str(entry.get("unit") or ""))
    found.pop("", None)
    return found


def _read_candidate(row: dict[str, str], own_of_catalogue: set[str]) -> Candidate:
    cells = {name: cell for name, cell in row.items() if name and cell not in ("", None)}
    values = []
    for name in [name for name in cells if name not in own_of_catalogue]:
        stem, basis = split_value_column(name)
        value = to_number(cells[name])
        if stem and value is not None:
            values.append(PropertyValue(stem, basis, value, to_number(cells.get(f"{name}_std"))))
    ours = {name: cell for name, cell in cells.items() if name not in own_of_catalogue}
    origin = ours.get("origin") or ours.get("strategy")
    return Candidate(
        row["smiles"],
        row["inchikey"],
        row.get("scaffold"),
        int(row["rank"]),
        to_number(cells.get("score")),
        to_number(cells.get("hit_probability")),
        {"True": True, "False": False}.get(cells.get("within_target", "")),
        origin,
        ours.get("parent"),
        values,
        {name: _read_cell(cell) for name, cell in cells.items() if name not in _OWN},
    )


def to_number(cell: str | None) -> float | None:
    """Read a cell as a finite number; None where it is none."""
    try:
        number = float(cell or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _read_cell(cell: str) -> Any:
    if cell in ("True", "False"):
        return cell == "True"
    number = to_number(cell)
    return cell if number is None or not _is_plain_number(cell) else number


def _is_plain_number(cell: str) -> bool:
    """Tell whether a cell is the same after it was read as a number: a catalogue number such as 0042 is a text."""
    return json.dumps(float(cell)) == cell or cell == str(int(float(cell)))
