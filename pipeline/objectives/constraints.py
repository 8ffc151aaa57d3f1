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

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chem_vae.errors import UserError
from pipeline.objectives.config import Constraint

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rdkit.Chem import Mol

MOST_CONFLICTS = 3  # named in a message


def collect_named_molecules(constraints: Sequence[Constraint]) -> list[Mol]:
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

    Raises UserError where one names a SMARTS, SMILES, element, property or set of alerts that cannot be read, and where two
    contradict each other, whatever the molecule.
    """

    def __init__(self, constraints: Sequence[Constraint], allowed_oddities: Collection[str] | None = None) -> None:
        """allowed_oddities: molecules with any other oddity (`pipeline.chemistry.structure_filters`) fail, too; None: oddities are not looked at."""
        from pipeline.objectives.rules import contradiction, require_usual_structure, rule_of  # heavy (RDKit)

        self.constraints = tuple(dict.fromkeys(constraints))
        rules = []
        for constraint in self.constraints:
            try:
                rules.append((constraint.describe(), rule_of(constraint)))
            except UserError as error:
                raise UserError(f"the constraint {constraint.describe()!r} cannot be checked: {error}") from None
        if clash := contradiction(self.constraints):
            raise UserError(f"no molecule can meet both constraints: {clash[0]!r} and {clash[1]!r}; drop or loosen one")
        if allowed_oddities is not None:
            rules.append((USUAL, require_usual_structure(allowed_oddities)))
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
        return explain_failures(failed, len(there), conflicts, int(met.all(axis=0).sum()))


def explain_failures(
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
