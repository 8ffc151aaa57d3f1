"""beta as the knob of disentanglement: reconstruction, KL, active units and mutual information gaps over beta.

python benchmarks/disentanglement.py                     # some minutes on two cores; killed, it goes on with the next beta
python benchmarks/disentanglement.py --molecules 20000 --betas 0.01 0.1 1

One small model for each beta on a part of the embedded sample, with no head that reads the properties off z (its weight
is 0) and no latent dropout: what the dimensions tell of a property, nobody told them. Mutual information gap: Chen et
al. 2018, arXiv:1802.04942, of 20 bins of equal frequency, on held-out molecules. A gap between dimensions that tell
nothing is noise; the figures of standard normal codes in the place of z stand beside it, and so does the most that one dimension tells.
Writes results/disentanglement.json and figures/disentanglement.png.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from chem_vae.analysis import ACTIVE_VARIANCE, measure_exact_reconstruction
from chem_vae.atomic_files import to_plain, write_json
from chem_vae.checkpoint import ConditionScale
from chem_vae.config import ModelConfig, TrainingConfig
from chem_vae.errors import CollapseWarning
from chem_vae.latent import compute_information_gaps, estimate_mutual_information
from chem_vae.training.trainer import train
from pipeline.datasets.config import IngestConfig
from pipeline.datasets.dataset import Dataset
from pipeline.datasets.ingest import ingest
from pipeline.workspace.progress.bars import show_progress
from pipeline.workspace.runs import describe_machine, list_versions
from pipeline.workspace.storage.folders import hash_content

HERE = Path(__file__).parent
PROPERTIES = ("logp", "mw", "tpsa", "qed")


def one_beta(dataset: Dataset, beta: float, args: argparse.Namespace, folder: Path, progress: Any) -> dict[str, Any]:
    """Train with this beta and measure, or read what was measured before."""
    model = ModelConfig(
        embedding_size=64, encoder_size=96, decoder_size=192, latent_size=args.latent_size, dropout=0.0, symbol_dropout=0.1,
        corruption=0.0, latent_dropout=0.0, condition_dropout=0.0, property_weight=0.0,
    )  # fmt: skip
    config = TrainingConfig(epochs=args.epochs, learning_rate=4e-3, beta=beta, beta_warmup=0.4, validations=4)
    key = hash_content(dataset.key, str(model), str(config), args.molecules, 1)
    path = folder / f"beta-{beta:g}-{key[:8]}.json"
    if path.exists():
        return dict(json.loads(path.read_text(encoding="utf-8")))
    start = time.perf_counter()
    random = np.random.default_rng(0)
    data = {s: dataset.tokens(s).select_properties([]) for s in ("train", "validation")}
    data["train"] = data["train"].select(np.sort(random.permutation(len(data["train"]))[: args.molecules]))
    resume = path.with_suffix(".resume.safetensors")
    scales: tuple[ConditionScale, ...] = ()

    def shown(stage: str, done: int, total: int, figures: Any = None) -> None:
        progress(f"{stage} with beta {beta:g}", done, total, figures)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CollapseWarning)
        checkpoint, log = train(
            data["train"], data["validation"], dataset.vocabulary, scales, model, config,
            resume_file=resume, progress=shown,
        )  # fmt: skip
    held_out = dataset.tokens("test")
    names = [p.name for p in dataset.properties]
    values = torch.from_numpy(held_out.values()[:, [names.index(p) for p in PROPERTIES]])
    mu = checkpoint.encode_dataset(held_out).mu
    information, entropy = estimate_mutual_information(mu, values, 0)
    noise = torch.randn(mu.shape, generator=torch.Generator().manual_seed(0))
    by_noise, _ = estimate_mutual_information(noise, values, 0)
    best = log.best
    result: dict[str, Any] = {
        "beta": beta,
        "reconstruction": best["reconstruction"],
        "kl": best["kl"],
        "active_units": int((mu.var(dim=0) > ACTIVE_VARIANCE).sum()),
        "latent_size": args.latent_size,
        "exact_reconstruction": {
            "fraction": measure_exact_reconstruction(checkpoint.model, held_out, checkpoint.max_length),
            "of": len(held_out),
        },
        "held_out": len(held_out),
        "kl_per_dimension": sorted(log.kl_per_dimension, reverse=True),
        "entropy": dict(zip(PROPERTIES, entropy.tolist(), strict=True)),
        "told_by_the_best": dict(zip(PROPERTIES, information.max(dim=0).values.tolist(), strict=True)),
        "gap": dict(zip(PROPERTIES, compute_information_gaps(information, entropy).tolist(), strict=True)),
        "told_by_noise": dict(zip(PROPERTIES, by_noise.max(dim=0).values.tolist(), strict=True)),
        "gap_of_noise": dict(zip(PROPERTIES, compute_information_gaps(by_noise, entropy).tolist(), strict=True)),
        "warnings": log.warnings,
        "seconds": time.perf_counter() - start,
    }
    write_json(path, result)
    resume.unlink(missing_ok=True)
    return dict(to_plain(result))


def figure(rows: list[dict[str, Any]], path: Path) -> None:
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(10.5, 3.3), layout="constrained")
    terms, told, gap = drawn.subplots(1, 3)
    betas = [r["beta"] for r in rows]
    terms.plot(betas, [r["reconstruction"] for r in rows], "o-", color="#2a78d6", label="reconstruction, nats")
    terms.plot(betas, [r["kl"] for r in rows], "s-", color="#eb6834", label="KL, nats")
    terms.plot(
        betas,
        [r["active_units"] for r in rows],
        "^--",
        color="#8a8a86",
        label=f"active units of {rows[0]['latent_size']}",
    )
    terms.set_title("What the posterior costs and buys")
    terms.set_ylim(bottom=0)
    colors = ("#2a78d6", "#eb6834", "#1baf7a", "#8450c4")
    for name, color in zip(PROPERTIES, colors, strict=True):
        share = [r["told_by_the_best"][name] / r["entropy"][name] for r in rows]
        told.plot(betas, share, "o-", color=color, label=name)
        gap.plot(betas, [r["gap"][name] for r in rows], "o-", color=color, label=name)
    for axes, key in ((told, "told_by_noise"), (gap, "gap_of_noise")):
        noise = [max(r[key][n] / (r["entropy"][n] if axes is told else 1) for n in PROPERTIES) for r in rows]
        axes.plot(betas, noise, ":", color="#8a8a86", label="noise, the most")
        axes.set_ylim(bottom=0)
    told.set_title("Told by the best dimension, share of entropy")
    gap.set_title("Mutual information gap")
    for axes in (terms, told, gap):
        axes.set_xscale("log")
        axes.set_xticks(betas, [f"{b:g}" for b in betas])
        axes.minorticks_off()
        axes.set_xlabel("beta")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=8)
        axes.title.set_size(9)
    path.parent.mkdir(exist_ok=True)
    drawn.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--betas", type=float, nargs="+", default=[0.01, 0.1, 0.5, 1.0])
    parser.add_argument("--molecules", type=int, default=9000, help="training molecules")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--latent-size", type=int, default=16)
    parser.add_argument("--workspace", type=Path, default=Path(os.environ.get("CHEM_VAE_WORKSPACE", "workspace")))
    args = parser.parse_args()
    start = time.perf_counter()
    folder = args.workspace / "disentanglement"
    folder.mkdir(parents=True, exist_ok=True)
    with show_progress() as progress:
        dataset = ingest(
            IngestConfig(limit=round(1.15 * args.molecules), compute=("logp", "qed", "tpsa", "mw")),
            args.workspace,
            progress,
        )
        rows = [one_beta(dataset, beta, args, folder, progress) for beta in args.betas]
    result = {
        "benchmark": "disentanglement",
        "date": datetime.now(UTC).date().isoformat(),
        "machine": describe_machine(),
        "versions": list_versions(),
        "training_molecules": args.molecules,
        "epochs": args.epochs,
        "dataset": {"name": dataset.name, "key": dataset.key},
        "betas": rows,
        "seconds_of_the_trainings": sum(r["seconds"] for r in rows),
        "seconds_of_this_call": time.perf_counter() - start,
    }
    (HERE / "results").mkdir(exist_ok=True)
    write_json(HERE / "results" / "disentanglement.json", result)
    figure(rows, HERE / "figures" / "disentanglement.png")
    for r in rows:
        told = ", ".join(
            f"{n} {r['gap'][n]:.3f} (best {r['told_by_the_best'][n] / r['entropy'][n]:.0%})" for n in PROPERTIES
        )
        print(
            f"beta {r['beta']:g}: reconstruction {r['reconstruction']:.2f}, KL {r['kl']:.2f} nats, {r['active_units']} of "
            f"{r['latent_size']} active, exact {r['exact_reconstruction']['fraction']:.1%}; gap {told}; {r['seconds']:.0f} s"
        )


if __name__ == "__main__":
    main()
