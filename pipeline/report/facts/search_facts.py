"""The parts of a report about an optimization: its oracle calls, their scores, and where the best molecules came from."""

from __future__ import annotations

from pipeline.report.facts.asked_and_found import Refusal
from pipeline.report.facts.part import Number, Part, Point, PropertyPart, Row, Share


class Failure(Part):
    """A reason for which oracle calls failed."""

    reason: str = ""
    count: int | None = None


class DiversityAt(Part):
    """Diversity of the best molecules after a number of oracle calls."""

    calls: int | None = None
    diversity: float | None = None
    scaffolds: int | None = None
    of: int | None = None


class Origin(Part):
    """A move or center of the search: its oracle calls, their scores, and its part of the best molecules."""

    origin: str = ""
    asked: int | None = None
    of: int | None = None
    scored: int | None = None
    mean: float | None = None
    best: float | None = None
    among_best: int | None = None
    best_of: int | None = None
    candidates: int | None = None
    candidates_of: int | None = None


class OriginShares(Part):
    """The share of each origin in consecutive parts of the oracle calls."""

    origins: list[str] = []
    edges: list[int] = []
    """The number of calls at which each part begins and ends: one more than there are parts."""
    shares: list[list[float]] = []


class Ancestor(Part):
    """A molecule of a lineage."""

    smiles: str | None = None
    score: float | None = None
    call: int | None = None
    origin: str | None = None


class ComparedPrediction(PropertyPart):
    """Predicted against computed values of molecules that the oracle was asked about."""

    points: list[Point] = []
    of: int | None = None
    mae: float | None = None
    r2: float | None = None


class Front(Part):
    """The Pareto front among all scored molecules."""

    objectives: list[PropertyPart] = []
    points: list[Point] = []
    front: list[Point] = []
    size: int | None = None
    of: int | None = None
    reference: list[Number] = []
    hypervolume: list[Point] = []
    """(calls, hypervolume) pairs."""


class SearchMap(Part):
    """The search on the two main directions of the latent space."""

    data: list[Point] = []
    calls: list[Point] = []
    """(x, y, number of the call) triples."""
    path: list[Point] = []
    """The best molecule so far, each time that it changed: (x, y, number of the call, score)."""
    records: int | None = None
    """How often the best molecule changed."""
    candidates: list[Point] = []
    candidate_rows: list[int] = []
    """The places in the table of the candidates that have a point; [] in reports of before 0.3.0."""
    explained: list[Number] = []
    placed: Share = Share()
    """Molecules that could be encoded."""


class Search(Part):
    """The findings of an optimization, and the oracle calls that they took."""

    ended: str = ""
    calls: int | None = None
    budget: int | None = None
    failures: list[Failure] = []
    drafts: int | None = None
    """Distinct molecules that the strategy looked at."""
    constraints: list[Refusal] = []
    unusual: dict[str, int] = {}
    """Molecules that were refused as unusual, by name of what was found first in them; the most frequent first."""
    best: float | None = None
    curve: list[Point] = []
    """(calls, best score, mean of the best ten, mean of the best hundred)."""
    scores: list[Point] = []
    """(number of the call, score) pairs."""
    diversity: list[DiversityAt] = []
    origins: list[Origin] = []
    shares: OriginShares = OriginShares()
    lineages: list[list[Ancestor]] = []
    predictions: list[ComparedPrediction] = []
    front: Front | None = None
    map: SearchMap | None = None
    seconds: Row = {}

    def best_ten(self) -> float | None:
        """Return the mean score of the ten best molecules at the end."""
        return self.curve[-1][2] if self.curve and len(self.curve[-1]) > 2 else None
