"""Maps of the latent space in two dimensions, with training molecules colored by a property."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from chem_vae.analysis import compute_principal_axes
from chem_vae.atomic_files import write_text
from chem_vae.errors import UserError, unknown_name
from chem_vae.progress import Progress, silent
from pipeline.chemistry.standardization.refusal import Rejection
from pipeline.datasets.layout.given_molecules import list_given
from pipeline.models.by_name import by_name
from pipeline.models.trained_model import TrainedModel
from pipeline.workspace.check_arguments import check_count, check_seed
from pipeline.workspace.presentation.csv_tables import format_csv
from pipeline.workspace.presentation.plot_style import PAPER, open_figure, save_figure

METHODS = ("pca", "tsne", "umap")
FEWEST = 5
"""Training molecules of a map at least."""


@dataclass(frozen=True)
class LatentMap:
    """A map of training molecules and of one's own molecules."""

    frame: pd.DataFrame
    """Columns: x, y, kind ("training" or "own"), value (of `color`, NaN unknown); of own molecules number (on the figure: their place
    among those that were given, from 1), input (as given), smiles (standardized, or missing) and reason."""
    method: str
    color: str | None
    label: str
    """The name and unit of the color, for the figure."""
    explained: tuple[float, ...] = ()
    """The share of the variance that each direction of a PCA holds; one where the latent space has one dimension."""

    def figure(self) -> Any:
        """Draw the map; returns a matplotlib Figure."""
        from matplotlib.patheffects import withStroke  # here: loads matplotlib

        training = self.frame[self.frame["kind"] == "training"]
        own = self.frame[(self.frame["kind"] == "own") & self.frame["x"].notna()]
        with open_figure(5.4, 4.4) as figure:
            axes = figure.subplots()
            known = training["value"].notna()
            axes.scatter(training["x"][~known], training["y"][~known], s=4, c=PAPER.data, alpha=0.4, lw=0)
            if known.any():
                values = training["value"][known]
                low, high = values.quantile([0.01, 0.99])
                drawn = axes.scatter(
                    training["x"][known], training["y"][known], s=5, c=values, vmin=low, vmax=high, alpha=0.8, lw=0
                )
                bar = figure.colorbar(drawn, ax=axes, shrink=0.7, label=self.label)
                bar.outline.set_visible(False)
            if len(own):
                axes.plot(own["x"], own["y"], ls="", marker="o", ms=7, mfc="none", mec=PAPER.candidates, mew=1.8)
                if len(own) <= 12:
                    edge = [withStroke(linewidth=2.5, foreground="white")]  # to be read over the dots
                    for number, x, y in zip(own["number"], own["x"], own["y"], strict=True):
                        label = axes.annotate(str(number), (x, y), (5, 4), textcoords="offset points", size=10)
                        label.set(color=PAPER.candidates, weight="bold", path_effects=edge)
            names = {"pca": "direction", "tsne": "t-SNE", "umap": "UMAP"}[self.method]
            shares = [f" ({100 * s:.0f} % of variance)" for s in self.explained] or ["", ""]
            axes.set(xlabel=f"{names} 1{shares[0]}")
            if len(shares) > 1:
                axes.set(ylabel=f"{names} 2{shares[1]}")
            else:
                axes.set(ylabel="the latent space has one dimension", yticks=[])
            if self.method != "pca":
                axes.set(xticks=[], yticks=[])  # its distances mean nothing beyond who is near whom
        return figure

    def save(self, path: str | Path) -> Path:
        """Write the figure as .png or .svg, or the table as .csv. Raises UserError for another ending."""
        path = Path(path)
        if path.suffix.lower() == ".csv":
            return write_text(path, format_csv(self.frame))
        return save_figure(self.figure(), path)


@by_name
def latent_map(
    model: TrainedModel,
    method: str = "pca",
    color: str | None = None,
    *,
    smiles: str | Sequence[str | Rejection] | pd.DataFrame = (),
    most: int = 3000,
    seed: int = 0,
    progress: Progress = silent,
) -> LatentMap:
    """Map the training molecules whose latent means are kept with the model, and one's own molecules.

    A PCA of a latent space of one dimension is a line: y is 0.

    Args:
        model: The model.
        method: "pca", straight directions of the largest variance; "tsne" (van der Maaten & Hinton 2008, JMLR 9:2579), which lays out
            all points together; "umap" (McInnes et al. 2018, arXiv:1802.03426; the extra `umap`).
        color: A property of the training data; None: its first.
        smiles: One's own molecules, or a DataFrame with a column of them; those that cannot be encoded stay in the table with their
            reason, without a place.
        most: Training molecules at most.
        seed: Draws them, and starts t-SNE and UMAP.
        progress: Is told of the start and the end.

    Raises:
        UserError: The method or property is unknown, a number is out of range, there are fewer than five training molecules, or
            umap-learn is not installed.
    """
    check_count("most", most, FEWEST)
    check_seed(seed)
    given = list_given(smiles)
    if method not in METHODS:
        raise unknown_name("method", method, METHODS)
    summaries = {p.name: p for p in model.properties}
    if color is not None and color not in summaries:
        raise unknown_name("property of the training data", color, summaries)
    color = color or next(iter(summaries), None)
    points = model.latent["mu"].float()
    chosen = torch.randperm(len(points), generator=torch.Generator().manual_seed(seed))[:most].sort().values
    points = points[chosen]
    if len(points) < FEWEST:
        raise UserError(f"the model keeps {len(points)} training molecules; a map wants five at least")
    values = model.latent["values"][chosen, list(summaries).index(color)].double().numpy() if color else np.nan
    spelled = model.spell(given)
    rows = [i for i, s in enumerate(spelled) if s.selfies is not None]
    own = model.checkpoint.encode([str(spelled[i].selfies) for i in rows]).mu if rows else points[:0]
    progress(f"map ({method})", 0, 1)
    places, explained = _PLACERS[method](points, own, seed)
    progress(f"map ({method})", 1, 1)
    training = pd.DataFrame({"x": places[: len(points), 0], "y": places[: len(points), 1], "kind": "training"})
    training = training.assign(value=values, number=None, input=None, smiles=None, reason="")
    yours = pd.DataFrame({"x": np.nan, "y": np.nan, "kind": "own", "value": np.nan}, index=range(len(spelled)))
    yours["number"] = pd.Series(range(1, len(spelled) + 1), dtype=object)
    yours["input"] = pd.Series([s.input for s in spelled], dtype=object)
    yours["smiles"] = pd.Series([s.smiles for s in spelled], dtype=object)
    yours["reason"] = pd.Series([s.reason for s in spelled], dtype=object)
    yours.loc[rows, ["x", "y"]] = places[len(points) :]
    frame = pd.concat([training, yours], ignore_index=True) if len(yours) else training
    label = ""
    if color:
        label = summaries[color].label + (f", {summaries[color].unit}" if summaries[color].unit else "")
    return LatentMap(frame, method, color, label, explained)


Placed = tuple[NDArray[np.float64], tuple[float, ...]]


def _pca(points: Tensor, own: Tensor, seed: int) -> Placed:
    mean, axes, explained = compute_principal_axes(points)
    placed = (torch.cat([points, own]) - mean) @ axes.T
    placed = torch.nn.functional.pad(placed, (0, 2 - placed.shape[1]))  # of one dimension: the second is 0
    return placed.double().numpy(), tuple(explained.tolist())


def _tsne(points: Tensor, own: Tensor, seed: int) -> Placed:
    from sklearn.manifold import TSNE  # here: loads sklearn

    together = torch.cat([points, own]).double().numpy()
    start = "pca" if together.shape[1] > 1 else "random"  # one dimension has no second component to start from
    layout = TSNE(2, perplexity=min(30.0, (len(together) - 1) / 3), init=start, random_state=seed)
    return np.asarray(layout.fit_transform(together), dtype=np.float64), ()


def _umap(points: Tensor, own: Tensor, seed: int) -> Placed:
    try:
        umap = importlib.import_module("umap")
    except ImportError as error:
        raise UserError(
            "a UMAP needs umap-learn, which is not installed: pip install 'chem-vae[umap]'; or take pca or tsne"
        ) from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        layout = umap.UMAP(n_components=2, n_neighbors=min(15, len(points) - 1), random_state=seed)
        placed = layout.fit_transform(points.double().numpy())
        if len(own):
            placed = np.concatenate([placed, layout.transform(own.double().numpy())])
    return np.asarray(placed, dtype=np.float64), ()


_PLACERS = {"pca": _pca, "tsne": _tsne, "umap": _umap}
