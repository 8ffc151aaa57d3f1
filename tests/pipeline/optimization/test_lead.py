"""Lead optimization: what is found is like the start, and scores are compared with the start's own."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rdkit import Chem

from chem_vae.errors import UserError
from pipeline.chemistry.fingerprints import ECFP4_2048, tanimoto
from pipeline.chemistry.properties import get_property
from pipeline.datasets.dataset import Dataset
from pipeline.models.trained_model import TrainedModel
from pipeline.objectives.config import Constraint
from pipeline.optimization.lead import improve
from tests.pipeline.oracles.example_oracles import read_log


@pytest.fixture(scope="module")
def start(dataset: Dataset) -> str:
    smiles: str = dataset.table(["smiles"], split="test")["smiles"].iloc[0]
    return smiles


def _tanimoto(a: str, b: str) -> float:
    return tanimoto(*(ECFP4_2048.bits(Chem.MolFromSmiles(s)) for s in (a, b)))


def test_every_analogue_is_like_the_start_and_within_the_budget(
    model: TrainedModel, start: str, tmp_path: Path
) -> None:
    lead = improve(model, start, "qed", similarity=0.5, calls=25, folder=tmp_path, strategy="genetic", seed=3)
    qed = get_property("qed")
    assert len(lead.found.calls) <= 25 and len(lead.analogues) >= 5
    assert lead.start not in set(lead.analogues["smiles"])
    assert lead.start_score == pytest.approx(qed(Chem.MolFromSmiles(start)))
    for smiles, similarity, score in lead.analogues[["smiles", "similarity", "score"]].itertuples(index=False):
        assert similarity == pytest.approx(_tanimoto(start, smiles)) and similarity >= 0.5
        assert score == pytest.approx(qed(Chem.MolFromSmiles(smiles)))
    assert lead.analogues["score"].is_monotonic_decreasing
    assert lead.improvement == pytest.approx(max(0.0, lead.analogues["score"].iloc[0] - lead.start_score))
    assert len(read_log(tmp_path / "oracle.sqlite")) >= len(lead.found.calls)


def test_nothing_better_is_no_improvement(model: TrainedModel, start: str) -> None:
    best = Chem.MolToSmiles(Chem.MolFromSmiles(start))
    lead = improve(model, start, "score", calls=12, oracle=lambda smiles: [float(s == best) for s in smiles])
    assert (lead.start_score, lead.improvement, lead.best) == (1.0, 0.0, lead.start)


def test_a_start_without_a_score_has_no_improvement(model: TrainedModel, start: str) -> None:
    best = Chem.MolToSmiles(Chem.MolFromSmiles(start))
    lead = improve(model, start, "score", calls=12, oracle=lambda smiles: [None if s == best else 1.0 for s in smiles])
    assert math.isnan(lead.start_score) and math.isnan(lead.improvement)
    assert (lead.analogues["score"] == 1.0).all() and len(lead.analogues)


def test_constraints_are_added_to_the_similarity(model: TrainedModel, start: str) -> None:
    heavy = Chem.MolFromSmiles(start).GetNumHeavyAtoms()
    size = Constraint(property="heavy_atoms", at_most=heavy)
    lead = improve(model, start, "logp", similarity=0.4, calls=12, constraints=(size,), strategy="genetic")
    assert len(lead.analogues)
    assert all(Chem.MolFromSmiles(s).GetNumHeavyAtoms() <= heavy for s in lead.analogues["smiles"])
    assert (lead.analogues["similarity"] >= 0.4).all()


def test_what_is_no_molecule_is_said(model: TrainedModel) -> None:
    with pytest.raises(UserError, match="C1CC"):
        improve(model, "C1CC", "qed", calls=10)


def test_the_start_is_one_smiles_and_the_model_may_be_a_name(
    model: TrainedModel, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrongs: tuple[Any, ...] = (b"CCO", ["CCO"], Chem.MolFromSmiles("CCO"), pd.DataFrame({"smiles": ["CCO"]}))
    for wrong in wrongs:
        with pytest.raises(UserError, match=f"the start is one SMILES, not a value of type {type(wrong).__name__}"):
            improve(model, wrong)
    monkeypatch.setenv("CHEM_VAE_WORKSPACE", str(workspace))
    with pytest.raises(UserError, match="the start 'C1CC' cannot be used"):
        improve(model.folder.name, "C1CC")
