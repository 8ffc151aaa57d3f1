"""Decides how many molecules a generation draws: the usual number, and more while too few of them are what was asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from pipeline.chemistry.structural_alerts import find_structural_alerts
from pipeline.chemistry.structure_filters import has_unusual_motif
from pipeline.generation.config import GenerateConfig
from pipeline.objectives.constraints import Constraints
from pipeline.objectives.desirability import ResolvedObjective

PER_CANDIDATE = 10
"""The molecules that are drawn for each candidate, unless the user says how many."""
MOST = 20
"""The most draws, in multiples of the usual number."""
HOPELESS = 4
"""The multiple of the usual number after which a generation ends that has not found a single molecule as asked for."""
BOUNDED = ("target", "range", "step")
"""Kinds of objectives that say themselves which values are good enough."""


class Budget:
    """Counts the molecules that are as asked for, and grants more draws while they are too few.

    A molecule is as asked for where it meets the constraints and every target, range or step, is new, has nothing unusual, and is
    free of alerts where alerts are not allowed. More draws are granted only where something can be missed and the user set no number of
    samples.

    Args:
        config: The settings of the generation.
        objectives: The resolved objectives.
        constraints: What every molecule has to meet.
        is_new: Says for an InChIKey whether the molecule may be proposed.
        usual: What is usual in molecules all the same, as `pipeline.chemistry.structure_filters.has_unusual_motif` takes it.
    """

    def __init__(
        self,
        config: GenerateConfig,
        objectives: Sequence[ResolvedObjective],
        constraints: Constraints,
        is_new: Callable[[str], bool] = lambda key: True,
        usual: Collection[str] = (),
    ) -> None:
        self.n, self.is_new, self.usual, self.allow_alerts = config.n, is_new, usual, config.allow_alerts
        self.first = config.samples or PER_CANDIDATE * config.n
        self.bounded = [w for w in objectives if w.kind in BOUNDED] if config.strategy != "random" else []
        can_miss = bool(self.bounded) or len(constraints) > 0 or not config.allow_alerts
        self.most = MOST * self.first if can_miss and config.samples is None else self.first
        self.granted = self.first
        """The number of draws granted so far."""
        self.found = 0
        """The number of molecules found that are as asked for."""

    @property
    def is_extended(self) -> bool:
        """Whether more draws than the usual number were granted."""
        return self.granted > self.first

    def count(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Count those of further distinct molecules that are as asked for; nothing where no more draws can be granted."""
        if self.most == self.first:
            return
        fits = [row for row in rows if self.is_new(row["inchikey"]) and self._meets_targets(row)]
        fits = [row for row in fits if not has_unusual_motif(row["molecule"].mol, self.usual)]
        if not self.allow_alerts and fits:
            fits = [
                row
                for row, alerts in zip(fits, find_structural_alerts([r["molecule"] for r in fits]), strict=True)
                if not alerts
            ]
        self.found += len(fits)

    def extend(self, drawn: int) -> None:
        """Grant more draws where those granted are spent and too few molecules were found."""
        if drawn < self.granted or self.found >= self.n or self.granted >= self.most:
            return
        if not self.found and drawn >= HOPELESS * self.first:
            return
        missing = math.ceil(1.2 * (self.n - self.found) * drawn / max(self.found, 1))
        self.granted = min(self.most, 2 * drawn, drawn + max(missing, self.first // 10))

    def _meets_targets(self, row: Mapping[str, Any]) -> bool:
        return all(bool(w.find_hits([row[f"{w.summary.name}_{w.basis}"]])[0]) for w in self.bounded)
