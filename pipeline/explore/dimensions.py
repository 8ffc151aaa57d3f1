"""The meaning of latent dimensions: molecules moved along them, and their information about properties."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from chem_vae.analysis import compute_principal_axes
from chem_vae.atomic_files import write_text
from chem_vae.errors import UserError, unknown_name
from chem_vae.latent import (
    compute_information_gaps,
    compute_squared_correlation,
    estimate_mutual_information,
    move_along,
)
from chem_vae.progress import Progress, silent
from pipeline.explore.inputs import compute_values, encode_seed, tanimoto
from pipeline.models.by_name import by_name
from pipeline.models.latent_points import MOST_STEPS
from pipeline.models.trained_model import TrainedModel
from pipeline.workspace.check_arguments import check_count, check_seed, is_whole, list_names
from pipeline.workspace.presentation.csv_tables import format_csv
from pipeline.workspace.presentation.plot_style import open_figure, save_figure

ALONG = ("axes", "dimensions")


@by_name
def traverse(
    model: TrainedModel,
    smiles: str,
    *,
    along: str = "axes",
    which: int | Sequence[int] | None = None,
    steps: int = 7,
    reach: float = 3.0,
) -> pd.DataFrame:
    """Move a molecule along single directions of the latent space and decode it at each step.

    Args:
        model: The model.
        smiles: The molecule.
        along: "axes", principal axes of the training molecules, widest first; "dimensions", the model's own.
        which: Numbers of the directions from 0, or one; None: the first four axes, or the four dimensions in which training molecules differ
            most.
        steps: Points for each direction, an odd number, so that the middle one is the molecule itself.
        reach: The largest offset, in standard deviations of the training molecules along the direction.

    Returns:
        A row for each direction and step. Columns: direction ("axis 0", "dimension 17"), offset, smiles (missing where it decodes to
        none), similarity to the molecule (Tanimoto), `<name>_computed`.

    Raises:
        UserError: The molecule cannot be encoded, or a number is out of range.
    """
    if along not in ALONG:
        raise unknown_name("way of traversing", along, ALONG)
    check_count("steps", steps, 3, MOST_STEPS)
    if steps % 2 == 0 or not 0 < reach < math.inf:
        raise UserError("steps must be an odd number from 3 on, and reach above 0 and finite")
    given, z = encode_seed(model, smiles)
    points = model.latent["mu"].float()
    if len(points) < 3:
        raise UserError(f"the model keeps {len(points)} training molecules; directions want three at least")
    if along == "axes":
        mean, vectors, _ = compute_principal_axes(points, min(points.shape))
        spread = ((points - mean) @ vectors.T).std(dim=0)
        usual = list(range(min(4, len(vectors))))
    else:
        vectors, spread = torch.eye(len(z)), points.std(dim=0)
        usual = spread.argsort(descending=True)[:4].tolist()
    chosen = _list_directions(which) if which is not None else usual
    if wrong := [d for d in chosen if not 0 <= d < len(vectors)]:
        raise UserError(f"there is no direction {wrong[0]}: they are numbered 0 to {len(vectors) - 1}")
    offsets = torch.linspace(-reach, reach, steps)
    moved = move_along(z, vectors[chosen] * spread[chosen].unsqueeze(1), offsets)
    found = model.decode(moved.flatten(0, 1))
    word = "axis" if along == "axes" else "dimension"
    return pd.DataFrame(
        {
            "direction": [f"{word} {d}" for d in chosen for _ in range(steps)],
            "offset": offsets.double().tolist() * len(chosen),
            "smiles": found,
            "similarity": tanimoto(found, [given.smiles] * len(found)),
            **compute_values(model, found),
        }
    )


def _list_directions(which: Any) -> list[int]:
    given = list(which) if isinstance(which, Iterable) else [which]
    if not given:
        raise UserError("which lists no direction: give one at least, as in [0, 3]")
    if wrong := [number for number in given if not is_whole(number)]:
        raise UserError(f"which lists directions by their whole numbers from 0, as in [0, 3], not {wrong[0]!r}")
    return [int(number) for number in given]


@dataclass(frozen=True)
class Disentanglement:
    """The information of each of D latent dimensions about each of P properties."""

    method: str
    """"mi": mutual information in nats; "r2": the share of variance that a line in one dimension explains."""
    properties: list[str]
    values: NDArray[np.float64]
    """(D, P), NaN where too few molecules are measured."""
    entropy: NDArray[np.float64]
    """(P,) in nats, of the binned property; NaN with "r2"."""
    gap: NDArray[np.float64]
    """(P,) the best dimension above the second: as a share of the entropy ("mi", the MIG) or of the variance ("r2")."""
    molecules: int

    def to_frame(self) -> pd.DataFrame:
        """Return a row for each dimension and a column for each property; index "dimension"."""
        return pd.DataFrame(self.values, columns=self.properties).rename_axis("dimension")

    def summary(self) -> pd.DataFrame:
        """Return a row for each property: the best dimension and its value, the second, the entropy, the gap."""
        rows: list[tuple[Any, ...]] = []
        for p, name in enumerate(self.properties):
            column = self.values[:, p]
            if not np.isfinite(column).all():
                rows.append((name, None, np.nan, None, np.nan, np.nan, np.nan))
                continue
            order = np.argsort(-column)
            second = int(order[1]) if len(order) > 1 else None
            told = column[order[1]] if len(order) > 1 else np.nan
            rows.append((name, int(order[0]), column[order[0]], second, told, self.entropy[p], self.gap[p]))
        return pd.DataFrame(rows, columns=["property", "best", "value", "second", "second_value", "entropy", "gap"])

    def figure(self, most: int = 40) -> Any:
        """Draw a heat map of the `most` informative dimensions by properties; returns a matplotlib Figure."""
        shares = self.values / self.entropy if self.method == "mi" else self.values
        strongest = np.nan_to_num(shares).max(axis=1, initial=0.0)
        shown = np.sort(np.argsort(-strongest)[:most])
        with open_figure(max(4.5, 0.16 * len(shown) + 1.8), 0.34 * len(self.properties) + 1.3) as figure:
            axes = figure.subplots()
            image = axes.imshow(100 * shares[shown].T, aspect="auto", cmap="viridis", vmin=0)
            names = [f"{n}  (gap {g:.2f})" for n, g in zip(self.properties, self.gap, strict=True)]
            axes.set_yticks(range(len(names)), names)
            axes.set_xticks(range(len(shown)), [str(d) for d in shown], rotation=90, size=6)
            which = (
                "latent dimension" if len(shown) == len(shares) else f"latent dimension (the {len(shown)} telling most)"
            )
            axes.set(xlabel=which)
            axes.spines[:].set_visible(False)
            label = "% of the entropy" if self.method == "mi" else "% of the variance"
            figure.colorbar(image, ax=axes, label=label).outline.set_visible(False)
        return figure

    def save(self, path: str | Path) -> Path:
        """Write the figure as .png or .svg, or the table as .csv. Raises UserError for another ending."""
        path = Path(path)
        if path.suffix.lower() == ".csv":
            return write_text(path, format_csv(self.to_frame(), index=True))
        return save_figure(self.figure(), path)


@by_name
def disentangle(
    model: TrainedModel,
    method: str = "mi",
    *,
    properties: str | Sequence[str] | None = None,
    most: int = 4000,
    seed: int = 0,
    progress: Progress = silent,
) -> Disentanglement:
    """Measure how much each latent dimension tells of each property, on the training molecules kept with the model.

    Args:
        model: The model.
        method: "mi", mutual information with the property in 20 bins, whose gap is the MIG (Chen et al. 2018, arXiv:1802.04942); "r2",
            squared correlation.
        properties: Their names, or one; None: all.
        most: Molecules at most.
        seed: Of the estimate of mutual information.
        progress: Is told of the dimensions done.

    Raises:
        UserError: A property or the method is unknown, there is no property, or a number is out of range.
    """
    check_count("most", most)
    check_seed(seed)
    if method not in ("mi", "r2"):
        raise unknown_name("method", method, ("mi", "r2"))
    names = [p.name for p in model.properties]
    chosen = list(list_names("properties", properties)) if properties is not None else names
    for name in chosen:
        if name not in names:
            raise unknown_name("property of the training data", name, names)
    if not chosen:
        why = "no property is given" if names else "the training data has no property"
        raise UserError(f"{why}, so there is nothing for a dimension to tell of")
    points, values = model.latent["mu"].float()[:most], model.latent["values"][:most, [names.index(n) for n in chosen]]
    if method == "mi":
        told, entropy = estimate_mutual_information(points, values, seed, progress)
        gap = compute_information_gaps(told, entropy)
    else:
        told = compute_squared_correlation(points, values)
        gap, entropy = (
            compute_information_gaps(told, torch.ones(len(chosen), dtype=torch.float64)),
            torch.full((len(chosen),), torch.nan),
        )
    return Disentanglement(method, chosen, told.numpy(), entropy.numpy(), gap.numpy(), len(points))
