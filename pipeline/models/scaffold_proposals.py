"""Proposes molecules that keep a scaffold: groups of the model's molecules and of its decoder, weighed by its likelihood.

Groups for an attachment point come from two sources, half of them from each: those that the training molecules have at such an
atom (`pipeline.chemistry.groups`), and those that the decoder writes when it goes on from the scaffold
(`pipeline.models.completions`). Molecules put together of them are drawn with a known probability q, and are ordered by a draw
with the weights p(x) / q(x) (sampling, importance resampling), so that the first ones are as the model itself would make
molecules that hold the scaffold.
"""

from __future__ import annotations

import functools
import itertools
import math
import random
import warnings
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import torch
from rdkit import Chem, rdBase
from rdkit.Chem import Mol

from chem_vae.errors import ChemVAEWarning, UserError
from chem_vae.progress import Progress, silent
from chem_vae.seeds import derive_seed
from pipeline.chemistry.attachment_points import list_labels, open_atom
from pipeline.chemistry.groups import MOST_ATOMS, Groups, Site, count_heavy, list_sites, relabel
from pipeline.chemistry.molecule import parse_mols
from pipeline.chemistry.scaffold_variation import ScaffoldVariation
from pipeline.chemistry.scaffolds import Scaffold
from pipeline.models.completions import complete
from pipeline.models.kept_molecules import draw_training_molecules, read_kept_smiles
from pipeline.models.spelling import write_selfies
from pipeline.models.trained_model import TrainedModel

LEARNED_FROM = {1: 2500, 2: 1500}
"""The molecules that groups of one point and of two are cut from; others come from 800."""
COMPLETED = 256  # molecules that the decoder completes for each attachment point
STALE = 300  # draws in a row without a new molecule, after which proposing ends
ENOUGH = 300  # groups for a site, below which those of less alike sites are taken, too
ROOM = 5  # heavy atoms for each attachment point that a large scaffold has room for in any case
LARGER = 1.25  # as many times the model's largest molecule may be exceeded
_SITES = (0.45, 0.35, 0.2)  # how often a bare scaffold grows at one, two, three atoms


class Proposed(NamedTuple):
    """A molecule that keeps the scaffold."""

    smiles: str
    log_q: float
    """The logarithm of the weight with which it was drawn."""


class _Pool(NamedTuple):
    """Groups to draw from."""

    groups: list[str]
    bounds: list[float]
    log_weights: list[float]

    @classmethod
    def mix(cls, *sources: Mapping[str, float]) -> _Pool:
        """Mix sources, each with the same share."""
        weights: defaultdict[str, float] = defaultdict(float)
        for source in sources:
            total = sum(source.values())
            for group, weight in source.items():
                weights[group] += weight / total
        total = sum(weights.values())
        groups = [group for group, _ in sorted(weights.items(), key=lambda item: (-item[1], item[0]))]
        shares = [weights[group] / total for group in groups]
        return cls(groups, list(itertools.accumulate(shares)), [math.log(share) for share in shares])

    def draw(self, rng: random.Random) -> tuple[str, float]:
        row = rng.choices(range(len(self.groups)), cum_weights=self.bounds)[0]
        return self.groups[row], self.log_weights[row]


class ScaffoldProposals:
    """Proposes molecules of a model around one scaffold.

    Args:
        model: The trained model.
        scaffold: What every molecule keeps.
        most_atoms: The most heavy atoms added in all; by the model's largest molecules when None.
        allowed: Unusual motifs that a molecule may have, besides the scaffold's own; None: any.
        conditions: (1, P) standardized conditions of the decoder, NaN unknown; None: all unknown.
        temperature: The temperature of the decoder's symbols.
        seed: The seed of all draws.
        progress: Told the stage "scaffold".

    Raises:
        UserError: The model cannot work with the scaffold: it is too large, has an element that the model does not know, or is to be
            linked at more points than any group of the model's molecules has.
    """

    def __init__(
        self,
        model: TrainedModel,
        scaffold: Scaffold,
        *,
        most_atoms: int | None = None,
        allowed: Collection[str] | None = (),
        conditions: torch.Tensor | None = None,
        temperature: float = 0.7,
        seed: int = 0,
        progress: Progress = silent,
    ) -> None:
        self.model, self.scaffold, self.temperature = model, scaffold, temperature
        self._conditions, self._rng = conditions, random.Random(derive_seed(seed, 1))
        self._generator = torch.Generator().manual_seed(derive_seed(seed, 2) % 2**31)
        self._seed = seed
        self.drawn = self.sound = 0
        """The molecules that were put together, and those of them that are sound, usual and keep the scaffold."""
        known = list_molecules(model)
        elements, largest = measure_molecules(known)
        self.max_atoms = _find_largest(scaffold, largest, most_atoms)
        check_elements(model, scaffold, elements)
        progress("scaffold", 0, 1 + len(scaffold.points))
        self.groups = learn_groups(known, scaffold.parts if scaffold.parts > 1 else 1)
        self.variation = ScaffoldVariation(
            scaffold, elements=sorted(elements), max_atoms=self.max_atoms, choose=self.groups.select, allowed=allowed
        )
        self._pools: dict[tuple[int, ...], _Pool] = {}
        self._site_pools: dict[tuple[Site, ...], _Pool] = {}
        self._size = functools.lru_cache(maxsize=20_000)(count_heavy)
        self._prepare(progress)

    def _prepare(self, progress: Progress) -> None:
        """Gather the groups for the attachment points."""
        scaffold = self.scaffold
        sites = list_sites(scaffold.mol)
        if scaffold.parts > 1:
            linkers = self.groups.select([sites[label] for label in scaffold.points], ENOUGH)
            if not linkers:
                raise UserError(
                    f"the scaffold {scaffold.text} has {scaffold.parts} parts, and no molecule of the model {self.model.folder.name} has "
                    "a group that is bound at so many points; link two of them first"
                )
            self._pools[scaffold.points] = _Pool.mix(linkers, self._complete_linkers())
        else:
            for done, label in enumerate(scaffold.points, start=1):
                known = self.groups.select([sites[label]], ENOUGH)
                self._pools[(label,)] = _Pool.mix(known, self._complete(scaffold.mol, label))
                progress("scaffold", done, 1 + len(scaffold.points))
        progress("scaffold", 1 + len(scaffold.points), 1 + len(scaffold.points))

    def _complete(self, base: Mol, label: int) -> Counter[str]:
        given = None if self._conditions is None else self._conditions.expand(COMPLETED, -1)
        found = complete(
            self.model.checkpoint,
            base,
            label,
            COMPLETED,
            conditions=given,
            temperature=self.temperature,
            seed=derive_seed(self._seed, label) % 2**31,
        )
        return Counter({group: count for group, count in found.items() if count_heavy(group) <= MOST_ATOMS})

    def _complete_linkers(self) -> Counter[str]:
        """Let the decoder go on from each of two parts, and bind the other part somewhere to what it wrote."""
        if self.scaffold.parts != 2:
            return Counter()
        found: Counter[str] = Counter()
        for part in Chem.GetMolFrags(self.scaffold.mol, asMols=True):
            own = list_labels(part)[0]
            first = 1 if own == self.scaffold.points[0] else 2
            for group, count in sorted(self._complete(part, own).items()):
                mol = Chem.MolFromSmiles(relabel(group, (first,)))
                free = [a.GetIdx() for a in mol.GetAtoms() if a.GetAtomicNum() and a.GetTotalNumHs()]
                linker = open_atom(mol, self._rng.choice(free), 3 - first) if free else None
                if linker is not None and mol.GetNumAtoms() - 1 <= MOST_ATOMS:
                    found[str(Chem.MolToSmiles(linker))] += count
        return found

    # -- proposals -----------------------------------------------------------------------------------------------------

    def propose(self, n: int, known: Collection[str] = ()) -> list[Proposed]:
        """Draw n distinct molecules that keep the scaffold and are not known; fewer where there are not so many."""
        found: dict[str, Proposed] = {}
        with rdBase.BlockLogs():
            stale = 0
            while len(found) < n and stale < STALE:
                stale += 1
                drawn = self._draw()
                self.drawn += drawn is not None
                mol = self.variation.build(*drawn[:2]) if drawn is not None else None
                if mol is not None and drawn is not None:
                    self.sound += 1
                    smiles = str(Chem.MolToSmiles(mol))
                    if smiles not in found and smiles not in known:
                        found[smiles], stale = Proposed(smiles, drawn[2]), 0
        return list(found.values())

    def order(self, proposed: Sequence[tuple[str, float]]) -> list[int]:
        """Order molecules (SMILES and log q) by a draw without replacement with the weights p(x) / q(x); return their places."""
        nats = self.log_likelihood([smiles for smiles, _ in proposed])
        weights = nats - torch.tensor([log_q for _, log_q in proposed])
        known = weights.isfinite()
        weights = torch.where(known, weights, weights[known].mean() if known.any() else torch.tensor(0.0))
        uniform = torch.rand(len(weights), generator=self._generator).clamp(1e-9, 1 - 1e-9)
        keys = weights - torch.log(-torch.log(uniform))
        return [int(i) for i in keys.argsort(descending=True, stable=True)]

    def log_likelihood(self, smiles: Sequence[str]) -> torch.Tensor:
        """Compute log p(x | c) in nats (n,), without stereo where the model does not know it; NaN where it cannot spell one."""
        checkpoint, nats = self.model.checkpoint, torch.full((len(smiles),), torch.nan)
        found: dict[int, str] = {}
        for row, text in enumerate(smiles):
            string = write_selfies(text, checkpoint.vocabulary)
            if string is not None and checkpoint.vocabulary.find_missing(string):
                string = write_selfies(_flatten(text), checkpoint.vocabulary)
            if string is not None and not checkpoint.vocabulary.find_missing(string):
                found[row] = string
        if found:
            given = None if self._conditions is None else self._conditions.expand(len(found), -1)
            nats[list(found)] = checkpoint.log_likelihood(list(found.values()), given)
        return nats

    def _draw(self) -> tuple[Mol, list[str], float] | None:
        """Draw groups for the scaffold; None where they are too large."""
        base, pools = self.scaffold.mol, self._pools
        if not self.scaffold.points:
            opened = self._open()
            if opened is None:
                return None
            base, pools = opened
        groups, log_q, room = [], 0.0, self.max_atoms - self.scaffold.size
        for labels, pool in pools.items():
            group, log_weight = pool.draw(self._rng)
            room -= self._size(group)
            if room < 0:
                return None
            groups.append(relabel(group, labels))
            log_q += log_weight
        return base, groups, log_q

    def _open(self) -> tuple[Mol, dict[tuple[int, ...], _Pool]] | None:
        """Open a bare scaffold at one to three atoms."""
        base = self.scaffold.mol
        pools: dict[tuple[int, ...], _Pool] = {}
        for label in range(1, 1 + self._rng.choices((1, 2, 3), _SITES)[0]):
            free = [a.GetIdx() for a in base.GetAtoms() if a.GetAtomicNum() and a.GetTotalNumHs()]
            opened = open_atom(base, self._rng.choice(free), label) if free else None
            if opened is None:
                return None
            base = opened
        for label, site in list_sites(base).items():
            if (site,) not in self._site_pools:
                self._site_pools[(site,)] = _Pool.mix(self.groups.select([site], ENOUGH))
            pools[(label,)] = self._site_pools[(site,)]
        return base, pools


@functools.lru_cache(maxsize=8)
def learn_groups(smiles: tuple[str, ...], points: int) -> Groups:
    """Cut the groups of so many points out of molecules."""
    some = smiles[: LEARNED_FROM.get(points, 800)]
    return Groups([mol for mol in parse_mols(some) if mol is not None], points)


@functools.lru_cache(maxsize=8)
def measure_molecules(smiles: tuple[str, ...]) -> tuple[frozenset[str], int]:
    """Return the elements of molecules, and the number of heavy atoms of the largest."""
    elements: set[str] = set()
    largest = 0
    for mol in parse_mols(smiles):
        if mol is not None:
            elements |= {atom.GetSymbol() for atom in mol.GetAtoms()}
            largest = max(largest, mol.GetNumAtoms())
    return frozenset(elements), largest


def list_molecules(model: TrainedModel) -> tuple[str, ...]:
    """List training molecules of a model, or molecules that it samples where it has kept none."""
    if kept := read_kept_smiles(model):
        return tuple(kept)
    try:
        return tuple(s for s in draw_training_molecules(model, 3000).smiles(model) if s)
    except UserError:
        return tuple(s for s in model.sample(1000, temperature=0.7, seed=0) if s)


def check_elements(model: TrainedModel, scaffold: Scaffold, elements: frozenset[str]) -> None:
    """Check that the model knows what the scaffold is made of.

    A symbol that it has never seen (stereo, a charge) is a warning: the molecules are ordered without it.

    Raises:
        UserError: It does not know an element.
    """
    own = {atom.GetSymbol() for atom in scaffold.mol.GetAtoms() if atom.GetAtomicNum()}
    name = model.folder.name
    if missing := sorted(own - elements):
        raise UserError(
            f"the scaffold {scaffold.text} has {', '.join(missing)}, and no molecule of the model {name} has: use another model "
            "(--model), or fine-tune this one on molecules with such atoms (--from)"
        )
    vocabulary = model.checkpoint.vocabulary
    strings = [write_selfies(part, vocabulary) for part in scaffold.bare.split(".")]
    unseen = sorted({symbol for s in strings if s is not None for symbol in vocabulary.find_missing(s)})
    if unseen or None in strings:
        warnings.warn(
            f"the model {name} has never seen {', '.join(unseen) or 'such a structure'} of the scaffold {scaffold.text}: its molecules are "
            "made of known groups, and are judged without that part of their structure",
            ChemVAEWarning,
            stacklevel=2,
        )


def _find_largest(scaffold: Scaffold, largest: int, most_atoms: int | None) -> int:
    """Return the most heavy atoms of a molecule. Raises UserError where the scaffold leaves no room."""
    most, points = math.ceil(LARGER * largest), max(1, len(scaffold.points))
    if most_atoms is not None:
        if most_atoms < points and scaffold.parts == 1:
            raise UserError(
                f"{most_atoms} heavy atoms are too few for the {points} attachment points of {scaffold.text}; give more with most_atoms"
            )
        return scaffold.size + most_atoms
    if scaffold.size + points > most:
        raise UserError(
            f"the scaffold {scaffold.text} has {scaffold.size} heavy atoms, and the largest molecule that the model knows has "
            f"{largest}: too large to grow from; use a smaller scaffold or a model of larger molecules, or say how many atoms to "
            "add (most_atoms)"
        )
    return min(max(largest, scaffold.size + ROOM * points), max(most, scaffold.size + ROOM))


def _flatten(smiles: str) -> str | None:
    """Write a SMILES without stereo."""
    mol = Chem.MolFromSmiles(smiles)
    return None if mol is None else str(Chem.MolToSmiles(mol, isomericSmiles=False))
