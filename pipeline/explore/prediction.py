"""Predicts the measured properties of molecules, and says where a prediction does not count."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from chem_vae.errors import DataError
from chem_vae.progress import Progress, silent
from pipeline.chemistry.standardization.standardize import Rejection
from pipeline.datasets.layout.given_molecules import list_given
from pipeline.datasets.readers import Hints
from pipeline.datasets.readers.source import Chunk, Source
from pipeline.explore.inputs import compute_values
from pipeline.models.by_name import by_name
from pipeline.models.measured_predictor import MeasuredPredictor
from pipeline.models.spelling import Spelling
from pipeline.models.trained_model import TrainedModel
from pipeline.workspace.check_arguments import check_count

OF_FILE = " (file)"
"""The ending of a column of the file that would have the name of one of ours."""
ROWS_AT_ONCE = 2_000


@dataclass(frozen=True)
class Domain:
    """Where the predictions of a property count."""

    similarity: Tensor
    """(n,) the Tanimoto similarity to the nearest measured molecule."""
    floor: float
    """The similarity that a molecule in the domain has at least."""

    @property
    def inside(self) -> Tensor:
        """Whether each molecule (n,) is in the domain."""
        return self.similarity >= self.floor


@by_name
def predict(
    model: TrainedModel,
    smiles: str | Sequence[str] | pd.DataFrame,
    *,
    outside_domain: bool = False,
    progress: Progress = silent,
) -> pd.DataFrame:
    """Predict the measured properties of molecules; what a structure gives is computed instead.

    A molecule that fails has its reason in its row, and none stops the others. Outside of the domain of a predictor (molecules less
    similar to the measured ones than these are to each other) there is no prediction, unless it is asked for.

    Args:
        model: The trained model.
        smiles: n SMILES, one, or a DataFrame with a column of them.
        outside_domain: Also give the predictions that do not count.
        progress: Told each stage of the work.

    Returns:
        n rows, in order. Columns: input, smiles (standard form, or missing), for each measured property NAME_predicted (of two classes:
        the probability of the active one), NAME_predicted_std (of a new measurement), NAME_measured (where the model was trained on the
        molecule), NAME_similarity (to the nearest measured molecule) and NAME_in_domain; NAME_computed for the others; reason.
    """
    return _Predictor(model, outside_domain).predict(model.spell(list_given(smiles), progress))


@by_name
def predict_file(
    model: TrainedModel,
    path: str | Path,
    *,
    smiles_column: str | None = None,
    limit: int | None = None,
    outside_domain: bool = False,
    progress: Progress = silent,
) -> pd.DataFrame:
    """Predict the measured properties of the molecules of a file (csv, xlsx, sdf and others), whose own columns are kept.

    Args:
        model: The trained model.
        path: The file.
        smiles_column: The column of SMILES; found by its name when None.
        limit: The number of rows that are read; all when None.
        outside_domain: As for `predict`.
        progress: Told each stage of the work.

    Returns:
        A row for each row of the file, in its order: `row` (counted from 1), the file's own columns, and those of `predict`.

    Raises:
        DataError: If the file cannot be read, or has no rows.
        UserError: If the limit is below 1.
    """
    check_count("limit", limit)
    predictor = _Predictor(model, outside_domain)
    parts = []
    for chunk in Source.open(Path(path), Hints(smiles_column=smiles_column)).chunks(limit=limit, rows=ROWS_AT_ONCE):
        parts.append(_predict_chunk(predictor, chunk))
        done = sum(map(len, parts))
        progress("predict", done, max(done + 1, limit or 0))  # how long the file is will be known at its end
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    if not len(table):
        raise DataError(f"{Path(path).name} has no rows: there is no molecule to predict")
    progress("predict", len(table), len(table))
    return table


def _predict_chunk(predictor: _Predictor, chunk: Chunk) -> pd.DataFrame:
    found = predictor.predict(list(_spell_chunk(predictor.model, chunk)))
    own = pd.DataFrame(dict(chunk.columns), dtype=object)
    own.columns = pd.Index([f"{name}{OF_FILE}" if name in {"row", *found} else name for name in own])
    table = pd.concat([pd.DataFrame({"row": [row + 1 for row in chunk.rows]}), own, found], axis=1)
    refused = [{"row": r.row + 1, "input": r.input, "reason": r.reason} for r in chunk.rejections]
    if refused:
        table = pd.concat([table, pd.DataFrame(refused)], ignore_index=True).sort_values("row", kind="stable")
    return table


def _spell_chunk(model: TrainedModel, chunk: Chunk) -> Iterator[Spelling]:
    """Yield the molecules of a chunk as the model spells them; a mol block goes by its SMILES."""
    for row, text in zip(chunk.rows, chunk.inputs, strict=True):
        if not chunk.molblocks:
            yield model.speller.spell(text or "", row)
            continue
        found = model.speller.standardizer.from_molblock(text or "", row)
        if isinstance(found, Rejection):
            yield Spelling("", None, None, None, found.reason, False)
        else:
            yield model.speller.spell(found.smiles, row)


class _Predictor:
    """Makes the table of `predict`."""

    def __init__(self, model: TrainedModel, outside_domain: bool) -> None:
        self.model, self.outside_domain = model, outside_domain
        self.known = _list_known_labels(model)

    def predict(self, spelled: Sequence[Spelling]) -> pd.DataFrame:
        smiles = [s.smiles for s in spelled]
        z = self._encode(spelled) if any(p.needs_z for p in self.model.measured.values()) else None
        columns: dict[str, Any] = {"input": [s.input for s in spelled], "smiles": smiles}
        reasons = [[s.reason] if s.smiles is None else [] for s in spelled]
        for name, predictor in self.model.measured.items():
            domain = Domain(predictor.similarity(smiles), predictor.floor)
            columns |= self._predict_property(predictor, smiles, z, domain)
            labels = self.known.get(name, {})
            columns[f"{name}_measured"] = [labels.get(s.inchikey or "", np.nan) for s in spelled]
            columns[f"{name}_similarity"] = domain.similarity.double().numpy()
            columns[f"{name}_in_domain"] = [
                None if s is None else bool(i) for s, i in zip(smiles, domain.inside, strict=True)
            ]
            for row, told in enumerate(self._explain(name, predictor, spelled, domain)):
                reasons[row] += [told] if told else []
        columns |= compute_values(self.model, smiles)
        columns["reason"] = ["; ".join(told) for told in reasons]
        return pd.DataFrame(columns)

    def _encode(self, spelled: Sequence[Spelling]) -> Tensor:
        """Encode the molecules that the model can spell, (n, D); NaN for the others."""
        rows = [row for row, s in enumerate(spelled) if s.selfies is not None]
        z = torch.full((len(spelled), self.model.checkpoint.model.latent_size), torch.nan)
        if rows:
            z[rows] = self.model.checkpoint.encode([str(spelled[row].selfies) for row in rows]).mu
        return z

    def _predict_property(
        self, predictor: MeasuredPredictor, smiles: Sequence[str | None], z: Tensor | None, domain: Domain
    ) -> dict[str, Any]:
        counts = torch.isfinite(domain.similarity) if self.outside_domain else domain.inside
        asked = [s if wanted else None for s, wanted in zip(smiles, counts.tolist(), strict=True)]
        found = predictor.predict(asked, z)
        name = predictor.name
        return {
            f"{name}_predicted": found.mean.double().numpy(),
            f"{name}_predicted_std": found.std.double().numpy(),
        }

    def _explain(
        self, name: str, predictor: MeasuredPredictor, spelled: Sequence[Spelling], domain: Domain
    ) -> list[str]:
        """Say for each molecule why its prediction is missing or does not count; "" where it counts."""
        told = []
        for s, similarity in zip(spelled, domain.similarity.tolist(), strict=True):
            if s.smiles is None:
                told.append("")
            elif predictor.needs_z and s.selfies is None:
                told.append(f"{name}: {s.reason}")
            elif similarity < domain.floor:
                told.append(
                    f"outside of the domain of {name}: the nearest measured molecule has a similarity of {similarity:.2f}, and "
                    f"{domain.floor:.2f} is the least that counts"
                )
            else:
                told.append("")
        return told


def _list_known_labels(model: TrainedModel) -> dict[str, dict[str, float]]:
    """List the measured values that the model was trained on by property and InChIKey; none where its dataset is not at hand."""
    dataset = model.dataset()
    names = [name for name in model.measured if dataset is not None and name in dataset.columns]
    if dataset is None or not names:
        return {}
    table = dataset.table(["inchikey", *names])
    found = {}
    for name in names:
        measured = table.dropna(subset=name)
        found[name] = dict(zip(measured["inchikey"], measured[name].astype(float), strict=True))
    return found
