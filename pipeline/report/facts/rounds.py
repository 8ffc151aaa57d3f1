"""The part of a report about the rounds before it: what was proposed, what was measured of it, and what the model learned."""

from __future__ import annotations

from typing import Any

from pipeline.report.facts.part import Number, Part, Point, PropertyPart
from pipeline.workspace.presentation.formatting import format_brief
from pipeline.workspace.presentation.intervals import Interval, measure_fraction_interval, measure_mean_interval


class Learned(Part):
    """A figure of the predictor on its own held-out molecules, before and after the measurements of a round."""

    figure: str = ""
    before: Number = None
    after: Number = None


class Round(PropertyPart):
    """A round of proposals, measured since: predictions and hopes against what was found."""

    run: str = ""
    """The id of the run that proposed them."""
    goal: str = ""
    """What counted as a hit; "" where the round promised none."""
    proposed: int | None = None
    measured: int | None = None
    """Those of them with a value or a bound."""
    predicted: float | None = None
    """The mean prediction of the molecules with an exact value."""
    found: float | None = None
    """The mean measurement of the same molecules."""
    std: float | None = None
    """The standard deviation of the measurements."""
    mae: float | None = None
    """The mean absolute error of the predictions."""
    before: float | None = None
    """The mean of all molecules measured before the round."""
    best_before: float | None = None
    best: float | None = None
    """The best measurement before the round, and the best one of the round; None where no direction was asked for."""
    expected_hits: float | None = None
    hits: int | None = None
    decided: int | None = None
    """The molecules of which the measurements decide whether they are hits; all that were measured when None."""
    points: list[Point] = []
    """(measured, predicted, standard deviation of the prediction) triples."""
    learned: list[Learned] = []

    @property
    def tried(self) -> int | None:
        """The number of molecules among which the hits were counted."""
        return self.measured if self.decided is None else self.decided

    @property
    def hit_interval(self) -> Interval | None:
        """The 95 % interval of the hit rate among what was measured."""
        return measure_fraction_interval(self.hits, self.tried)

    @property
    def found_interval(self) -> Interval | None:
        """The 95 % interval of the mean measurement."""
        return measure_mean_interval(self.found, self.std, len(self.points) or self.measured)

    def describe_learning(self) -> str:
        """Say what the model learned from the round: the figures that changed."""
        told = [
            f"{row.figure} {format_brief(row.before)} → {format_brief(row.after)}"
            for row in self.learned
            if row.before is not None and row.after is not None and row.before != row.after
        ]
        if self.best is not None and self.best_before is not None:
            told.insert(0, f"best measured {format_brief(self.best_before)} → {format_brief(self.best)}")
        return "; ".join(told)


def list_learned(before: dict[str, Any], after: dict[str, Any]) -> list[Learned]:
    """List how a predictor's figures on held-out molecules changed, from its entries on the cards of two models."""
    named = (
        ("n_train", "molecules fitted on"),
        ("r2", "R² on held-out molecules"),
        ("mae", "mean absolute error on them"),
    )
    return [
        Learned(figure=words, before=before[key], after=after[key])
        for key, words in named
        if isinstance(before.get(key), int | float) and isinstance(after.get(key), int | float)
    ]
