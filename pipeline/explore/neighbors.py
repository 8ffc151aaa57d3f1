"""Neighbors of a molecule in the latent space: training molecules, and new ones decoded near it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import torch

from chem_vae.errors import UserError
from chem_vae.latent import sample_shell
from chem_vae.progress import Progress, silent
from pipeline.chemistry.validate import validate
from pipeline.explore.inputs import compute_values, encode_seed, tanimoto
from pipeline.models.by_name import by_name
from pipeline.models.sampling import draw
from pipeline.models.trained_model import TrainedModel
from pipeline.models.training_set.kept_molecules import draw_training_molecules
from pipeline.workspace.check_arguments import check_count, check_seed

ROUNDS, POINTS = 12, 128


@by_name
def neighbors(
    model: TrainedModel, smiles: str, k: int = 10, *, among: int = 20_000, seed: int = 0, progress: Progress = silent
) -> pd.DataFrame:
    """Find the training molecules nearest to a molecule in the latent space; it may be one of them itself.

    Args:
        model: The model.
        smiles: The molecule.
        k: Neighbors to find.
        among: Molecules of the dataset to encode and search, 0 for all; without the dataset those kept with the model are searched.
        seed: Draws them.
        progress: Is told of the molecules encoded.

    Returns:
        k rows, nearest first. Columns: rank, smiles, distance (Euclidean between latent means, in units of the typical distance between
        nearest training molecules), similarity (Tanimoto), and the data's property values under their names, NaN unmeasured.
        `frame.attrs` holds searched (how many molecules), origin (which) and given (the molecule's SMILES).

    Raises:
        UserError: The molecule cannot be encoded, a number is out of range, or there are no training molecules to search.
    """
    check_count("k", k)
    check_count("among", among, 0)
    check_seed(seed)
    given, z = encode_seed(model, smiles)
    sample = draw_training_molecules(model, among or np.iinfo(np.int64).max, seed)
    means = []
    for start in range(0, len(sample), 5000):
        progress("encode training molecules", start, len(sample))
        means.append(model.checkpoint.encode(sample.selfies[start : start + 5000]).mu)
    progress("encode training molecules", len(sample), len(sample))
    distances = (torch.cat(means) - z).norm(dim=1) / model.typical_distance
    nearest = torch.topk(distances, min(k, len(distances)), largest=False).indices.tolist()
    found = [c.smiles for c in validate([sample.selfies[i] for i in nearest], model.checkpoint.vocabulary)]
    frame = pd.DataFrame(
        {
            "rank": range(1, len(found) + 1),
            "smiles": found,
            "distance": distances[nearest].double().numpy(),
            "similarity": tanimoto(found, [given.smiles] * len(found)),
            **{name: sample.values[nearest, i] for i, name in enumerate(sample.properties)},
        }
    )
    frame.attrs.update(given=given.smiles, searched=len(sample), origin=sample.origin)
    return frame


@by_name
def analogues(
    model: TrainedModel,
    smiles: str,
    n: int = 20,
    *,
    reach: float = 1.5,
    min_similarity: float = 0.0,
    temperature: float = 1.0,
    seed: int = 0,
    progress: Progress = silent,
) -> pd.DataFrame:
    """Decode distinct valid molecules around a molecule, at growing latent distances.

    Points are drawn on shells around the molecule's latent mean, in directions spread as the training data is, until there are n
    molecules. Each counts where it first appears. Molecules that come spelled as the training data would spell them go first; the
    others, of which the decoder is less sure (`pipeline.models.sampling`), only fill up to n.

    Args:
        model: The model.
        smiles: The molecule; it is no analogue of itself.
        n: Analogues at most.
        reach: Radius of the last shell, in units of the typical distance between nearest training molecules.
        min_similarity: The least Tanimoto similarity to the molecule.
        temperature: Of the decoder; at 0 a point is one molecule.
        seed: Draws points and symbols.
        progress: Is told of the analogues found.

    Returns:
        Up to n rows, nearest first. Columns: rank, smiles, inchikey, distance, similarity, `<name>_computed`. `frame.attrs` holds given
        (the molecule's SMILES), decoded, valid, distinct, and canonical (the distinct ones that came spelled canonically).

    Raises:
        UserError: The molecule cannot be encoded, or a number is out of range.
    """
    check_count("n", n)
    check_seed(seed)
    if not 0 < reach < math.inf or not 0 <= min_similarity <= 1 or not 0 <= temperature < math.inf:
        raise UserError(
            "min_similarity must be between 0 and 1, reach above 0, and temperature 0 or more, all of them finite"
        )
    given, z = encode_seed(model, smiles)
    spread, generator = model.measure("data").spread, torch.Generator().manual_seed(seed)
    rows: list[dict[str, Any]] = []
    others: list[dict[str, Any]] = []
    seen: dict[str | None, bool] = {given.inchikey: False}  # and whether it was spelled canonically
    decoded = valid = 0
    for round_ in range(1, ROUNDS + 1):
        radius = reach * round_ / ROUNDS
        progress("decode around it", len(rows), n)
        points = sample_shell(z, radius * model.typical_distance, POINTS, spread, generator)
        drawn = draw(model.checkpoint, points, temperature=temperature, seed=seed + round_)
        decoded, valid = decoded + len(points), valid + sum(c.valid for c in drawn.candidates)
        fresh = []
        for c, string, spelled in zip(drawn.candidates, drawn.strings, drawn.spellings, strict=True):
            if c.valid and c.inchikey not in seen:
                seen[c.inchikey] = string == spelled
                fresh.append(c)
        similarity = tanimoto([c.smiles for c in fresh], [given.smiles] * len(fresh))
        for c, near in sorted(zip(fresh, similarity.tolist(), strict=True), key=lambda pair: -pair[1]):
            if near >= min_similarity:
                row = {"smiles": c.smiles, "inchikey": c.inchikey, "distance": radius, "similarity": near}
                (rows if seen[c.inchikey] else others).append(row)
        if len(rows) >= n:
            break
    rows = sorted(rows[:n] + others[: max(0, n - len(rows))], key=lambda row: (row["distance"], -row["similarity"]))
    progress("decode around it", n, n)
    frame = pd.DataFrame(rows, columns=["smiles", "inchikey", "distance", "similarity"])
    frame.insert(0, "rank", range(1, len(frame) + 1))
    for name, values in compute_values(model, frame["smiles"].tolist()).items():
        frame[name] = values
    frame.attrs.update(
        given=given.smiles, decoded=decoded, valid=valid, distinct=len(seen) - 1, canonical=sum(seen.values())
    )
    return frame
