"""Compares the predictions of a round with what was measured since, for the next run's report and for the terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.chemistry.metrics import Share
from pipeline.datasets.dataset import Dataset
from pipeline.generation.acquisition.hit_probability import COLUMN as HIT_PROBABILITY
from pipeline.models.trained_model import TrainedModel
from pipeline.report.facts.asked_and_found import Objective
from pipeline.report.facts.rounds import Round, list_learned
from pipeline.report.model import read_report
from pipeline.workspace.presentation.csv_tables import read_csv
from pipeline.workspace.presentation.formatting import format_brief
from pipeline.workspace.runs import Run


@dataclass(frozen=True)
class PredictionCheck:
    """The predictions of a property in the round before, compared with what was measured since."""

    name: str
    measured: Share
    """The candidates measured now, exactly or as a bound, among those proposed."""
    predicted: float
    """The mean prediction of the candidates with an exact value."""
    found: float
    """The mean measurement of the same candidates."""
    mae: float
    """The mean absolute error of the predictions."""
    before: float
    """The mean of all molecules measured before that round."""
    expected_hits: float | None = None
    """The hits that were expected of the candidates that are decided now; None where the round before promised none."""
    hits: Share | None = None
    """The hits among the candidates of which the measurements decide whether they reach the goal of that round."""
    points: tuple[tuple[float, float, float], ...] = ()
    """(measured, predicted, standard deviation of the prediction) of each candidate with an exact value."""

    def __str__(self) -> str:
        if not self.measured.count:
            return f"{self.name}: none of the {self.measured.of} candidates of the round before was measured"
        text = f"{self.name}: {self.measured} of the candidates of the round before were measured"
        if bounds := self.measured.count - len(self.points):
            text += f", {bounds:,} of them as bounds"
        if self.points:
            text += (
                f", {format_brief(self.found)} on average (predicted {format_brief(self.predicted)}, mean absolute error "
                f"{format_brief(self.mae)}; all molecules before: {format_brief(self.before)})"
            )
        if self.hits is not None:
            among = "them" if self.hits.of == self.measured.count else f"the {self.hits.of:,} that are decided"
            text += f"; {self.hits.count:,} of {among} are hits, {self.expected_hits:.0f} were expected"
        return text


def check_predictions(run: Run, name: str, new: pd.DataFrame, before: Dataset) -> PredictionCheck:
    """Compare the predictions of a run's candidates with the new measurements.

    Args:
        run: The run of the round before.
        name: The property.
        new: The new labels of all properties by inchikey, with their bounds (`new_measurements.read_labels`).
        before: The data of the round before.
    """
    candidates = read_csv(run.folder / "candidates.csv")
    column = f"{name}_predicted"
    old = float(before.table([name])[name].mean())
    nan = float("nan")
    if column not in candidates:
        return PredictionCheck(name, Share(0, len(candidates)), nan, nan, nan, old)
    labels = [c for c in new.columns if c not in ("smiles", "inchikey")]
    candidates = candidates.drop(columns=labels, errors="ignore")  # of a property that is called score or rank
    both = candidates.merge(new[["inchikey", *labels]], on="inchikey")
    ends = [c for c in (name, f"{name}_lower", f"{name}_upper") if c in both]
    both = both[both[ends].notna().any(axis=1)]
    exact = both[both[name].notna()]
    expected, hits = _count_hits(run, both)
    return PredictionCheck(
        name,
        Share(len(both), len(candidates)),
        float(exact[column].mean()),
        float(exact[name].mean()),
        float((exact[column] - exact[name]).abs().mean()),
        old,
        expected,
        hits,
        _list_points(exact, name),
    )


def _list_points(exact: pd.DataFrame, name: str) -> tuple[tuple[float, float, float], ...]:
    """List measurement, prediction and its standard deviation of each molecule; NaN where a prediction has none."""
    column = f"{name}_predicted"
    spread = exact[f"{column}_std"] if f"{column}_std" in exact else pd.Series(math.nan, exact.index)
    return tuple(zip(exact[name].tolist(), exact[column].tolist(), spread.tolist(), strict=True))


def _count_hits(run: Run, measured: pd.DataFrame) -> tuple[float | None, Share | None]:
    """Count the hits that were expected of the measured candidates, and those that there are, where the run had promised some.

    Counted are the candidates of which it is known: a bound may leave open whether the goal is reached, and so does a value
    of another property that was not measured.
    """
    objectives = read_report(run.folder).request.objectives
    if HIT_PROBABILITY not in measured or not objectives:
        return None, None
    is_hit, is_miss = np.ones(len(measured), bool), np.zeros(len(measured), bool)
    for objective in objectives:
        least, most = _find_ends(objective, measured)
        low, high = objective.interval()
        low, high = -math.inf if low is None else low, math.inf if high is None else high
        is_hit &= (least >= low) & (most <= high)
        is_miss |= (most < low) | (least > high)
    decided = is_hit | is_miss
    if not decided.any():
        return None, None
    expected = float(measured[HIT_PROBABILITY][decided].sum())
    return expected, Share(int(is_hit.sum()), int(decided.sum()))


def _find_ends(objective: Objective, table: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Find between which values (n,) each molecule's value lies: both the same where it is exact, without end where nothing is known."""
    name = objective.property

    def read(column: str) -> NDArray[np.float64]:
        return table[column].to_numpy(np.float64) if column in table else np.full(len(table), math.nan)

    value = read(name if objective.basis == "predicted" else f"{name}_{objective.basis}")
    lower, upper = (read(f"{name}_{kind}") if objective.basis == "predicted" else value for kind in ("lower", "upper"))
    least = np.where(np.isfinite(value), value, np.where(np.isfinite(lower), lower, -math.inf))
    most = np.where(np.isfinite(value), value, np.where(np.isfinite(upper), upper, math.inf))
    return least, most


def list_rounds(
    run: Run, checks: Sequence[PredictionCheck], before: Dataset, model: TrainedModel, following: TrainedModel
) -> list[Round]:
    """List the rounds that the report of a run tells, and the run itself with what was measured of its proposals.

    Args:
        run: The run of the round before.
        checks: Its predictions against what was measured since.
        before: The data of that round.
        model: The model of that round.
        following: The model that has learned from the measurements.
    """
    report = read_report(run.folder)
    asked = {objective.property: objective for objective in report.request.objectives}
    rounds = list(report.rounds)
    for check in checks:
        objective = asked.get(check.name)
        choose = {"maximize": max, "minimize": min}.get(objective.kind if objective else "")
        found = [point[0] for point in check.points]
        old = before.table([check.name])[check.name].dropna().tolist()
        rounds.append(
            Round(
                run=run.id,
                property=check.name,
                label=objective.label if objective else "",
                unit=objective.unit if objective else "",
                goal=report.hits.goal if report.hits and check.hits is not None else "",
                proposed=check.measured.of,
                measured=check.measured.count,
                predicted=check.predicted,
                found=check.found,
                std=float(np.std(found)) if found else None,
                mae=check.mae,
                before=check.before,
                best_before=choose(old) if choose and old else None,
                best=choose(found) if choose and found else None,
                expected_hits=check.expected_hits,
                hits=check.hits.count if check.hits else None,
                decided=check.hits.of if check.hits else None,
                points=[list(point) for point in check.points],
                learned=list_learned(_find_figures(model, check.name), _find_figures(following, check.name)),
            )
        )
    return rounds


def _find_figures(model: TrainedModel, name: str) -> dict[str, Any]:
    """Find the figures of a property's predictor on the card of a model; nothing where it has none."""
    return next((dict(entry) for entry in model.card["predictors"] if entry["property"] == name), {})
