"""From a configuration to an oracle; mistakes are told at once."""

from __future__ import annotations

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
    ],
)
def test_what_does_not_exist_is_a_mistake_to_hear_of_at_once(config: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        open_oracle(OracleConfig.model_validate(config))


def test_a_module_that_cannot_be_imported_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = module(tmp_path, monkeypatch, "import no_such_library_1\ndef f(smiles): return []\n", "broken_oracle")
    with pytest.raises(UserError, match=r"importing broken_oracle .* failed: ModuleNotFoundError.*no_such_library_1"):
        open_oracle(OracleConfig(function=f"{name}:f"))
