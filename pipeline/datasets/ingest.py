"""ingest(): from a file of molecules to a dataset folder, on all cores, resumable, every row accounted for.

Three phases. First, workers standardize chunks of rows into parts, each written whole, so that a killed run goes on
with the parts it has. Then one process, with a few bytes for each row, finds duplicates and draws the splits. Last,
workers write what is kept as shards and tokens; the folder gets its name when its manifest is written.
"""

from __future__ import annotations

import errno
import functools
import importlib.metadata
import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from pyarrow import parquet

from chem_vae.atomic_files import write_json
from chem_vae.errors import ChemVAEError, DataError, UserError, unknown_name
from chem_vae.progress import Progress, silent
from chem_vae.vocabulary import SelfiesVocabulary, get_default_constraints
from pipeline.chemistry.properties import get_property, register_missing
from pipeline.datasets import shards
from pipeline.datasets.arrays import add_statistics, explain_rejections, write_all_rejections, write_arrays
from pipeline.datasets.config import IngestConfig
from pipeline.datasets.dataset import FORMAT, FORMAT_VERSION, SPLITS, Dataset
from pipeline.datasets.readers import Hints
from pipeline.datasets.source import Chunk, Source, find_format
from pipeline.datasets.splits import assign_splits, draw_sample, merge_duplicates
from pipeline.workspace.folders import hash_content, lock_folder
from pipeline.workspace.parallel import Workers, count_cores
from pipeline.workspace.registry import ResolvedSource, resolve

_FEW_ROWS = 2_000  # fewer are done sooner in this process than a worker starts
_MERGE_SAMPLE = 100_000  # training strings that merges are learned from


def ingest(config: IngestConfig, workspace: Path, progress: Progress = silent) -> Dataset:
    """The dataset of a source: made, resumed where a run was killed, or found finished (`Dataset.reused`).

    Raises DataError where the source cannot be read or no row becomes a training molecule, UserError for unknown
    names, BusyError where another process makes the same dataset, and ChemVAEError where the disk is full or a worker
    dies.
    """
    for name in config.compute:
        get_property(name)
    resolved = resolve(config.source, config.sha256, progress)
    key = compute_dataset_key(config, resolved)
    folder = Path(workspace) / "datasets" / f"{resolved.name}-{key[:8]}"
    if found := _find_finished(folder, config, resolved):
        return found
    try:
        with lock_folder(folder, "ingesting this dataset"):
            return _find_finished(folder, config, resolved) or _Ingest(config, resolved, key, folder, progress).run()
    except OSError as error:
        if isinstance(error, ChemVAEError):
            raise
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ChemVAEError(
                f"the disk of {workspace} is full; free some space and run again, it goes on where it stopped"
            ) from error
        raise ChemVAEError(f"cannot write the dataset into {workspace}: {error.strerror or error}") from error


def compute_dataset_key(config: IngestConfig, resolved: ResolvedSource) -> str:
    """SHA-256 over all that the result depends on: the source's content, the options, the format, the chemistry's
    versions."""
    options = config.model_dump(mode="json", exclude={"source", "sha256", "workers"})
    if config.header is None:  # as before there was this setting, so that older datasets are found
        del options["header"]
    return hash_content(
        {
            "source": resolved.sha256,
            "kind": find_format(resolved.path),
            "columns": [resolved.smiles_column, resolved.split_column, dict(resolved.properties)],
            "options": options,
            "format": FORMAT_VERSION,
            "versions": {name: importlib.metadata.version(name) for name in ("rdkit", "selfies")},
        }
    )


def open_source(config: IngestConfig, resolved: ResolvedSource) -> Source:
    """Open the file of a source as the configuration says."""
    columns = [*resolved.properties, *(p.name for p in config.properties), config.split_column, resolved.split_column]
    smiles_column = config.smiles_column or resolved.smiles_column
    return Source.open(resolved.path, Hints(smiles_column, config.header, tuple(c for c in columns if c)))


def _find_finished(folder: Path, config: IngestConfig, resolved: ResolvedSource) -> Dataset | None:
    """Open the dataset if it is there, is whole and holds all rows of its source."""
    if not folder.is_dir():
        return None
    try:
        found = Dataset.open(folder, reused=True)
    except DataError:
        return None  # damaged since: made again, and replaced when that is done
    if "rows_checked" not in found.manifest:  # made by a version that could lose rows
        rows = open_source(config, resolved).count()
        if found.counts["rows"] != min(rows, config.limit or rows):
            return None
    return found


@dataclass
class _Rows:
    """One entry per molecule of all parts, in their order."""

    hashes: np.ndarray
    keep: np.ndarray
    split: np.ndarray
    values: dict[str, np.ndarray]
    starts: list[int] = field(default_factory=list)  # of the parts, and the end

    def of(self, part: int) -> slice:
        return slice(self.starts[part], self.starts[part + 1])


class _Ingest:
    def __init__(
        self, config: IngestConfig, resolved: ResolvedSource, key: str, folder: Path, progress: Progress
    ) -> None:
        self.config, self.resolved, self.key, self.folder, self.progress = config, resolved, key, folder, progress
        self.partial = folder.with_name(f"{folder.name}.partial")
        self.units = dict(resolved.properties) | {p.name: p.unit for p in config.properties}
        self.source = open_source(config, resolved)
        self.constraints = get_default_constraints()
        self.notes: list[str] = []
        split_column = self._split_column()
        self.settings = shards.ShardSettings(
            str(self.partial / "parts"), config.standardize, config.compute, tuple(self.units), split_column,
            config.split == "scaffold", tuple(sorted(self.constraints.items())),
        )  # fmt: skip
        self._check_columns()

    def run(self) -> Dataset:
        start = time.monotonic()
        whole = self.partial / "whole"  # what becomes the dataset folder
        shutil.rmtree(whole, ignore_errors=True)
        (self.partial / "parts").mkdir(parents=True, exist_ok=True)
        (whole / "shards").mkdir(parents=True)
        counted = self.source.count()
        expected = min(counted, self.config.limit or 1 << 62)
        count = 1 if expected < _FEW_ROWS else self.config.workers or count_cores()
        try:
            computed = [get_property(name) for name in self.config.compute]
            with Workers(count, functools.partial(register_missing, computed)) as workers:
                figures = self._standardize(workers, expected, counted)
                rows = self._place(figures)
                vocabulary = self._vocabulary(workers, rows)
                kept = self._keep(workers, rows, vocabulary, whole / "shards")
            manifest = self._finish(whole, figures, rows, vocabulary, kept)
        except UserError:  # the source's fault: another run of the same would end the same way
            shutil.rmtree(self.partial, ignore_errors=True)
            raise
        manifest["seconds"] = round(time.monotonic() - start, 1)
        write_json(whole / "manifest.json", manifest)
        if self.folder.exists():  # damaged or lacking rows, or it would have been reused
            shutil.rmtree(self.folder)
        os.replace(whole, self.folder)
        shutil.rmtree(self.partial, ignore_errors=True)
        return Dataset.open(self.folder)

    # -- before ------------------------------------------------------------------------------------------------------

    def _split_column(self) -> str | None:
        names = self.source.columns
        wanted = self.config.split_column or self.resolved.split_column
        if wanted is not None:
            if wanted not in (names := self.source.read_columns(1000)):
                raise unknown_name(f"split column of {self.resolved.path.name}", wanted, names)
            return wanted
        for name in names:
            if name.casefold() == "split":
                first = next(self.source.chunks(rows=50, limit=50), Chunk(0)).columns.get(name, [])
                words = {cell.strip().casefold() for cell in first if cell and cell.strip()}
                if words and words <= set(shards.SPLIT_WORDS):
                    self.notes.append(
                        f"the column {name!r} says train, validation or test, so it was taken as the split"
                    )
                    return name
        return None

    def _check_columns(self) -> None:
        for name in self.units:
            if name in (*shards.OWN_COLUMNS, *shards.INSIDE):
                raise UserError(
                    f"a property cannot be called {name!r}, a column that every dataset has; rename the column"
                )
            if name == self.source.smiles_column:
                raise UserError(f"{name!r} is the SMILES column, not a property")
            if name in self.source.layout.doubled:
                raise DataError(
                    f"{self.resolved.path.name} has two columns named {name!r}, a property; rename one of them"
                )
            if self.source.layout.names and name not in self.source.columns:
                raise unknown_name(f"column of {self.resolved.path.name}", name, self.source.columns)
        for name in self.source.columns:
            if (
                name not in (*self.units, self.settings.split_column)
                and shards.name_kept_column(name, self.settings) != name
            ):
                self.notes.append(
                    f"the source's own column {name!r} is kept as {shards.name_kept_column(name, self.settings)!r}"
                )

    # -- phase 1 -----------------------------------------------------------------------------------------------------

    def _standardize(self, workers: Workers, expected: int, counted: int) -> list[shards.PartFigures]:
        found: dict[int, shards.PartFigures] = {}
        sizes: list[int] = []
        line_breaks: list[int] = []

        def missing() -> Iterator[tuple[shards.ShardSettings, Chunk]]:
            for chunk in self.source.chunks(self.config.shard_rows, self.config.limit):
                sizes.append(len(chunk))
                line_breaks.append(chunk.line_breaks)
                if (part := self.settings.part(chunk.number)).is_file():
                    found[chunk.number] = shards.read_part_figures(part)
                else:
                    order.append(chunk.number)
                    yield self.settings, chunk

        order: list[int] = []

        def tell(total: int) -> None:
            accepted, rejected = sum(f.molecules for f in found.values()), sum(f.rejected for f in found.values())
            done = sum(f.rows for f in found.values())
            self.progress("standardize", done, max(total, done), {"molecules": accepted, "rejected": rejected})

        tell(expected)
        for number, figures in enumerate(workers.map(shards.standardize_part, missing())):
            found[order[number]] = figures
            if order[number] == 0:
                self._check_numbers([figures])
            tell(expected)
        parts = [found[i] for i in range(len(sizes))]
        rows = sum(f.rows for f in parts)
        if not rows:
            raise DataError(f"{self.resolved.path.name} has no rows")
        if rows != self.config.limit and sum(sizes) + sum(line_breaks) != counted:
            raise ChemVAEError(
                f"{counted:,} rows were counted in {self.resolved.path.name}, but {sum(sizes):,} were read with "
                f"{sum(line_breaks):,} line breaks in them, which is a bug; please report it"
            )
        if rows != sum(sizes) or rows != sum(f.molecules + f.rejected for f in parts):
            raise ChemVAEError(f"the parts in {self.partial} are of another source; delete that folder and run again")
        self._check_numbers(parts)
        for name in self.units:
            if sum(f.molecules for f in parts) and not sum(f.numeric[name] for f in parts):
                raise DataError(f"no row of {self.resolved.path.name} has a value of the property {name!r}")
        tell(rows)
        for name in self.units:
            if odd := sum(f.not_numeric[name] for f in parts):
                example = next(f.example[name] for f in parts if name in f.example)
                self.notes.append(
                    f"{odd:,} cells of {name!r} are no finite numbers (such as {example!r}) and count as unmeasured"
                )
        return parts

    def _check_numbers(self, parts: list[shards.PartFigures]) -> None:
        for name in self.units:
            examples = [f.example[name] for f in parts if name in f.example]
            if examples and not sum(f.numeric[name] for f in parts):
                raise DataError(
                    f"the property column {name!r} holds text, not numbers: its first value is {examples[0]!r}"
                )

    # -- phase 2 -----------------------------------------------------------------------------------------------------

    def _place(self, figures: list[shards.PartFigures]) -> _Rows:
        self.progress("split", 0, len(figures))
        total = sum(f.molecules for f in figures)
        hashes, given = np.zeros(total, np.uint64), np.zeros(total, np.uint8)
        columns: dict[str, np.ndarray] = {"hash": hashes, "given_split": given}
        columns |= {name: np.zeros(total) for name in self.units}
        if self.settings.scaffolds:
            columns["scaffold"] = np.zeros(total, np.uint64)
        starts = [0]
        for number, part in enumerate(figures):
            end = starts[-1] + part.molecules
            if part.molecules:
                table = parquet.read_table(self.settings.part(number), columns=list(columns))
                for name, column in columns.items():
                    column[starts[-1] : end] = table.column(name).to_numpy()
            starts.append(end)
            self.progress("split", number + 1, len(figures))
        merged = merge_duplicates(hashes, {name: columns[name] for name in self.units})
        given[~merged.keep] = shards.UNASSIGNED  # the first row of a molecule says its split
        fractions = self.config.validation_fraction, self.config.test_fraction
        split = assign_splits(given, columns.get("scaffold", hashes), self.config.seed, *fractions)
        if not (merged.keep & (split == 0)).any():
            molecules, count = int(merged.keep.sum()), sum(f.rows for f in figures)
            if molecules:
                raise DataError(
                    f"none of the {molecules:,} molecules is in the training split; check the split column, or lower "
                    "the fractions of validation and test"
                )
            why = explain_rejections(self.settings, len(figures))
            raise DataError(f"all {count:,} rows of {self.resolved.path.name} were rejected: {why}")
        values = merged.values | {f"{name}_spread": spread for name, spread in merged.spreads.items()}
        ordered = {n: values[n] for name in self.units for n in (name, f"{name}_spread")}
        return _Rows(hashes, merged.keep, split, ordered, starts)

    # -- phase 3 -----------------------------------------------------------------------------------------------------

    def _vocabulary(self, workers: Workers, rows: _Rows) -> SelfiesVocabulary:
        parts = len(rows.starts) - 1
        train = rows.keep & (rows.split == 0)
        sample = draw_sample(rows.hashes, train, _MERGE_SAMPLE if self.config.merges else 0, self.config.seed)
        self.progress("vocabulary", 0, parts + 1)
        symbols: set[str] = set()
        strings: list[str] = []
        jobs = ((self.settings, i, train[rows.of(i)], sample[rows.of(i)]) for i in range(parts))
        for done, (found, sampled) in enumerate(workers.map(shards.collect_symbols, jobs), start=1):
            symbols |= found
            strings += sampled
            self.progress("vocabulary", done, parts + 1, {"symbols": len(symbols)})
        strings.sort()  # merges must not depend on the order of rows
        vocabulary = SelfiesVocabulary.learn_merges(sorted(symbols), strings, self.config.merges, self.constraints)
        if len(vocabulary) > 1 << 16:
            raise UserError(f"{len(vocabulary):,} symbols and merges do not fit 16-bit tokens; lower `merges`")
        self.progress("vocabulary", parts + 1, parts + 1, {"symbols": len(symbols), "merges": len(vocabulary.merges)})
        return vocabulary

    def _keep(
        self, workers: Workers, rows: _Rows, vocabulary: SelfiesVocabulary, folder: Path
    ) -> list[tuple[int, int]]:
        parts = len(rows.starts) - 1
        text = json.dumps(vocabulary.to_dict())
        others: dict[str, None] = {}
        for i in range(parts):
            names = parquet.read_schema(self.settings.part(i)).names
            others |= dict.fromkeys(n for n in names if n not in self.settings.own_columns)

        def job(i: int) -> shards.KeepJob:
            at = rows.of(i)
            values = {name: column[at] for name, column in rows.values.items()}
            return shards.KeepJob(self.settings, i, rows.keep[at], rows.split[at], values, text, folder, tuple(others))

        kept: list[tuple[int, int]] = []
        self.progress("write", 0, parts)
        for result in workers.map(shards.write_shard, map(job, range(parts))):
            kept.append(result)
            self.progress("write", len(kept), parts, {"molecules": sum(n for n, _ in kept)})
        return kept

    def _finish(
        self,
        whole: Path,
        figures: list[shards.PartFigures],
        rows: _Rows,
        vocabulary: SelfiesVocabulary,
        kept: list[tuple[int, int]],
    ) -> dict[str, Any]:
        write_arrays(self.settings, whole, kept, (*self.config.compute, *self.units))
        stages = write_all_rejections(self.settings, whole, len(figures))
        write_json(whole / "vocabulary.json", vocabulary.to_dict())
        split = np.load(whole / "split.npy", mmap_mode="r")
        total, accepted, rejected = sum(f.rows for f in figures), sum(n for n, _ in kept), sum(stages.values())
        duplicates = int((~rows.keep).sum())
        counts: dict[str, Any] = {"rows": total, "accepted": accepted, "duplicates": duplicates, "rejected": rejected}
        if total != accepted + duplicates + rejected:
            raise ChemVAEError(f"rows are missing from the account, which is a bug: {counts}; please report it")
        counts["rejected_by_stage"] = dict(stages.most_common())
        counts |= {name: int((split == code).sum()) for code, name in enumerate(SPLITS)}
        if rejected > total / 2:
            self.notes.append(f"more than half of the rows were rejected: {rejected:,} of {total:,}")
        entries = [
            {"name": p.name, "label": p.label, "unit": p.unit, "kind": "computed"}
            for p in map(get_property, self.config.compute)
        ] + [{"name": n, "label": n, "unit": unit, "kind": "measured"} for n, unit in self.units.items()]
        source = ("name", "location", "sha256", "title", "licence", "citation")
        versions = ("rdkit", "selfies", "tokenizers", "numpy", "pyarrow")
        return {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "name": self.resolved.name,
            "key": self.key,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "source": {name: getattr(self.resolved, name) for name in source},
            "options": self.config.model_dump(mode="json", exclude={"workers"}),
            "properties": add_statistics(whole, entries),
            "counts": counts,
            "rows_checked": True,
            "vocabulary": {"symbols": len(vocabulary.symbols), "merges": len(vocabulary.merges)},
            "mean_tokens": sum(t for _, t in kept) / accepted,
            "constraints": self.constraints,
            "shards": [{"file": self.settings.part(i).name, "rows": n} for i, (n, _) in enumerate(kept) if n],
            "notes": self.source.notes + self.notes,
            "versions": {name: importlib.metadata.version(name) for name in versions},
        }
