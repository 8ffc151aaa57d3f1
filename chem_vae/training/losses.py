"""The evidence lower bound (ELBO) in nats per molecule, and the schedule of its KL term."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from chem_vae.config import TrainingConfig
from chem_vae.model import ChemVAE, Posterior, cross_entropy
from chem_vae.vocabulary import MASK

MASKED = 0.15  # share of a damaged molecule's symbols, on average


class Elbo(NamedTuple):
    """The terms of one batch, or of one piece of it; all but `loss` are means over the molecules that were given."""

    loss: Tensor
    """() what is minimized; of a piece, its share of the loss of the whole batch."""
    reconstruction: Tensor
    """() -log p(x | z, c) of the molecules that were given their z."""
    without_z: Tensor
    """() -log p(x | c) of the others; NaN where there was none."""
    kl: Tensor
    """(D,) KL by latent dimension, of the molecules that were given their z."""
    properties: Tensor
    """() mean squared error of the property head, standardized units; 0 where nothing was measured."""


class BatchTotals(NamedTuple):
    """Counts and sums over a whole batch: over all pieces that it is worked off in, and over all devices."""

    molecules: Tensor | int
    """() number of molecules."""
    measured: Tensor
    """() number of measured property values."""
    with_z: Tensor | None = None
    """() number of molecules that are decoded with z; None where KL has no free bits, since it cancels out there."""
    kl: Tensor | None = None
    """(D,) KL by latent dimension, summed over the molecules with z; None as above."""


def elbo(
    model: ChemVAE,
    tokens: Tensor,
    conditions: Tensor,
    beta: float,
    free_bits: float = 0.0,
    whole: BatchTotals | None = None,
    keeps_z: Tensor | None = None,
) -> Elbo:
    """Compute the beta-weighted negative ELBO of a batch, in nats per molecule.

    In training mode a share of the molecules is decoded without z (latent dropout) and conditions are hidden at random.
    KL is counted for molecules that were given z. The losses of the pieces of a batch add up to the loss of the batch, and
    their gradients to its gradient, where each is given the totals of the batch.

    Kingma & Welling 2014, arXiv:1312.6114; beta: Higgins et al. 2017 (beta-VAE); free bits: Kingma et al. 2016,
    arXiv:1606.04934; symbol dropout: Bowman et al. 2016, arXiv:1511.06349.

    Args:
        model: The model; its mode (training or evaluation) decides whether anything is hidden.
        tokens: (B, T) ids of molecules of one length.
        conditions: (B, P) standardized values, NaN where unmeasured.
        beta: Weight of the KL term.
        free_bits: KL per latent dimension, in nats, below which a dimension's batch mean costs a constant.
        whole: The totals of the batch that these molecules are a piece of; None where they are all of it.
        keeps_z: (B,) bool, the molecules that latent dropout passes over.

    Returns:
        The loss with its graph, and the terms to report.
    """
    shown, posterior, z, has_z = _encode(model, tokens, conditions, keeps_z)
    masked = model.config.symbol_dropout if model.training else 0.0
    nats = cross_entropy(model.logits(tokens, z, shown, masked=masked), tokens)
    given = has_z.to(nats.dtype)  # weights instead of a selection, which a GPU would have to be waited for
    kl_sum, with_z = (given.unsqueeze(1) * posterior.kl()).sum(dim=0), has_z.sum()
    error_sum, measured = sum_property_errors(model.property_head(posterior.mu), conditions)
    if whole is None:
        whole = BatchTotals(len(tokens), measured, with_z, kl_sum.detach())
    all_with_z = (with_z if whole.with_z is None else whole.with_z).clamp_min(1)
    kl = kl_sum / all_with_z
    if free_bits > 0 and whole.kl is not None:
        kl = torch.where(whole.kl / all_with_z < free_bits, free_bits * with_z / all_with_z, kl)
    share = (with_z if whole.with_z is None else whole.with_z) / whole.molecules
    error = error_sum / whole.measured.clamp_min(1)
    loss = nats.sum() / whole.molecules + share * beta * kl.sum() + model.config.property_weight * error
    own_kl = kl_sum.detach() / with_z.clamp_min(1)
    own_error = error_sum.detach() / measured.clamp_min(1)
    means = (
        (given * nats).sum() / with_z,
        ((1 - given) * nats).sum() / (len(tokens) - with_z),
    )  # NaN where there is none
    return Elbo(loss, *means, own_kl, own_error)


@torch.no_grad()
def sum_kl(model: ChemVAE, tokens: Tensor, conditions: Tensor, keeps_z: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Sum the KL of one piece of a batch, which the free bits of the whole batch depend on.

    Draws the random numbers that `elbo` would draw first, so that both see the same after the same seed.

    Args:
        model: The model.
        tokens: (B, T) ids.
        conditions: (B, P) standardized values, NaN where unmeasured.
        keeps_z: (B,) bool, the molecules that latent dropout passes over.

    Returns:
        The number () of molecules with z, and their KL (D,), summed.
    """
    _, posterior, _, has_z = _encode(model, tokens, conditions, keeps_z)
    return has_z.sum(), (has_z.unsqueeze(1) * posterior.kl()).sum(dim=0)


def _encode(
    model: ChemVAE, tokens: Tensor, conditions: Tensor, keeps_z: Tensor | None
) -> tuple[Tensor, Posterior, Tensor, Tensor]:
    """Return conditions (B, P) as shown to the decoder, the posterior, z (B, D) with NaN where hidden, and whether it is not (B,)."""
    config, training = model.config, model.training
    shown = hide_conditions(conditions, config.condition_dropout) if training else conditions
    posterior = model.encode(corrupt(tokens, config.corruption) if training else tokens)
    z = posterior.sample()
    has_z = torch.ones(len(tokens), dtype=torch.bool, device=tokens.device)
    if training and config.latent_dropout > 0:
        has_z = torch.rand(len(tokens), device=tokens.device) >= config.latent_dropout
        if keeps_z is not None:
            has_z = has_z | keeps_z
        z = torch.where(has_z.unsqueeze(1), z, torch.nan)
    return shown, posterior, z, has_z


def corrupt(tokens: Tensor, share: float, masked: float = MASKED) -> Tensor:
    """Replace symbols of some molecules by [mask], so that the encoder learns to read damaged molecules.

    Im et al. 2017, arXiv:1511.06406.

    Args:
        tokens: (B, T) ids.
        share: The share of the molecules that are damaged.
        masked: The probability with which each of their symbols is replaced.

    Returns:
        (B, T) ids.
    """
    if share <= 0:
        return tokens
    chance = masked * (torch.rand(len(tokens), 1, device=tokens.device) < share)
    return tokens.masked_fill(torch.rand(tokens.shape, device=tokens.device) < chance, MASK)


def hide_conditions(conditions: Tensor, share: float) -> Tensor:
    """Hide all values of a share of the molecules, and a random subset of those of as many others.

    The size of the subset is uniform, so that every number of given targets is learned alike.

    Args:
        conditions: (B, P) values, NaN where unmeasured.
        share: The share of the molecules of which all values are hidden, 0.5 at most.

    Returns:
        (B, P) values with NaN also where hidden.
    """
    if share <= 0 or conditions.shape[1] == 0:
        return conditions
    mode = torch.rand(len(conditions), 1, device=conditions.device)
    chance = torch.rand_like(mode).masked_fill(mode < share, 1.0).masked_fill(mode >= 2 * share, 0.0)
    return conditions.masked_fill(torch.rand(conditions.shape, device=conditions.device) < chance, torch.nan)


def sum_property_errors(predicted: Tensor, conditions: Tensor) -> tuple[Tensor, Tensor]:
    """Sum the squared errors of the property head over the measured values.

    Args:
        predicted: (B, P) standardized values.
        conditions: (B, P) standardized values, NaN where unmeasured.

    Returns:
        The sum (), 0 with a gradient where nothing is measured, and the number () of measured values.
    """
    measured = ~conditions.isnan()
    squared = (predicted - conditions.nan_to_num(0.0)).square() * measured
    return squared.sum(), measured.sum()


def compute_beta(config: TrainingConfig, progress: float) -> float:
    """Compute the weight of the KL term at one point of the training.

    linear: rises over `beta_warmup` and stays (Bowman et al. 2016, arXiv:1511.06349). cyclical: rises over the first half of
    each cycle of that length and stays for the second (Fu et al. 2019, arXiv:1903.10145). constant: always beta.

    Args:
        config: The schedule.
        progress: The share of the training that is done, 0 to 1.

    Returns:
        The weight, from 0 to `config.beta`.
    """
    if config.beta_schedule == "constant" or config.beta_warmup == 0:
        return config.beta
    if config.beta_schedule == "linear":
        return config.beta * min(1.0, progress / config.beta_warmup)
    within = (progress % config.beta_warmup) / config.beta_warmup
    return config.beta * min(1.0, 2 * within)
