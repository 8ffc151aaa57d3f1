"""Strategies: what each owes its caller, and that each finds what chance does not."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import selfies
import torch
from torch import Tensor

from chem_vae.checkpoint import Checkpoint
from chem_vae.config import ModelConfig
from chem_vae.errors import UserError
from chem_vae.model import ChemVAE, Posterior
from chem_vae.optimizers import STRATEGIES, LatentOptimizer, Molecule, Problem, Proposal, create
from chem_vae.optimizers.archive import Archive
from chem_vae.optimizers.hypervolume import (
    compute_log_improvement,
    measure_crowding,
    number_fronts,
    select_by_hypervolume,
)
from chem_vae.vocabulary import END, SelfiesVocabulary

SIZE = 16
SYMBOLS = ["[C]", "[N]", "[O]", "[F]", "[S]", "[P]", "[Cl]", "[Br]"]
LEVELS = torch.linspace(-2.1, 2.1, len(SYMBOLS))
LEARNERS = ["genetic"]  # of latent points; adaptive, which learns from substructures, has its own tests


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


def model(size: int) -> tuple[ChemVAE, SelfiesVocabulary]:
    torch.manual_seed(0)
    vocabulary = SelfiesVocabulary(SYMBOLS)
    config = ModelConfig(embedding_size=8, encoder_size=8, decoder_size=16, latent_size=size)
    return ChemVAE(config, len(vocabulary), 1).eval(), vocabulary


@pytest.fixture
def grid() -> Checkpoint:
    return Grid(*model(SIZE), (), 40)


@pytest.fixture
def untrained() -> Checkpoint:
    net, vocabulary = model(8)
    with torch.no_grad():
        net.decoder.to_symbols.weight.mul_(6.0)
        net.decoder.to_symbols.bias[END] = 1.5
    return Checkpoint(net, vocabulary, (), 40)


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
    """What the caller does with a proposal; the keys of its molecules and their scores."""
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


@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_what_every_strategy_owes(name: str, untrained: Checkpoint) -> None:
    """Rows for what was asked, of any number; accounts kept through failures; the same seed, the same proposals."""
    given = {"known": points(60, 8), "screen": screen, "vary": vary, "pool": ["[C][O]", "[N][C][C]", "[F][C][F]"]}
    conditions = no_conditions if name != "conditional" else lambda n, generator: torch.ones(n, 1)
    problem = Problem(untrained, conditions, lambda z: -z.square().sum(dim=1), **given)  # type: ignore[arg-type]

    def partly(z: Tensor) -> Tensor:  # half fail, and every score of the third batch
        scores = -z.square().sum(dim=1)
        scores[::2] = torch.nan
        return scores if len(scores) != 7 else torch.full_like(scores, torch.nan)

    def course(seed: int) -> list[list[str | None]]:
        optimizer = create(name, problem, seed)
        warm = Proposal(torch.full((3, 8), torch.nan), no_conditions(3, optimizer.generator), list(problem.pool))
        told(optimizer, warm, partly)
        strings = []
        for n in (20, 20, 7, 1, 30, 700):
            proposal = optimizer.ask(n)
            assert proposal.z.shape == (n, 8) and proposal.conditions.shape == (n, 1)
            assert all(part is None or len(part) == n for part in proposal[2:])
            assert proposal.z.dtype == torch.float32 and not proposal.z.requires_grad
            strings.append(optimizer.decode(proposal, temperature=1.0, seed=5))
            assert len(strings[-1]) == n
            told(optimizer, proposal, partly)
        with pytest.raises(UserError, match="every proposal"):
            optimizer.tell(proposal, proposal.z[:5], torch.zeros(5))
        return strings

    before = np.random.get_state()[1].copy(), torch.random.get_rng_state()  # type: ignore[index, union-attr]
    first = course(1)
    assert np.array_equal(before[0], np.random.get_state()[1])  # type: ignore[index, arg-type]
    assert torch.equal(before[1], torch.random.get_rng_state())
    assert course(1) == first
    if name != "conditional":  # decoded without z by the caller's seed
        assert course(2) != first or name == "random"


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.parametrize("start", ["cold", "known"])
def test_a_learner_finds_what_chance_does_not(name: str, start: str, grid: Checkpoint) -> None:
    problem = Problem(grid, no_conditions, known=points(300) if start == "known" else None, screen=screen)
    by_chance = search(create("random", problem), smooth, 600)
    found = search(create(name, problem), smooth, 600)
    assert len(found) == 600
    print(f"{name}, {start}: top 10 {top(found):.3f}, by chance {top(by_chance):.3f}")
    assert top(found) > top(by_chance) + 0.2


@pytest.mark.parametrize("name", LEARNERS)
def test_failures_do_not_mislead(name: str, grid: Checkpoint) -> None:
    """A third of all molecules fail for ever; the search goes on among the others."""
    problem = Problem(grid, no_conditions, known=points(300), screen=screen)

    def failing(z: Tensor) -> Tensor:
        levels = ((z + 2.1) / 0.6).round().sum(dim=1)
        return torch.where(levels % 3 == 0, torch.nan, smooth(z))

    found = search(create(name, problem), failing, 600)
    finite = {key: value for key, value in found.items() if value.isfinite()}
    by_chance = search(create("random", problem), smooth, 600)
    assert 300 < len(finite) < 550
    assert top(finite) > top(by_chance) + 0.15


@pytest.mark.parametrize("name", LEARNERS)
def test_a_warm_start_is_used(name: str, grid: Checkpoint) -> None:
    """Told of molecules near the peak, the first proposals score twice as well as known points."""
    problem = Problem(grid, no_conditions, known=points(300), screen=screen)
    optimizer = create(name, problem)
    z = torch.cat([PEAK + 0.9 * points(40), points(300)[:200]])
    strings = grid.decode(z)
    warm = Proposal(torch.full_like(z, torch.nan), no_conditions(len(z), optimizer.generator), strings)
    told(optimizer, warm, smooth)
    proposal = optimizer.ask(30)
    _, scores = told(optimizer, proposal, smooth)
    assert scores.median() > 2 * smooth(points(300)).median()
    if proposal.strings is not None:
        assert not set(strings) & set(proposal.strings)


def test_proposals_are_new_molecules(grid: Checkpoint) -> None:
    problem = Problem(grid, no_conditions, known=points(300), screen=screen)
    for name in ("adaptive", "genetic"):
        optimizer = create(name, problem)
        seen: set[str] = set()
        for _ in range(8):
            keys, _ = told(optimizer, optimizer.ask(40), smooth)
            assert len(keys) == len(set(keys) - seen) == 40
            seen |= set(keys)


def test_conditional_is_refused_where_it_would_ask_for_nothing(grid: Checkpoint) -> None:
    with pytest.raises(UserError, match=r"was conditioned on \(no property\).*use another strategy"):
        create("conditional", Problem(grid, no_conditions, screen=screen))
    assert create("conditional", Problem(grid, no_conditions)).ask(3).z.isnan().all()  # molecules of any kind


def test_the_pool_comes_first(grid: Checkpoint) -> None:
    pool = grid.decode(points(30))
    for name in ("adaptive", "genetic"):
        problem = Problem(grid, no_conditions, known=points(300), pool=[s for s in pool if s], screen=screen)
        proposal = create(name, problem).ask(20)
        assert set(proposal.strings or []) <= set(pool)
        assert proposal.origins == ["pool"] * 20


def test_moves_that_pay_are_done_more(grid: Checkpoint) -> None:
    """Turning a string never helps here, and crossing points does."""
    problem = Problem(grid, no_conditions, known=points(300), screen=screen, vary=vary)
    optimizer = create("genetic", problem)
    search(optimizer, smooth, 600)
    shares = optimizer.compute_shares()  # type: ignore[attr-defined]
    assert sum(shares.values()) == pytest.approx(1.0)
    assert shares["structure variation"] == min(shares.values()) >= 0.1


@pytest.mark.parametrize("name", LEARNERS)
def test_a_front_moves_outward(name: str, grid: Checkpoint) -> None:
    """Two peaks that cannot both be reached: more is dominated than by chance."""
    problem = Problem(grid, no_conditions, known=points(300), screen=screen, objectives=2)
    other = PEAK * torch.tensor([1.0] * (SIZE // 2) + [-1.0] * (SIZE // 2))

    def both(z: Tensor) -> Tensor:
        return torch.stack([smooth(z), torch.exp(-(z - other).square().mean(dim=1))], dim=1)

    def dominated(found: dict[str, Tensor]) -> float:
        """Share of the unit square."""
        front = torch.stack(list(found.values()))
        ticks = torch.linspace(0, 1, 101)
        corners = torch.cartesian_prod(ticks, ticks)
        return float((front[None] >= corners[:, None]).all(-1).any(-1).float().mean())

    by_chance = dominated(search(create("random", problem), both, 400))
    reached = dominated(search(create(name, problem), both, 400))
    print(f"{name}: {reached:.3f} dominated, by chance {by_chance:.3f}")
    assert reached > by_chance + 0.05


def test_the_log_improvement_ranks_as_botorch_does() -> None:
    from botorch.acquisition.multi_objective.logei import qLogExpectedHypervolumeImprovement
    from botorch.models.deterministic import GenericDeterministicModel
    from botorch.utils.multi_objective.box_decompositions import FastNondominatedPartitioning

    generator = torch.Generator().manual_seed(0)
    known = torch.rand(20, 3, generator=generator, dtype=torch.float64)
    candidates = 1.3 * torch.rand(60, 3, generator=generator, dtype=torch.float64)
    corner = torch.zeros(3, dtype=torch.float64)
    ours = compute_log_improvement(candidates.unsqueeze(0), known, corner)
    theirs = qLogExpectedHypervolumeImprovement(
        GenericDeterministicModel(lambda x: x, 3), corner, FastNondominatedPartitioning(corner, known)
    )(candidates.unsqueeze(1))
    adds = theirs > -6  # below, their softening and ours differ
    assert 20 < adds.sum() < 60
    assert torch.allclose(ours[adds], theirs[adds], atol=0.2)
    assert ours[~adds].max() < ours[adds].min() + 1.0 and ours.isfinite().all()


def test_the_archive_keeps_each_molecule_once() -> None:
    archive = Archive(2)
    molecules = [*screen(["[C]", "[N]", "[C]"]), None, None]
    z = torch.tensor([[0.0, 0], [1, 1], [0, 0], [2, 2], [torch.nan, 0]])
    scores = torch.tensor([1.0, torch.nan, 5.0, 3.0, 4.0])
    assert archive.add(z, scores, molecules).tolist() == [0, 1]  # a place without a name counts, a name twice does not
    assert archive.scores.squeeze(1).tolist() == [1.0, 3.0]
    assert archive.seen == {"[C]", "[N]"}
    assert archive.add(z[:2], torch.tensor([1.0, 2.0]), molecules[:2]).tolist() == [2]  # measured at last
    assert archive.select_best(2).tolist() == [1, 2]
    with pytest.raises(UserError, match="told 2 scores"):
        archive.add(z[:1], torch.zeros(1, 2), molecules[:1])


def test_fronts_and_crowding() -> None:
    values = torch.tensor([[3.0, 0], [0, 3], [2, 2], [2, 1], [1, 1], [2, 2]])
    assert number_fronts(values).tolist() == [0, 0, 0, 1, 2, 0]
    assert measure_crowding(values).argmin() in (2, 5)  # each other's double
    assert measure_crowding(values).max() <= 0.5


def test_of_several_objectives_what_adds_to_the_hypervolume_is_chosen() -> None:
    """Not what has the highest sum or the best worst value, where the front has such a molecule already."""
    known = torch.tensor([[1.0, 0.0], [0.6, 0.6], [0.0, 0.8], [0.2, 0.2]]).double()
    candidates = torch.tensor([[0.59, 0.59], [0.58, 0.6], [0.1, 0.9], [0.99, 0.0]]).double()
    drawn = candidates + 1e-4 * torch.randn(16, 4, 2, generator=torch.Generator().manual_seed(0)).double()
    assert select_by_hypervolume(drawn, known, 1).tolist() == [2]
    assert sorted(select_by_hypervolume(drawn, known, 4).tolist()) == [0, 1, 2, 3]
    wide = torch.rand(300, 3, generator=torch.Generator().manual_seed(1)).double()
    known = torch.nn.functional.normalize(wide, dim=1)  # a front of 300 with three objectives: thinned, and in pieces
    candidates = torch.cat([0.5 * known[:50], 1.3 * known[:1]])
    assert select_by_hypervolume(candidates.expand(32, -1, -1), known, 1).tolist() == [50]
