"""A request that cannot work out is told before the work; reading settings alone loads no RDKit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import pipeline as mg
from chem_vae.errors import UserError
from pipeline.config import load_config
from pipeline.models.trained_model import load_model
from pipeline.optimization.config import OptimizeConfig
from pipeline.workflows.optimize_run import optimize_run
from pipeline.workflows.preflight import check_request

TABLE = """
[optimize.objectives]
logp = { transform = "sigmoid", low = 1, high = 3 }
[[optimize.constraints]]
name = "keep the ring"
must_contain = "c1cc"
[[optimize.constraints]]
similarity_to = "CCO"
at_least = 0.4
"""
NAMED = "the constraint 'keep the ring' cannot be checked: 'c1cc' cannot be read as SMARTS"


def test_reading_settings_loads_no_rdkit_and_no_torch(tmp_path: Path) -> None:
    path = tmp_path / "campaign.toml"
    path.write_text(TABLE)
    code = (
        "import sys; from pathlib import Path; from pipeline.config import load_config\n"
        "assert len(load_config(Path(sys.argv[1])).optimize.constraints) == 2\n"
        "loaded = {'rdkit', 'torch'} & set(sys.modules); assert not loaded, loaded"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_constraint_that_cannot_be_read_is_named_before_the_work(tmp_path: Path) -> None:
    path = tmp_path / "campaign.toml"
    path.write_text(TABLE)
    with pytest.raises(UserError, match=NAMED):
        check_request(load_config(path))


def test_an_optimization_names_it_before_the_oracle_is_asked(tmp_path: Path) -> None:
    constraint = {"name": "keep the ring", "must_contain": "c1cc"}

    def never(smiles: list[str]) -> list[float]:
        raise AssertionError("it was asked")

    with pytest.raises(UserError, match=NAMED):
        mg.optimize(load_model("moses"), never, 5, constraints=[constraint], folder=tmp_path / "calls")
    config = OptimizeConfig.model_validate({"objectives": {"qed": {"maximize": True}}, "constraints": [constraint]})
    with pytest.raises(UserError, match=NAMED):
        optimize_run(load_model("moses"), config, tmp_path, "named", oracle=never)
    assert not list(tmp_path.iterdir())
