"""Reconstruction: every molecule is accounted for, also with symbols hidden."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import pipeline as mg
from chem_vae.errors import UserError
from pipeline.explore.reconstruction import robustness_figure
from pipeline.models.trained_model import TrainedModel
from pipeline.workspace.presentation.plot_style import save_figure

FERROCENE = "[Fe+2].c1cc[cH-]c1.c1cc[cH-]c1"


def test_reconstruction_accounts_for_every_molecule(model: TrainedModel, sample_smiles: list[str]) -> None:
    given = [sample_smiles[0], "C[Se]C", "nonsense", sample_smiles[14], FERROCENE]
    frame = mg.reconstruct(model, given)
    assert frame["input"].tolist() == given
    assert frame["exact"].isna().tolist() == [False, True, True, False, True]
    assert "[Se]" in frame["reason"][1] and frame["reason"][2] and frame["reason"][4]
    assert frame.attrs["exact"].of == 2 and frame.attrs["exact"].count == sum(frame["exact"].dropna())
    exact = frame["exact"].eq(True)
    assert (frame.loc[exact, "similarity"] == 1).all()


def test_robustness_falls_as_more_is_hidden(model: TrainedModel, sample_smiles: list[str], tmp_path: Path) -> None:
    frame = mg.robustness(model, sample_smiles[:140:7], shares=(0.0, 0.3, 1.0))
    assert frame["of"].tolist() == [20] * 3 and frame["masked"].tolist() == [0.0, 0.3, 1.0]
    assert frame["exact_share"].between(0, 1).all()
    assert frame["exact"].iloc[0] == mg.reconstruct(model, sample_smiles[:140:7]).attrs["exact"].count
    assert frame["similarity"].iloc[0] >= frame["similarity"].iloc[2]
    held_out = mg.robustness(model, shares=(0.1,), n=15)
    assert held_out["of"].tolist() == [15] and "test molecules" in held_out.attrs["origin"]
    assert held_out.equals(mg.robustness(model, shares=(0.1,), n=15))
    assert save_figure(robustness_figure(frame), tmp_path / "r.svg").read_text().startswith("<?xml")
    with pytest.raises(UserError, match="none of the 1 molecule "):
        mg.robustness(model, ["C[Se]C"])
    with pytest.raises(UserError, match="between 0 and 1"):
        mg.robustness(model, shares=(10.0,))
    with pytest.raises(UserError, match="and there is one at least"):
        mg.robustness(model, shares=())
    assert mg.robustness(model, sample_smiles[:3], shares=0.1)["masked"].tolist() == [0.1]


def test_robustness_says_what_is_left_out(model: TrainedModel, sample_smiles: list[str]) -> None:
    a, b = sample_smiles[0], sample_smiles[7]
    given: list[Any] = [a, "C[Se]C", a + ".Cl", b, None, a]
    frame = mg.robustness(model, given, shares=(0.0,))
    assert frame["of"].tolist() == [2] and frame["by_chance"].iloc[0] < 1
    left_out = frame.attrs["left_out"]
    assert [(number, text) for number, text, _ in left_out] == [(2, "C[Se]C"), (3, a + ".Cl"), (5, ""), (6, a)]
    reasons = [reason for _, _, reason in left_out]
    assert (
        "[Se]" in reasons[0] and reasons[1] == reasons[3] == "the same molecule as number 1" and "empty" in reasons[2]
    )
    assert mg.robustness(model, [a, b], shares=(0.0,)).attrs["left_out"] == []
    with pytest.raises(UserError, match="there is no molecule"):
        mg.robustness(model, [])


def test_a_missing_cell_does_not_stop_the_others(model: TrainedModel) -> None:
    given: list[Any] = ["CCO", None, float("nan")]
    frame = mg.reconstruct(model, given)
    assert frame["exact"].isna().tolist() == [False, True, True] and frame.attrs["exact"].of == 1
    assert frame["reason"].tolist()[1:] == ["no SMILES: the cell is empty"] * 2
    assert mg.reconstruct(model, []).empty
