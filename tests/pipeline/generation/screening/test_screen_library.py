"""Molecules that are chosen from a library: every row counted, nothing measured before, the batch diverse."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from chem_vae.errors import DataError, UserError
from chem_vae.predictors.tanimoto import tanimoto
from pipeline.chemistry.molecule import Molecule
from pipeline.datasets.readers.source import Source
from pipeline.generation.acquisition import acquisition_search
from pipeline.generation.config import GenerateConfig
from pipeline.generation.screening.library_account import BestRows, SeenKeys
from pipeline.generation.screening.library_scoring import KeptRow
from pipeline.generation.screening.screen_library import screen
from pipeline.models.measured_predictor import features
from pipeline.models.trained_model import TrainedModel
from pipeline.objectives.config import Constraint, Objective
from pipeline.workspace.storage.file_state import FileChangedError

AIM = {"assay": Objective(maximize=True)}


def write_catalogue(path: Path, smiles: Sequence[str]) -> Path:
    """Write a vendor's catalogue: number, SMILES, price."""
    opener: Any = gzip.open if path.suffix == ".gz" else open
    with opener(path, "wt", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["Catalog ID", "SMILES", "price", "score"])
        writer.writerows([f"V{i:05d}", text, i % 90 + 0.5, "high"] for i, text in enumerate(smiles))
    return path


@pytest.fixture(scope="module")
def measured(model: TrainedModel) -> list[str]:
    dataset = model.dataset()
    assert dataset is not None
    table = dataset.table(["smiles", "assay"])
    return [str(s) for s in table.loc[table["assay"].notna(), "smiles"]]


def test_the_batch_of_a_library(
    model: TrainedModel, measured: list[str], sample_smiles: list[str], tmp_path: Path
) -> None:
    rows = [*sample_smiles[1:1000], *measured[:7], sample_smiles[1], "no molecule", "", "C[C@H](N)C(=O)O"]
    library, rejects = write_catalogue(tmp_path / "catalogue.csv.gz", rows), tmp_path / "rejects.csv"
    config = GenerateConfig(objectives=AIM, n=12)
    found = screen(model, library, config=config, rejects=rejects, chunk_rows=100, workers=1)
    account, table, dataset = found.library, found.candidates, model.dataset()
    assert account is not None and dataset is not None
    fates = account.fates
    assert account.rows == len(rows) == account.unreadable + fates.total()
    assert account.unreadable == 2 and fates["measured before"] >= 7
    stages = list(found.counts.values())[: list(found.counts).index("within target") + 1]
    assert stages == sorted(stages, reverse=True) and stages[0] == len(rows)
    assert 6 <= len(table) <= 12 and found.counts["usual"] == account.eligible
    assert not set(table["smiles"]) & set(measured)
    assert table["in_domain"].all() and (table["similarity_to_measured"] >= model.measured["assay"].floor).all()
    bits = features(table["smiles"].tolist())
    assert float(tanimoto(bits, bits).fill_diagonal_(0).max()) <= 0.6
    assert table["assay_predicted"].mean() > dataset.statistics("assay")["quantiles"]["0.5"]
    for record in table.to_dict("records"):  # the number of the catalogue is that of the molecule, and so is the row
        place = int(str(record["Catalog ID"])[1:])
        assert record["library_row"] == place + 2 and record["score.library"] == "high"
        given = Molecule.parse(rows[place])
        assert record["library_smiles"] == rows[place] and record["library_changes"] in ("", "uncharged", "cleaned up")
        assert given is not None and model.standardize(given).smiles == record["smiles"]
    told = pd.read_csv(rejects, keep_default_na=False)
    assert told["row"].tolist() == [rows.index("no molecule") + 2, rows.index("no molecule") + 3]
    assert told["reason"].str.len().min() > 0
    assert f"{len(rows):,} rows of catalogue" in account.describe(12) and "2 unreadable" in account.describe(12)


def test_a_limit_of_hardness_that_the_data_raised_is_told(
    model: TrainedModel, sample_smiles: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = write_catalogue(tmp_path / "catalogue.csv", sample_smiles[1:101])
    monkeypatch.setattr(acquisition_search, "find_hardest", lambda smiles: 5.25)
    found = screen(model, library, config=GenerateConfig(objectives=AIM, n=2), workers=1)
    assert any("SA score" in text and "generate.measured.sa=4.5" in text for text in found.warnings)


def test_chunks_and_workers_change_nothing(model: TrainedModel, sample_smiles: list[str], tmp_path: Path) -> None:
    library = write_catalogue(tmp_path / "catalogue.csv", sample_smiles[1:301])
    config = GenerateConfig(objectives=AIM, n=5)
    one = screen(model, library, config=config, chunk_rows=1000, workers=1)
    many = screen(model, library, config=config, chunk_rows=50, workers=2)
    assert one.candidates["smiles"].tolist() == many.candidates["smiles"].tolist()
    assert one.library is not None and many.library is not None and one.library.fates == many.library.fates


def test_a_library_is_held_to_constraints_and_kept_few(
    model: TrainedModel, sample_smiles: list[str], tmp_path: Path
) -> None:
    library = write_catalogue(tmp_path / "catalogue.csv", sample_smiles[1:401])
    light = Constraint(property="mw", at_most=290)
    found = screen(model, library, objectives=AIM, constraints=[light], n=50, keep=20, chunk_rows=100, workers=1)
    account = found.library
    assert account is not None and account.kept == 20 < account.eligible
    assert account.refused == {"mw at most 290": found.refusals.refused["mw at most 290"]}
    assert (found.candidates["mw_computed"] <= 290).all()
    said = next(w for w in found.warnings if "were asked for" in w)
    assert "--keep 200" in said and f"{account.fates['outside of the domain']:,} are too unlike" in said
    everything = screen(
        model, library, objectives=AIM, measured={"outside_domain": True}, n=5, chunk_rows=100, workers=1
    )
    assert everything.library is not None and "in domain" not in everything.counts
    assert everything.library.fates["outside of the domain"] == 0 and everything.library.eligible > account.eligible


def test_stereoisomers_of_measured_molecules_are_left_out(
    model: TrainedModel, measured: list[str], tmp_path: Path
) -> None:
    stereo = [s for s in measured if "@" in s or "/" in s]
    flat = "CC(O)C(N)C1CC1c1ccccc1"
    dataset = model.dataset()
    assert dataset is not None
    copies = [s.replace("@@", "@") if "@@" in s else s.replace("@", "@@") for s in stereo][:5]
    library = write_catalogue(tmp_path / "catalogue.csv", [*copies, flat])
    found = screen(model, library, objectives=AIM, measured={"outside_domain": True}, n=5, workers=1)
    assert found.library is not None
    if copies:
        assert found.library.fates["stereoisomer of a measured molecule"] + found.library.fates[
            "measured before"
        ] == len(copies)
        assert set(found.candidates["smiles"]) == {flat}
    allowed = screen(
        model, library, objectives=AIM, measured={"outside_domain": True}, n=9, workers=1, allow_stereo_copies=True
    )
    assert allowed.library is not None and allowed.library.fates["stereoisomer of a measured molecule"] == 0


def test_without_the_data_the_same_fingerprint_is_measured(
    alone: TrainedModel, measured: list[str], sample_smiles: list[str], tmp_path: Path
) -> None:
    library = write_catalogue(tmp_path / "catalogue.csv", [*measured[:5], *sample_smiles[1:200]])
    found = screen(alone, library, objectives=AIM, n=5, workers=1)
    assert found.library is not None and found.library.fates["measured before"] >= 5
    assert not set(found.candidates["smiles"]) & set(measured)


def test_hashes_of_the_training_molecules_tell_what_is_novel_without_the_data(
    hashed: TrainedModel, alone: TrainedModel, sample_smiles: list[str], tmp_path: Path
) -> None:
    library = write_catalogue(tmp_path / "catalogue.csv", sample_smiles[1:200])
    found = screen(hashed, library, {"logp": 2.0}, n=8, workers=1)
    counted = found.counts["novel"]
    assert (
        counted == found.counts["not in the training data"] == found.candidates["novel"].sum() < len(found.candidates)
    )
    assert "novel" not in screen(alone, library, {"logp": 2.0}, n=8, workers=1).counts, "unknown is not none"


def test_computed_properties_alone(model: TrainedModel, sample_smiles: list[str], tmp_path: Path) -> None:
    library = write_catalogue(tmp_path / "catalogue.csv", sample_smiles[1:200])
    found = screen(model, library, {"logp": 2.0}, n=8, workers=1)
    assert "in domain" not in found.counts and "similarity_to_measured" not in found.candidates
    assert np.abs(found.candidates["logp_computed"] - 2.0).mean() < 0.3
    assert found.candidates["score"].is_monotonic_decreasing


def test_what_cannot_be_screened_is_said(model: TrainedModel, tmp_path: Path) -> None:
    library = write_catalogue(tmp_path / "catalogue.csv", ["CCO"])
    with pytest.raises(UserError, match="--maximize"):
        screen(model, library)
    with pytest.raises(UserError, match="name the library"):
        screen(model, objectives=AIM)
    with pytest.raises(UserError, match="unknown property"):
        screen(model, library, {"logpp": 2.0})
    with pytest.raises(DataError, match="none of the 2 rows of bad.csv is a molecule: row 2"):
        screen(model, write_catalogue(tmp_path / "bad.csv", ["xx", "yy"]), objectives=AIM, smiles_column="SMILES")
    with pytest.raises(DataError):
        screen(model, tmp_path / "missing.csv", objectives=AIM)


def test_a_library_that_grows_while_it_is_read_is_refused(
    model: TrainedModel, sample_smiles: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library, count = write_catalogue(tmp_path / "live.csv", sample_smiles[:40]), Source.count

    def grow(source: Source) -> int:
        counted = count(source)
        with library.open("a") as file:
            file.write("V99999,CCO,1,high\n")
        return counted

    monkeypatch.setattr(Source, "count", grow)
    with pytest.raises(FileChangedError, match=r"live\.csv was changed"):
        screen(model, library, config=GenerateConfig(objectives={"logp": Objective(maximize=True)}, n=3), workers=1)


def test_keys_are_seen_once() -> None:
    random, seen, known = np.random.default_rng(0), SeenKeys(), set[int]()
    for _ in range(20):
        keys = random.integers(0, 300, 40).astype(np.uint64)
        told = seen.add(keys)
        for key, is_new in zip(keys.tolist(), told.tolist(), strict=True):
            assert is_new == (key not in known)
            known.add(key)
    assert not len(seen.add(np.empty(0, dtype=np.uint64)))


def test_the_best_rows_are_kept() -> None:
    random, best = np.random.default_rng(0), BestRows(10)
    rows = [KeptRow(float(w), i, "C", "", {}) for i, w in enumerate(random.integers(0, 50, 500))]
    for first in range(0, 500, 7):
        best.add(rows[first : first + 7])
    assert best.sort() == sorted(rows, key=lambda r: (-r.worth, r.row))[:10]
