"""Latent optimizers: ask for points to decode, tell how their molecules scored. One file each, one registry."""

from chem_vae.optimizers import adaptive, cma_es, conditional, genetic, gradient, prior, turbo  # noqa: F401 (they register themselves)
from chem_vae.optimizers.base import OPTIMIZERS, LatentOptimizer, Molecule, Problem, Proposal, create

__all__ = ["OPTIMIZERS", "LatentOptimizer", "Molecule", "Problem", "Proposal", "create"]
