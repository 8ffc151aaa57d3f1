"""Screens SELFIES strings and SMILES: reads them as molecules and holds these to the constraints, free of oracle calls.

Strategies screen many more strings than are ever scored. Screening is therefore quick: it needs no InChI, and it repeats no
work for a string that is still in its cache.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from rdkit import Chem, rdBase
from rdkit.Chem import Mol
from torch import Tensor

from chem_vae.errors import UserError
from chem_vae.optimizers.base import Molecule
from chem_vae.vocabulary import SelfiesVocabulary, use_bond_constraints
from pipeline.chemistry.fingerprints import SIMULATED_COUNTS
from pipeline.chemistry.validate import sanitize_smiles
from pipeline.chemistry.variation.crossover import vary
from pipeline.models.spelling import write_selfies
from pipeline.objectives.constraints import Constraints


class _Draft(Molecule):
    """A molecule that is spelled as SELFIES when that is first asked for: most drafts are looked at once and never proposed."""

    def __init__(
        self, key: str, bits: bytes, vocabulary: SelfiesVocabulary, remember: Callable[[str, _Draft], None]
    ) -> None:
        fields = {"key": key, "bits": bits, "vocabulary": vocabulary, "remember": remember}
        self.__dict__.update(fields)  # the fields cannot be set one by one

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Draft) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    @property
    def features(self) -> Tensor:
        """The zeros and ones (2048,) uint8, which are kept as bits: tens of thousands of drafts are remembered."""
        return torch.from_numpy(np.unpackbits(np.frombuffer(self.__dict__["bits"], dtype=np.uint8)))

    @cached_property
    def spelled(self) -> str:
        """The SELFIES string, also where it has symbols that the vocabulary has not; "" where there is none."""
        string = write_selfies(self.key, self.__dict__["vocabulary"]) or ""
        if string:
            self.__dict__["remember"](string, self)
        return string

    @cached_property
    def selfies(self) -> str:
        """The SELFIES string; "" where the vocabulary cannot spell it."""
        return self.spelled if self.spelled and not self.__dict__["vocabulary"].find_missing(self.spelled) else ""


@dataclass(frozen=True)
class Screened:
    """The result for one string that is a valid molecule."""

    molecule: _Draft | None
    """None where the molecule breaks a constraint."""

    @property
    def selfies(self) -> str:
        """The molecule's SELFIES string, also where it has symbols that the vocabulary has not; "" where there is none."""
        return self.molecule.spelled if self.molecule is not None else ""


_REFUSED = Screened(None)


class Screen:
    """Decides which strings are molecules that may be proposed."""

    def __init__(
        self, vocabulary: SelfiesVocabulary, constraints: Constraints | None = None, cache: int = 50_000
    ) -> None:
        """Make a screen for the strings of a vocabulary; `cache` strings are remembered, with 1 kB each, the oldest go first."""
        self.vocabulary, self.constraints = vocabulary, constraints
        self.tally: Counter[str] = Counter()
        """How many strings that were not in the cache were "valid", "constrained" (a molecule that breaks a constraint), or
        failed as `pipeline.chemistry.validate` names it."""
        self.broken: Counter[str] = Counter()
        """The molecules that failed each constraint first, by the constraint in words."""
        self.unusual: Counter[str] = Counter()
        """The molecules that were refused as unusual, by name of what was found first."""
        self._cache = cache
        self._of_selfies: OrderedDict[str, Screened | None] = OrderedDict()
        self._of_smiles: OrderedDict[str, Screened | None] = OrderedDict()

    @property
    def drafts(self) -> int:
        """The number of valid molecules screened, whether they passed or not."""
        return self.tally["valid"] + self.tally["constrained"]

    def __call__(self, strings: Sequence[str | None]) -> list[Molecule | None]:
        """Read n SELFIES strings as molecules; None where a string is none, or breaks a constraint. Raises for no string.

        A molecule's key is its canonical SMILES, its features are (2048,) uint8.
        """
        return [_molecule_of(found) for found in self.examine(strings)]

    def examine(self, strings: Sequence[str | None]) -> list[Screened | None]:
        """Screen SELFIES strings and tell apart what is no molecule (None) and what breaks a constraint."""
        return self._screen(strings, self._of_selfies, self._read_selfies)

    def from_smiles(self, smiles: Sequence[str | None], usual: bool = False) -> list[Molecule | None]:
        """Screen SMILES as `__call__` screens SELFIES strings; the molecules are spelled only when that is asked for, and then their
        strings are in the cache.

        usual: whether the molecules are known to have nothing unusual but what the constraints allow.
        """
        return [_molecule_of(found) for found in self._screen(smiles, self._of_smiles, sanitize_smiles, usual)]

    def spell(self, smiles: Sequence[str | None], usual: bool = False) -> list[str | None]:
        """Write SMILES as SELFIES strings; None where one is no molecule, breaks a constraint, or has no SELFIES string.

        A string may have symbols that the vocabulary has not: it can be decoded and scored, but not encoded (then the
        molecule's own `selfies` is "").

        usual: whether the molecules are known to have nothing unusual but what the constraints allow.
        """
        return [found.selfies or None if found is not None else None for found in self._screen_smiles(smiles, usual)]

    def explain(self, strings: Sequence[str | None]) -> None:
        """Raise a UserError that names the constraints which none of these molecules meets; do nothing without molecules."""
        keys = [m.key for m in Screen(self.vocabulary)(strings) if m is not None]
        if keys and self.constraints is not None:
            raise UserError(self.constraints.explain([Chem.MolFromSmiles(key) for key in keys]))

    def _screen_smiles(self, smiles: Sequence[str | None], usual: bool = False) -> list[Screened | None]:
        return self._screen(smiles, self._of_smiles, sanitize_smiles, usual)

    def _read_selfies(self, string: str) -> tuple[Mol | None, str]:
        try:
            smiles = self.vocabulary.to_smiles(string)
        except Exception:  # selfies raises DecoderError, and on odd input a dozen other kinds
            return None, "not decoded"
        return sanitize_smiles(smiles)

    def _screen(
        self,
        strings: Sequence[str | None],
        known: OrderedDict[str, Screened | None],
        read: Callable[[str], tuple[Mol | None, str]],
        usual: bool = False,
    ) -> list[Screened | None]:
        results: list[Screened | None] = [None] * len(strings)
        fresh: dict[str, list[int]] = {}
        for row, string in enumerate(strings):
            if not isinstance(string, str):  # None, or the NaN that a data frame makes of it
                self.tally["not decoded"] += 1
            elif string in known:
                known.move_to_end(string)
                results[row] = known[string]
            else:
                fresh.setdefault(string, []).append(row)
        mols: dict[str, Mol] = {}
        with rdBase.BlockLogs(), use_bond_constraints(self.vocabulary.constraints):
            for string in fresh:
                try:
                    mol, status = read(string)
                except Exception:  # RDKit's C++ exceptions have no common base
                    mol, status = None, "not sanitized"
                if mol is None:
                    self.tally[status] += 1
                    self._remember(known, string, None)
                else:
                    mols[string] = mol
            for (string, mol), passed in zip(mols.items(), self._check(list(mols.values()), usual), strict=True):
                self.tally["valid" if passed else "constrained"] += 1
                screened = self._describe(mol) if passed else _REFUSED
                if not passed:
                    self._remember(self._of_smiles, Chem.MolToSmiles(mol), screened)
                self._remember(known, string, screened)
                for row in fresh[string]:
                    results[row] = screened
        return results

    def _check(self, mols: Sequence[Mol], usual: bool) -> list[bool]:
        """Say whether each molecule meets the constraints, and count those that fail."""
        if self.constraints is None or not mols:
            return [True] * len(mols)
        checked = self.constraints.check(mols, usual)
        self.broken.update(checked.counts)
        self.unusual.update(checked.unusual)
        return [bool(passed) for passed in checked.passed]

    def _describe(self, mol: Mol) -> Screened:
        key = Chem.MolToSmiles(mol)
        same = self._of_smiles.get(key)
        if same is not None:  # another spelling of a molecule that is known
            return same
        bits = np.packbits(SIMULATED_COUNTS.array(mol)).tobytes()
        screened = Screened(_Draft(key, bits, self.vocabulary, self._remember_spelled))
        self._remember(self._of_smiles, key, screened)
        return screened

    def _remember_spelled(self, string: str, draft: _Draft) -> None:
        """Remember a draft by its own string, so that what is proposed is not read again."""
        self._remember(self._of_selfies, string, Screened(draft))

    def _remember(self, known: OrderedDict[str, Screened | None], string: str, screened: Screened | None) -> None:
        known[string] = screened
        known.move_to_end(string)
        while len(known) > self._cache:
            known.popitem(last=False)


class NarrowScreen:
    """Screens as another screen does, and refuses unusual structures too, which that one lets pass."""

    def __init__(self, screen: Screen, allowed: Collection[str]) -> None:
        """Make it for a screen; `allowed` is what is usual for the model and the user."""
        self._screen, self._constraints = screen, Constraints((), allowed)
        self._usual: dict[str, bool] = {}

    def __call__(self, strings: Sequence[str | None]) -> list[Molecule | None]:
        """Read SELFIES strings as molecules; None where a string is none, or is refused."""
        return [m if m is not None and self._is_usual(m.key) else None for m in self._screen(strings)]

    def remember(self, keys: Iterable[str]) -> None:
        """Remember molecules, by their canonical SMILES, in which nothing is unusual."""
        self._usual.update(dict.fromkeys(keys, True))

    def _is_usual(self, key: str) -> bool:
        if key not in self._usual:
            self._usual[key] = bool(self._constraints.check([Chem.MolFromSmiles(key)]).passed[0])
        return self._usual[key]


class Variation:
    """Crosses and mutates the structures of known molecules: the `vary` function of a Problem, and its `vary_molecules`.

    Args:
        screen: Decides which children may be proposed.
        elements: Elements that a child may have, or elements with weights.
        max_atoms: The most heavy atoms of a child.
        allowed: What may be unusual in a child; what the screen allows when None.
        narrow: A screen that is told that the children are usual.
    """

    def __init__(
        self,
        screen: Screen,
        *,
        elements: Sequence[str] | Mapping[str, float],
        max_atoms: int,
        allowed: Collection[str] | None = None,
        narrow: NarrowScreen | None = None,
    ) -> None:
        self._screen, self._elements, self._max_atoms, self._narrow = screen, elements, max_atoms, narrow
        of_screen = screen.constraints.allowed if screen.constraints is not None else None
        self._allowed = of_screen if allowed is None else allowed

    def __call__(self, keys: Sequence[str], n: int, seed: int) -> list[tuple[str | None, str]]:
        """Make n children of the parents with these keys, best first.

        Returns:
            n pairs of a child's SELFIES string (None where the screen refuses it) and its parent's key.
        """
        return [(m.spelled or None if m is not None else None, key) for m, key in self.make_molecules(keys, n, seed)]

    def make_molecules(self, keys: Sequence[str], n: int, seed: int) -> list[tuple[Molecule | None, str]]:
        """Make children as `__call__` does, as molecules that are spelled only when that is asked for."""
        allowed = self._allowed
        pairs = vary(keys, n, seed, elements=self._elements, max_atoms=self._max_atoms, allowed=allowed)
        if self._narrow is not None:
            self._narrow.remember(child for child, _ in pairs if child is not None)
        found = self._screen.from_smiles([child for child, _ in pairs], usual=allowed is not None)
        return [(molecule, parent) for molecule, (_, parent) in zip(found, pairs, strict=True)]


def _molecule_of(found: Screened | None) -> Molecule | None:
    return found.molecule if found is not None else None
