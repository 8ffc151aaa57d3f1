"""A dataset's folder may come from a stranger: it is read, or refused in a sentence, in bounded time and memory."""

from __future__ import annotations

import io
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from damages import edit, forget_hashes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutations import mutate

from chem_vae.errors import UserError
from pipeline.datasets.dataset import Dataset


@pytest.fixture(scope="module")
def strange(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the dataset whose manifest tells no hashes."""
    folder = Path(shutil.copytree(dataset.folder, tmp_path_factory.mktemp("strange") / "data"))
    forget_hashes(folder)
    read_whole(folder)
    return folder


def read_whole(folder: Path) -> None:
    """Use all that a dataset's folder holds, as training and inspecting do."""
    dataset = Dataset.open(folder)
    dataset.summary()
    dataset.table()
    dataset.rejections()
    for split in ("train", "validation", "test"):
        tokens = dataset.tokens(split)
        assert len(tokens) == len(tokens.lengths) == len(tokens.values())
    for p in dataset.properties:
        dataset.statistics(p.name)


def try_reading(folder: Path, change: Callable[[Path], object], name: str) -> str | None:
    """Change a file, read the folder, and put the file back; returns what was refused, and lets other errors pass."""
    path, started, told = folder / name, time.monotonic(), None
    original = path.read_bytes()
    try:
        change(path)
        read_whole(folder)
    except UserError as error:
        told = str(error)
    finally:
        path.write_bytes(original)
    assert time.monotonic() - started < 20
    assert told is None or ("\n" not in told and len(told) < 1500)
    return told


def _claim(shape: tuple[int, ...], kind: str) -> bytes:
    """The header of a .npy file that claims so many items, without them."""
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(out, {"descr": kind, "fortran_order": False, "shape": shape})
    return out.getvalue() + b"\0" * 64


HOSTILE: dict[str, tuple[str, Callable[[Path], object]]] = {
    "10^12 splits": ("split.npy", lambda p: p.write_bytes(_claim((10**12,), "|u1"))),
    "10^12 offsets": ("offsets.npy", lambda p: p.write_bytes(_claim((10**12,), "<i8"))),
    "10^30 tokens": ("tokens.npy", lambda p: p.write_bytes(_claim((10**30,), "<u2"))),
    "a pickle": ("split.npy", lambda p: np.save(p, np.array([print], dtype=object), allow_pickle=True)),
    "an archive": ("split.npy", lambda p: _save_archive(p)),
    "tokens of floats": ("tokens.npy", lambda p: np.save(p, np.zeros(9))),
    "tokens that are not in the vocabulary": ("tokens.npy", lambda p: np.save(p, np.load(p) + np.uint16(60_000))),
    "offsets that fall": ("offsets.npy", lambda p: np.save(p, np.r_[0, np.load(p)[1:-1][::-1], np.load(p)[-1]])),
    "another number of properties": ("conditions.npy", lambda p: np.save(p, np.load(p)[:, :1])),
    "a shard with other columns": ("shards/part-00000.parquet", lambda p: pd.DataFrame({"x": [1]}).to_parquet(p)),
    "a shard with too few rows": ("shards/part-00000.parquet", lambda p: pd.read_parquet(p).head(3).to_parquet(p)),
    "rejections with other columns": ("rejections.parquet", lambda p: pd.DataFrame({"x": [1]}).to_parquet(p)),
    "a shard elsewhere": ("manifest.json", edit(lambda m: m["shards"][0].update(file="../../x.parquet"))),
    "an absolute shard": ("manifest.json", edit(lambda m: m["shards"][0].update(file="/etc/passwd"))),
    "merges that double": (
        "vocabulary.json",
        edit(lambda v: v.update(merges=[[3, 3], *([len(v["symbols"]) + 3 + i] * 2 for i in range(40))])),
    ),
}


def _save_archive(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, a=np.arange(3))


@pytest.mark.parametrize("name", HOSTILE)
def test_what_a_stranger_may_have_written(strange: Path, name: str) -> None:
    file, change = HOSTILE[name]
    assert try_reading(strange, change, file) is not None


def _fuzz(folder: Path, draw: Callable[[Any], Any]) -> None:
    files = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    name = draw(st.sampled_from([*files, *["manifest.json"] * len(files)]))

    def change(path: Path) -> None:
        data = bytearray(path.read_bytes())
        if path.suffix == ".json":
            path.write_text(json.dumps(mutate(json.loads(data), draw)))
            return
        for _ in range(draw(st.integers(1, 4))):
            data[draw(st.integers(0, draw(st.sampled_from([16, 128, len(data)])) - 1))] = draw(st.integers(0, 255))
        path.write_bytes(bytes(data[: draw(st.integers(0, len(data)))] if draw(st.integers(0, 4)) == 0 else data))

    try_reading(folder, change, name)


calm = settings(deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)


@settings(calm, max_examples=100)
@given(data=st.data())
def test_fuzzed_folders_are_read_or_refused(strange: Path, data: st.DataObject) -> None:
    _fuzz(strange, data.draw)


@pytest.mark.slow
@settings(calm, max_examples=1_500, derandomize=False)
@given(data=st.data())
def test_many_fuzzed_folders_are_read_or_refused(strange: Path, data: st.DataObject) -> None:
    _fuzz(strange, data.draw)
