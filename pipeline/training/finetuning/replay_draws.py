"""Molecules that a base model draws to be shown again.

They are kept in the user's cache, since every fine-tuning of a model draws the same. A shipped model brings them in its folder.
"""

from __future__ import annotations

import os
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
from chem_vae.errors import CheckpointError
from chem_vae.progress import Progress, silent
from chem_vae.seeds import number_seed
from pipeline.chemistry.properties import PROPERTIES, compute
from pipeline.chemistry.validate import validate
from pipeline.models.sampling import draw
from pipeline.models.trained_model import TrainedModel
from pipeline.models.training_set.training_hashes import read_training_hashes
from pipeline.workspace.runs import list_versions
from pipeline.workspace.storage.cache_folder import DRAWN, find_cache_folder
from pipeline.workspace.storage.folders import hash_content

BATCH = 1000
FILE = "replay_draws.parquet"
"""The file of a shipped model's folder with molecules that it drew: those of `Drawn`, with all properties it can compute."""
_VERSION = 1
"""The version of how the molecules are drawn; a higher number draws all of them again."""


class Drawn(NamedTuple):
    """Valid molecules of one batch of draws, in order, a molecule perhaps several times."""

    inchikeys: list[str]
    selfies: list[str]
    values: NDArray[np.float32]
    """(n, P) the computed properties that were asked for."""


def write_draws(base: TrainedModel, folder: Path, count: int, seed: int, progress: Progress = silent) -> Path:
    """Draw distinct valid molecules of a model and write them into a folder, whose manifest is to be written after it.

    Molecules that the model was trained on are left out where it knows them (`pipeline.models.training_set.training_hashes`, read from `folder`).

    Args:
        base: The model.
        folder: The folder of the shipped model.
        count: The number of molecules.
        seed: Draws them.
        progress: Is told of the molecules found.
    """
    hashes, properties = read_training_hashes(folder), list_computed_conditions(base)
    parts: list[pd.DataFrame] = []
    found = asked = 0
    while found < count and asked < 4 * count + BATCH:
        drawn = draw_batch(base, properties, seed, asked)
        asked += BATCH
        part = pd.DataFrame({"inchikey": drawn.inchikeys, "selfies": drawn.selfies})
        part[properties] = drawn.values
        if hashes is not None:
            smiles = [c.smiles or "" for c in validate(drawn.selfies, base.checkpoint.vocabulary)]
            part = part[~np.array(hashes.find(smiles), dtype=bool)]
        parts.append(part)
        found = pd.concat([p["inchikey"] for p in parts]).nunique()
        progress("replay", min(found, count), count)
    table = pd.concat(parts).drop_duplicates("inchikey").head(count)
    with write_whole(folder / FILE) as partial:
        table.to_parquet(partial, compression="zstd", index=False)
    return folder / FILE


def read_draws(base: TrainedModel, properties: Sequence[str], seed: int) -> Drawn | None:
    """Read the molecules that a shipped model brings, in an order that follows from the seed; None where it brings none.

    Raises:
        CheckpointError: The file is damaged.
    """
    path = base.folder / FILE
    if not path.is_file():
        return None
    found = _read(path, properties)
    if found is None:
        raise CheckpointError(f"the model {base.folder} is damaged: {FILE} cannot be read")
    order = np.random.default_rng(seed).permutation(len(found.selfies))
    return Drawn([found.inchikeys[i] for i in order], [found.selfies[i] for i in order], found.values[order])


def list_computed_conditions(base: TrainedModel) -> list[str]:
    """List the conditions of a model that are computed from the molecule."""
    kinds = {p.name: p.kind for p in base.properties}
    return [c for c in base.conditions if kinds.get(c) == "computed" and c in PROPERTIES]


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
        with suppress(OSError):
            os.utime(path)  # chem-vae gc deletes what was not used for long
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
    return find_cache_folder() / DRAWN / f"{hash_content(about)[:32]}.parquet"


def _read(path: Path, properties: Sequence[str]) -> Drawn | None:
    """Read a batch; None where it is missing or damaged."""
    try:
        table = pd.read_parquet(path)
        values = table[list(properties)].to_numpy(np.float32)
        return Drawn(table["inchikey"].tolist(), table["selfies"].tolist(), values)
    except (OSError, ValueError, KeyError):  # pyarrow's errors are ValueErrors
        return None
