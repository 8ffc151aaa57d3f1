"""Molecules drawn again where the decoder lost its thread: rows stay rows, shares keep their denominators."""

from __future__ import annotations

import torch

from pipeline.model import TrainedModel
from pipeline.sampling import draw, spelled_canonically


def test_redrawing_raises_the_share_spelled_canonically(model: TrainedModel) -> None:
    checkpoint = model.checkpoint
    nothing = torch.full((150, checkpoint.model.latent_size), torch.nan)
    plain = draw(checkpoint, nothing, temperature=1.0, seed=3, redraws=0)
    again = draw(checkpoint, nothing, temperature=1.0, seed=3, redraws=6)
    assert plain.canonical.of == 150 < again.canonical.of <= 7 * 150
    assert [c.row for c in again.candidates] == list(range(150))

    def spelled(drawn: object) -> int:
        rows = zip(drawn.strings, drawn.candidates, strict=True)  # type: ignore[attr-defined]
        return sum(spelled_canonically(s, c.smiles, checkpoint.vocabulary) for s, c in rows)

    assert spelled(plain) == plain.canonical.count
    assert spelled(again) == again.canonical.count > spelled(plain)
    # what was fine at once is not drawn again
    for s, t, c in zip(plain.strings, again.strings, plain.candidates, strict=True):
        if spelled_canonically(s, c.smiles, checkpoint.vocabulary):
            assert s == t
    assert again.strings == draw(checkpoint, nothing, temperature=1.0, seed=3, redraws=6).strings


def test_greedy_decoding_is_not_repeated(model: TrainedModel) -> None:
    z = model.latent["mu"].float()[:20]
    assert draw(model.checkpoint, z, temperature=0.0).canonical.of == 20


def test_spelled_canonically(model: TrainedModel) -> None:
    vocabulary = model.checkpoint.vocabulary
    assert spelled_canonically(vocabulary.from_smiles("CCO"), "CCO", vocabulary)
    assert not spelled_canonically(vocabulary.from_smiles("OCC"), "CCO", vocabulary)
    assert not spelled_canonically(None, "CCO", vocabulary)
    assert not spelled_canonically("[C]", None, vocabulary)
