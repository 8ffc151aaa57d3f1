"""ChemVAE: a recurrent conditional variational autoencoder over SELFIES symbols, in one file.

Encoder: bidirectional GRU -> q(z | x). Decoder: GRU that sees z and the conditions c at every step -> p(x | z, c).
The encoder does not see c: a molecule without a measured value has the same z as with it.

Two things may be missing, and both are written as NaN. A condition that is NaN becomes that property's learned
"unknown" embedding, so one model serves every subset of targets and partly labelled data. A z that is NaN becomes a
learned "no z" embedding, so the same decoder is three models: p(x | z, c) reconstructs and optimizes, p(x | c)
generates to a target, p(x) generates like the data. Both are learned by hiding values at random in training, as
classifier-free guidance hides conditions (Ho & Salimans 2022, arXiv:2207.12598).

Shapes: B molecules, T symbols, D latent dimensions, P properties, V ids, H hidden units. All condition values here are
standardized (mean 0, deviation 1 over the training data); raw units belong to `checkpoint.Checkpoint`.

Kingma & Welling 2014, arXiv:1312.6114; Gómez-Bombarelli et al. 2018, doi:10.1021/acscentsci.7b00572;
Lim et al. 2018, doi:10.1186/s13321-018-0286-7.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from chem_vae.architectures import ARCHITECTURES, Architecture, Decoder
from chem_vae.config import ModelConfig
from chem_vae.vocabulary import END, MASK, START


class Posterior(NamedTuple):
    """q(z | x), a Gaussian with a diagonal covariance."""

    mu: Tensor
    """(B, D)"""
    logvar: Tensor
    """(B, D)"""

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """Draw one z (B, D) per molecule, differentiable in mu and logvar (Kingma & Welling 2014)."""
        noise = torch.randn(self.mu.shape, generator=generator, device=self.mu.device, dtype=self.mu.dtype)
        return self.mu + noise * torch.exp(0.5 * self.logvar)

    def kl(self) -> Tensor:
        """Compute KL(q(z | x) || N(0, I)) in nats, (B, D) by molecule and dimension."""
        return 0.5 * (self.mu.square() + self.logvar.exp() - 1.0 - self.logvar)


class ConditionEmbedding(nn.Module):
    """Embeds conditions (B, P), NaN for unknown, as (B, E): the sum of a small net's output for each property.

    A value enters through Gaussian bumps as well as linearly, so that the decoder can aim at a narrow target.
    """

    def __init__(self, properties: int, size: int, bumps: int = 16) -> None:
        super().__init__()
        self.properties = properties
        self.register_buffer("centers", torch.linspace(-3.0, 3.0, bumps), persistent=False)
        self.centers: Tensor
        self.width = 6.0 / (bumps - 1)
        self.value = nn.Linear(properties * (bumps + 1), size, bias=False)
        self.unknown = nn.Parameter(torch.zeros(properties, size))
        self.mix = nn.Sequential(nn.Linear(size, size), nn.SiLU(), nn.Linear(size, size))

    def forward(self, conditions: Tensor) -> Tensor:
        missing = conditions.isnan()
        value = conditions.nan_to_num(0.0).clamp(-6.0, 6.0)
        bumps = torch.exp(-0.5 * ((value.unsqueeze(-1) - self.centers) / self.width) ** 2)
        features = torch.cat([value.unsqueeze(-1), bumps], dim=-1) * (~missing).unsqueeze(-1)
        return self.mix(self.value(features.flatten(1)) + missing.to(value.dtype) @ self.unknown)


class GRUEncoder(nn.Module):
    """Maps embedded symbols (B, T, E) to a Posterior, by the last states of both directions and attention over all states."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.gru = nn.GRU(
            config.embedding_size,
            config.encoder_size,
            config.encoder_layers,
            batch_first=True,
            bidirectional=True,
            dropout=config.dropout if config.encoder_layers > 1 else 0.0,
        )
        self.dropout = nn.Dropout(config.dropout)
        self.attention = nn.Linear(2 * config.encoder_size, 1)
        self.to_posterior = nn.Linear(4 * config.encoder_size, 2 * config.latent_size)

    def forward(self, symbols: Tensor) -> Posterior:
        states, last = self.gru(symbols)
        pooled = (torch.softmax(self.attention(states), dim=1) * states).sum(dim=1)
        features = torch.cat([last[-2], last[-1], pooled], dim=-1)
        mu, logvar = self.to_posterior(self.dropout(features)).float().chunk(2, dim=-1)
        return Posterior(mu, logvar.clamp(-12.0, 6.0))


class GRUDecoder(Decoder):
    """A GRU that sees z and the conditions at every step: their context is added to the embedded symbol.

    The state is the context (B, E) and the hidden state (layers, B, H).
    """

    def __init__(self, config: ModelConfig, vocabulary_size: int) -> None:
        super().__init__()
        size = config.embedding_size
        self.layers, self.hidden_size = config.decoder_layers, config.decoder_size
        self.no_z = nn.Parameter(0.1 * torch.randn(config.latent_size))
        self.context = nn.Sequential(
            nn.Linear(config.latent_size + 1 + size, 2 * size), nn.SiLU(), nn.Linear(2 * size, size)
        )
        self.to_hidden = nn.Linear(config.latent_size + 1 + size, self.layers * self.hidden_size)
        self.gru = nn.GRU(
            size,
            self.hidden_size,
            self.layers,
            batch_first=True,
            dropout=config.dropout if self.layers > 1 else 0.0,
        )
        self.dropout = nn.Dropout(config.dropout)
        self.readout = nn.Sequential(
            nn.LayerNorm(self.hidden_size),
            nn.Linear(self.hidden_size, self.hidden_size),
            nn.SiLU(),
            nn.Linear(self.hidden_size, self.hidden_size),
        )
        self.to_symbols = nn.Linear(self.hidden_size, vocabulary_size)

    def start(self, z: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        absent = z.isnan().any(dim=-1, keepdim=True)
        latent = torch.where(absent, self.no_z.to(z.dtype), z.nan_to_num(0.0))
        state = torch.cat([latent, absent.to(z.dtype), condition.to(z.dtype)], dim=-1)
        hidden = torch.tanh(self.to_hidden(state)).unflatten(-1, (self.layers, self.hidden_size))
        return self.context(state), hidden.transpose(0, 1).contiguous()

    def forward(self, symbols: Tensor, z: Tensor, condition: Tensor) -> Tensor:
        context, hidden = self.start(z, condition)
        steps = symbols + context.unsqueeze(1)
        output, _ = self.gru(steps, hidden.to(steps.dtype))
        return self._read_out(self.dropout(output))

    def step(self, symbols: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        context, hidden = state
        output, hidden = self.gru((symbols + context).unsqueeze(1), hidden)
        return self._read_out(output.squeeze(1)), (context, hidden)

    def select(self, state: tuple[Tensor, Tensor], rows: Tensor) -> tuple[Tensor, Tensor]:
        context, hidden = state
        return context[rows], hidden[:, rows].contiguous()

    def _read_out(self, states: Tensor) -> Tensor:
        """Logits (..., V) of hidden states (..., H), through a residual block: depth that costs no further recurrence."""
        return self.to_symbols(states + self.readout(states))


ARCHITECTURES.add("gru", Architecture(GRUEncoder, GRUDecoder))


class ChemVAE(nn.Module):
    """The whole model. The docstring of the module says what NaN means in z and in conditions.

    Args:
        config: Architecture and sizes.
        vocabulary_size: V, with [start], [end] and [mask].
        properties: P, the number of conditions.

    Raises:
        UserError: If the architecture is not known.
    """

    def __init__(self, config: ModelConfig, vocabulary_size: int, properties: int) -> None:
        super().__init__()
        architecture = ARCHITECTURES.find(config.architecture)
        self.config, self.vocabulary_size, self.properties = config, vocabulary_size, properties
        self.embedding = nn.Embedding(vocabulary_size, config.embedding_size)
        nn.init.normal_(self.embedding.weight, std=config.embedding_size**-0.5)
        self.conditions = ConditionEmbedding(properties, config.embedding_size)
        self.encoder = architecture.encoder(config)
        self.decoder = architecture.decoder(config, vocabulary_size)
        self.property_head = nn.Linear(config.latent_size, properties)

    @property
    def latent_size(self) -> int:
        return self.config.latent_size

    @property
    def device(self) -> torch.device:
        return self.embedding.weight.device

    def encode(self, tokens: Tensor) -> Posterior:
        """Compute q(z | x) of tokens (B, T) of one length."""
        return self.encoder(self.embedding(tokens))

    def logits(self, tokens: Tensor, z: Tensor | None, conditions: Tensor | None = None, masked: float = 0.0) -> Tensor:
        """Compute teacher-forced logits.

        Args:
            tokens: (B, T) ids of molecules of one length.
            z: (B, D), rows of NaN or None to decode without z.
            conditions: (B, P) standardized, NaN or None for unknown.
            masked: The share of input symbols that are hidden from the decoder, so that it needs z.

        Returns:
            (B, T + 1, V) logits of each symbol and of [end].
        """
        inputs = nn.functional.pad(tokens, (1, 0), value=START)
        if masked > 0:
            hide = torch.rand(inputs.shape, device=inputs.device) < masked
            inputs = torch.where(hide & (inputs != START), MASK, inputs)
        condition = self.conditions(self.fill(conditions, len(tokens)))
        return self.decoder(self.embedding(inputs), self.fill_z(z, len(tokens)), condition)

    def log_likelihood(self, tokens: Tensor, z: Tensor | None = None, conditions: Tensor | None = None) -> Tensor:
        """Compute log p(x | z, c) in nats; with z None log p(x | c), with both None log p(x).

        Args:
            tokens: (B, T) ids of molecules of one length.
            z: (B, D) or None.
            conditions: (B, P) standardized or None.

        Returns:
            (B,) sums over the symbols, [end] included.
        """
        return -cross_entropy(self.logits(tokens, z, conditions), tokens)

    def fill(self, conditions: Tensor | None, rows: int) -> Tensor:
        """Return the conditions, or where they are None unknown ones (rows, P)."""
        if conditions is None:
            return torch.full((rows, self.properties), torch.nan, device=self.device)
        return conditions

    def fill_z(self, z: Tensor | None, rows: int) -> Tensor:
        """Return z, or where it is None NaN (rows, D)."""
        if z is None:
            return torch.full((rows, self.latent_size), torch.nan, device=self.device)
        return z


def cross_entropy(logits: Tensor, tokens: Tensor) -> Tensor:
    """Compute -log p(x) in nats per molecule.

    Args:
        logits: (B, T + 1, V).
        tokens: (B, T) ids.

    Returns:
        (B,) sums over the symbols, [end] included.
    """
    targets = nn.functional.pad(tokens, (0, 1), value=END)
    loss = nn.functional.cross_entropy(logits.flatten(0, 1).float(), targets.flatten(), reduction="none")
    return loss.view(targets.shape).sum(dim=1)


def make_optimizer(model: nn.Module, learning_rate: float, weight_decay: float) -> torch.optim.AdamW:
    """Make AdamW for a model, with weight decay for matrices alone.

    Args:
        model: The model whose parameters are optimized.
        learning_rate: The learning rate.
        weight_decay: Decoupled weight decay (Loshchilov & Hutter 2019, arXiv:1711.05101); biases and norms have none.

    Returns:
        The fused optimizer.
    """
    groups = [
        {"params": [p for p in model.parameters() if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in model.parameters() if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=learning_rate, fused=True)
