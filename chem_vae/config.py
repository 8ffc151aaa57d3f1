"""The two frozen configurations of the core: the model's and the training's."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

MOST_SEED = 2**31 - 1


def _require(config: object, names: str, holds: Callable[[float], bool], words: str) -> None:
    """Raise ValueError for the first of the named settings that is given and does not hold."""
    for name in names.split():
        value = getattr(config, name)
        if value is not None and not holds(value):
            raise ValueError(f"{name} {words}")


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
        sizes = "embedding_size encoder_size encoder_layers decoder_size decoder_layers latent_size"
        shares = "dropout symbol_dropout corruption latent_dropout condition_dropout"
        _require(self, sizes, lambda v: v >= 1, "must be at least 1")
        _require(self, shares, lambda v: 0 <= v < 1, "must be at least 0 and below 1")
        _require(self, "condition_dropout", lambda v: v <= 0.5, "counts twice (all hidden, some hidden): 0.5 at most")
        _require(self, "property_weight", lambda v: v >= 0, "must not be negative")


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
    """The device that computes; auto takes a GPU where there is one."""
    devices: int = 1
    """Processors or GPUs of one machine that train together."""
    nodes: int = 1
    """Machines that train together, each with so many devices; the same command runs on each (docs/how-to/more-machines.md)."""
    checkpoint_seconds: float = 30.0
    """Seconds between two checkpoints, from which a killed training goes on."""
    seed: int = 0
    """The same seed gives the same weights."""

    def count_epochs(self, molecules: int) -> int:
        """Return the number of passes over so many training molecules."""
        if self.epochs is not None:
            return self.epochs
        return max(10, min(200, math.ceil(300_000 / max(1, molecules))))

    @property
    def world_size(self) -> int:
        """The number of processes that train together, each with a batch of its own at each step."""
        return self.devices * self.nodes

    def __post_init__(self) -> None:
        _require(
            self,
            "epochs batch_size validations devices nodes max_steps patience",
            lambda v: v >= 1,
            "must be at least 1",
        )
        _require(self, "learning_rate gradient_clip checkpoint_seconds", lambda v: v > 0, "must be above 0")
        _require(self, "beta free_bits weight_decay", lambda v: v >= 0, "must not be negative")
        _require(self, "warmup beta_warmup", lambda v: 0 <= v <= 1, "is a share, from 0 to 1")
        _require(self, "averaging", lambda v: 0 <= v < 1, "must be at least 0 and below 1")
        _require(self, "seed", lambda v: 0 <= v <= MOST_SEED, f"must be from 0 to {MOST_SEED}")
