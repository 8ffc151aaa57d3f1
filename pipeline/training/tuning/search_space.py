"""The search space of tune(): the settings that matter, with the range that is searched for each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from chem_vae.errors import UserError, unknown_name

KNOBS: dict[str, tuple[str, BaseDistribution]] = {
    "learning_rate": ("training", FloatDistribution(5e-4, 8e-3, log=True)),
    "beta": ("training", FloatDistribution(0.02, 0.5, log=True)),
    "batch_size": ("training", CategoricalDistribution((64, 128, 256))),
    "latent_dropout": ("model", FloatDistribution(0.1, 0.7)),
    "condition_dropout": ("model", FloatDistribution(0.05, 0.5)),
    "decoder_size": ("model", CategoricalDistribution((192, 256, 384, 512, 768))),
    "latent_size": ("model", CategoricalDistribution((32, 64, 128))),
}
"""Setting -> its table of the configuration and the distribution that is searched."""


def parse_search_space(vary: tuple[str, ...]) -> dict[str, BaseDistribution]:
    """Turn settings to vary into distributions.

    Args:
        vary: Names, alone or with a range or choices: "beta", "beta=0.01:0.2", "decoder_size=128,256".

    Returns:
        Setting -> its distribution.

    Raises:
        UserError: A setting is unknown or named twice, a range cannot be read, or there is none.
    """
    space: dict[str, BaseDistribution] = {}
    for text in vary:
        name, given, values = (part.strip() for part in text.partition("="))
        if name not in KNOBS:
            raise unknown_name("setting to vary", name, KNOBS)
        if name in space:
            raise UserError(f"{name} is varied twice; name it once")
        space[name] = _parse_distribution(name, values) if given else KNOBS[name][1]
    if not space:
        raise UserError(f"there is nothing to vary; name one or more of {', '.join(KNOBS)}")
    return space


def _parse_distribution(name: str, values: str) -> BaseDistribution:
    usual = KNOBS[name][1]
    whole = isinstance(usual, CategoricalDistribution)
    low, colon, high = values.partition(":")
    try:
        numbers = [int(v) if whole else float(v) for v in ((low, high) if colon else values.split(","))]
        if not all(math.isfinite(v) for v in numbers):
            raise ValueError("a number has to be finite")
        if not colon:
            return CategoricalDistribution(numbers)
        if whole:
            return IntDistribution(int(numbers[0]), int(numbers[1]), log=True)
        return FloatDistribution(numbers[0], numbers[1], log=isinstance(usual, FloatDistribution) and usual.log)
    except ValueError as error:
        kind = "whole numbers, as in decoder_size=128,256" if whole else "numbers, as in beta=0.01:0.2"
        raise UserError(f"--vary {name}={values}: give {kind} ({error})") from None


def list_extremes(space: Mapping[str, BaseDistribution]) -> list[dict[str, Any]]:
    """List the extreme values of each setting; if the model accepts them, it accepts all between them."""
    found = []
    for name, distribution in space.items():
        if isinstance(distribution, CategoricalDistribution):
            found += [{name: value} for value in distribution.choices]
        elif isinstance(distribution, FloatDistribution | IntDistribution):
            found += [{name: distribution.low}, {name: distribution.high}]
    return found


def is_inside(distribution: BaseDistribution, value: float) -> bool:
    """Tell whether a distribution can propose a value."""
    if isinstance(distribution, CategoricalDistribution):
        return value in distribution.choices
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    return distribution.low <= value <= distribution.high
