"""The parts of a report about what was asked for and what was found of it."""

from __future__ import annotations

from pipeline.report.facts.part import Number, Part, Point, PropertyPart, Row, Share


class Stage(Share):
    """A stage of the funnel, counted among the molecules of the stage before it."""

    stage: str = ""
    explanation: str = ""


class Objective(PropertyPart):
    """An objective as it was requested."""

    basis: str = ""
    """"computed", "predicted" or, of the user's own function or program, "by your oracle"."""
    aim: str = ""
    """The objective in words."""
    kind: str = ""
    target: float | None = None
    tolerance: float | None = None
    low: float | None = None
    high: float | None = None
    weight: float | None = None
    falling: bool | None = None
    """Whether less is better where the value itself is ranked by; None in reports of before 0.3.0, whose aim says it."""
    transform: list[Point] = []
    """(value, desirability) pairs of the objective's transform, for a plot."""

    def interval(self) -> tuple[float | None, float | None]:
        """Return the values that the objective accepts; None for an open end, or for both where it accepts any value."""
        if self.target is not None and self.tolerance is not None:
            return self.target - self.tolerance, self.target + self.tolerance
        return self.low, self.high

    @property
    def is_falling(self) -> bool:
        """Whether less is better where the value itself is ranked by."""
        return self.aim.startswith("low") if self.falling is None else self.falling


class Request(Part):
    """The request that a run answered; only optimizations have the oracle and the fields after it."""

    n: int | None = None
    samples: int | None = None
    strategy: str | None = None
    temperature: float | None = None
    seed: int | str | None = None
    oracle: str | None = None
    oracle_calls: int | None = None
    objectives: list[Objective] = []
    aggregate: str | None = None
    constraints: list[str] = []
    allow_unusual: list[str] = []
    """Names of unusual structures that were allowed; "all" for everything."""
    seeds: list[str] = []
    """SMILES from which the search started."""


class Refusal(Share):
    """A constraint with the number of molecules that failed it first."""

    constraint: str = ""


class Achieved(PropertyPart):
    """The values of one objective's property over the candidates."""

    basis: str = ""
    aim: str = ""
    of: int | None = None
    mean: float | None = None
    std: float | None = None
    mae: float | None = None
    """Mean absolute distance from the target; None without a target."""
    within: int | None = None
    """Candidates within the objective's interval; None where an optimization has no interval."""
    expected: float | None = None
    """Of a predicted property: the sum of the candidates' probabilities to be within it when they are measured."""
    sampled: Achieved | None = None
    """The same over all molecules of the run."""


class ExpectedHits(Part):
    """The number of candidates that are expected to reach the goal when they are measured."""

    goal: str = ""
    """The goal in words."""
    expected: float | None = None
    low: int | None = None
    high: int | None = None
    """The number lies between `low` and `high` 8 of 10 times."""
    of: int | None = None
    checked: Row = {}
    """The same promise on molecules that the predictor had not seen: chosen (how many), expected and found hits."""


class Novelty(Part):
    """Novel molecules: not in the training data, and never proposed before as far as the candidate library knows."""

    stereo_aware: Share = Share()
    stereo_blind: Share = Share()
    not_in_training: Share = Share()
    never_proposed: Share = Share()
    """The two halves; without a count in reports of before 0.3.0 and where the library was not asked."""


class News(Part):
    """What a run brought that the candidate library did not know when it began."""

    new: Share = Share()
    """The candidates that no earlier run had proposed."""
    last_run: str = ""
    """The id of the last run before it; "" for the first one."""
    known: int | None = None
    """The molecules that the library knew."""
    passed_over: int | None = None
    """Those of them that the run came across."""
    excluded: bool = True
    """Whether these were left out of the candidates."""


class Diversity(Part):
    """How different the candidates are from each other."""

    internal_diversity: float | None = None
    scaffolds: int | None = None
    of: int | None = None


class Distribution(PropertyPart):
    """Values of one property in the training data, in all molecules of the run, and in the candidates."""

    basis: str = ""
    data: list[Number] = []
    samples: list[Number] = []
    candidates: list[Number] = []
    of: dict[str, int] = {}
    """How many values `data` and `samples` were drawn from."""


class Isomer(Part):
    """A stereoisomer of a candidate whose stereo is undefined, predicted on its own."""

    isomer: str = ""
    """Its name: "3.1" is the best one of the candidate of rank 3."""
    parent_rank: int | None = None
    smiles: str = ""
    in_data: bool | None = None
    score: float | None = None
    values: Row = {}
    """The values of the objectives by property."""
    spreads: Row = {}
    """The standard deviations of the predicted ones."""
