"""A column that is spelled in several ways is one column, where never two of them have a value in one row."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.datasets.readers import Caution, Hints
from pipeline.datasets.readers.source import Source
from tests.pipeline.datasets.readers.test_sdf_reader import AMINE, ETHANOL, ETHER
from tests.pipeline.datasets.reading import write

BLOCKS = (ETHER, AMINE, ETHANOL, ETHER)


def write_records(folder: Path, *fields: dict[str, str]) -> Path:
    """Write an SDF of a record for each set of data fields."""
    records = (
        block + "".join(f"> <{name}>\n{value}\n\n" for name, value in found.items()) + "$$$$\n"
        for block, found in zip(BLOCKS, fields, strict=False)
    )
    return write(folder, "a.sdf", "".join(records))


def read(path: Path, *columns: str) -> tuple[dict[str, list[str | None]], list[str], list[Caution]]:
    """Read a file; returns its columns, the notes and the cautions."""
    source = Source.open(path, Hints(columns=columns))
    (chunk,) = source.chunks()
    assert not source.layout.names or source.columns == list(chunk.columns)
    cautions = [note for note in source.notes if isinstance(note, Caution)]
    return chunk.columns, [note for note in source.notes if note not in cautions], cautions


def test_spellings_of_records_are_merged(tmp_path: Path) -> None:
    path = write_records(tmp_path, {"IC50": "1"}, {"ic50": "2", "note": "x"}, {"ic 50": "3", "IC50": ""}, {"IC50": "4"})
    columns, notes, cautions = read(path, "IC50")
    assert columns == {"IC50": ["1", "2", "3", "4"], "note": [None, "x", None, None]} and cautions == []
    assert notes == [
        "'ic50' (1 row) is read as another spelling of 'IC50': no row has both",
        "'ic 50' (1 row) is read as another spelling of 'IC50': no row has both",
    ]


@pytest.mark.parametrize("asked", [(), ("note",), ("IC50", "ic50")])
def test_only_what_is_asked_for_is_merged(tmp_path: Path, asked: tuple[str, ...]) -> None:
    columns, notes, _ = read(write_records(tmp_path, {"IC50": "1"}, {"ic50": "2"}), *asked)
    assert columns == {"IC50": ["1", None], "ic50": [None, "2"]} and notes == []


def test_two_spellings_in_one_record_are_two_columns(tmp_path: Path) -> None:
    path = write_records(tmp_path, {"IC50": "1", "ic50": "9"}, {"ic50": "2"}, {"ic50": "3"}, {"IC50": "4"})
    columns, _, (caution,) = read(path, "IC50")
    assert columns["IC50"] == ["1", None, None, "4"]
    assert caution.startswith("2 rows have 'ic50', which is not read: other rows have 'IC50' beside it")
    assert read(write_records(tmp_path, {"IC50": "1", "ic50": "9"}, {"IC50": "4"}), "IC50")[2] == [], "nothing is lost"


def test_a_name_that_no_record_has_is_that_of_most(tmp_path: Path) -> None:
    path = write_records(tmp_path, {"IC50": "1"}, {"ic50": "2"}, {"ic50": "3"})
    assert read(path, "Ic50")[0] == {"ic50": ["1", "2", "3"]}


def test_spellings_of_a_table_are_merged(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "smiles,IC50,ic50,x\nCCO,,1,a\nCCN,2,,b\nCCC,,,c\n")
    columns, notes, _ = read(path, "IC50")
    assert columns == {"IC50": ["1", "2", ""], "x": ["a", "b", "c"]} and len(notes) == 1
    path = write(tmp_path, "a.csv", "smiles,IC50,ic50\nCCO,,1\nCCN,2,5\n")
    assert len(read(path, "IC50")[2]) == 1


def test_a_field_is_seen_however_late_it_stands(tmp_path: Path) -> None:
    path = write_records(tmp_path, {}, {}, {"IC50": "1"})
    assert Source.open(path).read_columns(1) == ["IC50"]
