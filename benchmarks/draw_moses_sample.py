"""Draws data/moses-sample.csv.gz from the MOSES data, the same bytes each time.

    python benchmarks/draw_moses_sample.py [--wheel molsets-0.3.1-py3-none-any.whl] [--output data/moses-sample.csv.gz]

Without --wheel, the MOSES data is fetched as `chem-vae ingest --source moses` does. 100,000 molecules come from its
train split and 5,000 from its test split, in random order, so that the first n rows are a fair sample too. Prints the
SHA-256 for data/datasets.toml.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import io
import random
import zipfile
from pathlib import Path

SEED = 20201218  # the day the MOSES paper appeared
TRAIN, TEST = 100_000, 5_000


def draw(train: list[str], test: list[str]) -> bytes:
    """Draw the sample as the bytes of a gzipped CSV file with columns SMILES and split."""
    rng = random.Random(SEED)
    rows = [(s, "train") for s in rng.sample(sorted(train), TRAIN)] + [
        (s, "test") for s in rng.sample(sorted(test), TEST)
    ]
    rng.shuffle(rows)
    text = "SMILES,split\n" + "".join(f"{smiles},{split}\n" for smiles, split in rows)
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=buffer, mtime=0) as out:
        out.write(text.encode("ascii"))
    return buffer.getvalue()


def read_wheel(wheel: Path) -> tuple[list[str], list[str]]:
    """Read the train and test SMILES of a molsets wheel."""
    with zipfile.ZipFile(wheel) as archive:
        parts = []
        for name in ("train", "test"):
            text = gzip.decompress(archive.read(f"moses/dataset/data/{name}.csv.gz")).decode("ascii")
            parts.append(text.split()[1:])  # the first line is the column's name
    return parts[0], parts[1]


def read_cache() -> tuple[list[str], list[str]]:
    """Read the train and test SMILES of the named dataset `moses`, fetched when it is not in the cache yet."""
    from pipeline.workspace.registry import resolve

    found: dict[str, list[str]] = {"train": [], "test": []}
    with gzip.open(resolve("moses").path, "rt", encoding="ascii", newline="") as file:
        for row in csv.DictReader(file):
            found[row["split"]].append(row["SMILES"])
    return found["train"], found["test"]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--wheel", type=Path)
    parser.add_argument("--output", type=Path, default=Path(__file__).parents[1] / "data" / "moses-sample.csv.gz")
    arguments = parser.parse_args()
    train, test = read_wheel(arguments.wheel) if arguments.wheel else read_cache()
    data = draw(train, test)
    arguments.output.write_bytes(data)
    print(f"{arguments.output}: {len(data):,} bytes, sha256 {hashlib.sha256(data).hexdigest()}")


if __name__ == "__main__":
    main()
