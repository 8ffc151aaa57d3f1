"""What is said of molecules beside their score: novelty, nearest training molecules, alerts, scaffolds, properties."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd
import torch
from rdkit import Chem
from torch import Tensor

from chem_vae.predictors import Prediction
from chem_vae.progress import Progress, silent
from pipeline.chemistry.metrics import nearest_neighbors, novel_each, scaffold, structural_alerts
from pipeline.chemistry.properties import compute
from pipeline.chemistry.standardize import Rejection, Standardizer
from pipeline.datasets.dataset import Dataset
from pipeline.models.kept_molecules import kept_smiles
from pipeline.models.trained_model import TrainedModel

DESCRIBED_AT_ONCE = 200


def identities(smiles: Sequence[str], model: TrainedModel) -> list[str]:
    """The InChIKeys of canonical SMILES in the data's standard form, in which alone the two can be compared."""
    standardizer = Standardizer(model.standardize_options)
    found = []
    for row, text in enumerate(smiles):
        molecule = standardizer(text, row)
        if isinstance(molecule, Rejection):  # too large, or an element that the data does not have: as it is
            found.append(str(Chem.MolToInchiKey(Chem.MolFromSmiles(text))))
        else:
            found.append(molecule.inchikey)
    return found


def compared(molecules: pd.DataFrame, model: TrainedModel, dataset: Dataset | None) -> pd.DataFrame:
    """With novelty and the distance to the training data; needs `inchikey` and `z`. Novelty is missing without data."""
    n = len(molecules)
    keys = molecules["inchikey"].tolist()
    if dataset is not None:
        split = "train" if model.trained_on(dataset) else None  # another's held-out molecules may be the model's own
        known = set(dataset.table(["inchikey"], split=split)["inchikey"])
        molecules["novel"] = novel_each(keys, known)
        molecules["novel_stereo_blind"] = novel_each(keys, known, stereo_blind=True)
    else:
        molecules["novel"] = molecules["novel_stereo_blind"] = pd.array([None] * n, dtype="boolean")
    z = torch.stack(molecules["z"].tolist()) if n else torch.zeros(0, model.checkpoint.model.latent_size)
    molecules["distance_to_training"] = model.distance_to_training(z)
    return molecules


def described(
    molecules: pd.DataFrame,
    first: Iterable[Any],
    then: Iterable[Any],
    properties: Sequence[str],
    *,
    n: int,
    allow_alerts: bool = True,
    progress: Progress = silent,
) -> pd.DataFrame:
    """With alerts, scaffolds and computed properties of the rows `first` (index labels), and of as many of the rows `then`
    as it takes to have n, or n free of alerts: alerts take longer than all else. The other rows have None and NaN."""
    order, beyond = list(first), list(then)
    found: dict[Any, tuple[str, str | None, list[float]]] = {}
    progress("describe", 0, len(order))
    while order or beyond:
        fit = len(found) if allow_alerts else sum(not alerts for alerts, _, _ in found.values())
        if not order and fit >= n:
            break
        some = order[:DESCRIBED_AT_ONCE] or beyond[: max(n - fit, 20)]
        order, beyond = (order[len(some) :], beyond) if order else ([], beyond[len(some) :])
        smiles = [str(molecules.at[i, "smiles"]) for i in some]
        for i, text, alerts in zip(some, smiles, structural_alerts(smiles), strict=True):
            found[i] = ("; ".join(alerts), scaffold(text), compute(Chem.MolFromSmiles(text), properties))
        progress("describe", len(found), len(found) + len(order))
    molecules["alerts"] = pd.Series({i: d[0] for i, d in found.items()}, dtype=object).reindex(molecules.index)
    molecules["scaffold"] = pd.Series({i: d[1] for i, d in found.items()}, dtype=object).reindex(molecules.index)
    for k, name in enumerate(properties):
        values = pd.Series({i: d[2][k] for i, d in found.items()}, dtype=float)
        molecules[f"{name}_computed"] = values.reindex(molecules.index)
    return molecules


def predicted(model: TrainedModel, name: str, smiles: Sequence[str | None], z: Tensor) -> Prediction | None:
    """Mean and deviation (n,) of a property by whatever predicts it best, NaN where nothing can; None without a predictor."""
    if name in model.measured:
        return model.measured[name].predict(smiles, z)
    predictor = model.predictors.get(name)
    if predictor is None:
        return None
    mean, std = torch.full((len(z),), torch.nan), torch.full((len(z),), torch.nan)
    fine = torch.isfinite(z).all(dim=1)
    if fine.any():
        with torch.no_grad():
            mean[fine], std[fine] = predictor.predict(z[fine])
    return Prediction(mean, std)


def with_predictions(molecules: pd.DataFrame, model: TrainedModel, names: Iterable[str]) -> pd.DataFrame:
    """With `<name>_predicted` and its standard deviation of the properties for which the model has a predictor; needs `z`."""
    z = torch.stack(molecules["z"].tolist()) if len(molecules) else torch.zeros(0, model.checkpoint.model.latent_size)
    for name in names:
        if (found := predicted(model, name, molecules["smiles"].tolist(), z)) is not None:
            molecules[f"{name}_predicted"] = found.mean.double().numpy()
            molecules[f"{name}_predicted_std"] = found.std.double().numpy()
    return molecules


def with_neighbors(
    candidates: pd.DataFrame, model: TrainedModel, dataset: Dataset | None, progress: Progress = silent
) -> pd.DataFrame:
    """With the most similar training molecule and its Tanimoto similarity.

    Without the dataset it is the most similar of the training molecules kept with the model (`kept_neighbors`), so that there
    may be a nearer one, and nothing is said of novelty; None and NaN where none are kept.
    """
    found: list[tuple[str | None, float]] = [(None, math.nan)] * len(candidates)
    if len(candidates):
        if dataset is not None:
            reference = dataset.table(["smiles"], split="train")["smiles"].tolist()
        else:
            reference = kept_smiles(model)
        found = nearest_neighbors(candidates["smiles"].tolist(), reference, progress)
    candidates["nearest_training_smiles"] = [s for s, _ in found]
    candidates["nearest_training_similarity"] = [s for _, s in found]
    return candidates


def kept_neighbors(model: TrainedModel, dataset: Dataset | None) -> int | None:
    """Among how many training molecules kept with the model `with_neighbors` looks; None where it has all of them."""
    return len(kept_smiles(model)) if dataset is None else None


def novelty_warnings(model: TrainedModel, dataset: Dataset | None) -> list[str]:
    """What "novel" does not mean here, in sentences."""
    from pipeline.workspace.registry import list_datasets

    if dataset is None:
        name = str(model.card["dataset"]["name"])
        get = f"; to have all told, fetch it: chem-vae ingest {name}" if name in list_datasets() else ""
        if kept := kept_neighbors(model, dataset):
            told = f"novelty cannot be told, and nearest neighbors are those among the {kept:,} training molecules kept with the model"
        else:
            told = "novelty and nearest neighbors cannot be told"
        return [f"the training data is not in the workspace: {told}{get}"]
    warnings = []
    if base := model.card.get("base"):
        which = "training molecules" if model.trained_on(dataset) else "molecules"
        warnings.append(
            f"novel means here: not among the {which} of {dataset.name}; those of {base['dataset']}, which the "
            "model knows from its base, were not compared"
        )
    if not model.trained_on(dataset):
        warnings.append(
            f"the dataset {dataset.folder.name} is not the very one that the model was trained on: novel means here that a "
            "molecule is in none of its splits, as any may hold molecules that the model was shown"
        )
    return warnings
