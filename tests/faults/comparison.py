"""The one comparison of workspaces: what they hold, without what differs between any two runs (times, ids of runs, the machine)."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import sqlite3
import time
import warnings
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from pipeline.library import open_library
from pipeline.optimization.provenance import Provenance
from pipeline.workflows.upkeep.collect_garbage import Retention, collect_garbage, delete_garbage
from pipeline.workflows.upkeep.verify import _list_workspace
from pipeline.workspace.runs import list_runs

WEEKS = 30 * 86_400.0
_DIFFERS = {
    *("created", "finished", "seconds", "trained_seconds", "machine", "contents", "seal", "reused", "round"),
    *("history", "time", "molecules_per_second", "when", "added", "recorded", "imported", "made"),
}
"""Keys of JSON, columns of tables and facts of the library that say when, how fast or where something was done; a training is reported by the clock."""
_TIMED = {"report.html", "run.log", "metrics.csv", "training.json"}
"""Files whose text has times in it, or is written by the clock, as the reports of a training are; its weights are compared."""


def settle(workspace: Path) -> None:
    """Do what the next night and `chem-vae gc` do: record finished runs in the library, and delete what kills have left."""
    if list((workspace / "runs").glob("*/manifest.json")):
        with open_library(workspace) as library:
            library.add_missing_runs()
    later = time.time() + 8 * 86_400.0
    _, left = delete_garbage(collect_garbage(workspace, Retention(parts_days=WEEKS), later), workspace)
    assert not left, left


def check_readers(workspace: Path) -> list[str]:
    """Return what a reader would find damaged or half-written at this moment; empty where all is well."""
    found = []
    for name, verify_one in _list_workspace(workspace):
        if (told := verify_one(name)).state == "damaged":
            found.append(f"{name}: {told.text}")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        list_runs(workspace)
    found += [str(w.message) for w in told]
    for path in workspace.rglob("[!.]*.json"):
        try:
            json.loads(path.read_text())
        except ValueError as error:
            found.append(f"{path}: {error}")
    for path in workspace.glob("*.sqlite"):
        found += _check_library(path)
    return found


def _check_library(path: Path) -> list[str]:
    found = []
    with closing(sqlite3.connect(path)) as file:
        if (told := file.execute("PRAGMA integrity_check").fetchone()[0]) != "ok":
            found.append(f"{path.name}: {told}")
        tables = {name for (name,) in file.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        if "runs" not in tables:
            return found
        for run, told, there in file.execute(
            "SELECT run, candidates, (SELECT count(*) FROM proposals WHERE run_id = runs.id) FROM runs"
        ):
            if told != there:
                found.append(f"{path.name}: {there} of {told} candidates of {run}")
        lost = "SELECT count(*) FROM proposals WHERE molecule_id NOT IN (SELECT molecule_id FROM fingerprints)"
        if count := file.execute(lost).fetchone()[0]:
            found.append(f"{path.name}: {count} molecules without a fingerprint")
    return found


def describe(workspace: Path) -> dict[str, Any]:
    """Describe all files of a workspace by their path, so that two equal results are equal."""
    names = {folder.name: f"run-{i}" for i, folder in enumerate(sorted((workspace / "runs").glob("[!.]*")), start=1)}
    found = {}
    for path in sorted(p for p in workspace.rglob("*") if p.is_file()):
        if path.suffix == ".lock" or path.name.endswith((".sqlite-wal", ".sqlite-shm")) or path.name == "asked.txt":
            continue
        name = re.sub(r"-schema-(\d+)-[\d-]+\.sqlite$", r"-schema-\1.sqlite", str(path.relative_to(workspace)))
        for run, short in names.items():
            name = name.replace(run, short)
        found[name] = _describe_file(path, names)
    return found


def _describe_file(path: Path, names: dict[str, str]) -> Any:
    if path.name in _TIMED:
        return "there"
    if path.name == "proposals.jsonl":
        kept = Provenance(path)
        return [kept.origins, kept.tally, kept.broken, kept.unusual]
    if path.suffix == ".sqlite":
        return _describe_database(path, names)
    if path.suffix in (".json", ".csv", ".sdf", ".smi", ".md"):
        text = path.read_text()
        for run, short in names.items():
            text = text.replace(run, short)
        text = re.sub(r"-r\d+\b", "", text)
        if path.suffix == ".json":
            with suppress(ValueError):  # half-written
                return _drop_differing(json.loads(text))
        if path.suffix == ".csv":
            return _drop_columns(text)
        text = re.sub(r"^Run `.*", "", text, flags=re.MULTILINE)  # the id and the time, at the end of report.md
        return re.sub(r">  <seconds>.*\n.*\n", "", text).splitlines()
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _drop_differing(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _drop_differing(value) for key, value in data.items() if key not in _DIFFERS}
    return [_drop_differing(value) for value in data] if isinstance(data, list) else data


def _drop_columns(text: str) -> list[list[str]]:
    head, *rows = csv.reader(text.splitlines())
    kept = [i for i, name in enumerate(head) if name not in _DIFFERS]
    return [[row[i] for i in kept if i < len(row)] for row in [head, *rows]]


def _describe_database(path: Path, names: dict[str, str]) -> dict[str, Any]:
    with closing(sqlite3.connect(path)) as file:
        tables = [name for (name,) in file.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        found: dict[str, Any] = {}
        for table in sorted(tables):
            rows = file.execute(f'SELECT * FROM "{table}"')
            columns = [entry[0] for entry in rows.description]
            kept = [i for i, name in enumerate(columns) if name not in _DIFFERS and (table, name) != ("runs", "key")]
            found[table] = sorted(
                repr([_describe_cell(row[i], names) for i in kept])
                for row in rows
                if not (table == "library_facts" and row[0] in ("id", "made"))
            )
    return found


def _describe_cell(cell: Any, names: dict[str, str]) -> Any:
    if isinstance(cell, str) and cell.startswith("{"):
        return _drop_differing(json.loads(cell))
    return names.get(cell, cell) if isinstance(cell, str) else cell


def compare(reference: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """Say in what two descriptions differ."""
    told = [f"missing: {name}" for name in reference.keys() - found.keys()]
    told += [f"too much: {name}" for name in found.keys() - reference.keys()]
    for name in sorted(reference.keys() & found.keys()):
        if reference[name] != found[name]:
            told.append(f"{name}: {_find_difference(reference[name], found[name])}")
    return told


def _find_difference(reference: Any, found: Any, where: str = "") -> str:
    if isinstance(reference, dict) and isinstance(found, dict):
        for key in [*reference, *found]:
            if reference.get(key) != found.get(key):
                return _find_difference(reference.get(key), found.get(key), f"{where}/{key}")
    if isinstance(reference, list) and isinstance(found, list) and len(reference) == len(found):
        i = next(i for i, (a, b) in enumerate(zip(reference, found, strict=True)) if a != b)
        return _find_difference(reference[i], found[i], f"{where}[{i}]")
    return f"{where} {str(reference)[:200]} became {str(found)[:200]}"
