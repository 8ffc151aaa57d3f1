"""The default strategy: genetic moves in a model that is retrained on the best molecules, and a surrogate that selects."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from chem_vae.latent import slerp
from chem_vae.optimizers.archive import Draft, RememberingOptimizer
from chem_vae.optimizers.base import Molecule, Problem, Proposal, register
from chem_vae.optimizers.genetic import LATENT, STRUCTURE, Genetic
from chem_vae.optimizers.hypervolume import select_by_hypervolume
from chem_vae.optimizers.novelty import FeatureCounts
from chem_vae.optimizers.retraining import WeightedRetraining
from chem_vae.predictors.tanimoto import tanimoto
from chem_vae.predictors.tanimoto_fit import TanimotoFit
from chem_vae.predictors.tanimoto_process import FEWEST, TanimotoProcess

PRIOR, EXPLORED = "moved prior", "explored"
CENTER = ", center "
HEAVY_TAILS = 30.0
"""Excess kurtosis of scores from which on the surrogate learns their ranks: a few then are far above all others."""


@register
class Adaptive(Genetic):
    """Makes many drafts with a model that follows the best molecules, and lets a surrogate select few of them for the oracle.

    Drafts come from the genetic moves, made in the moved model's latent space, and from its p(x). A Gaussian process over
    substructures (Tanimoto; Tripp et al. 2021) learns all scores, and Thompson samples of it choose among the drafts. After
    every `retrain_every` new scores the model is trained on the best molecules by rank (weighted retraining, Tripp et al. 2020,
    arXiv:2006.09191; LOL-BO, Maus et al. 2022, arXiv:2201.11872). The share of each move follows what its drafts became.

    Exploring: as long as all scores are the same there is nothing to climb, and novelty alone selects: molecules of the model as
    it was, and variations of any molecules, with the features that were seldom asked about. Where most molecules have the same
    score, only those above it are parents, and as long as they are few, half of each round goes on exploring.

    Widening: where the problem has a narrower one, that is searched until `widen_after` scores brought the best ten nothing.

    Centers: where `stagnation` scores brought the best ten nothing, the search starts anew elsewhere. The model goes back to
    where it came from, and molecules like the best of the earlier centers (Tanimoto `alike` or more) are parents no more;
    after `most_centers` of them all are again.
    """

    name = "adaptive"
    needs = ("screen",)
    needs_encodings = False

    def __init__(self, problem: Problem, seed: int = 0) -> None:
        super().__init__(problem.narrow or problem, seed)
        self._wide = problem
        self._makers = {PRIOR: self._draw_from_prior, **self._makers}
        self.tried, self.entered = dict.fromkeys(self._makers, 1.0), dict.fromkeys(self._makers, 1.0)
        search = problem.search
        self.retraining = WeightedRetraining(
            problem.checkpoint, steps=search.retrain_steps, batch_size=search.retrain_batch, seed=seed
        )
        self.checkpoint = self.retraining.checkpoint
        self._fits: list[TanimotoFit | None] = [None] * problem.objectives
        """Hyperparameters of the surrogate of each objective."""
        self.centers: list[Molecule] = []
        """The best molecule of each center that was given up."""
        self.restarts = 0
        self._best, self._best_at = -math.inf, 0
        self._asked_about = FeatureCounts()
        self._encodable: dict[int, bool] = {}
        self._trained_at = 0
        self._fitted_at = 0

    def ask(self, n: int) -> Proposal:
        if len(self.archive) < min(n, self.search.founders):
            return self.propose_start(n)
        exploring = self._count_to_explore(n)
        explored = self._explore(exploring) if exploring else []
        if exploring == n:
            return self.build_proposal(explored)
        n -= len(explored)
        if len(self.archive) - self._trained_at >= self.search.retrain_every:
            self._retrain()
        new, others = self.collect_drafts(self.search.drafts * n, self._make_children)
        for draft in [*new, *others]:
            self.tried[draft.origin] = self.tried.get(draft.origin, 0.0) + 1
        chosen = self._select(new, n) if len(new) > n and len(self.archive) >= FEWEST else new
        proposal = self.build_proposal([*(chosen + others)[:n], *explored])
        if self.restarts:
            named = [f"{origin}{CENTER}{self.restarts + 1}" for origin in proposal.origins or []]
            proposal = proposal._replace(origins=named)
        return proposal

    def tell(
        self, proposal: Proposal, z: Tensor, scores: Tensor, molecules: Sequence[Molecule | None] | None = None
    ) -> None:
        before = len(self.archive)
        RememberingOptimizer.tell(self, proposal, z, scores, molecules)
        new = self.archive.get_keys(range(before, len(self.archive)))
        best = self.archive.get_keys(self.living[: self.search.elite].tolist())
        for move in self._makers:
            self.tried[move] *= self.search.memory
            self.entered[move] = self.search.memory * self.entered[move] + 0.01
        for molecule, named in zip(molecules or [], proposal.origins or [], strict=False):
            origin = named.partition(CENTER)[0]
            if molecule is not None and molecule.key in best & new and origin in self.entered:
                self.entered[origin] += 1

    def _learn(self, z: Tensor, scores: Tensor, molecules: Sequence[Molecule | None]) -> None:
        before = len(self.archive)
        super()._learn(z, scores, molecules)
        self._asked_about.add(self.archive.molecules[before:])
        if len(above := self._find_above_floor()):
            self.living = above[: self.search.population]
        if self.centers:
            near = self._find_near_centers(range(before, len(self.archive)))
            self.living = self.living[[row not in near for row in self.living.tolist()]]
        if self.problem.objectives == 1 and len(self.living) >= 10:
            best = float(self.archive.scores[self.living[:10], 0].mean())
            stale = len(self.archive) - self._best_at
            if self._is_flat() or not math.isfinite(self._best) or best > self._best + 1e-3 * abs(self._best):
                self._best, self._best_at = best, len(self.archive)
            elif stale >= self.search.stagnation:
                self._restart()
            elif stale >= self.search.widen_after:
                self.problem = self._wide

    def _restart(self) -> None:
        """Give the center up, and go on elsewhere with the model as it was at first."""
        self.restarts += 1
        best = self.archive.molecules[int(self.living[0])]
        self.centers = (
            [*self.centers, best] if best is not None and len(self.centers) < self.search.most_centers else []
        )
        rows = self.archive.select_best(len(self.archive))
        near = self._find_near_centers(rows.tolist())
        self.living = rows[[row not in near for row in rows.tolist()]][: self.search.population]
        if len(self.living) < 2:
            self.centers, self.living = [], rows[: self.search.population]
        self.retraining.reset()
        self.checkpoint = self.retraining.checkpoint
        self.problem = self._wide.narrow or self._wide
        self._trained_at = 0
        self._best, self._best_at = -math.inf, len(self.archive)

    def _find_near_centers(self, rows: Sequence[int]) -> set[int]:
        """Return the rows whose molecules are like a center that was given up."""
        known = [row for row in rows if self.archive.molecules[row] is not None]
        if not known or not self.centers:
            return set()
        similarity = tanimoto(
            _stack_features([self.archive.molecules[row] for row in known]), _stack_features(self.centers)
        )
        return {
            row for row, s in zip(known, similarity.max(dim=1).values.tolist(), strict=True) if s >= self.search.alike
        }

    # -- exploring ----------------------------------------------------------------------------------------------

    def _find_above_floor(self) -> Tensor:
        """Return the rows, best first, above the score that more than half of all molecules have; none where there is no such score."""
        scores = self.archive.scores
        if scores.shape[1] > 1 or len(scores) < 2:
            return torch.empty(0, dtype=torch.long)
        floor = scores[:, 0].median()
        if (scores[:, 0] == floor).sum() <= len(scores) // 2:
            return torch.empty(0, dtype=torch.long)
        return self.archive.select_best(len(scores), (scores[:, 0] > floor).nonzero().squeeze(1).flip(0))

    def _is_flat(self) -> bool:
        """Say whether all scores are the same."""
        return len(self.archive) > 1 and bool((self.archive.scores == self.archive.scores[0]).all())

    def _count_to_explore(self, n: int) -> int:
        """Return how many of n molecules novelty alone selects."""
        if self._is_flat():
            return n
        above = len(self._find_above_floor())
        return n // 2 if 0 < above < self.search.explore_until else 0

    def _explore(self, n: int) -> list[Draft]:
        """Make drafts all over, and select n of them by the features that were seldom asked about."""
        new, others = self.collect_drafts(self.search.drafts * n, self._make_explorers)
        if not new:
            return others[:n]
        return [new[i] for i in self._asked_about.select(_stack_features([d.molecule for d in new]), n)]

    def _make_explorers(self, n: int) -> list[Draft]:
        """Make n drafts: seven tenths are variations of any molecules, the others molecules of the model as it was."""
        keys = [key for row in range(len(self.archive)) if (key := self.archive.get_key(row)) is not None]
        some = int(0.7 * n) if STRUCTURE in self._makers and keys else 0
        moved, self.checkpoint = self.checkpoint, self.retraining.base
        drafts = self.decode_drafts(self._nowhere.expand(n - some, -1), EXPLORED)
        self.checkpoint = moved
        order = torch.randperm(len(keys), generator=self.generator)[: self.search.population].tolist()
        return drafts + (self.vary_structures([keys[i] for i in order], some, EXPLORED) if some else [])

    # -- drafts --------------------------------------------------------------------------------------------------

    def _draw_from_prior(self, n: int) -> list[Draft]:
        return self.decode_drafts(self._nowhere.expand(n, -1), PRIOR)

    def _cross_points(self, n: int) -> list[Draft]:
        """Decode points around the best molecules, where the retrained model has them, half of them on the way to another."""
        spelled = torch.tensor([r for r in self.living.tolist() if self._can_encode(r)], dtype=torch.long)
        if len(spelled) < 2:
            return []
        first, second = self.draw_parents(n, spelled), self.draw_parents(n, spelled)
        rows, where = torch.cat([first, second]).unique(return_inverse=True)
        posterior = self.checkpoint.encode([self.archive.get_selfies(row) for row in rows.tolist()])
        a, b = posterior.mu[where[:n]], posterior.mu[where[n:]]
        along = 0.5 * torch.rand(n, 1, generator=self.generator)
        along[torch.rand(n, 1, generator=self.generator) < 0.5] = 0.0
        size = 0.05 * 20 ** torch.rand(n, 1, generator=self.generator)  # 0.05 to 1, each order of magnitude alike
        noise = size * self.measure_spread() * torch.randn(n, a.shape[1], generator=self.generator)
        return self.decode_drafts(
            slerp(a, b, along) + noise, LATENT, [self.archive.get_key(row) for row in first.tolist()]
        )

    def _can_encode(self, row: int) -> bool:
        if row not in self._encodable:
            string = self.archive.get_selfies(row)
            self._encodable[row] = bool(string) and not self.checkpoint.vocabulary.find_missing(string)
        return self._encodable[row]

    # -- learning -----------------------------------------------------------------------------------------

    def _retrain(self) -> None:
        best = self.living[: self.search.retrain_on].tolist()
        self.retraining.step([self.archive.get_selfies(row) for row in best])
        self._trained_at = len(self.archive)

    def _select(self, drafts: list[Draft], n: int) -> list[Draft]:
        """Select n drafts: the best of each of n functions drawn from the surrogate (Thompson sampling), or with several
        objectives those with the highest log expected hypervolume improvement."""
        rows = self._choose_rows_to_learn()
        features = _stack_features([self.archive.molecules[r] for r in rows.tolist()])
        refit = len(self.archive) > 1.2 * self._fitted_at
        if refit:
            self._fitted_at = len(self.archive)
        asked, several = _stack_features([d.molecule for d in drafts]), self.problem.objectives > 1
        drawn = []
        for objective, fit in enumerate(self._fits):
            scores = _flatten_tails(self.archive.scores[rows, objective])
            surrogate = TanimotoProcess(features, scores, None if refit else fit)
            self._fits[objective] = surrogate.fit
            if not several and len(drafts) > (most := max(self.search.surrogate_drafts, 3 * n)):
                mean, deviation = surrogate.predict(asked)
                best = (mean + deviation).topk(most).indices.sort().values
                drafts, asked = [drafts[i] for i in best.tolist()], asked[best]
            drawn.append(surrogate.draw(asked, self.search.front_draws if several else n, self.generator))
        if several:
            known = self.archive.scores[rows]
            low, high = known.min(dim=0).values, known.max(dim=0).values
            scale = (high - low).clamp_min(1e-9)
            picked = select_by_hypervolume(
                ((torch.stack(drawn, dim=-1) - low) / scale).double(), ((known - low) / scale).double(), n
            )
            return [drafts[i] for i in picked.tolist()]
        chosen: list[int] = []
        for values in drawn[0]:
            values[chosen] = -torch.inf
            chosen.append(int(values.argmax()))
        return [drafts[i] for i in chosen]

    def _choose_rows_to_learn(self) -> Tensor:
        """Return the rows that the surrogate learns: the best, and others by chance."""
        rows = torch.tensor([r for r, m in enumerate(self.archive.molecules) if m is not None], dtype=torch.long)
        most, best = self.search.surrogate_molecules, self.search.surrogate_best
        if len(rows) <= most:
            return rows
        order = self.archive.select_best(len(rows), rows)
        others = order[best:]
        drawn = others[torch.randperm(len(others), generator=self.generator)[: most - best]]
        return torch.cat([order[:best], drawn.sort().values])


def _flatten_tails(scores: Tensor) -> Tensor:
    """Return scores (n,) as they are or, where a few of them are far from all others, the normal quantiles of their ranks."""
    centered = scores - scores.mean()
    variance = centered.square().mean()
    if variance == 0 or centered.pow(4).mean() / variance.square() < 3.0 + HEAVY_TAILS:
        return scores
    _, where, counts = scores.unique(return_inverse=True, return_counts=True)
    shares = (counts.cumsum(0) - 0.5 * counts) / len(scores)  # equal scores share the middle of their ranks
    return torch.special.ndtri(shares.double())[where]


def _stack_features(molecules: Sequence[Molecule | None]) -> Tensor:
    """Return the features (n, F) of the molecules that are not None."""
    return torch.stack([m.features for m in molecules if m is not None])
