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
from pipeline.chemistry.standardization.refusal import Refused, Rejection
from pipeline.chemistry.standardization.stereo_groups import undefine_stereo_groups
from pipeline.datasets.readers import Hints
from pipeline.datasets.readers.source import Source
from pipeline.explore.unusual import find_file
from pipeline.models.spelling import Spelling
from pipeline.models.trained_model import TrainedModel
from pipeline.workspace.check_arguments import check_count
from pipeline.workspace.presentation.formatting import count_things

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


def read_molecules(
    given: Sequence[str], limit: int | None = None, smiles_column: str | None = None
) -> list[str | Rejection]:
    """Read the molecules of a file (csv, tsv, smi, sdf, parquet, also .gz), where one file is given; else return the given SMILES.

    Each row of the file stays in its place: what cannot be read is a Rejection with its reason.

    Args:
        given: SMILES, or the path of one file.
        limit: The most molecules that are read; all when None.
        smiles_column: The file's column of SMILES; found by its name when None.

    Raises:
        DataError: The file cannot be read.
        UserError: There is no molecule, there is more beside a file, or the limit is below 1.
    """
    check_count("limit", limit)
    file = find_file(given)
    molecules: list[str | Rejection] = [*given[:limit]]
    if file is not None:
        molecules = _read_file(file, limit, smiles_column)
    if all(isinstance(molecule, Rejection) for molecule in molecules):
        raise UserError("there is no molecule to look at: give SMILES, or a file of them")
    return molecules


def read_smiles(given: Sequence[str], limit: int | None = None, smiles_column: str | None = None) -> list[str]:
    """Read the SMILES that `read_molecules` finds, without the rows that cannot be read."""
    return [molecule for molecule in read_molecules(given, limit, smiles_column) if isinstance(molecule, str)]


def _read_file(path: Path, limit: int | None, smiles_column: str | None) -> list[str | Rejection]:
    """Read a file row by row; a warning names the rows that cannot be read."""
    molecules: list[str | Rejection] = []
    for chunk in Source.open(path, Hints(smiles_column=smiles_column)).chunks(limit=limit):
        found: dict[int, str | Rejection] = {rejection.row: rejection for rejection in chunk.rejections}
        for row, text in zip(chunk.rows, chunk.inputs, strict=True):
            try:
                found[row] = _read_molblock(text or "") if chunk.molblocks else text or ""
            except Refused as reason:
                found[row] = Rejection(row, "", reason.stage, str(reason))
        molecules += [found[row] for row in sorted(found)]
    if refused := [molecule for molecule in molecules if isinstance(molecule, Rejection)]:
        told = "; ".join(f"row {rejection.row + 1:,}: {rejection.reason}" for rejection in refused[:3])
        more = f"; and {len(refused) - 3:,} more" if len(refused) > 3 else ""
        verb = "is" if len(refused) == 1 else "are"
        warnings.warn(
            f"{count_things(len(refused), 'row')} of {path.name} {verb} not read as molecules ({told}{more})",
            ChemVAEWarning,
            stacklevel=3,
        )
    return molecules


def _read_molblock(block: str) -> str:
    with rdBase.BlockLogs():
        mol, _ = undefine_stereo_groups(parse_molblock(block))
        return str(Chem.MolToSmiles(mol))
