"""Constraints: the conditions that a molecule must meet to be scored at all.

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

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem, rdBase
from rdkit.Chem import Mol

from chem_vae.errors import UserError
from pipeline.chemistry.filters.structure_filters import (
    EVERYTHING,
    list_unusual_names,
    locate_unusual,
    name_first_unusual_of_each,
)
from pipeline.chemistry.named_molecules import read_named_molecule
from pipeline.chemistry.variation.scaffolds import Scaffold
from pipeline.objectives.config import MEASURED_SIZE, MOST_UNUSUAL, USUAL, USUAL_SIZE, Constraint, Objective
from pipeline.objectives.rules import find_contradiction, make_rule, require_scaffold, require_usual_structure

MOST_CONFLICTS = 3  # named in a message


def collect_named_molecules(constraints: Sequence[Constraint]) -> list[Mol]:
    """Collect the molecules that constraints ask to be like, or to contain where the SMARTS is a molecule by itself."""
    patterns = [c.must_contain for c in constraints if c.must_contain]
    with rdBase.BlockLogs():
        mols = [mol for mol in map(Chem.MolFromSmiles, patterns) if mol is not None]
    alike = [text for c in constraints if c.bounds()[0] > 0 for text in c.similarity_to or ()]
    return mols + [read_named_molecule(text, "reference").mol for text in alike]


def check_aims(objectives: Mapping[str, Objective], constraints: Sequence[Constraint]) -> None:
    """Check that no target or range lies wholly outside of what a constraint allows. Raises UserError."""
    for name, objective in objectives.items():
        ends = objective.range or (objective.target, objective.target)
        for constraint in constraints:
            low, high = constraint.bounds()
            below = ends[1] is not None and ends[1] < low
            if constraint.property == name and (below or (ends[0] is not None and ends[0] > high)):
                raise UserError(
                    f"no molecule can have {name} {objective.describe()} and meet the constraint {constraint.describe()!r}; change one"
                )


@dataclass(frozen=True)
class Checked:
    """The results of n molecules."""

    passed: NDArray[np.bool_]
    """(n,) whether the molecule meets every constraint."""
    reasons: list[str | None]
    """By row, the first constraint that failed, cheapest first; None where it passed."""
    counts: dict[str, int]
    """By constraint, how many molecules failed it first; rows without a molecule are in no count."""
    unusual: Counter[str]
    """Of the molecules that failed USUAL first, how many have what; a molecule counts where the first thing was found."""


NO_MOLECULE = "no molecule"


class Constraints:
    """Checks molecules against several constraints, the cheap ones first.

    Args:
        constraints: All must be met.
        allowed: With these, a molecule with anything else that is unusual (`pipeline.chemistry.filters.structure_filters.locate_unusual`)
            fails too; None, or the names of all, does not look for it.
        scaffold: What every molecule keeps; None: nothing.

    Raises:
        UserError: If one names a SMARTS, SMILES, element, property or set of alerts that cannot be read, or if two contradict
            each other, whatever the molecule.
    """

    def __init__(
        self,
        constraints: Sequence[Constraint],
        allowed: Collection[str] | None = None,
        scaffold: Scaffold | None = None,
    ) -> None:
        self.constraints = tuple(dict.fromkeys(constraints))
        rules = []
        for constraint in self.constraints:
            try:
                rules.append((constraint.describe(), make_rule(constraint)))
            except UserError as error:
                raise UserError(f"the constraint {constraint.describe()!r} cannot be checked: {error}") from None
        if clash := find_contradiction(self.constraints):
            raise UserError(f"no molecule can meet both constraints: {clash[0]!r} and {clash[1]!r}; drop or loosen one")
        everything = allowed is None or {*list_unusual_names()} <= {*allowed}
        self._allowed = None if everything else frozenset(allowed or ())
        if self._allowed is not None:
            rules.append((USUAL, require_usual_structure(self._allowed)))
        if scaffold is not None:
            rules.append((f"keeps the scaffold {scaffold.text}", require_scaffold(scaffold)))
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

    @property
    def allowed(self) -> frozenset[str] | None:
        """What a molecule may have although it is unusual; None where that is not looked for."""
        return self._allowed

    def check(self, mols: Sequence[Mol | None], usual: bool = False) -> Checked:
        """Check sanitized molecules. None never passes, nor does a molecule whose property cannot be computed.

        Args:
            mols: n molecules.
            usual: Whether it is known that nothing in them is unusual that is not allowed, which then is not looked for again.
        """
        unusual: Counter[str] = Counter()
        reasons: list[str | None] = [NO_MOLECULE if mol is None else None for mol in mols]
        left = [(row, mol) for row, mol in enumerate(mols) if mol is not None]
        for name, rule in self._rules:  # each sees what has passed those before it
            if name == USUAL and self._allowed is not None:
                odd: list[str | None] = [None] * len(left)
                if not usual:
                    odd = name_first_unusual_of_each([mol for _, mol in left], [self._allowed] * len(left))
                unusual.update(what for what in odd if what is not None)
                holds = [what is None for what in odd]
            else:
                holds = [rule.holds(mol) for _, mol in left]
            for (row, _), held in zip(left, holds, strict=True):
                reasons[row] = None if held else name
            left = [pair for pair, held in zip(left, holds, strict=True) if held]
        counts = dict.fromkeys(self.names, 0)
        for reason in reasons:
            if reason in counts:
                counts[reason] += 1
        passed = np.array([reason is None for reason in reasons], dtype=np.bool_)
        return Checked(passed, reasons, counts, unusual)

    def explain(self, mols: Sequence[Mol | None]) -> str:
        """Explain why (almost) nothing passes: how many molecules fail each constraint, and which pairs are never met together.

        Every constraint is checked on every molecule, so give it some hundreds.
        """
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
        named: Counter[str] = Counter()
        if self._allowed is not None:
            named.update(name for mol in there for name in locate_unusual(mol, self._allowed))
        return explain_failures(failed, len(there), conflicts, int(met.all(axis=0).sum()), named)


def explain_failures(
    counts: dict[str, int],
    of: int,
    conflicts: Sequence[tuple[str, int, str, int]] = (),
    passed: int = 0,
    unusual: Mapping[str, int] | None = None,
) -> str:
    """Write a sentence for a run in which (almost) nothing passes: the count by constraint, and what to do.

    Args:
        counts: By constraint, how many molecules failed it.
        of: How many molecules there were.
        conflicts: Pairs of constraints with how many met each, where none met both.
        passed: How many met all.
        unusual: By name of what is unusual, how many molecules have it.
    """
    if not of:
        return "there was no molecule to hold against the constraints"
    worst = sorted((item for item in counts.items() if item[1]), key=lambda item: -item[1])
    odd = [explain_allowing(unusual or {})] if counts.get(USUAL) else []
    odd += ["--within mw=:600 sets another limit"] * any(
        n and name.startswith(MEASURED_SIZE) for name, n in counts.items()
    )
    odd += ["--any-size leaves the size free"] * any(n and name.startswith(USUAL_SIZE) for name, n in counts.items())
    told = "; ".join(f"{count:,} failed {name!r}" for name, count in worst) or "none failed one"
    clashes = [
        f"none met both {a!r} ({n:,} did) and {b!r} ({m:,} did), which may contradict each other"
        for a, n, b, m in sorted(conflicts, key=lambda c: -min(c[1], c[3]))[:MOST_CONFLICTS]
    ]
    some = f"only {passed:,} of {of:,} molecules pass" if passed else f"none of {of:,} molecules passes"
    return "; ".join([f"{some} the constraints: {told}", *clashes, *odd, "loosen or drop what fails most"])


def explain_allowing(unusual: Mapping[str, int]) -> str:
    """Say what is unusual in refused molecules, the most frequent first, and which option lets it through."""
    worst = sorted(unusual.items(), key=lambda item: (-item[1], item[0]))[:MOST_UNUSUAL]
    told = ", ".join(f"{name} ({count:,})" for name, count in worst)
    names = [name for name, _ in worst] or [EVERYTHING]
    options = " ".join(f"--allow-unusual {name!r}" for name in names)
    return (
        f"unusual are {told}; " if told else ""
    ) + f"{options} lets it through (allow_unusual = {json.dumps(names)})"
