"""Molecules that a base model draws to be shown again; they are kept in the user's cache, since every fine-tuning of it draws the same."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from rdkit import Chem

from chem_vae.atomic_files import write_whole
from chem_vae.seeds import number_seed
from pipeline.chemistry.properties import compute
from pipeline.models.sampling import draw
from pipeline.models.trained_model import TrainedModel
from pipeline.workspace.folders import hash_content
from pipeline.workspace.registry import find_cache_folder
from pipeline.workspace.runs import list_versions

BATCH = 1000
_FOLDER = "replay"
_VERSION = 1
"""The version of how the molecules are drawn; a higher number draws all of them again."""


class Drawn(NamedTuple):
    """Valid molecules of one batch of draws, in order, a molecule perhaps several times."""

    inchikeys: list[str]
    selfies: list[str]
    values: NDArray[np.float32]
    """(n, P) the computed properties that were asked for."""


def draw_batch(base: TrainedModel, properties: Sequence[str], seed: int, start: int) -> Drawn:
    """Draw a batch from a model without z or conditions, or read it where the same was drawn before.

    Args:
        base: The model.
        properties: The registered properties to compute.
        seed: The seed of all draws.
        start: How many were drawn before.
    """
    path = _find_file(base, properties, seed, start)
    if (kept := _read(path, properties)) is not None:
        return kept
    z = torch.full((BATCH, base.checkpoint.model.latent_size), torch.nan)
    drawn = draw(base.checkpoint, z, temperature=1.0, seed=number_seed(seed, start))
    rows = [
        (c.inchikey, string, compute(Chem.MolFromSmiles(c.smiles), properties))
        for c, string in zip(drawn.candidates, drawn.spellings, strict=True)
        if c.smiles is not None and c.inchikey is not None and string is not None
        if not base.checkpoint.vocabulary.find_missing(string)
    ]
    values = np.array([row[2] for row in rows], np.float32).reshape(len(rows), len(properties))
    found = Drawn([row[0] for row in rows], [row[1] for row in rows], values)
    with suppress(OSError):  # without the cache it is only slower
        path.parent.mkdir(parents=True, exist_ok=True)
        table = pd.DataFrame({"inchikey": found.inchikeys, "selfies": found.selfies})
        for i, name in enumerate(properties):
            table[name] = values[:, i]
        with write_whole(path) as partial:
            table.to_parquet(partial)
    return found


def _find_file(base: TrainedModel, properties: Sequence[str], seed: int, start: int) -> Path:
    """Return the file of a batch, whose name tells all that the batch depends on."""
    weights = base.manifest.get("contents", {}).get("model.safetensors", {})
    about = [_VERSION, BATCH, base.key, weights, list(properties), seed, start]
    versions = list_versions()
    about += [versions[name] for name in ("chem-vae", "rdkit", "selfies", "torch")]
    return find_cache_folder() / _FOLDER / f"{hash_content(about)[:32]}.parquet"


def _read(path: Path, properties: Sequence[str]) -> Drawn | None:
    """Read a batch; None where it is missing or damaged."""
    try:
        table = pd.read_parquet(path)
        values = table[list(properties)].to_numpy(np.float32)
        return Drawn(table["inchikey"].tolist(), table["selfies"].tolist(), values)
    except (OSError, ValueError, KeyError):  # pyarrow's errors are ValueErrors
        return None
