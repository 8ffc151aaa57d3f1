from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from chem_vae.errors import DataError, UserError
from pipeline.datasets.config import IngestConfig
from pipeline.datasets.dataset import Dataset
from pipeline.datasets.ingest import ingest


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return ingest(IngestConfig(limit=300, compute=("mw",), merges=30, workers=1), tmp_path_factory.mktemp("workspace"))


def test_table(dataset: Dataset) -> None:
    assert dataset.columns == ["row", "input", "smiles", "inchikey", "selfies", "changes", "split", "mw"]
    whole = dataset.table()
    test = dataset.table(["smiles"], split="test")
    assert dataset.table("smiles", split="test").equals(test)
    assert list(test.columns) == ["smiles"]
    assert len(test) == dataset.counts["test"] > 0
    assert whole.loc[test.index, "split"].unique().tolist() == ["test"], "the index is that of the arrays"
    with pytest.raises(UserError, match="did you mean 'smiles'"):
        dataset.table(["SMILES"])
    with pytest.raises(UserError, match="split"):
        dataset.table(split="valid")


def test_tokens(dataset: Dataset) -> None:
    tokens = dataset.tokens("train")
    assert len(tokens) == dataset.counts["train"]


def test_what_a_dataset_says_of_itself(dataset: Dataset) -> None:
    (mw,) = dataset.properties
    assert (mw.name, mw.unit, mw.kind) == ("mw", "g/mol", "computed")
    figures = dataset.statistics("mw")
    train = dataset.table(["mw"], split="train")["mw"]
    assert figures["mean"] == pytest.approx(train.mean(), rel=1e-6)
    assert figures["quantiles"]["0.95"] == pytest.approx(train.quantile(0.95), rel=1e-6)
    assert "mw (computed)" in dataset.summary()
    with pytest.raises(UserError, match="mw"):
        dataset.statistics("MW")


def test_folders_that_are_no_datasets(dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no manifest\.json"):
        Dataset.open(tmp_path)
    manifest = tmp_path / "manifest.json"
    for text, complaint in [
        ("{", "is damaged"),
        ("[]", "not a 'chem-vae dataset'"),
        (json.dumps({"format": "chem-vae run"}), "not a 'chem-vae dataset'"),
        (json.dumps({"format": "chem-vae dataset", "format_version": 99}), "format 99.*make it again"),
        (json.dumps({"format": "chem-vae dataset", "format_version": 1}), "damaged"),
        (json.dumps(dataset.manifest), r"not whole: tokens\.npy"),
    ]:
        manifest.write_text(text)
        with pytest.raises(DataError, match=complaint):
            Dataset.open(tmp_path)


def test_opening_a_dataset_does_not_import_torch() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, pipeline.datasets.dataset, pipeline.datasets.ingest; sys.exit('torch' in sys.modules)",
        ],
        cwd=Path(__file__).parents[3],
        check=False,
    )
    assert done.returncode == 0
