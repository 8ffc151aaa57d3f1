"""Builds the folder of a dataset from its source: the three phases of an ingest, and the manifest.

First, workers standardize chunks of rows into parts, each written whole, so that a killed run goes on with the parts it has.
Then one process, with a few bytes for each row, finds duplicates and draws the splits. Last, workers write what is kept as
shards and tokens; the folder gets its name when its manifest is written.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from chem_vae.atomic_files import read_json, sync_folder, write_json
from chem_vae.errors import ChemVAEError, DataError, UserError
from chem_vae.progress import Progress
from chem_vae.vocabulary import SelfiesVocabulary, get_default_constraints
from pipeline.chemistry.properties import get_property, prepare_worker
from pipeline.datasets.account import count_changes, count_labels
from pipeline.datasets.building import shards
from pipeline.datasets.building.arrays import add_statistics, explain_rejections, write_all_rejections, write_arrays
from pipeline.datasets.building.duplicates import (
    DuplicateReader,
    choose_limit,
    describe_merged_forms,
    list_disagreements,
    write_disagreements,
)
from pipeline.datasets.building.part_cache import FOLDER, keep_part
from pipeline.datasets.building.parts import is_finished_part
from pipeline.datasets.building.rare_symbols import move_to_training
from pipeline.datasets.building.row_losses import describe_losses
from pipeline.datasets.building.splits import PlacedRows, draw_sample, place_molecules
from pipeline.datasets.columns import (
    add_notes,
    check_first_part,
    check_numbers,
    check_values,
    find_columns,
    open_source,
)
from pipeline.datasets.config import IngestConfig
from pipeline.datasets.dataset import FORMAT, FORMAT_VERSION, SPLITS, Dataset
from pipeline.datasets.growth import describe_origin
from pipeline.datasets.labels.label import LabelColumn
from pipeline.datasets.labels.label_checks import find_label_problems
from pipeline.datasets.labels.measured_columns import read_labels
from pipeline.datasets.readers import Caution
from pipeline.datasets.readers.chiral_flags import settle_chiral_flag
from pipeline.datasets.readers.row_numbers import RowNumbers
from pipeline.datasets.readers.source import Chunk
from pipeline.datasets.shard_settings import PartFigures, ShardSettings, read_part_figures
from pipeline.workspace.places import make_places_absolute
from pipeline.workspace.presentation.column_names import rename_taken
from pipeline.workspace.presentation.formatting import count_of, count_things
from pipeline.workspace.registry import ResolvedSource
from pipeline.workspace.storage.disk_space import check_writable
from pipeline.workspace.storage.folders import delete_folder, make_partial, set_aside, write_manifest
from pipeline.workspace.work.parallel import Workers, count_workers

_FEW_ROWS = 2_000  # fewer are done sooner in this process than a worker starts
_BYTES_OF_A_ROW = 800  # on the disk, while parts and shards are there both
_MERGE_SAMPLE = 25_000
"""Training strings that merges are learned from: learned from four times as many, a molecule of ZINC250k takes as many ids (13.28), and the
learning four times the time and memory."""


class DatasetBuilder:
    """Builds one dataset, and holds what is known of it from phase to phase."""

    def __init__(
        self,
        config: IngestConfig,
        resolved: ResolvedSource,
        key: str,
        folder: Path,
        progress: Progress,
        *,
        before: Dataset | None = None,
    ) -> None:
        self.before = before  # the dataset of the same source and settings, of an earlier night
        self.config, self.resolved, self.key, self.folder, self.progress = config, resolved, key, folder, progress
        self.partial = folder.with_name(f"{folder.name}.partial")
        self.source = open_source(config, resolved)
        columns = find_columns(self.source, config, resolved)
        self.notes = list(columns.notes)
        self.warnings: list[str] = []
        """Sentences on what may harm the results; `notes` say how the source was read."""
        self.constraints = get_default_constraints()
        standardize, notes = settle_chiral_flag(config.standardize, self.source.layout)
        self.notes += notes
        self.settings = ShardSettings(
            str(self.partial / "parts"), standardize, config.compute, columns.properties, columns.split,
            config.split == "scaffold", tuple(sorted(self.constraints.items())), str(folder.parents[1] / FOLDER),
        )  # fmt: skip
        own = [
            c
            for c in self.source.columns or self.source.layout.fields
            if c not in (*self.settings.sources, columns.split)
        ]
        kept = rename_taken(own, self.settings.own_columns, "source")
        renamed = {name: shown for name, shown in kept.items() if name != shown}
        self.notes += [f"the source's own column {name!r} is kept as {shown!r}" for name, shown in renamed.items()]
        self.settings = replace(self.settings, renamed=tuple(renamed.items()))

    def build(self) -> Dataset:
        """Make the dataset, from the parts that an earlier run has left on."""
        start = time.monotonic()
        whole = self.partial / "whole"  # what becomes the dataset folder
        shutil.rmtree(whole, ignore_errors=True)
        make_partial(self.partial)
        make_partial(self.partial / "parts")
        (whole / "shards").mkdir(parents=True)
        counted = self.source.count()
        expected = min(counted, self.config.limit or 1 << 62)
        check_writable(self.folder.parent, expected * _BYTES_OF_A_ROW, "the ingest")
        self._drop_parts_of_another_state()
        count = 1 if expected < _FEW_ROWS else self.config.workers or count_workers()
        try:
            with Workers(count, prepare_worker(self.config.compute)) as workers:
                figures = self._standardize(workers, expected, counted)
                rows = self._place(figures)
                vocabulary = self._learn_vocabulary(workers, rows)
                kept = self._write_shards(workers, rows, vocabulary, whole / "shards")
            manifest = self._finish(whole, figures, rows, vocabulary, kept)
        except UserError:  # the source's fault: another run of the same would end the same way
            shutil.rmtree(self.partial, ignore_errors=True)
            raise
        made = Dataset(whole, manifest)
        manifest["warnings"] += [f.text for f in find_label_problems(made)]
        manifest["grown_from"] = None if self.before is None else describe_origin(self.before, made)
        manifest["seconds"] = round(time.monotonic() - start, 1)
        write_manifest(whole, manifest)
        if self.folder.is_dir() and not self.folder.is_symlink():  # damaged, or it would have been reused
            delete_folder(self.folder)
        elif self.folder.exists():
            set_aside(self.folder)
        os.replace(whole, self.folder)
        sync_folder(self.folder.parent)
        shutil.rmtree(self.partial, ignore_errors=True)
        return Dataset.open(self.folder)

    def _drop_parts_of_another_state(self) -> None:
        """Delete the parts that a killed ingest left where the file was in another state: it may have been changed while they were read."""
        if self.resolved.state is None:
            return
        path, state = self.partial / "source.json", asdict(self.resolved.state)
        if not path.is_file() or read_json(path) != state:
            shutil.rmtree(self.partial / "parts", ignore_errors=True)
            make_partial(self.partial / "parts")
            write_json(path, state)

    # -- phase 1 -----------------------------------------------------------------------------------------------------

    def _standardize(self, workers: Workers, expected: int, counted: int) -> list[PartFigures]:
        found: dict[int, PartFigures] = {}
        sizes: list[int] = []
        line_breaks: list[int] = []

        def read_missing() -> Iterator[tuple[ShardSettings, Chunk]]:
            for chunk in self.source.chunks(self.config.shard_rows, self.config.limit, by_content=True):
                sizes.append(len(chunk))
                line_breaks.append(chunk.line_breaks)
                if is_finished_part(part := self.settings.part(chunk.number)):
                    found[chunk.number] = read_part_figures(part)
                    keep_part(self.settings, chunk)  # a kill may have come before it was kept
                else:
                    order.append(chunk.number)
                    yield self.settings, chunk

        order: list[int] = []

        def report(total: int) -> None:
            accepted, rejected = sum(f.molecules for f in found.values()), sum(f.rejected for f in found.values())
            done = sum(f.rows for f in found.values())
            known = {"reused": reused} if (reused := sum(f.reused for f in found.values())) else {}
            self.progress("standardize", done, max(total, done), {"molecules": accepted, "rejected": rejected, **known})

        report(expected)
        for number, figures in enumerate(workers.map(shards.standardize_part, read_missing())):
            found[order[number]] = figures
            if order[number] == 0:
                check_first_part(self.source, self.settings.properties, figures, self.config.limit)
            report(expected)
        parts = [found[i] for i in range(len(sizes))]
        self.resolved.check_unchanged()
        rows = sum(f.rows for f in parts)
        if not rows:
            raise DataError(f"{self.resolved.path.name} has no rows")
        if rows != self.config.limit and sum(sizes) + sum(line_breaks) != counted:
            raise ChemVAEError(
                f"{counted:,} rows were counted in {self.resolved.path.name}, but {sum(sizes):,} were read with "
                f"{sum(line_breaks):,} line breaks in them, which is a bug; please report it"
            )
        if rows != sum(sizes) or rows != sum(f.molecules + f.rejected for f in parts):
            shutil.rmtree(self.partial, ignore_errors=True)
            raise ChemVAEError(
                f"the parts that an earlier ingest left in {self.partial} were of another file; they are deleted, run again"
            )
        self.warnings += [note for note in self.source.notes if isinstance(note, Caution)]
        check_numbers(self.settings.sources, parts, self.source.notes)
        report(rows)
        check_values(self.settings.sources, parts, self.resolved.path.name, self.source.notes)
        return parts

    # -- phase 2 -----------------------------------------------------------------------------------------------------

    def _place(self, figures: list[PartFigures]) -> PlacedRows:
        molecules = [f.molecules for f in figures]
        labels = read_labels(self.settings, molecules, self.config, self.source.columns)
        self.notes += labels.notes
        self.warnings += labels.warnings
        self.labels = labels.entries
        rows = place_molecules(self.settings, molecules, labels.columns, self.config, self.progress)
        if not (rows.keep & (rows.split == 0)).any():
            if there := int(rows.keep.sum()):
                column = self.settings.split_column
                remedy = (
                    f"the column {column!r} puts them all into validation or test; rename it if it does not mean the model's splits"
                    if column
                    else "lower the fractions of validation and test"
                )
                raise DataError(f"none of the {there:,} molecules is in the training split: {remedy}")
            numbers = RowNumbers.of_layout(self.source.layout)
            count, why = sum(f.rows for f in figures), explain_rejections(self.settings, len(figures), numbers)
            said = f"all {count:,} rows of {self.resolved.path.name} were rejected: {why}"
            raise DataError(add_notes(said, self.source.notes))
        if rows.mixed_splits:
            self.warnings.append(
                f"{count_things(rows.mixed_splits, 'molecule')} with rows in different splits: the first row's split counts, and the "
                "values of all its rows are merged there"
            )
        self._compare_duplicates(rows, labels.columns)
        return rows

    def _compare_duplicates(self, rows: PlacedRows, labels: dict[str, LabelColumn]) -> None:
        """Tell which repeated measurements disagree, and which molecules were merged from different forms."""
        reader = DuplicateReader([self.settings.part(i) for i in range(len(rows.starts) - 1)], rows.starts)
        numbers = RowNumbers.of_layout(self.source.layout)
        limits = {
            name: choose_limit(name, label.value, self.config.most_spread) for name, label in rows.merged.labels.items()
        }
        self.disagreements, said = list_disagreements(rows.hashes, labels, rows.merged, limits, reader, numbers)
        self.warnings += said
        self.notes += describe_merged_forms(rows.hashes, rows.keep, reader, numbers)

    # -- phase 3 -----------------------------------------------------------------------------------------------------

    def _learn_vocabulary(self, workers: Workers, rows: PlacedRows) -> SelfiesVocabulary:
        parts = len(rows.starts) - 1
        train = rows.keep & (rows.split == 0)
        sample = draw_sample(rows.hashes, train, _MERGE_SAMPLE if self.config.merges else 0, self.config.seed)
        self.progress("vocabulary", 0, parts + 1)
        others = rows.keep & (rows.split != 0)
        symbols: set[str] = set()
        held_out: set[str] = set()
        strings: list[str] = []
        slices = [rows.slice_part(i) for i in range(parts)]
        jobs = ((self.settings, i, train[at], others[at], sample[at]) for i, at in enumerate(slices))
        for done, (found, beside, sampled) in enumerate(workers.map(shards.collect_symbols, jobs), start=1):
            symbols |= found
            held_out |= beside
            strings += sampled
            self.progress("vocabulary", done, parts + 1, {"symbols": len(symbols)})
        if missing := held_out - symbols:
            told = move_to_training(self.settings, rows, missing, RowNumbers.of_layout(self.source.layout))
            (self.warnings if self.settings.split_column else self.notes).append(told)
            symbols |= missing
        strings.sort()  # merges must not depend on the order of rows
        vocabulary = SelfiesVocabulary.learn_merges(sorted(symbols), strings, self.config.merges, self.constraints)
        if len(vocabulary) > 1 << 16:
            raise UserError(f"{len(vocabulary):,} symbols and merges do not fit 16-bit tokens; lower `merges`")
        self.progress("vocabulary", parts + 1, parts + 1, {"symbols": len(symbols), "merges": len(vocabulary.merges)})
        return vocabulary

    def _write_shards(
        self, workers: Workers, rows: PlacedRows, vocabulary: SelfiesVocabulary, folder: Path
    ) -> list[tuple[int, int]]:
        parts = len(rows.starts) - 1
        text = json.dumps(vocabulary.to_dict())
        others = self.settings.list_other_columns(parts)

        def make_job(i: int) -> shards.KeepJob:
            at = rows.slice_part(i)
            values = {name: column[at] for name, column in rows.values.items()}
            return shards.KeepJob(self.settings, i, rows.keep[at], rows.split[at], values, text, folder, others)

        kept: list[tuple[int, int]] = []
        self.progress("write", 0, parts)
        for result in workers.map(shards.write_shard, map(make_job, range(parts))):
            kept.append(result)
            self.progress("write", len(kept), parts, {"molecules": sum(n for n, _ in kept)})
        return kept

    def _finish(
        self,
        whole: Path,
        figures: list[PartFigures],
        rows: PlacedRows,
        vocabulary: SelfiesVocabulary,
        kept: list[tuple[int, int]],
    ) -> dict[str, Any]:
        write_arrays(self.settings, whole, kept, (*self.config.compute, *self.settings.measured))
        write_disagreements(self.disagreements, whole)
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
        files = sorted((whole / "shards").iterdir())
        numbers = RowNumbers.of_layout(self.source.layout)
        has_smiles = self.source.layout.smiles is not None
        self.warnings += describe_losses(whole / "rejections.parquet", files, total, has_smiles)
        changes, examples = count_changes(files)
        if undefined := sum(f.undefined_stereo for f in figures):
            self.notes.append(
                f"{count_of(undefined, sum(f.molecules for f in figures), 'molecule', 'has', 'have')} undefined stereo: centers or double "
                "bonds of which the configuration is not known"
            )
        entries = [
            {"name": p.name, "label": p.label, "unit": p.unit, "kind": "computed"}
            for p in map(get_property, self.config.compute)
        ] + [{"name": n, "label": n, "kind": "measured", **entry} for n, entry in self.labels.items()]
        source = ("name", "location", "sha256", "title", "licence", "citation")
        versions = ("rdkit", "selfies", "tokenizers", "numpy", "pyarrow")
        return {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "name": self.resolved.name,
            "key": self.key,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "source": {name: getattr(self.resolved, name) for name in source},
            "options": make_places_absolute(self.config.model_dump(mode="json", exclude={"workers"}), "ingest."),
            "properties": add_statistics(whole, entries),
            "counts": counts,
            "rows_checked": True,
            "row_numbers": numbers.to_dict(),
            "changes": changes,
            "change_examples": examples,
            "labels": count_labels(files, self.settings.measured),
            "vocabulary": {"symbols": len(vocabulary.symbols), "merges": len(vocabulary.merges)},
            "mean_tokens": sum(t for _, t in kept) / accepted,
            "constraints": self.constraints,
            "shards": [{"file": self.settings.part(i).name, "rows": n} for i, (n, _) in enumerate(kept) if n],
            "notes": [note for note in dict.fromkeys(self.source.notes + self.notes) if note not in self.warnings],
            "warnings": list(dict.fromkeys(self.warnings)),
            "versions": {name: importlib.metadata.version(name) for name in versions},
        }
