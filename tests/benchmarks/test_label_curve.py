"""Missing labels: what is hidden stays hidden, and each share is measured once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from label_curve import hide_labels, label_curve

from chem_vae.config import ModelConfig, TrainingConfig
from chem_vae.data import TokenDataset
from chem_vae.errors import UserError
from pipeline.datasets.dataset import Dataset
from pipeline.training.config import TrainConfig

TINY = TrainConfig(
    model=ModelConfig(embedding_size=16, encoder_size=16, decoder_size=32, latent_size=8),
    training=TrainingConfig(epochs=3, batch_size=32, learning_rate=5e-3, validations=1),
)


def test_hidden_labels_are_nested_and_of_the_wanted_number() -> None:
    properties = np.arange(120, dtype=np.float32).reshape(60, 2)
    properties[::6, 0] = np.nan  # 50 of 60 are measured
    data = TokenDataset.from_lists([[5, 6]] * 60, properties).select(np.arange(5, 60))
    measured = int(np.isfinite(data.values()[:, 0]).sum())
    before: set[int] = set()
    for share in (0.1, 0.5, 1.0):
        kept, of = hide_labels(data, share, seed=3)
        known = set(np.flatnonzero(np.isfinite(kept.values()[:, 0])).tolist())
        assert of == measured and len(known) == round(share * measured) and before <= known
        assert np.array_equal(kept.values()[:, 1], data.values()[:, 1])  # the other property is untouched
        before = known
    assert np.array_equal(kept.values(), data.values(), equal_nan=True)
    other, _ = hide_labels(data, 0.5, seed=4)
    assert not np.array_equal(other.values(), hide_labels(data, 0.5, seed=3)[0].values(), equal_nan=True)
    assert np.isfinite(properties[1:6, 0]).all()  # the data itself is left as it was


def test_a_curve_is_measured_once(dataset: Dataset, tmp_path: Path) -> None:
    points = label_curve(dataset, "logp", (0.1, 1.0), TINY, generated=60, folder=tmp_path)
    of = int(np.isfinite(dataset.tokens("train").values()[:, 0]).sum())
    assert [(p.labelled, p.of) for p in points] == [(round(0.1 * of), of), (of, of)]
    for p in points:
        assert p.checked == len(dataset.tokens("test")) and p.generated == 60 and 0 < p.valid <= 60
        assert 0 < p.mae < 3 * p.mae_of_the_mean
        assert p.target_mae > 0 and -1 <= p.target_r <= 1
    stages: list[str] = []
    again = label_curve(
        dataset,
        "logp",
        (0.1, 1.0),
        TINY,
        generated=60,
        folder=tmp_path,
        progress=lambda stage, *_: stages.append(stage),
    )
    assert again == points
    assert set(stages) == {"labels"}  # nothing was trained
    assert not list(tmp_path.glob("*.safetensors"))


def test_a_measured_property_has_no_target_error(dataset: Dataset) -> None:
    (point,) = label_curve(dataset, "assay", (1.0,), TINY, molecules=100, generated=10)
    assert np.isnan(point.target_mae) and point.generated == 0 and point.of < 100
    assert np.isfinite(point.mae)


@pytest.mark.parametrize(
    ("name", "share", "message"),
    [
        ("lgp", 1.0, "did you mean 'logp'"),
        ("logp", 0.0, "above 0"),
        ("logp", 1.5, "1 at most"),
        ("logp", 0.001, "fewer"),
    ],
)
def test_what_cannot_be_measured_is_a_clear_error(dataset: Dataset, name: str, share: float, message: str) -> None:
    with pytest.raises(UserError, match=message):
        label_curve(dataset, name, (share,), TINY)
