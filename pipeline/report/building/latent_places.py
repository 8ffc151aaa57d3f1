"""The places of candidates on a map of the latent space."""

from __future__ import annotations

import pandas as pd
import torch


def place_candidates(candidates: pd.DataFrame, mean: torch.Tensor, axes: torch.Tensor) -> list[list[float]]:
    """Compute the coordinates on the given axes of the candidates that have a latent point."""
    z = torch.stack(candidates["z"].tolist()) if len(candidates) else torch.zeros(0, len(mean))
    z = z[torch.isfinite(z).all(dim=1)]
    return list(((z - mean) @ axes.T).tolist())


def list_placed(candidates: pd.DataFrame) -> list[int]:
    """List the places in the table of the candidates that have a latent point."""
    return [place for place, z in enumerate(candidates["z"]) if bool(torch.isfinite(z).all())]
