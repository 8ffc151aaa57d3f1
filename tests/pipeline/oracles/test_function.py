"""Oracles that are a Python function of this process."""

from __future__ import annotations

import pytest

from chem_vae.errors import UserError
from pipeline.oracles.function import FunctionOracle


def test_one_endpoint_is_no_letters() -> None:
    oracle = FunctionOracle(lambda smiles: [float(len(s)) for s in smiles], "affinity")
    assert oracle.endpoints == ("affinity",)
    assert [answer.values for answer in oracle.answers(["C", "CC"])] == [(1.0,), (2.0,)]
    with pytest.raises(UserError, match="endpoints takes one text or a list"):
        FunctionOracle(len, {"affinity": 1})  # type: ignore[arg-type]
