from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pytest
from rdkit import Chem

from chem_vae.errors import DataError, UserError
from pipeline.chemistry.standardize import Rejection
from pipeline.datasets.readers import Chunk, Source, file_format


def read_all(path: Path, smiles_column: str | None = None, rows: int = 3) -> tuple[Source, list[Chunk]]:
    source = Source.open(path, smiles_column)
    return source, list(source.chunks(rows))


def molecules(chunks: list[Chunk]) -> list[tuple[int, str | None]]:
    return [pair for chunk in chunks for pair in zip(chunk.rows, chunk.inputs, strict=True)]


def rejections(chunks: list[Chunk]) -> list[Rejection]:
    return [rejection for chunk in chunks for rejection in chunk.rejections]


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    data = content if isinstance(content, bytes) else content.encode()
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_csv(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, name, 'id,SMILES,"a, note"\n1,CCO,"x, y"\n2,CCN,"two\nlines"\n3,None,\n4,NA,z')
    source, chunks = read_all(path)
    assert source.smiles_column == "SMILES"
    assert source.columns == ["id", "a, note"]
    assert molecules(chunks) == [(0, "CCO"), (1, "CCN"), (2, "None"), (3, "NA")], "None and NA are text here"
    assert [len(c) for c in chunks] == [3, 1]
    assert chunks[0].columns == {"id": ["1", "2", "3"], "a, note": ["x, y", "two\nlines", ""]}
    assert list(source.chunks(3)) == chunks, "a source can be read again"
    assert sum(map(len, source.chunks(3, limit=2))) == 2


def test_count_is_exact_for_ordinary_files(tmp_path: Path) -> None:
    assert Source.open(write(tmp_path, "a.csv", "smiles,x\nCCC,1\nCCO,2\n")).count() == 2
    assert Source.open(write(tmp_path, "b.csv.gz", "smiles,x\nCCC,1\nCCO,2")).count() == 2
    assert Source.open(write(tmp_path, "c.smi", "CCC a\nCCO b\nCCN c\n")).count() == 3
    block = Chem.MolToMolBlock(Chem.MolFromSmiles("CCO"))
    assert Source.open(write(tmp_path, "d.sdf", f"{block}$$$$\n" * 4)).count() == 4


def test_rows_of_the_wrong_length_and_empty_lines(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "smiles,x\nCCC,1\n\nCCO\nCCN,1,2\n,,\n,\n\nCCS,2\n\n\n")
    source, chunks = read_all(path)
    assert molecules(chunks) == [(0, "CCC"), (5, ""), (7, "CCS")]
    assert [(r.row, r.reason) for r in rejections(chunks)] == [
        (1, "empty line"),
        (2, "1 fields where the header has 2"),
        (3, "3 fields where the header has 2"),
        (4, "3 fields where the header has 2"),
        (6, "empty line"),
    ], "empty lines at the end are no rows"
    assert sum(map(len, chunks)) == 8
    assert source.notes == []


@pytest.mark.parametrize(("delimiter", "name"), [(";", "a.csv"), ("\t", "a.csv"), ("|", "a.csv"), ("\t", "a.tsv")])
def test_delimiters(tmp_path: Path, delimiter: str, name: str) -> None:
    text = f"id{delimiter}smiles\n1{delimiter}CCO\n"
    source, chunks = read_all(write(tmp_path, name, text))
    assert molecules(chunks) == [(0, "CCO")]
    assert bool(source.notes) == (name == "a.csv")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    source, chunks = read_all(write(tmp_path, "a.csv", "smiles,näme\nCCO,Müller\nCCN,ascii\n".encode(encoding)))
    assert molecules(chunks) == [(0, "CCO"), (1, "CCN")]
    assert source.columns == ["näme"]
    assert chunks[0].columns["näme"] == ["Müller", "ascii"]
    assert source.notes == (["2 lines are not UTF-8 and were read as Latin-1"] if encoding == "latin-1" else [])


def test_binary_junk_in_the_middle(tmp_path: Path) -> None:
    junk = bytes(range(256)).replace(b"\n", b"").replace(b"\r", b"").replace(b'"', b"").replace(b",", b"")
    path = write(tmp_path, "a.csv", b"smiles,x\nCCO,1\n" + junk + b"\nCCN,2\n")
    _, chunks = read_all(path)
    assert molecules(chunks) == [(0, "CCO"), (2, "CCN")]
    assert [(r.row, r.stage, r.reason) for r in rejections(chunks)] == [(1, "read", "binary data")]


def test_a_quote_that_is_never_closed_costs_one_row(tmp_path: Path) -> None:
    _, chunks = read_all(write(tmp_path, "a.csv", 'smiles,x\nCCO,"open\n' + "CCN,1\n" * 300))
    assert len(molecules(chunks)) == 301


def test_a_line_without_end_is_one_row(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv.gz", b"smiles\nCCO\n" + b"C" * 5_000_000 + b"\nCCN\n")
    _, chunks = read_all(path)
    assert [row for row, _ in molecules(chunks)] == [0, 1, 2]
    assert molecules(chunks)[2] == (2, "CCN")


def test_truncated_gzip_keeps_what_came_before(tmp_path: Path) -> None:
    lines = "smiles,x\n" + "".join(f"{'C' * (i % 50 + 1)},{i * 7919 % 1000}\n" for i in range(20_000))
    whole = gzip.compress(lines.encode())
    path = tmp_path / "a.csv.gz"
    path.write_bytes(whole[: len(whole) // 2])
    source, chunks = read_all(path, rows=1_000)
    rows = molecules(chunks)
    assert 1_000 < len(rows) < 19_000
    assert [row for row, _ in rows] == list(range(len(rows)))
    (cut,) = rejections(chunks)
    assert cut.row == len(rows)
    assert "cut" in cut.reason
    assert any("cut" in note for note in source.notes)


def test_doubled_headers(tmp_path: Path) -> None:
    source, chunks = read_all(write(tmp_path, "a.csv", "smiles,x,x,\nCCO,1,2,3\n"))
    assert source.columns == ["x", "x.1", "column4"]
    assert chunks[0].columns["x.1"] == ["2"]
    assert source.layout.doubled == ("x",)
    assert "x" in source.notes[0]
    with pytest.raises(DataError, match="two columns named 'smiles'"):
        Source.open(write(tmp_path, "b.csv", "smiles,smiles\nCCO,CCN\n"))


def test_finding_the_smiles_column(tmp_path: Path) -> None:
    rows = "".join(f"{i},CC({'C' * i})O,m{i}\n" for i in range(1, 60))
    for header, column in [("id,Canonical SMILES,n", "Canonical SMILES"), ("id,stuff,n", "stuff"), ("a,Mol,n", "Mol")]:
        assert Source.open(write(tmp_path, "a.csv", f"{header}\n{rows}")).smiles_column == column
    path = write(tmp_path, "a.csv", f"id,stuff,n\n{rows}")
    assert Source.open(path, "stuff").smiles_column == "stuff"
    with pytest.raises(DataError, match="did you mean 'stuff'"):
        Source.open(path, "Stuff")
    with pytest.raises(DataError, match=r"no column of b\.csv holds SMILES.*id, value"):
        Source.open(write(tmp_path, "b.csv", "id,value\n1,2\n3,4\n"))
    with pytest.raises(DataError, match="no column"):
        Source.open(write(tmp_path, "c.csv", "atom,n\nC,1\nN,2\nO,3\n"))


def test_a_single_column_without_a_header(tmp_path: Path) -> None:
    source, chunks = read_all(write(tmp_path, "a.csv", "CCO\nCCN\n"))
    assert molecules(chunks) == [(0, "CCO"), (1, "CCN")]
    assert "no header" in source.notes[0]


def test_smi(tmp_path: Path) -> None:
    source, chunks = read_all(write(tmp_path, "a.smi", "CCO ethanol of sorts\nCCN\n\nc1ccccc1\tbenzene\n"))
    assert molecules(chunks) == [(0, "CCO"), (1, "CCN"), (3, "c1ccccc1")]
    assert chunks[0].columns["name"] == ["ethanol of sorts", ""]
    assert [(r.row, r.reason) for r in rejections(chunks)] == [(2, "empty line")]
    assert source.smiles_column is None
    _, chunks = read_all(write(tmp_path, "b.txt", "SMILES name\nCCO x\n"))
    assert molecules(chunks) == [(0, "CCO")]
    _, chunks = read_all(write(tmp_path, "c.txt", "SMILES\tpIC50\tname\nCCO\t5\ta b\n"))
    assert chunks[0].columns == {"pIC50": ["5"], "name": ["a b"]}


def test_sdf(tmp_path: Path) -> None:
    block = Chem.MolToMolBlock(Chem.MolFromSmiles("CCO"))
    record = block + "> <pIC50>\n6.5\n\n>  25  <note> (1)\ntwo\nlines\n\n$$$$\n"
    other = block.replace("\n", "Lead 7\n", 1) + "$$$$\n"
    _, chunks = read_all(write(tmp_path, "a.sdf.gz", record + other + "junk\n$$$$\n" + record[: len(block) // 2]))
    assert [row for row, _ in molecules(chunks)] == [0, 1]
    assert chunks[0].molblocks
    assert chunks[0].columns == {
        "pIC50": ["6.5", None],
        "note": ["two\nlines", None],
        "title": [None, "Lead 7"],
    }
    assert [(r.row, r.stage) for r in rejections(chunks)] == [(2, "read"), (3, "read")]
    assert "cut" in rejections(chunks)[1].reason
    _, chunks = read_all(write(tmp_path, "b.sdf", record.removesuffix("$$$$\n")))
    assert len(molecules(chunks)) == 1, "the last $$$$ may be missing"


@pytest.mark.parametrize("name", ["a.parquet", "a.parquet.gz"])
def test_parquet(tmp_path: Path, name: str) -> None:
    frame = pd.DataFrame({"id": [1, 2, 3], "smiles": ["CCO", None, "NA"], "y": [1.5, None, float("inf")]})
    frame.to_parquet(tmp_path / "plain.parquet")
    source, chunks = read_all(write(tmp_path, name, (tmp_path / "plain.parquet").read_bytes()))
    assert source.count() == 3
    assert molecules(chunks) == [(0, "CCO"), (1, None), (2, "NA")]
    assert chunks[0].columns["id"] == ["1", "2", "3"]
    assert chunks[0].columns["y"][0] == "1.5"
    data = (tmp_path / "plain.parquet").read_bytes()
    with pytest.raises(DataError, match="Parquet"):
        Source.open(write(tmp_path, "cut.parquet", data[:100]))


def test_files_that_are_nothing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no file"):
        Source.open(tmp_path / "missing.csv")
    for content in ("", "\n\n\n"):
        with pytest.raises(DataError, match="empty"):
            Source.open(write(tmp_path, "a.csv", content))
    with pytest.raises(DataError, match="binary"):
        Source.open(write(tmp_path, "a.csv", b"\x89PNG\x00\x00\n\x00\x01"))
    with pytest.raises(DataError, match="damaged"):
        Source.open(write(tmp_path, "b.csv", b"\x1f\x8bnot gzip at all"))
    with pytest.raises(UserError, match="format of a.xlsx"):
        file_format(Path("a.xlsx"))
    with pytest.raises(DataError, match="folder"):
        Source.open(tmp_path)
