from __future__ import annotations

import csv
import io
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chem_vae.errors import DataError
from pipeline.datasets.readers import Hints
from pipeline.datasets.readers.source import Source
from pipeline.workspace.presentation.csv_tables import restore_formula
from tests.pipeline.datasets.reading import molecules, read_all, rejections, write


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


def test_rows_of_the_wrong_length_and_empty_lines(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "smiles,x\nCCC,1\n\nCCO\nCCN,1,2\n,,\n,\n\nCCS,2\n\n\n")
    source, chunks = read_all(path)
    assert molecules(chunks) == [(0, "CCC"), (2, "CCO"), (4, ""), (5, ""), (7, "CCS")]
    assert [cell for chunk in chunks for cell in chunk.columns["x"]] == ["1", "", "", "", "2"]
    assert [(r.row, r.reason) for r in rejections(chunks)] == [
        (1, "empty line"),
        (3, "3 fields where there should be 2; the surplus is '2'"),
        (6, "empty line"),
    ], "empty lines at the end are no rows"
    assert sum(map(len, chunks)) == 8
    assert source.notes == ["rows with fewer than 2 cells: 1; the missing ones at the end are taken as empty"]


@pytest.mark.parametrize(("delimiter", "name"), [(";", "a.csv"), ("\t", "a.csv"), ("|", "a.csv"), ("\t", "a.tsv")])
def test_delimiters(tmp_path: Path, delimiter: str, name: str) -> None:
    text = f"id{delimiter}smiles\n1{delimiter}CCO\n"
    source, chunks = read_all(write(tmp_path, name, text))
    assert molecules(chunks) == [(0, "CCO")]
    assert bool(source.notes) == (name == "a.csv")


def test_a_quote_that_is_never_closed_costs_one_row(tmp_path: Path) -> None:
    _, chunks = read_all(write(tmp_path, "a.csv", 'smiles,x\nCCO,"open\n' + "CCN,1\n" * 300))
    assert len(molecules(chunks)) == 301


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
    assert Source.open(path, Hints("stuff")).smiles_column == "stuff"
    with pytest.raises(DataError, match="did you mean 'stuff'"):
        Source.open(path, Hints("Stuff"))
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


STRAY = 'SMILES,note\nCCO,ok\nCCN,5" tube\nCCC,plain\nCCCl,plain\nCCBr,3" tube\nc1ccccc1,last\n'


def test_a_quote_in_the_middle_of_a_cell_is_a_character(tmp_path: Path) -> None:
    source, chunks = read_all(write(tmp_path, "a.csv", STRAY))
    assert molecules(chunks) == list(enumerate(["CCO", "CCN", "CCC", "CCCl", "CCBr", "c1ccccc1"]))
    assert chunks[0].columns["note"] == ["ok", '5" tube', "plain"]
    assert source.count() == 6 and source.notes == []


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('CCN,"5 tube\nCCC,plain\nCCBr,3" tube\n', [("CCN", '"5 tube'), ("CCC", "plain"), ("CCBr", '3" tube')]),
        ('CCN,"5 tube\nCCC,"plain"\n', [("CCN", '"5 tube'), ("CCC", "plain")]),
        ('CCN,"5 tube\nCCC,plain\nCCBr,x,"y"\n', [("CCN", '"5 tube'), ("CCC", "plain"), None]),
        ('CCN,"two\nlines, a ""quote"""\nCCC,plain\n', [("CCN", 'two\nlines, a "quote"'), ("CCC", "plain")]),
        ('CCN,"5" tube\n"CCO" ,""\n', [("CCN", '"5" tube'), ("CCO", "")]),
        ('CCN,"\n\n"\nCCC,x\n\n', [("CCN", "\n\n"), ("CCC", "x")]),
    ],
)
def test_a_quoted_cell_ends_at_the_quote_that_closes_it(
    tmp_path: Path, text: str, rows: list[tuple[str, str] | None]
) -> None:
    source, chunks = read_all(write(tmp_path, "a.csv", "smiles,x\n" + text), rows=10)
    (chunk,) = chunks
    found = dict(zip(chunk.rows, zip(chunk.inputs, chunk.columns["x"], strict=True), strict=True))
    assert [found.get(i) for i in range(len(chunk))] == rows
    assert source.count() == len(chunk) + chunk.line_breaks
    assert any("line breaks" in note for note in source.notes) == bool(chunk.line_breaks)


CELL = st.text(alphabet="abC\",;\t|\n' é", max_size=8)


@given(
    table=st.lists(st.tuples(CELL, CELL), min_size=1, max_size=12),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    at=st.integers(0, 2),
)
@settings(max_examples=300, deadline=None)
def test_a_well_formed_table_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, table: list[tuple[str, str]], delimiter: str, at: int
) -> None:
    rows = [[*cells[:at], "CCO", *cells[at:]] for cells in table]
    buffer = io.StringIO()
    header = ["a", "b"]
    header.insert(at, "smiles")
    csv.writer(buffer, delimiter=delimiter, lineterminator="\n").writerows([header, *rows])
    path = write(tmp_path_factory.mktemp("table"), "a.csv", buffer.getvalue())
    source, chunks = read_all(path, "smiles", rows=5)
    assert [row for chunk in chunks for row in chunk.rows] == list(range(len(rows))), "no row is lost, none is refused"
    found = [list(r) for c in chunks for r in zip(c.columns["a"], c.columns["b"], strict=True)]
    assert found == [list(map(restore_formula, cells)) for cells in table]
    assert source.count() == len(rows) + sum(cell.count("\n") for row in rows for cell in row)


@given(st.text(alphabet='C",\n;O x', max_size=80))
@example(',,"\n"')
@settings(max_examples=500, deadline=None)
def test_no_line_of_any_text_is_lost(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = write(tmp_path_factory.mktemp("text"), "a.csv", "smiles,note\n" + text)
    source, chunks = read_all(path, "smiles", rows=7)
    lines = text.split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    assert source.count() == len(lines)
    assert sum(map(len, chunks)) + sum(chunk.line_breaks for chunk in chunks) == len(lines)
    numbers = [n for chunk in chunks for n in (*chunk.rows, *(r.row for r in chunk.rejections))]
    assert sorted(numbers) == list(range(len(numbers)))
    alone = [line for line in lines if '"' not in line]
    read = Counter(f"{s},{n}" for c in chunks for s, n in zip(c.inputs, c.columns["note"], strict=True))
    if '"' not in text:
        cells = [[*line.split(","), ""] for line in alone if line.strip()]
        assert read == Counter(f"{row[0]},{row[1]}" for row in cells if not "".join(row[2:]).strip())


HEADERLESS = "M1,CCCCO,5.1\nM2,CCCCN,6.2\nM3,c1ccccc1O,7.3\n"


def test_a_table_without_a_header_keeps_its_first_molecule(tmp_path: Path) -> None:
    source, chunks = read_all(write(tmp_path, "a.csv", HEADERLESS))
    assert molecules(chunks) == [(0, "CCCCO"), (1, "CCCCN"), (2, "c1ccccc1O")]
    assert source.columns == ["column1", "column3"] and source.smiles_column is None
    assert source.notes == [
        "the file has no header: its first line is data (M1, CCCCO, 5.1); set `header` to true (--header) if it is not",
        "the SMILES are taken from the column 'column2', whose cells are molecules",
    ]
    assert molecules(read_all(write(tmp_path, "b.csv", "M1,C1CC,5.1\nM2,CCCCN,6.2\nM3,CCCCO,1\n"))[1])[0] == (0, "C1CC")
    assert molecules(read_all(write(tmp_path, "c.tsv", "1\tCCO\n2\tCCN\n"))[1]) == [(0, "CCO"), (1, "CCN")]
    assert molecules(read_all(write(tmp_path, "d.csv", "M1,CCCCO,5.1\n"))[1]) == [(0, "CCCCO")]


def test_a_header_that_was_guessed_is_told(tmp_path: Path) -> None:
    text = "id,drawing,pIC50\n" + HEADERLESS
    source, chunks = read_all(write(tmp_path, "a.csv", text))
    assert len(molecules(chunks)) == 3 and source.smiles_column == "drawing"
    assert source.notes == [
        "the first line was read as the header (id, drawing, pIC50); set `header` to false (--no-header) if it is data",
        "the SMILES are taken from the column 'drawing', whose cells are molecules",
    ]
    assert read_all(write(tmp_path, "b.csv", text.replace("drawing", "SMILES")))[0].notes == []


def test_the_user_says_whether_there_is_a_header(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", HEADERLESS)
    source = Source.open(path, Hints(header=True))
    assert source.columns == ["M1", "5.1"] and source.smiles_column == "CCCCO" and source.count() == 2
    (note,) = Source.open(path, Hints(header=False)).layout.notes
    assert "column2" in note, "only the choice of the column is told"
    assert Source.open(path, Hints("column2", header=False)).layout.names == ("column1", "smiles", "column3")
    path = write(tmp_path, "b.csv", "drawing,1.5,2.5\nCCCCO,1,2\nCCCCN,1,3\n")
    assert Source.open(path).count() == 3, "a number in a column of numbers"
    assert Source.open(path, Hints(columns=("1.5",))).count() == 2, "the user knows a column of that name"
    assert Source.open(path, Hints(header=True)).columns == ["1.5", "2.5"]
    assert molecules(read_all(write(tmp_path, "c.smi", "c1cc x\nCCO y\n"))[1]) == [(0, "c1cc"), (1, "CCO")]
    assert Source.open(tmp_path / "c.smi", Hints(header=True)).count() == 1
    assert Source.open(tmp_path / "c.smi", Hints(header=False)).count() == 2
