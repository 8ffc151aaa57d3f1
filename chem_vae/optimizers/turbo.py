"""Local Bayesian optimization: Gaussian processes inside a trust region of the latent space."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from chem_vae.optimizers.archive import AT_ONCE, Draft, RememberingOptimizer
from chem_vae.optimizers.base import Molecule, Problem, Proposal, register
from chem_vae.optimizers.gaussian_processes import LatentProcesses


@register
class TrustRegion(RememberingOptimizer):
    """TuRBO (Eriksson et al. 2019, arXiv:1910.01849) where the data lies in the latent space of a VAE.

    A Gaussian process learns the scores at the points where told molecules encode; candidates change some dimensions of
    the best point within the region, and Thompson samples choose among them. These are decoded, and chosen among once
    more at the points where their molecules truly lie. The region doubles after `successes` better batches in a row,
    halves after failures, and when it is as small as `smallest` another good molecule becomes its center. Lengths are in
    deviations of the known points. Several objectives: log expected hypervolume improvement (Ament et al. 2023,
    arXiv:2310.20708) instead of Thompson samples, around points of the front.
    """

    name = "turbo"
    several_objectives = True
    longest, first, smallest, successes = 16.0, 8.0, 2.0, 3
    candidates, nearest, best_too, changed = 1000, 200, 50, 20
    gain, front_gain = 1e-3, 1e-2
    founders, surplus = 200, 1.5

    def __init__(self, problem: Problem, seed: int = 0) -> None:
        super().__init__(problem, seed)
        self._regions, self._length, self._better, self._worse = 0, 0.0, 0, 0
        self._members = torch.empty(0, dtype=torch.long)
        """Rows of the archive: the center of the region and what it has found since."""
        self._active, self._spread = torch.empty(0, dtype=torch.long), torch.empty(0)
        """The dimensions (A,) that are changed, and the deviation of points in them."""
        self._record, self._corner = 0.0, torch.empty(0)
        """What the next batch has to raise, and of several objectives the corner that volumes are measured from."""
        self._left: set[int] = set()
        """Rows of regions given up."""
        self._several = self.archive.scores.shape[1] > 1
        self._processes = LatentProcesses()

    def ask(self, n: int) -> Proposal:
        placed = torch.arange(len(self.archive))[self.archive.placed()]
        if len(placed) < min(2 * n, self.founders):
            return self.start(n)
        if self._length < self.smallest:
            self._restart(placed)
        best = self.archive.best(self.best_too, placed) if not self._several else self._placed_front()[-self.best_too :]
        center = self._center()
        active, spread = self._active, self._spread
        scale = float(4 * spread.mean())  # the models expect points that mostly lie within one unit
        x = self.archive.z[:, active].double() / scale
        distance = (x[placed] - x[center]).norm(dim=1)
        near = placed[distance.argsort(stable=True)[: self.nearest]]
        rows = torch.cat([near, best]).unique()
        self._processes.fit(x[rows], self.archive.scores[rows].double())

        def drafts(k: int) -> list[Draft]:
            around = self._around(max(self.candidates, 2 * k), x[center], (spread / scale).double())
            z = self.archive.z[center].repeat(k, 1)
            z[:, active] = (around[self._processes.choose(around, k, self.generator)] * scale).float()
            return self.decoded(z, f"region {self._regions}", [self._key(center)] * k)

        new, others = self.drafted(int(self.surplus * n), drafts)
        if len(new) < n // 2:  # the region is exhausted: its points decode to what is known
            self._length = 0.0
        elif len(new) > n:
            lies = self.located(new)
            where = torch.where(lies.isnan(), torch.stack([d.z for d in new]), lies)[:, active]
            new = [new[i] for i in self._processes.choose(where.double() / scale, n, self.generator).tolist()]
        return self.proposal((new + others)[:n])

    def tell(
        self, proposal: Proposal, z: Tensor, scores: Tensor, molecules: Sequence[Molecule | None] | None = None
    ) -> None:
        told = len(self.archive)
        super().tell(proposal, z, scores, molecules)
        if not self._regions or not proposal.origins or f"region {self._regions}" not in proposal.origins:
            return  # molecules that were known
        new = torch.arange(told, len(self.archive))
        new = new[self.archive.placed()[new]]
        self._members = torch.cat([self._members, new])
        before, self._record = self._record, max(self._record, self._height())
        if self._record > before + (self.front_gain if self._several else self.gain) * abs(before):
            self._better, self._worse = self._better + 1, 0
        else:
            self._better, self._worse = 0, self._worse + 1
        patience = max(4 / len(z), -(-self.archive.z.shape[1] // len(z)))
        if self._better == self.successes:
            self._length, self._better = min(2 * self._length, self.longest), 0
        elif self._worse >= patience:
            self._length, self._worse = self._length / 2, 0

    def _learn(self, z: Tensor, scores: Tensor, molecules: Sequence[Molecule | None]) -> None:
        self.archive.add(z, scores, molecules)

    # -- the region ----------------------------------------------------------------------------------------------

    def _restart(self, placed: Tensor) -> None:
        self._left |= set(self._members.tolist())
        fresh = torch.tensor([row for row in placed.tolist() if row not in self._left], dtype=torch.long)
        fresh = fresh if len(fresh) else placed
        order = self.archive.best(len(fresh), fresh[-AT_ONCE:] if self._several else fresh)
        self._members = order[:1] if not self._regions else self.good(1, order)
        self._regions, self._length, self._better, self._worse = self._regions + 1, self.first, 0, 0
        self._active = self.active()  # for the whole region, so that its models stay comparable
        self._spread = self.spread()[self._active]
        self._corner = self.archive.scores.min(dim=0).values.double()
        self._record = self._height()

    def _center(self) -> int:
        """The best of the region; of several objectives, any of its members on the front."""
        if not self._several:
            return int(self.archive.best(1, self._members))
        front = self._members[torch.isin(self._members, self.archive.front)]
        front = front if len(front) else self._members[:1]
        return int(front[torch.randint(len(front), (1,), generator=self.generator)])

    def _placed_front(self) -> Tensor:
        return self.archive.front[self.archive.placed()[self.archive.front]]

    def _height(self) -> float:
        """What a batch has to raise: the best score of the region, or the hypervolume that the front dominates."""
        if not self._several:
            return float(self.archive.scores[self._members].max())
        from botorch.utils.multi_objective.box_decompositions import DominatedPartitioning

        front = self.archive.scores[self.archive.front].double()
        return float(DominatedPartitioning(self._corner, front).compute_hypervolume())

    def _around(self, m: int, center: Tensor, spread: Tensor) -> Tensor:
        """(m, A) in the region, each other than the center in about `changed` dimensions. The region is longer
        where the data is and where the models are flat."""
        size = len(center)
        length = self._length * spread * self._processes.flatness()
        sobol = torch.quasirandom.SobolEngine(size, scramble=True, seed=self.new_seed() % 2**31)
        step = (sobol.draw(m, dtype=torch.float64) - 0.5) * length
        mask = torch.rand(m, size, generator=self.generator) < min(1.0, self.changed / size)
        one = torch.randint(size, (m, 1), generator=self.generator)
        return center + step * mask.scatter(1, one, True)

    def _key(self, row: int) -> str | None:
        molecule = self.archive.molecules[row]
        return molecule.key if molecule is not None else None
