"""Conditional generation: the distance of molecules from the property values that were asked for.

Protocol B: QED, SA, logP and molecular weight asked for together, with the values that test molecules have together (so that
each is possible); one molecule for each vector, and every valid one counts. Errors are min-max normalized by the ranges
of the MOSES training set that the published figures are normalized by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chem_vae.checkpoint import Checkpoint
from chem_vae.errors import UserError
from chem_vae.prior import sample_prior
from chem_vae.progress import Progress, silent
from chem_vae.seeds import number_seed
from pipeline.benchmark.distribution import count_unique
from pipeline.benchmark.molecules import PROPERTIES, MeasuredParts, measure
from pipeline.chemistry.metrics import Share, compare_with_target
from pipeline.chemistry.properties import get_property
from pipeline.models.sampling import REDRAWS
from pipeline.models.sampling import draw as draw_rows

RANGES = {"qed": (0.1912, 0.9484), "sa": (1.2694, 7.4831), "logp": (-5.394, 5.5533), "mw": (250.017, 349.999)}
"""Protocol B's properties, in its order, and their ranges over the MOSES training set."""
SINGLE = ("logp", "qed", "sa", "mw", "tpsa")
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_BATCH = 1000


@dataclass(frozen=True)
class Sampling:
    """Settings of drawing: the prior of z (`chem_vae.prior`), temperature, guidance and redraws (`pipeline.models.sampling`)."""

    prior: str = "none"
    temperature: float = 1.0
    guidance: float = 0.0
    redraws: int = REDRAWS


def draw(
    checkpoint: Checkpoint,
    n: int,
    sampling: Sampling,
    *,
    targets: NDArray[np.float64] | None = None,
    names: Sequence[str] = (),
    seed: int = 0,
    progress: Progress = silent,
    stage: str = "sample",
) -> tuple[list[str | None], Share]:
    """Draw molecules, with targets or without.

    Args:
        checkpoint: The model.
        n: Molecules to draw.
        sampling: Settings.
        targets: (n, P) raw values of the named properties; None: no conditions.
        names: P properties.
        seed: Draws z and symbols.
        progress: Is told of the molecules drawn.
        stage: Its name for them.

    Returns:
        n canonical SMILES (None where none was decoded or RDKit refuses it), and the Share of all decoded strings that were spelled
        canonically.

    Raises:
        UserError: The model is not conditioned on a property.
    """
    if missing := find_unconditioned(checkpoint, names):
        raise UserError(f"the model is not conditioned on {', '.join(missing)}; train with it among the conditions")
    columns = [checkpoint.conditions.index(name) for name in names]
    found: list[str | None] = []
    canonical = decoded = 0
    progress(stage, 0, n)
    for start in range(0, n, _BATCH):
        rows = min(_BATCH, n - start)
        conditions = None
        if targets is not None:
            raw = np.full((rows, len(checkpoint.conditions)), np.nan, dtype=np.float32)
            raw[:, columns] = targets[start : start + rows]
            conditions = checkpoint.standardize_values(raw)
        own = number_seed(seed, start)
        z = sample_prior(checkpoint, rows, sampling.prior, own, conditions)
        drawn = draw_rows(
            checkpoint,
            z,
            conditions,
            temperature=sampling.temperature,
            guidance=sampling.guidance,
            seed=own,
            redraws=sampling.redraws,
        )
        found += [c.smiles for c in drawn.candidates]
        canonical, decoded = canonical + drawn.canonical.count, decoded + drawn.canonical.of
        progress(stage, len(found), n, {"valid": sum(s is not None for s in found) / len(found)})
    return found, Share(canonical, decoded)


def find_unconditioned(checkpoint: Checkpoint, names: Sequence[str]) -> list[str]:
    """Find the named properties that the model does not take as conditions."""
    return [name for name in names if name not in checkpoint.conditions]


def run_protocol_b(
    checkpoint: Checkpoint,
    population: NDArray[np.float64],
    n: int,
    sampling: Sampling,
    *,
    seed: int = 0,
    workers: int | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Ask for n vectors of target values together and measure the molecules that come.

    Args:
        checkpoint: The model.
        population: (m, 5) values in the order of molecules.PROPERTIES; target vectors are drawn from it without replacement.
        n: Target vectors.
        sampling: Settings.
        seed: Draws target vectors and molecules.
        workers: Processes; None: all cores.
        progress: Is told of each stage.
    """
    names = list(RANGES)
    if missing := find_unconditioned(checkpoint, names):
        return _explain_skip(missing)
    values = population[:, [PROPERTIES.index(name) for name in names]]
    values = values[np.isfinite(values).all(axis=1)]
    n = min(n, len(values))
    targets = values[np.random.default_rng(seed).choice(len(values), size=n, replace=False)]
    smiles, canonical = draw(
        checkpoint, n, sampling, targets=targets, names=names, seed=seed, progress=progress, stage="protocol B"
    )
    measured = measure(
        smiles, MeasuredParts(structure=False), workers=workers, progress=progress, stage="measure protocol B"
    )
    figures = compare_with_targets(targets[measured.rows], np.stack([measured.values(name) for name in names], axis=1))
    return {
        **figures,
        "valid": measured.valid.to_dict(),
        "neutral": measured.neutral.to_dict(),
        "unique": count_unique(measured.smiles, n).to_dict(),
        "canonical": canonical.to_dict(),
    }


def compare_with_targets(asked: NDArray[np.float64], computed: NDArray[np.float64]) -> dict[str, Any]:
    """Compute the mean absolute error, raw and normalized, and Pearson's r of values (v, 4) in the order of RANGES.

    Rows with a value that could not be computed are left out, and counted in `of`.
    """
    fine = np.isfinite(computed).all(axis=1)
    asked, computed = asked[fine], computed[fine]
    errors = np.abs(asked - computed).mean(axis=0) if len(asked) else np.full(len(RANGES), np.nan)
    rows: dict[str, Any] = {}
    for k, (name, (low, high)) in enumerate(RANGES.items()):
        spread = len(asked) > 1 and asked[:, k].std() > 0 and computed[:, k].std() > 0
        rows[name] = {
            "mae": float(errors[k]),
            "unit": get_property(name).unit,
            "mae_normalized": float(errors[k]) / (high - low),
            "pearson_r": float(np.corrcoef(asked[:, k], computed[:, k])[0, 1]) if spread else float("nan"),
        }
    return {
        "properties": rows,
        "mean_mae_normalized": float(np.mean([r["mae_normalized"] for r in rows.values()])),
        "mean_pearson_r": float(np.mean([r["pearson_r"] for r in rows.values()])),
        "of": len(asked),
    }


def run_single_targets(
    checkpoint: Checkpoint,
    population: NDArray[np.float64],
    n: int,
    sampling: Sampling,
    *,
    seed: int = 0,
    workers: int | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Ask for values of each property alone, n molecules at each of the QUANTILES of `population` (m, 5).

    The tolerance is a tenth of the middle 90 %, as `chem-vae generate` takes it. The mean absolute error is of the valid
    molecules; `within` counts among all that were asked for.
    """
    figures: dict[str, Any] = {}
    for place, name in enumerate(SINGLE):
        if find_unconditioned(checkpoint, [name]):
            figures[name] = _explain_skip([name])
            continue
        values = population[:, PROPERTIES.index(name)]
        levels = np.quantile(values[np.isfinite(values)], QUANTILES)
        tolerance = 0.1 * float(levels[-1] - levels[0])
        targets = np.repeat(levels, n)[:, None]
        own = seed + 100 * (place + 1)
        stage = f"target {name}"
        smiles, _ = draw(
            checkpoint, len(targets), sampling, targets=targets, names=[name], seed=own, progress=progress, stage=stage
        )
        measured = measure(
            smiles, MeasuredParts(structure=False), workers=workers, progress=progress, stage=f"measure {name}"
        )
        computed = np.full(len(targets), np.nan)
        computed[measured.rows] = measured.values(name)
        rows = []
        for k, level in enumerate(levels):
            own_rows = computed[k * n : (k + 1) * n]
            result = compare_with_target(own_rows.tolist(), float(level), tolerance)
            rows.append(
                {
                    "quantile": QUANTILES[k],
                    "target": float(level),
                    "mean": result.mean,
                    "mae": result.mae,
                    "within": result.within.to_dict(),
                }
            )
        finite = np.isfinite(computed)
        figures[name] = {
            "unit": get_property(name).unit,
            "tolerance": tolerance,
            "mae": float(np.abs(computed - targets[:, 0])[finite].mean()) if finite.any() else float("nan"),
            "valid": measured.valid.to_dict(),
            "targets": rows,
        }
    return figures


def _explain_skip(missing: Sequence[str]) -> dict[str, Any]:
    return {"skipped": f"the model is not conditioned on {', '.join(missing)}"}
