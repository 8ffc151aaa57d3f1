"""The names of the columns of values in a table of candidates: a property, and behind it how its value is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

NEAREST_MEASURED = "nearest_measured_"
"""The beginning of the names of the columns about the nearest measured molecule: what they hold is of that one, not of the candidate."""
_BASES = ("computed", "predicted")


def split_value_column(column: Any, bases: Sequence[str] = _BASES) -> tuple[str, str]:
    """Split the name of a column of the candidates' values into property and basis; ("", "") for any other column.

    >>> split_value_column("logp_computed"), split_value_column("nearest_measured_logp_predicted")
    (('logp', 'computed'), ('', ''))
    """
    name, _, basis = str(column).rpartition("_")
    is_value = bool(name) and basis in bases and not name.startswith(NEAREST_MEASURED)
    return (name, basis) if is_value else ("", "")
