"""Counts the atom environments and ring systems of real molecules, and writes the table by which rarity is judged.

    python benchmarks/count_structures.py druglike-prepared.csv.gz --output data/structures.safetensors --workers 2

The input is a table with the columns smiles, source and split of `prepare_druglike.py` (rows of other splits than `train` are left out,
so that the share of unusual molecules can be measured on them), or any table with a column smiles. The table holds counts, no
molecules. The same rows give the same bytes, with any number of workers.
"""

from __future__ import annotations

import argparse
import csv
import gzip
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from pipeline.chemistry.filters.structure_counts import count_smiles, merge_counts
from pipeline.chemistry.filters.structure_table import write_table
from pipeline.workspace.work.parallel import Workers

_AT_ONCE, _MERGED_AT_ONCE = 20_000, 8  # molecules; parts


def main() -> None:
    """Read, count and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path, help="a .csv or .csv.gz file with a column smiles")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--limit", type=int, help="read no more than so many rows")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    parts = []
    with Workers(options.workers) as workers:
        for part in workers.map(count_smiles, _read_chunks(options.table, options.limit)):
            parts.append(part)
            if len(parts) >= _MERGED_AT_ONCE:
                parts = [merge_counts(parts)]
                print(f"{parts[0].molecules:,} molecules", flush=True)
    counts = merge_counts(parts)
    write_table(counts, options.output)
    print(
        f"{counts.molecules:,} molecules ({counts.rejected:,} rejected): {len(counts.radius_1.keys):,} environments of radius 1, "
        f"{len(counts.radius_2.keys):,} of radius 2, {len(counts.ring_systems.keys):,} ring systems; "
        f"{options.output}, {options.output.stat().st_size:,} bytes"
    )


def _read_chunks(path: Path, limit: int | None) -> Iterator[list[str]]:
    open_text = gzip.open if path.suffix == ".gz" else open
    with open_text(path, "rt", encoding="utf-8", newline="") as file:
        rows = (r["smiles"] for r in islice(csv.DictReader(file), limit) if r.get("split", "train") == "train")
        while chunk := list(islice(rows, _AT_ONCE)):
            yield chunk


if __name__ == "__main__":
    main()
