"""Batches of one length: every molecule once, dealt to devices, resumable."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from chem_vae.data import SameLengthBatches, TokenDataset
from chem_vae.errors import DataError
from chem_vae.training.module import _split


@pytest.fixture
def data() -> TokenDataset:
    random = np.random.default_rng(0)
    molecules = [[int(i)] * int(random.integers(1, 6)) for i in range(3, 103)]
    return TokenDataset.from_lists(molecules, np.arange(200, dtype=np.float32).reshape(100, 2))


def first_tokens(batches: list) -> list[int]:
    return [int(t) for batch in batches for t in batch.tokens[:, 0]]


def test_an_epoch_holds_every_molecule_once_in_batches_of_one_length(data: TokenDataset) -> None:
    batches = list(SameLengthBatches(data, 8, seed=1))
    assert sorted(first_tokens(batches)) == list(range(3, 103))
    assert max(len(b.tokens) for b in batches) == 8
    for batch in batches:
        for row, properties in zip(batch.tokens, batch.conditions, strict=True):
            molecule = int(row[0]) - 3
            assert row.tolist() == data[molecule][0].tolist()
            assert properties.tolist() == [2 * molecule, 2 * molecule + 1]


def test_a_batch_says_which_molecules_keep_z(data: TokenDataset) -> None:
    assert next(iter(SameLengthBatches(data, 8, seed=1))).keeps_z is None
    marked = replace(data, keeps_z=np.arange(100) % 3 == 0).select(np.arange(99, 9, -1))
    for batch in SameLengthBatches(marked, 8, seed=1):
        assert batch.keeps_z is not None
        assert batch.keeps_z.tolist() == [(int(row[0]) - 3) % 3 == 0 for row in batch.tokens]
        pieces = _split(batch, 2)
        assert torch.cat([p.keeps_z for p in pieces]).tolist() == batch.keeps_z.tolist()


def test_the_order_is_another_each_epoch_and_the_same_for_the_same_seed(data: TokenDataset) -> None:
    one, two = SameLengthBatches(data, 8, seed=1), SameLengthBatches(data, 8, seed=1)
    first, second = first_tokens(list(one)), first_tokens(list(one))
    assert first != second
    assert [first, second] == [first_tokens(list(two)), first_tokens(list(two))]
    assert first_tokens(list(SameLengthBatches(data, 8, seed=2))) != first


def test_a_position_resumes_where_it_was(data: TokenDataset) -> None:
    whole = SameLengthBatches(data, 8, seed=1)
    expected = [b.tokens.tolist() for b in [*whole, *whole]]
    stopped = SameLengthBatches(data, 8, seed=1)
    seen = []
    for batch in stopped:
        seen.append(batch.tokens.tolist())
        if len(seen) == 5:
            break
    resumed = SameLengthBatches(data, 8, seed=1)
    resumed.load_state_dict(stopped.state_dict())
    seen += [b.tokens.tolist() for b in [*resumed, *resumed]]
    assert seen == expected


def test_devices_share_an_epoch_evenly(data: TokenDataset) -> None:
    parts = [list(SameLengthBatches(data, 8, seed=1, rank=r, world_size=3)) for r in range(3)]
    assert len({len(p) for p in parts}) == 1
    assert set(first_tokens([b for part in parts for b in part])) == set(range(3, 103))


def test_in_order_gives_positions(data: TokenDataset) -> None:
    for items, batch in data.select(np.arange(10, 40)).iterate_batches(7):
        assert [int(t) - 13 for t in batch.tokens[:, 0]] == items.tolist()


def test_arrays_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "tokens.npy", np.arange(5, dtype=np.uint16))
    np.save(tmp_path / "offsets.npy", np.array([0, 2, 5]))
    np.save(tmp_path / "conditions.npy", np.zeros((3, 1), dtype=np.float32))
    np.save(tmp_path / "split.npy", np.zeros(2, dtype=np.uint8))
    with pytest.raises(DataError, match="do not belong together"):
        TokenDataset.open(tmp_path)
    with pytest.raises(DataError, match="not a whole dataset"):
        TokenDataset.open(tmp_path / "nowhere")


def test_bounds_and_spreads_follow_their_molecules_and_properties() -> None:
    bounds = np.arange(12, dtype=np.float32).reshape(3, 2, 2)
    spreads = np.arange(6, dtype=np.float32).reshape(3, 2)
    data = TokenDataset.from_lists([[3], [4], [5]], np.zeros((3, 2), np.float32), bounds, spreads)
    chosen = data.select_properties([1]).select(np.array([2, 0]))
    assert chosen.bounds().tolist() == [[[10.0, 11.0]], [[2.0, 3.0]]]
    assert chosen.spreads().tolist() == [[5.0], [1.0]]


def test_without_bounds_and_spreads_all_are_unknown(data: TokenDataset) -> None:
    few = data.select(np.arange(7))
    assert few.bounds().shape == (7, 2, 2) and np.isnan(few.bounds()).all()
    assert few.spreads().shape == (7, 2) and np.isnan(few.spreads()).all()
