"""Refuses arguments of the library's functions before any work: numbers out of range, and what is no list of texts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from typing import Any

from chem_vae.config import MOST_SEED
from chem_vae.errors import UserError


def check_count(name: str, value: int | None, least: int = 1, most: int | None = None) -> None:
    """Refuse a count that is too low or too high, or no whole number; None, where nothing is said, is taken.

    Raises:
        UserError: It is below the least, above the most, or another thing than a whole number.
    """
    if value is None:
        return
    wanted = f"{least} or more" if most is None else f"from {least} to {most:,}"
    if not is_whole(value):
        raise UserError(f"{name} is {value!r}: it must be a whole number, {wanted}")
    if value < least or (most is not None and value > most):
        raise UserError(f"{name} is {value:,}: it must be {wanted}")


def check_seed(seed: int) -> None:
    """Refuse a seed that some generator of random numbers does not take.

    Raises:
        UserError: It is negative or too high, or no whole number.
    """
    if not is_whole(seed) or not 0 <= seed <= MOST_SEED:
        raise UserError(f"seed is {seed}: it must be from 0 to {MOST_SEED}")


def check_number(name: str, value: float, least: float = -math.inf) -> None:
    """Refuse a number that is too low, or not finite.

    Raises:
        UserError: It is below the least, infinite, or no number.
    """
    if not isinstance(value, Real) or not math.isfinite(value) or value < least:
        wanted = "a finite number" if math.isinf(least) else f"{least:g} or more, and finite"
        raise UserError(f"{name} is {value!r}: it must be {wanted}")


def is_whole(value: object) -> bool:
    """Whether a value is a whole number, of Python or of numpy; True and False are none."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def list_names(what: str, given: Any) -> tuple[str, ...]:
    """List several texts, or one, which would otherwise be taken letter by letter.

    >>> list_names("properties", "logp"), list_names("properties", ["logp", "qed"])
    (('logp',), ('logp', 'qed'))

    Raises:
        UserError: It is neither a text nor a list of texts.
    """
    if isinstance(given, str):
        return (given,)
    if isinstance(given, Mapping | bytes) or not isinstance(given, Iterable):
        raise UserError(f"{what} takes one text or a list of them, not a value of type {type(given).__name__}")
    texts = tuple(given)
    if wrong := [text for text in texts if not isinstance(text, str)]:
        raise UserError(f"{what} takes one text or a list of them, and {wrong[0]!r} is no text")
    return texts
