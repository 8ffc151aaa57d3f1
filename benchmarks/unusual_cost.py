"""The price of refusing unusual structures: the same optimizations with everything allowed, and as `optimize` does it.

    python benchmarks/unusual_cost.py
    python benchmarks/unusual_cost.py --tasks qed --calls 100 --output trial.json    # a try

Each run is a task of PMO with one seed. It is measured by the area under the mean of the best ten, and by the molecules among
the best fifty that have something unusual (`pipeline.chemistry.filters.structure_filters`, with nothing allowed). Finished runs are kept
in the results file and not run again. Writes benchmarks/results/unusual-cost.json and prints the table for README.md.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

TASKS = ("albuterol_similarity", "osimertinib_mpo")
ARMS = {"refused": (), "allowed": ("all",)}
"""The arms of the comparison: unusual structures are refused or allowed; the values are the setting `allow_unusual`."""
TOP = 50
RESULTS = Path(__file__).parent / "results" / "unusual-cost.json"


def run(model: Any, task: str, arm: str, strategy: str, seed: int, calls: int) -> dict[str, Any]:
    """Run one optimization and measure it."""
    import numpy as np
    from rdkit import Chem

    from pipeline.chemistry.filters.structure_filters import locate_unusual
    from pipeline.optimization.config import OptimizeConfig
    from pipeline.optimization.loop import optimize
    from pipeline.oracles.config import OracleConfig

    config = OptimizeConfig(
        oracle=OracleConfig(function=f"pmo_tasks:{task}"),
        oracle_calls=calls,
        strategy=strategy,
        allow_unusual=ARMS[arm],
        seed=seed,
    )
    started = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        found = optimize(model, config, Path(folder))
    best = found.calls.sort_values("score", ascending=False, kind="stable").head(TOP)
    odd = [locate_unusual(Chem.MolFromSmiles(smiles)) for smiles in best["smiles"]]
    curve = np.nan_to_num(found.curve(10))
    return {
        "task": task,
        "unusual": arm,
        "strategy": strategy,
        "seed": seed,
        "calls": calls,
        "auc_top10": round(float(curve.mean()), 6),
        "top10": round(float(curve[-1]), 6),
        "unusual_of_best": sum(map(bool, odd)),
        "of": len(odd),
        "names": dict(Counter(name for some in odd for name in some).most_common()),
        "refused": found.unusual,
        "drafts": found.counts["drafts"],
        "cpu_seconds": round(time.process_time() - started, 1),
    }


def render(runs: list[dict[str, Any]]) -> str:
    """Render the table for README.md."""
    from pipeline.benchmark.table import table

    rows = [
        [
            f"{r['task']}, {r['strategy']}, seed {r['seed']}",
            r["unusual"],
            f"{r['auc_top10']:.3f}",
            f"{r['top10']:.3f}",
            f"{r['unusual_of_best']} of {r['of']}",
            ", ".join(f"{name} ({count})" for name, count in list(r["names"].items())[:3]) or "–",
        ]
        for r in runs
    ]
    head = [
        "run",
        "unusual structures are",
        "area under top 10",
        "top 10",
        f"unusual among the best {TOP}",
        "most of them",
    ]
    return "\n".join(table(head, rows))


def main() -> None:
    """Run what is not there yet, write the results, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="moses", help="as `chem-vae optimize` takes it")
    parser.add_argument("--tasks", default=",".join(TASKS), metavar="NAME,...", help="of benchmarks/pmo_tasks.py")
    parser.add_argument("--strategies", default="adaptive", metavar="NAME,...")
    parser.add_argument("--seeds", default="0", metavar="INT,...")
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--output", type=Path, default=RESULTS)
    asked = parser.parse_args()

    import torch

    from chem_vae.atomic_files import write_json
    from pipeline.models.trained_model import load_model
    from pipeline.workspace.runs import describe_machine, list_versions

    torch.set_num_threads(1)
    model = load_model(asked.model)
    kept: list[dict[str, Any]] = []
    if asked.output.is_file():
        kept = json.loads(asked.output.read_text(encoding="utf-8"))["runs"]
    wanted = [
        (task, arm, strategy, int(seed), asked.calls)
        for strategy in asked.strategies.split(",")
        for task in asked.tasks.split(",")
        for seed in asked.seeds.split(",")
        for arm in ARMS
    ]
    for key in wanted:
        if any((r["task"], r["unusual"], r["strategy"], r["seed"], r["calls"]) == key for r in kept):
            continue
        kept.append(run(model, *key))
        print(kept[-1], file=sys.stderr, flush=True)
        about = {
            "date": datetime.now(UTC).date().isoformat(),
            "machine": describe_machine(),
            "versions": list_versions(),
        }
        write_json(
            asked.output,
            {"benchmark": "cost of refusing unusual structures", "model": model.key, **about, "runs": kept},
        )
    print(render(kept))


if __name__ == "__main__":
    main()
