"""Neighbors: training molecules nearest first, and new analogues."""

from __future__ import annotations

import pytest
import torch
from rdkit import Chem

import pipeline as mg
from chem_vae.errors import UserError
from pipeline.chemistry.metrics import Share
from pipeline.chemistry.molecule import Molecule
from pipeline.chemistry.validate import Candidate
from pipeline.models.sampling import Draw
from pipeline.models.spelling import write_selfies
from pipeline.models.trained_model import TrainedModel


def test_neighbors_are_training_molecules_nearest_first(model: TrainedModel, alone: TrainedModel) -> None:
    dataset = model.dataset()
    assert dataset is not None
    training = dataset.table(["smiles"], split="train")["smiles"].tolist()
    frame = mg.neighbors(model, training[5], k=6)
    assert (
        frame["smiles"].iloc[0] == training[5] and frame["distance"].iloc[0] < 1e-4 and frame["similarity"].iloc[0] == 1
    )
    assert frame["distance"].is_monotonic_increasing and set(frame["smiles"]) <= set(training)
    assert {"assay", "logp", "mw"} <= set(frame.columns) and frame.attrs["searched"] == len(training)
    assert len(mg.neighbors(model, training[5], k=10_000)) == len(training)
    with pytest.raises(UserError, match="keeps no molecules"):
        mg.neighbors(alone, training[5])


def test_analogues_are_new_distinct_and_sorted(model: TrainedModel, sample_smiles: list[str]) -> None:
    given = Chem.CanonSmiles(sample_smiles[0])
    frame = mg.analogues(model, given, 8, seed=1)
    assert 1 <= len(frame) <= 8 and frame["rank"].tolist() == list(range(1, len(frame) + 1))
    assert frame["inchikey"].is_unique and given not in frame["smiles"].tolist()
    assert frame["distance"].is_monotonic_increasing and frame["distance"].iloc[0] > 0
    assert frame["similarity"].between(0, 1).all() and frame["logp_computed"].notna().all()
    assert frame.equals(mg.analogues(model, given, 8, seed=1))
    assert frame.attrs["decoded"] >= frame.attrs["valid"] >= frame.attrs["distinct"] >= len(frame)
    assert frame.attrs["distinct"] >= frame.attrs["canonical"]
    near = mg.analogues(model, given, 8, min_similarity=0.99, temperature=0.5)
    assert (near["similarity"] >= 0.99).all() and "logp_computed" in near


def test_analogues_spelled_canonically_go_first(
    model: TrainedModel, sample_smiles: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two of four molecules at one distance are taken: those whose strings are canonical, not those most like the given one."""
    canonical, odd = ["CCCCCCO", "CCCCCCN"], ["CCCCCCS", "CCCCCCCl"]
    spelled = {s: write_selfies(s, model.checkpoint.vocabulary) for s in canonical + odd}

    def drawn(checkpoint: object, z: torch.Tensor, **options: object) -> Draw:
        smiles = [*odd, *canonical]
        candidates = [Candidate(row, Molecule(s), "valid") for row, s in enumerate(smiles)]
        strings = [None if s in odd else spelled[s] for s in smiles]
        return Draw(candidates, ["[C]" if s is None else s for s in strings], [spelled[s] for s in smiles], Share(2, 4))

    monkeypatch.setattr("pipeline.explore.neighbors.draw", drawn)
    assert sorted(mg.analogues(model, sample_smiles[0], 2)["smiles"]) == sorted(canonical)
    frame = mg.analogues(model, sample_smiles[0], 3)
    assert len(frame) == 3 and set(canonical) < set(frame["smiles"])
    assert (frame.attrs["canonical"], frame.attrs["distinct"]) == (2, 4)
