"""Writes the tables of `measured.py` for README.md."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

_HEAD = (
    "| arm | series | predicted - judged, in the predictor's deviations | judged - mutants, in deviations of the labels | "
    "hits expected | judged | judged - expected | unusual | alerts - those of the data | above the 95 % weight | SA | similarity |"
)


def write_table(parts: Sequence[dict[str, Any]], number: int = 1) -> str:
    """Write the table of one round in Markdown, over all series, and what the predictor finds in the held-back third."""
    lines = [_HEAD, "|" + "---|" * 12]
    mutants = {p["series"]: _find(p, number) for p in parts if p["arm"] == "mutants"}
    for arm in dict.fromkeys(p["arm"] for p in parts):
        of = [p for p in parts if p["arm"] == arm and _find(p, number) is not None]
        rows = [p["rounds"][number - 1] for p in of]
        if not rows:
            continue
        apart = [(r["predicted"] - r["judged"]) / r["deviation"] for r in rows]
        gains = [
            (r["judged"] - mutants[p["series"]]["judged"]) / p["deviation"]
            for p, r in zip(of, rows, strict=True)
            if mutants.get(p["series"])
        ]
        expected, judged = (np.array([r[key] for r in rows]) for key in ("expected_hits", "judged_hits"))
        cells = [
            arm,
            str(len(of)),
            _spread(apart),
            _spread(gains),
            f"{expected.mean():.1f}",
            f"{judged.mean():.1f}",
            f"{judged.sum() / max(expected.sum(), 1e-9) - 1:+.0%}",
            f"{np.mean([r['unusual'] for r in rows]):.1%}",
            f"{np.mean([r['alerts'] - p['alerts_told'] for p, r in zip(of, rows, strict=True)]):+.1%}",
            str(sum(r["heavier_than_95"] for r in rows)),
            f"{np.mean([r['sa'] for r in rows]):.2f}",
            f"{np.mean([r['similarity'] for r in rows]):.2f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    held = [p["held"] for p in {p["series"]: p for p in parts}.values()]
    mean, chosen = (np.mean([h[key] for h in held]) for key in ("mean", "chosen"))
    lines += [
        "",
        f"Held-back third, {len(held)} series: mean truth {mean:.2f}, of the best by the predictor {chosen:.2f}.",
    ]
    return "\n".join(lines)


def _find(part: dict[str, Any], number: int) -> dict[str, Any] | None:
    return part["rounds"][number - 1] if len(part["rounds"]) >= number else None


def _spread(values: Sequence[float]) -> str:
    if not values:
        return "–"
    return f"{np.mean(values):+.2f} ± {np.std(values):.2f}"
