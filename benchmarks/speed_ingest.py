"""The speed of an ingest beside what RDKit and selfies alone need for the same molecules, and the memory of its processes."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import re
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from speed_figures import Figure


def ingest(args: argparse.Namespace) -> tuple[dict[str, Any], list[Figure]]:
    """Measure a whole ingest: its wall time and the memory of all its processes, beside the chemistry that it cannot avoid.

    That is measured twice: in one process while the other cores rest, and in as many at once as the ingest has, which share the
    memory, the caches and the heat of one processor as those of the ingest do.
    """
    from pipeline.datasets import ingest as ingesting
    from pipeline.datasets.config import IngestConfig
    from pipeline.workspace.progress.bars import show_progress

    config = IngestConfig(
        source=args.source, limit=args.limit, workers=args.workers, compute=tuple(filter(None, args.compute.split(",")))
    )
    cores = config.workers or os.cpu_count() or 1
    before, before_together = measure_chemistry_alone(config), _measure_chemistry_together(config, cores)
    with (
        tempfile.TemporaryDirectory(dir=args.scratch) as folder,
        _MemoryWatch() as memory,
        show_progress() as progress,
    ):
        start = time.perf_counter()
        dataset = ingesting.ingest(config, Path(folder), progress)
        seconds = time.perf_counter() - start
        counts = dataset.counts
        size = sum(p.stat().st_size for p in dataset.folder.rglob("*") if p.is_file())
    after, after_together = measure_chemistry_alone(config), _measure_chemistry_together(config, cores)
    alone = {k: (before[k] + after[k]) / 2 for k in before}
    together = (before_together + after_together) / 2
    rate = counts["rows"] / seconds
    details = {
        "source": args.source,
        "counts": counts,
        "compute": list(config.compute),
        "seconds": seconds,
        "peak_memory_mb": memory.peak / 1e6,
        "largest_process_mb": memory.largest / 1e6,
        "dataset_mb": size / 1e6,
        "chemistry_microseconds": {k: 1e6 * v for k, v in alone.items()},
        "chemistry_microseconds_together": 1e6 * together,
    }
    limit, busy = cores / sum(alone.values()), cores / together
    return details, [
        Figure(f"ingest, {args.source}", rate, "rows/s", limit, "RDKit and selfies alone, in one process"),
        Figure(f"ingest, {args.source}, all cores", rate, "rows/s", busy, "the same in all processes at once"),
    ]


def _measure_chemistry_together(config: Any, processes: int) -> float:
    """Measure `measure_chemistry_alone` in so many processes at once; returns the mean of their seconds per molecule in all."""
    spawn = multiprocessing.get_context("spawn")
    ready = config, spawn.Barrier(processes)
    with ProcessPoolExecutor(processes, spawn, initializer=_wait_for_all, initargs=ready) as pool:
        found = list(pool.map(measure_chemistry_alone, [config] * processes))
    return sum(sum(f.values()) for f in found) / processes


def _wait_for_all(config: Any, barrier: Barrier) -> None:
    """Load what a measurement needs, and wait until every process has."""
    measure_chemistry_alone(config, 100)
    barrier.wait(600)


def measure_chemistry_alone(config: Any, molecules: int = 2000) -> dict[str, float]:
    """Measure the seconds per molecule of each library call that a result needs, in one process.

    Args:
        config: Settings of an ingest: the source of the molecules, and the properties to compute.
        molecules: How many molecules of the source.
    """
    import selfies
    from rdkit import Chem, rdBase

    from pipeline.chemistry.properties import PROPERTIES
    from pipeline.datasets.readers.source import Source
    from pipeline.workspace.registry import resolve

    source = Source.open(resolve(config.source).path)
    texts = [t for chunk in source.chunks(limit=molecules) for t in chunk.inputs if t][:molecules]
    found: dict[str, float] = {}

    def timed(name: str, call: Callable[[Any], Any], items: list[Any]) -> list[Any]:
        start = time.process_time()
        out = [call(item) for item in items]
        found[name] = (time.process_time() - start) / len(items)
        return out

    with rdBase.BlockLogs():
        mols = [m for m in timed("parse", Chem.MolFromSmiles, texts) if m is not None]
        smiles = timed("canonical SMILES", Chem.MolToSmiles, mols)
        timed("InChIKey", Chem.MolToInchiKey, mols)
        timed("SELFIES", selfies.encoder, smiles)
        for name in config.compute:
            PROPERTIES[name].function(mols[0])  # loads what it needs
            timed(name, PROPERTIES[name].function, mols)
    return found


class _MemoryWatch:
    """Memory of this process and its children, looked at every two seconds, which takes some of the time that is measured; a page that several share counts once (Linux)."""

    def __enter__(self) -> _MemoryWatch:
        self.peak = self.largest = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(2.0):
            parents = {}
            for entry in Path("/proc").iterdir():
                if entry.name.isdigit():
                    with suppress(OSError):
                        parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            family = {os.getpid()}
            while more := {p for p, parent in parents.items() if parent in family} - family:
                family |= more
            resident, shares = zip(*map(_read_memory, family), strict=True)
            self.peak, self.largest = max(self.peak, sum(shares)), max(self.largest, *resident)


def _read_memory(process: int) -> tuple[int, int]:
    """Read the resident memory of a process, and its share of it where others have the same pages, in bytes; 0 of one that has ended."""
    try:
        text = Path(f"/proc/{process}/smaps_rollup").read_text()
    except OSError:
        return 0, 0
    found = dict(re.findall(r"^(Rss|Pss): +(\d+) kB", text, re.MULTILINE))
    return int(found.get("Rss", 0)) * 1024, int(found.get("Pss", 0)) * 1024
