"""The metrics of MOSES (Polykovskiy et al. 2020, doi:10.3389/fphar.2020.565644) on lists of SMILES, one function each.

They agree with the MOSES package on the same samples; `benchmarks/results/moses-agreement.json` holds both. Where the two
mean different things, ours says so: an empty SMILES is invalid here.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import wasserstein_distance

from chem_vae.progress import Progress, silent
from pipeline.benchmark.chemnet import compute_frechet_distance, fit_gaussian
from pipeline.benchmark.molecules import MeasuredParts, Molecules, measure
from pipeline.benchmark.reference import Reference
from pipeline.benchmark.similarity import compute_internal_diversities, compute_nearest_similarities
from pipeline.chemistry.metrics import Share

UNIQUE_AT = (1_000, 10_000)
WASSERSTEIN = {"logP": "logp", "SA": "sa", "QED": "qed", "weight": "mw"}
"""MOSES' names of the properties whose distributions it compares, and ours."""

# -- on a user's own lists --------------------------------------------------------------------------------------------


def measure_validity(smiles: Sequence[str | None]) -> Share:
    """Count the molecules that RDKit parses and that have an atom, among all."""
    return measure(smiles, _PLAIN).valid


def measure_neutrality(smiles: Sequence[str | None]) -> Share:
    """Count the molecules without a formal charge on any atom, among the valid ones."""
    return measure(smiles, _PLAIN).neutral


def measure_uniqueness(smiles: Sequence[str | None], k: int) -> Share:
    """Count distinct canonical SMILES among the first k valid molecules (fewer, where there are fewer)."""
    return count_unique(measure(smiles, _PLAIN).smiles, k)


def measure_novelty(smiles: Sequence[str | None], training: Collection[str]) -> Share:
    """Count canonical SMILES that are not among the training SMILES *as they are spelled*, among the distinct ones.

    As MOSES counts it, and so a little high where the training SMILES are not canonical for the RDKit at hand; canonicalize
    them for the chemist's novelty, or compare InChIKeys (`pipeline.chemistry.metrics.measure_novelty`).
    """
    return count_novel(measure(smiles, _PLAIN).smiles, training)


def measure_snn(smiles: Sequence[str | None], reference: Sequence[str]) -> float:
    """Compute the mean Tanimoto similarity (`ECFP4_1024`) of each molecule with its nearest reference molecule."""
    ours, theirs = (measure(s, _STRUCTURE).fingerprints for s in (smiles, reference))
    return _mean(compute_nearest_similarities(ours, theirs))


def measure_fragment_similarity(smiles: Sequence[str | None], reference: Sequence[str]) -> float:
    """Compute the cosine of the counts of BRICS fragments: MOSES' Frag."""
    return compute_cosine(measure(smiles, _STRUCTURE).fragments, measure(reference, _STRUCTURE).fragments)


def measure_scaffold_similarity(smiles: Sequence[str | None], reference: Sequence[str]) -> float:
    """Compute the cosine of the counts of scaffolds of two rings or more: MOSES' Scaf."""
    return compute_cosine(measure(smiles, _STRUCTURE).scaffolds, measure(reference, _STRUCTURE).scaffolds)


def measure_passing_filters(smiles: Sequence[str | None], rules: Sequence[str]) -> Share:
    """Count the molecules that MOSES' filters let through, among the valid ones; rules: `filters.load_rules()`."""
    return count_passing(measure(smiles, MeasuredParts(structure=False, properties=False, rules=tuple(rules))))


def measure_property_distance(smiles: Sequence[str | None], reference: Sequence[str], name: str) -> float:
    """Compute the Wasserstein distance of the values of a computed property (logp, sa, qed, mw, tpsa), in its unit."""
    ours, theirs = (measure(s, MeasuredParts(structure=False)).values(name) for s in (smiles, reference))
    return compute_wasserstein(ours, theirs)


# -- on measured molecules --------------------------------------------------------------------------------------------


def count_unique(canonical: Sequence[str], k: int) -> Share:
    """Count the distinct ones among the first k canonical SMILES."""
    first = canonical[:k]
    return Share(len(set(first)), len(first))


def count_novel(canonical: Sequence[str], training: Collection[str]) -> Share:
    """Count the canonical SMILES that are not in `training` (a set is fastest), among the distinct ones."""
    distinct = set(canonical)
    known = training if isinstance(training, set | frozenset | dict) else set(training)
    return Share(sum(s not in known for s in distinct), len(distinct))


def count_passing(measured: Molecules) -> Share:
    """Count the molecules that the filters let through, of molecules measured with rules."""
    return Share(int(measured.passes.sum()), len(measured.passes))


def count_unusual(measured: Molecules) -> Share:
    """Count the molecules with something unusual in the structure, of molecules measured for it."""
    return Share(int(measured.unusual.sum()), len(measured.unusual))


def compute_cosine(a: Mapping[str, int], b: Mapping[str, int]) -> float:
    """Compute the cosine of two count vectors, in 0..1; NaN where one is empty.

    >>> compute_cosine({"a": 3, "b": 4}, {"a": 3}), compute_cosine({"a": 1}, {"b": 1})
    (0.6, 0.0)
    """
    if not a or not b:
        return math.nan
    shared = sum(count * b[name] for name, count in a.items() if name in b)
    return shared / (math.hypot(*a.values()) * math.hypot(*b.values()))


def compute_wasserstein(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Compute the first Wasserstein distance of two samples, NaN left out.

    >>> compute_wasserstein(np.array([0.0, 1.0]), np.array([3.0, 4.0]))
    3.0
    """
    a, b = (x[np.isfinite(x)] for x in (a, b))
    return float(wasserstein_distance(a, b)) if len(a) and len(b) else math.nan


def compute_distribution(
    smiles: Sequence[str | None] | Molecules,
    references: Sequence[Reference],
    *,
    training: Collection[str] | None = None,
    rules: Sequence[str] | None = None,
    workers: int | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Compute all metrics of MOSES under its own names, and the share of unusual structures.

    Args:
        smiles: The samples, or molecules that were measured already.
        references: Sets to compare with; the properties of the first, MOSES' Test, are compared.
        training: SMILES that novelty is counted against; None: no novelty.
        rules: SMARTS of the filters, for molecules not measured yet; None: no filters.
        workers: Processes; None: all cores.
        progress: Is told of each stage.

    Returns:
        Metric -> a Share or a float; NaN where it cannot be computed.
    """
    if isinstance(smiles, Molecules):
        found = smiles
    else:
        wanted = MeasuredParts(rules=None if rules is None else tuple(rules), unusual=True)
        found = measure(smiles, wanted, workers=workers, progress=progress, stage="measure samples")
    figures: dict[str, Any] = {"valid": found.valid, "neutral": found.neutral}
    if len(found.unusual):
        figures["Unusual"] = count_unusual(found)
    for k in UNIQUE_AT:
        figures[f"unique@{k}"] = count_unique(found.smiles, k)
    chemnet = any(r.gaussian is not None for r in references)
    ours = fit_gaussian(found.smiles, progress=progress, stage="ChemNet of samples") if chemnet else None
    for reference in references:
        if ours is not None and reference.gaussian is not None:
            figures[f"FCD/{reference.name}"] = compute_frechet_distance(ours, reference.gaussian)
        nearest = compute_nearest_similarities(found.fingerprints, reference.fingerprints, progress)
        figures[f"SNN/{reference.name}"] = _mean(nearest)
        figures[f"Frag/{reference.name}"] = compute_cosine(found.fragments, reference.fragments)
        figures[f"Scaf/{reference.name}"] = compute_cosine(found.scaffolds, reference.scaffolds)
    figures["IntDiv"], figures["IntDiv2"] = compute_internal_diversities(found.fingerprints, progress=progress)
    if rules is not None:
        figures["Filters"] = count_passing(found)
    for name, ours_name in WASSERSTEIN.items() if references else ():
        figures[name] = compute_wasserstein(found.values(ours_name), references[0].values(ours_name))
    if training is not None:
        figures["Novelty"] = count_novel(found.smiles, training)
    return figures


def to_number(figure: Share | float) -> float:
    """Turn a figure into one number: a Share's fraction."""
    return figure.fraction if isinstance(figure, Share) else float(figure)


def to_json(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Turn figures into plain data; a Share keeps its count and denominator."""
    return {name: f.to_dict() if isinstance(f, Share) else f for name, f in figures.items()}


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else math.nan


_PLAIN = MeasuredParts(structure=False, properties=False)
_STRUCTURE = MeasuredParts(properties=False)
