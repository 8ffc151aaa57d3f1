"""The file of a model's predictors, without pickle."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor

from chem_vae.atomic_files import parse_json
from chem_vae.checkpoint import write_safetensors
from chem_vae.errors import CheckpointError
from chem_vae.predictors import PropertyPredictor
from chem_vae.predictors.gaussian_process import GaussianProcess
from chem_vae.predictors.mlp_ensemble import MLPEnsemble
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


class StoredPredictors(Mapping[str, PropertyPredictor]):
    """The predictors of a file by property; each is built, which loads BoTorch and takes a second, when it is first asked for.

    Args:
        path: The file that `save_predictors` wrote.
        latent_size: Each predictor must predict a finite value at a point of so many dimensions; None: that is not tried.

    Raises:
        CheckpointError: The file is missing or damaged; or, when it is asked for, a predictor is.
    """

    def __init__(self, path: Path, latent_size: int | None = None) -> None:
        self._path, self._latent_size = path, latent_size
        tensors, strings = read_tensors(path, may_be_infinite=("lower_bound", "upper_bound"))  # of the GP's constraints
        self._stored: dict[str, tuple[str, float, dict[str, Tensor]]] = {}
        self._built: dict[str, PropertyPredictor] = {}
        try:
            for i, entry in enumerate(parse_json(strings["predictors"])):
                own = {k.split("/", 1)[1]: v for k, v in tensors.items() if k.startswith(f"{i}/")}
                if (method := entry["method"]) not in PREDICTORS:
                    raise ValueError(f"there is no kind of predictor called {method}")
                self._stored[str(entry["property"])] = method, float(entry["scale"]), own
        except Exception as error:  # an index may hold anything
            raise self._explain(error) from error

    def __getitem__(self, name: str) -> PropertyPredictor:
        if name not in self._built:
            method, scale, tensors = self._stored[name]
            try:
                predictor = PREDICTORS[method].from_tensors(tensors)
            except (
                Exception
            ) as error:  # as BoTorch and torch may have it, where the shapes are not those of a predictor
                raise self._explain(error) from error
            predictor.scale = scale
            if self._latent_size is not None and not _predicts(predictor, self._latent_size):
                raise CheckpointError(
                    f"the model {self._path.parent} is damaged: its predictor of {name} predicts nothing"
                )
            self._built[name] = predictor
        return self._built[name]

    def __contains__(self, name: object) -> bool:
        return name in self._stored  # without building it, as Mapping would

    def __iter__(self) -> Iterator[str]:
        return iter(self._stored)

    def __len__(self) -> int:
        return len(self._stored)

    def _explain(self, error: Exception) -> CheckpointError:
        reason = " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__
        return CheckpointError(f"the predictors {self._path} are damaged: {reason}")


def _predicts(predictor: PropertyPredictor, latent_size: int) -> bool:
    """Say whether a predictor predicts a finite value at the origin."""
    try:
        with torch.no_grad():
            mean, std = predictor.predict(torch.zeros(1, latent_size))
        return bool(torch.isfinite(mean).all() and torch.isfinite(std).all())
    except Exception:  # as torch and BoTorch may have it, where shapes do not fit
        return False
