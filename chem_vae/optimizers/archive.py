"""The memory of a strategy: an archive of scored molecules, and the means to propose molecules that are new."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from chem_vae.errors import UserError
from chem_vae.optimizers.base import LatentOptimizer, Molecule, Problem, Proposal
from chem_vae.optimizers.hypervolume import measure_crowding, number_fronts

AT_ONCE = 500  # rows that are compared each with each
TRIES = 4  # rounds of drafts, after which a proposal is filled up with molecules that were seen before


class Archive:
    """Scored molecules, each once, in the order in which they were told.

    z (m, D) may be NaN where a molecule cannot be encoded; scores (m, objectives) are finite. A molecule that failed is
    not kept, but remembered as seen.
    """

    def __init__(self, latent_size: int, objectives: int = 1) -> None:
        self.z = torch.empty(0, latent_size)
        self.scores = torch.empty(0, objectives, dtype=torch.float64)
        self.molecules: list[Molecule | None] = []
        self.seen: set[str] = set()
        """Keys of all molecules told, scored or failed."""
        self._scored: set[str] = set()

    def __len__(self) -> int:
        return len(self.scores)

    def add(self, z: Tensor, scores: Tensor, molecules: Sequence[Molecule | None]) -> Tensor:
        """Keep the scored rows that are new.

        A row without a molecule is kept where it has a score and a z.

        Args:
            z: (n, D) encodings.
            scores: (n,) or (n, objectives), NaN where failed.
            molecules: n molecules or None.

        Returns:
            (k,) the indices in the archive of the rows that were kept.

        Raises:
            UserError: If the number of objectives is not the archive's.
        """
        values = scores.reshape(len(scores), -1).double().cpu()
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
        return torch.arange(before, len(self))

    def has_z(self) -> Tensor:
        """(m,) whether the molecule has a z."""
        return self.z.isfinite().all(dim=1)

    def get_key(self, row: int) -> str | None:
        """Return the key of a row's molecule, if it has one."""
        molecule = self.molecules[row]
        return molecule.key if molecule is not None else None

    def get_selfies(self, row: int) -> str:
        """Return the SELFIES of a row's molecule, "" where it has none."""
        molecule = self.molecules[row]
        return molecule.selfies if molecule is not None else ""

    def get_keys(self, rows: Sequence[int] | range) -> set[str]:
        """Return the keys of the molecules of some rows."""
        return {key for row in rows if (key := self.get_key(row)) is not None}

    def select_best(self, k: int, rows: Tensor | None = None) -> Tensor:
        """Select the k best of some rows, best first.

        Several objectives are ranked by Pareto front, then by the distance to the nearest other molecule. Of equal ones the
        first of `rows` comes first.

        Args:
            k: The most rows to return.
            rows: (n,) rows to choose among; None for all.

        Returns:
            (min(k, n),) rows.
        """
        rows = torch.arange(len(self)) if rows is None else rows
        values = self.scores[rows]
        worth = values[:, 0] if values.shape[1] == 1 else -number_fronts(values) + measure_crowding(values)
        return rows[worth.argsort(descending=True, stable=True)[:k]]


def has_fast_bfloat16() -> bool:
    """Say whether this processor multiplies in bfloat16, in which drafts are decoded in three fifths of the time."""
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return supported is not None and bool(supported())


class Draft(NamedTuple):
    """A row of a proposal in the making."""

    z: Tensor
    string: str | None
    origin: str
    parent: str | None = None
    molecule: Molecule | None = None
    """The molecule that the screen made of the string."""


class RememberingOptimizer(LatentOptimizer):
    """A strategy with an archive, which starts from the pool, the known points or the prior, and proposes new molecules."""

    def __init__(self, problem: Problem, seed: int = 0) -> None:
        super().__init__(problem, seed)
        self.archive = Archive(self.checkpoint.model.latent_size, problem.objectives if self.several_objectives else 1)
        self._pool = [problem.pool[i] for i in torch.randperm(len(problem.pool), generator=self.generator).tolist()]
        """The molecules of the pool that were not proposed yet."""
        self._known_order: list[int] = []
        self._nowhere = torch.full((self.checkpoint.model.latent_size,), torch.nan)

    def measure_spread(self) -> Tensor:
        """(D,) standard deviation of the known points, or of those told, by which the lengths of steps are measured."""
        for points in (self.problem.known, self.archive.z[self.archive.has_z()]):
            if points is not None and len(points) >= 20:
                return points.float().cpu().std(dim=0).clamp_min(1e-3)
        return torch.ones(self.checkpoint.model.latent_size)

    def draw_seed(self) -> int:
        """Draw a seed from the strategy's own stream of random numbers."""
        return int(torch.randint(2**62, (1,), generator=self.generator))

    def draw_parents(self, n: int, order: Tensor) -> Tensor:
        """Draw molecules, the better the likelier.

        Each is drawn from the best 10^-u of them, for a u drawn anew (Tripp & Hernández-Lobato 2023, arXiv:2310.09267).

        Args:
            n: Number of draws.
            order: (m,) rows, best first.

        Returns:
            (n,) rows.
        """
        m = len(order)
        below = torch.exp(-torch.rand(n, generator=self.generator) * torch.log(torch.tensor(float(m))))
        return order[(torch.rand(n, generator=self.generator) * below * m).long().clamp_max(m - 1)]

    def propose_start(self, n: int) -> Proposal:
        """Propose n rows to begin with: pool molecules as they are, else decoded from known points, else from the prior."""
        return self.propose_new(n, self._draft_start)

    def decode_drafts(self, z: Tensor, origin: str, parents: Sequence[str | None] | None = None) -> list[Draft]:
        """Decode latent points (k, D) into drafts, at the problem's temperature."""
        conditions = self.problem.draw_conditions(len(z), self.generator)
        kind = self.checkpoint.model.device.type
        with torch.autocast(kind, torch.bfloat16, enabled=kind == "cpu" and has_fast_bfloat16()):
            strings = self.checkpoint.decode(z, conditions, temperature=self.problem.temperature, seed=self.draw_seed())
        strings = self.adapt(strings)
        return [
            Draft(p, s, origin, parent) for p, s, parent in zip(z, strings, parents or [None] * len(z), strict=True)
        ]

    def adapt(self, strings: list[str | None]) -> list[str | None]:
        """Return the strings with what the problem has to keep."""
        return strings if self.problem.adapt is None else self.problem.adapt(strings, self.draw_seed())

    def collect_drafts(self, n: int, make: Callable[[int], list[Draft]]) -> tuple[list[Draft], list[Draft]]:
        """Make drafts until there are n new molecules, TRIES times at most. Without a screen a string is its own identity.

        Args:
            n: Number of new molecules that are wanted.
            make: Makes so many drafts; it is asked for more than are needed.

        Returns:
            The drafts that are new molecules, each molecule once, and the other drafts.
        """
        chosen: list[Draft] = []
        spare: list[Draft] = []
        taken: set[str] = set()
        screen = self.problem.screen
        for _ in range(TRIES):
            drafts = make(max(8, int(1.3 * (n - len(chosen)))))
            if screen is not None:
                rows = [row for row, d in enumerate(drafts) if d.molecule is None]
                for row, molecule in zip(rows, screen([drafts[row].string for row in rows]), strict=True):
                    drafts[row] = drafts[row]._replace(molecule=molecule)
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

    def propose_new(self, n: int, make: Callable[[int], list[Draft]]) -> Proposal:
        """Propose n rows that are new molecules, filled up with others where there are not enough."""
        chosen, spare = self.collect_drafts(n, make)
        # More are drawn than are needed: what is left of the pool's molecules comes when the others were proposed.
        self._pool += [d.string for d in chosen[n:] if d.origin == "pool" and d.string is not None]
        return self.build_proposal((chosen + spare)[:n])

    def build_proposal(self, rows: Sequence[Draft]) -> Proposal:
        """Put drafts together into a proposal; those that came as molecules are spelled now."""
        strings = [d.string if d.molecule is None else d.string or d.molecule.spelled or None for d in rows]
        self.archive.seen.update(  # what cannot be spelled is not proposed a second time
            d.molecule.key for d, string in zip(rows, strings, strict=True) if d.molecule is not None and string is None
        )
        return Proposal(
            torch.stack([d.z.float().cpu() for d in rows]),
            torch.full((len(rows), self.checkpoint.model.properties), torch.nan),
            strings,
            [d.origin for d in rows],
            [d.parent for d in rows],
        )

    def _draft_start(self, n: int) -> list[Draft]:
        drawn, self._pool = self._pool[:n], self._pool[n:]
        drafts = [Draft(self._nowhere, string, "pool") for string in drawn]
        missing = n - len(drafts)
        known = self.problem.known
        if missing and known is not None and len(known):
            if len(self._known_order) < missing:
                self._known_order += torch.randperm(len(known), generator=self.generator).tolist()
            some, self._known_order = self._known_order[:missing], self._known_order[missing:]
            drafts += self.decode_drafts(known[some].float().cpu(), "known point")
        if missing := n - len(drafts):
            drafts += self.decode_drafts(self._nowhere.expand(missing, -1), "prior")
        return drafts
