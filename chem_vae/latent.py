"""Geometry of a latent space: paths, shells, traversals, distances, and how much each dimension tells about a property.

Straight lines between latent points leave the shell on which a high-dimensional Gaussian has its mass (White 2016,
arXiv:1609.04468). Here a path turns its direction on the sphere and moves its norm through the chi distribution.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from chem_vae.progress import Progress, silent

BINS = 20
"""Equal-frequency bins of a continuous property for its entropy and mutual information, as Chen et al. 2018 take."""


class DiagonalGaussian(NamedTuple):
    """A Gaussian with a diagonal covariance that describes where molecules lie in the latent space."""

    center: Tensor
    """(D,)"""
    spread: Tensor
    """(D,) standard deviations, all positive."""

    @classmethod
    def standard(cls, size: int) -> DiagonalGaussian:
        """Return N(0, I) in `size` dimensions."""
        return cls(torch.zeros(size), torch.ones(size))

    @classmethod
    def fit(cls, points: Tensor) -> DiagonalGaussian:
        """Fit the aggregate posterior to latent means (n, D); N(0, I) below three points.

        Dimensions without spread get a hundredth of the median spread, so that none is divided by zero.
        """
        if len(points) < 3:
            return cls.standard(points.shape[-1])
        spread = points.std(dim=0)
        floor = 0.01 * float(spread.median()) or 1.0
        return cls(points.mean(dim=0), spread.clamp_min(floor))


def interpolate_path(start: Tensor, end: Tensor, steps: int, measure: DiagonalGaussian) -> Tensor:
    """Interpolate between two latent points along the shell of a Gaussian.

    In units of the Gaussian the direction turns at a constant rate on the sphere, and the norm r runs between the ends'
    quantiles of the chi distribution with D degrees of freedom: (r^2 / D)^(1/3), which is nearly normal (Wilson & Hilferty
    1931, doi:10.1073/pnas.17.12.684), moves linearly. So no step is less typical than the less typical end.

    Args:
        start: (D,) the first point.
        end: (D,) the last point.
        steps: Number of points.
        measure: The Gaussian.

    Returns:
        (steps, D) points, both ends included exactly.
    """
    t = torch.linspace(0.0, 1.0, steps, dtype=torch.float64).unsqueeze(1)
    center, spread = measure.center.double(), measure.spread.double()
    a, b = (start.double() - center) / spread, (end.double() - center) / spread
    norms = torch.stack([a.norm(), b.norm()])
    if float(norms.min()) < 1e-9:  # a point without a direction: straight on
        path = (1 - t) * a + t * b
    else:
        ways = torch.stack([a, b]) / norms.unsqueeze(1)
        # 1e-12: between opposite directions no great circle is the shortest, and the chord would lead through the center.
        arcs = slerp(ways[0].expand(steps, -1), ways[1].expand(steps, -1), t) + 1e-12
        direction = torch.nn.functional.normalize(arcs, dim=1)
        scores = norms.square().div(len(a)).pow(1 / 3)
        norm = ((1 - t) * scores[0] + t * scores[1]).pow(1.5) * len(a) ** 0.5
        path = direction * norm
    out = (path * spread + center).float()
    if steps:
        out[0] = start
    if steps > 1:
        out[-1] = end
    return out


def slerp(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """Interpolate spherically between points; along the chord where they are parallel (White 2016, arXiv:1609.04468).

    Args:
        a: (n, D) where the arcs begin.
        b: (n, D) where they end.
        t: (n, 1) shares of the arcs, 0 to 1.

    Returns:
        (n, D).

    >>> slerp(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]]), torch.tensor([[0.5]])).round(decimals=3).tolist()
    [[0.7070000171661377, 0.7070000171661377]]
    """
    cosine = torch.nn.functional.cosine_similarity(a, b, dim=1).clamp(-1, 1).unsqueeze(1)
    angle = torch.arccos(cosine)
    sine = torch.sin(angle)
    arc = (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / sine.clamp_min(1e-6)
    return torch.where(sine < 1e-3, (1 - t) * a + t * b, arc)


def sample_shell(point: Tensor, radius: float, n: int, spread: Tensor, generator: torch.Generator) -> Tensor:
    """Sample points at one Euclidean distance of a point.

    Args:
        point: (D,) the center.
        radius: The distance.
        n: Number of points.
        spread: (D,) deviations of the Gaussian that directions are drawn from.
        generator: Random numbers.

    Returns:
        (n, D) points.
    """
    directions = torch.randn(n, len(point), generator=generator) * spread
    return point + radius * torch.nn.functional.normalize(directions, dim=1)


def move_along(point: Tensor, directions: Tensor, offsets: Tensor) -> Tensor:
    """Move a point (D,) along each of A directions (A, D) by each of S offsets (S,), in their lengths; returns (A, S, D)."""
    return point + offsets.view(1, -1, 1) * directions.unsqueeze(1)


def compute_squared_correlation(points: Tensor, values: Tensor) -> Tensor:
    """Compute the share of each property's variance that a straight line in one latent dimension explains.

    Args:
        points: (n, D) latent means.
        values: (n, P) property values, NaN where unmeasured.

    Returns:
        (D, P); NaN for a property of which fewer than three molecules are measured.
    """
    out = torch.full((points.shape[1], values.shape[1]), torch.nan, dtype=torch.float64)
    for p in range(values.shape[1]):
        known = torch.isfinite(values[:, p])
        if int(known.sum()) < 3:
            continue
        x, y = points[known].double(), values[known, p].double()
        x, y = x - x.mean(dim=0), y - y.mean()
        scale = (x.square().sum(dim=0) * y.square().sum()).clamp_min(1e-30)
        out[:, p] = (x.T @ y).square() / scale
    return out


def estimate_mutual_information(
    points: Tensor, values: Tensor, seed: int = 0, progress: Progress = silent
) -> tuple[Tensor, Tensor]:
    """Estimate the mutual information of latent dimensions and properties from nearest neighbors.

    Ross 2014, doi:10.1371/journal.pone.0087357. A property of more than BINS values is cut into BINS bins of equal frequency, so
    that its entropy is finite and I <= H.

    Args:
        points: (n, D) latent means.
        values: (n, P) property values, NaN where unmeasured.
        seed: For the noise that breaks ties.
        progress: Told of the properties done.

    Returns:
        I(z_d; y_p) in nats (D, P), never below 0, and the entropies H(y_p) in nats (P,); NaN below 50 measured molecules.
    """
    from sklearn.feature_selection import mutual_info_classif  # here: loads sklearn

    dimensions, properties = points.shape[1], values.shape[1]
    information = torch.full((dimensions, properties), torch.nan, dtype=torch.float64)
    entropy = torch.full((properties,), torch.nan, dtype=torch.float64)
    progress("mutual information", 0, properties)
    for p in range(properties):
        known = torch.isfinite(values[:, p])
        if int(known.sum()) >= 50:
            classes = _bin(values[known, p].double().numpy())
            counts = np.bincount(classes)
            shares = counts[counts > 0] / len(classes)
            entropy[p] = float(-(shares * np.log(shares)).sum())
            x = points[known].double().numpy()
            information[:, p] = torch.from_numpy(mutual_info_classif(x, classes, random_state=seed))
        progress("mutual information", p + 1, properties)
    return information, entropy


def compute_information_gaps(information: Tensor, entropy: Tensor) -> Tensor:
    """Compute the mutual information gap of each property (Chen et al. 2018, arXiv:1802.04942).

    It is the mutual information of the most informative dimension less that of the second, as a share of the entropy; 1 where
    one dimension tells all about the property and no other tells anything.

    Args:
        information: (D, P) in nats.
        entropy: (P,) in nats.

    Returns:
        (P,) gaps; NaN where the information is NaN, or the property does not vary.
    """
    if information.shape[0] < 2:
        return torch.full_like(entropy, torch.nan)
    best = information.nan_to_num(-1.0).topk(2, dim=0).values
    gap = (best[0] - best[1]) / entropy
    return torch.where(torch.isfinite(information).all(dim=0) & (entropy > 0), gap, torch.nan)


def measure_nearest_distances(points: Tensor, reference: Tensor, exclude_self: bool = False) -> Tensor:
    """Measure the Euclidean distance of each point to its nearest reference point.

    Args:
        points: (n, D).
        reference: (m, D).
        exclude_self: Pass over reference points that are equal to the point.

    Returns:
        (n,) distances; NaN without reference points.
    """
    if len(points) == 0 or len(reference) == 0:
        return torch.full((len(points),), torch.nan)
    nearest = torch.empty(len(points))  # made first: results between the large blocks would keep these from being freed
    for block, part in zip(points.split(1024), nearest.split(1024), strict=True):
        # Not by matrix product, which leaves rounding noise where a point meets itself.
        distances = torch.cdist(block, reference, compute_mode="donot_use_mm_for_euclid_dist")
        if exclude_self:
            distances[distances < 1e-6] = torch.inf
        part.copy_(distances.min(dim=1).values)
    return nearest


def _bin(values: np.ndarray) -> np.ndarray:
    """Return class numbers from 0: the values themselves where they are few, else bins of equal frequency."""
    distinct, classes = np.unique(values, return_inverse=True)
    if len(distinct) <= BINS:
        return classes
    edges = np.unique(np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1]))
    return np.searchsorted(edges, values, side="right")
