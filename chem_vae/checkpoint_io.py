"""Resume files of a training: Lightning's checkpoints as safetensors and JSON instead of a pickle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lightning.fabric.plugins.io import CheckpointIO
from safetensors import safe_open
from torch import Tensor

from chem_vae.checkpoint import write_safetensors
from chem_vae.errors import CheckpointError, TrainingError


class SafetensorsIO(CheckpointIO):
    """Writes Lightning's checkpoints as one safetensors file: tensors as tensors, all else as JSON in its header.

    Replaces torch.save, so that nothing that this project reads can run code.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        tensors: dict[str, Tensor] = {}
        tree = json.dumps(_pack(checkpoint, tensors))
        write_safetensors(tensors, Path(path), {"checkpoint": tree})

    def load_checkpoint(
        self, path: Any, map_location: Any | None = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        try:
            with safe_open(str(path), framework="pt") as file:
                tree = json.loads(file.metadata()["checkpoint"])
                tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
        except Exception as error:
            raise CheckpointError(f"cannot resume from {path}: {error}; delete it to train from the start") from error
        unpacked = _unpack(tree, tensors)
        assert isinstance(unpacked, dict)
        return unpacked

    def remove_checkpoint(self, path: Any) -> None:
        Path(path).unlink(missing_ok=True)


def _pack(data: Any, tensors: dict[str, Tensor]) -> Any:
    """Convert nested dicts, lists, tuples, numbers and tensors to plain JSON; keys of any simple type survive."""
    if isinstance(data, Tensor):
        key = f"t{len(tensors)}"
        tensors[key] = data.detach().cpu().contiguous().clone()
        return {"tensor": key}
    if isinstance(data, dict):
        return {"dict": [[_pack(k, tensors), _pack(v, tensors)] for k, v in data.items()]}
    if isinstance(data, tuple):
        return {"tuple": [_pack(v, tensors) for v in data]}
    if isinstance(data, list):
        return [_pack(v, tensors) for v in data]
    if data is None or isinstance(data, bool | int | float | str):
        return data
    raise TrainingError(f"a checkpoint cannot hold a {type(data).__name__}")


def _unpack(data: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(data, list):
        return [_unpack(v, tensors) for v in data]
    if not isinstance(data, dict):
        return data
    ((kind, value),) = data.items()
    if kind == "tensor":
        return tensors[value]
    if kind == "tuple":
        return tuple(_unpack(v, tensors) for v in value)
    return {_unpack(k, tensors): _unpack(v, tensors) for k, v in value}
