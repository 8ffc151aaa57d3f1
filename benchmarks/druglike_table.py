"""Writes the figures of `benchmarks/druglike.py` as the table of benchmarks/README.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def percent(share: Mapping[str, Any] | None) -> str:
    """Write a share with its denominator.

    >>> percent({"count": 1, "of": 8, "fraction": 0.125})
    '12.5 % of 8'
    """
    if not share or share["fraction"] is None:
        return "not measured"
    return f"{100 * share['fraction']:.1f} % of {share['of']:,}"


def write_table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """Write the figures as a Markdown table, one line for each row of the benchmark."""
    lines = ["| figure, held-out molecules | measured |", "|---|---|"]
    for name in ("zinc250k", "other", "moleculeace"):
        if name in rows:
            f = rows[name]["figures"]
            text = f"{percent(f['entered'])}; {percent(f['exact'])}"
            if worst := f.get("worst_series"):
                text += f" (least: {worst}, {percent(f['series'][worst]['exact'])})"
            lines.append(f"| {name}: can be entered; exact reconstruction | {text} |")
    for name in ("zinc250k", "other"):
        if name in rows:
            f = rows[name]["figures"]
            text = ", ".join(
                f"{k} {percent(f['exact_shares'][k])} ({percent(f['entered_shares'][k])})" for k in ("stereo", "charge")
            )
            lines.append(f"| {name}: stereo and charges of the exact ones (of all) | {text} |")
    if "likelihood" in rows:
        f = rows["likelihood"]["figures"]
        text = f"{f['all']['nats']:.1f} (zinc250k {f['zinc250k']['nats']:.1f}, other {f['other']['nats']:.1f}; {f['all']['of']:,})"
        lines.append(f"| -log p(x) without z and conditions, nats | {text} |")
    if "samples" in rows:
        f = rows["samples"]["figures"]
        parts = [
            f"FCD {f['fcd']:.2f} (of the data to itself {f['fcd_of_data']:.2f})", f"unique {percent(f['unique'])}",
            f"novel {percent(f['novel'])}", f"unusual {percent(f['unusual'])} (data {percent(f['unusual_of_data'])})",
            *(f"{k} {percent(f['shares'][k])} (data {percent(f['shares_of_data'][k])})" for k in ("stereo", "charge")),
        ]  # fmt: skip
        lines.append(f"| {f['samples']:,} samples at temperature 1 | {'; '.join(parts)} |")
    if "conditions" in rows:
        for target, f in rows["conditions"]["figures"].items():
            lines.append(f"| {target}: within tolerance | {percent(f)} |")
    if "predictors" in rows:
        f = rows["predictors"]["figures"]
        lines.append(f"| R2 of latent predictors | {', '.join(f'{k} {v:.3f}' for k, v in f.items() if k != 'of')} |")
    return "\n".join(lines)
