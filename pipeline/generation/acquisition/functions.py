"""Acquisition functions: from predictions with standard deviations to what is worth measuring next.

An objective's utility is its value, in standard deviations of the data, where it is the only one and the higher (lower) the
better. Otherwise it is -log(1 - log d) of the mean desirability d, 0 where all is as wanted: a target far beyond the data
still has a slope towards it, and a molecule that is far off does not drown the others. The expected improvement is that of
Jones et al. 1998, doi:10.1023/A:1008306431147, by quadrature; the confidence bound that of Srinivas et al. 2010,
arXiv:0912.3995.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from chem_vae.predictors import Prediction
from pipeline.generation.config import MeasuredConfig
from pipeline.objectives.desirability import ResolvedObjective, compute_log_score

DRAWS = 64
BEST = 10
"""The number of best measured molecules whose mean utility "ei" improves on."""
_STEPS = 9


def compute_utility(objectives: Sequence[ResolvedObjective], values: Mapping[str, Tensor]) -> Tensor:
    """Compute the utility of values by property, all of one shape; higher is better, NaN where a value is NaN."""
    if not objectives:
        raise ValueError("there is no objective")
    first = objectives[0]
    if len(objectives) == 1 and first.kind in ("maximize", "minimize", "as_is") and first.summary.quantiles:
        standard = (values[first.summary.name] - first.summary.quantiles["0.5"]) / max(first.summary.std, 1e-9)
        return -standard if first.kind == "minimize" or getattr(first.transform, "falling", False) else standard
    return -torch.log1p(-compute_log_score(objectives, values).clamp_max(0.0))


def acquire(
    objectives: Sequence[ResolvedObjective],
    computed: Mapping[str, Tensor],
    predicted: Mapping[str, Prediction],
    config: MeasuredConfig,
    best: float,
) -> Tensor:
    """Compute what measuring each molecule is worth (n,); higher is better, NaN where a value is missing.

    computed, predicted: (n,) by property. best: the utility of the best measured molecules, for "ei".
    """
    if config.acquisition == "ei":
        return _compute_improvement(objectives, computed, predicted, best)
    values = dict(computed)
    for w in objectives:
        if w.summary.name in predicted:
            mean, std = predicted[w.summary.name]
            values[w.summary.name] = mean if config.acquisition == "mean" else _choose_bound(w, mean, std, config.kappa)
    return compute_utility(objectives, values)


def compute_best_measured(objectives: Sequence[ResolvedObjective], values: Mapping[str, Tensor]) -> float:
    """Compute the mean utility of the BEST best measured molecules from values (m,) by property; -inf without any."""
    found = compute_utility(objectives, values)
    found = found[torch.isfinite(found)]
    return float(found.topk(min(BEST, len(found))).values.mean()) if len(found) else -math.inf


def _choose_bound(w: ResolvedObjective, mean: Tensor, std: Tensor, kappa: float) -> Tensor:
    """Choose the value between mean - |kappa| std and mean + |kappa| std that suits the objective best (worst for kappa < 0)."""
    steps = torch.linspace(-abs(kappa), abs(kappa), _STEPS)
    values = mean[:, None] + std[:, None] * steps
    suits = w.compute_log_desirability(values.double())
    at = (suits if kappa >= 0 else -suits).argmax(dim=1, keepdim=True)
    return values.gather(1, at)[:, 0]


def _compute_improvement(
    objectives: Sequence[ResolvedObjective],
    computed: Mapping[str, Tensor],
    predicted: Mapping[str, Prediction],
    best: float,
) -> Tensor:
    """Compute the logarithm of the expected improvement, which has a slope even where the improvement is almost 0."""
    sobol = torch.quasirandom.SobolEngine(max(len(predicted), 1), scramble=True, seed=0).draw(DRAWS)
    normal = torch.distributions.Normal(0.0, 1.0).icdf(sobol.clamp(1e-4, 1 - 1e-4))  # (draws, predicted)
    values = {name: column[:, None].expand(-1, DRAWS) for name, column in computed.items()}
    for i, (name, (mean, std)) in enumerate(predicted.items()):
        values[name] = mean[:, None] + std[:, None] * normal[:, i]
    found = compute_utility(objectives, values)
    if not math.isfinite(best):
        return found.mean(dim=1)
    return torch.logaddexp(torch.relu(found - best).mean(dim=1).log(), found.mean(dim=1) - best - 10.0)
