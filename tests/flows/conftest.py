"""A tiny data set, a tiny configuration, the command line as a subprocess, and Prefect's test harness (here alone)."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import CommandLine, Done, call_here, environment
from real_server import Server, run_server

CONFIG = """
name = "tiny"
[ingest]
source = "{source}"
smiles_column = "SMILES"
properties = ["potency=nM"]
compute = ["logp"]
merges = 10
workers = 1
[train.model]
embedding_size = 16
encoder_size = 32
decoder_size = 48
latent_size = 8
[train.training]
epochs = 1
batch_size = 64
validations = 1
accelerator = "cpu"
[generate]
n = 5
samples = 60
[generate.objectives]
logp = {{ target = 2.5, tolerance = 1.0 }}
potency = {{ minimize = true }}
"""


@pytest.fixture(scope="session")
def molecules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV of 300 distinct molecules, a label in each row, and a measured potency in nine of ten."""
    heads = ["C", "CC", "CCC", "CCCC", "CC(C)", "OCC", "NCC", "FCC", "COC", "ClCC"]
    cores = ["c1ccc(cc1)", "c1cccc(c1)", "C1CCC(CC1)", "C1CCN(CC1)", "c1ccc(nc1)", "C1CC1"]
    tails = ["C(=O)N", "C(=O)OC", "CO", "C#N", "C(=O)NC"]
    lines = ["SMILES,potency,batch"]
    for i, (head, core, tail) in enumerate(itertools.product(heads, cores, tails)):
        lines.append(f"{head}{core}{tail},{'' if i % 10 == 0 else 5 + i % 37},B{i % 4}")
    assert len(lines) == 301
    path = tmp_path_factory.mktemp("data") / "molecules.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="session")
def config(molecules: Path) -> Path:
    """A TOML file whose model trains in seconds."""
    path = molecules.with_name("tiny.toml")
    path.write_text(CONFIG.format(source=molecules))
    return path


@pytest.fixture(scope="session")
def chem_vae(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """The command line in this process, in an empty folder."""
    home = tmp_path_factory.mktemp("command-line")

    def run(*arguments: object, cwd: Path | None = None, **variables: str) -> Done:
        return call_here([*map(str, arguments)], cwd or home, {**environment(home), **variables})

    return run


@pytest.fixture(scope="session")
def chem_vae_process(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """The command line in a process of its own, in an empty folder."""
    home = tmp_path_factory.mktemp("command-line-process")

    def run(*arguments: object, cwd: Path | None = None, **variables: str) -> Done:
        return subprocess.run(
            [sys.executable, "-m", "flows.cli", *map(str, arguments)],
            cwd=cwd or home,
            env={**environment(home), **variables},
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workspace that the session's commands and flows share: what one made, the others reuse."""
    return tmp_path_factory.mktemp("workspace")


@pytest.fixture(scope="session")
def first_run(chem_vae: CommandLine, config: Path, workspace: Path) -> Done:
    """The first `chem-vae run` of the session, finished."""
    done = chem_vae("run", "--config", config, "--workspace", workspace)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="session")
def real_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real Prefect server in a process of its own. Once a session; no test stops it."""
    with run_server(tmp_path_factory.mktemp("prefect-server")) as server:
        yield server


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Prefect's test harness: a temporary database and server. Once a session, never nested."""
    from flows.environment import prepare_prefect

    prepare_prefect(quiet=True)
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield
