"""The tables of the PMO benchmark over all 23 tasks: the settings of their runs, and how they are written for README.md.

What counts before call 1 differs between published figures, so that each table has its own columns to compare with: `protocol` and
`defaults` begin from scratch, `library` with a library that was scored beforehand, uncounted.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from pmo_tasks import TASKS, task

from chem_vae.errors import UserError
from pipeline.benchmark.table import table

BEST_OF_LIBRARY = 100
"""The best molecules of the library, which a run asks about first."""

FREE: dict[str, Any] = {"odd_structures": True, "usual_size": False, "max_heavy_atoms": 50}


class Table(NamedTuple):
    """One table: what its runs may do, and with which published figures it can be compared."""

    settings: Mapping[str, Any]
    """The settings of the table [optimize], beside the oracle, the budget and the seed."""
    said: str
    """The settings in words."""
    published: tuple[str, ...]
    file: str


TABLES = {
    "protocol": Table(
        FREE,
        "From scratch, as published: no constraint, nothing refused; every score is a counted call.",
        ("InVirtuoGen", "Genetic GFN", "REINVENT"),
        "pmo-23.json",
    ),
    "defaults": Table(
        {},
        "From scratch, with the product's own defaults: unusual structures are refused, and sizes are those of the model's training "
        "molecules.",
        ("InVirtuoGen", "Genetic GFN", "REINVENT"),
        "pmo-23-defaults.json",
    ),
    "library": Table(
        FREE,
        f"A library was scored beforehand, uncounted, and its best {BEST_OF_LIBRARY} molecules are the first calls: never to be "
        "compared with figures from scratch.",
        ("InVirtuoGen, prescreened",),
        "pmo-23-library.json",
    ),
}

_METHODS = ("InVirtuoGen", "Genetic GFN", "REINVENT", "InVirtuoGen, prescreened")
_AREAS = {
    "albuterol_similarity": (0.950, 0.949, 0.882, 0.975),
    "amlodipine_mpo": (0.733, 0.761, 0.635, 0.836),
    "celecoxib_rediscovery": (0.798, 0.802, 0.713, 0.839),
    "deco_hop": (0.748, 0.733, 0.666, 0.968),
    "drd2": (0.985, 0.974, 0.945, 0.995),
    "fexofenadine_mpo": (0.845, 0.856, 0.784, 0.904),
    "gsk3b": (0.952, 0.881, 0.865, 0.988),
    "isomers_c7h8n2o2": (0.968, 0.969, 0.852, 0.988),
    "isomers_c9h10n2o2pf2cl": (0.874, 0.897, 0.642, 0.898),
    "jnk3": (0.825, 0.764, 0.783, 0.898),
    "median1": (0.342, 0.379, 0.356, 0.386),
    "median2": (0.288, 0.294, 0.276, 0.377),
    "mestranol_similarity": (0.797, 0.708, 0.618, 0.991),
    "osimertinib_mpo": (0.870, 0.860, 0.837, 0.881),
    "perindopril_mpo": (0.645, 0.595, 0.537, 0.753),
    "qed": (0.942, 0.942, 0.941, 0.943),
    "ranolazine_mpo": (0.848, 0.819, 0.760, 0.854),
    "scaffold_hop": (0.589, 0.615, 0.560, 0.711),
    "sitagliptin_mpo": (0.709, 0.634, 0.021, 0.743),
    "thiothixene_rediscovery": (0.625, 0.583, 0.534, 0.652),
    "troglitazone_rediscovery": (0.595, 0.511, 0.441, 0.853),
    "valsartan_smarts": (0.210, 0.135, 0.178, 0.935),
    "zaleplon_mpo": (0.536, 0.552, 0.358, 0.624),
}
PUBLISHED = {name: {t: areas[i] for t, areas in _AREAS.items()} for i, name in enumerate(_METHODS)}
"""AUC top-10 over 10,000 calls, as the reference table of InVirtuoGen_results has it."""


def render_table(name: str, runs: Sequence[Mapping[str, Any]]) -> str:
    """Render a table of all tasks for README.md: one row for each task, and the sum over those that were run.

    Args:
        name: A name of `TABLES`.
        runs: Results of `pmo_run.run`, of any tasks, strategies and seeds.
    """
    about = TABLES[name]
    strategies = list(dict.fromkeys(str(run["strategy"]) for run in runs))
    areas = {
        (s, t): [float(r["auc_top10"]) for r in runs if (r["strategy"], r["task"]) == (s, t)]
        for s in strategies
        for t in TASKS
    }
    there = [t for t in sorted(TASKS) if any(areas[s, t] for s in strategies)]
    head = ["task", *(f"**{s}** (seeds)" for s in strategies), "highest", *about.published]
    rows = []
    for t in there:
        highest = max(float(r["top1"]) for r in runs if r["task"] == t)
        rows.append(
            [t, *(_write_cell(areas[s, t]) for s in strategies), f"{highest:.3f}"]
            + [f"{PUBLISHED[method][t]:.3f}" for method in about.published]
        )
    sums = [f"**{sum(statistics.mean(areas[s, t]) for t in there if areas[s, t]):.3f}**" for s in strategies]
    whole = [f"{sum(PUBLISHED[method][t] for t in there):.3f}" for method in about.published]
    rows.append([f"sum of {len(there)} of {len(TASKS)}", *sums, "", *whole])
    libraries = sorted({str(r["library"]) for r in runs if r.get("library")})
    said = [about.said, *(f"Library: {library}." for library in libraries)]
    return "\n".join([" ".join(said), "", *table(head, rows)]) + "\n"


def _write_cell(areas: Sequence[float]) -> str:
    if not areas:
        return "–"
    spread = f" ± {statistics.stdev(areas):.3f}" if len(areas) > 1 else ""
    return f"{statistics.mean(areas):.3f}{spread} ({len(areas)})"


def read_library(path: Path, column: str = "SMILES") -> list[str]:
    """Read the SMILES of a library: a CSV file with that column, or a file with one SMILES a line.

    Raises:
        UserError: If it has none.
    """
    found = pd.read_csv(path, dtype=str)
    names = [name for name in found.columns if str(name).casefold() == column.casefold()]
    smiles = [str(s) for s in found[names[0]].dropna()] if names else []
    if not names:
        smiles = [line.split()[0] for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    if not smiles:
        raise UserError(f"{path} has no molecule")
    return smiles


def choose_best(name: str, smiles: Sequence[str], most: int) -> list[tuple[str, float]]:
    """Score a library with a task's oracle; return its best molecules with their scores, best first."""
    scores = task(name)(smiles)
    order = sorted((-score, row) for row, score in enumerate(scores) if score == score)
    return [(smiles[row], -negative) for negative, row in order[:most]]
