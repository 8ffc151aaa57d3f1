"""The evidence lower bound, in nats per molecule, and the schedules of its KL term."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from chem_vae.config import TrainingConfig
from chem_vae.model import ChemVAE, cross_entropy
from chem_vae.vocabulary import MASK

MASKED = 0.15  # of a corrupted molecule's symbols, on average


class Elbo(NamedTuple):
    """The terms of one batch, each a mean over its molecules."""

    loss: Tensor
    """What is minimized."""
    reconstruction: Tensor
    """-log p(x | z, c) of the molecules that were given their z."""
    without_z: Tensor
    """-log p(x | c) of the others; NaN where there was none."""
    kl: Tensor
    """(D,) KL by latent dimension, of all molecules."""
    properties: Tensor
    """Mean squared error of the property head, standardized units; 0 where nothing was measured."""


def elbo(model: ChemVAE, tokens: Tensor, conditions: Tensor, beta: float, free_bits: float = 0.0) -> Elbo:
    """beta-weighted ELBO of tokens (B, T) and standardized conditions (B, P, NaN unmeasured).

    In training mode a share of the molecules is decoded without z (latent dropout) and conditions are hidden at random.
    KL is counted for molecules that were given z. beta: Higgins et al. 2017; free bits: Kingma et al. 2016,
    arXiv:1606.04934; symbol dropout: Bowman et al. 2016, arXiv:1511.06349.
    """
    config, training = model.config, model.training
    shown = hide_conditions(conditions, config.condition_dropout) if training else conditions
    posterior = model.encode(corrupt(tokens, config.corruption) if training else tokens)
    z = posterior.sample()
    keep = torch.ones(len(tokens), dtype=torch.bool, device=tokens.device)
    if training and config.latent_dropout > 0:
        keep = torch.rand(len(tokens), device=tokens.device) >= config.latent_dropout
        z = torch.where(keep.unsqueeze(1), z, torch.nan)
    logits = model.logits(tokens, z, shown, masked=config.symbol_dropout if training else 0.0)
    nats = cross_entropy(logits, tokens)
    kl_by_molecule = posterior.kl()
    kl = kl_by_molecule[keep].mean(dim=0) if keep.any() else kl_by_molecule.mean(dim=0) * 0.0
    charged = kl.clamp_min(free_bits).sum() if free_bits > 0 else kl.sum()
    error = property_error(model.property_head(posterior.mu), conditions)
    share = keep.float().mean()
    loss = nats.mean() + share * beta * charged + config.property_weight * error
    return Elbo(loss, nats[keep].mean(), nats[~keep].mean(), kl.detach(), error.detach())


def corrupt(tokens: Tensor, share: float, masked: float = MASKED) -> Tensor:
    """tokens (B, T) of which a share of the molecules have each symbol replaced by [mask] with probability `masked`."""
    if share <= 0:
        return tokens
    chance = masked * (torch.rand(len(tokens), 1, device=tokens.device) < share)
    return tokens.masked_fill(torch.rand(tokens.shape, device=tokens.device) < chance, MASK)


def hide_conditions(conditions: Tensor, share: float) -> Tensor:
    """Hide all values of a share of the molecules, and a random subset of those of as many others.

    The size of the subset is uniform, so that every number of given targets is learned alike.
    """
    if share <= 0 or conditions.shape[1] == 0:
        return conditions
    mode = torch.rand(len(conditions), 1, device=conditions.device)
    chance = torch.rand_like(mode).masked_fill(mode < share, 1.0).masked_fill(mode >= 2 * share, 0.0)
    return conditions.masked_fill(torch.rand(conditions.shape, device=conditions.device) < chance, torch.nan)


def property_error(predicted: Tensor, conditions: Tensor) -> Tensor:
    """Mean squared error over the measured values; 0 (with a gradient) where there is none."""
    measured = ~conditions.isnan()
    squared = (predicted - conditions.nan_to_num(0.0)).square() * measured
    return squared.sum() / measured.sum().clamp_min(1)


def beta_at(config: TrainingConfig, progress: float) -> float:
    """The KL weight when a share `progress` (0 to 1) of the training is done.

    linear: rises over `beta_warmup` and stays. cyclical: rises over the first half of each cycle of that length and
    stays for the second (Fu et al. 2019, arXiv:1903.10145). constant: always beta.
    """
    if config.beta_schedule == "constant" or config.beta_warmup == 0:
        return config.beta
    if config.beta_schedule == "linear":
        return config.beta * min(1.0, progress / config.beta_warmup)
    within = (progress % config.beta_warmup) / config.beta_warmup
    return config.beta * min(1.0, 2 * within)
