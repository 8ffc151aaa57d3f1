"""What does not fit the format of a file, in its name or in what the user gives, is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.datasets.readers import Hints
from pipeline.datasets.readers.file_notes import explain_format, explain_hints


@pytest.mark.parametrize(
    ("kinds", "told"),
    [
        (("csv",), ["the sheet 'Data' (--sheet) does not apply to a text table, and was left aside"]),
        (("csv", "tsv"), ["the sheet 'Data' (--sheet) does not apply to a text table, and was left aside"]),
        (("xlsx",), ["the encoding 'cp1251' (--encoding) does not apply to a workbook, and was left aside"]),
        (("csv", "xlsx"), []),
        (("csv", "of another package"), []),
    ],
)
def test_what_the_user_gives_applies_or_is_said_not_to(kinds: tuple[str, ...], told: list[str]) -> None:
    assert explain_hints(kinds, Hints("smi", encoding="cp1251", sheet="Data")) == told


def test_an_sdf_takes_the_encoding_alone() -> None:
    notes = explain_hints(("sdf",), Hints("smi", False, (), ";", "cp1251", "Data"))
    assert [note.partition(" does not apply to mol blocks (SDF)")[0] for note in notes] == [
        "the SMILES column 'smi' (--smiles-column)", "the setting of a header (--header, --no-header)",
        "the delimiter ';' (--delimiter)", "the sheet 'Data' (--sheet)",
    ]  # fmt: skip


def test_a_name_that_says_another_format() -> None:
    told = ["the file holds a text table, whatever its name says, and was read so"]
    assert explain_format(Path("a.sdf.gz"), "txt") == told
    assert explain_format(Path("a.csv"), "sdf")[0].startswith("the file holds mol blocks (SDF)")
    assert [explain_format(Path(name), kind) for name, kind in (("a.csv", "csv"), ("a.smi", "txt"), ("a", "sdf"))] == [
        [], [], [],
    ]  # fmt: skip
