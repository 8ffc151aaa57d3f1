"""Checks what `model.json` asks for, which may come from a stranger, before memory is taken for it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from torch import Tensor

from chem_vae.config import ModelConfig

MOST_LAYERS = 64
MOST_UNITS = 1 << 16
MOST_IDS_OF_A_MOLECULE = 100_000


def read_config(data: Any) -> ModelConfig:
    """Make the configuration of a model from JSON.

    Raises:
        TypeError, ValueError: If a setting is unknown, of another type or out of its bounds.
    """
    if not isinstance(data, dict):
        raise ValueError("its config is no table")
    kinds = {f.name: type(f.default) for f in fields(ModelConfig)}
    for name, value in data.items():
        kind = kinds.get(name)
        allowed = (int, float) if kind is float else kind
        if kind is not None and (not isinstance(value, allowed) or isinstance(value, bool)):  # type: ignore[arg-type]
            raise ValueError(f"{name} is {str(value)[:40]!r}, not a {kind.__name__}")
        if kind is int and value > (most := MOST_LAYERS if name.endswith("_layers") else MOST_UNITS):
            raise ValueError(f"{name} is {value:,}; at most {most:,} are read")
    return ModelConfig(**data)  # files without an architecture are of the first one


def read_max_length(value: Any) -> int:
    """Return the most ids of a decoded molecule; raises ValueError where it is no sensible number."""
    if type(value) is not int or not 1 <= value <= MOST_IDS_OF_A_MOLECULE:
        raise ValueError(f"max_length is {str(value)[:40]!r}, not a number from 1 to {MOST_IDS_OF_A_MOLECULE:,}")
    return value


def check_scale(entry: Any) -> Mapping[str, Any]:
    """Return the entry of a condition; raises ValueError where it has no name or no scale."""
    if (
        not isinstance(entry, dict)
        or not isinstance(entry.get("name"), str)
        or not isinstance(entry.get("unit", ""), str)
    ):
        raise ValueError("a condition has no name")
    mean, std = entry.get("mean", 0.0), entry.get("std", 1.0)
    for number in (mean, std):
        if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
            raise ValueError(f"the condition {entry['name'][:40]} has no finite mean and deviation")
    if std <= 0:
        raise ValueError(f"the condition {entry['name'][:40]} has a deviation that is not above 0")
    return entry


def check_sizes(config: ModelConfig, ids: int, weights: Mapping[str, Tensor]) -> None:
    """Check that the weights have the sizes of the configuration, so that no more memory is taken than the file is large.

    Raises:
        ValueError: If they do not fit.
    """
    if config.architecture != ModelConfig.architecture:  # that of a plug-in: its layers have names of their own
        return
    expected = {
        "embedding.weight": (ids, config.embedding_size),
        f"encoder.gru.weight_hh_l{config.encoder_layers - 1}": (3 * config.encoder_size, config.encoder_size),
        f"decoder.gru.weight_hh_l{config.decoder_layers - 1}": (3 * config.decoder_size, config.decoder_size),
        "decoder.no_z": (config.latent_size,),
    }
    for name, shape in expected.items():
        if name not in weights:
            raise ValueError(f"{name} is missing")
        if tuple(weights[name].shape) != shape:
            raise ValueError(f"{name} has the shape {tuple(weights[name].shape)} instead of {shape}")
