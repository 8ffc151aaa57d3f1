"""Candidates that are worth measuring: in the domain, new, and explained where there are few."""

from __future__ import annotations

import math
import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
import torch

from chem_vae.errors import ChemVAEWarning, UserError
from chem_vae.predictors.tanimoto import tanimoto
from pipeline.chemistry.filters.structural_alerts import find_structural_alerts
from pipeline.chemistry.molecule import parse_mol
from pipeline.chemistry.properties import compute
from pipeline.generation.acquisition import acquisition_search
from pipeline.generation.acquisition.acquisition_search import LEAST_HARD, find_hardest
from pipeline.generation.config import GenerateConfig, MeasuredConfig
from pipeline.generation.generate import generate
from pipeline.models.measured_predictor import features
from pipeline.models.trained_model import TrainedModel
from pipeline.objectives.config import Constraint, Objective


def test_candidates_are_worth_measuring(model: TrainedModel) -> None:
    config = GenerateConfig(n=12, samples=120, objectives={"assay": Objective(maximize=True)}, seed=3)
    found = generate(model, config=config)
    assert found.config.strategy == "acquisition"
    table, dataset = found.candidates, model.dataset()
    assert dataset is not None and 6 <= len(table) <= 12
    assert not set(table["inchikey"]) & set(dataset.table(["inchikey"])["inchikey"])
    assert table["in_domain"].all() and "assay_computed" not in table
    assert (table["similarity_to_measured"] >= model.measured["assay"].floor).all()
    assert found.counts["in domain"] == int((found.molecules["in_domain"] & found.molecules["novel"]).sum())
    assert found.counts["requested"] >= found.counts["valid"] >= found.counts["unique"] >= found.counts["novel"]
    bits = features(table["smiles"].tolist())
    assert float(tanimoto(bits, bits).fill_diagonal_(0).max()) <= config.measured.most_similar
    best = dataset.statistics("assay")["quantiles"]["0.75"]
    assert table["assay_predicted"].mean() > best  # the search got somewhere
    again = generate(model, config=config, samples=30, exclude=set(table["inchikey"]))
    assert not set(table["inchikey"]) & set(again.candidates["inchikey"])


def test_too_few_worth_measuring_is_explained(model: TrainedModel) -> None:
    config = GenerateConfig(n=8, samples=60, objectives={"assay": Objective(maximize=True)}, seed=3)
    unlike = generate(model, config=config, measured={"min_similarity": 1.0})
    assert len(unlike.candidates) < 8
    outside = int((unlike.molecules["novel"] & ~unlike.molecules["in_domain"]).sum())
    said = next(w for w in unlike.warnings if "found worth measuring" in w)
    assert f"{outside} are too unlike the measured ones" in said and "measured.outside_domain" in said
    alike = generate(model, config=config, measured={"most_similar": 0.01, "outside_domain": True})
    assert len(alike.candidates) < 8
    said = next(w for w in alike.warnings if "found worth measuring" in w)
    assert "too much like better ones" in said and "measured.most_similar" in said and "too unlike" not in said


def test_candidates_outside_the_target_are_judged_as_well(model: TrainedModel) -> None:
    dataset = model.dataset()
    assert dataset is not None
    middle = dataset.statistics("assay")["quantiles"]["0.5"]
    aims = {"assay": Objective(target=middle, tolerance=0.1)}
    found = generate(model, objectives=aims, n=20, samples=120, seed=3, allow_alerts=False)
    batch = found.molecules[found.molecules["batch"].notna()]
    assert not batch["within_target"].all() and batch["alerts"].notna().all()
    free = batch[batch["alerts"] == ""].sort_values("batch")
    assert found.candidates["inchikey"].tolist() == free["inchikey"].head(20).tolist()


def test_without_the_data_novelty_is_not_claimed(model: TrainedModel, tmp_path: Path) -> None:
    alone = TrainedModel.open(shutil.copytree(model.folder, tmp_path / "alone"))
    config = GenerateConfig(n=3, samples=30, objectives={"assay": Objective(maximize=True)}, seed=3)
    config = config.model_copy(update={"measured": MeasuredConfig(outside_domain=True)})
    found = generate(alone, config=config)
    assert found.config.strategy == "acquisition" and len(found.candidates)
    assert found.molecules["novel"].isna().all() and "novel" not in found.counts
    before = set(found.candidates["inchikey"])
    again = generate(alone, config=config, exclude=before)
    assert before <= set(again.molecules["inchikey"]) and not before & set(again.candidates["inchikey"])
    proposed = again.molecules["inchikey"].isin(before)
    assert again.molecules["proposed_before"].tolist() == proposed.tolist()
    assert (
        again.molecules["novel"][~proposed].isna().all()
    )  # what was proposed is not novel, of the others nothing is known
    assert (again.molecules["novel"][proposed] == False).all()  # noqa: E712
    assert again.counts["never proposed before"] == int((~proposed).sum()) and "novel" not in again.counts


def test_acquisition_needs_a_measured_property(model: TrainedModel) -> None:
    with pytest.raises(UserError, match="aim at a measured property"):
        generate(model, {"logp": 2.0}, n=5, strategy="acquisition")


def test_candidates_stay_of_the_measured_kind(model: TrainedModel) -> None:
    dataset = model.dataset()
    assert dataset is not None
    aims = {"assay": Objective(maximize=True)}
    measured = dataset.table(["smiles", "assay"]).dropna()["smiles"].tolist()
    found = generate(model, objectives=aims, n=12, samples=120, seed=3)
    weights = [compute(parse_mol(text), ["mw"])[0] for text in measured]
    limit = math.floor(float(np.quantile(weights, 0.95)))
    made = [compute(m.mol, ["mw"])[0] for m in found.molecules["molecule"]]
    assert max(made) <= limit < max(weights)
    assert any(f"{limit:,} g/mol at most" in text and "--within" in text for text in found.warnings)
    with_alerts = sum(map(bool, find_structural_alerts(measured))) / len(measured)
    assert (found.candidates["alerts"] != "").sum() <= with_alerts * 12
    own = (Constraint(property="mw", at_most=limit + 200, at_least=limit),)
    heavy = generate(model, objectives=aims, n=4, samples=120, seed=3, constraints=own)
    assert all(compute(m.mol, ["mw"])[0] >= limit for m in heavy.molecules["molecule"]) and len(heavy.molecules)


def test_a_prediction_that_is_not_sure_is_outside_of_the_domain(model: TrainedModel) -> None:
    predictor = model.measured["assay"]
    aims = {"assay": Objective(maximize=True)}
    found = generate(model, objectives=aims, n=8, samples=120, seed=3, measured={"outside_domain": True})
    spread = predictor.predict_function(
        found.molecules["molecule"].tolist(), torch.stack(found.molecules["z"].tolist())
    ).std
    limit = float(spread.median())
    strict = generate(
        model, objectives=aims, n=8, samples=120, seed=3, measured={"outside_domain": True, "most_spread": limit}
    )
    spread = predictor.predict_function(
        strict.molecules["molecule"].tolist(), torch.stack(strict.molecules["z"].tolist())
    ).std
    assert not strict.molecules["in_domain"][(spread > 1.001 * limit).numpy()].any()
    assert strict.molecules["in_domain"].any()


def test_a_search_that_is_stopped_ranks_what_is_there(model: TrainedModel) -> None:
    def listen(stage: str, done: int, total: int, figures: object = None) -> None:
        if stage == "generate" and 400 <= done < total and not pressed:
            pressed.append(done)
            os.kill(os.getpid(), signal.SIGINT)

    pressed: list[int] = []
    config = GenerateConfig(n=5, samples=2000, objectives={"assay": Objective(maximize=True)}, seed=3)
    with pytest.warns(ChemVAEWarning, match="stopping with what is there"):
        found = generate(model, config=config, progress=listen)
    assert pressed and found.counts["unique"] < 1000 and len(found.candidates) > 0
    assert any("stopped by Ctrl-C after " in text and "of 2,000 samples" in text for text in found.warnings)


def test_candidates_may_be_as_hard_to_make_as_what_was_made() -> None:
    morphinan, plain = "CN1CC[C@]23c4c5ccc(O)c4O[C@H]2[C@@H](O)C=C[C@H]3[C@H]1C5", "CCOc1ccccc1C(=O)NC"
    hard = compute(parse_mol(morphinan), ["sa"])[0]
    assert hard > LEAST_HARD
    assert find_hardest([]) == find_hardest([plain] * 50) == LEAST_HARD
    assert find_hardest([plain] * 99 + [morphinan]) == LEAST_HARD, "one of a hundred does not lift the limit"
    assert find_hardest([plain] * 10 + [morphinan] * 10) == pytest.approx(hard)
    assert GenerateConfig().measured.sa is None


def test_a_limit_of_hardness_that_the_data_raised_is_told(model: TrainedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def list_told(**measured: float) -> list[str]:
        found = generate(
            model, objectives={"assay": Objective(maximize=True)}, n=2, samples=30, seed=3, measured=measured
        )
        return [text for text in found.warnings if "SA score" in text]

    assert not list_told()
    monkeypatch.setattr(acquisition_search, "find_hardest", lambda smiles: 5.25)
    assert not list_told(sa=4.0)
    (told,) = list_told()
    assert "above 5.2 rank lower" in told and "--set generate.measured.sa=4.5" in told
