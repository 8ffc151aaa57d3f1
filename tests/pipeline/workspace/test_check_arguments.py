"""Numbers out of range and what is no list of texts are refused before any work, in Python too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import pipeline as mg
from chem_vae.config import MOST_SEED
from chem_vae.errors import UserError
from pipeline.explore.inputs import read_smiles
from pipeline.explore.prediction import predict_file
from pipeline.explore.unusual import find_unusual
from pipeline.models.trained_model import TrainedModel
from pipeline.workspace.check_arguments import check_count, check_number, check_seed, list_names

NAN, ENDLESS = float("nan"), float("inf")
A: Any = "CCO"


def test_counts_and_seeds_have_their_ranges() -> None:
    check_count("n", 1)
    check_count("n", 0, least=0)
    check_count("n", None)
    check_seed(0)
    check_seed(MOST_SEED)
    with pytest.raises(UserError, match="^n is -1,000: it must be 1 or more$"):
        check_count("n", -1000)
    check_count("n", np.int64(3))  # type: ignore[arg-type]
    for wrong in (2.0, True, "3", NAN):
        with pytest.raises(UserError, match="it must be a whole number, 1 or more$"):
            check_count("n", wrong)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="^steps is 2,000: it must be from 2 to 1,000$"):
        check_count("steps", 2000, 2, 1000)
    for seed in (-1, MOST_SEED + 1, 0.5, None):
        with pytest.raises(UserError, match="it must be from 0 to"):
            check_seed(seed)  # type: ignore[arg-type]
    check_number("temperature", 0, 0)
    check_number("guidance", -1.5)
    for number in (-0.1, NAN, ENDLESS, "1", None):
        with pytest.raises(UserError, match="^temperature is .*: it must be 0 or more, and finite$"):
            check_number("temperature", number, 0)  # type: ignore[arg-type]


def test_one_text_is_one_item_of_a_list() -> None:
    assert list_names("properties", "logp") == list_names("properties", ["logp"]) == ("logp",)
    assert (
        list_names("properties", pd.Series(["a", "b"])) == list_names("properties", np.array(["a", "b"])) == ("a", "b")
    )
    for wrong in ({"logp": 1}, b"logp", 5, None):
        with pytest.raises(UserError, match="properties takes one text or a list of them, not a value of type"):
            list_names("properties", wrong)
    with pytest.raises(UserError, match="5 is no text"):
        list_names("properties", ["logp", 5])


@pytest.mark.parametrize(
    "ask",
    [
        lambda m: read_smiles(["CCO", "CCN"], limit=-1),
        lambda m: read_smiles(["CCO"], limit=0),
        lambda m: list(find_unusual(["CCO", "CCN"], limit=-1)),
        lambda m: predict_file(m, "no.csv", limit=0, progress=mg.silent),
        lambda m: mg.neighbors(m, A, k=0),
        lambda m: mg.neighbors(m, A, among=-1),
        lambda m: mg.neighbors(m, A, seed=-1),
        lambda m: mg.analogues(m, A, reach=NAN),
        lambda m: mg.analogues(m, A, reach=ENDLESS),
        lambda m: mg.analogues(m, A, temperature=-1.0),
        lambda m: mg.analogues(m, A, temperature=NAN),
        lambda m: mg.analogues(m, A, seed=-1),
        lambda m: mg.traverse(m, A, reach=NAN),
        lambda m: mg.latent_map(m, most=-5),
        lambda m: mg.latent_map(m, seed=-1),
        lambda m: mg.robustness(m, n=0),
        lambda m: mg.robustness(m, [A], seed=-1),
        lambda m: mg.calibration(m, n=-5),
        lambda m: mg.calibration(m, seed=-1),
        lambda m: mg.disentangle(m, most=-1),
        lambda m: mg.disentangle(m, seed=-1),
    ],
)
def test_numbers_out_of_range_are_refused(model: TrainedModel, ask: Callable[[TrainedModel], object]) -> None:
    with pytest.raises(UserError, match="must be"):
        ask(model)
