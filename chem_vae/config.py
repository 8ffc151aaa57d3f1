"""The two frozen configurations of the core: the model's and the training's."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

MOST_SEED = 2**31 - 1


@dataclass(frozen=True)
class ModelConfig:
    """The architecture of ChemVAE; all sizes are numbers of units."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "allow_inf_nan": False}

    architecture: str = "gru"
    """Encoder and decoder: gru, or one that a plug-in adds to `chem_vae.architectures`."""
    embedding_size: int = 128
    """Numbers of a symbol's embedding, and of the embedded conditions."""
    encoder_size: int = 256
    """Units of the encoder, in each direction."""
    encoder_layers: int = 1
    """Recurrent layers of the encoder."""
    decoder_size: int = 512
    """Units of the decoder."""
    decoder_layers: int = 1
    """Recurrent layers of the decoder."""
    latent_size: int = 64
    """Dimensions of the latent space."""
    dropout: float = 0.1
    """Share of the units that are hidden at random in training."""
    symbol_dropout: float = 0.05
    """Share of the decoder's input symbols that are replaced by [mask] in training (Bowman et al. 2016)."""
    corruption: float = 0.1
    """Share of the training molecules that the encoder sees with a part of their symbols replaced by [mask], so that
    it reads damaged molecules too (Im et al. 2017, arXiv:1511.06406)."""
    latent_dropout: float = 0.5
    """Share of the training molecules that are decoded without z, from the conditions alone."""
    condition_dropout: float = 0.3
    """Share of the training molecules whose conditions are all hidden; of as many others, a random subset is."""
    property_weight: float = 1.0
    """Weight of a linear head that reads the conditions off the latent mean; 0 leaves it out of the loss."""

    def __post_init__(self) -> None:
        for name in (
            "embedding_size",
            "encoder_size",
            "encoder_layers",
            "decoder_size",
            "decoder_layers",
            "latent_size",
        ):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        for name in ("dropout", "symbol_dropout", "corruption", "latent_dropout", "condition_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 0 and below 1")
        if self.condition_dropout > 0.5:
            raise ValueError("condition_dropout counts twice (all hidden, some hidden): 0.5 at most")
        if self.property_weight < 0:
            raise ValueError("property_weight must not be negative")


@dataclass(frozen=True)
class TrainingConfig:
    """The settings of a training of ChemVAE."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "allow_inf_nan": False}

    epochs: int | None = None
    """Passes over the training molecules. When not given: ten, or for small data as many as show 300,000 molecules, 200 at most."""
    max_steps: int | None = None
    """Optimizer steps at most; the learning rate and beta schedules stretch over what is really done."""
    batch_size: int = 128
    """Molecules of one optimizer step."""
    learning_rate: float = 2e-3
    """Highest step size of the optimizer (AdamW)."""
    weight_decay: float = 0.01
    """Weight decay of the optimizer (AdamW)."""
    warmup: float = 0.02
    """Share of all steps over which the learning rate rises, before its cosine decay."""
    gradient_clip: float = 1.0
    """Longest gradient; a longer one is shortened to it."""
    averaging: float = 0.999
    """Decay of the exponential moving average of the weights that is kept in their place; 0 keeps the weights."""
    beta: float = 0.1
    """Weight of the KL term at the end of its schedule."""
    beta_schedule: Literal["constant", "linear", "cyclical"] = "linear"
    """How beta changes: always the same, rising once, or rising again and again."""
    beta_warmup: float = 0.2
    """Share of all steps over which beta rises from zero (linear), or the length of one cycle (cyclical)."""
    free_bits: float = 0.0
    """KL per latent dimension, in nats, that costs nothing (Kingma et al. 2016)."""
    validations: int = 5
    """How often the validation split is scored, spread evenly over the training."""
    patience: int | None = None
    """Stop after so many validations without a better loss."""
    precision: Literal["auto", "32-true", "bf16-mixed", "16-mixed"] = "auto"
    """auto: bf16-mixed where the processor multiplies bfloat16 in hardware (about twice as fast), else 32-true."""
    accelerator: Literal["auto", "cpu", "gpu", "mps"] = "auto"
    """What computes; auto takes a GPU where there is one."""
    devices: int = 1
    """Processors or GPUs that train together."""
    checkpoint_seconds: float = 30.0
    """Seconds between two checkpoints, from which a killed training goes on."""
    seed: int = 0
    """The same seed gives the same weights."""

    def count_epochs(self, molecules: int) -> int:
        """Return the number of passes over so many training molecules."""
        if self.epochs is not None:
            return self.epochs
        return max(10, min(200, math.ceil(300_000 / max(1, molecules))))

    def __post_init__(self) -> None:
        if self.epochs is not None and self.epochs < 1:
            raise ValueError("epochs must be at least 1")
        for name in ("batch_size", "validations", "devices"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        for name in ("learning_rate", "gradient_clip", "checkpoint_seconds"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0")
        for name in ("beta", "free_bits", "weight_decay"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative")
        for name in ("warmup", "beta_warmup"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a share, from 0 to 1")
        if not 0 <= self.averaging < 1:
            raise ValueError("averaging must be at least 0 and below 1")
        if self.max_steps is not None and self.max_steps < 1:
            raise ValueError("max_steps must be at least 1")
        if not 0 <= self.seed <= MOST_SEED:
            raise ValueError(f"seed must be from 0 to {MOST_SEED}")
        if self.patience is not None and self.patience < 1:
            raise ValueError("patience must be at least 1")
