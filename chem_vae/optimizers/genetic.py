"""A genetic algorithm over latent points, SELFIES strings and, where the caller can vary them, structures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import selfies
import torch
from torch import Tensor

from chem_vae.errors import VocabularyError
from chem_vae.latent import slerp
from chem_vae.optimizers.archive import AT_ONCE, Draft, RememberingOptimizer
from chem_vae.optimizers.base import Molecule, Problem, Proposal, register

LATENT, STRING, STRUCTURE = "latent crossing", "SELFIES variation", "structure variation"


@register
class Genetic(RememberingOptimizer):
    """Proposes children of the best molecules found, made by three moves; moves that succeed are made more often.

    latent crossing: spherical interpolation between two parents' points, with noise, decoded (White 2016,
    arXiv:1609.04468). SELFIES variation: symbols replaced, inserted, deleted, or two strings joined, which is a molecule
    always (STONED; Nigam et al. 2021, doi:10.1039/D1SC00231G). structure variation: the caller's own, e.g. graph crossover
    (Jensen 2019, doi:10.1039/C8SC05372C). Parents are drawn by rank (Tripp & Hernández-Lobato 2023, arXiv:2310.09267);
    several objectives are ranked by Pareto front. The share of each move follows how many of its children entered the
    best `elite`, and never falls below `least_share`.
    """

    name = "genetic"
    several_objectives = True

    def __init__(self, problem: Problem, seed: int = 0) -> None:
        super().__init__(problem, seed)
        self._makers: dict[str, Callable[[int], list[Draft]]] = {LATENT: self._cross_points, STRING: self._vary_strings}
        if problem.vary is not None or problem.vary_molecules is not None:
            self._makers[STRUCTURE] = self._vary_structures
        self.tried = dict.fromkeys(self._makers, 1.0)
        """Children of each move, the older ones counting less, and below, those of them that entered the elite."""
        self.entered = dict.fromkeys(self._makers, 1.0)
        self.living = torch.empty(0, dtype=torch.long)
        """Rows of the archive, best first: the parents to be."""

    def compute_shares(self) -> dict[str, float]:
        """Compute the share of each move in the next proposal."""
        rates = {move: self.entered[move] / self.tried[move] for move in self._makers}
        free = 1.0 - self.search.least_share * len(rates)
        return {move: self.search.least_share + free * rate / sum(rates.values()) for move, rate in rates.items()}

    def ask(self, n: int) -> Proposal:
        if len(self.living) < min(n, self.search.founders):
            return self.propose_start(n)
        return self.propose_new(n, self._make_children)

    def tell(
        self, proposal: Proposal, z: Tensor, scores: Tensor, molecules: Sequence[Molecule | None] | None = None
    ) -> None:
        before = len(self.archive)
        super().tell(proposal, z, scores, molecules)
        keys = self.archive.get_keys(self.living[: self.search.elite].tolist())
        new = self.archive.get_keys(range(before, len(self.archive)))
        for move in self._makers:
            told = [m for m, origin in zip(molecules or [], proposal.origins or [], strict=False) if origin == move]
            if told:  # a child that is no molecule, or an old one, is a failure of its move
                self.tried[move] = self.search.memory * self.tried[move] + len(told)
                entered = sum(m is not None and m.key in new and m.key in keys for m in told)
                self.entered[move] = (
                    self.search.memory * self.entered[move] + entered + 0.01
                )  # 0.01: a move may come back

    def _learn(self, z: Tensor, scores: Tensor, molecules: Sequence[Molecule | None]) -> None:
        for new in self.archive.add(z, scores, molecules).split(AT_ONCE):
            self.living = self.archive.select_best(self.search.population, torch.cat([new, self.living]))

    # -- moves ---------------------------------------------------------------------------------------------------

    def _make_children(self, n: int) -> list[Draft]:
        shares = self.compute_shares()
        weights = torch.tensor(list(shares.values()))
        drawn = torch.multinomial(weights, n, replacement=True, generator=self.generator).bincount(
            minlength=len(shares)
        )
        drafts: list[Draft] = []
        for make, k in zip(self._makers.values(), drawn.tolist(), strict=True):
            drafts += make(k) if k else []
        if not drafts:
            return self._draft_start(n)
        return [drafts[i] for i in torch.randperm(len(drafts), generator=self.generator).tolist()]  # none goes first

    def _cross_points(self, n: int) -> list[Draft]:
        placed = self.living[self.archive.has_z()[self.living]]
        if len(placed) < 2:
            return []
        first, second = self.draw_parents(n, placed), self.draw_parents(n, placed)
        along = 0.5 * torch.rand(n, 1, generator=self.generator)  # the first parent is the nearer one
        size = self.search.latent_noise * torch.rand(n, 1, generator=self.generator)
        noise = size * self.measure_spread() * torch.randn(n, self.archive.z.shape[1], generator=self.generator)
        z = slerp(self.archive.z[first], self.archive.z[second], along) + noise
        return self.decode_drafts(z, LATENT, [self.archive.get_key(row) for row in first.tolist()])

    def _vary_strings(self, n: int) -> list[Draft]:
        spelled = torch.tensor([r for r in self.living.tolist() if self.archive.get_selfies(r)], dtype=torch.long)
        if len(spelled) == 0:
            return []
        first, second = self.draw_parents(n, spelled).tolist(), self.draw_parents(n, spelled).tolist()
        counts = Counter(
            s
            for row in spelled[: self.search.elite].tolist()
            for s in selfies.split_selfies(self.archive.get_selfies(row))
        )
        symbols = [s for s in self.checkpoint.vocabulary.symbols if s != "[nop]"]
        # As common as in the best molecules, and a little of all that the decoder knows.
        weights = torch.tensor([counts[s] + 0.2 * counts.total() / len(symbols) for s in symbols])
        drafts = []
        for a, b in zip(first, second, strict=True):
            string = list(selfies.split_selfies(self.archive.get_selfies(a)))
            if self._below(2) == 0:
                other = list(selfies.split_selfies(self.archive.get_selfies(b)))
                string = string[: 1 + self._below(len(string))] + other[self._below(len(other)) :]
            else:
                for _ in range(1 + self._below(3)):
                    self._mutate(string, symbols[int(torch.multinomial(weights, 1, generator=self.generator))])
            drafts.append(Draft(self._nowhere, self._keep_short("".join(string)), STRING, self.archive.get_key(a)))
        adapted = self.adapt([draft.string for draft in drafts])
        return [draft._replace(string=string) for draft, string in zip(drafts, adapted, strict=True)]

    def _vary_structures(self, n: int) -> list[Draft]:
        keys = [key for row in self.living.tolist() if (key := self.archive.get_key(row)) is not None]
        return self.vary_structures(keys, n, STRUCTURE)

    def vary_structures(self, keys: Sequence[str], n: int, origin: str) -> list[Draft]:
        """Make n variations of the structures with these keys; none where nothing can be varied."""
        if not keys:
            return []
        if self.problem.vary_molecules is not None:
            made = self.problem.vary_molecules(keys, n, self.draw_seed())
            return [Draft(self._nowhere, None, origin, parent, molecule) for molecule, parent in made]
        if self.problem.vary is None:
            return []
        varied = self.problem.vary(keys, n, self.draw_seed())
        return [Draft(self._nowhere, string, origin, parent) for string, parent in varied]

    def _mutate(self, string: list[str], symbol: str) -> None:
        """Replace, insert or delete one symbol in place."""
        kind, place = self._below(3), self._below(len(string))
        if kind == 0:
            string[place] = symbol
        elif kind == 1:
            string.insert(place, symbol)
        elif len(string) > 1:
            del string[place]

    def _keep_short(self, string: str) -> str | None:
        """Return the string, unless it is longer than the decoder's own may be."""
        try:
            return string if len(self.checkpoint.vocabulary.encode(string)) <= self.checkpoint.max_length else None
        except VocabularyError:
            return None

    def _below(self, n: int) -> int:
        return int(torch.randint(n, (1,), generator=self.generator))
