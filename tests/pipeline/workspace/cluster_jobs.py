"""Jobs of the cluster's tests, in a module that the workers can import."""

from __future__ import annotations

import os
import signal
import time
from functools import partial
from pathlib import Path

from chem_vae.errors import DataError

prepared = ""


def double(n: int) -> int:
    return 2 * n


def fail(n: int) -> int:
    raise DataError(f"{n} is bad")


def die_once(mark: str) -> str:
    """Kill this process, unless another one died here before."""
    if not Path(mark).exists():
        Path(mark).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "survived"


def prepare(word: str) -> None:
    global prepared
    prepared = word


def make_setup(word: str) -> partial[None]:
    return partial(prepare, word)


def tell_prepared(n: int) -> str:
    return prepared


def measure_length(smiles: list[str]) -> list[float]:
    """Score SMILES by their length; hang over nitrogen gas, and fail over oxygen."""
    if "N#N" in smiles:
        time.sleep(60)
    if "O=O" in smiles:
        raise ValueError("oxygen burns")
    return [float(len(s)) for s in smiles]
