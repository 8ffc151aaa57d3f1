"""Prediction and conditional generation with 1 to 100 % of the labels of one property.

python benchmarks/missing_labels.py                      # 10 minutes on two cores; killed, it goes on with the next share
python benchmarks/missing_labels.py --property qed --molecules 20000 --epochs 10

logP of a part of the embedded sample is treated as measured: hidden from all but a share of the training molecules.
One small model is trained for each share, conditioned on it alone. Beside it stand a ridge regression on Morgan counts
from the same labels, the mean of the labels, and chance. Writes results/missing-labels.json and figures/missing-labels.png.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from label_curve import SHARES, LabelPoint, hide_labels, label_curve, select_splits

from chem_vae.atomic_files import write_json
from chem_vae.config import ModelConfig, TrainingConfig
from pipeline.datasets.config import IngestConfig
from pipeline.datasets.dataset import Dataset
from pipeline.datasets.ingest import ingest
from pipeline.training.config import TrainConfig
from pipeline.workspace.progress.bars import show_progress
from pipeline.workspace.runs import describe_machine, list_versions

HERE = Path(__file__).parent
SEED = 0


def fingerprint_ridge(
    dataset: Dataset, name: str, shares: tuple[float, ...], molecules: int
) -> list[dict[str, float | int]]:
    """R2 and MAE of ridge regression on Morgan counts (radius 2, 2,048 bins), from the labels that each share keeps."""
    from rdkit import Chem
    from sklearn.linear_model import Ridge

    from pipeline.chemistry.fingerprints import ECFP4_2048

    columns = [[p.name for p in dataset.properties].index(name)]
    splits = select_splits(dataset, columns, molecules, SEED)
    smiles = dataset.table(["smiles"])["smiles"].to_numpy()

    def counts(rows: Any) -> np.ndarray:
        return np.stack([ECFP4_2048.counts(Chem.MolFromSmiles(s)) for s in smiles[rows]]).astype(np.float32)

    x, x_test = counts(splits["train"].indices), counts(splits["test"].indices)
    y_test = splits["test"].values()[:, 0]
    rows: list[dict[str, float | int]] = []
    for share in shares:
        y = hide_labels(splits["train"], share, SEED)[0].values()[:, 0]
        known = np.isfinite(y)
        error = Ridge(alpha=10.0).fit(x[known], y[known]).predict(x_test) - y_test
        r2 = 1 - float((error**2).sum() / ((y_test - y_test.mean()) ** 2).sum())
        rows.append(
            {
                "share": share,
                "labelled": int(known.sum()),
                "r2": r2,
                "mae": float(np.abs(error).mean()),
                "checked": len(error),
            }
        )
    return rows


def figure(points: list[LabelPoint], ridge: list[dict[str, float | int]], label: str, path: Path) -> None:
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter

    drawn = Figure(figsize=(8.6, 3.3), layout="constrained")
    left, right = drawn.subplots(1, 2)
    shares = [p.share for p in points]
    left.plot(shares, [p.r2 for p in points], "o-", color="#2a78d6", label="predictor on the latent space")
    left.plot(shares, [r["r2"] for r in ridge], "s--", color="#8a8a86", label="ridge on Morgan counts")
    left.set(
        ylabel=f"R2 of {label}, held-out molecules",
        title="Prediction",
        ylim=(min(0.0, *(p.r2 for p in points)) - 0.05, 1.02),
    )
    right.plot(shares, [p.target_mae for p in points], "o-", color="#eb6834", label="generated for the value")
    right.plot(shares, [p.target_mae_of_chance for p in points], ":", color="#8a8a86", label="another molecule's value")
    right.set(ylabel=f"mean |{label} - wanted|", title="Conditional generation")
    right.set_ylim(bottom=0)
    for axes in (left, right):
        axes.set_xscale("log")
        axes.set_xticks(shares)
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.minorticks_off()
        axes.set_xlabel("labels kept")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=8)
    path.parent.mkdir(exist_ok=True)
    drawn.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--property", default="logp")
    parser.add_argument("--molecules", type=int, default=9000, help="training molecules")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--generated", type=int, default=1000, help="molecules generated for each share")
    parser.add_argument("--workspace", type=Path, default=Path(os.environ.get("CHEM_VAE_WORKSPACE", "workspace")))
    args = parser.parse_args()
    start = time.perf_counter()
    config = TrainConfig(
        model=ModelConfig(embedding_size=64, encoder_size=96, decoder_size=192, latent_size=32, dropout=0.0),
        training=TrainingConfig(epochs=args.epochs, learning_rate=4e-3, beta=0.03, validations=2),
    )
    with show_progress() as progress:
        dataset = ingest(
            IngestConfig(limit=round(1.15 * args.molecules), compute=("logp", "qed", "tpsa", "mw")),
            args.workspace,
            progress,
        )
        points = label_curve(
            dataset,
            args.property,
            SHARES,
            config,
            molecules=args.molecules,
            generated=args.generated,
            seed=SEED,
            folder=args.workspace / "label-curve",
            progress=progress,
        )
    about = next(p for p in dataset.properties if p.name == args.property)
    ridge = fingerprint_ridge(dataset, args.property, SHARES, args.molecules)
    result = {
        "benchmark": "missing_labels",
        "date": datetime.now(UTC).date().isoformat(),
        "machine": describe_machine(),
        "versions": list_versions(),
        "property": {"name": about.name, "label": about.label, "unit": about.unit},
        "training_molecules": args.molecules,
        "dataset": {"name": dataset.name, "key": dataset.key},
        "config": config.model_dump(mode="json"),
        "temperature": 0.7,
        "seed": SEED,
        "points": [asdict(p) for p in points],
        "ridge_on_morgan_counts": ridge,
        "seconds_of_the_trainings": sum(p.seconds for p in points),
        "seconds_of_this_call": time.perf_counter() - start,
    }
    (HERE / "results").mkdir(exist_ok=True)
    write_json(HERE / "results" / "missing-labels.json", result)
    figure(points, ridge, about.label, HERE / "figures" / "missing-labels.png")
    for p, r in zip(points, ridge, strict=True):
        print(
            f"{p.share:5.0%} ({p.labelled:,} of {p.of:,} labels): R2 {p.r2:.3f} (ridge {r['r2']:.3f}), MAE {p.mae:.3f}; generated "
            f"{p.target_mae:.3f} from the target, r {p.target_r:.2f} (chance {p.target_mae_of_chance:.3f}; {p.valid:,} of "
            f"{p.generated:,} valid); {p.seconds:.0f} s"
        )


if __name__ == "__main__":
    main()
