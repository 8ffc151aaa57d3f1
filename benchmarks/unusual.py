"""How many unusual structures are found, and how many real molecules are called unusual (`pipeline.chemistry.filters.structure_filters`).

    python benchmarks/unusual.py druglike-prepared.csv.gz --hold-out MoleculeACE/*.csv

The table is that of `prepare_druglike.py`; its test split was not counted for `data/structures.safetensors`. Molecules of the files of
--hold-out are shown apart. With the package `chembl-gen-check` (0.1.4) on the path, its verdict on the same molecules stands beside:
a bond that its statistics call unlikely (LACAN, at its default), or a ring system that ChEMBL lacks. Results: `results/unusual.json`.

The unusual structures are `tests/pipeline/chemistry/filters/unusual_structures.csv`, written before any pattern. Patterns and thresholds were chosen
on half of their kinds (by the hash of the kind); the other half was not looked at.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from prepare_druglike import examine
from rdkit import Chem, rdBase

from chem_vae.atomic_files import write_json
from pipeline.chemistry.filters.structure_filters import locate_unusual
from pipeline.chemistry.filters.structure_table import load_table
from pipeline.chemistry.molecule import Molecule
from pipeline.chemistry.standardization.standardize import Standardizer

ROOT = Path(__file__).resolve().parent.parent
CASES = ROOT / "tests" / "pipeline" / "chemistry" / "filters"
SEED = 14


def main() -> None:
    """Read the molecules, judge them and write the shares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("--hold-out", type=Path, nargs="*", default=[], help="tables with a column smiles")
    parser.add_argument("--molecules", type=int, default=5000, help="of each set")
    options = parser.parse_args()
    with rdBase.BlockLogs():
        sets = _read_sets(options.table, options.hold_out, options.molecules)
        peer = _load_peer()
        load_table()
        result: dict[str, Any] = {
            "reference_molecules": load_table().molecules,
            "rdkit": version("rdkit"),
            "seed": SEED,
            "sets": {name: _measure(smiles, peer) for name, smiles in sets.items()},
        }
    write_json(ROOT / "benchmarks" / "results" / "unusual.json", result)
    for name, row in result["sets"].items():
        peers = "".join(f"  {word} {row[word]:.2%}" for word in ("lacan", "lacan_or_ring_system") if word in row)
        print(f"{name:28s} {row['molecules']:6,}  unusual {row['unusual']:.2%}{peers}  {row['microseconds']:.0f} us")


def _read_sets(table: Path, hold_out: list[Path], number: int) -> dict[str, list[str]]:
    """Read the sets of molecules in standard form, each drawn with a fixed seed."""
    held_out = {found[0] for path in hold_out for text in _read_column(path) if (found := examine(text))}
    drawn: dict[str, list[str]] = {"ZINC250k, test split": [], "others, test split": [], "others, --hold-out": []}
    for row in _read_rows(table):
        if row["split"] != "test":
            continue
        if row["source"] == "zinc250k":
            drawn["ZINC250k, test split"].append(row["smiles"])
        else:
            found = examine(row["smiles"])
            drawn["others, --hold-out" if found and found[0] in held_out else "others, test split"].append(
                row["smiles"]
            )
    moses = [next(iter(row.values())) for row in _read_rows(ROOT / "data" / "moses-sample.csv.gz")]
    sets = {"MOSES": moses, **{name: smiles for name, smiles in drawn.items() if smiles}}
    for name, smiles in sets.items():
        random.Random(SEED).shuffle(smiles)
        sets[name] = _standardize(smiles[: int(1.02 * number)])[:number]
    odd = {0: list[str](), 1: list[str]()}
    for row in _read_rows(CASES / "unusual_structures.csv"):
        odd[int(hashlib.sha256(row["what"].encode()).hexdigest(), 16) % 2].append(row["smiles"])
    sets |= {"unusual structures, looked at": odd[1], "unusual structures, unseen": odd[0]}
    return {**sets, "known drugs": [row["smiles"] for row in _read_rows(CASES / "known_drugs.csv")]}


def _standardize(smiles: list[str]) -> list[str]:
    found = map(Standardizer(), smiles)
    return [molecule.smiles for molecule in found if isinstance(molecule, Molecule)]


def _measure(smiles: list[str], peer: Callable[[str], tuple[bool, bool]] | None) -> dict[str, Any]:
    """Return the shares that are called unusual, by name and by the peer, and the time of one molecule."""
    mols = [Chem.MolFromSmiles(text) for text in smiles]
    start = time.process_time()
    found = [locate_unusual(mol) for mol in mols]
    seconds = time.process_time() - start
    names = Counter(name for names in found for name in names)
    row = {
        "molecules": len(mols),
        "unusual": sum(map(bool, found)) / len(mols),
        "microseconds": 1e6 * seconds / len(mols),
        "names": {name: count / len(mols) for name, count in names.most_common()},
    }
    if peer is not None:
        verdicts = [peer(text) for text in smiles]
        row["lacan"] = sum(bond for bond, _ in verdicts) / len(mols)
        row["lacan_or_ring_system"] = sum(bond or ring for bond, ring in verdicts) / len(mols)
    return row


def _load_peer() -> Callable[[str], tuple[bool, bool]] | None:
    """Return a function that tells whether chembl-gen-check finds an unlikely bond, and an unknown ring system."""
    try:
        from chembl_gen_check import Checker  # here: it is no dependency
    except ImportError:
        return None
    checker = Checker("chembl")

    def judge(smiles: str) -> tuple[bool, bool]:
        checker.load_smiles(smiles)
        return not checker.check_lacan(), not checker.check_ring_systems()

    return judge


def _read_rows(path: Path) -> Iterator[dict[str, str]]:
    open_text = gzip.open if path.suffix == ".gz" else open
    with open_text(path, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _read_column(path: Path) -> Iterator[str]:
    yield from (row["smiles"] for row in _read_rows(path))


if __name__ == "__main__":
    main()
