"""From a configuration to an oracle; mistakes are told at once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chem_vae.errors import UserError
from pipeline.oracles.config import OracleConfig
from pipeline.oracles.factory import open_oracle
from tests.pipeline.oracles.example_oracles import module


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"property": "logP"}, "did you mean 'logp'"),
        ({"program": ["no-such-program-1"]}, "there is no program"),
        ({"function": "no_such_module_1:f"}, "there is no Python module 'no_such_module_1'"),
        ({"function": "no_such_module_1:f", "timeout": 5}, "there is no Python module 'no_such_module_1'"),
        ({"function": "json:dump_s"}, "did you mean 'dumps'"),
        ({"function": "string:digits"}, "is a str, not a function"),
        ({"registered": "no-such-oracle"}, "unknown oracle 'no-such-oracle'"),
    ],
)
def test_what_does_not_exist_is_a_mistake_to_hear_of_at_once(config: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        open_oracle(OracleConfig.model_validate(config))


def test_a_module_that_cannot_be_imported_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = module(tmp_path, monkeypatch, "import no_such_library_1\ndef f(smiles): return []\n", "broken_oracle")
    with pytest.raises(UserError, match=r"importing broken_oracle .* failed: ModuleNotFoundError.*no_such_library_1"):
        open_oracle(OracleConfig(function=f"{name}:f"))


PLUGIN = """
from pipeline.oracles.factory import ORACLES
from pipeline.oracles.function import FunctionOracle

def open_sizes(config):
    factor = config.options["factor"]
    return FunctionOracle(lambda smiles: [factor * len(s) for s in smiles], config.all_endpoints(), "sizes")

def register():
    ORACLES.add("sizes", open_sizes)
"""
USE = """
import sys, tomllib
from pathlib import Path
from pipeline.oracles.config import OracleConfig
from pipeline.oracles.factory import open_oracle
from pipeline.oracles.ledger import CountedOracle
config = OracleConfig.model_validate(tomllib.loads(sys.argv[1]))
with CountedOracle(open_oracle(config), 5, Path(sys.argv[2]) / "oracle.sqlite") as oracle:
    print(oracle.score(["CCO"]).values.tolist())
"""


def test_a_package_adds_an_oracle_that_a_toml_file_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sizes_plugin.py").write_text(PLUGIN)
    info = tmp_path / "sizes_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sizes-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[chem_vae.oracles]\nours = sizes_plugin:register\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)

    def run(table: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-c", USE, table, str(tmp_path)], capture_output=True, text=True)

    assert run('registered = "sizes"\noptions = { factor = 10 }').stdout == "[[30.0]]\n"
    wrong = "UserError: the oracle sizes cannot be opened with its options: KeyError: 'factor'"
    assert wrong in run('registered = "sizes"').stderr


def test_what_earlier_versions_did_not_know_is_not_written() -> None:
    assert not {"registered", "options"} & set(OracleConfig(function="a:b").model_dump(mode="json"))
    config = OracleConfig(registered="sizes", options={"factor": 10})
    assert OracleConfig.model_validate(config.model_dump(mode="json")) == config
