"""Reconstruction of molecules that the model has not seen, with KL and active units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from chem_vae.analysis import ACTIVE_VARIANCE
from chem_vae.checkpoint import Checkpoint
from chem_vae.data import TokenDataset
from chem_vae.decoding import decode_ids
from chem_vae.errors import DataError
from chem_vae.model import Posterior
from chem_vae.progress import Progress, silent
from pipeline.chemistry.metrics import Share
from pipeline.chemistry.validate import validate
from pipeline.models.trained_model import TrainedModel

_BATCH = 500


@dataclass(frozen=True)
class HeldOut:
    """Molecules to reconstruct, in the model's standard form, and counts of those that were passed over."""

    smiles: list[str]
    selfies: list[str]
    ids: list[list[int]]
    refused: int
    """Molecules that could not be standardized or spelled by the model's vocabulary."""
    seen: int
    """Molecules of the model's training data."""
    checked: bool
    """Whether the training data was at hand."""


def draw_held_out(
    model: TrainedModel, smiles: Sequence[str], n: int, seed: int = 0, progress: Progress = silent
) -> HeldOut:
    """Draw molecules that the model can spell and was not trained on.

    Args:
        model: The model.
        smiles: The molecules to draw from, without replacement.
        n: Molecules to draw; fewer where there are not so many.
        seed: Draws them.
        progress: Is told of the molecules found.

    Raises:
        DataError: There is none.
    """
    dataset = model.dataset()
    known = set(dataset.table(["inchikey"], split="train")["inchikey"]) if dataset is not None else set()
    vocabulary = model.checkpoint.vocabulary
    found: list[str] = []
    strings: list[str] = []
    refused = seen = 0
    progress("held-out molecules", 0, n)
    for row in np.random.default_rng(seed).permutation(len(smiles)):
        if len(found) == n:
            break
        spelling = model.speller.spell(smiles[row], int(row))
        if spelling.inchikey in known:
            seen += 1
            continue
        if spelling.smiles is None or spelling.selfies is None:
            refused += 1
            continue
        found.append(spelling.smiles)
        strings.append(spelling.selfies)
        if len(found) % 100 == 0:
            progress("held-out molecules", len(found), n)
    if not found:
        raise DataError("none of the test molecules can be spelled by this model and is new to it")
    progress("held-out molecules", n, n)
    checked = dataset is not None and not model.card.get("base")  # a base's own molecules are not in the dataset
    return HeldOut(found, strings, vocabulary.encode_batch(strings), refused, seen, checked)


def encode_held_out(checkpoint: Checkpoint, held: HeldOut) -> Posterior:
    """Encode the molecules: q(z | x) of each."""
    return checkpoint.encode_dataset(TokenDataset.from_lists(held.ids))


def summarize_posterior(posterior: Posterior) -> dict[str, Any]:
    """Compute the KL to N(0, I) in nats per molecule, and the active units (Burda et al. 2016, arXiv:1509.00519)."""
    kl = posterior.kl().double()
    return {
        "molecules": len(kl),
        "kl_nats": float(kl.sum(dim=1).mean()),
        "active_units": int((posterior.mu.var(dim=0) > ACTIVE_VARIANCE).sum()),
        "latent_size": kl.shape[1],
        "kl_per_dimension": sorted(kl.mean(dim=0).tolist(), reverse=True),
    }


def measure_reconstruction(
    checkpoint: Checkpoint, held: HeldOut, posterior: Posterior, seed: int = 0, progress: Progress = silent
) -> dict[str, Any]:
    """Measure exact reconstruction, decoded greedily with conditions unknown, from the posterior's mean and from one z drawn from it.

    Returns:
        For each of the two the Shares `molecule` (the canonical SMILES is the same), `ids` (the symbols are the same) and `valid`, and
        the counts of molecules that were passed over.
    """
    generator = torch.Generator().manual_seed(seed)
    figures: dict[str, Any] = {}
    for name, z in (("from_mean", posterior.mu), ("from_sample", posterior.sample(generator))):
        stage = f"reconstruct {name.replace('_', ' ')}"
        same_ids = same_molecule = valid = done = 0
        progress(stage, 0, len(z))
        for start in range(0, len(z), _BATCH):
            rows = slice(start, start + _BATCH)
            decoded = decode_ids(
                checkpoint.model, z[rows].to(checkpoint.model.device), max_length=checkpoint.max_length
            )
            strings = [None if ids is None else checkpoint.vocabulary.decode(ids) for ids in decoded]
            molecules = validate(strings, checkpoint.vocabulary)
            same_ids += sum(a == b for a, b in zip(decoded, held.ids[rows], strict=True))
            same_molecule += sum(m.smiles == s for m, s in zip(molecules, held.smiles[rows], strict=True))
            valid += sum(m.valid for m in molecules)
            done += len(decoded)
            progress(stage, done, len(z), {"exact": same_molecule / done})
        figures[name] = {
            "molecule": Share(same_molecule, len(z)).to_dict(),
            "ids": Share(same_ids, len(z)).to_dict(),
            "valid": Share(valid, len(z)).to_dict(),
        }
    looked = {"refused": held.refused, "in_training_data": held.seen, "training_data_checked": held.checked}
    return {**figures, "passed_over": looked}
