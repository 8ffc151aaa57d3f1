"""Make a trained model small enough to ship: data/models/<name>/, in half precision, with its card.

    python benchmarks/ship_model.py workspace/models/moses-58818cd1 data/models/moses --benchmark results/moses.json

What is kept: the weights (half precision), the predictors, latent points of training molecules, a thinned training log, and the card
with the figures of the benchmark. What the card says of licence and limits is here, for the model trained on MOSES.
"""

from __future__ import annotations

import argparse
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from chem_vae.atomic_files import write_json
from chem_vae.checkpoint import Checkpoint
from pipeline.models.trained_model import TrainedModel
from pipeline.workspace.folders import hash_content, write_manifest

LICENCE = (
    "MIT, as its training data (MOSES: Polykovskiy et al. 2020, doi:10.3389/fphar.2020.565644, a filtered part of ZINC)"
)
LIMITS = [
    "It knows clean leads alone: neutral molecules of C, N, O, S, F, Cl, Br, of 250 to 350 g/mol, at most seven rotatable bonds, "
    "rings of at most eight atoms, without stereocenters, charges, salts, isotopes, B, P, Si or I.",
    "It cannot make macrocycles, peptides, metal complexes or natural products; fine-tune it on such molecules (chem-vae train --from).",
    "Property values far outside its training data (logP below -1 or above 5, more than 350 g/mol) are asked for in vain.",
    "Its molecules resemble purchasable screening compounds; nothing says that one can be made, is safe, or is active.",
]
MOST_BYTES = 15 * 1024 * 1024
KEPT_ROWS = 300  # of the training log


def ship(source: Path, target: Path, figures: dict[str, Any] | None) -> int:
    """Write the compact folder and return its size in bytes."""
    model = TrainedModel.open(source)
    card = {**model.card, "licence": LICENCE, "limits": LIMITS}
    if figures:
        card["benchmark"] = figures
    shutil.rmtree(target, ignore_errors=True)
    checkpoint: Checkpoint = replace(model.checkpoint, card=card)
    checkpoint.save(target, half=True)
    for name in ("predictors.safetensors", "latent.safetensors", "anomaly.safetensors", "kept.smi"):
        if (source / name).exists():
            shutil.copy(source / name, target / name)
    record = json.loads((source / "training.json").read_text(encoding="utf-8"))
    step = max(1, len(record["history"]) // KEPT_ROWS)
    write_json(target / "training.json", {**record, "history": record["history"][::step]})
    manifest = {**model.manifest, "card": card, "key": hash_content(model.key, "shipped in half precision")}
    write_manifest(target, manifest)
    size = sum(f.stat().st_size for f in target.iterdir())
    if size > MOST_BYTES:
        raise SystemExit(f"{target} takes {size:,} bytes; {MOST_BYTES:,} is the most")
    return size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="a model's folder in the workspace")
    parser.add_argument("target", type=Path, help="where it is shipped: data/models/NAME")
    parser.add_argument("--benchmark", type=Path, help="a JSON file whose figures go into the card")
    args = parser.parse_args()
    figures = json.loads(args.benchmark.read_text(encoding="utf-8")) if args.benchmark else None
    size = ship(args.source, args.target, figures)
    print(f"{args.target}: {size / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
