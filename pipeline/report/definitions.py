"""The metrics of a report: what each one is, its formula, and the molecules that it is taken over. Pages and exports show the same."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.chemistry.fingerprints import ECFP4_1024, ECFP4_2048


@dataclass(frozen=True)
class Definition:
    """The definition of a metric."""

    name: str
    text: str
    formula: str
    reference: str
    """The set of molecules that it is compared with or counted among."""


_CANDIDATES = "the candidates of this run"
DEFINITIONS = {
    "expected hits": Definition(
        "expected hits",
        "How many candidates are expected to reach the goal when they are measured; the range holds the number 8 of 10 times.",
        "Σ p, with p = Φ((high − μ)/σ) − Φ((low − μ)/σ) for each candidate; μ and σ are prediction and standard deviation of a new measurement",
        "the candidates with a known probability; the range from 400 joint draws of the predictor",
    ),
    "chance of a hit": Definition(
        "chance of a hit",
        "The model's own probability that a measurement of the molecule reaches every goal.",
        "p = Π over the goals of Φ((high − μ)/σ) − Φ((low − μ)/σ); 0 or 1 for a computed value",
        "one molecule",
    ),
    "within target": Definition(
        "within target",
        "Candidates whose values are within every objective; a predicted value may be within and the measured one outside.",
        "count of low ≤ value ≤ high, for every objective",
        _CANDIDATES,
    ),
    "novel": Definition(
        "novel",
        "Molecules that are not in the training data and that no earlier run proposed, as far as the candidate library knows.",
        "count of InChIKeys in neither set / count of all",
        "training molecules, and molecules proposed by earlier runs",
    ),
    "not in training": Definition(
        "not in the training data",
        "Molecules whose InChIKey no training molecule has; stereo ignored: its first block alone is compared.",
        "count of InChIKeys that are not in the set / count of all",
        "training molecules",
    ),
    "new": Definition(
        "new since the last run",
        "Candidates that no earlier run of the candidate library had proposed.",
        "count of InChIKeys that are not in the library / count of candidates",
        "the candidate library when the run began",
    ),
    "scaffolds": Definition(
        "scaffolds",
        "Distinct Bemis-Murcko scaffolds: the rings and what links them, without stereo. Molecules without a ring count as one.",
        "count of distinct scaffolds",
        _CANDIDATES,
    ),
    "internal diversity": Definition(
        "internal diversity",
        f"How unlike each other the molecules are (MOSES IntDiv1), by Tanimoto similarity T of {ECFP4_1024.description}.",
        "1 − mean of T(a, b) over all ordered pairs, each molecule with itself included",
        f"{_CANDIDATES}; of more than 3,000 so many drawn at random",
    ),
    "alerts": Definition(
        "free of alerts",
        "Candidates in which no substructure of the PAINS or BRENK lists is found.",
        "count without a match / count of all",
        _CANDIDATES,
    ),
    "unusual": Definition(
        "nothing unusual",
        "Candidates without a substructure, ring or atom environment that real molecules hardly ever have.",
        "count without such a finding / count of all",
        f"{_CANDIDATES}; what the training molecules have themselves is not unusual",
    ),
    "best ten": Definition(
        "best ten",
        "The mean over the ten best molecules so far, which is steadier than the best one alone.",
        "mean of the ten best values",
        "all molecules that the oracle was asked about",
    ),
    "similarity": Definition(
        "similarity",
        f"Tanimoto similarity of {ECFP4_2048.description} (ECFP4), stereo ignored.",
        "bits of both / bits of either",
        "the molecules named at the column",
    ),
    "mean absolute error": Definition(
        "mean absolute error",
        "How far values lie from their target, or predictions from measurements, on average, in the property's unit.",
        "mean of |value − target|",
        "the molecules named beside it",
    ),
    "r2": Definition(
        "R²",
        "The share of the differences between molecules that the predictor explains; 0 is as good as the mean, below it is worse.",
        "1 − Σ (y − ŷ)² / Σ (y − ȳ)²",
        "held-out molecules, which the predictor never saw",
    ),
    "95 % interval": Definition(
        "95 % interval",
        "Holds the true value in 95 of 100 such samples.",
        "of a fraction after Wilson; of a mean: mean ± t(0.975, n − 1) · s / √n",
        "the sample named beside it",
    ),
}  # fmt: skip
"""The definitions by the key that pages use."""
