"""An app in a process of its own for the tests in a browser, whose runs train a tiny model, and a table to drop on it."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, expect

SETTINGS = """
[ingest]
compute = ["logp", "mw"]
merges = 10
workers = 1
[train]
start = "nothing"
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
samples = 200
"""


def write_spreadsheet(path: Path, name: str) -> Path:
    """Write a table of 200 molecules with a measured column of some name, and a row that is none."""
    heads = ["C", "CC", "CCC", "CCCC", "CC(C)", "OCC", "NCC", "FCC"]
    cores = ["c1ccc(cc1)", "c1cccc(c1)", "C1CCC(CC1)", "C1CCN(CC1)", "c1ccc(nc1)"]
    tails = ["C(=O)N", "C(=O)OC", "CO", "C#N", "C(=O)NC"]
    lines = [f"SMILES,{name},name"]
    for i, parts in enumerate(itertools.product(heads, cores, tails)):
        lines.append(f"{''.join(parts)},{5 + len(''.join(parts)) / 10 + i % 7 / 5:.2f},M{i}")
    path.write_text("\n".join([*lines, "c1ccccc,3,bad"]) + "\n")
    return path


@contextmanager
def run_app(folder: Path, settings: str | None = SETTINGS, **variables: str) -> Iterator[str]:
    """Run the app in a folder, and yield its address.

    Args:
        folder: Gets the workspace and the log.
        settings: The settings with which every run begins; the usual ones when None.
        **variables: Further variables of the environment.
    """
    command = [sys.executable, "-X", "faulthandler", "-m", "flows.cli", "ui", "--no-browser", "--port", "0"]
    if settings is not None:
        (folder / "usual.toml").write_text(settings)
        command += ["--config", "usual.toml"]
    log = folder / "log.txt"
    environment = {**os.environ, "PYTHONPATH": os.getcwd(), **variables}
    with log.open("w") as file:
        process = subprocess.Popen(command, cwd=folder, stderr=file, env=environment)
    try:
        end = time.monotonic() + 90
        while (found := re.search(r"http://127\.0\.0\.1:\d+", log.read_text())) is None:
            assert process.poll() is None and time.monotonic() < end, log.read_text()
            time.sleep(0.2)
        yield found[0]
        assert process.poll() is None, log.read_text()
    finally:
        process.terminate()
        process.wait(20)


def drop(page: Page, path: Path) -> None:
    page.set_input_files("input[type=file]", path)
    page.wait_for_url("**/start/*")
    expect(page.get_by_text("What do you want?")).to_be_visible(timeout=60_000)
