"""Estimates how long a campaign takes, from the size of its data and from what earlier runs of the workspace took."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from pathlib import Path

from pipeline.datasets.dataset import Dataset
from pipeline.workflows.records.summarize_runs import measure_seconds
from pipeline.workspace.presentation.formatting import format_duration
from pipeline.workspace.runs import list_runs
from pipeline.workspace.work.parallel import count_cores

START_SECONDS = 20.0
"""Loading, and writing the report."""
KNOWN_SECONDS = 130.0
"""The core seconds of learning again what a base model knows beside the data, and of comparing predictors."""
MOLECULE_SECONDS = 0.05
"""The core seconds that each molecule of the data adds to that."""
LOOKED_AT_SECONDS = 0.02
"""The core seconds of each molecule that is looked at for the candidates."""
FEWEST_MEASURED, TIMES = 5_000, 10
"""How many molecules are looked at: so many times the candidates, and of a measured goal not fewer than these."""
MOST_TRAINED = 40_000
"""The molecules from which on a training does not take longer, as its epochs become fewer."""


@dataclass(frozen=True)
class Estimate:
    """An estimate of seconds."""

    low: float
    high: float
    runs: int = 0
    """The earlier runs that it was corrected by."""

    def describe(self) -> str:
        """Say it in a sentence."""
        based = f", as {self.runs:,} earlier run{'s' if self.runs > 1 else ''} here took" if self.runs else ""
        if self.high < 90:
            return f"This takes about a minute{based}."
        low, high = _round(self.low), _round(self.high)
        shown = format_duration(high) if low == high else f"{format_duration(low)} to {format_duration(high)}"
        return f"This takes about {shown.replace(' 0 s', '').replace(' 0 min', '')}{based}."


def estimate_campaign(dataset: Dataset, n: int, workspace: Path) -> Estimate:
    """Estimate how long a campaign with a dataset takes whose model is not trained yet.

    Args:
        dataset: The dataset.
        n: How many candidates are asked for.
        workspace: Its runs tell how fast this computer is.
    """
    guess = _guess(dataset.counts["accepted"], n)
    ratios = []
    for done in list_runs(workspace)[:20]:
        told = done.manifest.get("dataset") or {}
        is_made = False in (told.get("reused"), (done.manifest.get("model") or {}).get("reused"))
        seconds, counts = measure_seconds(done.manifest), told.get("counts") or {}
        is_search = done.manifest.get("kind") not in (None, "generation") or done.manifest.get("library")
        if seconds and is_made and not is_search and counts.get("accepted") and done.manifest.get("candidates"):
            ratios.append(seconds / _guess(counts["accepted"], done.manifest["candidates"]))
    if ratios:
        guess *= min(max(statistics.median(ratios), 0.1), 10.0)
        return Estimate(0.75 * guess, 1.35 * guess, len(ratios))
    return Estimate(0.6 * guess, 1.8 * guess)


def _guess(molecules: int, n: int) -> float:
    trained = MOLECULE_SECONDS * min(molecules, MOST_TRAINED)
    looked_at = LOOKED_AT_SECONDS * max(FEWEST_MEASURED, TIMES * n)
    return START_SECONDS + (KNOWN_SECONDS + trained + looked_at) / max(count_cores(), 1) ** 0.7


def _round(seconds: float) -> float:
    """Round to what a person says: 30 s, 5 min, 1 h."""
    step = 30 if seconds < 300 else 60 if seconds < 1800 else 300 if seconds < 7200 else 1800
    return max(step, round(seconds / step) * step)
