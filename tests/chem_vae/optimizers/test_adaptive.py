"""The adaptive strategy: it pays, restarts and fills a front."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from pairs_problem import SYMBOLS, WORDS, screen

from chem_vae.checkpoint import Checkpoint
from chem_vae.optimizers import Problem, Proposal, SearchConfig, create
from chem_vae.optimizers.adaptive import _flatten_tails


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
        settings = SearchConfig(stagnation=60)
        optimizer = create("adaptive", Problem(checkpoint, unknown, screen=screen, search=settings), seed=1)
        centers: list[int] = []
        for turn in range(12):
            strings: list[str | None] = [w + SYMBOLS[turn % 8] + SYMBOLS[turn // 8] for w in WORDS[:20]]
            molecules = screen(strings)
            scores = torch.arange(20.0).clamp(max=9) + (20 * turn if rising else 0)
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


def _search_flat(checkpoint: Checkpoint, good: str, turns: int = 8, **settings: int) -> tuple[set[str], list[str]]:
    """Ask for 20 molecules a turn, of which only those with `good` in them score; return the keys and the origins of the last turn."""
    unknown = lambda n, g: torch.full((n, 1), torch.nan)  # noqa: E731
    problem = Problem(checkpoint, unknown, screen=screen, search=SearchConfig(**settings))
    optimizer = create("adaptive", problem, seed=1)
    asked: set[str] = set()
    origins: list[str] = []
    for turn in range(turns):
        proposal = optimizer.ask(20)
        molecules = screen(optimizer.decode(proposal, temperature=1.0, seed=turn))
        asked |= {m.key for m in molecules if m}
        origins = proposal.origins or []
        scores = torch.tensor([float(good in m.key) if m else float("nan") for m in molecules])
        optimizer.tell(proposal, torch.full((20, 8), torch.nan), scores, molecules)
    return asked, origins


def test_novelty_alone_decides_where_all_scores_are_the_same(checkpoint: Checkpoint) -> None:
    asked, origins = _search_flat(checkpoint, "no molecule has this", turns=2)
    assert set(origins) == {"explored"}
    unknown = lambda n, g: torch.full((n, 1), torch.nan)  # noqa: E731
    chance = create("random", Problem(checkpoint, unknown, screen=screen), seed=1)
    drawn = {s for turn in range(2) for s in chance.decode(chance.ask(20), temperature=1.0, seed=turn) if s}

    def count(keys: set[str]) -> int:
        return int(torch.stack([m.features for m in screen(sorted(keys)) if m]).any(dim=0).sum())

    least = min(len(asked), len(drawn))
    assert count(set(sorted(asked)[:least])) > count(set(sorted(drawn)[:least]))


def test_exploring_goes_on_beside_the_search_until_enough_molecules_score(checkpoint: Checkpoint) -> None:
    common, rare = "[O]", "[P][P][P][P]"
    assert "explored" not in set(_search_flat(checkpoint, common)[1])
    unknown = lambda n, g: torch.full((n, 1), torch.nan)  # noqa: E731
    optimizer = create("adaptive", Problem(checkpoint, unknown, screen=screen), seed=1)
    strings: list[str | None] = [*WORDS, *(a + b for a in WORDS for b in WORDS[:3]), rare]
    molecules = screen(strings)
    nowhere = torch.full((len(strings), 8), torch.nan)
    scores = torch.tensor([1e-30 if m and m.key == rare else 0.0 for m in molecules], dtype=torch.float64)
    optimizer.tell(Proposal(nowhere, nowhere[:, :1], strings), nowhere, scores, molecules)
    assert [optimizer.archive.get_key(row) for row in optimizer.living.tolist()] == [rare]  # type: ignore[attr-defined]
    origins = list(optimizer.ask(20).origins or [])
    assert origins.count("explored") == 10


def test_heavy_tails_are_learned_by_rank() -> None:
    even = torch.linspace(0, 1, 100, dtype=torch.float64)
    assert torch.equal(_flatten_tails(even), even)
    tailed = torch.cat([torch.zeros(97, dtype=torch.float64), torch.tensor([1e-30, 1e-20, 1e-3], dtype=torch.float64)])
    ranks = _flatten_tails(tailed)
    assert ranks[:97].unique().numel() == 1 and bool((ranks[96:].diff() > 0.1).all())
    assert ranks.isfinite().all()


def test_the_narrow_problem_is_searched_until_nothing_gets_better(checkpoint: Checkpoint) -> None:
    unknown = lambda n, g: torch.full((n, 1), torch.nan)  # noqa: E731

    def narrow_screen(strings):  # type: ignore[no-untyped-def]
        return [m if m is not None and "[P]" not in m.key else None for m in screen(strings)]

    wide = Problem(checkpoint, unknown, screen=screen, search=SearchConfig(widen_after=60, stagnation=1000))
    optimizer = create("adaptive", replace(wide, narrow=replace(wide, screen=narrow_screen)), seed=1)
    had = []
    for turn in range(9):
        proposal = optimizer.ask(20)
        strings = optimizer.decode(proposal, temperature=1.0, seed=turn)
        had.append(any("[P]" in s for s in strings if s))
        molecules = screen(strings)
        scores = torch.tensor([float(min(len(m.key), 4)) + (m.key < "[F]") if m else float("nan") for m in molecules])
        optimizer.tell(proposal, torch.full((20, 8), torch.nan), scores, molecules)
    assert not any(had[:3]) and any(had[5:])
