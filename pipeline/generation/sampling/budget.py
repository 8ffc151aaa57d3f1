"""Decides how many molecules a generation draws: until enough of them are what was asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from pipeline.chemistry.filters.structural_alerts import find_structural_alerts
from pipeline.generation.config import GenerateConfig
from pipeline.objectives.constraints import Constraints
from pipeline.objectives.desirability import ResolvedObjective

PER_CANDIDATE = 10
"""The molecules that are drawn for each candidate where nothing says what is good enough, unless the user says how many."""
SURPLUS = 2
"""The molecules as asked for that are drawn for each candidate under a target, a range or a step, so that the nearest can be chosen."""
MOST = 20
"""The most draws, in multiples of `PER_CANDIDATE` for each candidate."""
HOPELESS = 4
"""The multiple of `PER_CANDIDATE` draws for each candidate after which a generation ends that has not found a single molecule as asked for."""
MARGIN, DEVIATIONS = 1.2, 2
"""How many more draws are granted than the share found so far calls for: by so many deviations of what is left to chance, and by
this factor at most."""
LEAST_MORE = 50
"""The fewest draws that are granted at once, which cost hardly more than one."""
BOUNDED = ("target", "range", "step")
"""Kinds of objectives that say themselves which values are good enough."""


class Budget:
    """Counts the molecules that are as asked for, and grants more draws while they are too few.

    A molecule is as asked for where it meets the constraints and every target, range or step, is new, has nothing unusual, and is
    free of alerts where alerts are not allowed. Where every objective says what is good enough, or there is none, as many are drawn as it
    takes to find so many; where a property is to be as high or low as possible, `PER_CANDIDATE` for each candidate first. More draws are
    granted only where something can be missed. A number of samples that the user sets is drawn exactly.

    Args:
        config: The settings of the generation.
        objectives: The resolved objectives.
        constraints: What every molecule has to meet.
        is_new: Says for a canonical SMILES and its InChIKey whether the molecule may be proposed.
        usual: What is usual in molecules all the same, as `pipeline.chemistry.filters.structure_filters.locate_unusual` takes it.
    """

    def __init__(
        self,
        config: GenerateConfig,
        objectives: Sequence[ResolvedObjective],
        constraints: Constraints,
        is_new: Callable[[str, str], bool] = lambda smiles, key: True,
        usual: Collection[str] = (),
    ) -> None:
        self.n, self.is_new, self.usual, self.allow_alerts = config.n, is_new, frozenset(usual), config.allow_alerts
        self.first = config.samples or PER_CANDIDATE * config.n
        """The draws after which more are granted only where too few molecules are as asked for."""
        aims = objectives if config.strategy != "random" else []
        self.bounded = [w for w in aims if w.kind in BOUNDED]
        can_miss = bool(self.bounded) or len(constraints) > 0 or not config.allow_alerts
        self.most = MOST * self.first if can_miss and config.samples is None else self.first
        self.goal: int | None = None
        """The molecules as asked for with which a generation ends before `first` draws; None where it does not."""
        if config.samples is None and (not objectives or (self.bounded and len(self.bounded) == len(objectives))):
            self.goal = SURPLUS * self.n if self.bounded else self.n
        self.granted = self.first if self.goal is None else math.ceil(MARGIN * self.goal)
        """The number of draws granted so far."""
        self.found = 0
        """The number of molecules found that are as asked for."""

    @property
    def is_extended(self) -> bool:
        """Whether more draws than the usual number were granted."""
        return self.granted > self.first

    @property
    def is_counting(self) -> bool:
        """Whether the molecules that are as asked for decide how many are drawn."""
        return self.goal is not None or self.most > self.first

    def count(self, rows: Sequence[Mapping[str, Any]], unusual: Sequence[str | None]) -> None:
        """Count those of further distinct molecules that are as asked for; nothing where that decides nothing.

        Args:
            rows: The molecules, as rows of `pipeline.generation.sampling.direct.SearchResult.molecules`.
            unusual: What is unusual in each, None where nothing is (`pipeline.generation.sampling.batch.DrawnBatch.unusual`).
        """
        if not self.is_counting:
            return
        fits = [
            row
            for row, name in zip(rows, unusual, strict=True)
            if name is None and self.is_new(row["smiles"], row["inchikey"]) and self._meets_targets(row)
        ]
        if not self.allow_alerts and fits:
            fits = [
                row
                for row, alerts in zip(fits, find_structural_alerts([r["molecule"] for r in fits]), strict=True)
                if not alerts
            ]
        self.found += len(fits)

    def extend(self, drawn: int) -> None:
        """Grant more draws where those granted are spent and too few molecules were found."""
        is_early = self.goal is not None and drawn < self.first
        goal, most = (self.goal or self.n, self.first) if is_early else (self.n, self.most)
        if drawn < self.granted or self.found >= goal or self.granted >= most:
            return
        if not self.found and drawn >= HOPELESS * self.first:
            return
        margin = min(MARGIN, 1 + DEVIATIONS / math.sqrt(max(self.found, 1)))
        missing = math.ceil(margin * (goal - self.found) * drawn / max(self.found, 1))
        self.granted = min(most, 2 * drawn, drawn + max(missing, min(self.first // 10, LEAST_MORE)))

    def _meets_targets(self, row: Mapping[str, Any]) -> bool:
        return all(bool(w.find_hits([row[f"{w.summary.name}_{w.basis}"]])[0]) for w in self.bounded)
