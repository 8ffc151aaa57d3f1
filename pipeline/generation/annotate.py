"""Annotates molecules: novelty, distance to the training data, alerts, scaffolds, properties, predictions, neighbors."""

from __future__ import annotations

import math
from collections.abc import Collection, Container, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from chem_vae.predictors import Prediction
from chem_vae.progress import Progress, silent
from pipeline.chemistry.filters.structural_alerts import find_structural_alerts
from pipeline.chemistry.filters.unusual_cells import is_usual, write_unusual
from pipeline.chemistry.metrics import find_nearest_neighbors
from pipeline.chemistry.molecule import Molecule
from pipeline.chemistry.properties import compute, prepare_worker
from pipeline.chemistry.standardization.stereo_groups import count_undefined_stereo
from pipeline.datasets.dataset import Dataset
from pipeline.models.base_models import BaseMolecules
from pipeline.models.trained_model import TrainedModel
from pipeline.models.training_set.kept_molecules import read_kept_smiles
from pipeline.models.training_set.training_hashes import read_training_hashes
from pipeline.models.training_set.training_molecules import TrainingMolecules
from pipeline.workspace.registry import list_datasets
from pipeline.workspace.work.parallel import Workers, count_workers

ANNOTATED_AT_ONCE = 200
PARALLEL_FROM = 4_000
"""Rows from which processes of their own are started; fewer are done before those are."""


def compare_with_training(molecules: pd.DataFrame, model: TrainedModel, training: TrainingMolecules) -> pd.DataFrame:
    """Add novelty and the latent distance to the training data; return the same table.

    What the model knows from a base with hashes of its training molecules is not novel either.

    Args:
        molecules: A table with the columns `smiles`, `inchikey` and `z`.
        model: The trained model.
        training: What is known of its training molecules; where that is nothing, `novel` and `novel_stereo_blind` are missing
            values.
    """
    smiles, keys = molecules["smiles"].tolist(), molecules["inchikey"].tolist()
    for column, stereo_blind in (("novel", False), ("novel_stereo_blind", True)):
        molecules[column] = (
            ~np.array(training.find(smiles, keys, stereo_blind=stereo_blind), dtype=bool)
            if training.is_told
            else pd.array([None] * len(keys), dtype="boolean")
        )
    molecules["distance_to_training"] = model.distance_to_training(stack_points(molecules, model))
    return molecules


def compare_with_earlier_runs(molecules: pd.DataFrame, proposed: Container[str]) -> int | None:
    """Add `proposed_before`, and let only molecules that were never proposed be novel.

    Args:
        molecules: A table with the columns `inchikey`, `novel` and `novel_stereo_blind`, which is changed.
        proposed: The InChIKeys that were proposed before.

    Returns:
        How many molecules are not in the training data, proposed before or not; None where that cannot be told.
    """
    novel = molecules["novel"]
    unseen = None if novel.isna().any() else int(novel.sum())
    before = pd.Series([key in proposed for key in molecules["inchikey"]], index=molecules.index, dtype=bool)
    for column in ("novel", "novel_stereo_blind"):
        both = molecules[column].astype("boolean") & ~before
        molecules[column] = both if both.isna().any() else both.astype(bool)
    molecules["proposed_before"] = before
    return unseen


def annotate(
    molecules: pd.DataFrame,
    first: Iterable[Any],
    then: Iterable[Any],
    properties: Sequence[str],
    *,
    n: int,
    allow_alerts: bool = True,
    usual: Collection[str] = (),
    allow_unusual: Collection[str] = (),
    progress: Progress = silent,
) -> pd.DataFrame:
    """Add alerts, what is unusual, scaffolds, undefined stereo and computed properties to some rows, None and NaN to the others; return the same table.

    To annotate takes as long as to draw, so that only as many rows are annotated as are needed.

    Args:
        molecules: A table with the column `molecule`.
        first: Index labels of the rows to annotate in any case.
        then: Index labels of further rows, in order, until n rows that are usual (and without alerts) are annotated.
        properties: Names of registered properties, which become `<property>_computed`.
        n: The number of rows needed.
        allow_alerts: Whether rows with alerts count among the n.
        usual: What is usual for the model or the user (`pipeline.models.training_set.usual_structures`); the columns do not name it.
        allow_unusual: Names in the column `unusual` with which a row counts among the n all the same.
        progress: Told the stage "annotate".
    """
    order, beyond = list(first), list(then)
    found: dict[Any, _Annotation] = {}

    def make_job(rows: list[Any]) -> AnnotationJob:
        return molecules.loc[rows, "molecule"].tolist(), tuple(properties), frozenset(usual)

    parts = [order[start : start + ANNOTATED_AT_ONCE] for start in range(0, len(order), ANNOTATED_AT_ONCE)]
    progress("annotate", 0, len(order))
    with Workers(count_workers() if len(order) >= PARALLEL_FROM else 1, prepare_worker(properties)) as workers:
        for part, made in zip(parts, workers.map(annotate_part, map(make_job, parts)), strict=True):
            found.update(zip(part, made, strict=True))
            progress("annotate", len(found), len(order))
    while beyond:
        fit = sum(is_usual(a.unusual, allow_unusual) and (allow_alerts or not a.alerts) for a in found.values())
        if fit >= n:
            break
        count = max(n - fit, 20)
        part, beyond = beyond[:count], beyond[count:]
        found.update(zip(part, annotate_part(make_job(part)), strict=True))
        progress("annotate", len(found), len(found))
    for column in ("alerts", "unusual", "unusual_atoms", "scaffold"):
        texts = pd.Series({i: getattr(a, column) for i, a in found.items()}, dtype=object)
        molecules[column] = texts.reindex(molecules.index)
    counts = pd.Series({i: a.undefined_stereo for i, a in found.items()}, dtype="Int64")
    molecules["undefined_stereo"] = counts.reindex(molecules.index)
    for k, name in enumerate(properties):
        numbers = pd.Series({i: a.values[k] for i, a in found.items()}, dtype=float)
        molecules[f"{name}_computed"] = numbers.reindex(molecules.index)
    return molecules


AnnotationJob = tuple[list[Molecule], tuple[str, ...], frozenset[str]]
"""Molecules, the names of the properties to compute, and what is usual."""


def annotate_part(job: AnnotationJob) -> list[_Annotation]:
    """Find what `annotate` adds to each of some molecules, one kind of it after another, which is quicker than molecule by molecule."""
    molecules, properties, usual = job
    mols = [molecule.mol for molecule in molecules]
    alerts = ["; ".join(found) for found in find_structural_alerts(molecules)]
    unusual = [write_unusual(molecule, usual) for molecule in molecules]
    scaffolds = [molecule.scaffold for molecule in molecules]
    undefined = [count_undefined_stereo(mol) for mol in mols]
    columns = [[compute(mol, [name])[0] for mol in mols] for name in properties]
    values = zip(*columns, strict=True) if columns else ([] for _ in mols)
    return [
        _Annotation(alert, *cells, scaffold, count, list(row))
        for alert, cells, scaffold, count, row in zip(alerts, unusual, scaffolds, undefined, values, strict=True)
    ]


class _Annotation(NamedTuple):
    """The cells that are added to one row."""

    alerts: str
    unusual: str
    unusual_atoms: str
    scaffold: str
    undefined_stereo: int
    values: list[float]


def predict_property(
    model: TrainedModel, name: str, molecules: Sequence[Molecule | None], z: Tensor
) -> Prediction | None:
    """Predict a property (n,) by the model's best predictor for it; None where the model has no predictor.

    Args:
        model: The trained model.
        name: The name of the property.
        molecules: n molecules, None where there is none.
        z: (n, D) latent points of the molecules, NaN where there is none; the prediction is NaN there.
    """
    if name in model.measured:
        return model.measured[name].predict(molecules, z)
    predictor = model.predictors.get(name)
    if predictor is None:
        return None
    mean, std = torch.full((len(z),), torch.nan), torch.full((len(z),), torch.nan)
    fine = torch.isfinite(z).all(dim=1)
    if fine.any():
        with torch.no_grad():
            mean[fine], std[fine] = predictor.predict(z[fine])
        if two := next((p.classes for p in model.properties if p.name == name and p.classes), None):
            mean = mean.clamp(*two)  # a regression of two classes may lie beyond them
    return Prediction(mean, std)


def add_predictions(molecules: pd.DataFrame, model: TrainedModel, names: Iterable[str]) -> pd.DataFrame:
    """Add `<name>_predicted` and `<name>_predicted_std` of the named properties that the model has a predictor for.

    Of two classes the prediction is the probability of the active one, which has no standard deviation.
    The table needs the columns `molecule` and `z`; it is changed and returned.
    """
    z, classified = stack_points(molecules, model), {p.name for p in model.properties if p.classes}
    for name in names:
        if (found := predict_property(model, name, molecules["molecule"].tolist(), z)) is not None:
            molecules[f"{name}_predicted"] = found.mean.double().numpy()
            if name not in classified:  # a probability with an interval would be read as one of measurements
                molecules[f"{name}_predicted_std"] = found.std.double().numpy()
    return molecules


def add_neighbors(
    candidates: pd.DataFrame, model: TrainedModel, dataset: Dataset | None, progress: Progress = silent
) -> pd.DataFrame:
    """Add the most similar training molecule and its Tanimoto similarity (`ECFP4_2048`).

    The table needs the column `molecule`; it is changed and returned. Without the dataset only the training molecules kept with
    the model are compared, so that there may be a more similar one; None and NaN stand where none are kept.
    """
    found: list[tuple[str | None, float]] = [(None, math.nan)] * len(candidates)
    if len(candidates):
        if dataset is not None:
            reference = dataset.table(["smiles"], split="train")["smiles"].tolist()
        else:
            reference = read_kept_smiles(model)
        found = find_nearest_neighbors(candidates["molecule"].tolist(), reference, progress)
    candidates["nearest_training_smiles"] = [s for s, _ in found]
    candidates["nearest_training_similarity"] = [s for _, s in found]
    return candidates


def count_kept_neighbors(model: TrainedModel, dataset: Dataset | None) -> int | None:
    """Count the training molecules that `add_neighbors` compares; None where it has all of them."""
    return len(read_kept_smiles(model)) if dataset is None else None


def list_novelty_warnings(model: TrainedModel, dataset: Dataset | None) -> list[str]:
    """Say in sentences which molecules "novel" and "nearest" do not consider."""
    if dataset is None:
        name = str(model.card["dataset"]["name"])
        get = (
            f"; to have all told, start once with the data set {name} (`chem-vae ingest {name}`)"
            if name in list_datasets()
            else ""
        )
        hashes, kept = read_training_hashes(model.folder), count_kept_neighbors(model, dataset)
        near = f"nearest neighbors are those among the {kept:,} training molecules kept with the model"
        if hashes is not None:
            novelty = f"novelty is told by hashes of its {len(hashes):,} molecules"
            told = f"{novelty}, and {near if kept else 'nearest neighbors cannot be told'}"
        else:
            told = f"novelty cannot be told, and {near}" if kept else "novelty and nearest neighbors cannot be told"
        return [f"the training data is not in the workspace: {told}{get}"]
    warnings = []
    if unknown := BaseMolecules.of(model).unknown:
        which = "training molecules" if model.is_trained_on(dataset) else "molecules"
        warnings.append(
            f"novel means here: not among the {which} of {dataset.name}; those of {' and '.join(unknown)}, which the "
            "model knows from its base, were not compared"
        )
    if not model.is_trained_on(dataset):
        warnings.append(
            f"the dataset {dataset.folder.name} is not the very one that the model was trained on: novel means here that a "
            "molecule is in none of its splits, as any may hold molecules that the model was shown"
        )
    return warnings


def stack_points(molecules: pd.DataFrame, model: TrainedModel) -> Tensor:
    """Return the column `z` as a tensor (n, D)."""
    points = molecules["z"].tolist()
    return torch.stack(points) if points else torch.zeros(0, model.checkpoint.model.latent_size)
