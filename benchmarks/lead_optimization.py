"""Lead optimization: better molecules that stay like their start, from 200 starts.

    python benchmarks/lead_optimization.py --workers 2
    python benchmarks/lead_optimization.py --starts 3 --seeds 0 --calls 100 --output trial.json    # a try
    python benchmarks/lead_optimization.py --objective osimertinib_mpo                             # or another task of PMO

Starts are test molecules of MOSES with a QED of 0.7 to 0.8, below MOSES' median, as Jin et al. 2019 (arXiv:1812.01070) take
theirs from ZINC. Each is improved by `pipeline.optimization.lead.improve` with 200 oracle calls, at a Tanimoto similarity
to the start (ECFP4) of at least 0.4 and 0.6. A success is a QED of 0.9 or more, as there; published success rates are of
models trained on pairs, without an oracle, and so no figures to compare with. For a task of PMO there is no success, but
the share that was improved. Nothing is learned from one start to the next.

Finished starts are kept in the workspace. Writes benchmarks/results/lead-optimization.json (for another objective:
lead-optimization-<objective>.json) and prints the table for README.md.
"""

from __future__ import annotations

import argparse
import csv
import functools
import gzip
import os
import random
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

QED_OF_STARTS = (0.7, 0.8)
SUCCESS = 0.9
DRAWN_WITH = 0  # the seed of the starts: the same ones for every seed of the search


@dataclass(frozen=True)
class Job:
    """One start, as a process is told of it."""

    number: int
    start: str
    objective: str
    similarity: float
    strategy: str
    seed: int
    calls: int
    model: str
    workspace: Path
    kept: Path
    key: str

    @property
    def name(self) -> str:
        return f"{self.strategy}-{self.similarity:g}-{self.seed}-{self.number:03}"


def starts(n: int) -> list[str]:
    """n test molecules of the embedded sample of MOSES with a QED in QED_OF_STARTS; always the same ones."""
    from rdkit import Chem

    from pipeline.chemistry.properties import get_property
    from pipeline.workspace.registry import find_data_folder

    with gzip.open(find_data_folder() / "moses-sample.csv.gz", "rt", encoding="utf-8") as file:
        smiles = [row["SMILES"] for row in csv.DictReader(file) if row["split"] == "test"]
    random.Random(DRAWN_WITH).shuffle(smiles)
    qed, (low, high) = get_property("qed"), QED_OF_STARTS
    found: list[str] = []
    for text in smiles:
        if len(found) < n and low <= qed(Chem.MolFromSmiles(text)) <= high:
            found.append(text)
    if len(found) < n:
        raise SystemExit(f"the sample has only {len(found)} such molecules")
    return found


def improved(job: Job) -> dict[str, Any]:
    """Return the result of one start from the workspace, or make and write it."""
    from pipeline.benchmark.parts import Parts

    return Parts(job.kept, job.key).do(job.name, lambda: _improved(job))


def _improved(job: Job) -> dict[str, Any]:
    from chem_vae.errors import UserError
    from pipeline.objectives.config import Objective
    from pipeline.optimization.lead import improve
    from pipeline.oracles.config import OracleConfig

    model = _model(job.model, job.workspace)
    qed = job.objective == "qed"
    settings: dict[str, Any] = {"strategy": job.strategy, "seed": job.seed}
    if not qed:
        settings["oracle"] = OracleConfig(function=f"pmo_tasks:{job.objective}")
    objective = "qed" if qed else {"score": Objective(maximize=True)}
    about = {"strategy": job.strategy, "similarity": job.similarity, "seed": job.seed, "start": job.start}
    started = time.monotonic()
    try:
        lead = improve(model, job.start, objective, similarity=job.similarity, calls=job.calls, **settings)
    except UserError as error:  # a start that the model cannot begin with counts as not improved
        return {**about, "refused": str(error)}
    seconds = time.monotonic() - started
    calls = lead.found.calls
    reached = calls.loc[calls["score"] >= SUCCESS, "order"]
    first = lead.analogues.iloc[0] if len(lead.analogues) else None
    return {
        **about,
        "refused": None,
        "start_score": lead.start_score,
        "best": lead.best,
        "improvement": lead.improvement,
        "best_score": lead.start_score + lead.improvement,
        "best_similarity": float(first["similarity"]) if first is not None and lead.improvement > 0 else 1.0,
        "lowest_similarity": float(lead.analogues["similarity"].min()) if len(lead.analogues) else None,
        "calls": len(calls),
        "calls_to_success": int((calls["order"] <= reached.min()).sum()) if qed and len(reached) else None,
        "ended": lead.found.ended,
        "origins": {str(k): int(v) for k, v in calls["origin"].value_counts().items()},
        "seconds": seconds,
    }


@functools.cache
def _model(folder: str, workspace: Path) -> Any:
    import torch

    from pipeline.models.trained_model import load_model

    torch.set_num_threads(1)
    return load_model(folder, workspace)


def markdown(results: Sequence[Mapping[str, Any]], objective: str) -> str:
    """Render the table: mean ± standard deviation over the seeds, each seed's figure over all its starts."""
    from pipeline.benchmark.table import table

    success = f"{objective} ≥ {SUCCESS:g}" if objective == "qed" else "improved"
    head = ["strategy", "similarity at least", "starts", success, "mean improvement", "mean of the starts"]
    head += ["mean of the best", "mean similarity", "calls to success (median)", "seconds a start"]
    rows = []
    for strategy, similarity in dict.fromkeys((r["strategy"], r["similarity"]) for r in results):
        own = [r for r in results if (r["strategy"], r["similarity"]) == (strategy, similarity)]
        seeds = [[r for r in own if r["seed"] == seed] for seed in sorted({r["seed"] for r in own})]
        fine = [r for r in own if r["refused"] is None]
        if not fine:
            rows.append([strategy, f"{similarity:g}", f"all {len(own)} refused", *["–"] * 7])
            continue
        reached = [r["calls_to_success"] for r in fine if r["calls_to_success"] is not None]
        rows.append(
            [
                strategy,
                f"{similarity:g}",
                f"{len(seeds[0])}" + (f", {len(own) - len(fine)} refused in all" if len(fine) < len(own) else ""),
                _spread([statistics.mean(_succeeded(r, objective) for r in s) for s in seeds], "{:.1%}"),
                _spread([statistics.mean(r.get("improvement") or 0.0 for r in s) for s in seeds], "{:.3f}"),
                f"{statistics.mean(r['start_score'] for r in fine):.3f}",
                f"{statistics.mean(r['best_score'] for r in fine):.3f}",
                f"{statistics.mean(r['best_similarity'] for r in fine):.2f}",
                f"{statistics.median(reached):.0f}" if reached else "–",
                f"{statistics.mean(r['seconds'] for r in fine):.1f}",
            ]
        )
    return "\n".join(table(head, rows)) + "\n"


def _succeeded(result: Mapping[str, Any], objective: str) -> bool:
    if result["refused"] is not None:
        return False
    return bool(result["best_score"] >= SUCCESS if objective == "qed" else result["improvement"] > 0)


def _spread(values: Sequence[float], form: str) -> str:
    spread = f" ± {form.format(statistics.stdev(values))}" if len(values) > 1 else ""
    return form.format(statistics.mean(values)) + spread + f" ({len(values)} seeds)" * (len(values) > 1)


def _jobs(args: argparse.Namespace, model: Any, kept: Path, key: str) -> Iterator[Job]:
    chosen = starts(args.starts)
    for strategy in args.strategies.split(","):
        for similarity in map(float, args.similarities.split(",")):
            for seed in map(int, args.seeds.split(",")):
                for number, start in enumerate(chosen):
                    yield Job(
                        number,
                        start,
                        args.objective,
                        similarity,
                        strategy,
                        seed,
                        args.calls,
                        str(model.folder),
                        args.workspace,
                        kept,
                        key,
                    )


def main() -> None:
    """Improve what was not yet, write the results, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objective", default="qed", help="qed, or a task of benchmarks/pmo_tasks.py")
    parser.add_argument("--starts", type=int, default=200)
    parser.add_argument("--similarities", default="0.4,0.6", metavar="FLOAT,...", help="to the start, at least")
    parser.add_argument("--calls", type=int, default=200, help="oracle calls for each start, its own included")
    parser.add_argument("--strategies", default="adaptive", metavar="NAME,...")
    parser.add_argument("--seeds", default="0", metavar="INT,...")
    parser.add_argument("--workers", type=int, default=1, help="starts at once, each on one core")
    parser.add_argument("--model", default="moses", help="as --model of chem-vae takes it")
    parser.add_argument("--workspace", type=Path, default=Path(os.environ.get("CHEM_VAE_WORKSPACE", "workspace")))
    parser.add_argument("--output", type=Path)
    args = parser.parse_args()
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"  # read by the processes that are started below

    from pmo_tasks import task

    from chem_vae.atomic_files import write_json
    from chem_vae.errors import ChemVAEError
    from chem_vae.optimizers import spell_strategy
    from pipeline.models.trained_model import load_model
    from pipeline.workspace.runs import describe_machine, list_versions
    from pipeline.workspace.storage.folders import hash_content
    from pipeline.workspace.work.parallel import Workers

    try:
        task(args.objective)
        for name in args.strategies.split(","):
            spell_strategy(name)
        model = load_model(args.model, args.workspace)
    except ChemVAEError as error:
        parser.error(str(error))
    key = hash_content("lead-optimization", 1, model.key, args.objective, args.calls, QED_OF_STARTS, DRAWN_WITH)
    kept = args.workspace / "benchmarks" / f"lead-optimization-{key[:8]}"
    jobs, results = list(_jobs(args, model, kept, key)), []
    with Workers(args.workers) as pool:
        for result in pool.map(improved, jobs):
            results.append(result)
            gained = result["refused"] or f"{result['start_score']:.3f} -> {result['best_score']:.3f}, {result['best']}"
            say = f"{len(results)} of {len(jobs)}: at least {result['similarity']:g} like {result['start']}: {gained}"
            print(say, file=sys.stderr, flush=True)
    written = {
        "benchmark": "lead optimization",
        "date": datetime.now(UTC).date().isoformat(),
        "machine": describe_machine(),
        "versions": list_versions(),
        "model": {"key": model.key, "parameters": model.card["parameters"], "dataset": model.card["dataset"]["name"]},
        "settings": {
            "objective": args.objective,
            "calls": args.calls,
            "starts": args.starts,
            "qed_of_starts": QED_OF_STARTS,
            "success": SUCCESS,
        },
        "results": results,
    }
    name = "lead-optimization" if args.objective == "qed" else f"lead-optimization-{args.objective}"
    output = args.output or Path(__file__).parent / "results" / f"{name}.json"
    output.parent.mkdir(parents=True, exist_ok=True)
    write_json(output, written)
    print(markdown(results, args.objective))


if __name__ == "__main__":
    main()
