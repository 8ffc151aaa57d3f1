"""Measured values are left out by their value or as outliers, on request alone."""

from __future__ import annotations

import numpy as np
import pytest

from chem_vae.errors import UserError
from pipeline.datasets.config import IngestConfig
from pipeline.datasets.labels.left_out import LeaveOut, leave_out

COLUMN = {"a b": np.array([5.0, -999.0, 6.0, np.nan, 19.5, 5.5, 5.2, 5.8, 6.1, 5.9, 5.6])}


@pytest.mark.parametrize(
    ("rule", "gone"),
    [("a b=-999", [1]), ("a b = \N{MINUS SIGN}999.0", [1]), ("a b<0", [1]), ("a b>=19.5", [4]), ("a b>19.5", [])],
)
def test_a_rule_leaves_out_its_values(rule: str, gone: list[int]) -> None:
    found, told = leave_out(COLUMN, [rule], outliers=False)
    assert np.flatnonzero(np.isnan(found["a b"])).tolist() == sorted([3, *gone])
    what = "1 value of a b was" if len(gone) == 1 else f"{len(gone)} values of a b were"
    assert told[0].startswith(f"{what} left out")
    assert np.isfinite(COLUMN["a b"]).sum() == 10, "the columns that were given stay as they are"


def test_outliers_are_left_out_on_request_alone() -> None:
    assert leave_out(COLUMN, [], outliers=False)[1] == []
    found, told = leave_out(COLUMN, [], outliers=True)
    assert np.isnan(found["a b"]).tolist() == [False, True, False, True, True, *[False] * 6]
    assert told == ["2 outliers of a b were left out, as asked for (-999, 19.5)"]


def test_what_is_no_rule_is_refused() -> None:
    assert LeaveOut.parse("sol(pH=7.4)=-1") == LeaveOut("sol(pH=7.4)", "=", -1.0)
    with pytest.raises(ValueError, match="write it as 'pIC50=-999'"):
        IngestConfig(leave_out=("failed",))
    with pytest.raises(UserError, match="names no measured property; there are: a b"):
        leave_out(COLUMN, ["c=1"], outliers=False)
