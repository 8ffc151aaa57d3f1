"""Prepares the data of the base model for drug-like molecules: one table out of several sources, with a split.

    python benchmarks/prepare_druglike.py --zinc zinc250k.smiles --extract druglike.csv.gz \
        --hold-out MoleculeACE/*.csv --output druglike-prepared.csv.gz

ZINC250k is one SMILES a line; the extract has the columns smiles, source and stereo_known (0: its source removed the stereo).
Whoever trains on a ChEMBL of their own gives a table with these columns, for instance of `chembl_35_chemreps.txt`.

- The split is drawn by the molecular graph without stereo, charges, hydrogens and bond orders, so that tautomers, stereoisomers
  and salts of one molecule are in one split. Every graph of a file of --hold-out is in the test split.
- A molecule whose source removed the stereo is left out where it could have some: it is of unknown stereo, not achiral.
- Molecules of another weight than 150 to 650 g/mol are left out, and rows that RDKit cannot parse; all are counted.
- Rows are written in random order, so that the first n rows are a fair sample.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import json
import random
from collections import Counter
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path

from rdkit import Chem, rdBase
from rdkit.Chem import Descriptors, rdMolHash

LIGHTEST, HEAVIEST = 150.0, 650.0  # g/mol
HELD_OUT = {"zinc250k": (0.01, 0.02), "other": (0.005, 0.01)}
"""Shares of validation and test by source."""
SEED = 20_261_125


def main() -> None:
    """Read the sources, choose and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--zinc", type=Path, required=True, help="ZINC250k, one SMILES a line")
    parser.add_argument("--extract", type=Path, help="a table with the columns smiles, source, stereo_known")
    parser.add_argument(
        "--hold-out", type=Path, nargs="*", default=[], help="tables with a column smiles, kept out of the training"
    )
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    with get_context("spawn").Pool(options.workers) as pool:
        found = pool.imap_unordered(examine, _read_held_out(options.hold_out), 1000)
        unseen = {graph for graph, _ in filter(None, found)}
        print(f"{len(unseen):,} molecular graphs are held out", flush=True)
        counts: Counter[str] = Counter()
        rows: list[tuple[str, str, str]] = []
        for row in pool.imap(choose, _read_sources(options.zinc, options.extract), 1000):
            smiles, source, graph, outcome = row
            counts[outcome] += 1
            if not outcome:
                split = "test" if graph in unseen else draw_split(graph, source)
                counts[f"{split} {'zinc250k' if source == 'zinc250k' else 'other'}"] += 1
                rows.append((smiles, source, split))
    random.Random(SEED).shuffle(rows)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(options.output, "wt", encoding="ascii", newline="", compresslevel=6) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("smiles", "source", "split"))
        writer.writerows(rows)
    counts["kept"] = counts.pop("", 0)
    print(json.dumps(dict(counts.most_common()), indent=1))


def examine(smiles: str) -> tuple[str, float] | None:
    """Return the graph and the weight (g/mol) of the largest fragment; None where RDKit cannot parse the molecule."""
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles)
        fragments = Chem.GetMolFrags(mol, asMols=True) if mol is not None else ()
        if not fragments:
            return None
        parent = max(fragments, key=lambda fragment: fragment.GetNumHeavyAtoms())
        return rdMolHash.MolHash(Chem.Mol(parent), rdMolHash.HashFunction.ElementGraph), Descriptors.MolWt(parent)


def choose(row: tuple[str, str, str]) -> tuple[str, str, str, str]:
    """Return SMILES, source, graph, and why the molecule is left out ("" where it is kept)."""
    smiles, source, stereo_known = row
    found = examine(smiles)
    if found is None:
        return smiles, source, "", "not parsed"
    graph, weight = found
    if not LIGHTEST <= weight <= HEAVIEST:
        return smiles, source, graph, "weight"
    if stereo_known == "0" and _could_have_stereo(smiles):
        return smiles, source, graph, "stereo unknown"
    return smiles, source, graph, ""


def draw_split(graph: str, source: str) -> str:
    """Draw the split of a molecular graph, the same each time."""
    validation, test = HELD_OUT.get(source, HELD_OUT["other"])
    share = int.from_bytes(hashlib.blake2b(graph.encode(), digest_size=8).digest(), "little") / 2**64
    return "validation" if share < validation else "test" if share < validation + test else "train"


def _could_have_stereo(smiles: str) -> bool:
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles)
        return any(found.specified == Chem.StereoSpecified.Unspecified for found in Chem.FindPotentialStereo(mol))


def _read_held_out(paths: list[Path]) -> Iterator[str]:
    for path in paths:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                yield row["smiles"]


def _read_sources(zinc: Path, extract: Path | None) -> Iterator[tuple[str, str, str]]:
    with zinc.open(encoding="ascii") as file:
        for line in file:
            if line.strip():
                yield line.split()[0], "zinc250k", "1"
    if extract is not None:
        open_text = gzip.open if extract.suffix == ".gz" else open
        with open_text(extract, "rt", encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                yield row["smiles"], row["source"], row["stereo_known"]


if __name__ == "__main__":
    main()
