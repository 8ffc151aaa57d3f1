"""What a model brings to a scaffold: its molecules, the groups cut out of them, the elements and sizes that it knows."""

from __future__ import annotations

import functools
import itertools
import math
import random
import warnings
from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import NamedTuple

from chem_vae.errors import ChemVAEWarning, UserError
from pipeline.chemistry.molecule import parse_mols
from pipeline.chemistry.variation.groups import Groups, count_heavy
from pipeline.chemistry.variation.scaffolds import Scaffold
from pipeline.models.spelling import write_selfies
from pipeline.models.trained_model import TrainedModel
from pipeline.models.training_set.kept_molecules import draw_training_molecules, read_kept_smiles
from pipeline.models.training_set.usual_structures import UsualStructures, learn_usual_structures

LEARNED_FROM = {1: 2500, 2: 1500}
"""The molecules that groups of one point and of two are cut from; others come from 800."""
ROOM = 10  # heavy atoms that a large scaffold has room for in any case
LARGER = 1.25  # as many times the model's largest molecule may be exceeded


class Pool(NamedTuple):
    """Groups to draw from."""

    groups: list[str]
    bounds: list[float]
    log_weights: list[float]

    @classmethod
    def mix(cls, *sources: Mapping[str, float], most_atoms: int) -> Pool:
        """Mix sources, each with the same share; without the groups of more heavy atoms, unless all are larger."""
        weights: defaultdict[str, float] = defaultdict(float)
        for source in sources:
            total = sum(source.values())
            for group, weight in source.items():
                weights[group] += weight / total
        fitting = {group: weight for group, weight in weights.items() if count_heavy(group) <= most_atoms}
        weights = defaultdict(float, fitting or weights)
        total = sum(weights.values())
        groups = [group for group, _ in sorted(weights.items(), key=lambda item: (-item[1], item[0]))]
        shares = [weights[group] / total for group in groups]
        return cls(groups, list(itertools.accumulate(shares)), [math.log(share) for share in shares])

    def draw(self, rng: random.Random) -> tuple[str, float]:
        row = rng.choices(range(len(self.groups)), cum_weights=self.bounds)[0]
        return self.groups[row], self.log_weights[row]


@functools.lru_cache(maxsize=8)
def learn_groups(smiles: tuple[str, ...], points: int) -> Groups:
    """Cut the groups of so many points out of molecules."""
    some = smiles[: LEARNED_FROM.get(points, 800)]
    return Groups([mol for mol in parse_mols(some) if mol is not None], points)


_USUAL: dict[str, UsualStructures] = {}
"""What is usual for each model, by its key: learned once in a process."""


def measure_molecules(model: TrainedModel) -> UsualStructures:
    """Learn the elements and sizes of a model's molecules."""
    if model.key not in _USUAL:
        _USUAL[model.key] = learn_usual_structures(model)
    return _USUAL[model.key]


def list_molecules(model: TrainedModel) -> tuple[str, ...]:
    """List training molecules of a model, or molecules that it samples where it has kept none."""
    if kept := read_kept_smiles(model):
        return tuple(kept)
    try:
        return tuple(s for s in draw_training_molecules(model, 3000).smiles(model) if s)
    except UserError:
        return tuple(s for s in model.sample(1000, temperature=0.7, seed=0) if s)


def check_elements(model: TrainedModel, scaffold: Scaffold, elements: Collection[str]) -> None:
    """Check that the model knows what the scaffold is made of.

    A symbol that it has never seen (stereo, a charge) is a warning: the molecules are ordered without it.

    Raises:
        UserError: It does not know an element.
    """
    own = {atom.GetSymbol() for atom in scaffold.mol.GetAtoms() if atom.GetAtomicNum() > 1}
    name = model.folder.name
    if missing := sorted(own.difference(elements)):
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


def find_largest(scaffold: Scaffold, largest: int, most_atoms: int | None) -> int:
    """Return the most heavy atoms of a molecule. Raises UserError where the scaffold leaves no room."""
    most, points = math.ceil(LARGER * largest), max(1, len(scaffold.points))
    if most_atoms is not None:
        if most_atoms < points and scaffold.parts == 1:
            raise UserError(
                f"{most_atoms} heavy atoms are too few for the {points} attachment points of {scaffold.text}; give more with --added-atoms (scaffold.most_atoms)"
            )
        return scaffold.size + most_atoms
    if scaffold.size + points > most:
        raise UserError(
            f"the scaffold {scaffold.text} has {scaffold.size} heavy atoms, and the largest molecule that the model knows has "
            f"{largest}: too large to grow from; use a smaller scaffold or a model of larger molecules, or say how many atoms to "
            "add (--added-atoms)"
        )
    return max(largest, scaffold.size + ROOM)
