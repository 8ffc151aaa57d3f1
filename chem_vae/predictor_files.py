"""The file of a model's predictors, without pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from chem_vae.atomic_files import parse_json
from chem_vae.checkpoint import write_safetensors
from chem_vae.errors import CheckpointError
from chem_vae.gaussian_process import GaussianProcess
from chem_vae.mlp_ensemble import MLPEnsemble
from chem_vae.predictors import PropertyPredictor
from chem_vae.tensor_files import read_tensors

PREDICTORS: dict[str, type[PropertyPredictor]] = {p.method: p for p in (GaussianProcess, MLPEnsemble)}


def save_predictors(predictors: Mapping[str, PropertyPredictor], path: Path) -> None:
    """Write all predictors of a model, by the names of their properties, to one safetensors file."""
    tensors: dict[str, Tensor] = {}
    index = []
    for i, (name, predictor) in enumerate(predictors.items()):
        index.append({"property": name, "method": predictor.method, "scale": predictor.scale})
        tensors |= {f"{i}/{k}": v.detach().clone().contiguous() for k, v in predictor.tensors().items()}
    write_safetensors(tensors or {"none": torch.zeros(1)}, path, {"predictors": json.dumps(index)})


def load_predictors(path: Path) -> dict[str, PropertyPredictor]:
    """Load the predictors that `save_predictors` wrote.

    Raises:
        CheckpointError: If the file is missing or damaged.
    """
    tensors, strings = read_tensors(path, may_be_infinite=("lower_bound", "upper_bound"))  # of the GP's constraints
    try:
        index = parse_json(strings["predictors"])
        loaded = {}
        for i, entry in enumerate(index):
            own = {k.split("/", 1)[1]: v for k, v in tensors.items() if k.startswith(f"{i}/")}
            predictor = PREDICTORS[entry["method"]].from_tensors(own)
            predictor.scale = float(entry["scale"])
            loaded[str(entry["property"])] = predictor
        return loaded
    except Exception as error:  # as BoTorch and torch may have it, where the shapes are not those of a predictor
        reason = " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__
        raise CheckpointError(f"the predictors {path} are damaged: {reason}") from error
