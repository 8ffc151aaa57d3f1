"""The command line as a process: help, exit codes, interrupts, and what goes to which stream."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command_line import ROOT, CommandLine, Done, environment, refused

COMMANDS = (
    "quickstart",
    "run",
    "ingest",
    "train",
    "generate",
    "optimize",
    "predict",
    "report",
    "runs",
    "compare",
    "repeat",
    "gc",
    "verify",
    "datasets",
    "models",
    "serve",
    "deploy",
    "reports",
    "inspect",
    "tune",
    "update",
)


def test_help_is_fast_and_names_every_command(chem_vae_process: CommandLine) -> None:
    seconds = []
    for _ in range(3):
        started = time.monotonic()
        done = chem_vae_process("--help")
        seconds.append(time.monotonic() - started)
    assert done.returncode == 0
    groups = ("benchmark", "explore")
    for command in (*COMMANDS, *groups):
        assert f"│ {command} " in done.stdout
    assert min(seconds) < 1.5, seconds


def test_the_command_line_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys, flows.cli.main; heavy = {'torch', 'rdkit', 'prefect', 'pandas', 'pydantic', 'numpy', 'lightning', "
        "'selfies', 'sklearn', 'matplotlib'}; print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment(tmp_path), capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(chem_vae: CommandLine, command: str) -> None:
    done = chem_vae(command, "--help")
    assert done.returncode == 0 and "--debug" in done.stdout
    assert done.stdout.count(f"chem-vae {command}") > 1, "the usage, and an example"


def test_every_option_has_a_help_and_sets_a_setting_that_there_is() -> None:
    from flows.cli.main import walk_commands
    from pipeline.benchmark.config import BenchmarkSettings
    from pipeline.config import CampaignConfig
    from pipeline.training.config import TuneConfig
    from pipeline.workspace.setting_fields import list_settings

    keys = {*list_settings(CampaignConfig), *list_settings(TuneConfig, "tune.")}
    keys |= {*list_settings(BenchmarkSettings, "benchmark.")}
    commands = dict(walk_commands())
    assert {"run", "optimize", "benchmark moses", "explore map"} <= set(commands)
    named = set()
    for name, command in commands.items():
        assert command.help
        for parameter in command.params:
            assert parameter.help, (name, parameter.opts)
            if key := re.search(r"\\\[((?:name|[a-z]+\.[^ \]]+))[ \]]", parameter.help):
                named.add(key[1])
    assert named <= keys and {"name", "generate.n", "optimize.constraints.*.must_contain", "tune.vary"} <= named


def test_version(chem_vae: CommandLine) -> None:
    done = chem_vae("--version")
    assert done.returncode == 0 and done.stdout.startswith("chem-vae ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            (
                "run",
                "--nothing",
            ),
            ["no such option: --nothing", "chem-vae run --help"],
        ),
        (("rum",), ["no such command 'rum'"]),
        (
            (
                "run",
                "-n",
                "many",
            ),
            ["--number"],
        ),
        (
            (
                "run",
                "--target",
                "logp",
            ),
            ["--target logp=2.5"],
        ),
        (
            (
                "run",
                "--target",
                "logp=high",
            ),
            ["'high' is not a number"],
        ),
        (
            (
                "run",
                "--range",
                "mw=300",
            ),
            ["mw=300:400"],
        ),
        (
            (
                "run",
                "--maximize",
                "qed",
                "--minimize",
                "qed",
            ),
            ["two aims"],
        ),
        (
            (
                "run",
                "--tolerance",
                "logp=0.1",
            ),
            ["say exactly one of target"],
        ),
        (
            (
                "run",
                "--set",
                "train.model.latent_siz=8",
            ),
            ["latent_siz", "did you mean 'latent_size'"],
        ),
        (
            (
                "run",
                "--set",
                "train.model.latent_size=[8",
            ),
            ["TOML"],
        ),
        (
            (
                "run",
                "--config",
                "nothing.toml",
            ),
            ["no configuration file nothing.toml"],
        ),
        (
            (
                "run",
                "--maximize",
                "qedd",
            ),
            ["unknown property 'qedd'", "'qed'"],
        ),
        (
            (
                "run",
                "--maximize",
                "hbd",
            ),
            ["--compute logp,qed,sa,mw,tpsa,hbd"],
        ),
        (
            (
                "run",
                "--compute",
                "logq",
            ),
            ["unknown property 'logq'", "'logp'"],
        ),
        (
            (
                "run",
                "--strategy",
                "gradiant",
            ),
            ["unknown strategy 'gradiant'", "'gradient'"],
        ),
        (
            (
                "run",
                "--data",
                "moses-sampel",
            ),
            ["unknown dataset 'moses-sampel'", "'moses-sample'"],
        ),
        (
            (
                "ingest",
                "nothing.csv",
            ),
            ["no file nothing.csv"],
        ),
        (
            (
                "inspect",
                "nothing",
            ),
            ["no folder nothing"],
        ),
        (("run", "--scaffold", "c1ccccc"), ["cannot be read as SMILES", "[*:1]"]),
        (("run", "--scaffold", "CCO.CCN"), ["has 0 attachment points"]),
        (("run", "--replace", "c1ccccc1"), ["takes both"]),
        (("run", "--scaffold", "C[*:1]", "--replace", "C", "--in", "CO"), ["not both"]),
        (("run", "--replace", "S", "--in", "CO"), ["is not in the molecule"]),
        (("run", "--added-atoms", "3"), ["say what to keep"]),
        (
            (
                "generate",
                "-o",
                "found.docx",
            ),
            ["found.docx", ".sdf", ".xlsx"],
        ),
        (
            (
                "generate",
                "-o",
                "nowhere/found.csv",
            ),
            ["no folder nowhere"],
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_bad_arguments(chem_vae: CommandLine, arguments: tuple[str, ...], words: list[str], tmp_path: Path) -> None:
    refused(chem_vae(*arguments, cwd=tmp_path), *words)
    assert not list(tmp_path.glob("workspace/**/manifest.json"))


def test_a_traceback_only_with_debug(chem_vae: CommandLine, tmp_path: Path) -> None:
    done = chem_vae("ingest", "nothing.csv", "--debug", cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" in done.stderr and done.stderr.strip().splitlines()[-1].startswith("error: there is no file")


def test_an_interrupt_ends_with_130_and_how_to_go_on(molecules: Path, config: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "run", "--config", config, "--set", "train.training.epochs=10000"],
        cwd=tmp_path,
        env=environment(tmp_path),
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # the tests may run in the background
    )
    assert process.stderr is not None
    for line in process.stderr:
        if " train: " in line:
            break
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert errors.strip().splitlines()[-1] == "interrupted; run the same command again to resume"
    assert output == "" and "Traceback" not in errors
    assert not list((tmp_path / "workspace").glob("models/*/manifest.json"))


def test_a_reader_that_leaves_is_no_error(first_run: Done, workspace: Path, tmp_path: Path) -> None:
    command = f"{sys.executable} -m flows.cli runs --workspace {workspace} | head -c 1"
    done = subprocess.run(["bash", "-c", command], env=environment(tmp_path), capture_output=True, text=True)
    assert "Traceback" not in done.stderr and "BrokenPipe" not in done.stderr, done.stderr


def test_the_checkout_was_tested() -> None:
    assert (ROOT / "flows" / "cli" / "main.py").is_file() and os.path.samefile(
        Path(sys.modules["flows"].__file__ or "").parents[1], ROOT
    )


def test_a_command_ends_though_prefect_waits_for_a_server_that_has_gone() -> None:
    """Prefect's services wait without limit, when Python ends, for what they were to tell the server."""
    script = (
        "import sys, threading\n"
        "import prefect\n"
        "from flows.cli import main\n"
        "main.EXIT_SECONDS = 0.5\n"
        "threading._register_atexit(threading.Event().wait)\n"
        "sys.argv = ['chem-vae', 'nothing']\n"
        "main.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 2 and "nothing" in done.stderr and "may lack the last lines" in done.stderr
