"""The PMO benchmark: how soon a strategy finds good molecules under a counted oracle, beside the published figures.

    python benchmarks/convert_activity_models.py                       # once: the models of drd2, gsk3b and jnk3
    python benchmarks/pmo.py --table protocol --seeds 0,1,2            # all 23 tasks, nothing refused, as published
    python benchmarks/pmo.py --table defaults --seeds 0,1,2            # with the product's own defaults
    python benchmarks/pmo.py --table library --library zinc250k        # a library scored beforehand, uncounted
    python benchmarks/pmo.py --tasks qed --calls 300 --output trial.json         # a try

Each run is one task, one strategy and one seed in a process of its own with one thread; nothing in a strategy knows the
task. A run ends once ten molecules have the task's highest score, where that is known: its curve cannot change any more.
Each finished run is kept in the workspace at once and not run again, nor is one that the table's file of benchmarks/results holds
with the same model and settings, so that a table can be finished on another machine; the same command goes on after a kill, and
one run that was stopped begins anew, so that its seconds are of one whole run. All finished runs of the same table, model and
budget come into the table's file, after each run, and into the tables that are printed for benchmarks/README.md: areas under
the top-10, top-1 and top-100 curves, the calls to 90 % of the best known score, and where the time goes beside the time that the
network takes to decode 100 molecules.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from pmo_run import DIGITS, Job, code_key, run, say

TASKS = ("celecoxib_rediscovery", "osimertinib_mpo", "median1", "albuterol_similarity", "qed")
"""The tasks that come first in files and tables."""


def best_so_far(rises: Sequence[Sequence[float]], calls: int) -> list[float]:
    """Compute the best score after each call, from where it rose.

    >>> best_so_far([[2, 0.5]], 3)
    [0.0, 0.5, 0.5]
    """
    found, best, left = [], 0.0, [(int(call), float(score)) for call, score in rises]
    for call in range(1, calls + 1):
        if left and left[0][0] == call:
            best = left.pop(0)[1]
        found.append(best)
    return found


def markdown(runs: Sequence[Mapping[str, Any]]) -> str:
    """Render the tables for README.md."""
    import pmo_protocol as pmo

    from pipeline.benchmark.table import table

    scores = {(r["task"], r["strategy"], r["seed"]): best_so_far(r["rises"], r["calls"]) for r in runs}
    text = pmo.markdown(runs, scores)
    head = ["strategy", "batch", "a step", "decode 100", "decode", "encode", "retrain", "surrogate", "other", "oracle"]
    rows = []
    for strategy in dict.fromkeys(str(r["strategy"]) for r in runs):
        own = [r for r in runs if r["strategy"] == strategy]
        total = sum(sum(r["loop_seconds"].values()) for r in own)
        steps = sum(r["calls"] / r["batch"] for r in own)
        oracle = sum(r["loop_seconds"]["oracle"] for r in own)
        inside = {k: sum(r["inside_seconds"][k] for r in own) for k in ("decode", "encode", "retrain", "surrogate")}
        shares = [*inside.values(), total - oracle - sum(inside.values()), oracle]
        decode = statistics.median(r["decode_seconds"] for r in own)
        batches = sorted({int(r["batch"]) for r in own})
        rows.append(
            [strategy, "/".join(map(str, batches)), f"{(total - oracle) / steps:.2f} s", f"{decode:.3f} s"]
            + [f"{share / total:.0%}" for share in shares]
        )
    cpu = [r["cpu_seconds"] for r in runs]
    lines = [
        "Where the loop's time goes (a step: ask, screen and tell one batch, without the oracle; other: RDKit's part, "
        "variation and screening, and bookkeeping)",
        "",
        *table(head, rows),
        "",
        f"CPU seconds a run, all included: {min(cpu):,.0f} to {max(cpu):,.0f}.",
    ]
    return text + "\n" + "\n".join(lines) + "\n"


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, dict):
        return {k: _rounded(v) for k, v in value.items()}
    return [_rounded(v) for v in value] if isinstance(value, list) else value


def kept_runs(folder: Path, key: str) -> list[dict[str, Any]]:
    """Read all finished runs under a key, sorted by task, strategy and seed."""
    found = []
    for path in folder.glob("*.json"):
        part = json.loads(path.read_text(encoding="utf-8"))
        if part["key"] == key:
            found.append(part["result"])
    order = {name: i for i, name in enumerate(TASKS)}
    return sorted(found, key=lambda r: (order.get(r["task"], len(order)), r["task"], r["strategy"], r["seed"]))


def keep_written_runs(output: Path, about: Mapping[str, Any], folder: Path, key: str) -> None:
    """Keep the runs that a results file holds as finished here, where it is of the same model and settings."""
    from pipeline.benchmark.parts import Parts

    try:
        written = json.loads(output.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return
    if {name: written.get(name) for name in about} != dict(about):
        return
    parts = Parts(folder, key)
    for result in written["runs"]:
        parts.do(f"{result['task']}-{result['strategy']}-{result['seed']}", lambda result=result: result)


def main() -> None:
    """Run what is not there yet, write the results, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--strategies", default="adaptive", metavar="NAME,...", help="as `chem-vae optimize` knows them"
    )
    parser.add_argument("--table", choices=["protocol", "defaults", "library"], default="protocol")
    parser.add_argument(
        "--tasks", metavar="NAME,...", help="of benchmarks/pmo_tasks.py, in this order; all 23 when not given"
    )
    parser.add_argument("--library", default="zinc250k", help="a named dataset or a file, for --table library")
    parser.add_argument(
        "--library-size", type=int, metavar="INT", help="molecules of it to score, drawn by chance; all when not given"
    )
    parser.add_argument("--seeds", default="0,1,2", metavar="INT,...")
    parser.add_argument("--calls", type=int, default=10_000, help="budget of a run; published figures are of 10,000")
    parser.add_argument("--batch", type=int, help="molecules a round; what optimize takes when not given")
    parser.add_argument(
        "--start", choices=["prior", "data"], default="prior", help="data: training molecules, unscored"
    )
    parser.add_argument("--workers", type=int, default=1, help="runs at once, each on one core")
    parser.add_argument("--again", action="store_true", help="run these again, also where they are finished")
    parser.add_argument("--model", default="moses", help="as --model of chem-vae takes it")
    parser.add_argument("--workspace", type=Path, default=Path(os.environ.get("CHEM_VAE_WORKSPACE", "workspace")))
    parser.add_argument("--output", type=Path, help="the table's file of benchmarks/results when not given")
    args = parser.parse_args()
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"  # read by the processes that are started below

    from pmo_protocol import BUDGET
    from pmo_tables import TABLES, render_table
    from pmo_tasks import TASKS as ALL
    from pmo_tasks import task

    from chem_vae.atomic_files import to_plain, write_json
    from chem_vae.errors import ChemVAEError
    from chem_vae.optimizers import spell_strategy
    from pipeline.models.trained_model import load_model
    from pipeline.workspace.storage.folders import hash_content

    try:
        tasks = [task(name).name for name in (args.tasks.split(",") if args.tasks else ALL)]
        for name in args.strategies.split(","):
            spell_strategy(name)
        model = load_model(args.model, args.workspace)
    except ChemVAEError as error:
        parser.error(str(error))
    library = (args.library, args.library_size) if args.table == "library" else ("", None)
    key = hash_content("pmo", 2, model.key, args.calls, args.batch, args.start, args.table, *library)
    output = args.output or Path(__file__).parent / "results" / TABLES[args.table].file
    kept = args.workspace / "benchmarks" / f"pmo-{key[:8]}"
    jobs = [
        Job(
            *(name, strategy, seed, args.calls, args.batch, args.start, str(model.folder), args.workspace, kept, key),
            *(args.table, *library),
        )
        for seed in map(int, args.seeds.split(","))
        for name in tasks
        for strategy in args.strategies.split(",")
    ]
    settings = {"calls": args.calls, "batch": args.batch, "start": args.start, "table": args.table}
    settings |= {"optimize": dict(TABLES[args.table].settings), "library": library[0], "library_size": library[1]}
    of = {"key": model.key, "parameters": model.card["parameters"], "dataset": model.card["dataset"]["name"]}
    about = to_plain({"benchmark": "PMO (arXiv:2206.12411)", "model": of, "settings": settings})
    keep_written_runs(output, about, kept, key)
    if args.again:
        for job in jobs:
            (kept / f"{job.name}.json").unlink(missing_ok=True)

    def write() -> None:
        """Write all finished runs."""
        output.parent.mkdir(parents=True, exist_ok=True)
        write_json(output, {**about, "runs": _rounded(kept_runs(kept, key))})

    failed = _run_all(jobs, args.workers, write)
    runs = kept_runs(kept, key)
    if older := [f"{r['task']}-{r['strategy']}-{r['seed']}" for r in runs if r["code"] != code_key()]:
        say(f"made by an earlier state of the source (--again makes them anew): {', '.join(older)}")
    if runs:
        write()
        if args.calls != BUDGET:
            say(f"a trial: the published areas are over {BUDGET:,} calls, these over {args.calls:,}")
        print(render_table(args.table, runs))
        print(markdown(runs))
        say(f"written: {output}; the runs: {kept}")
    if failed:
        say(f"failed: {', '.join(failed)}; the same command runs these again")
        sys.exit(1)


def _end_with_parent() -> None:
    """End this run when its parent is killed; it would go on unseen."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()


def _run_all(jobs: Sequence[Job], workers: int, write: Callable[[], None]) -> list[str]:
    """Run the jobs, each in a fresh process, and write after each; returns the names of those that failed."""
    failed = []
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, spawn, _end_with_parent, max_tasks_per_child=1) as pool:
        waiting = {pool.submit(run, job): job for job in jobs}
        for future in as_completed(waiting):
            job = waiting[future]
            try:
                r = future.result()
            except Exception as error:  # one run must not take the others with it
                failed.append(job.name)
                say(f"{job.name} failed: {type(error).__name__}: {error}")
                continue
            write()
            say(
                f"{job.name}: AUC top-10 {r['auc_top10']:.3f}, best {r['top1']:.3f}, {r['seconds']:,.0f} s ({r['ended']})"
            )
    return failed


if __name__ == "__main__":
    main()
