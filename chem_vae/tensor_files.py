"""Reads safetensors files that may be damaged or come from a stranger."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from chem_vae.errors import CheckpointError


def read_tensors(path: Path, may_be_infinite: Collection[str] = ()) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read a safetensors file; nothing in it can run code, and no tensor takes more memory than the file is large.

    Args:
        path: The file.
        may_be_infinite: The last parts of the names of tensors in which NaN and infinity mean something.

    Returns:
        The tensors by name, and the strings of the header.

    Raises:
        CheckpointError: If the file is missing or damaged, or if a number in it is NaN or infinite.
    """
    try:
        with safe_open(str(path), framework="pt") as file:
            tensors: dict[str, Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
            strings = dict(file.metadata() or {})
    except FileNotFoundError:
        raise CheckpointError(f"{path.parent} has no {path.name}") from None
    except (OSError, SafetensorError, ValueError, TypeError, RuntimeError, AttributeError) as error:
        reason = " ".join(str(error).split())[:200].rstrip(".")
        raise CheckpointError(f"{path.parent} is damaged: {path.name}: {reason}") from None
    for name, tensor in tensors.items():
        numbers = tensor.is_floating_point() and re.split("[./]", name)[-1] not in may_be_infinite
        if numbers and not torch.isfinite(tensor).all():
            raise CheckpointError(f"{path.parent} is damaged: {path.name}: {name[:80]} holds NaN or infinity")
    return tensors, strings
