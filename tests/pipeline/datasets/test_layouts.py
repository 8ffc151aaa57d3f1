"""The ways in which programs and people lay out a table: delimiters, encodings, headers, endings of names."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from chem_vae.errors import DataError, UserError
from pipeline.datasets.readers import Hints
from pipeline.datasets.readers.row_numbers import RowNumbers
from pipeline.datasets.readers.source import Chunk, Source, find_format
from tests.pipeline.datasets.reading import molecules, read_all, rejections, write

MOLECULES = ["CCOc1ccccc1C(=O)N", "CC(=O)Nc1ccc(O)cc1", "Cc1ccc(S(N)(=O)=O)cc1", "O=C(O)c1ccccc1OC"]


def read_one(folder: Path, name: str, content: str | bytes, hints: Hints | None = None) -> tuple[Source, Chunk]:
    source = Source.open(write(folder, name, content), hints)
    (chunk,) = source.chunks()
    assert source.count() == len(chunk) + chunk.line_breaks, "no row is lost"
    return source, chunk


@pytest.mark.parametrize(
    ("name", "header", "row", "column", "value"),
    [
        ("a.csv", 'Smiles;"IC50, nM"', "{s};1", "IC50, nM", "1"),
        ("a.csv", "Smiles;IC50, nM", "{s};1,5", "IC50, nM", "1,5"),
        ("a.csv", "smiles;pIC50;logD", "{s};5,31;2,5", "pIC50", "5,31"),
        ("a.csv", "id;smiles;tags", "1;{s};a,b", "tags", "a,b"),
        ("a.csv", "smiles\tx", "{s}\t1,2", "x", "1,2"),
        ("a.csv", "smiles|x", "{s}|1,2", "x", "1,2"),
        ("a.csv", "sep=;\nsmiles;x", "{s};1,2", "x", "1,2"),
        ("a.csv", '"sep=|"\nsmiles|x', "{s}|1;2", "x", "1;2"),
        ("a.csv", "smiles x", "{s} 1", "x", "1"),
        ("a.tsv", "smiles,x", "{s},1", "x", "1"),
        ("a.txt", "smiles,x", "{s},1", "x", "1"),
        ("a.txt", "id,drawing,x", "7,{s},1", "x", "1"),
        ("a.txt", "smiles;x", "{s};1", "x", "1"),
        ("a.txt", "smiles\tname\tx", "{s}\ta b\t1", "x", "1"),
        ("a.smi", "smiles,x", "{s},1", "x", "1"),
        ("a.smi", "SMILES\tID\tx", "{s}\ta b\t1", "x", "1"),
        ("a.smi", "SMILES ID x", "{s}  a   1", "x", "1"),
        ("a.dat", "smiles  x", "{s}   1", "x", "1"),
        ("data", "smiles,x", "{s},1", "x", "1"),
        ("data.export", "smiles,x", "{s},1", "x", "1"),
    ],
)
def test_the_delimiter_is_found(tmp_path: Path, name: str, header: str, row: str, column: str, value: str) -> None:
    _source, chunk = read_one(tmp_path, name, "\n".join([header, *(row.format(s=s) for s in MOLECULES)]))
    assert chunk.inputs == MOLECULES
    assert chunk.columns[column] == [value] * 4


def test_a_list_with_commas_in_its_names_stays_a_list(tmp_path: Path) -> None:
    for name in ("a.smi", "a.txt"):
        _, chunk = read_one(tmp_path, name, "".join(f"{s} 1,2-di, {i}\n" for i, s in enumerate(MOLECULES)))
        assert chunk.inputs == MOLECULES and chunk.columns["name"] == [f"1,2-di, {i}" for i in range(4)]


def test_a_list_whose_names_come_first(tmp_path: Path) -> None:
    for name in ("a.smi", "a.txt"):
        _, chunk = read_one(tmp_path, name, "".join(f"cpd{i} {s}\n" for i, s in enumerate(MOLECULES)))
        assert chunk.inputs == MOLECULES and chunk.columns["name"] == [f"cpd{i}" for i in range(4)]


@pytest.mark.parametrize(("told", "delimiter"), [("%", "%"), ("tab", "\t"), ("\\t", "\t"), ("space", " "), (";", ";")])
def test_the_user_says_the_delimiter(tmp_path: Path, told: str, delimiter: str) -> None:
    text = "\n".join(delimiter.join(row) for row in [("smiles", "x"), *((s, "1,2") for s in MOLECULES)])
    _, chunk = read_one(tmp_path, "a.csv", text, Hints(delimiter=told))
    assert chunk.inputs == MOLECULES and chunk.columns["x"] == ["1,2"] * 4
    with pytest.raises(UserError, match="no single character"):
        Source.open(tmp_path / "a.csv", Hints(delimiter="ab"))


TEXT = "smiles,IC50 (µM) – mean,note\nCCO,1,Müller\nCCN,2,café 5 €\n"


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "windows-1252"]
)
def test_encodings_are_told_apart(tmp_path: Path, encoding: str, ends: str) -> None:
    data = TEXT.replace("\n", ends).encode(encoding)
    source, chunk = read_one(tmp_path, "a.csv", data)
    assert source.columns == ["IC50 (µM) – mean", "note"] and chunk.columns["note"] == ["Müller", "café 5 €"]
    assert any("Windows-1252" in note for note in source.notes) == (encoding == "windows-1252")
    packed = tmp_path / "a.csv.gz"
    packed.write_bytes(gzip.compress(data))
    assert Source.open(packed).columns == source.columns


def test_the_user_says_the_encoding(tmp_path: Path) -> None:
    text = "smiles,活性\nCCO,高\nCCN,低\n"
    _, chunk = read_one(tmp_path, "a.csv", text.encode("gb18030"), Hints(encoding="gb18030"))
    assert chunk.columns == {"活性": ["高", "低"]}
    with pytest.raises(UserError, match="no encoding 'wide'.*utf-8"):
        Source.open(tmp_path / "a.csv", Hints(encoding="wide"))
    source, _ = read_one(tmp_path, "a.csv", text.encode("gb18030"), Hints(encoding="ascii"))
    assert any("not ASCII" in note for note in source.notes)


def test_a_table_of_an_old_mac(tmp_path: Path) -> None:
    source, chunk = read_one(tmp_path, "a.csv", "smiles,note\rCCO,Löslichkeit\rCCN,µ\r".encode("mac-roman"))
    assert chunk.columns["note"] == ["Löslichkeit", "µ"] and any("Mac Roman" in note for note in source.notes)


def test_cells_that_are_missing_or_left_over(tmp_path: Path) -> None:
    text = "smiles,x,y\nCCO,1,2\nCCN,1\nCCC\nCCS,1,2,,\nCCF,1,2,3\nCCI,1,2, \n"
    source, chunk = read_one(tmp_path, "a.csv", text)
    assert chunk.inputs == ["CCO", "CCN", "CCC", "CCS", "CCI"]
    assert chunk.columns == {"x": ["1", "1", "", "1", "1"], "y": ["2", "", "", "2", "2"]}
    assert [(r.row, r.reason) for r in chunk.rejections] == [
        (4, "4 fields where there should be 3; the surplus is '3'")
    ]
    assert [note for note in source.notes if "fewer" in note] == [
        "rows with fewer than 3 cells: 2; the missing ones at the end are taken as empty"
    ]
    _, chunk = read_one(tmp_path, "b.csv", "id,smiles\n1,CCO\n2\n")
    assert [r.reason for r in chunk.rejections] == ["1 fields where there should be 2"], "a row without its SMILES"


def test_a_delimiter_at_the_end_of_each_line_is_no_column(tmp_path: Path) -> None:
    source, chunk = read_one(tmp_path, "a.csv", "smiles,x,\nCCO,1,\nCCN,2,\n")
    assert source.columns == ["x"] and chunk.columns == {"x": ["1", "2"]} and not chunk.rejections
    assert read_one(tmp_path, "b.csv", "smiles,x\nCCO,1,\nCCN,2,\n")[1].inputs == ["CCO", "CCN"]


def test_row_names_as_r_writes_them(tmp_path: Path) -> None:
    rows = "".join(f'"{i}","{s}",5.{i}\n' for i, s in enumerate(MOLECULES))
    source, chunk = read_one(tmp_path, "a.csv", f'"smiles","pIC50"\n{rows}')
    assert chunk.inputs == MOLECULES and chunk.columns["row"] == list("0123")
    assert any("'row'" in note for note in source.notes)


@pytest.mark.parametrize(
    "above", ["Results of May 2024\n\n", "# made by a program\n# version 2\n", "Results,,\nby,,\n", "\n\n"]
)
def test_lines_above_the_header_are_no_data(tmp_path: Path, above: str) -> None:
    table = "id,smiles,pIC50\n" + "".join(f"{i},{s},5\n" for i, s in enumerate(MOLECULES))
    source, chunk = read_one(tmp_path, "a.csv", above + table)
    assert chunk.inputs == MOLECULES and source.columns == ["id", "pIC50"]
    assert RowNumbers.of_layout(source.layout).number(0) == above.count("\n") + 2, "as a spreadsheet counts them"
    assert any("above the header" in note for note in source.notes) == bool(above.strip())


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.smi", "c1ccccc1C(=O\tbroken\nCCO\ta\nCCN\tb\nCCC\tc\n"),
        ("a.smi", "c1ccccc1C(=O broken\nCCO a\nCCN b\nCCC c\n"),
        ("a.csv", "c1ccccc1C(=O,broken\nCCOC,a\nCCNC,b\nCCCC,c\n"),
        ("a.csv", "x0,c1ccccc1C(=O\nx1,CCOC\nx2,CCNC\nx3,CCCC\n"),
        ("a.csv", "c1ccccc1C(=O\nCCOC\nCCNC\nCCCC\n"),
    ],
)
def test_a_file_without_a_header_keeps_its_first_row(tmp_path: Path, name: str, text: str) -> None:
    source, chunk = read_one(tmp_path, name, text)
    assert len(chunk.inputs) == 4 and chunk.inputs[0] == "c1ccccc1C(=O" and not source.layout.header


def test_a_header_of_any_length(tmp_path: Path) -> None:
    names = ",".join(f"p{i}" for i in range(5_000))
    values = ",".join(["1.5"] * 5_000)
    source, chunk = read_one(tmp_path, "a.csv", f"smiles,{names}\nCCO,{values}\nCCN,{values}\n")
    assert len(source.columns) == 5_000 and chunk.inputs == ["CCO", "CCN"]
    long = "n" * 900_000
    assert read_one(tmp_path, "b.csv", f"smiles,{long}\nCCO,1\n")[0].columns == [long]
    with pytest.raises(DataError, match="first line of c.csv has more than 1,048,576 characters"):
        read_all(write(tmp_path, "c.csv", f"smiles,{'n' * 1_100_000}\nCCO,1\n"))


def test_names_with_line_breaks_doubled_and_empty_ones(tmp_path: Path) -> None:
    source, chunk = read_one(tmp_path, "a.csv", 'smiles,"IC50\n(nM)",x,x,,y\nCCO,1,2,3,4,5\n')
    assert source.columns == ["IC50 (nM)", "x", "x.1", "column5", "y"]
    assert chunk.columns["IC50 (nM)"] == ["1"] and RowNumbers.of_layout(source.layout).number(0) == 2


def test_a_file_is_what_its_first_bytes_say(tmp_path: Path) -> None:
    block = "\n  x\n\n  1  0  0  0  0  0  0  0  0  0999 V2000\n    0.0    0.0    0.0 C   0  0\nM  END\n$$$$\n"
    assert find_format(write(tmp_path, "a.txt", block)) == "sdf"
    for name in ("a.csv", "a.tsv", "a.sdf", "a.smi", "a"):
        for encoding in ("utf-8-sig", "utf-16", "utf-16-le"):
            for ends in ("\n", "\r\n", "\r"):
                text = "1,2-ethane; diol" + block.replace("\n", ends)
                assert find_format(write(tmp_path, name, text.encode(encoding))) == "sdf"
    text = "smiles,x\nCCO,1\n"
    assert find_format(write(tmp_path, "a.sdf", text)) == "txt"
    source, _ = read_one(tmp_path, "a.sdf", text)
    assert any("a text table, whatever its name says" in note for note in source.notes)
    for table in (f'smiles,x,drawing\nCCO,1,"{block}"\n', f'"{block}",CCO\n', f'smiles,x\nCCO,"{block[1:]}"\n'):
        assert find_format(write(tmp_path, "a.csv", table)) == "csv"
    for start, words in (
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "old Microsoft Office.*password"),
        (b"%PDF-1.4", "PDF"),
        (b"<html><table><tr><td>smiles", "web page"),
        (b"BZh9", "bzip2"),
        (b"PK\x03\x04cut", "ZIP"),
    ):
        for name in ("a.csv", "b.xls", "c"):
            with pytest.raises(UserError, match=words):
                Source.open(write(tmp_path, name, start))
    with pytest.raises(UserError, match="obabel"):
        Source.open(write(tmp_path, "a.mol2", "@<TRIPOS>MOLECULE\n"))


def test_text_that_a_spreadsheet_would_run_comes_back(tmp_path: Path) -> None:
    _source, chunk = read_one(tmp_path, "a.csv", "smiles,'=cmd|x,relation\nCCO,'-OH,'='\nCCN,-5.2,'>'\n")
    assert chunk.columns == {"=cmd|x": ["-OH", "-5.2"], "relation": ["'='", "'>'"]}
    assert molecules([chunk]) == [(0, "CCO"), (1, "CCN")] and rejections([chunk]) == []
    _source, chunk = read_one(tmp_path, "a.csv", "smiles,'=cmd,=cmd\nCCO,1,2\n")
    assert chunk.columns == {"=cmd": ["1"], "=cmd.1": ["2"]}
