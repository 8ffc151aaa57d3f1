"""Functions in processes that can be stopped."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.oracles.base import OracleError
from pipeline.oracles.config import OracleConfig
from pipeline.oracles.factory import open_oracle
from tests.pipeline.oracles.example_oracles import ALKANES, FUNCTIONS, evaluate, module, open_ledger, wait_until_gone


@pytest.mark.parametrize("timeout", [None, 60.0])
def test_a_function_may_return_numbers_in_any_usual_form(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, timeout: float | None, capfd: pytest.CaptureFixture[str]
) -> None:
    name = module(tmp_path, monkeypatch, FUNCTIONS)
    for function in ("floats", "array", "generator", "model.score", "speaks" if timeout else "floats"):
        with open_oracle(OracleConfig(function=f"{name}:{function}", timeout=timeout)) as oracle:
            assert evaluate(oracle, ALKANES[:3]).tolist() == [[1.0], [2.0], [3.0]]
            assert evaluate(oracle, []).shape == (0, 1)
    for function in ("columns", "dictionaries"):
        config = OracleConfig(function=f"{name}:{function}", endpoints=("a", "b"), timeout=timeout)
        with open_oracle(config) as oracle:
            assert evaluate(oracle, ALKANES[:2]).tolist() == [[1.0, -1.0], [2.0, -2.0]]
    assert capfd.readouterr().out == "", "standard output belongs to the results"


def test_a_function_that_hangs_costs_only_the_molecule_that_it_hangs_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = module(tmp_path, monkeypatch, FUNCTIONS)
    config = OracleConfig(function=f"{name}:hang", timeout=0.5, retries=0)
    with open_ledger(config, 100, tmp_path / "oracle.sqlite") as oracle:
        scored = oracle.score(ALKANES[:12])
    assert scored.status[4].startswith("failed: own_oracle:hang did not return within 0.5 s for 1 molecule")
    assert [s for i, s in enumerate(scored.status) if i != 4] == ["scored"] * 11
    assert (oracle.calls, oracle.failed) == (12, 1)


@pytest.mark.parametrize(
    ("function", "message"), [("leave", "raised SystemExit: 3"), ("crash", "ended with exit code 9")]
)
def test_a_function_that_ends_the_process_fails_and_charges_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, message: str
) -> None:
    name = module(tmp_path, monkeypatch, FUNCTIONS)
    config = OracleConfig(function=f"{name}:{function}", timeout=60, retries=0)
    with open_ledger(config, 100, tmp_path / "oracle.sqlite") as oracle:
        with pytest.raises(OracleError, match=f"first 3 molecules, no call was charged: .*{message}"):
            oracle.score(ALKANES[:50])
        assert oracle.calls == 0 and oracle.left == 100


def test_a_hung_process_is_killed_with_its_children_and_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = f"""
import os, subprocess
def dock(smiles):
    if "CC" in smiles:
        child = subprocess.Popen(["sleep", "600"])
        open({str(tmp_path / "child")!r}, "w").write(str(child.pid))
        child.wait()
    return [os.getpid()] * len(smiles)
"""
    name = module(tmp_path, monkeypatch, source, "docks_by_program")
    with open_oracle(OracleConfig(function=f"{name}:dock", timeout=1.0)) as oracle:
        first = evaluate(oracle, ["C"])
        with pytest.raises(OracleError, match="did not return within 1 s for 1 molecule and was stopped"):
            evaluate(oracle, ["CC"])
        with pytest.raises(ProcessLookupError):
            wait_until_gone(int((tmp_path / "child").read_text()))
        assert evaluate(oracle, ["CCC"]) != first


def test_batches_run_beside_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = "import os, time\ndef dock(smiles): time.sleep(0.3); return [os.getpid()] * len(smiles)\n"
    name = module(tmp_path, monkeypatch, source, "docks_slowly")
    config = OracleConfig(function=f"{name}:dock", parallel=2, batch_size=5)
    with open_ledger(config, 100, tmp_path / "oracle.sqlite") as oracle:
        scored = oracle.score(ALKANES[:33])
    assert scored.status == ["scored"] * 33 and len(set(scored.values[3:, 0])) == 2
