"""Keeps the batches that a long generation draws on the disk, so that the same generation goes on from them after a stop."""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from chem_vae.atomic_files import write_whole
from pipeline.chemistry.metrics import Share
from pipeline.chemistry.molecule import Molecule
from pipeline.generation.config import UNFINISHED, GenerateConfig
from pipeline.generation.sampling.batch import DrawJob, DrawnBatch
from pipeline.models.trained_model import TrainedModel
from pipeline.workspace.runs import list_versions
from pipeline.workspace.storage.folders import hash_content

KEPT_FROM = 1_000
"""The draws of a generation that are not kept: to draw them again takes about as long as to start."""
_CANONICAL = b"canonical"
_FILE = re.compile(r"\d{8,}-(\d+)-[0-9a-f]{16}\.parquet")


@dataclass(frozen=True)
class KeptBatches:
    """The drawn batches of one generation, a Parquet file each, whoever draws them."""

    folder: Path

    @classmethod
    def of(cls, model: TrainedModel, config: GenerateConfig, workspace: Path, name: str) -> KeptBatches:
        """Find those of a generation: of the same model, settings, name and versions."""
        asked = hash_content("generation", 1, model.key, config.model_dump(mode="json"), list_versions())
        shown = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")
        return cls(workspace / UNFINISHED / f"{shown}-{asked[:8]}")

    def count_draws(self) -> int:
        """Count the draws that are kept."""
        return sum(int(found[1]) for path in self.folder.glob("*.parquet") if (found := _FILE.fullmatch(path.name)))

    def read(self, job: DrawJob) -> DrawnBatch | None:
        """Read the batch of a job; None where there is none, or where it is damaged."""
        if job.number < KEPT_FROM or not (path := self._find_file(job)).is_file():
            return None
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError, pa.ArrowException):
            return _read_batch(pq.read_table(path), len(job.z))
        return None

    def write(self, job: DrawJob, batch: DrawnBatch) -> DrawnBatch:
        """Write the batch of a job, as far as the disk takes it, and return it."""
        if job.number >= KEPT_FROM:
            with suppress(OSError):  # a full disk ends no generation that has no need of it
                self.folder.mkdir(parents=True, exist_ok=True)
                with write_whole(self._find_file(job)) as partial:
                    pq.write_table(_make_table(batch), partial)
        return batch

    def _find_file(self, job: DrawJob) -> Path:
        """Name the file of a job by its number and by what it is drawn from: another job's molecules are never taken for its own."""
        drawn_from = hashlib.sha256(job.z.tobytes() + job.conditions.tobytes()).hexdigest()
        return self.folder / f"{job.number:08d}-{len(job.z)}-{drawn_from[:16]}.parquet"


def _make_table(batch: DrawnBatch) -> pa.Table:
    molecules, count, size = batch.molecules, len(batch.molecules), batch.encoded.shape[1]
    columns = {
        "smiles": pa.array([m and m.smiles for m in molecules], pa.string()),
        "inchikey": pa.array([m and m.inchikey for m in molecules], pa.string()),
        "changes": pa.array([m and list(m.changes) for m in molecules], pa.list_(pa.string())),
        "string": pa.array(batch.strings, pa.string()),
        "unusual": pa.array(batch.unusual, pa.string()),
        "z": pa.FixedSizeListArray.from_arrays(pa.array(batch.encoded.reshape(count * size)), size),
        **{f"value {name}": pa.array(values, pa.float64(), from_pandas=False) for name, values in batch.values.items()},
        **{f"deviation {name}": pa.array(values, pa.float64(), from_pandas=False) for name, values in batch.deviations.items()},
    }  # fmt: skip
    canonical = json.dumps([batch.canonical.count, batch.canonical.of]).encode()
    return pa.table(columns).replace_schema_metadata({_CANONICAL: canonical})


def _read_batch(table: pa.Table, count: int) -> DrawnBatch | None:
    """Make a batch of its table; None where it has another number of rows."""
    if table.num_rows != count:
        return None
    cells = {name: table[name].to_pylist() for name in table.column_names if name != "z"}
    rows = zip(cells["smiles"], cells["inchikey"], cells["changes"], strict=True)
    molecules = [None if smiles is None else Molecule(smiles, key, tuple(changes)) for smiles, key, changes in rows]
    encoded = table["z"].combine_chunks()
    size = encoded.type.list_size
    z = np.array(encoded.values.to_numpy(zero_copy_only=False), dtype=np.float32).reshape(count, size)
    canonical = Share(*json.loads(table.schema.metadata[_CANONICAL]))
    values, deviations = (_select(cells, kind) for kind in ("value ", "deviation "))
    return DrawnBatch(molecules, cells["string"], canonical, z, values, deviations, cells["unusual"])


def _select(cells: dict[str, list[Any]], kind: str) -> dict[str, list[float]]:
    return {name.removeprefix(kind): column for name, column in cells.items() if name.startswith(kind)}
