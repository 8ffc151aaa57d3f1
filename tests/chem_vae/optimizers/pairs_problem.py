"""A search problem over strings of few symbols, with features of pairs of symbols."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import selfies
import torch
from torch import Tensor

from chem_vae.optimizers import Molecule

SYMBOLS = ["[C]", "[N]", "[O]", "[F]", "[S]", "[P]", "[Cl]", "[=C]"]


WORDS = [a + b for a in SYMBOLS for b in SYMBOLS]


def bits(string: str) -> Tensor:
    symbols = list(selfies.split_selfies(string))
    pairs = {a + b for a, b in pairwise(symbols)}
    return torch.tensor([float(s in symbols) for s in SYMBOLS] + [float(w in pairs) for w in WORDS])


def screen(strings: Sequence[str | None]) -> list[Molecule | None]:
    return [Molecule(s, s, bits(s)) if s else None for s in strings]
