"""The benchmark around scaffolds: each of the twenty drugs holds what is kept of it, and the figures are of all that was asked."""

from __future__ import annotations

import pytest
from rdkit import Chem
from scaffolds import DRUGS, MODES, make_request, measure, summarize

from pipeline.chemistry.variation.scaffold_request import open_scaffold
from pipeline.models.trained_model import TrainedModel


@pytest.mark.parametrize("mode", MODES)
def test_each_drug_holds_what_is_kept_of_it(mode: str) -> None:
    assert len({drug.name for drug in DRUGS}) == 20
    for drug in DRUGS:
        scaffold = open_scaffold(make_request(drug, mode))
        assert scaffold.is_in(Chem.MolFromSmiles(drug.smiles)), drug.name
        assert (scaffold.parts == 2) == (mode == "linking") and bool(scaffold.points) == (mode != "superstructure")


def test_what_was_not_found_counts_as_failed(model: TrainedModel) -> None:
    row = measure(model, DRUGS[11], "decoration", n=8, samples=8, seed=0)
    assert 0 <= row["quality"] <= row["unique"] <= row["valid"] <= 1 and row["asked"] == 8
    short = {**row, "valid": 0.5, "unique": 0.25, "quality": 0.0}
    assert summarize([row, short])["decoration"]["valid"] == pytest.approx((row["valid"] + 0.5) / 2, abs=1e-4)
