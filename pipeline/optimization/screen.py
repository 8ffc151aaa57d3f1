"""From strings to the molecules that a strategy is told of: identity, own spelling, substructures; constraints kept.

It costs no oracle call, and strategies ask it of many more strings than are ever scored, so it is quick: no InChI, and
nothing is worked out twice while it is in the cache.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from rdkit import Chem, rdBase
from rdkit.Chem import Mol
from torch import Tensor

from chem_vae.optimizers.base import Molecule
from chem_vae.vocabulary import SelfiesVocabulary, bond_constraints
from pipeline.chemistry.crossover import vary
from pipeline.chemistry.fingerprints import SIMULATED_COUNTS
from pipeline.chemistry.validate import sanitized
from pipeline.models.spelling import write_selfies


@dataclass(frozen=True)
class _Screened:
    molecule: Molecule
    spelling: str
    """Its SELFIES string, also where it has symbols that the vocabulary has not; "" where SELFIES cannot spell it."""


class Screen:
    """Which strings are molecules that may be proposed.

    vocabulary: whose bond constraints the strings are meant under, and which spells the molecules.
    constraints: molecules -> whether each may be proposed; None for no constraint.
    """

    def __init__(
        self,
        vocabulary: SelfiesVocabulary,
        constraints: Callable[[Sequence[Mol]], Iterable[bool]] | None = None,
        cache: int = 50_000,
    ) -> None:
        """cache: strings that are remembered with their molecules (some 3 kB each), the latest ones."""
        self.vocabulary = vocabulary
        self.tally: Counter[str] = Counter()
        """How many of the strings that were not in the cache were "valid", "constrained" (a molecule that breaks a constraint),
        or what `pipeline.chemistry.validate` calls the failure."""
        self._constraints = constraints
        self._cache = cache
        self._of_selfies: OrderedDict[str, _Screened | None] = OrderedDict()
        self._of_smiles: OrderedDict[str, _Screened | None] = OrderedDict()

    def __call__(self, strings: Sequence[str | None]) -> list[Molecule | None]:
        """SELFIES strings -> molecules, row i for row i; None where a string is none, or breaks a constraint.

        Never raises for a single string. A molecule's key is its canonical SMILES, its features (2048,) uint8.
        """
        return [_molecule(found) for found in self._screened(strings, self._of_selfies, self._read_selfies)]

    def from_smiles(self, smiles: Sequence[str | None]) -> list[Molecule | None]:
        """As for SELFIES strings, from SMILES. The spellings of these molecules need no work when they are screened next."""
        return [_molecule(found) for found in self._smiles(smiles)]

    def spellings(self, smiles: Sequence[str | None]) -> list[str | None]:
        """The SELFIES strings of SMILES: None where one is no molecule, breaks a constraint, or SELFIES cannot spell it.

        A string may have symbols that the vocabulary has not: it can be decoded and scored, but not encoded (then the
        molecule's own `selfies` is "").
        """
        return [found.spelling or None if found is not None else None for found in self._smiles(smiles)]

    # -- inside --------------------------------------------------------------------------------------------------

    def _smiles(self, smiles: Sequence[str | None]) -> list[_Screened | None]:
        found = self._screened(smiles, self._of_smiles, lambda text: sanitized(text)[::-1])
        for screened in found:
            if screened is not None and screened.spelling:
                self._remember(self._of_selfies, screened.spelling, screened)
        return found

    def _read_selfies(self, string: str) -> tuple[str, Mol | None]:
        try:
            smiles = self.vocabulary.to_smiles(string)
        except Exception:  # selfies raises DecoderError, and on odd input a dozen other kinds
            return "not decoded", None
        mol, status = sanitized(smiles)
        return status, mol

    def _screened(
        self,
        strings: Sequence[str | None],
        known: OrderedDict[str, _Screened | None],
        read: Callable[[str], tuple[str, Mol | None]],
    ) -> list[_Screened | None]:
        results: list[_Screened | None] = [None] * len(strings)
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
        with rdBase.BlockLogs(), bond_constraints(self.vocabulary.constraints):
            for string in fresh:
                try:
                    status, mol = read(string)
                except Exception:  # RDKit's C++ exceptions have no common base
                    status, mol = "not sanitized", None
                if mol is None:
                    self.tally[status] += 1
                    self._remember(known, string, None)
                else:
                    mols[string] = mol
            passed = self._constraints(list(mols.values())) if self._constraints and mols else [True] * len(mols)
            for (string, mol), may in zip(mols.items(), passed, strict=True):
                self.tally["valid" if may else "constrained"] += 1
                screened = self._described(mol) if may else None
                if screened is None:
                    self._remember(self._of_smiles, Chem.MolToSmiles(mol), None)
                self._remember(known, string, screened)
                for row in fresh[string]:
                    results[row] = screened
        return results

    def _described(self, mol: Mol) -> _Screened:
        key = Chem.MolToSmiles(mol)
        same = self._of_smiles.get(key)
        if same is not None:  # another spelling of a molecule that is known
            return same
        features: Tensor = torch.from_numpy(SIMULATED_COUNTS.array(mol))
        spelling = write_selfies(key, self.vocabulary) or ""
        own = spelling if spelling and not self.vocabulary.missing(spelling) else ""
        screened = _Screened(Molecule(key, own, features), spelling)
        self._remember(self._of_smiles, key, screened)
        return screened

    def _remember(self, known: OrderedDict[str, _Screened | None], string: str, screened: _Screened | None) -> None:
        known[string] = screened
        known.move_to_end(string)
        while len(known) > self._cache:
            known.popitem(last=False)


def variation(
    screen: Screen, *, elements: Sequence[str] | Mapping[str, float], max_atoms: int, **options: Any
) -> Callable[[Sequence[str], int, int], list[tuple[str | None, str]]]:
    """`vary` of a Problem: (keys of parents, best first; n; seed) -> n pairs (a child's SELFIES or None, its parent's key).

    Children that the screen refuses are None. The options are those of `pipeline.chemistry.crossover.vary`.
    """

    def children(keys: Sequence[str], n: int, seed: int) -> list[tuple[str | None, str]]:
        pairs = vary(keys, n, seed, elements=elements, max_atoms=max_atoms, **options)
        spelled = screen.spellings([child for child, _ in pairs])
        return [(string, parent) for string, (_, parent) in zip(spelled, pairs, strict=True)]

    return children


def _molecule(found: _Screened | None) -> Molecule | None:
    return found.molecule if found is not None else None
