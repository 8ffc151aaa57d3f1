"""The table [optimize] of a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from chem_vae.errors import UserError
from pipeline.config import load_config
from pipeline.optimization.config import OptimizeConfig


def test_the_table_optimize_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "search.toml"
    text = """
[optimize]
oracle_calls = 10
[optimize.objectives]
qed = { maximize = true }
[[optimize.constraints]]
must_contain = "C"
[[optimize.constraints]]
must_not_contian = "N"
"""
    path.write_text(text)
    with pytest.raises(
        UserError, match=r"line 9: unknown key 'optimize\.constraints\.1\.must_not_contian'; did you mean"
    ):
        load_config(path)
    path.write_text(text.replace("contian", "contain"))
    more = {
        "optimize.constraints+": [{"alerts": ["PAINS"]}],
        "optimize.objectives.logD7.4": {"target": 2.0, "tolerance": 1},
    }
    asked = load_config(path, more).optimize
    assert asked is not None and [c.describe() for c in asked.constraints][2] == "no alert of PAINS"
    assert set(asked.objectives) == {"qed", "logD7.4"}
    for wrong, near in (("optimize.orcle_calls", "oracle_calls"), ("optimize.objectives.qed.maximise", "maximize")):
        with pytest.raises(UserError, match=f"did you mean '{near}'"):
            load_config(path, {wrong: 1})
    path.write_text("[optimize]\n[optimize.oracle]\nfuncton = 'a:b'\n")
    with pytest.raises(UserError, match=r"line 3: unknown key 'optimize\.oracle\.functon'; did you mean 'function'"):
        load_config(path)


def test_a_round_has_as_many_molecules_as_the_oracle_takes_at_once() -> None:
    def count(calls: int, **oracle: int) -> int:
        asked = {"oracle": {"function": "a:b", **oracle}, "oracle_calls": calls}
        return OptimizeConfig.from_values(asked).round_size

    assert (count(1000), count(1000, parallel=4), count(1000, parallel=64), count(40, parallel=64)) == (10, 10, 64, 40)
