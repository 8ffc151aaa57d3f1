"""The settings of an objective and of a constraint."""

from __future__ import annotations

import math
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from pipeline.workspace.settings import Settings

SUBJECTS = ("must_contain", "must_not_contain", "alerts", "similarity_to", "elements", "property")

TRANSFORM_NAMES = ("sigmoid", "reverse_sigmoid", "double_sigmoid", "step", "linear", "reverse_linear", "as_is")
"""The transforms of this package; others may register more (`pipeline.objectives.transforms`)."""

USUAL = "no unusual structure"
"""The constraint that nothing in a structure is unusual, in words."""
USUAL_SIZE = "usual size"
MEASURED_SIZE = "weight of the measured molecules"
"""How the names of the constraints on the size begin that hold by default."""
MOST_UNUSUAL = 3
"""Names of what is unusual in a message."""
AllowUnusual = Annotated[
    tuple[str, ...],
    Field(
        description='What may be proposed although it is unusual, by name ("ring of more than 8 atoms"); "all" for everything. The '
        "column `unusual` of the candidates has the names. What the model's molecules or the seeds have is allowed anyway."
    ),
]
"""The setting `allow_unusual`; its names are checked by `pipeline.chemistry.filters.structure_filters.read_allowed`."""


def _read_range(value: Any) -> Any:
    """Read a range that is written as the command line writes it, "300:450", with either end left out."""
    if not isinstance(value, str):
        return value
    low, colon, high = (part.strip() for part in value.partition(":"))
    if not colon:
        raise ValueError('a range is written as two numbers, or as in "300:450", "300:" or ":450"')
    return low or None, high or None


class Objective(Settings):
    """Says which values of one property are good, by exactly one of target, maximize, minimize, range, transform."""

    target: float | None = Field(None, description="Come as close as possible to this value.")
    tolerance: float | None = Field(
        None,
        gt=0,
        description="How close to the target counts as reached; a tenth of the data's spread when not given.",
    )
    maximize: bool = Field(False, description="As high as possible.")
    minimize: bool = Field(False, description="As low as possible.")
    range: Annotated[tuple[float | None, float | None] | None, BeforeValidator(_read_range)] = Field(
        None,
        description='Between two values; best inside, worse with the distance. An open end is written as in "300:" or ":450".',
    )
    transform: str | None = Field(
        None,
        description=f"From a value to 0..1, by low, high and steepness: {', '.join(TRANSFORM_NAMES)}, or one that another "
        "package registers.",
    )
    low: float | None = Field(
        None, description="The low end of a transform; with maximize, from where on a value is a hit."
    )
    high: float | None = Field(
        None, description="The high end of a transform; with minimize, up to where a value is a hit."
    )
    steepness: float | None = Field(
        None, gt=0, le=100, description="The steepness of a sigmoid: 0.25 when not given, 1 for a double one."
    )
    weight: float = Field(1.0, gt=0, description="How much it counts beside the other objectives.")

    @field_validator("transform")
    @classmethod
    def _check_transform(cls, name: str | None) -> str | None:
        if name is not None and name not in TRANSFORM_NAMES:
            from pipeline.objectives.transforms import find_transform  # heavy (torch), and seldom needed

            find_transform(name)
        return name

    @model_validator(mode="after")
    def _one_aim(self) -> Self:
        aims = (self.target is not None) + self.maximize + self.minimize + (self.range is not None)
        if aims + (self.transform is not None) != 1:
            raise ValueError("say exactly one of target, maximize, minimize, range, transform")
        if self.tolerance is not None and self.target is None:
            raise ValueError("a tolerance goes with a target")
        if self.range is not None:
            low, high = self.range
            if low is None and high is None:
                raise ValueError("a range has a lower end, a higher one, or both")
            if low is not None and high is not None and not low < high:
                raise ValueError("a range goes from its lower to its higher end")
        self._check_ends()
        return self

    def _check_ends(self) -> None:
        kind = self.transform or ("maximize" if self.maximize else "minimize" if self.minimize else "target or a range")
        takes = {"maximize": "low", "minimize": "high", "target or a range": "", "as_is": ""}.get(
            kind, "low high"
        ).split()
        for name in ("low", "high"):
            if name not in takes and getattr(self, name) is not None:
                raise ValueError(f"{kind} takes no {name}" + (", but a " + takes[0] if takes else ""))
        if kind == "step" and self.low is None and self.high is None:
            raise ValueError("step needs low, high or both")
        if len(takes) == 2 and kind in TRANSFORM_NAMES and kind != "step" and (self.low is None or self.high is None):
            raise ValueError(f"{kind} needs low and high")
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise ValueError("low lies below high; what falls is said by the transform's name, e.g. reverse_sigmoid")
        own = self.transform is not None and self.transform not in TRANSFORM_NAMES
        if self.steepness is not None and not (own or kind.endswith("sigmoid")):
            raise ValueError("a steepness goes with a sigmoid")

    def describe(self) -> str:
        """Describe the objective in words, as the report and the log print it."""
        if self.target is not None:
            return f"{self.target:g}" + (f" ± {self.tolerance:g}" if self.tolerance else "")
        if self.range is not None:
            low, high = self.range
            if low is None or high is None:
                return f"at most {high:g}" if low is None else f"at least {low:g}"
            return f"{low:g} to {high:g}"
        if self.transform == "as_is":
            return "as it is"
        if self.transform is not None:
            name = self.transform.replace("_", " ")
            ends = [f"{word} {end:g}" for word, end in (("from", self.low), ("to", self.high)) if end is not None]
            return f"{name} {' '.join(ends)}"
        return "as high as possible" if self.maximize else "as low as possible"


class Constraint(Settings):
    """Says one thing that a molecule must or must not be, by exactly one of SUBJECTS, with its bounds (both included).

    Whether a SMARTS, SMILES, element, property or set of alerts can be read is checked when `Constraints` are made of it.
    """

    must_contain: str | None = Field(
        None, description="Only molecules with this substructure (SMARTS), at_least so often; once when not given."
    )
    must_not_contain: str | None = Field(
        None,
        description="Only molecules without this substructure (SMARTS); with at_least, with fewer than so many of it.",
    )
    alerts: tuple[str, ...] | None = Field(
        None, description="Sets of alerts to be free of: PAINS, BRENK, NIH, ZINC ..."
    )
    similarity_to: tuple[str, ...] | None = Field(
        None,
        description="Only molecules that are similar to the nearest of these SMILES, by the Tanimoto similarity of ECFP4 (Morgan, "
        "radius 2, 2048 bits).",
    )
    elements: tuple[str, ...] | None = Field(None, description="The only elements allowed, hydrogen aside.")
    property: str | None = Field(None, description="A registered property, heavy_atoms, or ring_size (largest ring).")
    at_least: float | None = Field(None, description="The lowest value, similarity or count that is allowed.")
    at_most: float | None = Field(None, description="The highest value, similarity or count that is allowed.")
    name: str | None = Field(None, min_length=1, description="What counts and messages call it.")

    @field_validator("property")
    @classmethod
    def _spell(cls, value: str | None) -> str | None:
        from pipeline.objectives.rules import spell_limited_number  # here: loads rdkit

        return (
            None if value is None else spell_limited_number(value) or value
        )  # MW is mw; what is unknown is said later

    @model_validator(mode="after")
    def _one_subject(self) -> Self:
        said = [s for s in SUBJECTS if getattr(self, s) not in (None, ())]
        if len(said) != 1:
            raise ValueError(f"say exactly one of {', '.join(SUBJECTS)}")
        low, high = self.at_least, self.at_most
        if said[0] in ("alerts", "elements") and (low, high) != (None, None):
            raise ValueError(f"{said[0]} takes neither at_least nor at_most")
        if said[0] in ("similarity_to", "property") and (low, high) == (None, None):
            raise ValueError(f"{said[0]} needs at_least, at_most or both")
        if said[0] == "similarity_to" and not all(0 <= v <= 1 for v in (low, high) if v is not None):
            raise ValueError("a similarity lies in 0 to 1")
        if said[0].endswith("contain") and any(v is not None and (v < 0 or v % 1) for v in (low, high)):
            raise ValueError("matches are counted in whole numbers")
        if said[0] == "must_not_contain" and (high is not None or low == 0):
            raise ValueError("must_not_contain takes at_least alone, of one or more: from where on it is too many")
        low, high = self.bounds()
        if low > high:
            raise ValueError(f"nothing is at least {low:g} and at most {high:g}")
        return self

    def bounds(self) -> tuple[float, float]:
        """Return the lowest and the highest count, similarity or value allowed."""
        if self.must_not_contain is not None:
            return -math.inf, (1.0 if self.at_least is None else self.at_least) - 1
        least = 1.0 if self.must_contain is not None and self.at_least is None else self.at_least
        return -math.inf if least is None else least, math.inf if self.at_most is None else self.at_most

    def describe(self) -> str:
        """Describe the constraint in words, as messages print it: "sa at most 4"."""
        if self.name is not None:
            return self.name
        ends = [f"{w} {v:g}" for w, v in (("at least", self.at_least), ("at most", self.at_most)) if v is not None]
        bounds = " and ".join(ends)
        if self.must_contain is not None:
            return f"contains {bounds + ' ' if bounds else ''}{self.must_contain}"
        if self.must_not_contain is not None:
            return f"does not contain {bounds + ' ' if bounds else ''}{self.must_not_contain}"
        if self.alerts is not None:
            return f"no alert of {', '.join(self.alerts)}"
        if self.elements is not None:
            return f"only {', '.join(self.elements)}"
        if self.similarity_to is not None:
            others = f" or {len(self.similarity_to) - 1} more" if len(self.similarity_to) > 1 else ""
            return f"similarity to {self.similarity_to[0]}{others} {bounds}"
        return f"{self.property} {bounds}"


ConstraintList = Annotated[
    tuple[Constraint, ...], Field(description="What a molecule has to meet to be proposed at all.")
]
"""The constraints of a generation or an optimization, as a setting."""
