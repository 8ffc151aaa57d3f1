"""Learns what is usual for a model from the molecules that it was trained on: sizes, elements and structures."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rdkit.Chem import Mol

from pipeline.chemistry.filters.structure_filters import learn_usual
from pipeline.chemistry.molecule import parse_mol
from pipeline.models.base_models import find_base
from pipeline.models.trained_model import TrainedModel
from pipeline.models.training_set.kept_molecules import read_kept_smiles, write_canonical_smiles

LOOKED_AT = 1000
"""About the number of molecules whose structures are looked at; sizes and elements are taken from all."""
DECODED = 400
"""Latent points that are decoded for sizes and elements, where no molecule of the data is at hand."""
COMMON = 0.01
"""The share of a model's molecules from which on an unusual structure is usual for the model."""
UNKNOWN_SIZE = 40
_ATOM = re.compile(r"\[\d*([A-Z][a-z]?|[a-z]{1,2})[^\]]*\]|(Br|Cl|[BCNOPSFIbcnops])")


@dataclass(frozen=True)
class UsualStructures:
    """Sizes, elements and structures of the molecules of a model and of molecules that the user named."""

    heavy_atoms: int
    """The number of heavy atoms of the largest molecule."""
    elements: tuple[str, ...]
    """The symbols of the elements, sorted, without hydrogen."""
    allowed: frozenset[str]
    """What is unusual elsewhere but not here, as `pipeline.chemistry.filters.structure_filters.locate_unusual` takes it."""


def learn_usual_structures(model: TrainedModel, named: Sequence[Mol] = ()) -> UsualStructures:
    """Learn what is usual for a model and for molecules that the user named: seeds, and what constraints name.

    The molecules kept with the model are looked at; without them, those of its dataset. For a model that has neither, nothing
    unusual is allowed, and sizes and elements are those of decoded latent points (an element must be in one of a hundred,
    since some points always come back as other molecules). A fine-tuned model has the elements of its base too.

    Args:
        model: The trained model.
        named: Sanitized molecules; all that they have is usual.
    """
    smiles = read_kept_smiles(model) or _read_training_smiles(model)
    shapes = [list_atoms(text) for text in smiles or _decode_points(model)]
    own = [mol for mol in map(parse_mol, smiles[:: max(1, len(smiles) // LOOKED_AT)]) if mol is not None]
    held = Counter(symbol for atoms in shapes for symbol in set(atoms))
    elements = {symbol for symbol, count in held.items() if smiles or count >= max(2, COMMON * len(shapes))}
    if (base := find_base(model)) is not None:
        elements.update(learn_usual_structures(base).elements)
    return UsualStructures(
        max([*map(len, shapes), *(mol.GetNumHeavyAtoms() for mol in named)], default=UNKNOWN_SIZE),
        tuple(sorted(elements.union(*map(_list_elements, named)))) or ("C", "N", "O"),
        learn_usual(own, max(2, math.ceil(COMMON * len(own)))) | learn_usual(named),
    )


def _read_training_smiles(model: TrainedModel) -> list[str]:
    """Read the SMILES of the model's training molecules, where its dataset is at hand."""
    dataset = model.dataset()
    return [] if dataset is None else [str(s) for s in dataset.table(["smiles"], split="train")["smiles"]]


def _decode_points(model: TrainedModel) -> list[str]:
    """Decode latent points of training molecules into SMILES."""
    strings = model.checkpoint.decode(model.latent["mu"][:DECODED].float())
    return write_canonical_smiles([s for s in strings if s is not None], model.checkpoint.vocabulary)


def list_atoms(smiles: str) -> list[str]:
    """List the symbols of the heavy atoms of a valid SMILES, from its text alone.

    >>> list_atoms("Clc1cc[nH]c1[C@H](F)[2H]")
    ['Cl', 'C', 'C', 'C', 'N', 'C', 'C', 'F']
    """
    symbols = ((bracket or plain).capitalize() for bracket, plain in _ATOM.findall(smiles))
    return [symbol for symbol in symbols if symbol != "H"]


def _list_elements(mol: Mol) -> set[str]:
    """List the symbols of a molecule's elements, without hydrogen and wildcards."""
    return {atom.GetSymbol() for atom in mol.GetAtoms()} - {"H", "*"}
