"""A search problem that can be reasoned about: points of a grid are strings, and the score has one peak."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import selfies
import torch
from torch import Tensor

from chem_vae.checkpoint import Checkpoint
from chem_vae.config import ModelConfig
from chem_vae.model import ChemVAE, Posterior
from chem_vae.optimizers import LatentOptimizer, Molecule, Proposal
from chem_vae.vocabulary import SelfiesVocabulary

SIZE = 16


SYMBOLS = ["[C]", "[N]", "[O]", "[F]", "[S]", "[P]", "[Cl]", "[Br]"]


LEVELS = torch.linspace(-2.1, 2.1, len(SYMBOLS))


class Grid(Checkpoint):
    """A decoder that can be reasoned about: dimension d, rounded to a level, is symbol d of the string; and back."""

    def decode(self, z, conditions=None, *, temperature=0.0, guidance=0.0, seed=None, batch_size=512):  # type: ignore[no-untyped-def]
        noise = torch.randn(z.shape, generator=torch.Generator().manual_seed(seed or 0))
        points = torch.where(z.isnan(), 0.7 * noise, z.clamp(-2.1, 2.1))
        levels = (points.unsqueeze(-1) - LEVELS).abs().argmin(dim=-1)
        return ["".join(SYMBOLS[i] for i in row) for row in levels.tolist()]

    def encode(self, strings: Sequence[str], batch_size: int = 512) -> Posterior:
        mu = torch.zeros(len(strings), SIZE)
        for row, string in enumerate(strings):
            symbols = list(selfies.split_selfies(string))[:SIZE]
            mu[row, : len(symbols)] = LEVELS[[SYMBOLS.index(s) for s in symbols]]
        return Posterior(mu, torch.full_like(mu, -4.0))


def make_net(size: int) -> tuple[ChemVAE, SelfiesVocabulary]:
    torch.manual_seed(0)
    vocabulary = SelfiesVocabulary(SYMBOLS)
    config = ModelConfig(embedding_size=8, encoder_size=8, decoder_size=16, latent_size=size)
    return ChemVAE(config, len(vocabulary), 1).eval(), vocabulary


def screen(strings: Sequence[str | None]) -> list[Molecule | None]:
    """Every string that is not empty is a molecule, but for those that begin with bromine."""
    return [Molecule(s, s, features(s)) if s and not s.startswith("[Br]") else None for s in strings]


def features(string: str) -> Tensor:
    return torch.tensor([float(s in string) for s in SYMBOLS])


def vary(keys: Sequence[str], n: int, seed: int) -> list[tuple[str | None, str]]:
    """The first symbol goes last; every fifth child fails."""
    drawn = np.random.default_rng(seed).integers(len(keys), size=n)
    turned = [("".join([*list(selfies.split_selfies(keys[i]))[1:], "[C]"]), keys[i]) for i in drawn]
    return [(None if row % 5 == 4 else child, parent) for row, (child, parent) in enumerate(turned)]


def no_conditions(n: int, generator: torch.Generator) -> Tensor:
    return torch.full((n, 1), torch.nan)


def points(n: int, size: int = SIZE) -> Tensor:
    return 0.7 * torch.randn(n, size, generator=torch.Generator().manual_seed(9))


PEAK = torch.tensor([1.2, -1.2] * (SIZE // 2))


def smooth(z: Tensor) -> Tensor:
    """1 at the peak, some 0.1 where the known points lie."""
    return torch.exp(-(z - PEAK).square().mean(dim=1))


def told(optimizer: LatentOptimizer, proposal: Proposal, score: Callable[[Tensor], Tensor]) -> tuple[list[str], Tensor]:
    """Do what the caller does with a proposal; return the keys of its molecules and their scores."""
    strings = optimizer.decode(proposal, temperature=1.0, seed=5)
    molecules = screen(strings)
    z = torch.full((len(strings), optimizer.checkpoint.model.latent_size), torch.nan)
    rows = [row for row, m in enumerate(molecules) if m is not None]
    if rows:
        z[rows] = optimizer.checkpoint.encode([molecules[row].selfies for row in rows]).mu  # type: ignore[union-attr]
    scores = score(z)
    optimizer.tell(proposal, z, scores, molecules)
    return [molecules[row].key for row in rows], scores[rows]  # type: ignore[union-attr]


def search(
    optimizer: LatentOptimizer, score: Callable[[Tensor], Tensor], calls: int, batch: int = 50
) -> dict[str, Tensor]:
    """Scores of the first `calls` different molecules, by key."""
    found: dict[str, Tensor] = {}
    for _ in range(4 * calls // batch):
        for key, value in zip(*told(optimizer, optimizer.ask(batch), score), strict=True):
            if len(found) < calls:
                found.setdefault(key, value)
        if len(found) == calls:
            break
    return found


def top(found: dict[str, Tensor], k: int = 10) -> float:
    return float(torch.stack(list(found.values())).topk(k).values.mean())
