"""Molecules given to a function of the library: a text, a list, a column or a whole DataFrame; all else is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem

import pipeline as mg
from chem_vae.errors import UserError
from pipeline.datasets.layout.given_molecules import find_smiles_column, list_given
from pipeline.models.trained_model import TrainedModel

ASKS: tuple[Callable[[TrainedModel, Any], Any], ...] = (
    lambda m, given: mg.predict(m, given, quiet=True)["reason"],
    lambda m, given: mg.reconstruct(m, given)["reason"],
    lambda m, given: mg.anomaly(m, given)["reason"],
    lambda m, given: mg.latent_map(m, smiles=given).frame.query("kind == 'own'")["reason"],
    lambda m, given: mg.unusual(given)["reason"],
    lambda m, given: m.encode(given),
    lambda m, given: m.predict(given)["assay"].mean,
)


@pytest.mark.parametrize("ask", ASKS)
def test_every_function_takes_all_rows_of_a_table_and_refuses_what_is_no_list(
    model: TrainedModel, sample_smiles: list[str], ask: Callable[[TrainedModel, Any], Any]
) -> None:
    table = pd.DataFrame({"id": range(3), "SMILES": sample_smiles[:3]}, index=["a", "b", "c"])
    assert len(ask(model, table)) == len(ask(model, table["SMILES"])) == len(ask(model, sample_smiles[:3])) == 3
    assert not any(isinstance(reason, str) and reason for reason in ask(model, table))
    for wrong in ({"C": 1}, b"CCO", bytearray(b"CCO"), np.array("CCO"), 5, None, Chem.MolFromSmiles("CCO")):
        with pytest.raises(UserError, match=f"not a value of type {type(wrong).__name__}"):
            ask(model, wrong)


def test_the_rows_of_a_table_are_reconstructed_with_parts_hidden(model: TrainedModel, sample_smiles: list[str]) -> None:
    table = pd.DataFrame({"SMILES": sample_smiles[:3], "id": range(3)})
    assert mg.robustness(model, table, shares=[0.0])["of"].tolist() == [3]


def test_one_molecule_of_rdkit_is_no_list(model: TrainedModel) -> None:
    mol: Any = Chem.MolFromSmiles("CCO")
    assert list_given("CCO") == ["CCO"] and list_given(s for s in ("C", "N")) == ["C", "N"]
    with pytest.raises(UserError, match="type Mol; Chem.MolToSmiles"):
        mg.robustness(model, mol)
    with pytest.raises(UserError, match="molecule of RDKit, not a SMILES"):
        mg.neighbors(model, mol)


def test_the_column_of_a_table_is_found_by_its_name() -> None:
    with pytest.raises(UserError, match="it has a, b"):
        find_smiles_column(pd.DataFrame({"a": [1], "b": [2]}))
    table = pd.DataFrame({"id": [1], "Canonical_SMILES": ["C"], 7: ["N"]})
    assert find_smiles_column(table) == find_smiles_column(table, "canonical_smiles") == "Canonical_SMILES"
    assert find_smiles_column(table, 7) == 7 and list_given(table, 7) == ["N"]
    with pytest.raises(UserError, match="unknown column '1'"):
        find_smiles_column(table, 1)


def test_two_columns_of_one_name_are_no_column(model: TrainedModel) -> None:
    table = pd.DataFrame([["CCO", "CCN", 1]], columns=["smiles", "smiles", "id"])
    with pytest.raises(UserError, match="several columns named 'smiles', the SMILES column; rename"):
        mg.predict(model, table, quiet=True)
    told = mg.predict(model, table.set_axis(["smiles", "id", "id"], axis=1), quiet=True)
    assert len(told) == 1 and list(told.columns[:3]) == ["smiles (file)", "id", "id"], "others may share a name"
