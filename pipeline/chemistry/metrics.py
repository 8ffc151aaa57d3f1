"""Computes the figures of a generation report, with plain functions on lists that can be checked by hand.

A fraction is always a Share, a count with its denominator. Molecules are compared by InChIKey, never by spelling.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chem_vae.errors import ChemVAEError
from chem_vae.progress import Progress, silent
from pipeline.chemistry.fingerprints import ECFP4_1024, ECFP4_2048, Bits, stack_bits, tanimoto_of_all
from pipeline.chemistry.molecule import Molecule, Structure, parse_mol, read_canonical, skeleton_key, write_scaffold
from pipeline.chemistry.validate import Candidate


@dataclass(frozen=True)
class Share:
    """A fraction that keeps its denominator: `count` of `of`.

    >>> Share(3, 4).fraction, str(Share(3, 4))
    (0.75, '3 of 4 (75.0 %)')
    """

    count: int
    of: int

    @property
    def fraction(self) -> float:
        """The fraction, in 0..1; NaN where the denominator is zero."""
        return self.count / self.of if self.of else math.nan

    def to_dict(self) -> dict[str, float | int | None]:
        """Return count, of and the fraction (None where there is none), as report.json has them."""
        return {"count": self.count, "of": self.of, "fraction": self.fraction if self.of else None}

    def __str__(self) -> str:
        return f"{self.count:,} of {self.of:,}" + (f" ({self.fraction:.1%})".replace("%", " %") if self.of else "")


# -- the funnel ------------------------------------------------------------------------------------------------------

NOT_IN_TRAINING, NEVER_PROPOSED = "not in the training data", "never proposed before"
"""The two halves of novel."""
STAGES = {
    "read": "rows of the library",
    "readable": "a molecule that could be brought to the standard form of the training data",
    "distinct": "the same molecule (InChIKey) counted once",
    "not measured before": "neither a measured molecule nor, unless allowed, a stereoisomer of one",
    "not proposed before": "proposed by no earlier run that the candidate library knows",
    "requested": "molecules asked of the model",
    "decoded": "the decoder ended its string within the length limit, and SELFIES read it",
    "valid": "RDKit parses and sanitizes it, and it has at least one atom",
    "unique": "the same molecule (InChIKey) counted once",
    "meets the constraints": "no constraint refused it",
    NOT_IN_TRAINING: "not in the data that the model was trained on (InChIKey)",
    NEVER_PROPOSED: "proposed by no earlier run that the candidate library knows (InChIKey)",
    "novel": "not in the data that the model was trained on, and proposed by no earlier run that the library knows (InChIKey)",
    "no stereoisomer of a measured molecule": "it differs from each measured molecule in more than stereo, isotopes or protonation",
    "in domain": "similar enough to a measured molecule that a prediction means something",
    "usual": "nothing in its structure is unusual in real molecules, or it is allowed by name (allow_unusual)",
    "alert-free": "no PAINS or BRENK structural alert",
    "within target": "every objective met within its tolerance",
}


def count_funnel(counts: Mapping[str, int] | Iterable[tuple[str, int]]) -> list[dict[str, Any]]:
    """Count each stage of a generation among the molecules of the stage before it, and the first among its own.

    Args:
        counts: The molecules of each stage, in order.

    Returns:
        An entry for each stage: stage, count, of, fraction, and its explanation from STAGES.

    Raises:
        ChemVAEError: If a stage counts more than the one before it.

    >>> [(s["stage"], s["count"], s["of"]) for s in count_funnel([("requested", 10), ("valid", 9)])]
    [('requested', 10, 10), ('valid', 9, 10)]
    """
    stages: list[dict[str, Any]] = []
    before: int | None = None
    for stage, count in counts.items() if isinstance(counts, Mapping) else counts:
        of = count if before is None else before
        if not 0 <= count <= of:
            raise ChemVAEError(f"the funnel counts {count} molecules at {stage!r}, but {of} at the stage before")
        stages.append({"stage": stage, **Share(int(count), int(of)).to_dict(), "explanation": STAGES.get(stage, "")})
        before = count
    return stages


def measure_validity(candidates: Sequence[Candidate]) -> Share:
    """Count the valid candidates among all."""
    return Share(sum(c.valid for c in candidates), len(candidates))


def measure_uniqueness(inchikeys: Sequence[str]) -> Share:
    """Count the distinct molecules among the (valid) ones given."""
    return Share(len(set(inchikeys)), len(inchikeys))


def measure_novelty(inchikeys: Sequence[str], reference: Collection[str], stereo_blind: bool = False) -> Share:
    """Count the molecules whose InChIKey is not in the reference.

    Args:
        inchikeys: The molecules, each once.
        reference: The InChIKeys of the known molecules.
        stereo_blind: Whether to compare the first block of the keys alone: a molecule that differs from a reference
            molecule only in stereo, isotopes or protonation is then not novel.
    """
    return Share(sum(find_novel(inchikeys, reference, stereo_blind)), len(inchikeys))


def find_novel(inchikeys: Sequence[str], reference: Collection[str], stereo_blind: bool = False) -> list[bool]:
    """Tell for each molecule whether it is novel, as `measure_novelty` counts it."""
    if stereo_blind:
        skeletons = set(map(skeleton_key, reference))
        return [skeleton_key(key) not in skeletons for key in inchikeys]
    known = reference if isinstance(reference, set | frozenset) else set(reference)
    return [key not in known for key in inchikeys]


# -- requested against achieved --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Achieved:
    """The values of one objective. `mae` is NaN where there is no target value; `within` counts failed values as out."""

    mean: float
    std: float
    mae: float
    within: Share


def compare_with_target(
    values: Sequence[float],
    target: float | None = None,
    tolerance: float | None = None,
    low: float | None = None,
    high: float | None = None,
) -> Achieved:
    """Compare values with a target ± tolerance, or with a range of which either end may be open.

    A NaN (failed, unmeasured) is left out of mean, standard deviation (of the population) and mean absolute error, and is
    never within. Without a bound, every finite value is within.

    Args:
        values: The values of the candidates.
        target: The value that was requested.
        tolerance: The distance from it that counts as within.
        low: The lower end of the range.
        high: The upper end of the range.
    """
    finite = [v for v in values if math.isfinite(v)]
    if target is not None and tolerance is not None:
        low, high = target - tolerance, target + tolerance
    slack = 1e-9 * max(abs(v) for v in (low or 0.0, high or 0.0, 1.0))  # 2.5 + 0.1 is to hold 2.6
    inside = sum((low is None or v >= low - slack) and (high is None or v <= high + slack) for v in finite)
    mean = float(np.mean(finite)) if finite else math.nan
    std = float(np.std(finite)) if finite else math.nan
    mae = float(np.mean([abs(v - target) for v in finite])) if finite and target is not None else math.nan
    return Achieved(mean, std, mae, Share(inside, len(values)))


# -- diversity -------------------------------------------------------------------------------------------------------


_ROWS_AT_ONCE = 500
"""Rows of a matrix of similarities that are in memory together."""


def measure_internal_diversity(
    structures: Sequence[Structure | None], p: int = 1, at_most: int = 3000, seed: int = 0
) -> float:
    """Compute how unlike each other the molecules are, in 0..1: IntDiv_p of MOSES (Polykovskiy et al. 2020,
    doi:10.3389/fphar.2020.565644), on the fingerprint `ECFP4_1024`.

    It is one minus the mean Tanimoto similarity over all ordered pairs, each molecule with itself included, as in MOSES:
    n alike molecules give 0, n entirely unlike ones 1 - 1/n. For p > 1 the p-th power is averaged over each row, and
    the p-th roots of the rows are averaged, as the code of MOSES does.

    Args:
        structures: Molecules, or SMILES; those that RDKit cannot read are left out.
        p: The power.
        at_most: The number of molecules that are drawn where there are more.
        seed: The seed of the draw.

    Returns:
        The diversity; NaN without any molecule.
    """
    if len(structures) > at_most:
        drawn = np.random.default_rng(seed).choice(len(structures), size=at_most, replace=False)
        structures = [structures[i] for i in sorted(drawn)]
    mols = [s.mol if isinstance(s, Molecule) else parse_mol(s) for s in structures]
    bits = [f for f in ECFP4_1024.bits_of(mols) if f is not None and f.GetNumOnBits()]
    if not bits:
        return math.nan
    stacked = stack_bits(bits)
    blocks = np.split(stacked, range(_ROWS_AT_ONCE, len(stacked), _ROWS_AT_ONCE))
    rows = [np.power(tanimoto_of_all(block, stacked), p).mean(axis=1) ** (1 / p) for block in blocks]
    return float(1 - np.mean(np.concatenate(rows)))


def find_scaffold(structure: Structure) -> str | None:
    """Write the Bemis-Murcko scaffold of a molecule as canonical SMILES without stereo.

    Returns:
        The SMILES; "" for a molecule without a ring, None where RDKit cannot read it.
    """
    if isinstance(structure, Molecule):
        return structure.scaffold
    mol = parse_mol(structure)
    return None if mol is None else write_scaffold(mol)


def count_scaffolds(structures: Sequence[Structure], known: Sequence[str | None] | None = None) -> Share:
    """Count the distinct scaffolds among the molecules; all the molecules without a ring together count as one.

    Args:
        structures: The molecules.
        known: Their scaffolds, as `find_scaffold` writes them; None where one is to be found.
    """
    pairs = zip(structures, known or [None] * len(structures), strict=True)
    found = {scaffold if isinstance(scaffold, str) else find_scaffold(structure) for structure, scaffold in pairs}
    return Share(len(found - {None}), len(structures))


# -- neighbors -------------------------------------------------------------------------------------------------------


_PARSED_AT_ONCE = 1_000


def compute_fingerprints(structures: Sequence[Structure | None], threads: int = 1) -> list[Bits | None]:
    """Compute the fingerprint `ECFP4_2048` of each molecule; None where RDKit cannot read it.

    Args:
        structures: Molecules, or SMILES. Those that are parsed keep their fingerprints; others stay as small as they are.
        threads: The number of threads; 0 takes all cores.
    """
    found: list[Bits | None] = []
    for start in range(0, len(structures), _PARSED_AT_ONCE):
        some = structures[start : start + _PARSED_AT_ONCE]
        is_kept = [isinstance(s, Molecule) and s.is_parsed for s in some]
        texts = [s.smiles if isinstance(s, Molecule) else s for s in some]
        mols = [None if kept else parse_mol(text) for kept, text in zip(is_kept, texts, strict=True)]
        found += [
            s.fingerprint if kept and isinstance(s, Molecule) else bits
            for s, kept, bits in zip(some, is_kept, ECFP4_2048.bits_of(mols, threads), strict=True)
        ]
    return found


def find_nearest_neighbors(
    structures: Sequence[Structure],
    reference_smiles: Sequence[str],
    progress: Progress = silent,
    block: int = 5_000,
    threads: int = 0,
) -> list[tuple[str | None, float]]:
    """Find the most similar reference molecule of each molecule, by the Tanimoto similarity of `ECFP4_2048`.

    One block of the reference is in memory at a time; 1.5 million molecules take two minutes on one core.

    Args:
        structures: Molecules, or SMILES.
        reference_smiles: Canonical SMILES of RDKit, as in a dataset. They are read without full sanitization, which gives
            the same fingerprints 3.5 times faster.
        progress: Is told how many reference molecules have been compared.
        block: The number of reference molecules in memory.
        threads: The number of threads; 0 takes all cores.

    Returns:
        The SMILES of the neighbor (the first among equals) and the similarity; (None, NaN) for a molecule that RDKit cannot
        read, or without a reference.
    """
    queries = compute_fingerprints(structures)
    best: list[tuple[str | None, float]] = [(None, math.nan)] * len(queries)
    rows = [q for q, query in enumerate(queries) if query is not None]
    total = len(reference_smiles)
    progress("nearest training molecules", 0, total)
    for start in range(0, total, block):
        texts = list(reference_smiles[start : start + block])
        bits = ECFP4_2048.bits_of([read_canonical(s) for s in texts], threads)
        usable = [i for i, f in enumerate(bits) if f is not None]
        if usable:
            others = stack_bits([f for f in bits if f is not None])
            for first in range(0, len(rows), _ROWS_AT_ONCE):
                some = rows[first : first + _ROWS_AT_ONCE]
                similarity = tanimoto_of_all(stack_bits([f for q in some if (f := queries[q]) is not None]), others)
                for q, top, highest in zip(some, similarity.argmax(axis=1), similarity.max(axis=1), strict=True):
                    if not highest <= best[q][1]:  # also where there is none yet (NaN)
                        best[q] = (texts[usable[int(top)]], float(highest))
        progress("nearest training molecules", min(start + block, total), total)
    return best
