"""Which molecules an optimization may ask about, and how many were refused for what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem

from chem_vae.errors import UserError
from chem_vae.vocabulary import SelfiesVocabulary
from pipeline.objectives.config import Constraint
from pipeline.objectives.constraints import Constraints
from pipeline.optimization.screen import Screen


class Admission:
    """The constraints at the door: `screen` lets through what meets them, and the rest is counted."""

    def __init__(
        self,
        vocabulary: SelfiesVocabulary,
        constraints: Sequence[Constraint],
        allowed_oddities: Collection[str] | None = None,
    ) -> None:
        """allowed_oddities: as `Constraints` takes them."""
        self.constraints = Constraints(constraints, allowed_oddities)
        self.screen = Screen(vocabulary, self._verdict if len(self.constraints) else None)
        self._free = Screen(vocabulary)
        self._broken: Counter[str] = Counter()
        self._drafts = 0

    @property
    def looked_at(self) -> int:
        """Valid molecules, whether they passed or not."""
        return self.screen.tally["valid"] + self.screen.tally["constrained"]

    def counted(
        self, strings: Sequence[str | None], keys: Sequence[str | None]
    ) -> tuple[dict[str, int], dict[str, int]]:
        """As `Accounts.tally` and `Accounts.broken` count, of one round: its strings and their keys, None where refused.

        Drafts are all that was looked at since the last round, by strategies too.
        """
        refused = [s for s, key in zip(strings, keys, strict=True) if key is None]
        passed = len(strings) - len(refused)
        valid = passed + (sum(m is not None for m in self._free(refused)) if len(self.constraints) else 0)
        counts = {"proposed": len(strings), "valid": valid, "passed": passed, "drafts": self.looked_at - self._drafts}
        broken = dict(self._broken)
        self._drafts = self.looked_at
        self._broken.clear()
        return counts, broken

    def explain(self, strings: Sequence[str | None]) -> None:
        """Raises UserError that says which constraint it is that none of these molecules meets."""
        mols = [Chem.MolFromSmiles(m.key) for m in self._free(strings) if m is not None]
        if mols:
            raise UserError(self.constraints.explain(mols))

    def _verdict(self, mols: Sequence[Chem.Mol]) -> NDArray[np.bool_]:
        checked = self.constraints.check(mols)
        self._broken.update(checked.counts)
        return checked.passed
