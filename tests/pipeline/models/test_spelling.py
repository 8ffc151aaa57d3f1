"""SMILES as SELFIES strings that a model can encode, or the reason why not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem

from chem_vae.errors import UserError, VocabularyError
from pipeline.models.spelling import write_selfies
from pipeline.models.trained_model import TrainedModel


def test_write_selfies(model: TrainedModel) -> None:
    vocabulary = model.checkpoint.vocabulary
    assert write_selfies("CCO", vocabulary) == "[C][C][O]" != vocabulary.from_smiles("OCC")
    assert write_selfies(None, vocabulary) is None
    assert write_selfies("*C", vocabulary) is None


def test_a_spelling_is_the_standard_form_s(model: TrainedModel) -> None:
    done: list[tuple[int, int]] = []
    found, unknown, unreadable = model.spell(
        ["OCC.Cl", "C[Se]C", "C1CC"], lambda stage, at, total, figures=None: done.append((at, total))
    )
    assert (found.smiles, found.selfies, found.reason) == ("CCO", "[C][C][O]", "") and found.inchikey is not None
    assert found.require_selfies() == "[C][C][O]" and found.input == "OCC.Cl"
    assert unknown.selfies is None and unknown.readable and unknown.reason
    assert unreadable.smiles is None and not unreadable.readable
    assert done == [(0, 3), (3, 3)]
    with pytest.raises(UserError, match="cannot encode 'C1CC'"):
        unreadable.require_selfies()


def test_a_symbol_that_the_model_has_never_seen(model: TrainedModel) -> None:
    spelling = model.spell(["CB(O)O"])[0]
    assert spelling.smiles == "CB(O)O" and spelling.selfies is None and spelling.readable
    with pytest.raises(VocabularyError, match=r"never seen .*B"):
        spelling.require_selfies()


def test_the_message_about_such_a_symbol_says_what_to_do(model: TrainedModel) -> None:
    chiral, boron = model.spell(["C[C@H](N)c1ccccc1", "CB(O)O"])
    with pytest.raises(VocabularyError) as told:
        chiral.require_selfies()
    assert "leave out the stereo ('CC(N)c1ccccc1'), or take a model" in str(told.value)
    assert "--model druglike" in str(told.value), "which ships with the package and has seen stereo"
    with pytest.raises(VocabularyError, match="a model") as told:
        boron.require_selfies()
    assert "stereo" not in str(told.value)


def test_what_is_no_text_keeps_its_row_and_has_a_reason(model: TrainedModel) -> None:
    given: list[Any] = ["CCO", None, float("nan"), pd.NA, np.str_("CCN"), Chem.MolFromSmiles("CC"), 5, [1, 2]]
    found = model.spell(given)
    assert [s.smiles for s in found] == ["CCO", None, None, None, "CCN", None, None, None]
    assert [s.input for s in found[1:4]] == [""] * 3 and {s.reason for s in found[1:4]} == {
        "no SMILES: the cell is empty"
    }
    assert "Chem.MolToSmiles" in found[5].reason and "of type int" in found[6].reason and "list" in found[7].reason
    assert not any(s.readable for s in found if s.smiles is None)
