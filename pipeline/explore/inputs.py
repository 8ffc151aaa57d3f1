"""The user's molecules as the model reads them, with similarities and computed properties."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem, rdBase
from torch import Tensor

from chem_vae.errors import ChemVAEWarning, UserError
from pipeline.chemistry.fingerprints import tanimoto as similarity
from pipeline.chemistry.metrics import compute_fingerprints
from pipeline.chemistry.molecule import Structure
from pipeline.chemistry.properties import PROPERTIES, compute
from pipeline.chemistry.standardization.molblock import parse_molblock
from pipeline.chemistry.standardization.refusal import Refused
from pipeline.chemistry.standardization.stereo_groups import undefine_stereo_groups
from pipeline.datasets.readers import Hints
from pipeline.datasets.readers.source import Source
from pipeline.explore.check_arguments import check_count
from pipeline.explore.unusual import is_file
from pipeline.models.spelling import Spelling
from pipeline.models.trained_model import TrainedModel

USUAL = ("logp", "qed", "mw")
"""Properties that are computed where the model's own data has no computed property."""


def encode_seed(model: TrainedModel, smiles: str) -> tuple[Spelling, Tensor]:
    """Return a molecule and its latent mean (D,). Raises UserError with the reason where it cannot be encoded."""
    spelling = model.spell([smiles])[0]
    return spelling, model.checkpoint.encode([spelling.require_selfies()]).mu[0]


def tanimoto(first: Sequence[Structure | None], second: Sequence[Structure | None]) -> NDArray[np.float64]:
    """Compute the Tanimoto similarity (`ECFP4_2048`) of each pair of molecules, (n,); NaN where one is None."""
    pairs = zip(compute_fingerprints(first), compute_fingerprints(second), strict=True)
    return np.array([np.nan if a is None or b is None else similarity(a, b) for a, b in pairs], dtype=np.float64)


def compute_values(model: TrainedModel, smiles: Sequence[str | None]) -> dict[str, list[float]]:
    """Compute the properties of the model's data that a structure gives, in its units, as columns `<name>_computed`.

    NaN stands for a missing molecule.
    """
    own = [p.name for p in model.properties if p.kind == "computed" and p.name in PROPERTIES]
    names = own or list(USUAL)
    rows = []
    with rdBase.BlockLogs():
        for text in smiles:
            mol: Any = Chem.MolFromSmiles(text) if text else None
            rows.append([np.nan] * len(names) if mol is None else compute(mol, names))
    return {f"{name}_computed": [row[i] for row in rows] for i, name in enumerate(names)}


def read_smiles(given: Sequence[str], limit: int | None = None, smiles_column: str | None = None) -> list[str]:
    """Read the SMILES of a file (csv, tsv, smi, sdf, parquet, also .gz), where one file is given; else return the given SMILES.

    Each row of a file stays in its place; of one that is no molecule there is "".

    Args:
        given: SMILES, or the path of one file.
        limit: The most molecules that are read; all when None.
        smiles_column: The file's column of SMILES; found by its name when None.

    Raises:
        DataError: The file cannot be read.
        UserError: There is no molecule, or the limit is below 1.
    """
    check_count("limit", limit)
    if len(given) == 1 and is_file(given[0]):
        smiles = _read_file(Path(given[0]), limit, smiles_column)
    else:
        smiles = list(given)[:limit]
    if not smiles:
        raise UserError("there is no molecule to look at: give SMILES, or a file of them")
    return smiles


def _read_file(path: Path, limit: int | None, smiles_column: str | None) -> list[str]:
    """Read the SMILES of a file, one for each row; of a row that is no molecule "", and a warning names it."""
    found: list[tuple[int, str]] = []
    refused: list[tuple[int, str]] = []
    for chunk in Source.open(path, Hints(smiles_column=smiles_column)).chunks(limit=limit):
        refused += [(rejection.row, rejection.reason) for rejection in chunk.rejections]
        found += [(rejection.row, "") for rejection in chunk.rejections]
        for row, text in zip(chunk.rows, chunk.inputs, strict=True):
            try:
                found.append((row, _read_molblock(text or "") if chunk.molblocks else text or ""))
            except Refused as reason:
                found.append((row, ""))
                refused.append((row, str(reason)))
    refused.sort()
    if refused:
        told = "; ".join(f"row {row + 1:,}: {reason}" for row, reason in refused[:3])
        more = f"; and {len(refused) - 3:,} more" if len(refused) > 3 else ""
        warnings.warn(
            f"{len(refused):,} rows of {path.name} are not read as molecules ({told}{more})",
            ChemVAEWarning,
            stacklevel=3,
        )
    return [text for _, text in sorted(found)]


def _read_molblock(block: str) -> str:
    with rdBase.BlockLogs():
        mol, _ = undefine_stereo_groups(parse_molblock(block))
        return str(Chem.MolToSmiles(mol))
