"""Our MOSES metrics beside the MOSES package's own, on the same samples.

    chem-vae benchmark moses --samples-file samples.smi -o ours.json
    python benchmarks/agreement.py official.json ours.json [--note "what the samples are"]

official.json: the package's metrics by name (`moses.metrics.get_all_metrics`), as plain numbers. Prints both and their
difference, and writes benchmarks/results/moses-agreement.json. Ends with 1 where one differs by more than --within.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from chem_vae.atomic_files import write_json
from pipeline.workspace.runs import describe_machine, list_versions

RESULTS = Path(__file__).parent / "results"
RELATIVE = ("logP", "SA", "QED", "weight")
"""Distances in units of a property: their difference is judged beside their size where that is above 1."""


def compare(official: dict[str, Any], ours: dict[str, Any]) -> dict[str, dict[str, float | None]]:
    """List for each metric that both have: official, ours, and ours - official."""
    rows: dict[str, dict[str, float | None]] = {}
    for name, theirs in official.items():
        if name not in ours:
            continue
        value = ours[name]["fraction"] if isinstance(ours[name], dict) else ours[name]
        difference = None if value is None or theirs is None else value - theirs
        rows[name] = {"official": theirs, "ours": value, "difference": difference}
    return rows


def off(name: str, row: dict[str, float | None], within: float) -> bool:
    """Tell whether a row differs by more than `within`, or only one of both has a value."""
    difference, official = row["difference"], row["official"]
    if difference is None or official is None or not math.isfinite(difference):
        return True
    return abs(difference) > within * (max(1.0, abs(official)) if name in RELATIVE else 1.0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("official", type=Path)
    parser.add_argument("ours", type=Path)
    parser.add_argument("--within", type=float, default=1e-3)
    parser.add_argument("--note", default="")
    parser.add_argument("--output", type=Path, default=RESULTS / "moses-agreement.json")
    args = parser.parse_args()
    official, ours = (json.loads(path.read_text(encoding="utf-8")) for path in (args.official, args.ours))
    if official.get("n", ours["samples"]) != ours["samples"]:
        print(f"not the same samples: {official['n']:,.0f} and {ours['samples']:,}", file=sys.stderr)
        return 2
    rows = compare(official, ours)
    apart = [name for name, row in rows.items() if off(name, row, args.within)]
    for name, row in rows.items():
        cells = (f"{'none' if v is None else format(v, '.6f'):>12s}" for v in row.values())
        print(f"{name:14s}", *cells, "  more than --within" if name in apart else "")
    write_json(
        args.output,
        {
            "benchmark": "moses-agreement",
            "date": datetime.now(UTC).strftime("%Y-%m-%d"),
            "machine": describe_machine(),
            "versions": {**list_versions(), "fcd_torch": version("fcd_torch")},
            "samples": ours["samples"],
            "note": args.note,
            "within": args.within,
            "more_than_within": apart,
            "metrics": rows,
        },
    )
    return 1 if apart else 0


if __name__ == "__main__":
    sys.exit(main())
