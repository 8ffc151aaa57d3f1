"""Molecules drawn again where the decoder lost its thread: rows stay rows, shares keep their denominators."""

from __future__ import annotations

import torch

from pipeline.models.sampling import Draw, draw
from pipeline.models.spelling import write_selfies
from pipeline.models.trained_model import TrainedModel


def test_redrawing_raises_the_share_spelled_canonically(model: TrainedModel) -> None:
    checkpoint = model.checkpoint
    nothing = torch.full((150, checkpoint.model.latent_size), torch.nan)
    plain = draw(checkpoint, nothing, temperature=1.0, seed=3, redraws=0)
    again = draw(checkpoint, nothing, temperature=1.0, seed=3, redraws=6)
    assert plain.canonical.of == 150 < again.canonical.of <= 7 * 150
    assert [c.row for c in again.candidates] == list(range(150))

    def spelled(drawn: Draw) -> int:
        assert drawn.spellings == [write_selfies(c.smiles, checkpoint.vocabulary) for c in drawn.candidates]
        return sum(s is not None and s == t for s, t in zip(drawn.strings, drawn.spellings, strict=True))

    assert spelled(plain) == plain.canonical.count
    assert spelled(again) == again.canonical.count > spelled(plain)
    # what was fine at once is not drawn again
    for string, own, later in zip(plain.strings, plain.spellings, again.strings, strict=True):
        if string == own:
            assert string == later
    assert again.strings == draw(checkpoint, nothing, temperature=1.0, seed=3, redraws=6).strings


def test_greedy_decoding_is_not_repeated(model: TrainedModel) -> None:
    z = model.latent["mu"].float()[:20]
    assert draw(model.checkpoint, z, temperature=0.0).canonical.of == 20
