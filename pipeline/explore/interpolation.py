"""Interpolation: molecules on a path through the latent space from one molecule to another."""

from __future__ import annotations

import pandas as pd
import torch

from chem_vae.errors import unknown_name
from chem_vae.latent import interpolate_path
from pipeline.explore.inputs import compute_values, encode_seed, tanimoto
from pipeline.models.by_name import by_name
from pipeline.models.latent_points import MOST_STEPS
from pipeline.models.trained_model import TrainedModel
from pipeline.workspace.check_arguments import check_count

MEASURES = ("data", "normal", "straight")


@by_name
def interpolate(
    model: TrainedModel, start: str, end: str, steps: int = 9, *, distinct: bool = False, measure: str = "data"
) -> pd.DataFrame:
    """Decode molecules on the way from one to another.

    Args:
        model: The model.
        start: SMILES.
        end: SMILES.
        steps: Points on the path, ends included, 10,000 at most.
        distinct: Whether to leave out rows that repeat the molecule before.
        measure: "data", the aggregate posterior of the training molecules, or "normal", N(0, I) (see `chem_vae.latent.interpolate_path`), or
            "straight", a line, which passes nearer to the center.

    Returns:
        A row for each step, start and end included. Columns: step, t (0 to 1), smiles (canonical, missing where it decodes to none),
        basis ("given" for the two ends, "decoded" between them), similarity_to_start and similarity_to_end (Tanimoto), `<name>_computed`.
        `frame.attrs["ends_come_back"]` says whether each end's latent mean decodes to it.

    Raises:
        UserError: A molecule cannot be encoded, or there are fewer than two steps, or more than 10,000.
    """
    check_count("steps", steps, 2, MOST_STEPS)
    if measure not in MEASURES:
        raise unknown_name("measure", measure, MEASURES)
    (first, a), (last, b) = encode_seed(model, start), encode_seed(model, end)
    if measure == "straight":
        path = torch.lerp(a, b, torch.linspace(0.0, 1.0, steps).unsqueeze(1))
    else:
        path = interpolate_path(a, b, steps, model.measure(measure))
    smiles = model.decode(path)
    ends = (smiles[0] == first.smiles, smiles[-1] == last.smiles)
    smiles[0], smiles[-1] = first.smiles, last.smiles
    kept = list(range(steps))
    if distinct:
        kept = [i for i in kept if i in (0, steps - 1) or (smiles[i] != smiles[i - 1] and smiles[i] != smiles[-1])]
    shown = [smiles[i] for i in kept]
    frame = pd.DataFrame(
        {
            "step": kept,
            "t": [i / (steps - 1) for i in kept],
            "smiles": shown,
            "basis": ["given" if i in (0, steps - 1) else "decoded" for i in kept],
            "similarity_to_start": tanimoto(shown, [first.smiles] * len(shown)),
            "similarity_to_end": tanimoto(shown, [last.smiles] * len(shown)),
            **compute_values(model, shown),
        }
    )
    frame.attrs["ends_come_back"] = ends
    return frame
