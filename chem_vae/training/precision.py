"""The precision that a training computes with, in a module that loads no trainer."""

from __future__ import annotations

from typing import Literal

import torch

from chem_vae.config import TrainingConfig


def resolve_precision(config: TrainingConfig) -> Literal["32-true", "bf16-mixed", "16-mixed"]:
    """Return the precision that `precision = "auto"` stands for on this machine, or the one that was chosen."""
    if config.precision != "auto":
        return config.precision
    if config.accelerator != "cpu" and torch.cuda.is_available():
        return "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "32-true"
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return "bf16-mixed" if supported is not None and supported() else "32-true"
