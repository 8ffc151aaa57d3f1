"""Predictors of the measured properties of a model just trained: on latent points and on substructures, the better chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rdkit import Chem, rdBase
from torch import Tensor

from chem_vae.checkpoint import Checkpoint
from chem_vae.data import TokenDataset
from chem_vae.predictors.labels import Labels
from chem_vae.predictors.predictor_figures import compute_figures
from chem_vae.predictors.predictor_files import StoredPredictors, save_predictors
from chem_vae.predictors.predictor_fit import fit_predictor, read_labels
from chem_vae.predictors.tanimoto_process import FEWEST, TanimotoProcess
from chem_vae.progress import Progress
from pipeline.models.measured_predictor import FILE, MeasuredPredictor, Representation, save_measured
from pipeline.training.predictors.compare_predictors import MOST_FITS, compare, fit_process, predict_held_out
from pipeline.training.predictors.cross_validation import DESCRIBED
from pipeline.training.predictors.fit_classes import find_classes, fit_classes
from pipeline.training.predictors.labelled import Labelled

FITTED_MOLECULES = 10_000
USEFUL_LABELS = 50
FEWEST_HELD_OUT = 30
METHODS: dict[Representation, str] = {
    "latent": "latent points",
    "fingerprint": TanimotoProcess.method,
    DESCRIBED: "Gaussian process over substructures and descriptors",
    "both": "latent points, substructures and descriptors",
}


class _FitCounter:
    """Tells the progress of a comparison after each of its fits."""

    def __init__(self, progress: Progress, before: int, of: int) -> None:
        """Take the number of properties that were compared before, and of all."""
        self._progress, self._done, self._total = progress, before * MOST_FITS, of * MOST_FITS
        self._most = self._done + MOST_FITS - 1
        progress("compare predictors", self._done, self._total)

    def __call__(self) -> None:
        self._done = min(self._done + 1, self._most)
        self._progress("compare predictors", self._done, self._total)


def fit_measured(
    checkpoint: Checkpoint,
    start: Checkpoint | None,
    splits: dict[str, TokenDataset],
    names: Sequence[str],
    measured: Sequence[str],
    figures: list[dict[str, Any]],
    folder: Path,
    seed: int,
    progress: Progress,
) -> tuple[list[dict[str, Any]], list[str]]:
    """Fit predictors of measured properties, choose a representation for each, check them by nested folds and save them.

    A property with too few labels for cross-validation is left as it is.

    Args:
        checkpoint: The trained model.
        start: The model before fine-tuning, if it was not trained on these properties. Labels that the encoder was trained on (a
            condition with `property_weight`) are told by the latent points of their molecules; the comparison is then made with the
            points of `start`, or without one on the held-out molecules.
        splits: The dataset's molecules in the checkpoint's ids.
        names: The columns of the splits' properties.
        measured: Those of `names` that are measured.
        figures: The figures of the latent predictors, whose file lies in `folder`.
        folder: The model's folder.
        seed: Decides which molecules are taken and how chance divides them.
        progress: Is told of each property.

    Returns:
        The figures with those of the measured properties brought up to date, and warnings.
    """
    kept: list[MeasuredPredictor] = []
    warnings: list[str] = []
    by_name = {f["property"]: f for f in figures}
    latent = dict(StoredPredictors(folder / "predictors.safetensors"))
    for done, name in enumerate(measured):
        counter = _FitCounter(progress, done, len(measured))
        labelled, rows, is_train = _collect_labels(checkpoint, splits, names.index(name), seed)
        n, predictor = len(labelled.y), latent.get(name)
        if classes := find_classes(labelled.labels):
            made = fit_classes(name, labelled, classes, predictor, seed)
            if made is not None:
                kept.append(made.predictor)
                by_name[name] = made.figures
                warnings += warn_about_labels(name, n, nested=made.predictor.compared["nested"])
            else:
                warnings.append(_tell_too_few(name, n, n))
            continue
        taught = name in checkpoint.conditions and checkpoint.model.config.property_weight > 0
        blind = start if taught else checkpoint
        points = unseen = None
        note = ""
        if predictor is None:
            note = "; there is no predictor on latent points"
        elif blind is not None:
            points = _encode(blind, rows)
            note = "; latent points of the model before it saw the labels" if taught else ""
        elif int((~is_train).sum()) >= FEWEST_HELD_OUT and int(is_train.sum()) >= FEWEST:
            unseen = predict_held_out(labelled, is_train, _encode(checkpoint, rows), predictor)
        else:
            note = "; latent points not compared: few molecules are held out, and the encoder was trained on the others' labels"
        found = compare(labelled, points, unseen, seed, counter)
        if found is None:
            if n >= FEWEST:
                warnings.append(_tell_too_few(name, n, int(labelled.labels.is_exact.sum())))
            continue
        if predictor is not None and "latent" in found.choice.scales:
            scale = found.choice.scales["latent"]
            if points is not None and not taught:  # no label is in the points, so that all may be learned from
                predictor = latent[name] = fit_predictor(points, labelled.labels)
                predictor.scale = scale
            elif unseen is not None:
                predictor.scale *= scale
            elif by_name[name]["n_test"] < FEWEST:  # too few were left to scale it on
                predictor.scale = scale
        process = fit_process(labelled.select_inputs(found.choice.process), labelled.labels)
        process.scale = found.choice.scales[found.choice.process]
        card = found.card | {"by": found.card["by"] + note}
        kept.append(MeasuredPredictor(name, found.choice.chosen, process, predictor, card))
        known = torch.isfinite(found.checked.mean) & labelled.labels.is_exact
        mean, std = found.checked.mean[known], found.checked.std[known]
        checked = compute_figures(METHODS[found.choice.chosen], n, labelled.y[known], mean, std)
        by_name[name] = {"property": name, **asdict(checked), "checked_by": card["by"], "compared": card}
        warnings += warn_about_labels(name, n, nested=card["nested"])
    if kept:
        save_measured(kept, folder / FILE)
        save_predictors(latent, folder / "predictors.safetensors")
    if measured:
        progress("compare predictors", len(measured) * MOST_FITS, len(measured) * MOST_FITS)
    return [by_name[f["property"]] for f in figures], warnings


def _tell_too_few(name: str, n: int, exact: int) -> str:
    bounds = "" if exact == n else f", {exact} of them with an exact value"
    return f"{name} was measured for {n} molecules{bounds}, which are too few to cross-validate a predictor"


def warn_about_labels(name: str, n: int, *, nested: bool) -> list[str]:
    """Say what n labels are too few for."""
    warnings = []
    if n < USEFUL_LABELS:
        warnings.append(
            f"{name} was measured for {n} molecules; below about {USEFUL_LABELS} a predictor is little better than a guess: spend "
            "the next measurements on molecules that are unlike each other"
        )
    if not nested:
        warnings.append(
            f"{name}: {n} labels are too few for nested cross-validation, so the predictor was chosen and calibrated on the molecules "
            "that it was checked on, and its figures flatter it"
        )
    return warnings


def _encode(checkpoint: Checkpoint, rows: Sequence[TokenDataset]) -> Tensor:
    """Return the latent means (n, D) of the molecules."""
    return torch.cat([checkpoint.encode_dataset(data).mu for data in rows if len(data)])


def _collect_labels(
    checkpoint: Checkpoint, splits: dict[str, TokenDataset], column: int, seed: int
) -> tuple[Labelled, list[TokenDataset], Tensor]:
    """Collect the measured molecules of all splits, FITTED_MOLECULES at most; also by split, and which are of training (n,)."""
    random = np.random.default_rng(seed)
    known = {
        split: np.isfinite(splits[split].values()[:, column])
        | np.isfinite(splits[split].bounds()[:, column]).any(axis=1)
        for split in ("train", "validation", "test")
    }
    held_out = int(known["validation"].sum() + known["test"].sum())
    # a part is left for held-out molecules, which alone tell of an encoder that was trained on the labels
    most, rows = FITTED_MOLECULES - min(held_out, FITTED_MOLECULES // 5), []
    for split, measured in known.items():
        rows.append(splits[split].select(np.sort(random.permutation(np.flatnonzero(measured))[:most])))
        most = FITTED_MOLECULES - sum(map(len, rows))
    vocabulary = checkpoint.vocabulary
    with rdBase.BlockLogs():
        smiles = [
            Chem.CanonSmiles(vocabulary.to_smiles(vocabulary.decode(data[i][0].tolist())))
            for data in rows
            for i in range(len(data))
        ]
    labels = [read_labels(data, column) for data in rows]
    parts = zip(*((part.y, part.lower, part.upper, part.spread) for part in labels), strict=True)
    y, lower, upper, spread = (torch.cat(list(part)) for part in parts)
    return Labelled(smiles, Labels(y, lower, upper, spread)), rows, torch.arange(len(y)) < len(rows[0])
