"""What a molecule must be to be scored at all, as a configuration says it and as molecules are held to it.

[[constraints]]
must_contain = "c1ccccc1"                 # SMARTS; at_least = 2 for two of them
[[constraints]]
similarity_to = "CC(=O)Oc1ccccc1C(=O)O"   # ECFP4, Tanimoto
at_least = 0.4
[[constraints]]
property = "sa"                           # or any registered one, heavy_atoms, ring_size
at_most = 4
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, field_validator, model_validator

from chem_vae.errors import UserError
from pipeline.workspace.settings import Settings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rdkit.Chem import Mol

SUBJECTS = ("must_contain", "must_not_contain", "alerts", "similarity_to", "elements", "property")
MOST_CONFLICTS = 3  # named in a message


class Constraint(Settings):
    """One thing that a molecule must be or must not be: exactly one of SUBJECTS, with its bounds (both included)."""

    must_contain: str | None = Field(None, description="SMARTS; at_least so many matches, one when not given.")
    must_not_contain: str | None = Field(None, description="SMARTS; with at_least, not so many matches or more.")
    alerts: tuple[str, ...] | None = Field(
        None, description="Sets of alerts to be free of: PAINS, BRENK, NIH, ZINC ..."
    )
    similarity_to: tuple[str, ...] | None = Field(
        None, description="SMILES; Tanimoto similarity of ECFP4 (Morgan, radius 2, 2048 bits) to the nearest of them."
    )
    elements: tuple[str, ...] | None = Field(None, description="The only elements allowed, hydrogen aside.")
    property: str | None = Field(None, description="A registered property, heavy_atoms, or ring_size (largest ring).")
    at_least: float | None = None
    at_most: float | None = None
    name: str | None = Field(None, min_length=1, description="What counts and messages call it.")

    @field_validator("alerts", "similarity_to", "elements", mode="before")
    @classmethod
    def _one_alone(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_subject(self) -> Self:
        said = [s for s in SUBJECTS if getattr(self, s) not in (None, ())]
        if len(said) != 1:
            raise ValueError(f"say exactly one of {', '.join(SUBJECTS)}")
        low, high = self.at_least, self.at_most
        if said[0] in ("alerts", "elements") and (low, high) != (None, None):
            raise ValueError(f"{said[0]} takes neither at_least nor at_most")
        if said[0] in ("similarity_to", "property") and (low, high) == (None, None):
            raise ValueError(f"{said[0]} needs at_least, at_most or both")
        if said[0] == "similarity_to" and not all(0 <= v <= 1 for v in (low, high) if v is not None):
            raise ValueError("a similarity lies in 0 to 1")
        if said[0].endswith("contain") and any(v is not None and (v < 0 or v % 1) for v in (low, high)):
            raise ValueError("matches are counted in whole numbers")
        if said[0] == "must_not_contain" and (high is not None or low == 0):
            raise ValueError("must_not_contain takes at_least alone, of one or more: from where on it is too many")
        low, high = self.bounds()
        if low > high:
            raise ValueError(f"nothing is at least {low:g} and at most {high:g}")
        return self

    @model_validator(mode="after")
    def _readable(self) -> Self:
        from pipeline.objectives.rules import rule_of

        rule_of(self)  # raises for a SMARTS, SMILES, set, element or property that there is not
        return self

    def bounds(self) -> tuple[float, float]:
        """The counts, similarities or values allowed, from the lowest to the highest."""
        if self.must_not_contain is not None:
            return -math.inf, (1.0 if self.at_least is None else self.at_least) - 1
        least = 1.0 if self.must_contain is not None and self.at_least is None else self.at_least
        return -math.inf if least is None else least, math.inf if self.at_most is None else self.at_most

    def describe(self) -> str:
        """In words, as messages print it: "sa at most 4"."""
        if self.name is not None:
            return self.name
        ends = [f"{w} {v:g}" for w, v in (("at least", self.at_least), ("at most", self.at_most)) if v is not None]
        bounds = " and ".join(ends)
        if self.must_contain is not None:
            return f"contains {bounds + ' ' if bounds else ''}{self.must_contain}"
        if self.must_not_contain is not None:
            return f"does not contain {bounds + ' ' if bounds else ''}{self.must_not_contain}"
        if self.alerts is not None:
            return f"no alert of {', '.join(self.alerts)}"
        if self.elements is not None:
            return f"only {', '.join(self.elements)}"
        if self.similarity_to is not None:
            others = f" or {len(self.similarity_to) - 1} more" if len(self.similarity_to) > 1 else ""
            return f"similarity to {self.similarity_to[0]}{others} {bounds}"
        return f"{self.property} {bounds}"


def named_molecules(constraints: Sequence[Constraint]) -> list[Mol]:
    """What molecules are to be like, or to contain as far as that is a molecule by itself."""
    from rdkit import Chem, rdBase

    texts = [
        text
        for c in constraints
        for text in ((c.must_contain,) if c.must_contain else c.similarity_to or () if c.bounds()[0] > 0 else ())
    ]
    with rdBase.BlockLogs():
        return [mol for mol in map(Chem.MolFromSmiles, texts) if mol is not None]


@dataclass(frozen=True)
class Checked:
    """What came of n molecules."""

    passed: NDArray[np.bool_]
    """(n,)"""
    reasons: list[str | None]
    """By row the first constraint that failed, cheapest first; None where it passed."""
    counts: dict[str, int]
    """By constraint how many molecules failed it first. Rows without a molecule are in no count."""
    of: int
    """How many molecules there were."""


NO_MOLECULE, USUAL = "no molecule", "no odd structure"


class Constraints:
    """Several constraints, all to be met, made ready to be checked fast: the cheap ones first.

    Raises UserError where two of them contradict each other, whatever the molecule.
    """

    def __init__(self, constraints: Sequence[Constraint], allowed_oddities: Collection[str] | None = None) -> None:
        """allowed_oddities: molecules with any other oddity (`pipeline.chemistry.structure_filters`) fail, too; None: oddities are not looked at."""
        from pipeline.objectives.rules import contradiction, rule_of, usual_structure

        self.constraints = tuple(dict.fromkeys(constraints))
        if clash := contradiction(self.constraints):
            raise UserError(f"no molecule can meet both constraints: {clash[0]!r} and {clash[1]!r}; drop or loosen one")
        rules = [(c.describe(), rule_of(c)) for c in self.constraints]
        if allowed_oddities is not None:
            rules.append((USUAL, usual_structure(allowed_oddities)))
        self._rules = sorted(rules, key=lambda pair: pair[1].cost)
        names = [name for name, _ in self._rules]
        if twice := [name for name in names if names.count(name) > 1]:
            raise UserError(f"two constraints are called {twice[0]!r}; give each a name of its own")

    def __len__(self) -> int:
        return len(self._rules)

    @property
    def names(self) -> list[str]:
        """The constraints in words, in the order in which they are checked."""
        return [name for name, _ in self._rules]

    def __call__(self, mols: Sequence[Mol | None]) -> NDArray[np.bool_]:
        """(n,) whether each molecule passes."""
        return self.check(mols).passed

    def check(self, mols: Sequence[Mol | None]) -> Checked:
        """Sanitized molecules, None where there is none: those never pass. A property that cannot be computed fails."""
        import numpy as np

        reasons = [NO_MOLECULE if mol is None else self._first_failed(mol) for mol in mols]
        counts = dict.fromkeys(self.names, 0)
        for reason in reasons:
            if reason in counts:
                counts[reason] += 1
        passed = np.array([reason is None for reason in reasons], dtype=np.bool_)
        return Checked(passed, reasons, counts, sum(mol is not None for mol in mols))

    def _first_failed(self, mol: Mol) -> str | None:
        for name, rule in self._rules:
            if not rule.holds(mol):
                return name
        return None

    def explain(self, mols: Sequence[Mol | None]) -> str:
        """Why (almost) nothing passes: every constraint checked on every molecule, the count of each by itself, and pairs
        of which each is met but never both. For the moment when a run finds nothing, on some hundreds of molecules."""
        import numpy as np

        there = [mol for mol in mols if mol is not None]
        met = np.array([[rule.holds(mol) for mol in there] for _, rule in self._rules], dtype=bool)
        met = met.reshape(len(self), len(there))
        failed = {name: int((~row).sum()) for name, row in zip(self.names, met, strict=True)}
        conflicts = [
            (self.names[i], int(met[i].sum()), self.names[j], int(met[j].sum()))
            for i in range(len(self))
            for j in range(i + 1, len(self))
            if met[i].any() and met[j].any() and not (met[i] & met[j]).any()
        ]
        return nothing_passes_message(failed, len(there), conflicts, int(met.all(axis=0).sum()))


def nothing_passes_message(
    counts: dict[str, int], of: int, conflicts: Sequence[tuple[str, int, str, int]] = (), passed: int = 0
) -> str:
    """A sentence for a run in which (almost) nothing passes: the count by constraint, and what to do.

    counts: by constraint how many of the `of` molecules failed it; conflicts: pairs, with how many met each, met by none
    together.
    """
    if not of:
        return "there was no molecule to hold against the constraints"
    worst = sorted((item for item in counts.items() if item[1]), key=lambda item: -item[1])
    odd = ["odd_structures = true lets through what is odd"] if counts.get(USUAL) else []
    told = "; ".join(f"{count:,} failed {name!r}" for name, count in worst) or "none failed one"
    clashes = [
        f"none met both {a!r} ({n:,} did) and {b!r} ({m:,} did), which may contradict each other"
        for a, n, b, m in sorted(conflicts, key=lambda c: -min(c[1], c[3]))[:MOST_CONFLICTS]
    ]
    some = f"only {passed:,} of {of:,} molecules pass" if passed else f"none of {of:,} molecules passes"
    return "; ".join([f"{some} the constraints: {told}", *clashes, *odd, "loosen or drop what fails most"])
