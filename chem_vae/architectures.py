"""The interface of a decoder, and the registry of architectures that `model.json` and `train.model.architecture` name.

A further architecture is one file: a subclass of `Decoder` (and an encoder of its own, if wanted) and one call of
`ARCHITECTURES.add`. Sampling, greedy decoding, guidance, training and fine-tuning use the methods below and nothing else.

Shapes: B molecules, T symbols, E embedding size, D latent dimensions, V ids.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple

from torch import Tensor, nn

from chem_vae.config import ModelConfig
from chem_vae.plugins import Registry

State = Any
"""All that a decoder remembers of B unfinished molecules; only the decoder looks into it."""


class Decoder(nn.Module, ABC):
    """p(x | z, c): the probabilities of the next symbol, given z, the conditions and the symbols before it.

    z is NaN for molecules that are decoded without it, so a decoder needs a learned stand-in.
    """

    to_symbols: nn.Linear
    """The last layer, with V outputs; fine-tuning gives it further outputs for new symbols."""

    @abstractmethod
    def start(self, z: Tensor, condition: Tensor) -> State:
        """Make the state before the first symbol.

        Args:
            z: (B, D) latent points, NaN for none.
            condition: (B, E) embedded conditions.

        Returns:
            The state of B molecules.
        """

    @abstractmethod
    def step(self, symbols: Tensor, state: State) -> tuple[Tensor, State]:
        """Read one symbol of each molecule.

        Args:
            symbols: (B, E) embedded symbols, [start] first.
            state: The state before it.

        Returns:
            Logits (B, V) of the next symbol, and the state for it.
        """

    @abstractmethod
    def select(self, state: State, rows: Tensor) -> State:
        """Keep the state of some molecules, when others are finished.

        Args:
            state: The state of B molecules.
            rows: (k,) the molecules to keep, in this order.

        Returns:
            The state of k molecules.
        """

    @abstractmethod
    def forward(self, symbols: Tensor, z: Tensor, condition: Tensor) -> Tensor:
        """Compute teacher-forced logits (B, T, V) for embedded symbols (B, T, E); the same as T steps."""


class Architecture(NamedTuple):
    """The two exchangeable parts of ChemVAE."""

    encoder: Callable[[ModelConfig], nn.Module]
    """Makes a module that maps embedded symbols (B, T, E) to a `chem_vae.model.Posterior`."""
    decoder: Callable[[ModelConfig, int], Decoder]
    """Makes a decoder over so many ids."""


ARCHITECTURES: Registry[Architecture] = Registry("architecture", "chem_vae.architectures")
