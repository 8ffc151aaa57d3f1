"""Registered properties as an oracle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from rdkit import Chem

from pipeline.chemistry.properties import compute
from pipeline.oracles.config import OracleConfig
from tests.pipeline.oracles.example_oracles import open_ledger


def test_registered_properties(tmp_path: Path) -> None:
    with open_ledger(OracleConfig(property=("qed", "logp")), 10, tmp_path / "oracle.sqlite") as oracle:
        scored = oracle.score(["CCO", "c1ccccc1O"])
    expected = [compute(Chem.MolFromSmiles(s), ["qed", "logp"]) for s in ("CCO", "Oc1ccccc1")]
    np.testing.assert_allclose(scored.values, expected)
    assert list(oracle.history.columns) == ["order", "smiles", "qed", "logp", "seconds", "round", "time", "reason"]
