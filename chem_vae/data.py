"""TokenDataset: molecules as arrays of ids in memory-mapped files, and batches of exactly one length.

Batches of one length need no padding, no packing and no mask. Packing costs a recurrent net about half its speed
(cuDNN and oneDNN run a plain (B, T) batch as one matrix product per step), and padding makes the backward direction
read rubbish first; equal lengths avoid both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from chem_vae.errors import DataError

SPLITS = ("train", "validation", "test")


class Batch(NamedTuple):
    """Molecules of one length, with their properties."""

    tokens: Tensor
    """(B, T) int64, without [start] and [end]."""
    conditions: Tensor
    """(B, P) float32 in raw units, NaN where unmeasured."""
    keeps_z: Tensor | None = None
    """(B,) bool: the molecules that latent dropout passes over; None: it may drop z of all."""


def open_array(path: Path, types: str, dimensions: int) -> NDArray[Any]:
    """Open a .npy file, mapped into memory, so that a header that claims more than the file holds allocates nothing.

    Args:
        path: The file.
        types: The names of the number types that it may have, separated by spaces.
        dimensions: Its number of dimensions.

    Returns:
        The array, which cannot be written to.

    Raises:
        DataError: If the file is missing, damaged, or holds something else.
    """
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise DataError(f"{path.parent} is not a whole dataset folder: {path.name} is missing") from None
    except Exception as error:  # EOFError, ValueError and others, as the header may have it
        reason = " ".join(str(error).split())[:200].rstrip(".")
        raise DataError(f"{path} is damaged: {reason}; ingest the data again") from None
    if not isinstance(array, np.ndarray) or array.dtype.name not in types.split() or array.ndim != dimensions:
        raise DataError(f"{path} is damaged: it holds other numbers than it should; ingest the data again")
    return array


@dataclass(frozen=True)
class TokenDataset:
    """N molecules with their properties: their ids lie in one flat array."""

    flat: NDArray[np.unsignedinteger[Any]]
    """All ids, one molecule after another, uint8 or uint16."""
    offsets: NDArray[np.int64]
    """(M + 1,) where each molecule of the file begins and ends in `flat`."""
    properties: NDArray[np.float32]
    """(M, P) property values in raw units, NaN where unmeasured."""
    indices: NDArray[np.int64]
    """(N,) the molecules of the file that belong to this dataset (one split of it)."""
    limits: NDArray[np.float32] | None = None
    """(M, P, 2) lower and upper bounds of properties without an exact value, NaN where there is none; None: no bounds."""
    noise: NDArray[np.float32] | None = None
    """(M, P) spread of repeated measurements, NaN where unknown; None: all unknown."""
    keeps_z: NDArray[np.bool_] | None = None
    """(M,) the molecules that training always decodes with z, so that they teach p(x | z) and not p(x); None: none of them."""

    @classmethod
    def open(cls, folder: Path, split: str | None = "train") -> TokenDataset:
        """Open the memory-mapped arrays of a dataset folder.

        Args:
            folder: The folder.
            split: One of SPLITS, or None for all molecules.

        Raises:
            DataError: If arrays are missing or do not belong together.
        """
        flat = open_array(folder / "tokens.npy", "uint8 uint16", 1)
        offsets = open_array(folder / "offsets.npy", "int64", 1)
        properties = open_array(folder / "conditions.npy", "float32", 2)
        splits = open_array(folder / "split.npy", "uint8", 1)
        limits, noise = _open_optional(folder / "bounds.npy", 3), _open_optional(folder / "spreads.npy", 2)
        fits = len(offsets) > 0 and len(offsets) - 1 == len(properties) == len(splits)
        fits = fits and (limits is None or limits.shape == (*properties.shape, 2))
        fits = fits and (noise is None or noise.shape == properties.shape)
        if not fits or offsets[0] != 0 or offsets[-1] != len(flat) or (np.diff(offsets) < 0).any():
            raise DataError(f"the arrays in {folder} do not belong together; ingest the data again")
        if split is None:
            indices = np.arange(len(splits), dtype=np.int64)
        else:
            indices = np.flatnonzero(splits == SPLITS.index(split)).astype(np.int64)
        return cls(flat, offsets, properties, indices, limits, noise)

    @classmethod
    def from_lists(
        cls,
        molecules: Sequence[Sequence[int]],
        properties: NDArray[np.float32] | None = None,
        bounds: NDArray[np.float32] | None = None,
        spreads: NDArray[np.float32] | None = None,
    ) -> TokenDataset:
        """Make a dataset of id sequences in memory, with properties (N, P), their bounds (N, P, 2) and spreads (N, P)."""
        offsets = np.concatenate([[0], np.cumsum([len(m) for m in molecules])]).astype(np.int64)
        flat = np.fromiter((i for m in molecules for i in m), dtype=np.uint16, count=int(offsets[-1]))
        if properties is None:
            properties = np.empty((len(molecules), 0), dtype=np.float32)
        return cls(flat, offsets, properties, np.arange(len(molecules), dtype=np.int64), bounds, spreads)

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, item: int) -> tuple[NDArray[np.unsignedinteger[Any]], NDArray[np.float32]]:
        """Return the tokens (T,) and properties (P,) of one molecule."""
        i = self.indices[item]
        return np.asarray(self.flat[self.offsets[i] : self.offsets[i + 1]]), np.asarray(self.properties[i])

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(N,) number of ids of each molecule."""
        return np.asarray(self.offsets[self.indices + 1] - self.offsets[self.indices])

    def select(self, items: NDArray[np.integer[Any]]) -> TokenDataset:
        """Return a dataset of the molecules at these positions, in this order."""
        return replace(self, indices=self.indices[items])

    def select_properties(self, columns: Sequence[int]) -> TokenDataset:
        """Return a dataset of the same molecules with these property columns only."""
        if list(columns) == list(range(self.properties.shape[1])):
            return self
        chosen = list(columns)
        return replace(
            self,
            properties=np.asarray(self.properties)[:, chosen],
            limits=None if self.limits is None else np.asarray(self.limits)[:, chosen],
            noise=None if self.noise is None else np.asarray(self.noise)[:, chosen],
        )

    def values(self) -> NDArray[np.float32]:
        """Return the property values (N, P) in raw units."""
        return np.asarray(self.properties[self.indices])

    def bounds(self) -> NDArray[np.float32]:
        """Return the bounds (N, P, 2) in raw units: lower, then upper; NaN where there is none.

        A property has bounds only where it has no exact value.
        """
        if self.limits is None:
            return np.full((len(self), self.properties.shape[1], 2), np.nan, np.float32)
        return np.asarray(self.limits[self.indices])

    def spreads(self) -> NDArray[np.float32]:
        """Return the spreads (N, P) of repeated measurements in raw units: half their range; NaN where unknown."""
        if self.noise is None:
            return np.full((len(self), self.properties.shape[1]), np.nan, np.float32)
        return np.asarray(self.noise[self.indices])

    def batch(self, items: NDArray[np.integer[Any]]) -> Batch:
        """Put molecules of equal length together into one batch."""
        rows = self.indices[items]
        starts = self.offsets[rows]
        length = int(self.offsets[rows[0] + 1] - starts[0])
        tokens = self.flat[starts[:, None] + np.arange(length)]
        keeps_z = None if self.keeps_z is None else torch.from_numpy(np.array(self.keeps_z[rows]))
        properties = torch.from_numpy(np.array(self.properties[rows]))
        return Batch(torch.from_numpy(tokens.astype(np.int64)), properties, keeps_z)

    def iterate_batches(self, batch_size: int) -> Iterator[tuple[NDArray[np.int64], Batch]]:
        """Iterate over all molecules in batches of one length, shortest first; yields their positions, and the batch."""
        order = np.argsort(self.lengths, kind="stable")
        for group in _find_equal_runs(self.lengths[order]):
            for start in range(group.start, group.stop, batch_size):
                items = order[start : min(start + batch_size, group.stop)]
                yield items, self.batch(items)


class SameLengthBatches:
    """Shuffled batches of one length each, epoch after epoch; an iterable for Lightning that can be resumed.

    The order is a function of (seed, epoch) alone, and the position is one number, so training that was killed goes on
    with exactly the batches it had not seen. With several devices each takes every `world_size`-th batch.

    Args:
        data: The molecules.
        batch_size: The most molecules of a batch.
        seed: The seed of the order.
        rank: The number of this device.
        world_size: The number of devices.

    Raises:
        DataError: If there is no molecule.
    """

    def __init__(self, data: TokenDataset, batch_size: int, seed: int, rank: int = 0, world_size: int = 1) -> None:
        if len(data) == 0:
            raise DataError("there is no molecule to train on")
        self.data, self.batch_size, self.seed = data, batch_size, seed
        self.rank, self.world_size = rank, world_size
        self.epoch = self.position = 0
        lengths = data.lengths
        order = np.argsort(lengths, kind="stable")
        self._groups = [order[group] for group in _find_equal_runs(lengths[order])]
        batches = sum(-(-len(group) // batch_size) for group in self._groups)
        self._batches = -(-batches // world_size)

    def __len__(self) -> int:
        """Return the number of batches per epoch on this device, which is the same on each."""
        return self._batches

    def __iter__(self) -> Iterator[Batch]:
        plan = self.plan(self.epoch)
        start = self.position
        for position in range(start, self._batches):
            self.position = position + 1
            if self.position == self._batches:  # said before the last batch is handed out: a save then is exact
                self.epoch, self.position = self.epoch + 1, 0
            yield self.data.batch(plan[(position * self.world_size + self.rank) % len(plan)])

    def plan(self, epoch: int) -> list[NDArray[np.int64]]:
        """Return the batches of an epoch, as positions in the data, before they are dealt to the devices."""
        random = np.random.default_rng((self.seed, epoch))
        batches = []
        for group in self._groups:
            shuffled = random.permutation(group)
            batches += [shuffled[i : i + self.batch_size] for i in range(0, len(shuffled), self.batch_size)]
        return [batches[i] for i in random.permutation(len(batches))]

    def state_dict(self) -> dict[str, int]:
        return {"epoch": self.epoch, "position": self.position}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.epoch, self.position = int(state["epoch"]), int(state["position"])


def _open_optional(path: Path, dimensions: int) -> NDArray[np.float32] | None:
    """Open an array where its file is there: datasets without bounds have no such file."""
    return open_array(path, "float32", dimensions) if path.is_file() else None


def _find_equal_runs(ordered: NDArray[np.int64]) -> list[slice]:
    """Return the slices of a sorted array within which its values are equal."""
    edges = [0, *(np.flatnonzero(np.diff(ordered)) + 1).tolist(), len(ordered)]
    return [slice(a, b) for a, b in pairwise(edges) if b > a]
