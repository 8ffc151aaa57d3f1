"""Selects a batch that is worth measuring: the best candidates that are not variations of one another."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import chain

import numpy as np
import pandas as pd
import torch

from chem_vae.predictors.tanimoto import tanimoto
from pipeline.chemistry.filters.structural_alerts import find_structural_alerts
from pipeline.chemistry.metrics import find_scaffold
from pipeline.chemistry.molecule import Structure
from pipeline.generation.config import GenerateConfig
from pipeline.models.measured_predictor import features


def select_diverse(
    structures: Sequence[Structure],
    n: int,
    *,
    most_similar: float,
    per_scaffold: int,
    most_alerts: int | None = None,
) -> list[int]:
    """Select the best molecules that are unlike each other; molecules without a ring have no scaffold in common.

    Args:
        structures: Molecules or SMILES, best first.
        n: The most molecules to select.
        most_similar: The highest Tanimoto similarity of two selected molecules.
        per_scaffold: The most molecules with the same scaffold.
        most_alerts: The most molecules with structural alerts, unless there are too few without; None for any number.

    Returns:
        The rows of the selected molecules, best first; those of more molecules with alerts, where they are needed, come last.
    """
    chosen: list[int] = []
    held: Counter[str] = Counter()
    rows = features(structures)
    nearest = torch.zeros(len(structures))
    passed_over: list[int] = []
    alerts = 0
    for number, row in enumerate(chain(range(len(structures)), passed_over)):  # passed_over grows meanwhile
        if len(chosen) == n:
            break
        if float(nearest[row]) > most_similar:
            continue
        own = find_scaffold(structures[row])
        if own and held[own] >= per_scaffold:
            continue
        if most_alerts is not None and number < len(structures) and find_structural_alerts([structures[row]])[0]:
            if alerts >= most_alerts:
                passed_over.append(row)
                continue
            alerts += 1
        chosen.append(row)
        if own:
            held[own] += 1
        nearest = torch.maximum(nearest, tanimoto(rows, rows[row : row + 1])[:, 0])
    return chosen


def choose_batch(molecules: pd.DataFrame, config: GenerateConfig, alerts: float | None = None) -> pd.DataFrame:
    """Choose the batch among the molecules of a search by acquisition.

    Args:
        molecules: The columns `molecule`, `acquisition`, `sample` and `in_domain`.
        config: The settings of the generation.
        alerts: The share of the batch that may have structural alerts, unless there are too few without; any when None.

    Returns the molecules in the domain (all where the settings say so) with the column `batch`: the place among those that
    are worth most and unlike each other, NaN for the others.
    """
    inside = molecules if config.measured.outside_domain else molecules[molecules["in_domain"].astype(bool)]
    ordered = inside.sort_values(["acquisition", "sample"], ascending=[False, True], kind="stable")
    first = select_diverse(
        ordered["molecule"].tolist(),
        _most(config),
        most_similar=config.measured.most_similar,
        per_scaffold=config.measured.per_scaffold,
        most_alerts=None if alerts is None or not config.allow_alerts else math.floor(alerts * config.n),
    )
    place = pd.Series(np.arange(len(first), dtype=float), index=ordered.index[first])
    return inside.assign(batch=place.reindex(inside.index))


def explain_few(found: int, new: int, inside: int, batch: int, samples: int, config: GenerateConfig) -> str:
    """Explain why there are fewer candidates than asked for, and what to loosen.

    They are `found` of `batch` molecules unlike each other, of `inside` in the domain, of `new` ones that were not there before.
    """
    lost, loosen = [], [f"look at more with --samples {max(10 * samples, 1000)}"]
    if new > inside:
        lost.append(
            f"{new - inside:,} {'is' if new - inside == 1 else 'are'} too unlike the measured ones, or predicted too vaguely, for a prediction to count"
        )
        loosen.append(
            "lower generate.measured.min_similarity, raise generate.measured.most_spread or set generate.measured.outside_domain"
        )
    if inside > batch and batch < _most(config):
        lost.append(
            f"{inside - batch:,} {'is' if inside - batch == 1 else 'are'} too much like better ones or of the same scaffold"
        )
        loosen.append("raise generate.measured.most_similar or generate.measured.per_scaffold")
    if batch > found:
        lost.append(f"{batch - found:,} of those chosen {'has' if batch - found == 1 else 'have'} structural alerts")
        loosen.append("allow alerts with generate.allow_alerts")
    return (
        f"{config.n} candidates were asked for and {found} found worth measuring among {new:,} new molecules"
        f"{': ' + ', '.join(lost) if lost else ''}; {', or '.join(loosen)}"
    )


def _most(config: GenerateConfig) -> int:
    """Return the most molecules of a batch."""
    return config.n if config.allow_alerts else 3 * config.n  # some of them will have alerts
