"""A training killed without warning: the same command goes on from its checkpoint, to the same model."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from command_line import ROOT, environment

SETTINGS = [
    "train.model.embedding_size=16",
    "train.model.encoder_size=32",
    "train.model.decoder_size=64",
    "train.model.latent_size=8",
    "train.training.batch_size=8",
    "train.training.checkpoint_seconds=0.2",
    "train.training.accelerator='cpu'",
]


def train(config: Path, workspace: Path, home: Path, *more: str, launch: Sequence[str] = ()) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        *launch,
        "-m",
        "flows.cli",
        "train",
        "--config",
        str(config),
        "--workspace",
        str(workspace),
    ]
    for setting in (*SETTINGS, *more):
        command += ["--set", setting]
    variables = environment(home)
    return subprocess.Popen(
        command, cwd=ROOT, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


@pytest.fixture(scope="module")
def workspaces(config: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two workspaces with the same dataset."""
    made = []
    for name in ("killed", "whole"):
        workspace = tmp_path_factory.mktemp(name)
        command = [
            sys.executable,
            "-m",
            "flows.cli",
            "ingest",
            "--config",
            str(config),
            "--workspace",
            str(workspace),
        ]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True, env=environment(workspace))
        made.append(workspace)
    return made


def test_a_killed_training_gives_the_same_model(config: Path, workspaces: list[Path], tmp_path: Path) -> None:
    killed, whole = workspaces
    process = train(config, killed, tmp_path, "train.training.epochs=10")
    deadline = time.monotonic() + 120
    while not list(killed.glob("models/*.partial/resume.safetensors")):
        assert process.poll() is None, process.stdout and process.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not list(killed.glob("models/*/manifest.json"))
    for workspace in (killed, whole):
        process = train(config, workspace, tmp_path, "train.training.epochs=10")
        output = process.communicate(timeout=300)[0]
        assert process.returncode == 0, output
    models = [next(w.glob("models/*/model.safetensors")) for w in (killed, whole)]
    assert models[0].parent.name == models[1].parent.name
    assert models[0].read_bytes() == models[1].read_bytes()
    assert not list(killed.glob("models/*.partial"))


@pytest.mark.slow
def test_two_machines_train_one_model(config: Path, workspaces: list[Path], tmp_path: Path) -> None:
    before = set(workspaces[0].glob("models/*/manifest.json"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    processes = []
    for machine in ("0", "1"):
        place = ["--nnodes", "2", "--nproc-per-node", "1", "--node-rank", machine]
        launch = ["-m", "torch.distributed.run", *place, "--master-addr", "127.0.0.1", "--master-port", port]
        more = ("train.training.epochs=2", "train.training.nodes=2", "train.training.seed=7")
        processes.append(train(config, workspaces[0], tmp_path, *more, launch=launch))
    for process in processes:
        output = process.communicate(timeout=300)[0]
        assert process.returncode == 0, output
    assert len(set(workspaces[0].glob("models/*/manifest.json")) - before) == 1


@pytest.mark.slow
def test_two_devices_train_one_model(config: Path, workspaces: list[Path], tmp_path: Path) -> None:
    before = set(workspaces[0].glob("models/*/manifest.json"))
    process = train(config, workspaces[0], tmp_path, "train.training.epochs=2", "train.training.devices=2")
    output = process.communicate(timeout=300)[0]
    assert process.returncode == 0, output
    assert "error" not in output and "terminated" not in output, output
    assert len(set(workspaces[0].glob("models/*/manifest.json")) - before) == 1
