"""A model's folder may come from a stranger: it is refused in a sentence, in bounded time and memory."""

from __future__ import annotations

import json
import resource
import shutil
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from damages import edit, forget_hashes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutations import mutate
from safetensors.torch import load_file, save_file

from chem_vae.checkpoint import Checkpoint
from chem_vae.errors import CheckpointError, UserError
from pipeline.models.trained_model import TrainedModel
from pipeline.models.training_set.kept_molecules import load_anomaly_tensors, read_kept_selfies, read_kept_smiles

MOST_SECONDS, MOST_MEGABYTES = 20.0, 700
JSON_FILES = ("model.json", "manifest.json")
TENSOR_FILES = ("model", "predictors", "latent", "anomaly", "measured")


@pytest.fixture(scope="module")
def strange(model: TrainedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the model whose manifest tells no hashes, as a stranger would send it."""
    folder = shutil.copytree(model.folder, tmp_path_factory.mktemp("strange") / "model")
    forget_hashes(folder)
    read_whole(folder)
    return Path(folder)


def read_whole(folder: Path) -> None:
    """Use all that a model's folder holds, as generating and inspecting do."""
    model = TrainedModel.open(folder)
    model.summary()
    assert model.checkpoint and dict(model.predictors) and model.measured is not None and model.latent
    assert model.properties and model.standardize_options and model.dataset() is None
    z = model.encode(["CCO"])
    model.decode(z)
    load_anomaly_tensors(model)
    read_kept_selfies(model)
    read_kept_smiles(model)


def memory() -> float:
    """The most megabytes that this process has taken."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def try_reading(folder: Path, change: Callable[[Path], object], name: str) -> str | None:
    """Change a file, read the folder, and put the file back; returns what was refused, and lets other errors pass."""
    path, started, before = folder / name, time.monotonic(), memory()
    original, told = path.read_bytes(), None
    try:
        change(path)
        read_whole(folder)
    except UserError as error:
        told = str(error)
    finally:
        path.unlink(missing_ok=True)
        path.write_bytes(original)
        assert time.monotonic() - started < MOST_SECONDS
        assert memory() - before < MOST_MEGABYTES
    assert told is None or ("\n" not in told and len(told) < 1500)
    return told


def double(data: dict[str, Any]) -> None:
    """Let each merge be the merge before it twice: forty of them stand for 10^12 symbols."""
    vocabulary = data["vocabulary"]
    first = 3 + len(vocabulary["symbols"])
    vocabulary["merges"] = [[3, 3], *([first + i, first + i] for i in range(40))]


HOSTILE: dict[str, tuple[str, Callable[[Path], object]]] = {
    "merges that double": ("model.json", edit(double)),
    "a merge of itself": ("model.json", edit(lambda d: d["vocabulary"].update(merges=[[10**9, 10**9]]))),
    "a symbol of a megabyte": ("model.json", edit(lambda d: d["vocabulary"].update(symbols=["[" + "C" * 10**6 + "]"]))),
    "a million symbols": (
        "model.json",
        edit(lambda d: d["vocabulary"].update(symbols=[f"[{i}]" for i in range(10**6)])),
    ),
    "constraints that selfies refuses": ("model.json", edit(lambda d: d["vocabulary"].update(constraints={"C": -1}))),
    "a hidden size of 10^9": ("model.json", edit(lambda d: d["config"].update(decoder_size=10**9))),
    "a hidden size of 60,000": ("model.json", edit(lambda d: d["config"].update(encoder_size=60_000))),
    "an embedding of 60,000": ("model.json", edit(lambda d: d["config"].update(embedding_size=60_000))),
    "a latent size of 60,000": ("model.json", edit(lambda d: d["config"].update(latent_size=60_000))),
    "10^9 layers": ("model.json", edit(lambda d: d["config"].update(decoder_layers=10**9))),
    "a size that is a text": ("model.json", edit(lambda d: d["config"].update(latent_size="16"))),
    "a size that is a fraction": ("model.json", edit(lambda d: d["config"].update(latent_size=16.5))),
    "another architecture": ("model.json", edit(lambda d: d["config"].update(architecture="os.system"))),
    "a length of 10^12": ("model.json", edit(lambda d: d.update(max_length=10**12))),
    "10^5 conditions": ("model.json", edit(lambda d: d.update(conditions=[{"name": str(i)} for i in range(10**5)]))),
    "a deviation of 0": ("model.json", edit(lambda d: d["conditions"][0].update(std=0))),
    "deep JSON": ("model.json", lambda path: path.write_text('{"a":' * 100_000 + "1" + "}" * 100_000)),
    "NaN in JSON": (
        "model.json",
        lambda path: path.write_text(path.read_text().replace('"mean": ', '"mean": NaN, "x": ', 1)),
    ),
    "infinity in JSON": (
        "model.json",
        lambda path: path.write_text(path.read_text().replace('"mean": ', '"mean": 1e999, "x": ', 1)),
    ),
    "a dataset elsewhere": ("manifest.json", edit(lambda d: d["card"]["dataset"].update(folder="../../../etc"))),
    "a dataset by a pattern": ("manifest.json", edit(lambda d: d["card"]["dataset"].update(name="../*/**/"))),
    "a card without its data": ("manifest.json", edit(lambda d: d["card"].pop("dataset"))),
    "a latent size of another model": ("manifest.json", edit(lambda d: d["card"].update(latent_size=10**9))),
    "no properties": ("manifest.json", edit(lambda d: d.update(properties=[{"name": 1}]))),
    "a header that claims 10^15 bytes": (
        "model.safetensors",
        lambda path: path.write_bytes(struct.pack("<Q", 10**15) + b"{}"),
    ),
    "a header that is no JSON": (
        "model.safetensors",
        lambda path: path.write_bytes(struct.pack("<Q", 8) + b"[[[[[[[["),
    ),
    "a pickle": ("model.safetensors", lambda path: path.write_bytes(b"\x80\x04cos\nsystem\n.")),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_a_stranger_may_have_written(strange: Path, name: str) -> None:
    file, change = HOSTILE[name]
    assert try_reading(strange, change, file) is not None


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
@pytest.mark.parametrize("file", TENSOR_FILES)
def test_weights_that_are_no_numbers(strange: Path, file: str, value: float) -> None:
    def spoil(path: Path) -> None:
        tensors, strings = load_file(path), _read_strings(path)
        name = next(n for n in ("0/fit", "mu", "nats", "embedding.weight", "0/center", "0/z") if n in tensors)
        tensors[name] = tensors[name].clone()
        tensors[name].view(-1)[0] = value
        save_file(tensors, path, strings)

    told = try_reading(strange, spoil, f"{file}.safetensors")
    assert told is not None and "NaN or infinity" in told


@pytest.mark.parametrize("file", TENSOR_FILES)
def test_tensors_of_other_shapes(strange: Path, file: str) -> None:
    def halve(path: Path) -> None:
        tensors, strings = load_file(path), _read_strings(path)
        save_file({n: t[: max(1, len(t) // 2)].clone() if t.ndim else t for n, t in tensors.items()}, path, strings)

    if file == "anomaly":  # half of the offsets do not end where the symbols do
        assert try_reading(strange, halve, "anomaly.safetensors") is not None
    else:
        assert file in ("latent", "predictors") or try_reading(strange, halve, f"{file}.safetensors") is not None
        try_reading(strange, halve, f"{file}.safetensors")


def _read_strings(path: Path) -> dict[str, str]:
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    return dict(json.loads(data[8 : 8 + length]).get("__metadata__", {}))


def test_a_link_out_of_the_folder_is_not_followed(strange: Path, tmp_path: Path) -> None:
    outside = tmp_path / "secret"
    outside.write_text("secret of the house")
    for name in ("kept.smi", "training.json", "model.json", "manifest.json", "more"):
        path = strange / name
        original = path.read_bytes() if path.exists() else None
        path.unlink(missing_ok=True)
        path.symlink_to(outside)
        try:
            with pytest.raises(UserError, match="link") as caught:
                TrainedModel.open(strange)
            assert "secret of the house" not in str(caught.value)
        finally:
            path.unlink()
            if original is not None:
                path.write_bytes(original)


def test_a_core_checkpoint_alone_is_bounded_too(strange: Path) -> None:
    path = strange / "model.json"
    original = path.read_bytes()
    try:
        edit(double)(path)
        with pytest.raises(CheckpointError, match="merges stand for more than"):
            Checkpoint.load(strange)
    finally:
        path.write_bytes(original)


def _fuzz(folder: Path, draw: Callable[[Any], Any]) -> None:
    if draw(st.booleans()):
        name = draw(st.sampled_from(JSON_FILES))

        def change(path: Path) -> None:
            path.write_text(json.dumps(mutate(json.loads(path.read_text()), draw)))

    else:
        name = f"{draw(st.sampled_from(TENSOR_FILES))}.safetensors"

        def change(path: Path) -> None:
            data = bytearray(path.read_bytes())
            end = min(len(data), draw(st.sampled_from([8, 64, 4096, len(data)])))
            for _ in range(draw(st.integers(1, 4))):
                data[draw(st.integers(0, end - 1))] = draw(st.integers(0, 255))
            if draw(st.integers(0, 4)) == 0:
                del data[draw(st.integers(0, len(data) - 1)) :]
            path.write_bytes(bytes(data))

    try_reading(folder, change, name)


calm = settings(deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)


@settings(calm, max_examples=60)
@given(data=st.data())
def test_fuzzed_folders_are_read_or_refused(strange: Path, data: st.DataObject) -> None:
    _fuzz(strange, data.draw)


@pytest.mark.slow
@settings(calm, max_examples=400, derandomize=False)
@given(data=st.data())
def test_many_fuzzed_folders_are_read_or_refused(strange: Path, data: st.DataObject) -> None:
    _fuzz(strange, data.draw)
