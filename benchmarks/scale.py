"""Measures what one process does for all rows of a dataset: finding duplicates and drawing splits, in bytes and seconds a row.

    python benchmarks/scale.py                             # 5 and 20 million generated rows
    python benchmarks/scale.py --dataset WORKSPACE/datasets/NAME     # and the bytes on the disk of a molecule of a dataset

`docs/scale.md` extrapolates from these figures to a billion molecules.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np

from chem_vae.atomic_files import write_json
from pipeline.datasets.building.duplicates import merge_duplicates
from pipeline.datasets.building.splits import assign_splits, draw_sample
from pipeline.datasets.dataset import Dataset
from pipeline.workspace.runs import describe_machine

RESULTS = Path(__file__).parent / "results" / "scale.json"
SAMPLE = 100_000


def place(rows: int) -> dict[str, Any]:
    """Place generated rows, of which one in ten is a duplicate, in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_place, (rows,))


def _place(rows: int) -> dict[str, Any]:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    random = np.random.default_rng(0)
    hashes = random.integers(0, 2**64, rows, dtype=np.uint64)
    hashes[-rows // 10 :] = hashes[: rows // 10]
    began = time.process_time()
    merged = merge_duplicates(hashes, {})
    split = assign_splits(np.full(rows, 255, np.uint8), hashes, 0, 0.05, 0.05)
    draw_sample(hashes, merged.keep & (split == 0), SAMPLE, 0)
    seconds = time.process_time() - began
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    return {"rows": rows, "bytes_a_row": peak / rows, "cpu_seconds": seconds, "kept": int(merged.keep.sum())}


def weigh(dataset: Dataset) -> dict[str, Any]:
    """Weigh a dataset: the bytes of a molecule in its arrays and in its shards."""
    shards = sum(p.stat().st_size for p in (dataset.folder / "shards").iterdir())
    arrays = sum(p.stat().st_size for p in dataset.folder.glob("*.npy"))
    molecules = dataset.counts["accepted"]
    return {"molecules": molecules, "bytes_in_shards": shards / molecules, "bytes_in_arrays": arrays / molecules}


def main() -> None:
    """Measure, print and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[5_000_000, 20_000_000])
    parser.add_argument("--dataset", type=Path)
    parser.add_argument("--output", type=Path, default=RESULTS)
    args = parser.parse_args()
    found: dict[str, Any] = {"machine": describe_machine(), "place": [place(rows) for rows in args.rows]}
    if args.dataset is not None:
        found["dataset"] = weigh(Dataset.open(args.dataset))
    print(found)
    write_json(args.output, found)


if __name__ == "__main__":
    main()
