"""Learns what is usual for a model from the molecules that it was trained on: sizes, elements and structures."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from rdkit import rdBase
from rdkit.Chem import Mol

from pipeline.chemistry import filters
from pipeline.chemistry.filters import structure_table
from pipeline.chemistry.filters.structure_filters import learn_usual
from pipeline.chemistry.molecule import parse_mol
from pipeline.models.base_models import find_base
from pipeline.models.trained_model import TrainedModel
from pipeline.models.training_set.kept_molecules import read_kept_smiles, write_canonical_smiles
from pipeline.workspace.registry import find_data_folder, hash_file
from pipeline.workspace.storage.folders import hash_content
from pipeline.workspace.storage.kept_results import keep_result

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
    own = _learn_own(model)
    elements = set(own.elements).union(*map(_list_elements, named))
    if (base := find_base(model)) is not None:
        elements.update(learn_usual_structures(base).elements)
    return UsualStructures(
        max([own.heavy_atoms, *(mol.GetNumHeavyAtoms() for mol in named)]) or UNKNOWN_SIZE,
        tuple(sorted(elements)) or ("C", "N", "O"),
        own.allowed | learn_usual(named),
    )


def _learn_own(model: TrainedModel) -> UsualStructures:
    """Learn what is usual for a model alone; of the same molecules it is learned once and kept in the user's cache."""
    smiles = read_kept_smiles(model) or _read_training_smiles(model)
    if not smiles:
        shapes = [list_atoms(text) for text in _decode_points(model)]
        return _describe(shapes, max(2, math.ceil(COMMON * len(shapes))))

    def learn() -> bytes:
        own = [mol for mol in map(parse_mol, smiles[:: max(1, len(smiles) // LOOKED_AT)]) if mol is not None]
        allowed = learn_usual(own, max(2, math.ceil(COMMON * len(own))))
        return json.dumps(asdict(_describe(map(list_atoms, smiles), 1)) | {"allowed": sorted(allowed)}).encode()

    kept = json.loads(keep_result("usual", [rdBase.rdkitVersion, _hash_code(), hash_content(*smiles)], learn))
    return UsualStructures(kept["heavy_atoms"], tuple(kept["elements"]), frozenset(kept["allowed"]))


def _describe(shapes: Iterable[list[str]], at_least: int) -> UsualStructures:
    """Take sizes and elements from the heavy atoms of molecules; an element must be in so many of them."""
    largest, held = 0, Counter[str]()
    for atoms in shapes:
        largest = max(largest, len(atoms))
        held.update(set(atoms))
    elements = sorted(symbol for symbol, count in held.items() if count >= at_least)
    return UsualStructures(largest, tuple(elements), frozenset())


@cache
def _hash_code() -> str:
    """Hash what decides, beside a model's molecules, what is usual for it: the code, and the table of structures."""
    code = [Path(__file__), *sorted(Path(filters.__file__).parent.glob("*.py"))]
    table = find_data_folder() / structure_table.FILE
    return hash_content(*(path.read_text(encoding="utf-8") for path in code), hash_file(table))


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
