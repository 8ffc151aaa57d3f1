"""Figures of speed: each beside its limit in the same run, so that figures of two machines can be compared by their shares of it."""

from __future__ import annotations

import resource
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.benchmark.table import table

SLOWER = 0.9
"""The share of an earlier figure below which a figure is called slower."""


@dataclass(frozen=True)
class Figure:
    """One figure of speed, and the limit that was measured beside it."""

    name: str
    value: float
    unit: str
    limit: float
    """In the same unit."""
    limit_is: str
    """The limit in words."""
    is_rate: bool = True
    """Whether more is better, as of a rate; False of a time."""

    @property
    def share(self) -> float:
        """How near the figure comes to its limit; 1 is the limit."""
        return self.value / self.limit if self.is_rate else self.limit / self.value

    def to_dict(self) -> dict[str, Any]:
        """Return the fields and the share as plain data."""
        return {**asdict(self), "share": self.share}


def count_cpu_seconds() -> float:
    """Count the processor seconds of this process and of those of its children that have ended.

    The workers of a pool (`pipeline.workspace.work.parallel`) are not among them: what is measured by this must not start one.
    """
    used = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(u.ru_utime + u.ru_stime for u in used)


def render_table(figures: Sequence[Mapping[str, Any]], kept: Sequence[Mapping[str, Any]] = ()) -> str:
    """Render figures as a table in Markdown, beside the shares that were kept.

    Args:
        figures: What `Figure.to_dict` returns.
        kept: The same of an earlier run.
    """
    earlier = {f["name"]: f["share"] for f in kept}
    rows = []
    for f in figures:
        limit = f"{f['limit']:,.4g} ({f['limit_is']})"
        before = f"{earlier[f['name']]:.0%}" if f["name"] in earlier else "–"
        rows.append([f["name"], f"{f['value']:,.4g} {f['unit']}", limit, f"{f['share']:.0%}", before])
    return "\n".join(table(["what", "measured", "limit in the same run", "share of the limit", "share kept"], rows))


def find_slower(figures: Sequence[Mapping[str, Any]], kept: Sequence[Mapping[str, Any]]) -> list[str]:
    """Name what has a share of its limit that is more than a tenth below the kept one.

    >>> find_slower([{"name": "ingest", "share": 0.5}], [{"name": "ingest", "share": 0.6}])
    ['ingest: 50% of its limit, 60% before']
    """
    earlier = {f["name"]: f["share"] for f in kept}
    return [
        f"{f['name']}: {f['share']:.0%} of its limit, {earlier[f['name']]:.0%} before"
        for f in figures
        if f["name"] in earlier and f["share"] < SLOWER * earlier[f["name"]]
    ]
