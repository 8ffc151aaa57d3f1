"""TrainingLog: what a training reported, in a module that loads no trainer."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path

from chem_vae.atomic_files import write_whole


@dataclass
class TrainingLog:
    """The record of a training: one row per report, one per validation, and the warnings."""

    history: list[dict[str, float]] = field(default_factory=list)
    validation: list[dict[str, float]] = field(default_factory=list)
    kl_per_dimension: list[float] = field(default_factory=list)
    """KL by latent dimension, in nats, of the weights that are kept."""
    best: dict[str, float] = field(default_factory=dict)
    """The validation row of the weights that are kept."""
    warnings: list[str] = field(default_factory=list)
    ended: str = ""
    """Why it ended before its last step; "" where it did not."""
    seconds: float = 0.0
    """Training time, over all resumptions."""


def write_history(log: TrainingLog, path: Path) -> None:
    """Write the history of a training as CSV, one row per report."""
    with write_whole(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(log.history[0]) if log.history else ["step"])
        writer.writeheader()
        writer.writerows(log.history)
