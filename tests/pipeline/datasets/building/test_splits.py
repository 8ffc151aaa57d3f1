from __future__ import annotations

import numpy as np
import pytest

from pipeline.datasets.building.splits import _take_first_split, assign_splits, draw_sample, draw_uniform
from pipeline.datasets.shard_settings import UNASSIGNED


def hashes(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2**63, n).astype(np.uint64)


def test_a_draw_depends_on_the_molecule_and_the_seed_alone() -> None:
    keys = hashes(20_000)
    order = np.random.default_rng(1).permutation(len(keys))
    assert np.array_equal(draw_uniform(keys, 3)[order], draw_uniform(keys[order], 3))
    assert not np.allclose(draw_uniform(keys, 3), draw_uniform(keys, 4))
    draw = draw_uniform(keys, 3)
    assert draw.min() >= 0 and draw.max() < 1
    assert np.abs(np.histogram(draw, 10, (0, 1))[0] - 2_000).max() < 200
    assert abs(np.corrcoef(draw, draw_uniform(keys, 4))[0, 1]) < 0.03


def test_fractions() -> None:
    keys = hashes(50_000)
    split = assign_splits(np.full(50_000, UNASSIGNED), keys, 0, 0.1, 0.2)
    assert np.bincount(split) / 50_000 == pytest.approx([0.7, 0.1, 0.2], abs=0.01)


def test_the_users_codes_win() -> None:
    keys = hashes(9_000)
    given = np.repeat([0, 1, 2], 3_000).astype(np.uint8)
    assert np.array_equal(assign_splits(given, keys, 0, 0.3, 0.3), given)
    given[:] = np.where(
        given == 1, UNASSIGNED, given
    )  # validation is not named: drawn from train, and from what has no code
    split = assign_splits(given, keys, 0, 0.1, 0.3)
    assert (split[given == 2] == 2).all()
    assert set(np.unique(split[given == 0])) == {0, 1}
    assert (split[given == 0] == 1).mean() == pytest.approx(0.1, abs=0.03)
    assert set(np.unique(split[given == UNASSIGNED])) == {0, 1, 2}


def test_what_belongs_together_stays_together() -> None:
    groups = np.repeat(hashes(200), 10)
    split = assign_splits(np.full(2_000, UNASSIGNED), groups, 5, 0.2, 0.2)
    assert all(len(set(split[groups == g])) == 1 for g in np.unique(groups))
    assert set(split) == {0, 1, 2}


def test_a_sample_does_not_depend_on_the_order() -> None:
    keys, rows = hashes(1_000), np.arange(1_000) % 2 == 0
    mask = draw_sample(keys, rows, 100, 0)
    assert mask.sum() == 100 and not (mask & ~rows).any()
    order = np.random.default_rng(1).permutation(1_000)
    assert np.array_equal(draw_sample(keys[order], rows[order], 100, 0), mask[order])
    assert draw_sample(keys, rows, 5_000, 0).sum() == 500


def test_any_row_of_a_molecule_may_say_its_split() -> None:
    keys = np.array([1, 2, 1, 3, 3, 2, 4], np.uint64)
    keep = np.array([True, True, False, True, False, False, True])
    given = np.array([UNASSIGNED, 0, 2, 1, 2, 0, UNASSIGNED], np.uint8)
    assert _take_first_split(given, keys, keep) == 1
    assert given.tolist() == [2, 0, UNASSIGNED, 1, UNASSIGNED, UNASSIGNED, UNASSIGNED]
