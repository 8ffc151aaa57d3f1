"""What a strategy remembers of the molecules it was told of, and how it makes sure to propose new ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from chem_vae.errors import UserError
from chem_vae.optimizers.base import LatentOptimizer, Molecule, Problem, Proposal

AT_ONCE = 500  # rows that are compared each with each
TRIES = 4  # rounds of drafts, after which a proposal is filled up with molecules that were seen before


class Archive:
    """Scored molecules, each once, in the order told.

    z (m, D) may be NaN where a molecule cannot be encoded; scores (m, objectives) are finite. A molecule that failed is
    not kept, but remembered as seen.
    """

    def __init__(self, latent_size: int, objectives: int = 1) -> None:
        self.z = torch.empty(0, latent_size)
        self.scores = torch.empty(0, objectives)
        self.molecules: list[Molecule | None] = []
        self.seen: set[str] = set()
        """Keys of all molecules told, scored or failed."""
        self.front = torch.empty(0, dtype=torch.long)
        """Rows that no other dominates; kept of several objectives alone."""
        self._scored: set[str] = set()

    def __len__(self) -> int:
        return len(self.scores)

    def add(self, z: Tensor, scores: Tensor, molecules: Sequence[Molecule | None]) -> Tensor:
        """Keep the scored rows that are new; returns their indices here (k,). A score without molecule and z is nobody's."""
        values = scores.reshape(len(scores), -1).float().cpu()
        if values.shape[1] != self.scores.shape[1]:
            raise UserError(f"told {values.shape[1]} scores for each molecule of a problem of {self.scores.shape[1]}")
        scored, placed = values.isfinite().all(dim=1).tolist(), z.isfinite().all(dim=1).tolist()
        rows = []
        for row, molecule in enumerate(molecules):
            if molecule is not None:
                self.seen.add(molecule.key)
                if not scored[row] or molecule.key in self._scored:
                    continue
                self._scored.add(molecule.key)
            elif not (scored[row] and placed[row]):
                continue
            rows.append(row)
        before = len(self)
        self.z = torch.cat([self.z, z[rows].float().cpu()])
        self.scores = torch.cat([self.scores, values[rows]])
        self.molecules += [molecules[row] for row in rows]
        new = torch.arange(before, len(self))
        if values.shape[1] > 1:
            for some in new.split(AT_ONCE):
                either = torch.cat([self.front, some])
                self.front = either[fronts(self.scores[either]) == 0]
        return new

    def placed(self) -> Tensor:
        """(m,) whether the molecule has a z."""
        return self.z.isfinite().all(dim=1)

    def worth(self, rows: Tensor) -> Tensor:
        """(k,) of some molecules: the score, or with several objectives minus the front's number, with what the molecule
        adds to its front as the part behind the point. Higher is better."""
        values = self.scores[rows]
        return values[:, 0] if values.shape[1] == 1 else -fronts(values) + crowding(values)

    def best(self, k: int, rows: Tensor | None = None) -> Tensor:
        """The k best of those rows (of all), best first."""
        rows = torch.arange(len(self)) if rows is None else rows
        return rows[self.worth(rows).argsort(descending=True, stable=True)[:k]]


def fronts(values: Tensor) -> Tensor:
    """(n,) of values (n, M), all maximized: 0 for the Pareto front, 1 for the front behind it, and so on.

    Deb et al. 2002, NSGA-II, doi:10.1109/4235.996017.

    >>> fronts(torch.tensor([[1.0, 1.0], [2.0, 0.0], [0.0, 0.0]])).tolist()
    [0.0, 0.0, 1.0]
    """
    behind = (values[None] >= values[:, None]).all(-1) & (values[None] > values[:, None]).any(-1)
    front = torch.full((len(values),), -1.0)
    number = 0
    while (left := front < 0).any():
        front[left & ~(behind & left).any(dim=1)] = number
        number += 1
    return front


def crowding(values: Tensor) -> Tensor:
    """(n,) in 0 to 0.5 of values (n, M): how far a row is from its nearest other, as a share of the widest such distance."""
    if len(values) < 2:
        return torch.zeros(len(values))
    spread = (values.max(dim=0).values - values.min(dim=0).values).clamp_min(1e-12)
    distance = torch.cdist(values / spread, values / spread)
    nearest = distance.fill_diagonal_(torch.inf).min(dim=1).values
    return 0.5 * nearest / nearest.max().clamp_min(1e-12)


class Draft(NamedTuple):
    """A row of a proposal in the making."""

    z: Tensor
    string: str | None
    origin: str
    parent: str | None = None
    molecule: Molecule | None = None
    """What the screen made of the string."""


class RememberingOptimizer(LatentOptimizer):
    """A strategy with an archive, which starts from the pool, the known points or the prior, and proposes new molecules."""

    def __init__(self, problem: Problem, seed: int = 0) -> None:
        super().__init__(problem, seed)
        self.archive = Archive(self.checkpoint.model.latent_size, problem.objectives if self.several_objectives else 1)
        self._pool_order = torch.randperm(len(problem.pool), generator=self.generator).tolist()
        self._known_order: list[int] = []

    def spread(self) -> Tensor:
        """(D,) deviation of known points, of those told where none are known, in each dimension: what a step is measured by."""
        for points in (self.problem.known, self.archive.z[self.archive.placed()]):
            if points is not None and len(points) >= 20:
                return points.float().cpu().std(dim=0).clamp_min(1e-3)
        return torch.ones(self.checkpoint.model.latent_size)

    def active(self) -> Tensor:
        """(A,) the dimensions that tell molecules apart. In the others points hardly differ, and the decoder has learned to
        look away (Burda et al. 2016, arXiv:1509.00519): a step there changes nothing."""
        spread = self.spread()
        return (spread >= 0.25 * spread.max()).nonzero().squeeze(1)

    def new_seed(self) -> int:
        """From the strategy's own stream."""
        return int(torch.randint(2**62, (1,), generator=self.generator))

    def good(self, n: int, order: Tensor) -> Tensor:
        """n of the molecules in `order` (best first), the better the likelier: the best 10^-u of them for a u between 0 and
        all, then any of these (Tripp & Hernández-Lobato 2023, arXiv:2310.09267)."""
        m = len(order)
        below = torch.exp(-torch.rand(n, generator=self.generator) * torch.log(torch.tensor(float(m))))
        return order[(torch.rand(n, generator=self.generator) * below * m).long().clamp_max(m - 1)]

    def start(self, n: int) -> Proposal:
        """n rows to begin with: pool molecules as they are, else decoded from known points, else from the prior."""
        return self.distinct(n, self._first_drafts)

    def decoded(self, z: Tensor, origin: str, parents: Sequence[str | None] | None = None) -> list[Draft]:
        """Drafts of latent points (k, D), at the problem's temperature."""
        conditions = self.problem.draw_conditions(len(z), self.generator)
        strings = self.checkpoint.decode(z, conditions, temperature=self.problem.temperature, seed=self.new_seed())
        return [
            Draft(p, s, origin, parent) for p, s, parent in zip(z, strings, parents or [None] * len(z), strict=True)
        ]

    def drafted(self, n: int, make: Callable[[int], list[Draft]]) -> tuple[list[Draft], list[Draft]]:
        """What `make(k)` drafts (k rows a round, more than are needed) until n are new molecules, and the other drafts.

        Without a screen a string is its own identity.
        """
        chosen: list[Draft] = []
        spare: list[Draft] = []
        taken: set[str] = set()
        screen = self.problem.screen
        for _ in range(TRIES):
            drafts = make(max(8, int(1.3 * (n - len(chosen)))))
            if screen is not None:
                found = screen([d.string for d in drafts])
                drafts = [d._replace(molecule=m) for d, m in zip(drafts, found, strict=True)]
            for draft in drafts:
                key = draft.string if screen is None else draft.molecule.key if draft.molecule is not None else None
                if not key or key in taken or key in self.archive.seen:
                    spare.append(draft)
                else:
                    taken.add(key)
                    chosen.append(draft)
            if len(chosen) >= n:
                break
        return chosen, spare

    def distinct(self, n: int, make: Callable[[int], list[Draft]]) -> Proposal:
        """n rows that are new molecules, filled up with others where there are not enough."""
        chosen, spare = self.drafted(n, make)
        return self.proposal((chosen + spare)[:n])

    def located(self, drafts: Sequence[Draft]) -> Tensor:
        """(n, D) where the drafts' molecules themselves lie, NaN where there is none."""
        strings = [d.molecule.selfies if d.molecule is not None else d.string or "" for d in drafts]
        rows = [row for row, s in enumerate(strings) if s and not self.checkpoint.vocabulary.missing(s)]
        z = torch.full((len(drafts), self.checkpoint.model.latent_size), torch.nan)
        if rows:
            z[rows] = self.checkpoint.encode([strings[row] for row in rows]).mu
        return z

    def proposal(self, rows: Sequence[Draft]) -> Proposal:
        """The drafts as they are told later."""
        return Proposal(
            torch.stack([d.z.float().cpu() for d in rows]),
            torch.full((len(rows), self.checkpoint.model.properties), torch.nan),
            [d.string for d in rows],
            [d.origin for d in rows],
            [d.parent for d in rows],
        )

    def _first_drafts(self, n: int) -> list[Draft]:
        nowhere = torch.full((self.checkpoint.model.latent_size,), torch.nan)
        drawn, self._pool_order = self._pool_order[:n], self._pool_order[n:]
        drafts = [Draft(nowhere, self.problem.pool[i], "pool") for i in drawn]
        missing = n - len(drafts)
        known = self.problem.known
        if missing and known is not None and len(known):
            if len(self._known_order) < missing:
                self._known_order += torch.randperm(len(known), generator=self.generator).tolist()
            some, self._known_order = self._known_order[:missing], self._known_order[missing:]
            drafts += self.decoded(known[some].float().cpu(), "known point")
        if missing := n - len(drafts):
            drafts += self.decoded(nowhere.expand(missing, -1), "prior")
        return drafts
