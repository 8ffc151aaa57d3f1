"""Numbers out of range and what is no list of SMILES are refused before any work, in Python too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rdkit import Chem

import pipeline as mg
from chem_vae.config import MOST_SEED
from chem_vae.errors import UserError
from pipeline.explore.check_arguments import check_count, check_seed, list_given
from pipeline.explore.inputs import read_smiles
from pipeline.explore.prediction import predict_file
from pipeline.explore.unusual import find_unusual
from pipeline.models.trained_model import TrainedModel

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
    for seed in (-1, MOST_SEED + 1):
        with pytest.raises(UserError, match="it must be from 0 to"):
            check_seed(seed)


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


def test_one_molecule_of_rdkit_is_no_list(model: TrainedModel) -> None:
    mol: Any = Chem.MolFromSmiles("CCO")
    assert list_given("CCO") == ["CCO"] and list_given(s for s in ("C", "N")) == ["C", "N"]
    for ask in (mg.predict, mg.reconstruct, mg.anomaly, mg.robustness):
        with pytest.raises(UserError, match="type Mol; Chem.MolToSmiles"):
            ask(model, mol)
    with pytest.raises(UserError, match="type Mol"):
        mg.latent_map(model, smiles=mol)
    with pytest.raises(UserError, match="type Mol"):
        mg.unusual(mol)
    with pytest.raises(UserError, match="molecule of RDKit, not a SMILES"):
        mg.neighbors(model, mol)
