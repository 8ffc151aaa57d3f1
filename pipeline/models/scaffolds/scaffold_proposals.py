"""Proposes molecules that keep a scaffold: groups of the model's molecules and of its decoder, weighed by its likelihood.

Groups for an attachment point come from two sources, half of them from each: those that the training molecules have at such an
atom (`pipeline.chemistry.variation.groups`), and those that the decoder writes when it goes on from the scaffold
(`pipeline.models.scaffolds.completions`). Molecules put together of them are drawn with a known probability q, and are ordered by a draw
with the weights p(x) / q(x) (sampling, importance resampling), so that the first ones are as the model itself would make
molecules that hold the scaffold.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Sequence
from typing import NamedTuple

import torch
from rdkit import Chem, rdBase
from rdkit.Chem import Mol

from chem_vae.errors import UserError
from chem_vae.progress import Progress, silent
from chem_vae.seeds import derive_seed
from pipeline.chemistry.variation.attachment_points import list_labels, open_atom
from pipeline.chemistry.variation.groups import MOST_ATOMS, Site, count_heavy, list_sites, relabel
from pipeline.chemistry.variation.scaffold_variation import ScaffoldVariation
from pipeline.chemistry.variation.scaffolds import Scaffold
from pipeline.models.scaffolds.completions import complete
from pipeline.models.scaffolds.scaffold_sources import (
    Pool,
    check_elements,
    find_largest,
    learn_groups,
    list_molecules,
    measure_molecules,
)
from pipeline.models.spelling import write_selfies
from pipeline.models.trained_model import TrainedModel

COMPLETED = 256  # molecules that the decoder completes for each attachment point
STALE = 300  # draws in a row without a new molecule, after which proposing ends
ENOUGH = 300  # groups for a site, below which those of less alike sites are taken, too
_SITES = (0.45, 0.35, 0.2)  # how often a bare scaffold grows at one, two, three atoms


class Proposed(NamedTuple):
    """A molecule that keeps the scaffold."""

    smiles: str
    log_q: float
    """The logarithm of the weight with which it was drawn."""


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
        usual = measure_molecules(model)
        self.max_atoms = find_largest(scaffold, usual.heavy_atoms, most_atoms)
        check_elements(model, scaffold, usual.elements)
        progress("scaffold", 0, 1 + len(scaffold.points))
        self.groups = learn_groups(list_molecules(model), scaffold.parts if scaffold.parts > 1 else 1)
        self.variation = ScaffoldVariation(
            scaffold, elements=usual.elements, max_atoms=self.max_atoms, choose=self.groups.select, allowed=allowed
        )
        self._pools: dict[tuple[int, ...], Pool] = {}
        self._site_pools: dict[tuple[Site, ...], Pool] = {}
        self._prepare(progress)

    def _prepare(self, progress: Progress) -> None:
        """Gather the groups for the attachment points."""
        scaffold, room = self.scaffold, self.max_atoms - self.scaffold.size
        sites = list_sites(scaffold.mol)
        if scaffold.parts > 1:
            linkers = self.groups.select([sites[label] for label in scaffold.points], ENOUGH)
            if not linkers:
                raise UserError(
                    f"the scaffold {scaffold.text} has {scaffold.parts} parts, and no molecule of the model {self.model.folder.name} has "
                    "a group that is bound at so many points; link two of them first"
                )
            self._pools[scaffold.points] = Pool.mix(linkers, self._complete_linkers(), most_atoms=room)
        else:
            for done, label in enumerate(scaffold.points, start=1):
                known = self.groups.select([sites[label]], ENOUGH)
                self._pools[(label,)] = Pool.mix(
                    known, self._complete(scaffold.mol, label), most_atoms=room - len(scaffold.points) + 1
                )
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
            room -= count_heavy(group)
            if room < 0:
                return None
            groups.append(relabel(group, labels))
            log_q += log_weight
        return base, groups, log_q

    def _open(self) -> tuple[Mol, dict[tuple[int, ...], Pool]] | None:
        """Open a bare scaffold at one to three atoms."""
        base = self.scaffold.mol
        pools: dict[tuple[int, ...], Pool] = {}
        for label in range(1, 1 + self._rng.choices((1, 2, 3), _SITES)[0]):
            free = [a.GetIdx() for a in base.GetAtoms() if a.GetAtomicNum() and a.GetTotalNumHs()]
            opened = open_atom(base, self._rng.choice(free), label) if free else None
            if opened is None:
                return None
            base = opened
        for label, site in list_sites(base).items():
            if (site,) not in self._site_pools:
                self._site_pools[(site,)] = Pool.mix(
                    self.groups.select([site], ENOUGH), most_atoms=self.max_atoms - self.scaffold.size
                )
            pools[(label,)] = self._site_pools[(site,)]
        return base, pools


def _flatten(smiles: str) -> str | None:
    """Write a SMILES without stereo."""
    mol = Chem.MolFromSmiles(smiles)
    return None if mol is None else str(Chem.MolToSmiles(mol, isomericSmiles=False))
