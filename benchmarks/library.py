"""The time of a page of the candidate library with a million molecules. Prints a table and keeps JSON in results/.

python benchmarks/library.py                                     # SQLite, in a temporary folder
python benchmarks/library.py --library postgresql://me@host/db   # an empty database of PostgreSQL
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import text

from chem_vae.atomic_files import write_json
from pipeline.chemistry.molecule import Molecule
from pipeline.library import CandidateLibrary, open_library
from pipeline.library.database import is_sqlite
from pipeline.library.schema import Base
from pipeline.library.search.fields import Range
from pipeline.library.search.queries import LibraryQuery
from pipeline.library.structures import describe_structure
from pipeline.workspace.registry import find_data_folder
from pipeline.workspace.runs import describe_machine

RESULTS = Path(__file__).parent / "results"
DISTINCT = 20_000
"""Real molecules, each of which stands in the library under many keys."""
NIGHTS = 300


def fill(library: CandidateLibrary, molecules: int) -> float:
    """Fill an empty library with proposals of many nights; return the seconds of writing."""
    with gzip.open(find_data_folder() / "moses-sample.csv.gz", "rt") as file:
        smiles = [row["SMILES"] for _, row in zip(range(DISTINCT), csv.DictReader(file), strict=False)]
    structures = [describe_structure(Molecule(s)) for s in smiles]
    draw, now, letters = random.Random(0), datetime.now(UTC), "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    nights = [date.fromordinal(739000 + i) for i in range(NIGHTS)]
    statuses = ["proposed"] * 96 + ["shortlisted", "ordered", "measured", "rejected"]

    def key(i: int) -> str:
        tail = "".join(letters[i // 26**k % 26] for k in range(6))
        return f"{structures[i % len(structures)].inchikey[:8]}{tail}-UHFFFAOYSA-N"

    scores = [draw.random() for _ in range(molecules)]
    times = now.strftime("%Y-%m-%d %H:%M:%S.%f") if is_sqlite(library.engine) else now
    rows = range(molecules)
    own = [structures[i % len(structures)] for i in rows]
    started = time.perf_counter()
    _insert(library, "properties", ((i + 1, name, name, "") for i, name in enumerate(("logp", "mw", "pIC50"))))
    _insert(library, "models", [(1, "m" * 64, "model")])
    _insert(library, "runs", ((
        n + 1, f"{n:064d}", f"{night:%Y%m%d}-020000-nightly", "nightly", "generation", str(night), None, times, 1, None, None, "0",
        molecules // NIGHTS, molecules // NIGHTS) for n, night in enumerate(nights)))  # fmt: skip
    _insert(library, "molecules", ((
        i + 1, k, k[:14], own[i].smiles, own[i].scaffold, times, draw.choice(statuses), scores[i],
        draw.random(), str(nights[i * NIGHTS // molecules])) for i in rows for k in [key(i)]))  # fmt: skip
    _insert(library, "fingerprints", ((i + 1, own[i].morgan, own[i].pattern) for i in rows))
    details = json.dumps({"alerts": "", "nearest_training_similarity": 0.5})
    _insert(library, "proposals", ((
        i + 1, i * NIGHTS // molecules + 1, i % 3333 + 1, scores[i], 0.5, i % 2 == 0, "conditional", None, details) for i in rows))  # fmt: skip
    bases = ((1, "computed", 0, 2.5, 1.0), (2, "computed", 0, 320.0, 30.0), (3, "predicted", 1, 6.5, 0.8))
    _insert(library, "property_values", ((
        i + 1, number, basis, model, draw.gauss(mean, spread), 0.3 if model else None, True)
        for i in rows for number, basis, model, mean, spread in bases))  # fmt: skip
    with library.engine.connect() as connection:
        connection.execute(text("ANALYZE"))
        connection.commit()
    return time.perf_counter() - started


def _insert(library: CandidateLibrary, table: str, rows: Iterator[Sequence[Any]] | Sequence[Sequence[Any]]) -> None:
    """Insert rows in the order of the table's columns as fast as the database takes them."""
    columns = [c.name for c in Base.metadata.tables[table].columns]
    names = ", ".join(f'"{name}"' for name in columns)
    raw: Any = library.engine.raw_connection()
    cursor = raw.cursor()
    if is_sqlite(library.engine):
        cursor.execute("BEGIN IMMEDIATE")
        cursor.executemany(f'INSERT INTO "{table}" ({names}) VALUES ({", ".join("?" * len(columns))})', rows)
        cursor.execute("COMMIT")
    else:
        with cursor.copy(f'COPY "{table}" ({names}) FROM STDIN') as copy:
            for row in rows:
                copy.write_row(row)
        raw.commit()
    raw.close()


QUERIES = {
    "the best 50": LibraryQuery(),
    "the best 50 from place 100,000 on": LibraryQuery(offset=100_000),
    "pIC50_predicted > 7": LibraryQuery(ranges=(Range.parse("pIC50>7"),)),
    "pIC50_predicted > 9.5 (rare)": LibraryQuery(ranges=(Range.parse("pIC50>9.5"),)),
    "three ranges, sorted by pIC50": LibraryQuery(
        ranges=tuple(Range.parse(r) for r in ("pIC50>7", "mw<320", "logp=1:3")), sort="pIC50"
    ),
    "shortlisted, sorted by logp": LibraryQuery(status=("shortlisted",), sort="logp"),
    "one run": LibraryQuery(run=f"{date.fromordinal(739100):%Y%m%d}-020000-nightly"),
    "since a date, newest first": LibraryQuery(since=date.fromordinal(739290), sort="date"),
    "similar to a molecule (0.4)": LibraryQuery(similar_to="CC(C)c1ccc(NC(=O)c2ccncc2)cc1"),
    "similar (0.7)": LibraryQuery(similar_to="CC(C)c1ccc(NC(=O)c2ccncc2)cc1", min_similarity=0.7),
    "a frequent substructure (pyridine)": LibraryQuery(smarts="c1ccncc1"),
    "a rare substructure": LibraryQuery(smarts="c1ccc2c(c1)CCCC2C(=O)NC1CC1"),
    "a substructure that none has": LibraryQuery(smarts="[Si]"),
    "substructure, similarity, range and status": LibraryQuery(
        smarts="c1ccncc1", similar_to="CC(C)c1ccc(NC(=O)c2ccncc2)cc1", min_similarity=0.3, ranges=(Range.parse("pIC50>6"),),
        status=("proposed", "shortlisted"), sort="pIC50",
    ),
}  # fmt: skip


def measure(library: CandidateLibrary, repeats: int) -> list[dict[str, Any]]:
    """Time each query, the first time on its own: the system then reads files into its memory."""
    rows = []
    for name, query in QUERIES.items():
        page = LibraryQuery(**{**vars(query), "limit": 50})
        seconds, own = [], []
        for _ in range(repeats + 1):
            started, used = time.perf_counter(), time.process_time()
            found = library.query(page)
            seconds.append(time.perf_counter() - started)
            own.append(time.process_time() - used)
        figures = {
            "first": seconds[0],
            "median": statistics.median(seconds[1:]),
            "processor": statistics.median(own[1:]),  # does not grow where other processes take the cores
        }
        rows.append({"query": name, "found": len(found.rows), **figures})
        told = ", ".join(f"{what} {value:.3f} s" for what, value in figures.items())
        print(f"{name:48} {len(found.rows):4} rows: {told}", flush=True)
    ids = [row["id"] for row in found.rows] or ["CV-000001"]
    started = time.perf_counter()
    library.describe(ids[0])
    rows.append({"query": "one molecule with its history", "found": 1, "median": time.perf_counter() - started})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--molecules", type=int, default=1_000_000)
    parser.add_argument(
        "--library", help="an empty database of PostgreSQL; SQLite in a temporary folder when not given"
    )
    parser.add_argument("--folder", type=Path, help="keeps the library; a temporary folder when not given")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--output", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.folder or Path(temporary)
        with open_library(folder, args.library) as library:
            seconds = None if library.count() else fill(library, args.molecules)
            started = time.perf_counter()
            library.query(LibraryQuery(smarts="[Xe]"))
            indexing = time.perf_counter() - started
            name = library.engine.dialect.name
            version = sqlite3.sqlite_version if name == "sqlite" else _read_version(library)
            rows = measure(library, args.repeats)
        result = {
            "machine": describe_machine(), "database": f"{name} {version}", "molecules": args.molecules, "rows_of_a_page": 50,
            "seconds_to_fill": seconds, "seconds_to_index_structures": indexing, "queries": rows,
            "slowest_page": max(row["median"] for row in rows),
            "slowest_page_processor": max(row.get("processor", 0.0) for row in rows), "measured": datetime.now(UTC).date().isoformat(),
        }  # fmt: skip
    print(f"filled in {seconds} s, indexed in {indexing:.1f} s, slowest page {result['slowest_page']:.3f} s")
    write_json(args.output or RESULTS / f"library-{name}.json", result)


def _read_version(library: CandidateLibrary) -> str:
    with library.engine.connect() as connection:
        return str(connection.execute(text("SHOW server_version")).scalar_one())


if __name__ == "__main__":
    main()
