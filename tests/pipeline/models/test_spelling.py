"""SMILES as SELFIES strings that a model can encode, or the reason why not."""

from __future__ import annotations

import pytest

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
