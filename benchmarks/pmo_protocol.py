"""The figures of the PMO benchmark (Gao et al. 2022, arXiv:2206.12411): how soon good molecules are found, not only which.

A run is the list of its scores in the order of the oracle's calls; `measure` makes its figures, `markdown` the table.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pmo_tasks import task

from chem_vae.errors import UserError
from pipeline.benchmark.table import table

BUDGET = 10_000
"""Calls on molecules that differ."""
LOG_EVERY = 100
_METHODS = ("SELFIES-VAE BO", "GP BO", "Graph GA", "REINVENT", "Genetic GFN", "f-RAG")
_AREAS = {
    "celecoxib_rediscovery": (0.326, 0.724, 0.630, 0.714, 0.802, 0.778),
    "osimertinib_mpo": (0.765, 0.787, 0.832, 0.837, 0.860, 0.866),
    "median1": (0.201, 0.302, 0.295, 0.357, 0.379, 0.340),
    "albuterol_similarity": (0.494, 0.899, 0.839, 0.883, 0.949, 0.977),
    "qed": (0.936, 0.937, 0.940, 0.941, 0.942, 0.939),
    "amlodipine_mpo": (0.516, 0.583, 0.661, 0.635, 0.761, 0.749),
    "deco_hop": (0.579, 0.629, 0.619, 0.666, 0.733, 0.936),
    "fexofenadine_mpo": (0.670, 0.722, 0.760, 0.784, 0.856, 0.856),
    "isomers_c7h8n2o2": (0.325, 0.680, 0.862, 0.852, 0.969, 0.955),
    "isomers_c9h10n2o2pf2cl": (0.200, 0.469, 0.719, 0.642, 0.897, 0.850),
    "median2": (0.185, 0.297, 0.273, 0.276, 0.294, 0.323),
    "mestranol_similarity": (0.386, 0.627, 0.579, 0.618, 0.708, 0.671),
    "perindopril_mpo": (0.429, 0.493, 0.538, 0.537, 0.595, 0.681),
    "ranolazine_mpo": (0.452, 0.735, 0.728, 0.760, 0.819, 0.820),
    "scaffold_hop": (0.455, 0.548, 0.517, 0.560, 0.615, 0.576),
    "sitagliptin_mpo": (0.084, 0.186, 0.433, 0.021, 0.634, 0.601),
    "thiothixene_rediscovery": (0.297, 0.559, 0.479, 0.534, 0.583, 0.584),
    "troglitazone_rediscovery": (0.243, 0.410, 0.390, 0.441, 0.511, 0.448),
    "valsartan_smarts": (0.001, 0.000, 0.000, 0.178, 0.135, 0.627),
    "zaleplon_mpo": (0.206, 0.221, 0.346, 0.358, 0.552, 0.486),
}
PUBLISHED = {name: {task: areas[i] for task, areas in _AREAS.items()} for i, name in enumerate(_METHODS)}
"""AUC top-10 over 10,000 calls: means of five seeds from arXiv:2206.12411 (pmo-benchmark.github.io), of Genetic GFN and f-RAG
as arXiv:2411.12078 has them."""


def top_auc(scores: Sequence[float], top: int = 10, budget: int = BUDGET, every: int = LOG_EVERY) -> float:
    """Compute the area under the curve of the mean of the best `top` scores against calls, in 0..1, as PMO's code computes it.

    scores: in the order of the calls, one for each different molecule; what is beyond the budget does not count, NaN (a
    call that failed) counts as 0. The curve is looked at every `every` calls, joined by straight lines from (0, 0), and
    goes on flat where the run ended before the budget. 0.0 without a call. Raises UserError for a budget of less than one call.

    >>> top_auc([0.5] * 200, budget=400)  # half a block of rising, then flat
    0.4375
    """
    if budget < 1 or every < 1 or top < 1:
        raise UserError(f"an area needs a budget, an interval and a top of 1 at least, not {budget}, {every} and {top}")
    values = _scores(scores)[:budget]
    if not len(values):
        return 0.0
    area = before = 0.0
    called = 0
    for calls in [*range(every, len(values), every), len(values)]:
        now = float(_best(values[:calls], top).mean())
        area += (calls - called) * (now + before) / 2
        before, called = now, calls
    return (area + (budget - called) * before) / budget


def calls_to_reach(scores: Sequence[float], level: float) -> int | None:
    """After how many calls the best score was at the level for the first time; None where it never was.

    >>> calls_to_reach([0.1, 0.5, 0.9, 1.0], 0.9)
    3
    """
    reached = np.flatnonzero(_scores(scores) >= level - 1e-12)
    return int(reached[0]) + 1 if len(reached) else None


class Figures(NamedTuple):
    """One run of one strategy on one task."""

    task: str
    strategy: str
    seed: int
    calls: int
    failed: int
    """Calls that gave no score."""
    auc_top1: float
    auc_top10: float
    auc_top100: float
    top1: float
    top10: float
    top100: float
    curve: list[float]
    """The mean of the best ten after every 100 calls."""
    best: list[float]
    """The best score after every 100 calls."""
    seconds: float
    oracle_seconds: float


def measure(
    scores: Sequence[float],
    *,
    task: str,
    strategy: str,
    seed: int,
    budget: int = BUDGET,
    seconds: float = math.nan,
    oracle_seconds: float = math.nan,
) -> Figures:
    """Compute the figures of a run. scores: of different molecules in the order of the calls, NaN where a call failed.

    Raises UserError for a run without a call.
    """
    used = list(scores)[:budget]
    if not used:
        raise UserError(f"the run of {strategy} on {task} made no oracle call: there is nothing to measure")
    values = _scores(used)
    ends = [*range(LOG_EVERY, len(values), LOG_EVERY), len(values)]
    return Figures(
        task=task,
        strategy=strategy,
        seed=seed,
        calls=len(values),
        failed=sum(math.isnan(s) for s in used),
        auc_top1=top_auc(used, 1, budget),
        auc_top10=top_auc(used, 10, budget),
        auc_top100=top_auc(used, 100, budget),
        top1=float(_best(values, 1).mean()),
        top10=float(_best(values, 10).mean()),
        top100=float(_best(values, 100).mean()),
        curve=[float(_best(values[:end], 10).mean()) for end in ends],
        best=[float(values[:end].max()) for end in ends],
        seconds=seconds,
        oracle_seconds=oracle_seconds,
    )


def markdown(
    runs: Sequence[Mapping[str, Any]], scores: Mapping[tuple[str, str, int], Sequence[float]] | None = None
) -> str:
    """Render the tables of some runs (`Figures._asdict()`), strategies down and tasks across, beside what was published.

    scores: of the runs, by (task, strategy, seed), for the calls needed to 90 % of the best known score: the highest
    possible one where that is known, else the best of all these runs. Without them that table is left out.
    """
    tasks = list(dict.fromkeys(str(run["task"]) for run in runs))
    strategies = list(dict.fromkeys(str(run["strategy"]) for run in runs))
    calls = sorted({int(run["calls"]) for run in runs})
    lines = [
        f"Mean ± standard deviation over the seeds (their number). {_numbers(calls)} oracle calls a run.",
        "",
        "AUC top-10 (published: 10,000 calls, arXiv:2206.12411 and arXiv:2411.12078)",
        "",
        *table(["strategy", *tasks], [*_rows(runs, strategies, tasks, "auc_top10", bold=True), *_published(tasks)]),
    ]
    for name, head in (("auc_top1", "AUC top-1"), ("auc_top100", "AUC top-100"), ("top1", "The best score at the end")):
        lines += ["", head, "", *table(["strategy", *tasks], _rows(runs, strategies, tasks, name))]
    if scores is not None:
        lines += ["", *_reaching(scores, strategies, tasks)]
    own = [
        run["seconds"] - run["oracle_seconds"] for run in runs if math.isfinite(run["seconds"] - run["oracle_seconds"])
    ]
    if own:
        lines += ["", f"Seconds a run beside the oracle's own: {min(own):,.0f} to {max(own):,.0f}."]
    return "\n".join(lines) + "\n"


def best_known(name: str, runs: Sequence[Sequence[float]]) -> float:
    """Return the highest score that the task can give where that is known, else the best score of these runs.

    Raises UserError for an unknown task, and where neither is known.
    """
    highest = task(name).best
    if highest is not None:
        return highest
    seen = [score for scores in runs for score in scores if math.isfinite(score)]
    if not seen:
        raise UserError(f"no run has a score for {name}: the best known score is not known")
    return max(seen)


def _reaching(
    scores: Mapping[tuple[str, str, int], Sequence[float]], strategies: Sequence[str], tasks: Sequence[str]
) -> list[str]:
    levels = {name: 0.9 * best_known(name, [s for (t, _, _), s in scores.items() if t == name]) for name in tasks}
    rows = []
    for strategy in strategies:
        row = [strategy]
        for name in tasks:
            found = [
                calls_to_reach(s, levels[name]) for (t, which, _), s in scores.items() if (t, which) == (name, strategy)
            ]
            reached = sorted(calls for calls in found if calls is not None)
            row.append(
                f"{_numbers(reached)} ({len(reached)} of {len(found)})"
                if reached
                else f"none of {len(found)}"
                if found
                else "–"
            )
        rows.append(row)
    head = ["strategy", *(f"{name} ({level:.3f})" for name, level in levels.items())]
    return ["Calls to 90 % of the best known score (the level), of the runs that reached it", "", *table(head, rows)]


def _rows(
    runs: Sequence[Mapping[str, Any]], strategies: Sequence[str], tasks: Sequence[str], name: str, bold: bool = False
) -> list[list[str]]:
    rows = []
    for strategy in strategies:
        cells = [_cell([float(r[name]) for r in runs if r["strategy"] == strategy and r["task"] == t]) for t in tasks]
        rows.append([f"**{strategy}**" if bold else strategy, *cells])
    return rows


def _published(tasks: Sequence[str]) -> list[list[str]]:
    return [
        [name, *(f"{row[t]:.3f}" if t in row else "–" for t in tasks)]
        for name, row in PUBLISHED.items()
        if any(t in row for t in tasks)
    ]


def _cell(values: Sequence[float]) -> str:
    if not values:
        return "–"
    spread = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.3f}{spread} ({len(values)})"


def _numbers(values: Sequence[int]) -> str:
    if not values:
        return "no"
    return f"{values[0]:,}" if values[0] == values[-1] else f"{values[0]:,} to {values[-1]:,}"


def _scores(scores: Sequence[float]) -> NDArray[np.float64]:
    return np.nan_to_num(np.asarray(scores, dtype=np.float64), nan=0.0)


def _best(values: NDArray[np.float64], top: int) -> NDArray[np.float64]:
    return np.sort(values)[-top:]
