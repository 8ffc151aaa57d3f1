"""From a user's objectives to resolved ones with every number: the data of a model or an oracle fills in the rest."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from chem_vae.errors import UserError, match_name, unknown_name
from pipeline.objectives.config import Objective
from pipeline.objectives.desirability import PropertySummary, ResolvedObjective
from pipeline.objectives.goal_reach import describe_reach, find_asked_interval
from pipeline.objectives.transforms import (
    LN10,
    AsIs,
    Linear,
    Range,
    ReverseLinear,
    ReverseSigmoid,
    Sigmoid,
    Step,
    Target,
    Transform,
    find_transform,
)
from pipeline.workspace.name_splitting import join_names
from pipeline.workspace.presentation.formatting import format_brief

BY_DATA = 4 / (10 * LN10)
"""Steepness of maximize and minimize: 0.12 at the data's median, 0.88 at its 95th (5th) percentile."""


def resolve(
    objectives: Mapping[str, Objective],
    known: Sequence[PropertySummary],
    endpoints: Mapping[str, tuple[str, str]] | None = None,
) -> tuple[list[ResolvedObjective], list[str]]:
    """Fill in the numbers that objectives leave out, from what is known of the training data.

    maximize is a sigmoid, 0.12 at the data's median and 0.88 at its 95th percentile; minimize its mirror image at the 5th.
    Of an oracle's endpoint without data, or as the only objective, both rank by the value itself.

    Args:
        objectives: By property; with endpoints and no objective each endpoint is to be maximized.
        known: What the model knows of its properties.
        endpoints: An oracle's, name -> (label, unit). Their values are computed, not predicted, also where the model knows
            a property of that name, whose data then serves.

    Returns:
        The objectives, and a warning for each that lies outside of the training data, or that all of it reaches.

    Raises:
        UserError: For a property that neither the model nor the oracle knows, and for numbers that no data can fill in.
    """
    by_name = {p.name: p for p in known}
    for name, (label, unit) in (endpoints or {}).items():
        about = by_name.get(name) or PropertySummary.from_values(name, label, unit, "oracle", np.zeros(0))
        by_name[name] = replace(about, kind="oracle")
    objectives = objectives or {name: Objective(maximize=True) for name in endpoints or ()}
    objectives = restore_names(objectives, by_name)
    resolved, warnings = [], []
    for name, objective in objectives.items():
        if name not in by_name:
            raise unknown_name("property of this model" + (" and oracle" if endpoints else ""), name, by_name)
        about = by_name[name]
        if not about.quantiles and about.kind != "oracle":
            raise UserError(f"{name} was measured for none of the training molecules, so nothing can be aimed at it")
        resolved.append(_resolve(objective, about, alone=len(objectives) == 1))
        warnings += _judge_reach(resolved[-1], objective)
    return resolved, warnings


def restore_names(objectives: Mapping[str, Objective], known: Collection[str]) -> dict[str, Objective]:
    """Spell names as they are known, in capitals too, and join those that the command line has split at their commas.

    Raises:
        UserError: Two of the names are the same property.
    """
    found = join_names(objectives, known)
    spelled = {first: match_name(first, known) for first in objectives}
    for first, name in spelled.items():
        if name is not None and name != first and list(spelled.values()).count(name) > 1:
            raise UserError(
                f"the property {name!r} has two aims, also as {first!r}: capitals make no difference; say one of them"
            )
    return {name: objectives[first] for name, first in found.items()}


def _resolve(objective: Objective, known: PropertySummary, alone: bool) -> ResolvedObjective:
    spread = known.std if math.isfinite(known.std) and known.std > 0 else 1.0
    transform, kind, aim = _make_transform(objective, known, spread, alone)
    low, high = transform.hit_interval
    tolerance = getattr(transform, "tolerance", spread)
    if objective.maximize or objective.minimize:
        end, level, word = ("low", "0.9", "at least") if objective.maximize else ("high", "0.1", "at most")
        asked: float | None = getattr(objective, end)
        hit = known.quantiles.get(level) if asked is None else asked
        if known.classes:  # what is predicted is the probability of the active class
            return _resolve_class(objective, known, transform, asked)
        low, high = (hit, None) if objective.maximize else (None, hit)
        by = "" if asked is not None else ", the data's best tenth"
        aim += f" (a hit: {word} {format_brief(hit)}{by})" if hit is not None else ""
    elif isinstance(transform, Sigmoid | Linear):
        aim += f" (a hit: at {f'least {format_brief(low)}' if low is not None else f'most {format_brief(high)}'})"
    return ResolvedObjective(known, kind, aim, objective.weight, objective.target, tolerance, low, high, transform)


def _resolve_class(
    objective: Objective, known: PropertySummary, transform: Transform, asked: float | None
) -> ResolvedObjective:
    """Resolve the wish for the active class, or for the inactive one: a hit is a molecule that is predicted to be in it."""
    assert known.classes is not None
    low, high = known.classes
    middle = 0.5 * (low + high) if asked is None else asked
    share = (middle - low) / (high - low)
    word = "at least" if objective.maximize else "at most"
    aim = f"{'high' if objective.maximize else 'low'} (a hit: probability {word} {format_brief(share)})"
    kind, least, most = ("maximize", middle, None) if objective.maximize else ("minimize", None, middle)
    return ResolvedObjective(known, kind, aim, objective.weight, None, high - low, least, most, transform)


def _make_transform(
    objective: Objective, known: PropertySummary, spread: float, alone: bool
) -> tuple[Transform, str, str]:
    """Make the transform; return it with its kind and the aim in words."""
    if objective.target is not None:
        if objective.tolerance is None and not known.quantiles:
            raise UserError(f"nothing is known of how {known.name} spreads: say how near is near enough, its tolerance")
        tolerance = objective.tolerance or 0.1 * _measure_span(known, spread)
        if known.classes and objective.tolerance is None:
            tolerance = 0.5 * (known.classes[1] - known.classes[0])  # nearer to this class than to the other
        aim = f"{objective.target:g} ± {format_brief(tolerance)}"
        if objective.tolerance is None:
            aim += f" (no tolerance was given: {_explain_tolerance(known)} is taken)"
        return Target(objective.target, tolerance), "target", aim
    if objective.range is not None:
        low, high = objective.range
        width = spread if known.quantiles or low is None or high is None else high - low
        return Range(low, high, 0.25 * width), "range", objective.describe()
    if objective.transform == "step":
        return Step(objective.low, objective.high, 0.25 * spread), "step", objective.describe()
    if objective.transform is not None:
        given = objective.model_dump(include={"low", "high", "steepness"}, exclude_none=True)
        try:
            return find_transform(objective.transform)(**given), objective.transform, objective.describe()
        except TypeError as error:
            raise UserError(f"the transform {objective.transform} of {known.name}: {error}") from None
    aim = "high" if objective.maximize else "low"
    if not known.quantiles or (alone and known.kind == "oracle"):
        return AsIs(falling=objective.minimize), "as_is", f"{aim}, ranked by the value itself"
    if known.classes:
        return (
            (Linear if objective.maximize else ReverseLinear)(*known.classes),
            "maximize" if objective.maximize else "minimize",
            aim,
        )
    middle = known.quantiles["0.5"]
    edge = known.quantiles["0.95" if objective.maximize else "0.05"]
    width = max(abs(edge - middle), 1e-6)
    if objective.maximize:
        return Sigmoid(middle, middle + width, BY_DATA), "maximize", aim
    return ReverseSigmoid(middle - width, middle, BY_DATA), "minimize", aim


def _explain_tolerance(known: PropertySummary) -> str:
    """Say in words which tolerance is taken where none was given."""
    if known.classes:
        return "half the distance of the two classes"
    return "a tenth of the range of the data's middle 90 %"


def _measure_span(known: PropertySummary, spread: float) -> float:
    """Measure the middle 90 % of the data, of which a tenth is the usual tolerance."""
    span = known.quantiles.get("0.95", 0.0) - known.quantiles.get("0.05", 0.0)
    return span if span > 0 else spread


def _judge_reach(resolved: ResolvedObjective, objective: Objective) -> list[str]:
    """Say where no molecule of the training data is near what is asked for, or where every one reaches it."""
    p = resolved.summary
    asked = find_asked_interval(objective)
    if objective.transform is not None:
        asked = resolved.transform.hit_interval
    told = describe_reach(p.name, objective, (p.low, p.high), asked) if p.quantiles else None
    return [told] if told else []
