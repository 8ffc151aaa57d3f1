"""A batch that is worth making: the best candidates that are not variations of one another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from chem_vae.tanimoto import tanimoto
from pipeline.chemistry.metrics import scaffold
from pipeline.generation.config import GenerateConfig
from pipeline.models.measured_predictor import features


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


def choose(molecules: pd.DataFrame, config: GenerateConfig) -> pd.DataFrame:
    """The molecules that are in the domain (all, where the configuration says so), as `search` finds them, with `batch`: the
    place among those that are worth most and unlike each other; NaN for the others."""
    inside = molecules if config.measured.outside_domain else molecules[molecules["in_domain"].astype(bool)]
    ordered = inside.sort_values(["acquisition", "sample"], ascending=[False, True], kind="stable")
    first = diverse(
        ordered["smiles"].tolist(),
        _most(config),
        most_similar=config.measured.most_similar,
        per_scaffold=config.measured.per_scaffold,
    )
    place = pd.Series(np.arange(len(first), dtype=float), index=ordered.index[first])
    return inside.assign(batch=place.reindex(inside.index))


def why_few(found: int, new: int, inside: int, batch: int, samples: int, config: GenerateConfig) -> str:
    """Why there are fewer candidates than asked for: `found` of `batch` unlike each other, of `inside` in the domain, of `new`
    molecules that were not there before; and what to loosen."""
    lost, loosen = [], [f"look at more with --samples {max(10 * samples, 1000)}"]
    if new > inside:
        lost.append(f"{new - inside:,} are too unlike the measured ones for a prediction to count")
        loosen.append("lower generate.measured.min_similarity or set generate.measured.outside_domain")
    if inside > batch and batch < _most(config):
        lost.append(f"{inside - batch:,} are too much like better ones or share their scaffold with them")
        loosen.append("raise generate.measured.most_similar or generate.measured.per_scaffold")
    if batch > found:
        lost.append(f"{batch - found:,} of those chosen have structural alerts")
        loosen.append("allow alerts with generate.allow_alerts")
    return (
        f"{config.n} candidates were asked for and {found} found worth measuring among {new:,} new molecules"
        f"{': ' + ', '.join(lost) if lost else ''}; {', or '.join(loosen)}"
    )


def _most(config: GenerateConfig) -> int:
    return config.n if config.allow_alerts else 3 * config.n  # some of them will have alerts
