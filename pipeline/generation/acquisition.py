"""From predictions with standard deviations to what is worth measuring next, for any kind of objective.

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
from pipeline.objectives.desirability import ResolvedObjective, log_score

DRAWS = 64
BEST = 10
"""Measured molecules whose mean utility is what `ei` improves on: a batch is to better the best of them, not one."""
_STEPS = 9


def utility(objectives: Sequence[ResolvedObjective], values: Mapping[str, Tensor]) -> Tensor:
    """Of values by property, any one shape; higher is better, NaN where a value is."""
    if not objectives:
        raise ValueError("there is no objective")
    first = objectives[0]
    if len(objectives) == 1 and first.kind in ("maximize", "minimize", "as_is") and first.about.quantiles:
        standard = (values[first.about.name] - first.about.quantiles["0.5"]) / max(first.about.std, 1e-9)
        return -standard if first.kind == "minimize" or getattr(first.transform, "falling", False) else standard
    return -torch.log1p(-log_score(objectives, values).clamp_max(0.0))


def acquire(
    objectives: Sequence[ResolvedObjective],
    computed: Mapping[str, Tensor],
    predicted: Mapping[str, Prediction],
    config: MeasuredConfig,
    best: float,
) -> Tensor:
    """(n,) what measuring each molecule is worth, higher is better; NaN where a value is missing.

    computed, predicted: (n,) by property; best: the utility of the best measured molecules (`best_measured`), for `ei`.
    """
    if config.acquisition == "ei":
        return _improvement(objectives, computed, predicted, best)
    values = dict(computed)
    for w in objectives:
        if w.about.name in predicted:
            mean, std = predicted[w.about.name]
            values[w.about.name] = mean if config.acquisition == "mean" else _bound(w, mean, std, config.kappa)
    return utility(objectives, values)


def best_measured(objectives: Sequence[ResolvedObjective], values: Mapping[str, Tensor]) -> float:
    """The mean utility of the BEST best of measured molecules, of values (m,) by property; -inf without any."""
    found = utility(objectives, values)
    found = found[torch.isfinite(found)]
    return float(found.topk(min(BEST, len(found))).values.mean()) if len(found) else -math.inf


def _bound(w: ResolvedObjective, mean: Tensor, std: Tensor, kappa: float) -> Tensor:
    """The value between mean - |kappa| std and mean + |kappa| std that suits the objective best; with a negative kappa,
    worst."""
    steps = torch.linspace(-abs(kappa), abs(kappa), _STEPS)
    values = mean[:, None] + std[:, None] * steps
    suits = w.log_desirability(values.double())
    at = (suits if kappa >= 0 else -suits).argmax(dim=1, keepdim=True)
    return values.gather(1, at)[:, 0]


def _improvement(
    objectives: Sequence[ResolvedObjective],
    computed: Mapping[str, Tensor],
    predicted: Mapping[str, Prediction],
    best: float,
) -> Tensor:
    """The logarithm of the expected improvement, so that a search sees slopes where it is next to nothing."""
    sobol = torch.quasirandom.SobolEngine(max(len(predicted), 1), scramble=True, seed=0).draw(DRAWS)
    normal = torch.distributions.Normal(0.0, 1.0).icdf(sobol.clamp(1e-4, 1 - 1e-4))  # (draws, predicted)
    values = {name: column[:, None].expand(-1, DRAWS) for name, column in computed.items()}
    for i, (name, (mean, std)) in enumerate(predicted.items()):
        values[name] = mean[:, None] + std[:, None] * normal[:, i]
    found = utility(objectives, values)
    if not math.isfinite(best):
        return found.mean(dim=1)
    return torch.logaddexp(torch.relu(found - best).mean(dim=1).log(), found.mean(dim=1) - best - 10.0)
