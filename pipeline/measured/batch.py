"""A batch that is worth making: the best candidates that are not variations of one another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

import torch

from chem_vae.tanimoto import tanimoto
from pipeline.dataset import Dataset
from pipeline.measured.features import features
from pipeline.metrics import scaffold


def diverse(smiles: Sequence[str], n: int, *, most_similar: float, per_scaffold: int) -> list[int]:
    """Rows of molecules, best first, n at most: each the best that is left, is no more similar (Tanimoto) to one chosen
    before than `most_similar`, and whose scaffold was chosen fewer than `per_scaffold` times. Molecules without a ring have
    no scaffold in common.
    """
    chosen: list[int] = []
    held: Counter[str] = Counter()
    rows = features(smiles)
    nearest = torch.zeros(len(smiles))
    for row in range(len(smiles)):
        if len(chosen) == n:
            break
        if float(nearest[row]) > most_similar:
            continue
        own = scaffold(smiles[row])
        if own and held[own] >= per_scaffold:
            continue
        chosen.append(row)
        if own:
            held[own] += 1
        nearest = torch.maximum(nearest, tanimoto(rows, rows[row : row + 1])[:, 0])
    return chosen


def already(dataset: Dataset | None, exclude: Collection[str] = ()) -> set[str]:
    """InChIKeys that are not to be proposed: all of the dataset's, measured or not, and those of earlier rounds."""
    known = set() if dataset is None else set(dataset.table(["inchikey"])["inchikey"])
    return known | set(exclude)
