"""Reconstruction: molecules are encoded, decoded greedily from the mean and compared, also with a part of them hidden."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
import torch

from chem_vae.data import TokenDataset
from chem_vae.errors import UserError
from chem_vae.progress import Progress, silent
from chem_vae.training.losses import corrupt
from pipeline.chemistry.metrics import Share
from pipeline.chemistry.standardization.refusal import Rejection
from pipeline.chemistry.validate import validate
from pipeline.datasets.layout.given_molecules import list_given
from pipeline.explore.inputs import tanimoto
from pipeline.models.by_name import by_name
from pipeline.models.spelling import Spelling
from pipeline.models.trained_model import TrainedModel
from pipeline.models.training_set.kept_molecules import draw_held_out_molecules
from pipeline.workspace.check_arguments import check_count, check_seed
from pipeline.workspace.presentation.formatting import count_things
from pipeline.workspace.presentation.plot_style import PAPER, open_figure

SHARES = (0.0, 0.05, 0.1, 0.2, 0.3)


@by_name
def reconstruct(
    model: TrainedModel, smiles: str | Sequence[str | Rejection] | pd.DataFrame, progress: Progress = silent
) -> pd.DataFrame:
    """Encode molecules and decode them from their latent means; a molecule that fails has its reason in the row.

    Args:
        model: The model.
        smiles: n SMILES, one, or a DataFrame with a column of them.
        progress: Is told of the molecules done.

    Returns:
        n rows, in order. Columns: row (the place among those given, from 1), input, canonical (standardized SMILES), decoded (canonical SMILES or None), exact (the same molecule by
        InChIKey; None where it could not be encoded), similarity (Tanimoto; NaN), reason (or ""). `frame.attrs["exact"]` is a Share
        of the molecules that could be encoded.
    """
    spelled = model.spell(list_given(smiles), progress)
    rows = [i for i, s in enumerate(spelled) if s.selfies is not None]
    frame = pd.DataFrame(
        {
            "row": range(1, len(spelled) + 1),
            "input": [s.input for s in spelled],
            "canonical": [s.smiles for s in spelled],
            "decoded": pd.Series([None] * len(spelled), dtype=object),
            "exact": pd.Series([None] * len(spelled), dtype=object),
            "similarity": np.nan,
            "reason": [s.reason for s in spelled],
        }
    )
    exact = 0
    for start in range(0, len(rows), 1000):
        part = rows[start : start + 1000]
        progress("reconstruct", start, len(rows))
        z = model.checkpoint.encode([str(spelled[i].selfies) for i in part]).mu
        back = validate(model.checkpoint.decode(z), model.checkpoint.vocabulary)
        similarity = tanimoto([spelled[i].smiles for i in part], [c.smiles for c in back])
        for i, candidate, value in zip(part, back, similarity.tolist(), strict=True):
            same = candidate.inchikey == spelled[i].inchikey
            exact += same
            frame.at[i, "decoded"], frame.at[i, "exact"], frame.at[i, "similarity"] = candidate.smiles, same, value
            if not candidate.valid:
                frame.at[i, "reason"] = candidate.status
    progress("reconstruct", len(rows), len(rows))
    frame.attrs["exact"] = Share(exact, len(rows))
    return frame


@by_name
def robustness(
    model: TrainedModel,
    smiles: str | Sequence[str | Rejection] | pd.DataFrame | None = None,
    *,
    shares: float | Sequence[float] = SHARES,
    n: int = 500,
    seed: int = 0,
    progress: Progress = silent,
) -> pd.DataFrame:
    """Measure the reconstruction of molecules of which the encoder sees only a part.

    Each symbol (an id of the vocabulary, that is a merge of SELFIES symbols) is replaced by [mask] with the share as its chance, and the
    molecule that is decoded greedily from the mean is compared with the whole one.

    Args:
        model: The model.
        smiles: The molecules, or a DataFrame with a column of them; None: up to n held-out molecules of the dataset. One that cannot be encoded, or is there before, is left
            out.
        shares: Of the symbols to hide, one or several, each between 0 and 1.
        n: See `smiles`.
        seed: Draws molecules and symbols.
        progress: Is told of the shares done.

    Returns:
        A row for each share. Columns: masked, exact and of (counts), exact_share, valid (of `of`), similarity (mean Tanimoto of the valid
        ones), by_chance (mean Tanimoto of each molecule and another one of the set). `frame.attrs["origin"]` names the molecules;
        `frame.attrs["left_out"]` holds the place (from 1), the input and the reason of each that is left out.

    Raises:
        UserError: No molecule can be encoded, there is no dataset, or a share or another number is out of range.
    """
    check_count("n", n)
    check_seed(seed)
    hidden = list(shares) if isinstance(shares, Iterable) else [shares]
    if not hidden or not all(isinstance(share, Real) and 0 <= share <= 1 for share in hidden):
        raise UserError("shares of masked symbols lie between 0 and 1, as in 0,0.1,0.3, and there is one at least")
    vocabulary = model.checkpoint.vocabulary
    left_out: list[tuple[int, str, str]] = []
    if smiles is None:
        sample = draw_held_out_molecules(model, n, seed)
        strings, origin = sample.selfies, sample.origin
    else:
        spelled = model.spell(list_given(smiles), progress)
        if not spelled:
            raise UserError("there is no molecule to reconstruct: give SMILES")
        (strings, left_out), origin = _choose_distinct(spelled), "given molecules"
        if not strings:
            raise UserError(
                f"none of the {count_things(len(spelled), 'molecule')} can be encoded; the first: {spelled[0].reason}"
            )
    truth = validate(strings, vocabulary)
    data = TokenDataset.from_lists(vocabulary.encode_batch(strings))
    whole = [c.smiles for c in truth]
    chance = tanimoto(whole, [*whole[1:], *whole[:1]]) if len(whole) > 1 else np.array([np.nan])
    rows: list[dict[str, Any]] = []
    for number, share in enumerate(hidden):
        progress("mask and reconstruct", number, len(hidden))
        back = validate(model.checkpoint.decode(_encode_masked(model, data, share, seed)), vocabulary)
        same = sum(a.inchikey is not None and a.inchikey == b.inchikey for a, b in zip(truth, back, strict=True))
        exact = Share(same, len(truth))
        similarity = tanimoto(whole, [c.smiles for c in back])
        rows.append(
            {
                "masked": share,
                "exact": exact.count,
                "of": exact.of,
                "exact_share": exact.fraction,
                "valid": sum(c.valid for c in back),
                "similarity": _mean(similarity),
                "by_chance": _mean(chance),
            }
        )
    progress("mask and reconstruct", len(hidden), len(hidden))
    frame = pd.DataFrame(rows)
    frame.attrs["origin"], frame.attrs["left_out"] = origin, left_out
    return frame


def _choose_distinct(spelled: Sequence[Spelling]) -> tuple[list[str], list[tuple[int, str, str]]]:
    """Choose each molecule that can be encoded once; a pair of copies would pass for two molecules that are alike by chance.

    Returns:
        Their SELFIES strings; the place (from 1), the input and the reason of each other one.
    """
    strings: list[str] = []
    left_out: list[tuple[int, str, str]] = []
    first: dict[str | None, int] = {}
    for number, s in enumerate(spelled, start=1):
        if s.selfies is None:
            left_out.append((number, s.input, s.reason))
        elif s.inchikey in first:
            left_out.append((number, s.input, f"the same molecule as number {first[s.inchikey]}"))
        else:
            first[s.inchikey] = number
            strings.append(s.selfies)
    return strings, left_out


def robustness_figure(frame: pd.DataFrame) -> Any:
    """Draw exact matches and mean similarity against the share masked; returns a matplotlib Figure."""
    with open_figure(4.6, 3.0) as figure:
        axes = figure.subplots()
        x = 100 * frame["masked"]
        axes.plot(
            x,
            100 * frame["exact_share"],
            color=PAPER.samples,
            marker="o",
            ms=4,
            label="the very molecule comes back, %",
        )
        axes.plot(
            x,
            100 * frame["similarity"],
            color=PAPER.candidates,
            marker="s",
            ms=4,
            label="mean Tanimoto similarity × 100",
        )
        axes.axhline(
            100 * frame["by_chance"].iloc[0], color=PAPER.data, lw=1, ls="--", label="similarity of another molecule"
        )
        axes.set(xlabel="symbols hidden from the encoder, %", ylim=(0, 102))
        axes.set_title(f"{frame['of'].iloc[0]:,} {frame.attrs.get('origin', 'molecules')}", size=9)
        axes.legend(loc="upper right")
    return figure


@torch.no_grad()
def _encode_masked(model: TrainedModel, data: TokenDataset, share: float, seed: int) -> torch.Tensor:
    """Encode molecules with a share of their ids replaced by [mask]; returns latent means (N, D)."""
    core = model.checkpoint.model.eval()
    mu = torch.empty(len(data), core.latent_size)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for items, batch in data.iterate_batches(512):
            tokens = corrupt(batch.tokens, 1.0 if share else 0.0, masked=share)
            mu[items] = core.encode(tokens.to(core.device)).mu.cpu()
    return mu


def _mean(values: Any) -> float:
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    return float(known.mean()) if len(known) else float("nan")
