"""`chem-vae optimize` as a subprocess: results, a kill, mistakes; and the flow with its oracle in the task runner."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command_line import CommandLine, Done, environment, refused

from pipeline.workspace.runs import Run
from tests.pipeline.oracles.example_oracles import read_log

ORACLE = """
import os, time

def score(smiles):
    with open(os.environ["PAID"], "a") as file:
        file.writelines(s + "\\n" for s in smiles)
    time.sleep(float(os.environ.get("SLEEP", "0")))
    return [None if "F" in s else len(s) / 100 for s in smiles]
"""
PROGRAM = """
import json, sys
from tests.pipeline.oracles.example_oracles import read_log
for line in sys.stdin:
    ask = json.loads(line)
    print(json.dumps({"id": ask["id"], "scores": {"size": len(ask["smiles"])}}), flush=True)
"""


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A working folder with an oracle as a module and as a program."""
    (tmp_path / "my_oracle.py").write_text(ORACLE)
    (tmp_path / "my_program.py").write_text(PROGRAM)
    return tmp_path


def test_optimize_prints_accounts_and_the_best(
    first_run: Done, chem_vae: CommandLine, workspace: Path, here: Path
) -> None:
    done = chem_vae(
        "optimize", "--maximize", "QED", "--calls", 30, "--strategy", "random", "--must-not-contain", "[U]", "-n", 8,
        "--patience", 30, "--fail-under", 1, "-o", here / "best.smi", "--workspace", workspace,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "asked" in done.stdout and "passed the constraints" in done.stdout and "qed (computed)" in done.stdout
    assert "ended: the budget of 30 oracle calls is spent" in done.stderr and "best ten" in done.stderr
    report = Path(next(x for x in done.stdout.splitlines() if x.startswith("report: ")).removeprefix("report: "))
    assert report.is_file() and len((here / "best.smi").read_text().splitlines()) == 8
    assert done.stderr.strip().splitlines()[-1].startswith(f"next: chem-vae report {report.parent.name} --open")
    again = chem_vae("optimize", "--continue", report.parent.name, "--calls", 35, "-q", "--workspace", workspace)
    assert again.returncode == 0 and "the budget of 35 oracle calls is spent" in again.stderr
    made = Run.open("latest", workspace, optimization=True)
    settings = json.loads((made.folder / "config.json").read_text())
    assert settings["optimize"]["patience"] is None, "what ended a run does not end the next one"
    assert settings["fail_under"] == 1, "what holds for the whole run holds for the next one"
    nothing = chem_vae("optimize", "--continue", made.id, "-q", "--workspace", workspace)
    assert nothing.returncode == 0 and f"no call was made beyond the 35 of {made.id}" in nothing.stderr
    listed = chem_vae("report", report.parent.name, "--workspace", workspace)
    assert listed.returncode == 0 and "within target" not in listed.stderr


def test_seeds_of_a_file_and_the_best_of_the_data(
    first_run: Done, chem_vae: CommandLine, workspace: Path, here: Path
) -> None:
    (here / "seeds.csv").write_text("SMILES,score\nCCc1ccc(cc1)CO,1\nOCCC1CCC(CC1)CO,0\n")
    done = chem_vae(
        "optimize", "--maximize", "logp", "--calls", 20, "--strategy", "random", "--start", "best",
        "--seed-molecule", here / "seeds.csv", "-q", "--workspace", workspace,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = Path(next(x for x in done.stdout.splitlines() if x.startswith("report: ")).removeprefix("report: "))
    rows = [line.split(",") for line in (report.parent / "calls.csv").read_text().splitlines()]
    origin = rows[0].index("origin")
    origins = [row[origin] for row in rows[1:]]
    assert origins[:2] == ["seed"] * 2 and "best of the data" in origins
    refused(
        chem_vae("optimize", "--maximize", "logp", "--start", "bset", "--workspace", workspace),
        "optimize.start",
        "best",
    )


def test_a_seed_that_the_model_cannot_encode_is_a_warning(
    first_run: Done, chem_vae: CommandLine, workspace: Path, here: Path
) -> None:
    done = chem_vae(
        "optimize", "--maximize", "logp", "--calls", 10, "--strategy", "random", "--seed-molecule", "C[Si](C)(C)CCO",
        "-q", "--workspace", workspace,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("warning: the model has never seen [Si]") == 1
    assert "warning: the model has never seen [Si]" in done.stdout, "the report shows it, too"


def test_killed_it_goes_on_and_pays_for_nothing_twice(first_run: Done, workspace: Path, here: Path) -> None:
    paid = here / "paid.txt"
    command = [
        sys.executable, "-m", "flows.cli", "optimize", "--oracle", "my_oracle:score", "--calls", "60", "--batch", "10",
        "--strategy", "genetic", "--name", "kill", "--workspace", str(workspace), "-o", "found.csv",
        "--oracle-batch", "4",
    ]  # fmt: skip
    variables = {**environment(here), "PAID": str(paid)}
    process = subprocess.Popen(
        command, cwd=here, env={**variables, "SLEEP": "0.3"}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + 120
    while not paid.exists() or len(paid.read_text().split()) < 25:
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    (state,) = (workspace / "optimizations").glob("kill-*/oracle.sqlite")
    logged = len(read_log(state))
    assert logged >= 10
    done = subprocess.run(command, cwd=here, env=variables, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert not state.exists() and (here / "found.csv").is_file()
    asked = paid.read_text().split()
    assert 60 <= len(asked) <= 64, "at most the batch that was under way is paid beyond the log"
    report = next(x for x in done.stdout.splitlines() if x.startswith("report: ")).removeprefix("report: ")
    calls = (Path(report).parent / "calls.csv").read_text().splitlines()[1:]
    smiles = [line.split(",")[1] for line in calls]
    assert len(smiles) == len(set(smiles)) == 60 and set(smiles) <= set(asked)


def test_mistakes_are_sentences(first_run: Done, chem_vae: CommandLine, workspace: Path, here: Path) -> None:
    def run(*arguments: object) -> Done:
        return chem_vae("optimize", "-q", "--workspace", workspace, *arguments, cwd=here)

    refused(run(), "say what is wanted, e.g. --maximize qed")
    refused(run("--oracle", "my_oracle:nothing"), "unknown function of my_oracle 'nothing'")
    refused(run("--program", "python 'dock.py"), "No closing quotation")
    refused(run("--maximize", "qed", "--at-least", 0.4), "--similar-to")
    refused(run("--maximize", "qed", "--timeout", 9), "give --oracle or --program too")
    refused(run("--maximize", "qed", "--oracle-batch", 9), "--oracle-batch: there is no oracle to set this for")
    refused(
        run("--maximize", "qed", "--continue", first_run.stdout.strip().rpartition("/runs/")[2].partition("/")[0]),
        "no optimization",
    )
    refused(run("--maximize", "qed", "--set", "optimize.oracle_callz=3"), "did you mean 'oracle_calls'")
    refused(run("--program", f"{sys.executable} -c pass"), "the oracle failed on the first", code=1)


def test_the_flow_asks_a_parallel_oracle_through_its_task_runner(
    first_run: Done, workspace: Path, here: Path, prefect_server: None
) -> None:
    from prefect_api import ask_server, read_artifacts

    from flows.optimize import optimize
    from pipeline.optimization.config import OptimizeConfig

    oracle = {
        "program": [sys.executable, str(here / "my_program.py")], "endpoints": ["size"], "parallel": 2, "batch_size": 5
    }  # fmt: skip
    config = OptimizeConfig.model_validate(
        {"oracle": oracle, "objectives": {"size": {"minimize": True}}, "oracle_calls": 30, "strategy": "random", "n": 5,
         "batch_size": 15}
    )  # fmt: skip
    state = optimize("latest", config, workspace, "flow", return_state=True)
    assert state.is_completed(), state.message
    folder = Path(state.result())
    assert folder.name.endswith("-flow") and len((folder / "calls.csv").read_text().splitlines()) == 31
    shown = read_artifacts(state)
    assert {"summary", "funnel", "candidates", "report", "progress-optimize"} <= set(shown)
    names = [task["name"].rpartition("-")[0] for task in ask_server("task_runs", state.state_details.flow_run_id)]
    assert names.count("ask the oracle") >= 5 and names.count("optimize") == 1
    wrong = optimize("latest", config.model_copy(update={"oracle_calls": 0}), workspace, "flow", return_state=True)
    assert wrong.is_failed() and wrong.message is not None and wrong.message.startswith("the budget is 0")
