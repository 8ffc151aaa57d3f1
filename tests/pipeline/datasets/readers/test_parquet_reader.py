from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from chem_vae.errors import DataError
from pipeline.datasets.readers.source import Source
from tests.pipeline.datasets.reading import molecules, read_all, write


@pytest.mark.parametrize("name", ["a.parquet", "a.parquet.gz"])
def test_parquet(tmp_path: Path, name: str) -> None:
    frame = pd.DataFrame({"id": [1, 2, 3], "smiles": ["CCO", None, "NA"], "y": [1.5, None, float("inf")]})
    frame.to_parquet(tmp_path / "plain.parquet")
    source, chunks = read_all(write(tmp_path, name, (tmp_path / "plain.parquet").read_bytes()))
    assert source.count() == 3
    assert molecules(chunks) == [(0, "CCO"), (1, None), (2, "NA")]
    assert chunks[0].columns["id"] == ["1", "2", "3"]
    assert chunks[0].columns["y"][0] == "1.5"
    assert chunks[0].numbers == {"id": [True] * 3, "y": [True, False, True]}
    data = (tmp_path / "plain.parquet").read_bytes()
    with pytest.raises(DataError, match="Parquet"):
        Source.open(write(tmp_path, "cut.parquet", data[:100]))


def test_the_choice_of_the_column_is_told_and_names_in_cells_are_kept(tmp_path: Path) -> None:
    cells = ["CCOc1ccccc1C(=O)N one", "CC(=O)Nc1ccc(O)cc1", "Cc1ccc(S(N)(=O)=O)cc1 |c:1| two"]
    frame = pd.DataFrame({"Molecule": ["A-1", "A-2", "A-3"], "drawn": cells})
    frame.to_parquet(tmp_path / "a.parquet")
    source, chunks = read_all(tmp_path / "a.parquet")
    assert [text for _, text in molecules(chunks)] == cells
    assert chunks[0].columns == {"Molecule": ["A-1", "A-2", "A-3"], "name": ["one", "", "two"]}
    assert any("'drawn'" in note and "'Molecule' holds identifiers" in note for note in source.notes)
