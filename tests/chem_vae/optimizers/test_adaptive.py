"""The adaptive strategy: it pays, restarts and fills a front."""

from __future__ import annotations

import numpy as np
import torch
from pairs_problem import SYMBOLS, WORDS, screen

from chem_vae.checkpoint import Checkpoint
from chem_vae.optimizers import Problem, Proposal, create


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
