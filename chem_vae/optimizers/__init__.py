"""Strategies of search: ask for points to decode, tell how their molecules scored. One file each, one registry."""

from chem_vae.optimizers import adaptive, conditional, genetic, gradient, prior  # noqa: F401 (they register themselves)
from chem_vae.optimizers.base import (
    STRATEGIES,
    LatentOptimizer,
    Molecule,
    Problem,
    Proposal,
    create,
    register,
    spell_strategy,
)
from chem_vae.search_config import SearchConfig

__all__ = [
    "STRATEGIES",
    "LatentOptimizer",
    "Molecule",
    "Problem",
    "Proposal",
    "SearchConfig",
    "create",
    "register",
    "spell_strategy",
]
