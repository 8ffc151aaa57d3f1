"""The properties and the score of a report as a person is to read them: name, unit, where a value comes from, and the user's own sign."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from pipeline.report.facts.asked_and_found import Objective
from pipeline.report.facts.search_facts import Search
from pipeline.report.model import Report
from pipeline.report.raw_values import Logarithm, find_logarithm
from pipeline.workspace.presentation.intervals import Interval
from pipeline.workspace.presentation.value_columns import split_value_column

COMPUTED, PREDICTED, ORACLE = "computed", "predicted", "by your oracle"
"""Where a value comes from: the structure, a model, or the user's own function or program."""
_NAMES = {
    "logp": "logP", "qed": "QED", "sa": "SA score", "mw": "molecular weight", "tpsa": "TPSA", "hbd": "H-bond donors",
    "hba": "H-bond acceptors", "rotatable_bonds": "rotatable bonds", "rings": "rings", "fraction_sp3": "fraction sp³",
    "formal_charge": "formal charge",
}  # fmt: skip


@dataclass
class ShownProperty:
    """A property as the page shows it, put together from every part of the report that names it."""

    name: str
    label: str = ""
    unit: str = ""
    objective: Objective | None = None
    aim: str = ""
    logarithm: Logarithm | None = None
    classes: list[float] = field(default_factory=list)
    """The inactive and the active label of a property with two values, which is predicted as the expected label."""

    def __post_init__(self) -> None:
        self.label = self.label or _NAMES.get(self.name, self.name)

    @property
    def brief(self) -> str:
        """The aim without its explanation, for the head of a narrow column."""
        return self.aim.split(" (")[0].split(",")[0]

    @property
    def with_unit(self) -> str:
        """The name with its unit, for one line of text."""
        return f"{self.label}, {self.unit}" if self.unit else self.label

    def name_basis(self, kind: str) -> str:
        """Name where the values of a column come from; "computed" means the structure, or the user's oracle."""
        return ORACLE if kind == COMPUTED and self.objective and self.objective.basis == ORACLE else kind

    def is_probability(self, basis: str) -> bool:
        """Whether values from `basis` are the probability of the active class."""
        return basis == PREDICTED and self.classes == [0, 1]

    def clip(self, interval: Interval | None, basis: str) -> Interval | None:
        """Clip an interval to what values from `basis` can be: of two classes a prediction lies between their labels."""
        if interval is None or basis != PREDICTED or len(self.classes) != 2:
            return interval
        low, high = self.classes
        return max(interval[0], low), min(interval[1], high)

    def is_met(self, value: float | None) -> bool | None:
        """Whether the value is within the objective's interval; None where there is no interval or no value."""
        low, high = self.objective.interval() if self.objective else (None, None)
        if value is None or (low is None and high is None):
            return None
        slack = 1e-9 * max(abs(low or 0.0), abs(high or 0.0), 1.0)
        return (low is None or value >= low - slack) and (high is None or value <= high + slack)


@dataclass(frozen=True)
class ValueColumn:
    """A column of candidates.csv that holds the candidates' values of a property."""

    column: str
    property: ShownProperty
    basis: str

    def write_head(self) -> str:
        """Write the property with its basis and its unit, for the head of a plain table."""
        unit = self.property.unit
        return f"{self.property.name} ({self.basis}){unit and f' [{unit}]'}"


@dataclass(frozen=True)
class ShownScore:
    """The score as the user asked for it: the value itself, with its own sign, where one property alone is ranked as it is."""

    label: str = "score"
    unit: str = ""
    basis: str = ""
    sign: int = 1
    is_value: bool = False
    """Whether the score is the value of a property, so that a column of its own would say the same twice."""

    @property
    def with_unit(self) -> str:
        """The name with its unit, for the axis of a plot."""
        return f"{self.label}, {self.unit}" if self.unit else self.label

    def to_own(self, score: float | None) -> float | None:
        """Turn a score, of which more is always better, into the user's own value."""
        return None if score is None else self.sign * score


SCORE = ShownScore()
"""A score that stands for itself."""


def collect_properties(report: Report) -> dict[str, ShownProperty]:
    """Collect every property that the report names, the objectives first."""
    found: dict[str, ShownProperty] = {}
    for entry in (*report.request.objectives, *report.achieved, *report.distributions, *report.predictors):
        known = found.setdefault(entry.property, ShownProperty(entry.property))
        known.label = entry.label or known.label
        known.unit = entry.unit or known.unit
        if isinstance(entry, Objective):
            known.objective = entry
        known.classes = getattr(entry, "classes", []) or known.classes
        known.aim = getattr(entry, "aim", "").replace(" ± ", "\u00a0±\u00a0") or known.aim
    found.pop("", None)
    for name, known in found.items():
        known.logarithm = find_logarithm(report.logarithms, name)
    return found


def list_own_columns(report: Report) -> list[str]:
    """List the columns of a catalogue's own, whose names say nothing of what is in them."""
    return [] if report.library is None else list(report.library.columns)


def list_value_columns(columns: Iterable[object], report: Report) -> list[ValueColumn]:
    """List the columns of the candidates' values: none of a catalogue's own, and none about another molecule."""
    known, own = collect_properties(report), set(list_own_columns(report))
    found = []
    for column in columns:
        name, kind = split_value_column(column)
        if name and column not in own:
            about = known.get(name) or ShownProperty(name)
            found.append(ValueColumn(str(column), about, about.name_basis(kind)))
    return found


def describe_score(report: Report) -> ShownScore:
    """Describe what the scores of a report stand for."""
    objectives = report.request.objectives
    if len(objectives) != 1 or objectives[0].kind != "as_is":
        return SCORE
    only = objectives[0]
    known = collect_properties(report)[only.property]
    return ShownScore(known.label, known.unit, only.basis, -1 if only.is_falling else 1, True)


def show_own_values(search: Search, score: ShownScore) -> Search:
    """Return a copy of a search whose scores are the user's own values."""
    if score.sign == 1:
        return search
    shown = search.model_copy(deep=True)
    shown.best = score.to_own(search.best)
    shown.scores = [[call, score.to_own(value)] for call, value in search.scores]
    shown.curve = [[row[0], *map(score.to_own, row[1:])] for row in search.curve]
    for origin in shown.origins:
        origin.mean, origin.best = score.to_own(origin.mean), score.to_own(origin.best)
    for member in (step for chain in shown.lineages for step in chain):
        member.score = score.to_own(member.score)
    return shown
