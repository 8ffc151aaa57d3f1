"""Compares samples of a model that was just trained with its training data: how many have stereo, and how many a charge."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chem_vae.checkpoint import Checkpoint
from chem_vae.data import TokenDataset
from chem_vae.prior import sample_prior
from pipeline.chemistry.metrics import Share
from pipeline.chemistry.stereo_and_charge import has_stereo, measure_stereo_and_charge
from pipeline.chemistry.validate import validate
from pipeline.models.description.model_description import describe_samples
from pipeline.models.sampling import draw
from pipeline.models.stereo_choice import measure_undefined

FEWEST_SAMPLES, MOST_SAMPLES = 200, 1_000
MOST_OF_THE_DATA = 10_000
MOST_DIFFERENCE = 0.05
"""The difference of a share between samples and data above which a warning says so..."""
_SURE = 3.0
"""...where it is also as many standard errors."""
_MOST_COMPARED = 3_000
"""The molecules of the data of which undefined stereo is counted, which takes some 0.3 ms each."""
_OTHER_SAMPLES = 104_729


def compare_undefined_stereo(checkpoint: Checkpoint, training: TokenDataset, seed: int) -> dict[str, Any] | None:
    """Compare how many molecules have undefined stereo: samples without z, as the model draws them, and the training data.

    Args:
        checkpoint: The trained model, whose card has no such entry yet.
        training: Its training molecules, in the ids of the checkpoint.
        seed: Draws the samples, other ones than `check_samples`, and the molecules of the data.

    Returns:
        The entry `undefined_stereo` of the card: the shares `drawn` and `data`; None where the data have no stereo, or the model does
        not decode without z.
    """
    if checkpoint.model.config.latent_dropout == 0:
        return None
    chosen = np.random.default_rng(seed).permutation(len(training))[:_MOST_COMPARED]
    spelled = [checkpoint.vocabulary.decode(training[i][0].tolist()) for i in np.sort(chosen)]
    if not any(map(has_stereo, spelled)):
        return None
    data = [c.smiles for c in validate(spelled, checkpoint.vocabulary) if c.smiles is not None]
    z = sample_prior(checkpoint, MOST_SAMPLES, "none", seed)
    drawn = draw(checkpoint, z, temperature=1.0, seed=seed + _OTHER_SAMPLES).candidates
    shares = {"drawn": measure_undefined([c.smiles for c in drawn if c.smiles]), "data": measure_undefined(data)}
    return {name: share.to_dict() for name, share in shares.items()}


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
