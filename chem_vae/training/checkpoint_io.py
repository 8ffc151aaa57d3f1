"""Resume files of a training: Lightning's checkpoints as safetensors and JSON instead of a pickle."""

from __future__ import annotations

import hashlib
import json
import warnings
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io import CheckpointIO
from safetensors import safe_open
from torch import Tensor, nn

from chem_vae.checkpoint import write_safetensors
from chem_vae.errors import CheckpointError, ChemVAEWarning, TrainingError


class SafetensorsIO(CheckpointIO):
    """Writes Lightning's checkpoints as one safetensors file: tensors as tensors, all else as JSON in its header.

    Replaces torch.save, so that nothing that this project reads can run code.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        tensors: dict[str, Tensor] = {}
        tree = json.dumps(_pack(checkpoint, tensors))
        write_safetensors(tensors, Path(path), {"checkpoint": tree, "sha256": _hash(tree, tensors)})

    def load_checkpoint(
        self, path: Any, map_location: Any | None = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        try:
            with safe_open(str(path), framework="pt") as file:
                strings = file.metadata()
                tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
            if strings.get("sha256") not in (
                None,
                _hash(strings["checkpoint"], tensors),
            ):  # None: of an earlier version
                raise ValueError("it has another content than when it was written")
            unpacked = _unpack(json.loads(strings["checkpoint"]), tensors)
            if not isinstance(unpacked, dict) or "state_dict" not in unpacked:
                raise ValueError("it holds no training")
        except Exception as error:
            raise CheckpointError(f"cannot resume from {path}: {error}; delete it to train from the start") from error
        return unpacked

    def remove_checkpoint(self, path: Any) -> None:
        Path(path).unlink(missing_ok=True)


def find_usable(path: Path | None, model: nn.Module) -> Path | None:
    """Return a resume file that this training can go on from.

    One that is damaged, or of another training, is deleted with a warning, so that training begins at the start.

    Args:
        path: The resume file, which need not exist.
        model: The module that is trained.
    """
    if path is None or not path.exists():
        return None
    try:
        if not path.is_file():
            raise CheckpointError(f"cannot resume from {path}: it is no file; move it away")
        saved = SafetensorsIO().load_checkpoint(path)["state_dict"]
        expected = {name: tensor.shape for name, tensor in model.state_dict().items()}
        if not isinstance(saved, dict) or {k: getattr(v, "shape", None) for k, v in saved.items()} != expected:
            raise CheckpointError(f"cannot resume from {path}: it is of another model")
    except CheckpointError as error:
        if not path.is_file():
            raise
        why = str(error).partition("; ")[0]
        warnings.warn(f"{why}; it is deleted, and the training begins at the start", ChemVAEWarning, stacklevel=3)
        path.unlink()
        return None
    return path


def _hash(tree: str, tensors: dict[str, Tensor]) -> str:
    """Hash all that a resume file holds."""
    digest = hashlib.sha256(tree.encode())
    for name in sorted(tensors):
        digest.update(f"{name} {tensors[name].dtype} {tuple(tensors[name].shape)}".encode())
        digest.update(tensors[name].reshape(-1).view(torch.uint8).numpy().tobytes() if tensors[name].numel() else b"")
    return digest.hexdigest()


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
