"""Measured molecules: canonical SMILES, fingerprints, fragments, scaffolds, properties and filters, computed in parallel.

As the MOSES code does, everything but validity is computed on the molecule read again from its canonical SMILES.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem, rdBase
from rdkit.Chem.Scaffolds import MurckoScaffold

from chem_vae.progress import Progress, silent
from pipeline.benchmark.filters import MosesFilter
from pipeline.chemistry.filters.structure_filters import has_unusual_motif
from pipeline.chemistry.fingerprints import ECFP4_1024
from pipeline.chemistry.metrics import Share
from pipeline.chemistry.properties import compute
from pipeline.workspace.work.parallel import Workers, count_cores

PROPERTIES = ("logp", "sa", "qed", "mw", "tpsa")
MINIMUM_RINGS = 2  # a scaffold of fewer rings does not count in MOSES
_CHUNK = 500


@dataclass(frozen=True)
class MeasuredParts:
    """Selects the expensive parts of a measurement."""

    structure: bool = True
    """Fingerprints, fragments and scaffolds."""
    properties: bool = True
    rules: tuple[str, ...] | None = None
    """SMARTS of the filters; None: no filters."""
    inchikeys: bool = False
    unusual: bool = False
    """Whether anything in the structure is unusual in real molecules."""


@dataclass
class Molecules:
    """Measured molecules: v valid ones of n given, in their order; parts that were not wanted are empty."""

    total: int = 0
    smiles: list[str] = field(default_factory=list)
    """(v,) canonical."""
    rows: list[int] = field(default_factory=list)
    """(v,) the place of each valid molecule among the n given."""
    charged: int = 0
    """How many of the valid ones have an atom with a formal charge."""
    fingerprints: NDArray[np.uint8] = field(default_factory=lambda: np.zeros((0, ECFP4_1024.size // 8), dtype=np.uint8))
    """(v, 128) `ECFP4_1024`, packed."""
    fragments: Counter[str] = field(default_factory=Counter)
    scaffolds: Counter[str] = field(default_factory=Counter)
    properties: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, len(PROPERTIES))))
    """(v, 5) in the order of PROPERTIES; NaN where one fails."""
    passes: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=bool))
    """(v,) whether the filters let it through."""
    inchikeys: list[str] = field(default_factory=list)
    unusual: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=bool))
    """(v,) whether anything in the structure is unusual (`pipeline.chemistry.filters.structure_filters`)."""

    @property
    def valid(self) -> Share:
        """The molecules that RDKit parses and sanitizes and that have an atom (MOSES counts the empty string as valid too)."""
        return Share(len(self.smiles), self.total)

    @property
    def neutral(self) -> Share:
        """The molecules without a formal charge on any atom, among the valid ones."""
        return Share(len(self.smiles) - self.charged, len(self.smiles))

    def values(self, name: str) -> NDArray[np.float64]:
        """Return the values (v,) of one property."""
        return self.properties[:, PROPERTIES.index(name)]


def measure(
    smiles: Sequence[str | None],
    wanted: MeasuredParts | None = None,
    *,
    workers: int | None = None,
    progress: Progress = silent,
    stage: str = "measure molecules",
) -> Molecules:
    """Measure a list of SMILES.

    Args:
        smiles: None, and a SMILES that RDKit refuses, is invalid.
        wanted: The parts to compute; None: all but filters and InChIKeys.
        workers: Processes; None: all cores.
        progress: Is told of the molecules done.
        stage: Its name for them.
    """
    wanted = wanted or MeasuredParts()
    count = count_cores() if workers is None else workers
    if len(smiles) <= 2 * _CHUNK:  # less than it takes to start a process
        count = 1
    parts: list[Molecules] = []
    done = 0
    progress(stage, 0, len(smiles))
    with Workers(count) as pool:
        for part in pool.map(_measure, _make_jobs(smiles, wanted)):
            parts.append(part)
            done += part.total
            progress(stage, done, len(smiles))
    return _join(parts)


def _make_jobs(
    smiles: Sequence[str | None], wanted: MeasuredParts
) -> Iterator[tuple[int, list[str | None], MeasuredParts]]:
    for start in range(0, len(smiles), _CHUNK):
        yield start, list(smiles[start : start + _CHUNK]), wanted


def _measure(job: tuple[int, list[str | None], MeasuredParts]) -> Molecules:
    start, smiles, wanted = job
    part = Molecules(total=len(smiles))
    fingerprints, properties, passes, unusual = [], [], [], []
    passing = _make_filter(wanted.rules) if wanted.rules is not None else None
    with rdBase.BlockLogs():
        for row, text in enumerate(smiles, start):
            canonical = _canonicalize(text)
            mol = Chem.MolFromSmiles(canonical) if canonical else None
            if canonical is None or mol is None:
                continue
            part.smiles.append(canonical)
            part.rows.append(row)
            part.charged += any(atom.GetFormalCharge() for atom in mol.GetAtoms())
            if wanted.structure:
                fingerprints.append(np.packbits(ECFP4_1024.array(mol)))
                part.fragments.update(split_fragments(mol))
                if (found := find_ring_scaffold(mol)) is not None:
                    part.scaffolds[found] += 1
            if wanted.properties:
                properties.append(compute(mol, PROPERTIES))
            if passing is not None:
                passes.append(passing(mol))
            if wanted.unusual:
                unusual.append(has_unusual_motif(mol))
            if wanted.inchikeys:
                part.inchikeys.append(Chem.MolToInchiKey(mol))
    if fingerprints:
        part.fingerprints = np.stack(fingerprints)
    if properties:
        part.properties = np.asarray(properties, dtype=np.float64)
    part.passes = np.asarray(passes, dtype=bool)
    part.unusual = np.asarray(unusual, dtype=bool)
    return part


def _join(parts: Sequence[Molecules]) -> Molecules:
    whole = Molecules()
    for part in parts:
        whole.total += part.total
        whole.charged += part.charged
        whole.smiles += part.smiles
        whole.rows += part.rows
        whole.inchikeys += part.inchikeys
        whole.fragments.update(part.fragments)
        whole.scaffolds.update(part.scaffolds)
    if parts:
        whole.fingerprints = np.concatenate([p.fingerprints for p in parts])
        whole.properties = np.concatenate([p.properties for p in parts])
        whole.passes = np.concatenate([p.passes for p in parts])
        whole.unusual = np.concatenate([p.unusual for p in parts])
    return whole


def _canonicalize(text: str | None) -> str | None:
    mol = Chem.MolFromSmiles(text) if isinstance(text, str) else None
    return str(Chem.MolToSmiles(mol)) if mol is not None and mol.GetNumAtoms() else None


def split_fragments(mol: Any) -> list[str]:
    """Cut an RDKit molecule into its BRICS fragments (Degen et al. 2008, doi:10.1002/cmdc.200800178).

    Returns SMILES whose numbered wildcards tell the kind of the bond that was cut.
    """
    return str(Chem.MolToSmiles(Chem.FragmentOnBRICSBonds(mol))).split(".")


def find_ring_scaffold(mol: Any) -> str | None:
    """Find the Bemis-Murcko scaffold of an RDKit molecule, with its stereo; None where it has fewer than two rings."""
    try:
        found = MurckoScaffold.GetScaffoldForMol(mol)
    except (ValueError, RuntimeError):  # what is left of it cannot be sanitized
        return None
    if found.GetRingInfo().NumRings() < MINIMUM_RINGS:
        return None
    return str(Chem.MolToSmiles(found))


@cache
def _make_filter(rules: tuple[str, ...]) -> MosesFilter:
    return MosesFilter(rules)
