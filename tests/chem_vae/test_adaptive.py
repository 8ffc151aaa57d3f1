"""The strategy that moves the model: where its model goes, and that it pays."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
import selfies
import torch
from torch import Tensor

from chem_vae.checkpoint import Checkpoint
from chem_vae.config import ModelConfig
from chem_vae.model import ChemVAE
from chem_vae.optimizers import Molecule, Problem, Proposal, create
from chem_vae.optimizers.retraining import WeightedRetraining
from chem_vae.vocabulary import END, SelfiesVocabulary

SYMBOLS = ["[C]", "[N]", "[O]", "[F]", "[S]", "[P]", "[Cl]", "[=C]"]
WORDS = [a + b for a in SYMBOLS for b in SYMBOLS]


@pytest.fixture
def checkpoint() -> Checkpoint:
    torch.manual_seed(0)
    vocabulary = SelfiesVocabulary(SYMBOLS)
    config = ModelConfig(embedding_size=16, encoder_size=16, decoder_size=32, latent_size=8)
    model = ChemVAE(config, len(vocabulary), 1).eval()
    with torch.no_grad():
        model.decoder.to_symbols.weight.mul_(4.0)
        model.decoder.to_symbols.bias[END] = 1.0
    return Checkpoint(model, vocabulary, (), 30)


def bits(string: str) -> Tensor:
    symbols = list(selfies.split_selfies(string))
    pairs = {a + b for a, b in pairwise(symbols)}
    return torch.tensor([float(s in symbols) for s in SYMBOLS] + [float(w in pairs) for w in WORDS])


def screen(strings: Sequence[str | None]) -> list[Molecule | None]:
    return [Molecule(s, s, bits(s)) if s else None for s in strings]


@torch.no_grad()
def likelihood(checkpoint: Checkpoint, string: str) -> float:
    return float(checkpoint.model.log_likelihood(torch.tensor([checkpoint.vocabulary.encode(string)])))


def test_the_model_moves_to_what_it_is_shown_and_can_go_back(checkpoint: Checkpoint) -> None:
    before = {k: v.clone() for k, v in checkpoint.model.state_dict().items()}
    shown = ["[C][N][O][C]", "[C][N][O][F]", "[C][N][S][C]", "[P][N][O][C][C]"]
    retraining = WeightedRetraining(checkpoint, learning_rate=3e-3)
    first = retraining.step(shown)
    for _ in range(5):
        last = retraining.step([*shown, "[Xe]"])  # what cannot be spelled is passed over
    assert last < first - 1
    for name, value in checkpoint.model.state_dict().items():
        assert torch.equal(value, before[name])
    assert likelihood(retraining.checkpoint, shown[0]) > likelihood(checkpoint, shown[0]) + 1
    again = WeightedRetraining(checkpoint, learning_rate=3e-3)
    again.step(shown)
    for _ in range(5):
        again.step([*shown, "[Xe]"])
    for a, b in zip(retraining.checkpoint.model.parameters(), again.checkpoint.model.parameters(), strict=True):
        assert torch.equal(a, b)
    retraining.reset()
    assert likelihood(retraining.checkpoint, shown[0]) == pytest.approx(likelihood(checkpoint, shown[0]), abs=1e-5)


def test_the_best_are_shown_most(checkpoint: Checkpoint) -> None:
    retraining = WeightedRetraining(checkpoint, learning_rate=3e-3, rank_weight=0.001)
    strings = ["[C][N][O]", *(f"[F]{w}" for w in WORDS[:50])]
    for _ in range(8):
        retraining.step(strings)
    nats = [-likelihood(retraining.checkpoint, s) for s in strings]
    assert nats[0] < np.mean(nats[1:]) - 1


def test_adaptive_beats_the_prior(checkpoint: Checkpoint) -> None:
    """A score of pairs of symbols that the untrained model seldom writes."""

    def score(string: str) -> float:
        return string.count("[N][O]") + 0.5 * string.count("[O][S]") - 0.02 * len(string)

    best = {}
    for name in ("random", "adaptive"):
        unknown = lambda n, g: torch.full((n, 1), torch.nan)  # noqa: E731
        optimizer = create(name, Problem(checkpoint, unknown, screen=screen), seed=1)
        scores: dict[str, float] = {}
        for turn in range(12):
            proposal = optimizer.ask(25)
            strings = optimizer.decode(proposal, temperature=1.0, seed=turn)
            molecules = screen(strings)
            told = [score(m.key) if m else float("nan") for m in molecules]
            scores |= {m.key: s for m, s in zip(molecules, told, strict=True) if m}
            optimizer.tell(proposal, torch.full((25, 8), torch.nan), torch.tensor(told), molecules)
        best[name] = np.mean(sorted(scores.values())[-10:])
    assert best["adaptive"] > best["random"] + 0.5


def test_it_restarts_elsewhere_when_nothing_gets_better_and_only_then(checkpoint: Checkpoint) -> None:
    unknown = lambda n, g: torch.full((n, 1), torch.nan)  # noqa: E731

    asked: Proposal | None = None

    def searched(rising: bool) -> tuple[int, list[int]]:
        nonlocal asked
        optimizer = create("adaptive", Problem(checkpoint, unknown, screen=screen), seed=1)
        optimizer.patience, centers = 60, []  # type: ignore[attr-defined]
        for turn in range(12):
            strings: list[str | None] = [w + SYMBOLS[turn % 8] + SYMBOLS[turn // 8] for w in WORDS[:20]]
            molecules = screen(strings)
            scores = torch.full((20,), float(turn) if rising else 1.0)
            nowhere = torch.full((20, 8), torch.nan)
            proposal = Proposal(nowhere, torch.full((20, 1), torch.nan), strings)
            optimizer.tell(proposal, nowhere, scores, molecules)
            centers.append(len(optimizer.centers))  # type: ignore[attr-defined]
        asked = optimizer.ask(20)
        return len(optimizer.living), centers  # type: ignore[attr-defined]

    assert searched(rising=True)[1] == [0] * 12
    assert asked is not None and not any("center" in origin for origin in asked.origins or [])
    living, centers = searched(rising=False)
    assert max(centers) >= 1
    assert living > 0
    assert asked is not None and all(
        origin.endswith(f", center {max(centers) + 1}") for origin in asked.origins or [""]
    )


def test_what_is_told_of_a_later_center_counts_for_its_move(checkpoint: Checkpoint) -> None:
    optimizer = create(
        "adaptive", Problem(checkpoint, lambda n, g: torch.full((n, 1), torch.nan), screen=screen), seed=1
    )
    before = dict(optimizer.entered)  # type: ignore[attr-defined]
    strings: list[str | None] = list(WORDS[:20])
    proposal = Proposal(
        torch.full((20, 8), torch.nan), torch.full((20, 1), torch.nan), strings, ["moved prior, center 3"] * 20
    )
    optimizer.tell(proposal, proposal.z, torch.arange(20.0), screen(strings))
    assert optimizer.entered["moved prior"] > before["moved prior"] + 10  # type: ignore[attr-defined]


def test_the_front_of_two_scores_is_filled(checkpoint: Checkpoint) -> None:
    """Two scores that no molecule has both of: the front between them is filled, not one of its ends."""
    unknown = lambda n, g: torch.full((n, 1), torch.nan)  # noqa: E731

    def dominated(name: str) -> float:
        optimizer = create(name, Problem(checkpoint, unknown, screen=screen, objectives=2), seed=1)
        front: list[tuple[int, int]] = []
        for turn in range(8):
            proposal = optimizer.ask(20)
            molecules = screen(optimizer.decode(proposal, temperature=1.0, seed=turn))
            pairs = [(m.key.count("[N]"), m.key.count("[O]")) if m else (0, 0) for m in molecules]
            pairs = [(min(a, 8), min(b, 8)) for a, b in pairs]
            front += pairs
            optimizer.tell(proposal, torch.full((20, 8), torch.nan), torch.tensor(pairs).float(), molecules)
        return sum(any(a >= x and b >= y for a, b in front) for x in range(1, 9) for y in range(1, 9))

    assert dominated("adaptive") > 1.2 * dominated("random")
