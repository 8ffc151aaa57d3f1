"""Compares samples of a model that was just trained with its training data: how many have stereo, and how many a charge."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chem_vae.checkpoint import Checkpoint
from chem_vae.data import TokenDataset
from chem_vae.prior import sample_prior
from pipeline.chemistry.metrics import Share
from pipeline.chemistry.stereo_and_charge import measure_stereo_and_charge
from pipeline.models.model_description import describe_samples
from pipeline.models.sampling import draw

FEWEST_SAMPLES, MOST_SAMPLES = 200, 1_000
MOST_OF_THE_DATA = 10_000
MOST_DIFFERENCE = 0.05
"""The difference of a share between samples and data above which a warning says so..."""
_SURE = 3.0
"""...where it is also as many standard errors."""


def check_samples(checkpoint: Checkpoint, training: TokenDataset, seed: int) -> dict[str, Any]:
    """Sample at temperature 1, as `generate` does where nothing is asked for, and compare the samples with the training data.

    Args:
        checkpoint: The trained model.
        training: Its training molecules, in the ids of the checkpoint.
        seed: Draws the samples, and the molecules of the data.

    Returns:
        The entry `samples` of the card: `stereo` and `charge`, each with the shares (count, of, fraction) of `samples` and `data`.
    """
    n = int(np.clip(len(training), FEWEST_SAMPLES, MOST_SAMPLES))
    prior = "none" if checkpoint.model.config.latent_dropout > 0 else "normal"  # p(x) is learned by latent dropout
    drawn = draw(checkpoint, sample_prior(checkpoint, n, prior, seed), temperature=1.0, seed=seed)
    found = measure_stereo_and_charge(c.smiles for c in drawn.candidates if c.smiles is not None)
    chosen = np.sort(np.random.default_rng(seed).permutation(len(training))[:MOST_OF_THE_DATA])
    some = (training[i][0].tolist() for i in chosen)
    data = measure_stereo_and_charge(map(checkpoint.vocabulary.decode, some))
    return {name: {"samples": found[name].to_dict(), "data": data[name].to_dict()} for name in found}


def warn_about_samples(card: dict[str, Any], replay: float | None = None) -> list[str]:
    """Warn where samples have stereo or charges in another share than the data, and say what helps.

    Args:
        card: What `check_samples` returned.
        replay: The share of the base's own molecules in fine-tuning; None for a training from nothing.
    """
    differing = [name for name, both in card.items() if _differ(*(Share(s["count"], s["of"]) for s in both.values()))]
    if not differing:
        return []
    advice = "train longer (--epochs)" + (", or lower train.replay" if replay else "")
    return [
        f"samples have {' and '.join(differing)} in another share than the data: {describe_samples(card)}; {advice}"
    ]


def _differ(samples: Share, data: Share) -> bool:
    if not samples.of or not data.of:
        return False
    a, b = samples.fraction, data.fraction
    error = math.sqrt((a * (1 - a) + 0.25 / samples.of) / samples.of + (b * (1 - b) + 0.25 / data.of) / data.of)
    return abs(a - b) > max(MOST_DIFFERENCE, _SURE * error)
