"""Fine-tuning on 1,000 molecules of a new kind: what is gained, what is forgotten, and how long it takes.

    python benchmarks/finetune.py --model moses --workspace workspace

Two kinds, both enumerated here from a seed, with nothing downloaded: 4-anilinoquinazolines and -pyrimidines (the kinase
inhibitors gefitinib and erlotinib are such), and macrolactams with a ring of twelve atoms or more. MOSES holds
next to none of the first and no ring of more than eight atoms. Figures: the share of samples (of p(x), without a target)
that are of the kind, exact reconstruction and -log p(x) in nats of held-out molecules of the kind and of the base's own,
before and after. Written to benchmarks/results/finetune.json.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import random
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

MOLECULES = 1250  # 1,000 to train on, an eighth each to validate and to test
SAMPLES = 1000
MOSES_MOLECULES = 500

SUBSTITUENTS = [
    "F",
    "Cl",
    "Br",
    "C",
    "CC",
    "C#C",
    "C#N",
    "OC",
    "OCC",
    "C(F)(F)F",
    "OC(F)(F)F",
    "N(C)C",
    "S(C)(=O)=O",
    "C(N)=O",
    "NC(C)=O",
    "C(=O)OC",
    "O",
    "N",
    "C(C)C",
    "OCCOC",
    "SC",
]
TAILS = ["OC", "OCC", "OCCOC", "OCCCN5CCOCC5", "OCCN(C)C", "OCCCN(C)C", "OC5CCOC5", "OCC5CCN(C)CC5", "N5CCN(C)CC5", ""]
TAILS += ["OCCN5CCCC5", "NC(=O)C=C", "NC(=O)CC", "C(=O)NC", "F", "Cl", "OCCCO", "OC(C)C", "N(C)CCO", "OCCn5ccnc5"]
KINASE_LIKE = "[c;r6]1(-[NX3;H1;!r]-[c;r6]2[c;r6][c;r6][c;r6][c;r6][c;r6]2)[n;r6][c;r6][n;r6][c;r6][c;r6]1"
MACROCYCLE = "[r{12-}]"


def kinase_like(draw: random.Random) -> str:
    """Make a 4-anilinoquinazoline or 4-anilinopyrimidine with drawn substituents."""
    aniline = _substituted_ring(draw)
    first, second = draw.choice(TAILS), draw.choice(TAILS)
    if draw.random() < 0.6:
        return f"c1nc(N{aniline})c2cc({first})c({second})cc2n1".replace("()", "")
    return (
        f"c1nc(N{aniline})cc({first})n1".replace("()", "")
        if second == ""
        else f"c1nc(N{aniline})c({second})c({first})n1".replace("()", "")
    )


def _substituted_ring(draw: random.Random) -> str:
    meta, para, other = (
        draw.choice(SUBSTITUENTS),
        draw.choice([*SUBSTITUENTS, "", "", ""]),
        draw.choice(["", "", "F", "Cl"]),
    )
    return f"c3cc({meta})c({para})c({other})c3".replace("()", "")


LINKERS = ["CC", "CCC", "CCCC", "CCOCC", "CC=CC", "CCNCC", "CCSCC", "CCN(C)CC", "CC(C)C", "CCCCC", "CCOCCOCC"]
ARENES = [
    "c2ccc({})cc2",
    "c2cccc({})c2",
    "c2ccc({})nc2",
    "c2csc({})n2",
    "c2cc({})ccc2F",
    "c2cc({})on2",
    "c2ccc({})c(OC)c2",
]
RESIDUES = [
    "NC(C)C(=O)",
    "NCC(=O)",
    "NC(CO)C(=O)",
    "N(C)CC(=O)",
    "NC(C(C)C)C(=O)",
    "NC(Cc3ccccc3)C(=O)",
    "N3CCCC3C(=O)",
    "",
]


def macrocycle(draw: random.Random) -> str:
    """Make a macrolactam: an acid with an arene, a linker and a residue, closed by a diamine."""
    inner = draw.choice(["", "O", "S"]) + draw.choice(LINKERS) + draw.choice(RESIDUES) + "NCCN1"
    return f"O=C1{draw.choice(LINKERS)}{draw.choice(['', 'O'])}{draw.choice(ARENES).format(inner)}"


def is_kinase_like(mol: Any) -> bool:
    """Tell whether a molecule has the aniline at position 4 of a pyrimidine, fused or not."""
    from rdkit import Chem

    return bool(mol.HasSubstructMatch(Chem.MolFromSmarts(KINASE_LIKE)))


def is_macrocycle(mol: Any) -> bool:
    """Tell whether a molecule has a ring of twelve atoms or more."""
    return any(len(ring) >= 12 for ring in mol.GetRingInfo().AtomRings())


KINDS: dict[str, tuple[Callable[[random.Random], str], Callable[[Any], bool]]] = {
    "4-anilinopyrimidines": (kinase_like, is_kinase_like),
    "macrolactams": (macrocycle, is_macrocycle),
}


def series(kind: str, n: int = MOLECULES, seed: int = 0) -> list[str]:
    """n distinct canonical SMILES of a kind; the same seed gives the same ones."""
    from rdkit import Chem, RDLogger

    RDLogger.DisableLog("rdApp.*")
    return list(_distinct(kind, n, random.Random(seed), Chem))


def _distinct(kind: str, n: int, draw: random.Random, chem: Any) -> Iterator[str]:
    make, belongs = KINDS[kind]
    seen: set[str] = set()
    for _ in range(200 * n):
        mol = chem.MolFromSmiles(make(draw))
        if mol is None or not belongs(mol) or mol.GetNumHeavyAtoms() > 45:
            continue
        smiles = chem.MolToSmiles(mol)
        if smiles not in seen:
            seen.add(smiles)
            yield smiles
            if len(seen) == n:
                return
    raise SystemExit(f"the recipe of {kind} gives only {len(seen)} molecules")


def main() -> None:
    """Fine-tune on each kind and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="moses", help="the base, as --model of chem-vae takes it")
    parser.add_argument("--workspace", type=Path, default=Path(os.environ.get("CHEM_VAE_WORKSPACE", "workspace")))
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting below [train]")
    parser.add_argument("--kind", action="append", choices=list(KINDS), help="only this one; repeatable")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "finetune.json")
    args = parser.parse_args()

    from chem_vae.atomic_files import write_json
    from pipeline.config import load_config
    from pipeline.models.trained_model import load_model
    from pipeline.workspace.runs import describe_machine, list_versions

    settings = {f"train.{k}": tomllib.loads(f"v = {v}")["v"] for k, v in (text.split("=", 1) for text in args.set)}
    base = load_model(args.model, args.workspace)
    results = {}
    for kind in args.kind or KINDS:
        source = args.workspace / "benchmark-series" / f"{kind}.csv"
        _write(source, series(kind))
        wanted = {"ingest.source": str(source), "ingest.validation_fraction": 0.1, "ingest.test_fraction": 0.1}
        config = load_config(None, {**wanted, "train.start": str(args.model), **settings})
        results[kind] = _one(kind, base, config, args.workspace)
        print(json.dumps({kind: results[kind]}, indent=1), flush=True)
    about = {
        "base": base.card["dataset"]["name"],
        "key": base.key,
        "training_molecules": base.card["training_molecules"],
    }
    written = {"base": about, "kinds": results, "machine": describe_machine(), "versions": list_versions()}
    args.output.parent.mkdir(parents=True, exist_ok=True)
    write_json(args.output, written)


def _one(kind: str, base: Any, config: Any, workspace: Path) -> dict[str, Any]:
    from pipeline.datasets.ingest import ingest
    from pipeline.training.train import train

    started = time.monotonic()
    dataset = ingest(config.ingest, workspace)
    ingested = time.monotonic()
    model = train(dataset, config.train, workspace)
    seconds = {"ingest": ingested - started, "train": time.monotonic() - ingested}
    told = model.card["finetuning"]
    names = ("epochs", "shown_molecules", "learning_rate", "replay", "replay_source", "replay_molecules", "new_symbols")
    return {
        "training_molecules": model.card["training_molecules"],
        "settings": {name: told[name] for name in names},
        "share_of_the_kind": {"before": _share(kind, base), "after": _share(kind, model), "of": SAMPLES},
        "held_out": told["before_after"],
        "moses_test": {"before": _moses(base), "after": _moses(model), "of": MOSES_MOLECULES},
        "trained_seconds": model.card["trained_seconds"],
        "seconds": {**seconds, "reused": model.reused},
    }


def _moses(model: Any) -> dict[str, float]:
    """Measure exact reconstruction and -log p(x) in nats of test molecules of the embedded sample: what the base is made for."""
    from chem_vae.analysis import measure_exact_reconstruction, measure_nats
    from chem_vae.data import TokenDataset
    from pipeline.workspace.registry import find_data_folder

    checkpoint = model.checkpoint
    with gzip.open(find_data_folder() / "moses-sample.csv.gz", "rt", encoding="utf-8") as file:
        smiles = [row["SMILES"] for row in csv.DictReader(file) if row["split"] == "test"][:MOSES_MOLECULES]
    strings = [checkpoint.vocabulary.from_smiles(s) for s in smiles]
    data = TokenDataset.from_lists(checkpoint.vocabulary.encode_batch(strings))
    exact = measure_exact_reconstruction(checkpoint.model, data, checkpoint.max_length)
    return {"exact_reconstruction": exact, "nats": measure_nats(checkpoint.model, data)}


def _share(kind: str, model: Any) -> dict[str, float]:
    """Measure the shares of SAMPLES molecules drawn from p(x) that are valid, distinct and of the kind."""
    from rdkit import Chem

    drawn = [s for s in model.sample(SAMPLES, seed=1) if s is not None]
    of_kind = {s for s in drawn if KINDS[kind][1](Chem.MolFromSmiles(s))}
    dataset = model.dataset()
    known = (
        set(dataset.table(["smiles"], split="train")["smiles"])
        if dataset is not None and model.card.get("base")
        else set()
    )
    return {
        "valid": len(drawn) / SAMPLES,
        "unique": len(set(drawn)) / SAMPLES,
        "of_the_kind": sum(s in of_kind for s in drawn) / SAMPLES,
        "of_the_kind_and_new": sum(s in of_kind - known for s in drawn) / SAMPLES,
    }


def _write(path: Path, smiles: list[str]) -> None:
    from chem_vae.atomic_files import write_whole

    path.parent.mkdir(parents=True, exist_ok=True)
    with write_whole(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["SMILES"], *([s] for s in smiles)])


if __name__ == "__main__":
    main()
