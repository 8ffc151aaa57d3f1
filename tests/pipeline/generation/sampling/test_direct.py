"""Sampling: the same seed gives the same molecules, it stops where nothing new comes, and each candidate is parsed once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from rdkit import Chem

import pipeline as mg
from chem_vae.checkpoint import Checkpoint
from chem_vae.threads import use_one_thread
from pipeline.chemistry.filters.structure_filters import name_first_unusual
from pipeline.generation.config import GenerateConfig
from pipeline.generation.sampling import batch_drawer
from pipeline.generation.sampling.batch import DrawJob
from pipeline.generation.sampling.budget import Budget
from pipeline.models.trained_model import TrainedModel
from pipeline.models.training_set.kept_molecules import read_kept_smiles
from pipeline.objectives.config import Objective
from pipeline.objectives.constraints import Constraints
from pipeline.objectives.resolve import resolve
from pipeline.workspace.progress.found_molecules import FoundMolecule, hear_molecules


def test_sampling_stops_where_nothing_new_comes(model: TrainedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Checkpoint, "decode", lambda self, z, *a, **k: ["[C][C][O]", "[C][C][N]"] * (len(z) // 2))
    found = mg.generate(model, n=50, samples=1000, batch_size=10)
    assert found.counts["requested"] == found.samples == 60  # the first batch brings two, five more bring none
    assert (found.counts["valid"], found.counts["unique"]) == (60, 2)
    assert any("stopped after 60 of 1,000" in w and "2 found before" in w for w in found.warnings)
    assert not any("ask for more" in w for w in found.warnings)


def test_the_same_seed_gives_the_same_molecules(model: TrainedModel) -> None:
    a, b, c = (
        mg.generate(model, target={"logp": 2.0}, n=5, samples=60, seed=s).molecules["smiles"].tolist()
        for s in (1, 1, 2)
    )
    assert a == b
    assert a != c


def test_a_candidate_is_parsed_once(model: TrainedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed, read = [0], Chem.MolFromSmiles

    def count(*given: Any, **options: Any) -> Any:
        parsed[0] += options.get("sanitize", True)  # training molecules are read without sanitization
        return read(*given, **options)

    monkeypatch.setattr(Chem, "MolFromSmiles", count)
    found = mg.generate(model, target={"logp": 2.0}, n=20, samples=100, seed=1)
    assert len(found.candidates) and set(found.candidates) >= {"alerts", "scaffold", "logp_computed", "mw_computed"}
    # Validation reads each decoded string twice, until its canonical form is a fixed point; nothing reads it again. What is usual
    # is learned from the molecules kept with the model, and the atoms of what is unusual are those of the SMILES as written.
    others = len(read_kept_smiles(model)) + int((found.molecules["unusual"].fillna("") != "").sum())
    assert parsed[0] - others < 2.5 * found.canonical.of


def test_the_best_molecules_are_told_while_it_goes_on(model: TrainedModel) -> None:
    heard: list[Sequence[FoundMolecule]] = []
    with hear_molecules(heard.append):
        found = mg.generate(model, target={"logp": 2.0}, n=5, samples=120, batch_size=30, seed=1)
    assert len(heard) > 1
    rows = found.molecules.set_index("smiles")
    told = heard[-1]
    assert told and {m.smiles for m in told} <= set(rows.index)
    assert rows.loc[[m.smiles for m in told], "score"].is_monotonic_decreasing
    assert told[0].values == {"logp": pytest.approx(rows.loc[told[0].smiles, "logp_computed"])}
    assert all(rows.loc[m.smiles, "novel"] for m in told), "what is known already is not shown as found"


def test_processes_of_their_own_draw_the_same_molecules(model: TrainedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def draw() -> tuple[list[str], dict[str, int]]:
        with use_one_thread():  # as in the processes: another order of sums may change a symbol
            found = mg.generate(model, target={"logp": 2.0}, n=5, samples=120, batch_size=40, seed=1)
        return found.molecules["smiles"].tolist(), found.counts

    alone = draw()
    monkeypatch.setattr(batch_drawer, "PARALLEL_FROM", 100)
    monkeypatch.setattr(batch_drawer, "count_cores", lambda: 2)
    monkeypatch.setattr(batch_drawer.BatchDrawer, "draw", None)  # this process draws none
    assert draw() == alone


@pytest.mark.parametrize("usual", [None, frozenset[str]()])
def test_a_batch_tells_what_is_unusual_where_it_is_asked(model: TrainedModel, usual: frozenset[str] | None) -> None:
    near, _ = resolve({"logp": Objective(target=2.0, tolerance=1.0)}, model.properties)
    latent, conditions = model.checkpoint.model.latent_size, len(model.checkpoint.conditions)
    none = np.full((60, conditions), np.nan, dtype=np.float32)
    job = DrawJob(0, np.full((60, latent), np.nan, dtype=np.float32), none)
    config = GenerateConfig(seed=2, temperature=2.0)
    batch = batch_drawer.BatchDrawer(model, near, config, usual, near).draw(job)
    told = [
        name_first_unusual(molecule.mol) if molecule and abs(value - 2.0) <= 1.0 and usual is not None else None
        for molecule, value in zip(batch.molecules, batch.values["logp"], strict=True)
    ]
    assert batch.unusual == told
    assert any(told) == (usual is not None)


def test_no_more_is_drawn_than_needed() -> None:
    budget = Budget(GenerateConfig(n=10_000), [], Constraints([]))
    assert budget.granted == 12_000
    budget.found = 8_400
    budget.extend(12_000)
    assert 12_000 + 1_600 / 0.7 < budget.granted < 14_500
