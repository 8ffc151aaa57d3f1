"""Lets the decoder of a model go on from a scaffold: the scaffold is written so that its attachment point comes last."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import selfies
import torch
from rdkit import Chem
from rdkit.Chem import Mol
from torch import Tensor

from chem_vae.checkpoint import Checkpoint
from chem_vae.errors import VocabularyError
from pipeline.chemistry.validate import validate
from pipeline.chemistry.variation.attachment_points import close_point, list_labels, write_points
from pipeline.chemistry.variation.scaffolds import Scaffold

SPELLINGS = 60  # random spellings of a scaffold that are looked at
PREFIXES = 4  # spellings that the decoder goes on from


def complete(
    checkpoint: Checkpoint,
    base: Mol,
    label: int,
    n: int,
    *,
    conditions: Tensor | None = None,
    temperature: float = 0.9,
    seed: int = 0,
) -> Counter[str]:
    """Let the decoder go on from a scaffold at one of its attachment points; the other points have hydrogen meanwhile.

    What it decodes begins with the scaffold. A branch or ring of it may still be read in another way by SELFIES, so that each
    molecule is searched for the scaffold.

    Args:
        checkpoint: The model.
        base: A scaffold of one part, with dummy atoms at its attachment points.
        label: The number of the point.
        n: The number of molecules to decode.
        conditions: (n, P) standardized, NaN unknown; None: all unknown.
        temperature: The temperature of the decoder's symbols.
        seed: The seed of the random numbers.

    Returns:
        The groups with the dummy atom [1*], and how often each was decoded; empty where the model cannot spell the scaffold.
    """
    for other in list_labels(base):
        if other != label:
            base = close_point(base, other)
    prefixes = spell_prefixes(checkpoint, base, seed)
    if not prefixes:
        return Counter()
    begun = [prefixes[row % len(prefixes)] for row in range(n)]
    nowhere = torch.full((n, checkpoint.model.latent_size), torch.nan)
    strings = checkpoint.decode(nowhere, conditions, temperature=temperature, seed=seed, prefixes=begun)
    scaffold = Scaffold(write_points(Chem.MolToSmiles(base)))
    groups: Counter[str] = Counter()
    for candidate in validate(strings, checkpoint.vocabulary):
        placed = scaffold.place(candidate.molecule.mol) if candidate.molecule is not None else None
        if placed is not None and len(placed.groups) == 1:
            groups[placed.groups[0].replace(f"[{label}*]", "[1*]")] += 1
    return Counter({Chem.CanonSmiles(group): count for group, count in groups.items()})


def spell_prefixes(checkpoint: Checkpoint, base: Mol, seed: int) -> list[str]:
    """Spell a scaffold with one attachment point as SELFIES strings that end where the point is.

    Returns:
        The PREFIXES spellings that the model holds likeliest; none where a symbol is not in its vocabulary.
    """
    point = f"[{list_labels(base)[0]}*]"
    found: dict[str, None] = {}
    for smiles in Chem.MolToRandomSmilesVect(base, SPELLINGS, randomSeed=seed % 2**31 or 1):
        if smiles.endswith(point):
            try:  # with an atom there, as an aromatic nitrogen has no Kekulé form without
                string = checkpoint.vocabulary.from_smiles(smiles.removesuffix(point) + "C")
            except VocabularyError:
                continue
            if not checkpoint.vocabulary.find_missing(string):
                found.setdefault(_drop_last(string))
    strings = list(found)
    if not strings:
        return []
    nats = checkpoint.log_likelihood([f"{string}[C]" for string in strings])
    return [strings[i] for i in nats.argsort(descending=True)[:PREFIXES].tolist()]


def _drop_last(string: str) -> str:
    symbols: Sequence[str] = list(selfies.split_selfies(string))
    return "".join(symbols[:-1])
