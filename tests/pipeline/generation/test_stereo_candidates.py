"""Undefined stereo is flagged and enumerated on request; copies of measured molecules are left out."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from pipeline.chemistry.molecule import Molecule, skeleton_key
from pipeline.chemistry.standardization.stereo_groups import count_undefined_stereo
from pipeline.generation.config import GenerateConfig
from pipeline.generation.generate import generate
from pipeline.generation.stereo_candidates import NO_COPY, find_stereo_copies, list_measured_keys, predict_isomers
from pipeline.models.trained_model import TrainedModel
from pipeline.objectives.config import Objective
from pipeline.objectives.resolve import resolve
from pipeline.report.model import read_report
from pipeline.workflows.generate_run import generate_run
from pipeline.workspace.presentation.csv_tables import read_csv_rows


def test_isomers_are_predicted_and_named_after_their_parent(model: TrainedModel) -> None:
    smiles = ["CCO", "CC(N)C(=O)NCc1ccccc1", "CC(O)C(N)c1ccccc1"]
    table = pd.DataFrame({"rank": [1, 2, 3], "smiles": smiles, "molecule": [Molecule(s) for s in smiles]})
    table["undefined_stereo"] = [count_undefined_stereo(m.mol) for m in table["molecule"]]
    assert table["undefined_stereo"].tolist() == [0, 1, 2]
    objectives, _ = resolve({"assay": Objective(maximize=True), "logp": Objective(target=1.0)}, model.properties)
    one = Molecule("C[C@H](N)C(=O)NCc1ccccc1").inchikey
    found = predict_isomers(table, model, objectives, 8, {one})
    assert found["isomer"].tolist() == ["2.1", "2.2", "3.1", "3.2", "3.3", "3.4"]
    assert found["parent"].tolist() == [smiles[1]] * 2 + [smiles[2]] * 4
    assert found["in_data"].sum() == 1 and found.loc[found["in_data"], "inchikey"].item() == one
    assert found["assay_predicted"].notna().all() and found["logp_computed"].notna().all()
    for _, group in found.groupby("parent_rank"):
        assert group["score"].is_monotonic_decreasing and group["inchikey"].is_unique
    assert predict_isomers(table.head(1), model, objectives, 8).empty


def test_copies_are_found_with_the_measured_molecules_and_without() -> None:
    measured = {Molecule("C[C@H](N)C(=O)O").inchikey}
    texts = ["C[C@@H](N)C(=O)O", "CC(N)C(=O)O", "CC(N)C(N)=O"]
    table = pd.DataFrame({"inchikey": [Molecule(s).inchikey for s in texts], "similarity_to_measured": [0.5, 1.0, 0.9]})
    assert find_stereo_copies(table, measured).tolist() == [True, True, False]
    assert find_stereo_copies(table, ()).tolist() == [False, True, False]
    assert not find_stereo_copies(table[["inchikey"]], ()).any()


def test_a_bound_is_a_measurement(model: TrainedModel) -> None:
    dataset = model.dataset()
    assert dataset is not None
    objectives, _ = resolve({"assay": Objective(maximize=True)}, model.properties)
    table = dataset.table(["inchikey", "assay"])
    assert list_measured_keys(dataset, objectives) == set(table.loc[table["assay"].notna(), "inchikey"])
    computed, _ = resolve({"logp": Objective(maximize=True)}, model.properties)
    assert list_measured_keys(dataset, computed) == list_measured_keys(None, objectives) == set()


def test_a_generation_proposes_no_copy_of_a_measured_molecule(
    model: TrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = GenerateConfig(n=6, samples=80, objectives={"assay": Objective(maximize=True)}, seed=3)
    allowed = generate(model, config=config, allow_stereo_copies=True)
    assert NO_COPY not in allowed.counts
    first = allowed.candidates["inchikey"][0]
    other = f"{skeleton_key(first)}-AAAAAAAAAA-N"  # as if another stereoisomer of the best candidate had been measured
    monkeypatch.setattr("pipeline.generation.generate.list_measured_keys", lambda *_: {other})
    found = generate(model, config=config)
    assert skeleton_key(first) not in set(found.candidates["inchikey"].map(skeleton_key))
    copies = int(found.molecules["inchikey"].map(skeleton_key).eq(skeleton_key(first)).sum())
    assert found.counts["novel"] - found.counts[NO_COPY] == copies >= 1
    assert any(f"{copies:,} of {found.counts['novel']:,} new molecules differ" in w for w in found.warnings)


def test_the_run_folder_and_the_page_tell_of_undefined_stereo(model: TrainedModel, tmp_path: Path) -> None:
    config = GenerateConfig(
        n=12, samples=120, objectives={"logp": Objective(target=2.0)}, strategy="conditional", enumerate_stereo=4
    )
    run = generate_run(model, None, config, tmp_path, "stereo")
    rows = list(read_csv_rows(run.folder / "candidates.csv"))
    counts = [int(row["undefined_stereo"]) for row in rows]
    assert counts == [count_undefined_stereo(Molecule(row["smiles"]).mol) for row in rows] and any(counts)
    isomers = list(read_csv_rows(run.folder / "stereoisomers.csv"))
    undefined = {row["rank"] for row, count in zip(rows, counts, strict=True) if count}
    assert {row["parent_rank"] for row in isomers} == undefined
    page = (run.folder / "report.html").read_text()
    assert "undefined stereo: " in page and "a mixture of isomers, or one has to be chosen" in page
    assert 'href="stereoisomers.csv"' in page and isomers[0]["smiles"] in page
    report = read_report(run.folder)
    assert [i.isomer for i in report.isomers] == [row["isomer"] for row in isomers]
