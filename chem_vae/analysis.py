"""Measures of a trained model: validation scores, exact reconstruction, active units, signs of collapse, principal axes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from chem_vae.data import TokenDataset
from chem_vae.decoding import decode_ids
from chem_vae.model import ChemVAE
from chem_vae.training.losses import elbo

ACTIVE_VARIANCE = 0.01  # Burda et al. 2016, arXiv:1509.00519: Var(mu_d) above it calls dimension d active
ACTIVE_KL = 0.01
"""KL in nats above which a dimension counts as active where the molecules are too few for a variance of mu."""
FEWEST_FOR_VARIANCE = 20
COLLAPSE_KL = 0.5
"""Total KL in nats below which z carries next to nothing about a molecule of some 40 nats."""


@dataclass(frozen=True)
class Scores:
    """The scores of a model on molecules; deterministic, teacher-forced means in nats per molecule."""

    loss: float
    """Reconstruction + KL: the negative ELBO (beta 1), with z sampled."""
    reconstruction: float
    without_z: float
    """-log p(x | c): how well molecules with these conditions are generated."""
    unconditioned: float
    """-log p(x): how well molecules like the data are generated."""
    kl_per_dimension: Tensor
    """(D,)"""
    active_units: int
    """Dimensions with a variance of mu above ACTIVE_VARIANCE; of fewer than FEWEST_FOR_VARIANCE molecules, with a KL above ACTIVE_KL."""

    @property
    def kl(self) -> float:
        return float(self.kl_per_dimension.sum())


@torch.no_grad()
def score(model: ChemVAE, data: TokenDataset, scale: tuple[Tensor, Tensor], batch_size: int, seed: int = 0) -> Scores:
    """Score a model on the molecules of a dataset.

    Args:
        model: The model; it is put into evaluation mode meanwhile.
        data: The molecules.
        scale: Mean and standard deviation (P,) of the conditions.
        batch_size: Molecules at a time.
        seed: For the z that are drawn.

    Returns:
        The scores.
    """
    was_training = model.training
    model.eval()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        total = torch.zeros(4, dtype=torch.float64)
        kl = torch.zeros(model.latent_size, dtype=torch.float64)
        means: list[Tensor] = []
        for _, batch in data.iterate_batches(batch_size):
            tokens = batch.tokens.to(model.device)
            conditions = ((batch.conditions - scale[0]) / scale[1]).to(model.device)
            terms = elbo(model, tokens, conditions, beta=1.0)
            without = -model.log_likelihood(tokens, None, conditions).sum()
            alone = -model.log_likelihood(tokens).sum()
            n = len(tokens)
            sums = [terms.reconstruction.item() * n, without.item(), alone.item(), n]
            total += torch.tensor(sums, dtype=torch.float64)
            kl += terms.kl.double().cpu() * n
            means.append(model.encode(tokens).mu.cpu())
    model.train(was_training)
    molecules = max(float(total[3]), 1.0)
    kl /= molecules
    reconstruction, without_z, unconditioned = (float(t) / molecules for t in total[:3])
    active = _count_active(torch.cat(means), kl) if means else 0
    return Scores(reconstruction + float(kl.sum()), reconstruction, without_z, unconditioned, kl, active)


def _count_active(means: Tensor, kl: Tensor) -> int:
    """Count active dimensions by the variance of mu (n, D); of a few molecules, which hardly have one, by the KL (D,)."""
    if len(means) < FEWEST_FOR_VARIANCE:
        return int((kl > ACTIVE_KL).sum())
    return int((means.var(dim=0) > ACTIVE_VARIANCE).sum())


@torch.no_grad()
def measure_exact_reconstruction(model: ChemVAE, data: TokenDataset, max_length: int, batch_size: int = 512) -> float:
    """Measure the share of molecules whose ids come back exactly, when decoded greedily from the posterior mean.

    Decoding runs freely, without the right symbols at hand: one wrong symbol loses the molecule. Conditions stay unknown.

    Args:
        model: The model.
        data: The molecules.
        max_length: The most ids of a decoded molecule.
        batch_size: Molecules at a time.

    Returns:
        A share from 0 to 1; NaN without molecules.
    """
    was_training = model.training
    model.eval()
    exact = 0
    for _, batch in data.iterate_batches(batch_size):
        tokens = batch.tokens.to(model.device)
        decoded = decode_ids(model, model.encode(tokens).mu, max_length=max_length)
        exact += sum(a == b for a, b in zip(decoded, batch.tokens.tolist(), strict=True))
    model.train(was_training)
    return exact / len(data) if len(data) else float("nan")


@torch.no_grad()
def measure_nats(
    model: ChemVAE, data: TokenDataset, batch_size: int = 512, tell: Callable[[int], object] = lambda done: None
) -> float:
    """Compute the mean -log p(x) in nats per molecule, without z and conditions; NaN without molecules.

    Args:
        model: The model.
        data: n molecules.
        batch_size: Molecules at once.
        tell: Called with the number of molecules that are done.
    """
    total, done = 0.0, 0
    for _, batch in data.iterate_batches(batch_size):
        total -= float(model.log_likelihood(batch.tokens.to(model.device)).sum())
        done += len(batch.tokens)
        tell(done)
    return total / len(data) if len(data) else float("nan")


def advise_on_collapse(kl: float, active_units: int, latent_size: int, beta: float) -> str | None:
    """Say what to do about a posterior that has collapsed to the prior (Bowman et al. 2016, arXiv:1511.06349).

    Args:
        kl: KL per molecule in nats, summed over dimensions.
        active_units: Dimensions with a variance of mu above ACTIVE_VARIANCE.
        latent_size: Dimensions in all.
        beta: The weight of the KL term, which the advice names.

    Returns:
        The text of the warning, or None where the posterior has not collapsed.
    """
    if kl >= COLLAPSE_KL and active_units > 0:
        return None
    return (
        f"the posterior has collapsed: KL {kl:.2f} nats, {active_units} of {latent_size} latent dimensions active; the "
        f"decoder ignores z. Lower train.training.beta (now {beta:g}), lengthen beta_warmup, set free_bits to 0.05, or "
        "raise train.model.symbol_dropout."
    )


def advise_on_idle_dimensions(active_units: int, latent_size: int) -> str | None:
    """Say what to do about a posterior that uses less than half of its dimensions; None where it uses more, or has collapsed."""
    if 2 * active_units >= latent_size or active_units == 0:
        return None
    return (
        f"only {active_units} of {latent_size} latent dimensions are active, the others say nothing about a molecule: "
        f"set train.model.latent_size near {active_units}, or lower train.training.beta if reconstruction matters more"
    )


def compute_principal_axes(points: Tensor, components: int = 2) -> tuple[Tensor, Tensor, Tensor]:
    """Compute a principal component analysis, with signs that do not change from run to run.

    Args:
        points: (n, D).
        components: Number of axes.

    Returns:
        The mean (D,), the axes (components, D), and the share of the variance that each explains (components,).
    """
    mean = points.mean(dim=0)
    _, singular, axes = torch.linalg.svd(points - mean, full_matrices=False)
    variance = singular.square()
    signs = torch.sign(axes[torch.arange(len(axes)), axes.abs().argmax(dim=1)]).unsqueeze(1)  # same map every time
    return mean, (axes * signs)[:components], (variance / variance.sum().clamp_min(1e-12))[:components]
