"""Words of two classes are read as 1 and 0, where a column holds nothing else."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from chem_vae.errors import ChemVAEWarning, DataError
from pipeline.datasets.config import IngestConfig
from pipeline.datasets.dataset import Dataset
from pipeline.datasets.ingest import ingest
from pipeline.datasets.labels.class_words import find_class_words, may_be_classes


@pytest.mark.parametrize(
    ("cells", "classes"),
    [
        (["Active", " inactive ", "ACTIVE"], {"active": "1", "inactive": "0"}),
        (["+", "-", "\N{MINUS SIGN}"], {"+": "1", "-": "0"}),
        (["yes", "no", ""], {"yes": "1", "no": "0"}),
        (["ja", "nein"], {"ja": "1", "nein": "0"}),
        (["True", "False"], {"true": "1", "false": "0"}),
        (["hERG blocker", "non-hERG blocker"], {"herg blocker": "1", "non-herg blocker": "0"}),
        (["mutagenic", "not mutagenic"], {"mutagenic": "1", "not mutagenic": "0"}),
        (["active"] * 10 + ["inactive"] * 10 + ["inconclusive"], {"active": "1", "inactive": "0"}),
        (["active", "inactive", "inconclusive"], {}),
        (["6.5", "inactive", "active"], {}),
        (["active", "active"], {}),
        (["red", "green"], {}),
        ([], {}),
    ],
)
def test_pairs_of_words_are_found(cells: list[str], classes: dict[str, str]) -> None:
    assert find_class_words(cells) == classes


def test_known_words_keep_their_meaning_where_one_is_alone() -> None:
    known = ("Toxic", "non-toxic")
    assert find_class_words(["TOXIC", "n.d.", "?"], known) == {"toxic": "1", "non-toxic": "0"}
    assert find_class_words(["yes", "no"], known) == {"yes": "1", "no": "0"}
    assert find_class_words(["6.5"], known) == {} and may_be_classes(["toxic", "n.d."], known)


def test_a_part_may_hold_one_class_alone() -> None:
    assert may_be_classes(["inactive", "Inactive"]) and not may_be_classes(["inactive", "n.d."])


def _ingest(path: Path, words: tuple[str, str], smiles: list[str], **wanted: list[str]) -> Dataset:
    rows = [f"{s},{words[i % 3 == 0]}" for i, s in enumerate(smiles[:60])]
    path.write_text("\n".join(["SMILES,result", *rows]))
    config = {
        "source": str(path),
        "properties": [{"name": "result", **wanted}],
        "compute": [],
        "merges": 0,
        "workers": 1,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("error", ChemVAEWarning)
        return ingest(IngestConfig.model_validate(config), path.parent)


def test_a_column_of_words_becomes_classes_and_it_is_said(tmp_path: Path, sample_smiles: list[str]) -> None:
    data = _ingest(tmp_path / "a.csv", ("inactive", "Active"), sample_smiles)
    values = data.table(["result"])["result"]
    assert values.value_counts().to_dict() == {0.0: 40, 1.0: 20}
    assert "the words of 'result' are two classes: 'active' as 1 and 'inactive' as 0" in data.notes
    assert data.properties[0].classes == ("active", "inactive")


def test_other_words_are_refused_as_before(tmp_path: Path, sample_smiles: list[str]) -> None:
    with pytest.raises(DataError, match="holds text, not numbers: its first value is 'red'"):
        _ingest(tmp_path / "b.csv", ("green", "red"), sample_smiles)


def test_the_user_may_name_the_classes(tmp_path: Path, sample_smiles: list[str]) -> None:
    data = _ingest(tmp_path / "c.csv", ("decoy", "binder"), sample_smiles, classes=["Binder", "decoy"])
    assert data.table(["result"])["result"].value_counts().to_dict() == {0.0: 40, 1.0: 20}
    assert data.properties[0].classes == ("Binder", "decoy")
    for words in (["yes", " Yes"], ["yes", ""]):
        with pytest.raises(ValueError, match="two different words"):
            _ingest(tmp_path / "c.csv", ("decoy", "binder"), sample_smiles, classes=words)
