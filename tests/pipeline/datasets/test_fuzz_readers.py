"""Readers under arbitrary bytes and under tables whose rows are known: nothing but user errors, and every row accounted for."""

from __future__ import annotations

import csv
import gzip
import io
import random
import tempfile
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from rdkit import Chem

from chem_vae.errors import UserError
from pipeline.chemistry.standardization.standardize import Rejection, Standardizer
from pipeline.datasets.readers.source import Source
from tests.pipeline.datasets.reading import molecules, rejections

NAMES = ("a.csv", "a.tsv", "a.smi", "a.txt", "a.sdf", "a.mol", "a.parquet", "a.xlsx")
SMILES = (
    "CCO",
    "c1ccccc1",
    "CC(=O)O.[Na]",
    "C[C@H](N)C(=O)O",
    "[13CH4]",
    "F/C=C/F",
    "CC(C)Oc1ccncc1",
    "[O-][N+](=O)c1ccccc1",
)
BLOCKS = tuple(Chem.MolToMolBlock(Chem.MolFromSmiles(s), forceV3000=i % 2 == 1) for i, s in enumerate(SMILES))
QUICK = settings(
    max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None
)
LONG = settings(max_examples=3_000, deadline=None, suppress_health_check=list(HealthCheck), database=None)

# Pieces that mean something to a reader, so that random sequences of them reach deep into it.
PIECES = st.sampled_from([
    b"\n", b"\r\n", b"\r", b",", b";", b"\t", b" ", b'"', b'""', b'",', b'"\n', b"'", b"|", b"smiles", b"SMILES,id", b"name",
    b"CCO", b"CCO,1", b"c1ccccc1\tx", b"CC |&1:1|", b"#", b"sep=;", b"NaN", b"1,5", b">5", b"\0", b"\xff", b"\xb5M", "µ".encode(),
    b"\xef\xbb\xbf", b"\xff\xfe", "smiles\nCCO\n".encode("utf-16"), b"M  END\n", b"$$$$\n", b"$$$$", b">  <IC50>\n", b">10000\n",
    b"> <a>\n1\n\n", b"M  V30 ", b"A    1\nOMe\n", b"M  STY  1   1 SRU\n", b"  0  0  0  0  0  0  0  0  0  0999 V2000\n", b"\n\n\n",
    b"\x1f\x8b", b"PAR1", b"PK\x03\x04", *(block.encode() for block in BLOCKS),
])  # fmt: skip
CONTENT = st.one_of(
    st.binary(max_size=200), st.lists(PIECES, max_size=30).map(b"".join),
    st.lists(st.one_of(PIECES, st.binary(max_size=5)), max_size=40).map(b"".join),
)  # fmt: skip


def account(path: Path) -> tuple[Source, int] | None:
    """Read a file whole; returns the source and its count of rows, or None where it was refused."""
    try:
        source = Source.open(path)
        counted = source.count()
        chunks = list(source.chunks(rows=7))
    except UserError:
        return None
    rows = [row for row, _ in molecules(chunks)] + [rejection.row for rejection in rejections(chunks)]
    assert sorted(rows) == list(range(len(rows))), "each row is once a molecule or a rejection"
    assert len(rows) + sum(chunk.line_breaks for chunk in chunks) == counted, "the independent count"
    assert all(rejection.reason for rejection in rejections(chunks))
    for chunk in chunks:
        assert all(len(cells) == len(chunk.rows) for cells in chunk.columns.values())
    standardize = Standardizer()
    for chunk in chunks:
        for row, text in zip(chunk.rows, chunk.inputs, strict=True):
            found = standardize.from_molblock(text or "", row) if chunk.molblocks else standardize(text or "", row)
            assert not isinstance(found, Rejection) or (found.row, bool(found.reason)) == (row, True)
    return source, counted


def check_bytes(name: str, content: bytes, packed: bool, cut: int) -> None:
    data = gzip.compress(content) if packed else content
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / (f"{name}.gz" if packed else name)
        path.write_bytes(data[: max(len(data) - cut, 0)])
        account(path)


@QUICK
@given(st.sampled_from(NAMES), CONTENT, st.booleans(), st.sampled_from([0, 0, 0, 1, 9]))
def test_any_bytes_are_read_or_refused(name: str, content: bytes, packed: bool, cut: int) -> None:
    check_bytes(name, content, packed, cut)


@pytest.mark.slow
@LONG
@given(st.sampled_from(NAMES), CONTENT, st.booleans(), st.sampled_from([0, 0, 0, 1, 9]))
def test_any_bytes_are_read_or_refused_at_length(name: str, content: bytes, packed: bool, cut: int) -> None:
    check_bytes(name, content, packed, cut)


@QUICK
@given(st.binary(max_size=8), st.integers(0, 2_000), st.booleans())
def test_a_damaged_parquet_file_is_read_or_refused(noise: bytes, at: int, cut: bool) -> None:
    table = pa.table({"smiles": list(SMILES) * 3, "y": [1.5] * 24, "n": [None, "x"] * 12})
    buffer = io.BytesIO()
    parquet.write_table(table, buffer)
    data = buffer.getvalue()
    at = min(at, len(data))
    damaged = data[:at] if cut else data[:at] + noise + data[at + len(noise) :]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.parquet"
        path.write_bytes(damaged)
        account(path)


CELL = st.text(st.sampled_from('ab1.>-µ ,;\t"\n'), max_size=8)


@QUICK
@given(
    st.lists(st.tuples(st.sampled_from(SMILES), CELL, CELL), min_size=1, max_size=30),
    st.sampled_from([",", ";", "\t", "|"]),
)
def test_a_csv_table_whose_rows_are_known_is_read_cell_by_cell(
    rows: list[tuple[str, str, str]], delimiter: str
) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerows([("smiles", "first", "second"), *rows])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.csv"
        path.write_text(buffer.getvalue(), encoding="utf-8", newline="")
        found = account(path)
        assert found is not None
        source, _ = found
        chunks = list(source.chunks())
    assert [text for _, text in molecules(chunks)] == [row[0] for row in rows]
    assert chunks[0].columns == {"first": [r[1] for r in rows], "second": [r[2] for r in rows]}


LINE = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\n", exclude_categories=["Cs", "Zl", "Zp"]), max_size=12
)
VALUE = st.lists(
    LINE.filter(lambda text: text.strip(" \t\v\f") and text.strip() and not text.startswith(("$$$$", ">", "M"))),
    max_size=3,
)
FIELDS = st.dictionaries(
    st.text(st.sampled_from("abc (µ)=-1"), min_size=1, max_size=8).filter(str.strip), VALUE, max_size=4
)


@QUICK
@given(
    st.lists(st.tuples(st.sampled_from(BLOCKS), FIELDS, st.booleans()), min_size=1, max_size=8),
    st.sampled_from(["\n", "\r\n"]), st.randoms(use_true_random=False),
)  # fmt: skip
def test_an_sdf_whose_records_are_known_is_read_field_by_field(
    records: list[tuple[str, dict[str, list[str]], bool]], ends: str, chance: random.Random
) -> None:
    text, expected = "", []
    for block, fields, ended in records:
        known: dict[str, str | None] = {}
        text += block.replace("\n", ends)
        for name, lines in fields.items():
            value = [*lines, ">5"] if chance.random() < 0.3 else lines
            text += f">  <{name}>{ends}" + "".join(line + ends for line in value) + ends * chance.randint(0, 1)
            known[name.strip()] = "\n".join(value) or known.get(name.strip())
            ended = ended or not value  # a mol block right behind the name of a field is its value
        text += f"$$$${ends}" if ended else ""
        expected.append((block, known))
    if any(len({name.strip() for name in fields}) < len(fields) for _, fields, _ in records):
        return  # names that differ in spaces alone are one field
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.sdf"
        path.write_text(text, encoding="utf-8", newline="")
        found = account(path)
        assert found is not None
        source, counted = found
        assert counted == len(records)
        chunks = list(source.chunks())
    blocks = [text for _, text in molecules(chunks)]
    assert [Chem.MolToSmiles(Chem.MolFromMolBlock(b or "")) for b in blocks] == [
        Chem.MolToSmiles(Chem.MolFromMolBlock(b)) for b, _ in expected
    ]
    columns = chunks[0].columns
    for i, (_, known) in enumerate(expected):
        assert {name: cells[i] for name, cells in columns.items() if cells[i] is not None} == {
            name: value for name, value in known.items() if value is not None
        }


@QUICK
@given(
    st.lists(
        st.tuples(st.sampled_from(SMILES), st.text(st.sampled_from("abc 12-"), max_size=10)), min_size=1, max_size=30
    )
)
def test_a_smi_file_whose_rows_are_known_is_read_row_by_row(rows: list[tuple[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.smi"
        path.write_text("".join(f"{smiles} {name}\n" for smiles, name in rows), encoding="utf-8")
        found = account(path)
        assert found is not None
        source, _ = found
        chunks = list(source.chunks())
    assert [(text or "").split()[0] for _, text in molecules(chunks)] == [smiles for smiles, _ in rows]
