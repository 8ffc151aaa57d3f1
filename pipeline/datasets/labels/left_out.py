"""Leaves measured values out at the user's request: given values (a code for "failed"), and outliers."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chem_vae.errors import UserError
from pipeline.datasets.labels.label_outliers import find_suspects
from pipeline.workspace.presentation.formatting import count_things

Values = NDArray[np.float64]
_COMPARISONS: dict[str, Callable[[Values, float], NDArray[np.bool_]]] = {
    "=": lambda values, value: np.isclose(values, value, rtol=1e-9, atol=0.0),
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_RULE = re.compile(r"(?P<name>.*[^\s<>=])\s*(?P<sign><=|>=|=|<|>)\s*(?P<value>[^\s=<>]+)\s*", re.DOTALL)


@dataclass(frozen=True)
class LeaveOut:
    """The values of one property to leave out.

    Args:
        name: The property.
        sign: "=", "<", "<=", ">" or ">=".
        value: The value on the right of it.
    """

    name: str
    sign: str
    value: float

    @classmethod
    def parse(cls, text: str) -> LeaveOut:
        """Read a rule such as "pIC50=-999" or "pIC50>14".

        Raises:
            ValueError: The text is no such rule.

        >>> LeaveOut.parse("pIC50=-999")
        LeaveOut(name='pIC50', sign='=', value=-999.0)
        """
        found = _RULE.fullmatch(text.strip().replace("\N{MINUS SIGN}", "-"))
        try:
            if found is None:
                raise ValueError
            return cls(found["name"], found["sign"], float(found["value"]))
        except ValueError:
            raise ValueError(
                f"{text!r} does not say which values to leave out; write it as 'pIC50=-999' or 'pIC50>14'"
            ) from None

    def find(self, values: Values) -> NDArray[np.bool_]:
        """Find the values (n,) to leave out."""
        return _COMPARISONS[self.sign](values, self.value)


def leave_out(
    columns: Mapping[str, Values], rules: Iterable[str], outliers: bool
) -> tuple[dict[str, Values], list[str]]:
    """Leave values out of measured columns.

    Args:
        columns: (n,) values by property, NaN where there is none; they stay as they are.
        rules: Texts of `LeaveOut`.
        outliers: Whether suspected codes and outliers are left out, too.

    Returns:
        The columns with NaN in the place of what is left out, and a sentence for each property and reason.

    Raises:
        UserError: A rule names no measured property.
    """
    result, told = dict(columns), []
    for rule in map(LeaveOut.parse, rules):
        if rule.name not in result:
            known = ", ".join(result) or "none"
            raise UserError(
                f"the rule {rule.name}{rule.sign}{rule.value:g} names no measured property; there are: {known}"
            )
        found = rule.find(result[rule.name])
        result[rule.name] = np.where(found, np.nan, result[rule.name])
        asked = f"as asked for by {rule.name}{rule.sign}{rule.value:.10g}"
        told.append(f"{_count_left_out(found, 'value', rule.name)}, {asked}")
    for name, values in result.items() if outliers else ():
        found = find_suspects(values).any
        if found.any():
            result[name] = np.where(found, np.nan, values)
            shown = ", ".join(f"{v:.6g}" for v in np.unique(values[found])[:5])
            told.append(f"{_count_left_out(found, 'outlier', name)}, as asked for ({shown})")
    return result, told


def _count_left_out(found: NDArray[np.bool_], thing: str, name: str) -> str:
    count = int(found.sum())
    return f"{count_things(count, thing)} of {name} {'was' if count == 1 else 'were'} left out"
