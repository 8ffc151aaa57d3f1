"""Samples of a trained model are compared with its data by their stereo and charges."""

from __future__ import annotations

import numpy as np
import pytest

from chem_vae.data import TokenDataset
from pipeline.models.trained_model import TrainedModel
from pipeline.training.finetuning.finetune import _bound_replay_without_z, _mix_molecules
from pipeline.training.sample_check import warn_about_samples


def _card(samples: int, data: int, of: int = 1000) -> dict[str, object]:
    same = {"samples": {"count": 0, "of": of}, "data": {"count": 0, "of": of}}
    return {"stereo": {"samples": {"count": samples, "of": of}, "data": {"count": data, "of": of}}, "charge": same}


def test_the_card_and_the_summary_have_both_shares(model: TrainedModel) -> None:
    found = model.card["samples"]
    assert set(found) == {"stereo", "charge"}
    assert found["stereo"]["data"] == {"count": 0, "of": model.card["training_molecules"], "fraction": 0.0}
    assert 0 < found["charge"]["samples"]["of"] <= 400  # valid samples
    assert "  samples at temperature 1: stereo in 0.0 % of " in model.summary()
    assert not [w for w in model.card["warnings"] if "another share" in w]


def test_a_difference_of_more_than_five_points_is_a_warning_with_advice() -> None:
    (text,) = warn_about_samples(_card(100, 620), 0.5)
    assert text == (
        "samples have stereo in another share than the data: stereo in 10.0 % of 1,000 samples and 62.0 % of the data, charge in 0.0 % "
        "of 1,000 samples and 0.0 % of the data; train longer (--epochs), or lower train.replay"
    )
    assert "replay" not in warn_about_samples(_card(100, 620))[0]
    assert warn_about_samples(_card(580, 620), 0.5) == []
    assert warn_about_samples(_card(10, 13, of=20), 0.5) == []  # so few that chance explains it
    assert warn_about_samples(_card(0, 0, of=0), 0.5) == []


def test_replayed_molecules_without_stereo_do_not_teach_p_of_x_where_the_new_ones_have_it(model: TrainedModel) -> None:
    vocabulary = model.checkpoint.vocabulary.extended(["[C@H1]"])
    plain = TokenDataset.from_lists(vocabulary.encode_batch(["[C][C][O]"] * 50))
    chiral = TokenDataset.from_lists(vocabulary.encode_batch(["[C][C@H1][O]"] * 60 + ["[C][C][O]"] * 40))
    assert _bound_replay_without_z(0.5, plain, plain, vocabulary) == 0.5
    share = _bound_replay_without_z(0.5, chiral, plain, vocabulary)
    assert share == pytest.approx(0.03 / 0.6)
    assert _bound_replay_without_z(0.0, chiral, plain, vocabulary) == 0.0
    mixed = _mix_molecules(chiral, 3, plain, 300, share)
    assert len(mixed) == 600 and mixed.keeps_z is not None
    keeps = mixed.keeps_z[mixed.indices]
    assert not keeps[:300].any(), "the new molecules teach p(x)"
    free = int((~keeps[300:]).sum())
    assert free / (300 + free) == pytest.approx(share, abs=0.01)
    assert _mix_molecules(plain, 3, plain, 150, 0.5).keeps_z is None
    assert np.array_equal(_mix_molecules(chiral, 3, plain, 300, share).indices, mixed.indices)
