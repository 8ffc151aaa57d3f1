"""The speed of every stage, each beside its limit in the same run.

    python benchmarks/speed.py                             # all stages, some ten minutes on two cores; what `make bench` runs
    python benchmarks/speed.py --quick                     # a short form, some two minutes
    python benchmarks/speed.py training sampling           # these alone
    python benchmarks/speed.py gpu                         # training on a GPU, where there is one
    python benchmarks/speed.py ingest --source moses --compute logp,mw,tpsa --output benchmarks/results/ingest-moses.json
    python benchmarks/speed.py --keep                      # the figures that later runs are compared with
    python benchmarks/speed.py training --keep             # these of them alone

Prints a table and writes JSON. Names what comes less near to its limit than in the run that was kept, by more than a tenth: a share of a
limit that was measured in the same run can be compared between machines, seconds cannot. Run it while nothing else works.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from speed_figures import Figure, find_slower, render_table
from speed_generation import generation, sampling, startup
from speed_gpu import training_on_a_gpu
from speed_ingest import ingest
from speed_search import measured, optimization
from speed_training import training

from chem_vae.atomic_files import write_json

KEPT = Path(__file__).parent / "results" / "speed.json"
STAGES: dict[str, Callable[[argparse.Namespace], tuple[dict[str, Any], list[Figure]]]] = {
    "startup": startup,
    "ingest": ingest,
    "training": training,
    "gpu": training_on_a_gpu,
    "sampling": sampling,
    "generation": generation,
    "optimization": optimization,
    "measured": measured,
}
WHOLE = {
    "limit": 20_000,
    "trained": 20_000,
    "steps": 40,
    "gpu_steps": 500,
    "molecules": 5000,
    "candidates": 2000,
    "calls": 1500,
    "measured": 1210,
}
QUICK = {
    "limit": 4000,
    "trained": 6000,
    "steps": 10,
    "gpu_steps": 100,
    "molecules": 1000,
    "candidates": 500,
    "calls": 300,
    "measured": 150,
}


def main() -> None:
    """Run the stages, print the table, write the figures."""
    warnings.filterwarnings("ignore")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stages", nargs="*", metavar="STAGE", help=f"of {', '.join(STAGES)}; all when not given")
    parser.add_argument("--quick", action="store_true", help="a short form: few molecules, and no peer")
    parser.add_argument(
        "--keep", action="store_true", help=f"write {KEPT.name} of results/, to compare later runs with"
    )
    parser.add_argument("--output", type=Path, help="write the figures here")
    parser.add_argument("--model", default="moses", help="the model that samples, generates and is fine-tuned")
    parser.add_argument("--workspace", type=Path, default=Path("workspace"))
    parser.add_argument("--source", default="moses-sample", help="what is ingested")
    parser.add_argument("--limit", type=int, help="rows that are ingested; all of a source that is named")
    parser.add_argument("--workers", type=int, help="processes of the ingest; all cores when not given")
    parser.add_argument("--compute", default="logp,qed,sa,mw,tpsa", help="properties, comma-separated")
    parser.add_argument("--scratch", type=Path, help="a folder with room for the dataset")
    args = parser.parse_args()
    if unknown := set(args.stages) - set(STAGES):
        parser.error(f"unknown stage {', '.join(sorted(unknown))}: choose from {', '.join(STAGES)}")
    for name, value in (QUICK if args.quick else WHOLE).items():
        if name != "limit" or (args.limit is None and args.source == "moses-sample"):
            setattr(args, name, value)

    from pipeline.workspace.runs import describe_machine, list_versions

    figures: list[dict[str, Any]] = []
    stages: dict[str, Any] = {}
    for name in args.stages or STAGES:
        print(f"{name} ...", file=sys.stderr, flush=True)
        started = time.perf_counter()
        details, found = STAGES[name](args)
        stages[name] = {**details, "took_seconds": time.perf_counter() - started}
        figures += [figure.to_dict() for figure in found]
    kept = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {"figures": [], "quick": args.quick}
    earlier = kept["figures"] if kept["quick"] == args.quick else []  # few molecules cost more each
    print(render_table(figures, earlier))
    for text in find_slower(figures, earlier):
        print(f"slower than what was kept: {text}")
    if args.keep and earlier:  # what was not measured now stays as it was
        names = {figure["name"] for figure in figures}
        figures = [*(figure for figure in earlier if figure["name"] not in names), *figures]
        stages = kept["stages"] | {name: about for name, about in stages.items() if "skipped" not in about}
    result = {
        "benchmark": "speed",
        "quick": args.quick,
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{describe_machine()}, {_describe_processor()}",
        "versions": list_versions(),
        "figures": figures,
        "stages": stages,
    }
    output = args.output or (KEPT if args.keep else args.workspace / "benchmarks" / "speed.json")
    output.parent.mkdir(parents=True, exist_ok=True)
    write_json(output, result)
    print(f"written: {output}", file=sys.stderr)


def _describe_processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return "unknown processor"
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown processor")


if __name__ == "__main__":
    main()
