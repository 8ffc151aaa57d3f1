"""Lets a function take a model by its name, show its progress, and return a table that draws its molecules."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

import pandas as pd

from pipeline.chemistry.output.molecule_table import MoleculeTable, find_structures
from pipeline.models.trained_model import TrainedModel, load_model
from pipeline.workspace.progress.bars import follow

P = ParamSpec("P")
R = TypeVar("R")


def by_name(
    function: Callable[Concatenate[TrainedModel, P], R],
) -> Callable[Concatenate[TrainedModel | str | Path, P], R]:
    """Make a function of a model take the model's name too, as `load_model` does.

    Where the function tells its progress and nobody listens, the progress is shown (`progress=mg.silent`: it is not). A table of
    molecules becomes a `MoleculeTable`.
    """
    tells = "progress" in inspect.signature(function).parameters
    place = list(inspect.signature(function).parameters).index("progress") if tells else 0

    @functools.wraps(function)
    def call(model: TrainedModel | str | Path, *args: P.args, **kwargs: P.kwargs) -> R:
        opened = load_model(model)
        if not tells or "progress" in kwargs or len(args) >= place:
            found = function(opened, *args, **kwargs)
        else:
            with follow(None) as progress:
                options: dict[str, Any] = {**kwargs, "progress": progress}
                found = function(opened, *args, **options)
        return cast("R", _draw(found))

    return cast("Callable[Concatenate[TrainedModel | str | Path, P], R]", call)


def _draw(found: Any) -> Any:
    """Turn a table of molecules into one that draws them; anything else stays as it is."""
    if type(found) is not pd.DataFrame or find_structures(found) is None:
        return found
    table = MoleculeTable(found)
    table.attrs = found.attrs
    return table
