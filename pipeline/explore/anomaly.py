"""The anomaly score: the likelihood of a molecule under the model, compared with molecules of its data."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from chem_vae.anomaly import SCORES, Surprise, compute_percentiles, compute_surprise, fit_anomaly
from chem_vae.data import TokenDataset
from chem_vae.errors import UserError
from chem_vae.progress import Progress, silent
from pipeline.chemistry.standardization.refusal import Rejection
from pipeline.datasets.layout.given_molecules import list_given
from pipeline.models.by_name import by_name
from pipeline.models.trained_model import TrainedModel, load_model
from pipeline.models.training_set.kept_molecules import (
    draw_training_molecules,
    draw_unseen_molecules,
    load_anomaly_tensors,
)
from pipeline.workspace.presentation.plot_style import PAPER, open_figure

MAIN = "nats_per_symbol"
KEPT, SEEN = "(kept with the model", "seen in training: new ones rank higher"
REFERENCE = 2000
"""Molecules of a reference that is made because the model's folder keeps none."""


class AnomalyScorer:
    """Scores molecules by their likelihood under a model; one reference serves any number of calls.

    The reference is the model's `anomaly.safetensors` (made at training time by `chem_vae.anomaly.fit_anomaly`); without it, 2,000
    molecules of the dataset, held-out ones where there are enough; without a dataset, 2,000 molecules drawn from the model. `origin`
    names it.
    """

    def __init__(self, model: TrainedModel | str | Path, progress: Progress = silent) -> None:
        """Take a model, or what `load_model` takes."""
        self.model, self.progress = load_model(model), progress
        self.origin = ""

    @cached_property
    def reference(self) -> dict[str, Tensor]:
        """The sorted values (m,) of each of SCORES."""
        kept = load_anomaly_tensors(self.model)
        if all(name in kept for name in SCORES):
            held_out = bool(kept.get("held_out", False))
            self.origin = f"held-out molecules {KEPT})" if held_out else f"training molecules {KEPT}; {SEEN})"
            return kept
        checkpoint = self.model.checkpoint
        try:
            held = draw_unseen_molecules(self.model, REFERENCE)
            sample = held or draw_training_molecules(self.model, REFERENCE)
            strings, self.origin = sample.selfies, sample.origin if held else f"{sample.origin} ({SEEN})"
        except UserError:
            nowhere = torch.full((REFERENCE, checkpoint.model.latent_size), torch.nan)
            drawn = [s for s in checkpoint.decode(nowhere, temperature=1.0, seed=0) if s]
            strings, self.origin = drawn, "molecules drawn from the model itself (its training data is not at hand)"
        data = TokenDataset.from_lists(checkpoint.vocabulary.encode_batch(strings))
        return fit_anomaly(checkpoint, data, n=REFERENCE, progress=self.progress, held_out="held-out" in self.origin)

    def score(self, smiles: str | Sequence[str | Rejection] | pd.DataFrame) -> pd.DataFrame:
        """Score molecules; a molecule that fails has its reason in the row.

        A molecule with symbols that the vocabulary lacks, or of a kind that the training data's rules refuse (too many atoms; a metal,
        even one that standardizing would strip, unless it is a counterion), has percentile 100, nats NaN and a reason. A row that is no
        molecule has NaN throughout.

        Args:
            smiles: n SMILES, one, or a DataFrame with a column of them.

        Returns:
            n rows, in order. Columns: row (the place among those given, from 1), input, smiles (standardized, or missing), nats_per_symbol (-log p(x) by SELFIES symbol: the
            anomaly score, since the sum grows with size), percentile (of the reference; above 99: more anomalous than 99 of 100 of its
            molecules), nats (the sum, -log p(x)) and nats_percentile, reconstruction_nats (-log p(x | mu)) and
            reconstruction_nats_percentile, reason.
        """
        spelled = self.model.spell(list_given(smiles), self.progress)
        rows = [i for i, s in enumerate(spelled) if s.selfies is not None]
        places = range(1, len(spelled) + 1)
        frame = pd.DataFrame(
            {"row": places, "input": [s.input for s in spelled], "smiles": [s.smiles for s in spelled]}
        )
        reference, vocabulary = self.reference, self.model.checkpoint.vocabulary
        data = TokenDataset.from_lists(vocabulary.encode_batch([str(spelled[i].selfies) for i in rows]))
        found = (
            compute_surprise(self.model.checkpoint, data, progress=self.progress)
            if rows
            else Surprise(*[torch.zeros(0)] * 3)
        )
        strange = np.array([s.selfies is None and s.readable for s in spelled], dtype=bool)
        for name, values in zip(SCORES, found, strict=True):
            column = np.full(len(spelled), np.nan)
            column[rows] = values.double().numpy()
            ranks = np.full(len(spelled), np.nan)
            ranks[rows] = compute_percentiles(values, reference[name]).double().numpy()
            ranks[strange] = 100.0
            frame[name] = column
            frame["percentile" if name == MAIN else f"{name}_percentile"] = ranks
        frame["reason"] = [s.reason for s in spelled]
        frame.attrs["origin"], frame.attrs["reference"] = self.origin, len(reference["nats"])
        return frame


@by_name
def anomaly(
    model: TrainedModel, smiles: str | Sequence[str | Rejection] | pd.DataFrame, progress: Progress = silent
) -> pd.DataFrame:
    """Score molecules by `AnomalyScorer(model).score(smiles)`: how unlike the training data each is."""
    return AnomalyScorer(model, progress).score(smiles)


def ranking(frame: pd.DataFrame) -> np.ndarray:
    """Return the numbers (n,) to sort a table of `score` by: nats by symbol, infinite for percentile 100 without nats.

    NaN stands for a row that is no molecule.
    """
    nats = frame[MAIN].to_numpy(dtype=np.float64)
    return np.where(np.isnan(nats) & (frame["percentile"].to_numpy(dtype=np.float64) == 100.0), np.inf, nats)


def anomaly_figure(frame: pd.DataFrame, reference: Tensor, groups: Sequence[str] | None = None) -> Any:
    """Draw -log p(x) by symbol of the reference as a histogram, and of each group of the table's rows.

    Args:
        frame: n rows of `AnomalyScorer.score`; molecules without nats, and what is no molecule, are counted in the legend.
        reference: Sorted nats by symbol (m,).
        groups: n labels; None: one group.

    Returns:
        A matplotlib Figure.
    """
    nats, readable = frame[MAIN].to_numpy(dtype=np.float64), frame["percentile"].notna().to_numpy()
    labels = np.array(list(groups) if groups is not None else ["given molecules"] * len(frame))
    known = nats[np.isfinite(nats)]
    of = str(frame.attrs.get("origin", "the reference")).partition(" (")[0]
    top = max(float(reference.max()), float(known.max()) if len(known) else 0.0)
    edges = np.linspace(0, min(1.02 * top, 6 * float(reference.median())), 60).tolist()
    with open_figure(5.6, 3.0) as figure:
        axes = figure.subplots()
        weights = np.full(len(reference), 100 / max(len(reference), 1))
        axes.hist(reference.numpy(), edges, weights=weights, color=PAPER.data, alpha=0.45, label=of)
        for color, label in zip(PAPER.cycle * 9, dict.fromkeys(labels.tolist()), strict=False):
            own, read = nats[labels == label], readable[labels == label]
            fine = np.clip(own[np.isfinite(own)], None, edges[-1])
            beyond, unread = int((read & ~np.isfinite(own)).sum()), int((~read).sum())
            text = f"{label} ({len(own):,}" + (f", {beyond:,} of them beyond the vocabulary" if beyond else "")
            text += f", {unread:,} of them not readable)" if unread else ")"
            if len(fine) >= 30:
                share = np.full(len(fine), 100 / len(own))
                axes.hist(fine, edges, weights=share, histtype="step", lw=1.5, color=color, label=text)
            else:
                axes.plot(fine, np.full(len(fine), -0.15), ls="", marker="|", ms=9, color=color, label=text)
        axes.set(xlabel="−log p(x), nats by symbol (the last bin holds all beyond it)", ylabel="% of molecules")
        axes.legend(loc="upper right")
    return figure
