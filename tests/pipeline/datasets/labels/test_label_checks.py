"""Labels that cannot teach are found, with their rows, numbers and remedies."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from chem_vae.errors import ChemVAEWarning, DataError
from pipeline.datasets.config import IngestConfig
from pipeline.datasets.dataset import Dataset
from pipeline.datasets.ingest import ingest
from pipeline.datasets.labels.label_checks import Finding, Labels, check_labels, find_classes, require_labels
from pipeline.datasets.readers.row_numbers import RowNumbers

ASSAY = np.random.default_rng(1).normal(5.7, 0.6, 60).round(2)


def _check(values: object, **more: object) -> list[Finding]:
    array = np.asarray(values, dtype=np.float64)
    return check_labels(Labels("p", array, np.arange(len(array)), RowNumbers(2), **more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (ASSAY[:10], "p has 10 usable labels, but a predictor needs 15 at least"),
        ([6.5] * 60, "all 60 labels of p are 6.5, so that there is nothing to learn"),
        ([1.0] + [0.0] * 59, "p has two classes, 1 of its 60 molecules with 1: 5 of each class are the least"),
        (
            [*ASSAY, 1e6],
            r"1 value of p lies far from all others: row 62 \(1,000,000\); correct it .* --leave-out 'p=1000000'",
        ),
        (
            [*ASSAY[:8], -999.0, *ASSAY[8:], -999.0],
            r"2 values of p look like codes for missing values: row 10 \(-999\), row 63",
        ),
        ([*ASSAY, 1e308], r"row 62 \(1e\+308\)"),
        ([5.0] * 58 + [6.0, 7.0], "58 of 60 labels of p are 5, and the 2 others are too few to learn from"),
    ],
)
def test_labels_that_cannot_teach_stop(values: object, told: str) -> None:
    first = _check(values)[0]
    assert first.stops
    with pytest.raises(AssertionError, match=told):
        raise AssertionError(first.text)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([1.0] * 7 + [0.0] * 53, "p has two classes, 7 of its 60 molecules with 1: with fewer than 10"),
        ([*ASSAY, 13.5], "1 value of p lies far from all others: row 62 (13.5)"),
        (
            10 ** (9 - 2 * ASSAY + 6.0),
            "like a raw concentration, which a model learns better as a logarithm: --property 'p' --log learns 'log p'",
        ),
        (
            [5.0] * 40 + ASSAY[:20].tolist(),
            "40 of 60 labels of p are 5: if that is a limit of the assay, write it as a bound",
        ),
    ],
)
def test_weak_labels_are_a_warning(values: object, told: str) -> None:
    (found,) = _check(values)
    assert not found.stops and told in found.text


def test_ordinary_labels_pass() -> None:
    assert _check(ASSAY) == [] and _check([0.0, 1.0] * 30) == []
    assert _check(10 ** (9 - 2 * ASSAY + 6.0), is_log=True) == []
    assert _check([*ASSAY[:12], *[np.nan] * 8], bounds=8) == [], "bounds teach, too"


def test_rows_are_named_by_the_users_id() -> None:
    (found,) = _check([*ASSAY, 13.5], ids=[f"CMP-{i}" for i in range(61)])
    assert "row 62 CMP-60 (13.5)" in found.text


def test_two_values_are_classes() -> None:
    assert find_classes(np.array([1.0, np.nan, 0.0, 1.0])) == (0.0, 1.0)
    assert find_classes(np.array([1.0, 1.0])) is None and find_classes(np.array([0.0, 1.0, 2.0])) is None


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, sample_smiles: list[str]) -> Path:
    path = tmp_path_factory.mktemp("labels") / "codes.csv"
    rows = [f"{s},{-999 if i % 6 == 0 else ASSAY[i]},6.5" for i, s in enumerate(sample_smiles[:60])]
    path.write_text("\n".join(["SMILES,p,flat", *rows]))
    return path


def _ingest(source: Path, workspace: Path, **more: object) -> Dataset:
    """Ingest; the warnings are looked at in the dataset."""
    settings = {"source": str(source), "compute": [], "merges": 0, "workers": 1, **more}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ChemVAEWarning)
        return ingest(IngestConfig.model_validate(settings), workspace)


def test_a_dataset_tells_what_was_found_and_a_training_stops(source: Path, tmp_path: Path) -> None:
    data = _ingest(source, tmp_path, properties=["p", "flat"])
    codes, flat = data.warnings
    assert "10 values of p look like codes" in codes and "row 2 (-999)" in codes and "all 60 labels of flat" in flat
    with pytest.raises(DataError, match="look like codes.*; all 60 labels of flat"):
        require_labels(data)


def test_what_is_left_out_on_request_no_longer_stops(source: Path, tmp_path: Path) -> None:
    data = _ingest(source, tmp_path, properties=["p", "flat"], leave_out=["p=-999"])
    assert "10 values of p were left out, as asked for by p=-999" in data.notes
    assert data.table(["p"])["p"].notna().sum() == 50
    assert len(require_labels(data)) == 1, "the other property only warns where it is not asked for"
    with pytest.raises(DataError, match="all 60 labels of flat are 6.5"):
        require_labels(data, ["flat"])
