"""Interpolation: a path begins and ends with the given molecules."""

from __future__ import annotations

import pytest
from rdkit import Chem

import pipeline as mg
from chem_vae.errors import UserError
from pipeline.models.trained_model import TrainedModel


def test_interpolation_begins_and_ends_with_the_molecules(model: TrainedModel, sample_smiles: list[str]) -> None:
    a, b = (Chem.CanonSmiles(s) for s in (sample_smiles[0], sample_smiles[7]))
    frame = mg.interpolate(model, a, b, steps=7)
    assert frame["step"].tolist() == list(range(7)) and frame["t"].tolist()[::6] == [0.0, 1.0]
    assert frame["smiles"].iloc[0] == a and frame["smiles"].iloc[-1] == b
    assert frame["similarity_to_start"].iloc[0] == 1.0 and frame["similarity_to_end"].iloc[-1] == 1.0
    assert frame["basis"].tolist() == ["given", *["decoded"] * 5, "given"]
    known = frame["smiles"].notna()
    assert frame.loc[known, ["logp_computed", "mw_computed"]].notna().all(axis=None)
    assert "assay_computed" not in frame
    steps = mg.interpolate(model, a, b, steps=25, distinct=True)
    assert (steps["smiles"].iloc[1:].to_numpy() != steps["smiles"].iloc[:-1].to_numpy()).all()
    assert len(mg.interpolate(model, a, a, steps=5, distinct=True)) <= 4
    assert len(model.interpolate(a, b, steps=4)) == 4
    assert mg.interpolate(model, a, b, steps=3, measure="normal")["step"].tolist() == [0, 1, 2]
    assert mg.interpolate(model, a, b, steps=3, measure="straight")["smiles"].iloc[-1] == b
    for steps_wanted in (1, 10**8):
        with pytest.raises(UserError, match="it must be from 2 to 10,000"):
            mg.interpolate(model, a, b, steps=steps_wanted)
    with pytest.raises(UserError, match="unknown measure"):
        mg.interpolate(model, a, b, measure="curved")
