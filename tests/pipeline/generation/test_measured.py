"""A measured property and no oracle: predictors, their choice, the domain, acquisition, batches, the next round."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from rdkit import Chem
from sklearn.metrics import r2_score, root_mean_squared_error

from chem_vae.errors import DataError, UserError
from chem_vae.predictors import Prediction
from chem_vae.tanimoto import TanimotoProcess, pack, tanimoto, unpack
from pipeline.config import load_config
from pipeline.generation.acquisition import acquire, compute_best_measured, compute_utility
from pipeline.generation.batch_selection import select_diverse
from pipeline.generation.config import GenerateConfig, MeasuredConfig
from pipeline.generation.generate import generate
from pipeline.models.measured_predictor import features
from pipeline.models.trained_model import TrainedModel
from pipeline.objectives.config import Objective
from pipeline.objectives.desirability import PropertySummary, ResolvedObjective
from pipeline.objectives.resolve import resolve
from pipeline.workflows.generate_run import generate_run
from pipeline.workflows.update import NoNewMeasurementsError, _merge, _select_new, list_proposed, update
from pipeline.workspace.runs import Run


def labels(smiles: list[str]) -> torch.Tensor:
    return torch.tensor([s.count("N") + 0.1 * len(s) for s in smiles])


def wanted(**aims: Objective) -> list[ResolvedObjective]:
    """Objectives of measured properties whose data run from 0 to 1."""
    known = [PropertySummary.of(n, n, "", "measured", np.linspace(0, 1, 101)) for n in aims]
    return resolve(aims, known)[0]


# -- the process over substructures ----------------------------------------------------------------------------------


def test_the_process_is_the_textbook_one(sample_smiles: list[str]) -> None:
    x, y = features(sample_smiles[:60]), labels(sample_smiles[:60])
    process = TanimotoProcess(x[:40], y[:40])
    found = process.predict(x[40:])
    kernel = tanimoto(x[:40], x[:40]).double() + process.fit.noise * torch.eye(40)
    beside = tanimoto(x[40:], x[:40]).double()
    standard = (y[:40].double() - process.center) / process.width
    mean = process.fit.mean + beside @ torch.linalg.solve(kernel, standard - process.fit.mean)
    left = 1 + process.fit.noise - (beside * torch.linalg.solve(kernel, beside.T).T).sum(dim=1)
    std = process.width * (process.fit.amplitude * left).sqrt()
    torch.testing.assert_close(found.mean.double(), mean * process.width + process.center, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(found.std.double(), std, rtol=1e-2, atol=1e-3)


def test_noise_is_told_from_signal(sample_smiles: list[str]) -> None:
    x, y = features(sample_smiles[:300]), labels(sample_smiles[:300])
    generator = torch.Generator().manual_seed(0)
    noisy = y + 1.0 * torch.randn(300, generator=generator)
    clean, loud = TanimotoProcess(x, y), TanimotoProcess(x, noisy)
    chance = TanimotoProcess(x, torch.randn(300, generator=generator))
    assert 2 * clean.noise < loud.noise < 1.3
    assert float(chance.predict(x).mean.std()) < 0.3  # nothing is learned of what is nothing
    held_out = features(sample_smiles[300:400])
    assert r2_score(labels(sample_smiles[300:400]), clean.predict(held_out).mean) > 0.5


def test_some_molecules_stand_for_all(sample_smiles: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = features(sample_smiles[:400]), labels(sample_smiles[:400])
    whole = TanimotoProcess(x[:300], y[:300])
    monkeypatch.setattr("chem_vae.tanimoto.MOST_EXACT", 100)
    some, alone = TanimotoProcess(x[:300], y[:300]), TanimotoProcess(x[:100], y[:100])
    error = {p: root_mean_squared_error(y[300:], p.predict(x[300:]).mean) for p in (whole, some, alone)}
    assert error[whole] <= error[some] * 1.05 and error[some] < error[alone]
    again = TanimotoProcess.from_tensors(some.tensors())
    assert torch.equal(again.predict(x[300:]).mean, some.predict(x[300:]).mean)


def test_features_and_bits(sample_smiles: list[str]) -> None:
    x = features([*sample_smiles[:3], None, "no molecule"])
    assert x.shape == (5, 2048) and x[:3].sum() > 0 and not x[3:].any()
    assert torch.equal(unpack(pack(x), 2048), x)
    with pytest.raises(DataError, match="too few"):
        TanimotoProcess(x[:3], torch.zeros(3))
    process = TanimotoProcess(features(sample_smiles[:50]), labels(sample_smiles[:50]))
    assert process.open_share(features(sample_smiles[:5])).max() < process.open_share(x[3:])[0]


# -- acquisition -----------------------------------------------------------------------------------------------------


def test_hope_and_caution() -> None:
    aim = wanted(y=Objective(maximize=True))
    predicted = {"y": Prediction(torch.tensor([0.5, 0.45]), torch.tensor([0.01, 0.3]))}

    def first(**config: object) -> int:
        return int(acquire(aim, {}, predicted, MeasuredConfig.model_validate(config), 0.0).argmax())

    assert first(acquisition="mean") == 0 and first(kappa=1.0) == 1 and first(kappa=-1.0) == 0
    least = wanted(y=Objective(minimize=True))
    assert int(acquire(least, {}, predicted, MeasuredConfig(kappa=1.0), 0.0).argmax()) == 1


def test_a_target_is_hoped_for_from_either_side() -> None:
    aim = wanted(y=Objective(target=0.5, tolerance=0.05))
    predicted = {"y": Prediction(torch.tensor([0.3, 0.7, 0.3]), torch.tensor([0.1, 0.1, 0.01]))}
    worth = acquire(aim, {}, predicted, MeasuredConfig(kappa=2.0), 0.0)
    assert worth[0] == pytest.approx(float(worth[1]), abs=1e-4) and worth[0] > worth[2] + 0.5
    far = compute_utility(aim, {"y": torch.tensor([3.0, 2.0])})
    assert far[1] > far[0] > -10  # beyond all data there is a slope yet


def test_expected_improvement_is_the_closed_form() -> None:
    aim = wanted(y=Objective(maximize=True))
    mean, std = torch.tensor([0.5, 0.9, 0.2]), torch.tensor([0.2, 0.1, 0.05])
    best = 0.8
    standard = compute_utility(aim, {"y": torch.tensor([best])}).item()
    worth = acquire(aim, {}, {"y": Prediction(mean, std)}, MeasuredConfig(acquisition="ei"), standard)
    normal = torch.distributions.Normal(0.0, 1.0)
    t = (mean - best) / std
    closed = std * (t * normal.cdf(t) + normal.log_prob(t).exp()) / aim[0].about.std
    torch.testing.assert_close(worth.exp()[:2], closed[:2], rtol=0.15, atol=0.01)
    assert worth.argmax() == 1 and worth[2] < worth[0] and torch.isfinite(worth).all()


def test_several_objectives_and_what_is_missing() -> None:
    aim = wanted(y=Objective(range=(0.4, 0.6)), w=Objective(range=(0.4, 0.6)))
    values = {"y": torch.tensor([0.5, 0.5, math.nan]), "w": torch.tensor([0.5, 0.9, 0.5])}
    found = compute_utility(aim, values)
    assert found[0] == 0 and found[1] < 0 and torch.isnan(found[2])
    assert compute_best_measured(aim, values) == pytest.approx(float(found[:2].mean()))


# -- a batch ---------------------------------------------------------------------------------------------------------


def test_a_batch_is_not_one_series() -> None:
    series = [f"O=C(N{'C' * k})c1ccc(Cl)cc1" for k in range(1, 8)]
    others = ["CCOC(=O)C1CCNCC1", "Cc1ncc[nH]1", "CCCCO"]
    chosen = select_diverse([*series, *others], 5, most_similar=1.0, per_scaffold=2)
    assert chosen == [0, 1, 7, 8, 9]
    similar = select_diverse([*series, *others], 10, most_similar=0.5, per_scaffold=10)
    rows = tanimoto(
        features([[*series, *others][i] for i in similar]), features([[*series, *others][i] for i in similar])
    )
    assert len(similar) >= 4 and float(rows.fill_diagonal_(0).max()) <= 0.5


# -- in a model ------------------------------------------------------------------------------------------------------


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
    assert float(tanimoto(bits, bits).fill_diagonal_(0).max()) <= 0.6
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
    assert again.molecules["novel"].isna().all()


def test_acquisition_needs_a_measured_property(model: TrainedModel) -> None:
    with pytest.raises(UserError, match="aim at a measured property"):
        generate(model, {"logp": 2.0}, n=5, strategy="acquisition")


# -- the next round --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def first_round(model: TrainedModel, workspace: Path) -> Run:
    config = GenerateConfig(n=10, samples=60, objectives={"assay": Objective(maximize=True)}, seed=1)
    return generate_run(model, None, config, workspace, "round-1")


def test_a_further_round_learns_and_does_not_repeat(first_round: Run, workspace: Path, tmp_path: Path) -> None:
    before = pd.read_csv(first_round.folder / "candidates.csv")
    measured = before["smiles"][:6].tolist()
    source = tmp_path / "round-2.csv"
    rows = [f"{s},{v:.3f}" for s, v in zip(measured, labels(measured).tolist(), strict=True)]
    source.write_text("\n".join(["SMILES,assay", *rows, "not a molecule,1.0", f"{before['smiles'][6]},"]) + "\n")
    quick = {"train.training.epochs": 1, "train.replay": 0.0, "generate.n": 5, "generate.samples": 40}
    config = load_config(first_round.folder / "config.json", quick)
    made = update(first_round, str(source), workspace, config=config)
    assert made.new == 6
    kept = made.checks[0]
    assert (kept.measured.count, kept.measured.of) == (6, len(before))
    assert kept.found == pytest.approx(float(labels(measured).mean()), abs=1e-3)
    assert kept.predicted == pytest.approx(before["assay_predicted"][:6].mean())
    assert "6 of" in str(kept)
    model = TrainedModel.open(made.run.folder, workspace=workspace)
    dataset = model.dataset(workspace)
    assert (
        dataset is not None and dataset.counts["accepted"] == 400 + 7
    )  # the unmeasured one is a molecule all the same
    assert model.measured["assay"].compared["labelled"] == 266 + 6
    assert model.card["base"]["name"] == first_round.id
    proposed = set(pd.read_csv(made.run.folder / "candidates.csv")["inchikey"])
    assert proposed and not proposed & set(before["inchikey"])
    again = list_proposed(made.run)
    assert set(again["inchikey"]) == proposed | set(before["inchikey"])
    assert set(again["run"]) == {first_round.id, made.run.id}

    with pytest.raises(NoNewMeasurementsError, match="no measurement that is not in the data"):
        update(made.run, str(source), workspace, config=config)  # the same file once more
    corrected = found_in(rows[0].split(",")[0], 9.0)
    new = _select_new(dataset, pd.concat([corrected, found_in(*rows[1].split(","))]))
    assert new["assay"].tolist() == [9.0], "what is known is passed over"
    merged = pd.read_csv(_merge(config.ingest, dataset, new, ["assay"], workspace).source)
    assert merged["assay"].notna().sum() == dataset.table(["assay"])["assay"].notna().sum() and 9.0 in set(
        merged["assay"]
    )  # in the old one's place


def found_in(smiles: str, value: float | str) -> pd.DataFrame:
    """As `_read_measurements` would find it."""
    key = Chem.MolToInchiKey(Chem.MolFromSmiles(smiles))
    return pd.DataFrame({"smiles": [smiles], "inchikey": [key], "assay": [float(value)]})


def test_what_an_update_cannot_use(first_round: Run, workspace: Path, tmp_path: Path) -> None:
    source = tmp_path / "other.csv"
    source.write_text("SMILES,potency\nCCO,1.0\n")
    with pytest.raises(UserError, match="none of the measured columns assay"):
        update(first_round, str(source), workspace)
    alone = tmp_path / "elsewhere" / "runs" / first_round.id
    shutil.copytree(first_round.folder, alone)
    with pytest.raises(DataError, match="is not in"):
        update(Run.open(alone), str(source), tmp_path / "elsewhere")
