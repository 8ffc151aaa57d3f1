"""Learns what is usual for a model from the molecules that it was trained on: sizes, elements and structures."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rdkit import Chem, rdBase
from rdkit.Chem import Mol

from pipeline.chemistry.molecule import parse_mol
from pipeline.chemistry.structure_filters import learn_usual
from pipeline.models.base_models import find_base
from pipeline.models.kept_molecules import read_kept_smiles, write_canonical_smiles
from pipeline.models.trained_model import TrainedModel

LOOKED_AT = 1000
"""About the number of molecules whose structures are looked at; sizes and elements are taken from all."""
DECODED = 400
"""Latent points that are decoded for sizes and elements, where no molecule of the data is at hand."""
COMMON = 0.01
"""The share of a model's molecules from which on an unusual structure is usual for the model."""
UNKNOWN_SIZE = 40


@dataclass(frozen=True)
class UsualStructures:
    """Sizes, elements and structures of the molecules of a model and of molecules that the user named."""

    heavy_atoms: int
    """The number of heavy atoms of the largest molecule."""
    elements: tuple[str, ...]
    """The symbols of the elements, sorted, without hydrogen."""
    allowed: frozenset[str]
    """What is unusual elsewhere but not here, as `pipeline.chemistry.structure_filters.locate_unusual` takes it."""


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
    shapes = [mol for mol in map(_read_shape, smiles or _decode_points(model)) if mol is not None]
    own = [mol for mol in map(parse_mol, smiles[:: max(1, len(smiles) // LOOKED_AT)]) if mol is not None]
    held = Counter(symbol for mol in shapes for symbol in _list_elements(mol))
    elements = {symbol for symbol, count in held.items() if smiles or count >= max(2, COMMON * len(shapes))}
    if (base := find_base(model)) is not None:
        elements.update(learn_usual_structures(base).elements)
    return UsualStructures(
        max((mol.GetNumHeavyAtoms() for mol in (*shapes, *named)), default=UNKNOWN_SIZE),
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


def _read_shape(smiles: str) -> Mol | None:
    """Read atoms and bonds alone, which is ten times faster than to sanitize the molecule."""
    with rdBase.BlockLogs():
        return Chem.MolFromSmiles(smiles, sanitize=False)


def _list_elements(mol: Mol) -> set[str]:
    """List the symbols of a molecule's elements, without hydrogen and wildcards."""
    return {atom.GetSymbol() for atom in mol.GetAtoms()} - {"H", "*"}
