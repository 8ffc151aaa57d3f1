"""A simulated campaign: few measurements, a batch of 50 proposals a round, no oracle in between.

python benchmarks/campaign.py --arms updated library random     # three tasks, three seeds; killed, it goes on part by part
python benchmarks/campaign.py --tasks median1 --rounds 3 --seeds 0

The hidden truth is a task of the PMO benchmark (`pmo_tasks`) with noise, as an assay has it. It is told of
some hundred molecules drawn from MOSES; then each arm proposes 50 molecules a round, is told their noisy values, and goes
on. Arms:

- updated: `chem-vae run` on a CSV of the measurements, then `chem-vae update` with each batch's, with their defaults: the
  shipped model fine-tuned on all that was measured, the predictor chosen by cross-validation, the search by acquisition, the
  diverse batch in the applicability domain
- designed: the same without fine-tuning, so that what is compared with the following is the choice of molecules alone
- library: the same predictor over substructures ranks 20,000 MOSES molecules that were not drawn; no molecule is made
- random: 50 of those 20,000 by chance

Reported is the truth without noise: mean and best of each batch. Writes results/campaign.json and prints the table for
README.md.
"""

from __future__ import annotations

import argparse
import os
import shutil
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from pmo_tasks import task

from chem_vae.atomic_files import write_json
from chem_vae.predictors.predictor_fit import fit_predictor
from chem_vae.predictors.tanimoto_process import TanimotoProcess
from pipeline.benchmark.parts import Parts
from pipeline.config import CampaignConfig
from pipeline.generation.acquisition.acquisition_search import search
from pipeline.generation.acquisition.batch_selection import select_diverse
from pipeline.generation.config import MeasuredConfig
from pipeline.models.measured_predictor import MeasuredPredictor, features
from pipeline.models.spelling import encode_valid
from pipeline.models.trained_model import TrainedModel, load_model
from pipeline.objectives.config import Objective
from pipeline.objectives.desirability import PropertySummary
from pipeline.objectives.resolve import resolve
from pipeline.training.predictors.compare_predictors import compare, fit_process
from pipeline.training.predictors.labelled import Labelled
from pipeline.workflows.campaign import campaign as run_campaign
from pipeline.workflows.update import update
from pipeline.workspace.lookup import write_model_name
from pipeline.workspace.registry import find_data_folder
from pipeline.workspace.runs import Run, describe_machine, list_versions
from pipeline.workspace.storage.folders import hash_content

HERE = Path(__file__).parent
TASKS = ("osimertinib_mpo", "celecoxib_rediscovery", "median1")
LIBRARY = 20_000


@dataclass
class Known:
    """The molecules that were measured so far, with their values."""

    smiles: list[str]
    values: list[float]


def told(truth: Any, smiles: list[str], noise: float, random: np.random.Generator) -> list[float]:
    """Measured values: the truth with noise."""
    return [v + noise * float(random.standard_normal()) for v in truth(smiles)]


def predictor_of(model: TrainedModel, known: Known, seed: int) -> MeasuredPredictor:
    """Fit a predictor as `pipeline.training.predictors.fit_measured` does for a model that was never told the labels."""
    y = torch.tensor(known.values)
    z = encode_valid(model.checkpoint, known.smiles)
    placed = torch.isfinite(z).all(dim=1)
    found = compare(
        Labelled([s for s, fine in zip(known.smiles, placed.tolist(), strict=True) if fine], y[placed]),
        z[placed],
        seed=seed,
    )
    assert found is not None
    latent = fit_predictor(z[placed], y[placed])
    process = fit_process(Labelled(known.smiles, y).select_inputs(found.choice.process), y)
    process.scale, latent.scale = found.choice.scales[found.choice.process], found.choice.scales["latent"]
    return MeasuredPredictor("assay", found.choice.chosen, process, latent, found.card)


def designed(
    model: TrainedModel, known: Known, n: int, samples: int, config: MeasuredConfig, strategy: str, seed: int
) -> tuple[list[str], dict[str, Any]]:
    """Choose a batch as `chem-vae generate` does for a measured property (`pipeline.generation.acquisition.acquisition_search`)."""
    predictor = predictor_of(model, known, seed)
    standing = TrainedModel(model.folder, model.manifest)
    standing.__dict__["checkpoint"] = model.checkpoint
    standing.__dict__["measured"] = {"assay": predictor}
    about = PropertySummary.from_values("assay", "assay", "", "measured", np.array(known.values))
    wanted, _ = resolve({"assay": Objective(maximize=True)}, [about])
    found = search(
        standing, wanted, samples=samples, config=config, known=known_table(known), strategy=strategy, seed=seed
    )
    table = found.molecules[~found.molecules["smiles"].isin(known.smiles)]
    share = float(table["in_domain"].mean())
    if not config.outside_domain:
        table = table[table["in_domain"]]
    table = table.sort_values("acquisition", ascending=False)
    smiles = table["smiles"].tolist()
    rows = select_diverse(smiles, n, most_similar=config.most_similar, per_scaffold=config.per_scaffold)
    told = {**predictor.compared, "in_domain": share, "looked_at": len(found.molecules)}
    told["predicted_mean"] = float(table["assay_predicted"].iloc[rows].mean())
    return [smiles[i] for i in rows], told


def proposed(earlier: Run | None, known: Known, last: int, args: argparse.Namespace, workspace: Path, seed: int) -> Run:
    """Make the next run: of all that is known, or an update of the earlier one with the `last` molecules measured since."""
    source = workspace / f"measured-{len(known.smiles)}.csv"
    workspace.mkdir(parents=True, exist_ok=True)
    told = pd.DataFrame({"smiles": known.smiles, "assay": known.values})
    told.tail(last).to_csv(source, index=False)
    if earlier is not None:
        return update(earlier, str(source), workspace).run
    config = CampaignConfig.model_validate(
        {
            "name": "simulated",
            "ingest": {"source": str(source), "properties": [{"name": "assay"}]},
            "train": {"start": args.model},
            "generate": {
                "objectives": {"assay": {"maximize": True}},
                "n": args.batch,
                "samples": args.samples,
                "seed": seed,
            },
        }
    )
    return run_campaign(config, workspace)


def known_table(known: Known) -> pd.DataFrame:
    """Return the measured molecules as a search takes them."""
    return pd.DataFrame({"smiles": known.smiles, "assay": known.values})


def ranked_library(known: Known, library: list[str], rows: torch.Tensor, n: int) -> list[str]:
    """Rank a library and return the n molecules that substructures predict the highest values for; the measured ones left out."""
    process = TanimotoProcess(features(known.smiles), torch.tensor(known.values))
    left = [i for i, s in enumerate(library) if s not in set(known.smiles)]
    mean = process.predict(rows[left]).mean
    return [library[left[i]] for i in mean.argsort(descending=True)[:n].tolist()]


def campaign(
    arm: str, args: argparse.Namespace, name: str, seed: int, model: TrainedModel, pool: list[str]
) -> dict[str, Any]:
    """Run one arm of one task with one seed: a row for each round, the drawn start first."""
    truth, random = task(name), np.random.default_rng(seed)
    order = random.permutation(len(pool))
    start = [pool[i] for i in order[: args.labels]]
    library = [pool[i] for i in order[args.labels : args.labels + LIBRARY]]
    true_start = np.array(truth(start))
    noise = args.noise * float(true_start.std())
    known = Known(start, told(truth, start, noise, random))
    rows = [{"round": 0, "batch": len(start), "mean": float(true_start.mean()), "best": float(true_start.max())}]
    bits = features(library) if arm == "library" else torch.empty(0)
    folder = args.workspace / "benchmarks" / "campaign" / f"{name}-{seed}"
    if arm == "updated":
        shutil.rmtree(folder, ignore_errors=True)  # of an attempt that was cut
    run: Run | None = None
    config = MeasuredConfig(acquisition=args.acquisition, kappa=args.kappa, outside_domain=args.outside)
    for number in range(1, args.rounds + 1):
        began, about = time.perf_counter(), {}
        if arm == "random":
            left = [s for s in library if s not in set(known.smiles)]
            batch = [left[i] for i in random.permutation(len(left))[: args.batch]]
        elif arm == "library":
            batch = ranked_library(known, library, bits, args.batch)
        elif arm == "updated":
            run = proposed(run, known, int(rows[-1]["batch"]), args, folder, 1000 * seed)
            batch = pd.read_csv(run.folder / "candidates.csv")["smiles"].tolist()
        else:
            batch, about = designed(model, known, args.batch, args.samples, config, args.strategy, 1000 * seed + number)
        values = np.array(truth(batch))
        known.smiles += batch
        known.values += told(truth, batch, noise, random)
        row = {"round": number, "batch": len(batch), "mean": float(values.mean()), "best": float(values.max())}
        row |= {"top10": float(np.sort(values)[-10:].mean()), "seconds": time.perf_counter() - began}
        rows.append({**row, **about, "best_molecule": batch[int(values.argmax())]})
        print(
            f"{name} seed {seed} {arm}: round {number}, {len(batch)} made, mean {row['mean']:.3f}, best {row['best']:.3f}",
            about,
        )
    return {"task": name, "arm": arm, "seed": seed, "noise": noise, "rounds": rows}


def table(parts: list[dict[str, Any]]) -> str:
    """Markdown: mean and best of each round's batch, averaged over the seeds."""
    rounds = max(len(p["rounds"]) for p in parts)
    lines = [
        "| task | arm | seeds | "
        + " | ".join(["start: mean, best", *(f"round {r}: mean, best" for r in range(1, rounds))])
        + " |"
    ]
    lines.append("|---|---|---|" + "---|" * rounds)
    for name in dict.fromkeys(p["task"] for p in parts):
        for arm in dict.fromkeys(p["arm"] for p in parts):
            of = [p for p in parts if (p["task"], p["arm"]) == (name, arm)]
            if not of:
                continue
            cells = []
            for r in range(rounds):
                rows = [p["rounds"][r] for p in of if r < len(p["rounds"])]
                means, bests = np.array([x["mean"] for x in rows]), np.array([x["best"] for x in rows])
                cells.append(", ".join(_spread(v) for v in (means, bests)))
            lines.append(f"| {name} | {arm} | {len(of)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _spread(values: NDArray[np.float64]) -> str:
    return f"{values.mean():.3f}" + (f" ± {values.std(ddof=1):.3f}" if len(values) > 1 else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=list(TASKS))
    parser.add_argument("--arms", nargs="+", default=["updated", "designed", "library", "random"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--model", default="moses")
    parser.add_argument("--labels", type=int, default=100, help="measured at the start")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=50)
    parser.add_argument(
        "--noise", type=float, default=0.2, help="of a measurement, in deviations of the truth over the start"
    )
    parser.add_argument("--samples", type=int, default=1000, help="molecules that the search looks at in a round")
    parser.add_argument("--strategy", default="adaptive")
    parser.add_argument("--acquisition", default=MeasuredConfig().acquisition)
    parser.add_argument("--kappa", type=float, default=MeasuredConfig().kappa)
    parser.add_argument("--outside", action="store_true", help="propose outside of the applicability domain too")
    parser.add_argument("--workspace", type=Path, default=Path(os.environ.get("CHEM_VAE_WORKSPACE", "workspace")))
    parser.add_argument("--output", type=Path, default=HERE / "results" / "campaign.json")
    args = parser.parse_args()
    pool = pd.read_csv(find_data_folder() / "moses-sample.csv.gz")["SMILES"].tolist()
    model = load_model(args.model, args.workspace)
    settings = {k: v for k, v in vars(args).items() if k not in ("workspace", "output", "tasks", "arms", "seeds")}
    kept = Parts(args.workspace / "benchmarks" / "campaign", hash_content(settings, model.key, pool[:10]))
    parts = [
        kept.do(f"{name}-{seed}-{arm}", lambda: campaign(arm, args, name, seed, model, pool))  # noqa: B023 (called at once)
        for name in args.tasks
        for seed in args.seeds
        for arm in args.arms
    ]
    write_json(
        args.output,
        {
            "benchmark": "campaign",
            "date": datetime.now(UTC).date().isoformat(),
            "machine": describe_machine(),
            "versions": list_versions(),
            "settings": {**settings, "model": write_model_name(model.folder)},
            "campaigns": parts,
        },
    )
    print(table(parts))


if __name__ == "__main__":
    main()
