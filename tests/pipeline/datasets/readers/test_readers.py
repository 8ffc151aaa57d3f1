"""A package adds a file format by its entry point."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pipeline.datasets.config import IngestConfig
from pipeline.datasets.ingest import ingest
from pipeline.datasets.readers import READERS, Layout
from tests.chem_vae.test_plugins import install
from tests.pipeline.datasets.reading import write

PLUGIN = """
from pipeline.datasets.readers import READERS, Layout

class FastaLikeReader:
    suffixes = (".mols",)
    line_based = False

    def find_layout(self, path, hints):
        return Layout(("smiles", "name"), 0)

    def read_rows(self, path, layout, notes):
        notes.append("read by a plug-in")
        for row, record in enumerate(path.read_text().split(">")[1:]):
            name, smiles = record.split()
            yield row, smiles, [name]

    def count_rows(self, path, layout):
        return path.read_text().count(">")

def register():
    READERS.add("mols", FastaLikeReader())
"""


def test_the_columns_of_a_layout_have_names_of_their_own() -> None:
    with pytest.raises(ValueError, match="two columns of a layout have the name 'x'"):
        Layout(("smiles", "x", "y", "x"), 0)


def test_a_package_adds_a_file_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "chem_vae.readers", PLUGIN)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "colors_plugin", raising=False)
    monkeypatch.setattr(READERS, "_plugins_loaded", False)
    monkeypatch.setattr(READERS, "_entries", dict(READERS._entries))
    path = write(tmp_path, "three.mols", ">one\nCCO\n>two\nCCN\n>three\nCCC\n")
    settings = IngestConfig(
        source=str(path), compute=("mw",), validation_fraction=0, test_fraction=0, merges=0, workers=1
    )
    dataset = ingest(settings, tmp_path)
    assert dataset.table(["smiles", "name"]).values.tolist() == [["CCO", "one"], ["CCN", "two"], ["CCC", "three"]]
    assert dataset.manifest["notes"] == ["read by a plug-in"]
