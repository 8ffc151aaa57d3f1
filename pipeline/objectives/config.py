"""What a user says is wanted of one property."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from pipeline.workspace.settings import Settings

TransformName = Literal["sigmoid", "reverse_sigmoid", "double_sigmoid", "step", "linear", "reverse_linear", "as_is"]


class Objective(Settings):
    """What is wanted of one property: exactly one of target, maximize, minimize, range, transform."""

    target: float | None = None
    tolerance: float | None = Field(None, gt=0, description="Of a target; a tenth of the data's spread when not given.")
    maximize: bool = False
    minimize: bool = False
    range: tuple[float, float] | None = None
    transform: TransformName | None = Field(None, description="From a value to 0..1, by low, high and steepness.")
    low: float | None = Field(None, description="Of a transform; with maximize, from where on a value is a hit.")
    high: float | None = Field(None, description="Of a transform; with minimize, up to where a value is a hit.")
    steepness: float | None = Field(
        None, gt=0, le=100, description="Of a sigmoid: 0.25 when not given; 1 of a double one."
    )
    weight: float = Field(1.0, gt=0)

    @model_validator(mode="after")
    def _one_aim(self) -> Self:
        aims = (self.target is not None) + self.maximize + self.minimize + (self.range is not None)
        if aims + (self.transform is not None) != 1:
            raise ValueError("say exactly one of target, maximize, minimize, range, transform")
        if self.tolerance is not None and self.target is None:
            raise ValueError("a tolerance goes with a target")
        if self.range is not None and not self.range[0] < self.range[1]:
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
        if len(takes) == 2 and kind != "step" and (self.low is None or self.high is None):
            raise ValueError(f"{kind} needs low and high")
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise ValueError("low lies below high; what falls is said by the transform's name, e.g. reverse_sigmoid")
        if self.steepness is not None and not kind.endswith("sigmoid"):
            raise ValueError("a steepness goes with a sigmoid")

    def describe(self) -> str:
        """In words, as the report and the log print it."""
        if self.target is not None:
            return f"{self.target:g}" + (f" ± {self.tolerance:g}" if self.tolerance else "")
        if self.range is not None:
            return f"{self.range[0]:g} to {self.range[1]:g}"
        if self.transform == "as_is":
            return "as it is"
        if self.transform is not None:
            name = self.transform.replace("_", " ")
            ends = [f"{word} {end:g}" for word, end in (("from", self.low), ("to", self.high)) if end is not None]
            return f"{name} {' '.join(ends)}"
        return "as high as possible" if self.maximize else "as low as possible"
