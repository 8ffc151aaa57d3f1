"""Describes the figures of a benchmark that a model's card has, in lines for a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_ENTERED = {
    "zinc250k": "held-out molecules of ZINC250k",
    "other": "held-out molecules of the other sources",
    "moleculeace": "measured series of MoleculeACE",
}


def describe_benchmark(results: Mapping[str, Any]) -> list[str]:
    """Describe the figures of `chem-vae benchmark moses`, or of `benchmarks/druglike.py`, one line for each kind."""
    return _describe_druglike(results) if results.get("benchmark") == "druglike" else [_describe_moses(results)]


def _describe_moses(results: Mapping[str, Any]) -> str:
    figures = {name: f"{found['mean']:.3f}" for name, found in results["distribution"].items()}
    exact, asked = results["reconstruction"]["from_mean"]["molecule"], results["settings"]
    names = ("FCD/Test", "unique@10000", "Filters", "Novelty")
    return (
        f"benchmark of {results['date']} ({asked['samples']:,} samples, {asked['seeds']} seeds): "
        f"{', '.join(f'{name} {figures[name]}' for name in names if name in figures)}; exact reconstruction of "
        f"{exact['count']:,} of {exact['of']:,} test molecules"
    )


def _describe_druglike(results: Mapping[str, Any]) -> list[str]:
    figures = {name: row["figures"] for name, row in results["rows"].items()}
    lines = [
        f"{words}: {write_share(found['entered'])} can be entered, {write_share(found['exact'])} of these come back exactly"
        for name, words in _ENTERED.items()
        if (found := figures.get(name))
    ]
    if (found := figures.get("likelihood")) and found["all"]["nats"] is not None:
        lines.append(f"-log p(x) of {found['all']['of']:,} held-out molecules: {found['all']['nats']:.1f} nats")
    if found := figures.get("samples"):
        lines.append(
            f"{found['samples']:,} samples at temperature 1: FCD {found['fcd']:.2f} to held-out molecules, {write_share(found['unique'])} "
            f"unique, {write_share(found['unusual'])} with an unusual structure (data {write_share(found['unusual_of_data'])}), "
            + ", ".join(
                f"{name} in {write_share(share)} (data {write_share(found['shares_of_data'][name])})"
                for name, share in found["shares"].items()
            )
        )
    if found := figures.get("conditions"):
        targets = ", ".join(f"{target} {write_share(share)}" for target, share in found.items())
        lines.append(f"candidates within the tolerance of a target: {targets}")
    if found := figures.get("predictors"):
        lines.append(
            "R2 of latent predictors: "
            + ", ".join(f"{k} {v:.3f}" for k, v in found.items() if k != "of" and v is not None)
        )
    return [f"benchmark: {line}" for line in lines]


def write_share(share: Mapping[str, Any]) -> str:
    """Write a share (count, of) in percent; "none" where nothing was counted.

    >>> write_share({"count": 1, "of": 8})
    '12.5 %'
    """
    return "none" if not share["of"] else f"{share['count'] / share['of']:.1%}".replace("%", " %")
