"""Every Morgan fingerprint of the project, and the Tanimoto similarity of two of them.

A similarity depends on the fingerprint that it is computed from, so each definition has a name of its own here, and a
report says the name. All of them describe the neighborhoods of atoms up to two bonds away and ignore stereo: the ECFP4 of
Rogers & Hahn 2010, doi:10.1021/ci100050t.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rdkit import DataStructs
from rdkit.Chem import Mol, rdFingerprintGenerator

Bits = DataStructs.ExplicitBitVect


@dataclass(frozen=True)
class MorganFingerprint:
    """A Morgan fingerprint of radius 2, folded to `size` bits.

    Args:
        size: The number of bits.
        count_simulation: Whether a substructure sets more bits the more often it occurs, so that the Tanimoto similarity of
            two fingerprints is close to that of the counts.
    """

    size: int
    count_simulation: bool = False

    @property
    def description(self) -> str:
        """The definition in words, as reports and model cards give it."""
        return f"Morgan, radius 2, {self.size} bits" + (", with count simulation" if self.count_simulation else "")

    @cached_property
    def _generator(self) -> Any:
        return rdFingerprintGenerator.GetMorganGenerator(
            radius=2, fpSize=self.size, countSimulation=self.count_simulation
        )

    def bits(self, mol: Mol) -> Bits:
        """Compute the fingerprint of one molecule as an RDKit bit vector."""
        return self._generator.GetFingerprint(mol)

    def bits_of(self, mols: Sequence[Mol | None], threads: int = 1) -> list[Bits | None]:
        """Compute the fingerprints of many molecules, None for None; threads = 0 takes all cores."""
        read = [i for i, mol in enumerate(mols) if mol is not None]
        found: list[Bits | None] = [None] * len(mols)
        for i, bits in zip(
            read, self._generator.GetFingerprints([mols[i] for i in read], numThreads=threads), strict=True
        ):
            found[i] = bits
        return found

    def array(self, mol: Mol) -> NDArray[np.uint8]:
        """Compute the fingerprint of one molecule as zeros and ones, (size,)."""
        return np.asarray(self._generator.GetFingerprintAsNumPy(mol), dtype=np.uint8)

    def arrays(self, mols: Iterable[Mol | None]) -> NDArray[np.uint8]:
        """Compute the fingerprints of many molecules, (n, size); a row of zeros for None."""
        rows = [np.zeros(self.size, dtype=np.uint8) if mol is None else self.array(mol) for mol in mols]
        return np.stack(rows) if rows else np.zeros((0, self.size), dtype=np.uint8)

    def counts(self, mol: Mol) -> NDArray[np.uint32]:
        """Count how often each bin's substructures occur in one molecule, (size,)."""
        return np.asarray(self._generator.GetCountFingerprintAsNumPy(mol), dtype=np.uint32)


ECFP4_1024 = MorganFingerprint(1024)
"""The fingerprint of the metrics of MOSES (Polykovskiy et al. 2020, doi:10.3389/fphar.2020.565644), internal diversity among them."""

ECFP4_2048 = MorganFingerprint(2048)
"""The fingerprint of every similarity that a person reads or asks for: to the nearest training or measured molecule, to a parent,
in `explore`, in the candidate library, and in constraints and lead optimization, as in Jin et al. 2019 (arXiv:1812.01070)."""

SIMULATED_COUNTS = MorganFingerprint(2048, count_simulation=True)
"""The features of predictors over structure: measured properties, the domain of a predictor, the surrogate of a search."""


def tanimoto(one: Bits, other: Bits) -> float:
    """Compute the Tanimoto similarity of two bit vectors: common bits among the bits of either, in 0..1."""
    return float(DataStructs.TanimotoSimilarity(one, other))


def tanimoto_to_each(one: Bits, others: Sequence[Bits]) -> NDArray[np.float64]:
    """Compute the Tanimoto similarities of one bit vector to many, (n,)."""
    return np.asarray(DataStructs.BulkTanimotoSimilarity(one, others), dtype=np.float64)


def stack_bits(bits: Sequence[Bits]) -> NDArray[np.float32]:
    """Stack n bit vectors of the same size as zeros and ones (n, size), as `tanimoto_of_all` takes them."""
    packed = np.frombuffer(b"".join(map(DataStructs.BitVectToBinaryText, bits)), dtype=np.uint8)
    return np.unpackbits(packed.reshape(len(bits), -1), axis=1, bitorder="little").astype(np.float32)


def tanimoto_of_all(some: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float64]:
    """Compute the Tanimoto similarities of n bit vectors to m others, (n, m); the numbers are those of `tanimoto`.

    One product of matrices on all cores, which for thousands of pairs is several times faster than pair by pair.

    Args:
        some: (n, size) zeros and ones (`stack_bits`), each row with a one at least.
        others: (m, size) the same.
    """
    common = (some @ others.T).astype(np.float64)  # whole numbers, exact in 32 bits
    either = some.sum(axis=1, dtype=np.float64)[:, None] + others.sum(axis=1, dtype=np.float64)
    either -= common
    return np.divide(common, either, out=common)
