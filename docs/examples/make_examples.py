"""Make the example files my.csv and round2.csv: molecules of the embedded sample with invented values of pIC50.

    python docs/examples/make_examples.py

The values follow a hidden formula with noise, as measurements would: `measure` is what stands for the laboratory.
"""

from __future__ import annotations

import csv
import gzip
import random
from pathlib import Path

from rdkit import Chem
from rdkit.Chem import Crippen, rdMolDescriptors

HERE = Path(__file__).resolve().parent
SAMPLE = HERE.parent.parent / "data" / "moses-sample.csv.gz"


def measure(smiles: str, noise: random.Random) -> float:
    """Return an invented pIC50: greasy molecules with donors and aromatic nitrogen are active."""
    mol = Chem.MolFromSmiles(smiles)
    nitrogens = len(mol.GetSubstructMatches(Chem.MolFromSmarts("n")))
    value = 4.5 + 0.5 * Crippen.MolLogP(mol) + 0.4 * rdMolDescriptors.CalcNumHBD(mol) + 0.4 * nitrogens
    return round(value + noise.gauss(0, 0.25), 2)


def write_table(path: Path, rows: list[list[str]]) -> None:
    """Write rows of compound, SMILES and pIC50 as CSV."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([["compound", "SMILES", "pIC50"], *rows])


def main() -> None:
    """Write both files."""
    noise = random.Random(0)
    with gzip.open(SAMPLE, "rt", encoding="utf-8") as file:
        smiles = [row["SMILES"] for _, row in zip(range(320), csv.DictReader(file), strict=False)]
    rows = [[f"C-{i:03}", text, str(measure(text, noise))] for i, text in enumerate(smiles, start=1)]
    first = rows[:300]
    first[10][2] = ""  # not measured: the structure is learned all the same
    first.append(["C-321", first[0][1], first[0][2]])  # a duplicate
    first.append(["C-322", "c1ccccc", "6.10"])  # not a molecule: a rejection
    write_table(HERE / "my.csv", first)
    write_table(HERE / "round2.csv", rows[300:])


if __name__ == "__main__":
    main()
