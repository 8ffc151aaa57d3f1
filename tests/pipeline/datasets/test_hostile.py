"""Files that are made to fill the memory, the disk or the day: each is refused, or read in little memory, with a sentence."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from openpyxl import Workbook
from pyarrow import parquet

from chem_vae.errors import DataError
from pipeline.datasets.readers import text_files
from pipeline.datasets.readers.source import Source
from pipeline.workspace.registry import resolve
from tests.pipeline.datasets.reading import molecules, read_all, rejections, write

MEMORY = 400  # MB beyond what an ordinary small file takes


def write_gzip(path: Path, first: bytes, piece: bytes, count: int) -> Path:
    """Write a packed file of a first piece and many equal ones; one member of each, which unpacks as if it were one."""
    packed = gzip.compress(piece, 9)
    path.write_bytes(gzip.compress(first) + packed * count)
    return path


def write_parquet(path: Path, compression: str = "zstd", **columns: pa.Array) -> Path:
    parquet.write_table(pa.table(columns), path, compression=compression)
    return path


def repeat(text: str, count: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int32)), pa.array([text]))


def measure_peak(path: Path) -> float:
    """Read a file in a process of its own; returns the memory (MB) that reading it took."""
    code = f"""
        import resource
        from pathlib import Path
        from chem_vae.errors import UserError
        from pipeline.datasets.readers.source import Source

        def read(path):
            try:
                source = Source.open(path)
                source.count()
                for chunk in source.chunks(limit=20_000):
                    pass
            except UserError:
                pass
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

        small = read(Path({str(path.with_name("small.csv"))!r}))
        print(read(Path({str(path)!r})) - small)
    """
    write(path.parent, "small.csv", "smiles\nCCO\n")
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    return float(done.stdout)


@pytest.mark.parametrize("name", ["a.csv.gz", "a.smi.gz", "a.sdf.gz", "a.tsv.gz", "a.txt.gz"])
def test_endless_empty_lines_are_refused(tmp_path: Path, name: str) -> None:
    path = write_gzip(tmp_path / name, b"CCO\n", b"\n" * 500_000, 3)
    with pytest.raises(DataError, match="1,000,000 empty lines"):
        Source.open(path).count()
    with pytest.raises(DataError, match="1,000,000 empty lines"):
        list(Source.open(path).chunks())


@pytest.mark.parametrize("piece", [b"CCO\n" * 250_000, b"C" * 1_000_000, b" \n" * 500_000])
def test_a_gzip_bomb_is_refused(tmp_path: Path, piece: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_files, "_FREE_SIZE", 1 << 21)
    path = write_gzip(tmp_path / "a.smi.gz", b"CCO\n", piece, 5)
    with pytest.raises(DataError, match="unpacks to more than 100 times"):
        Source.open(path).count()
    with pytest.raises(DataError, match="unpacks to more than 100 times"):
        list(Source.open(path).chunks())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a.csv.gz", "a.smi.gz", "a.sdf.gz", "a.parquet.gz"])
@pytest.mark.parametrize("piece", [b"C" * 10_000_000, b"\0" * 10_000_000, b"CCO\n" * 2_500_000, b"\n" * 10_000_000])
def test_a_gigabyte_in_a_megabyte_takes_little_memory(tmp_path: Path, name: str, piece: bytes) -> None:
    assert measure_peak(write_gzip(tmp_path / name, b"CCO\n", piece, 100)) < MEMORY


def test_a_parquet_file_of_repeated_long_cells_is_rejected_row_by_row(tmp_path: Path) -> None:
    long = "C" * 20_000_000
    path = write_parquet(tmp_path / "smiles.parquet", smiles=repeat(long, 100).cast(pa.string()))
    assert path.stat().st_size < 10_000
    _, chunks = read_all(path)
    assert len(rejections(chunks)) == 100
    assert "a cell of 20,000,000 bytes in the column 'smiles'" in rejections(chunks)[0].reason


@pytest.mark.slow
def test_a_parquet_file_of_repeated_long_cells_beside_the_smiles_takes_little_memory(tmp_path: Path) -> None:
    long = "C" * 20_000_000
    path = write_parquet(tmp_path / "note.parquet", smiles=pa.array(["CCO"] * 100), note=repeat(long, 100))
    assert measure_peak(path) < MEMORY


def test_a_parquet_file_that_unpacks_to_far_more_than_its_size_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table({"smiles": ["CCO"] * 30, "y": ["C" * 10_000_000] * 30})
    parquet.write_table(table, path, compression="zstd", use_dictionary=False)
    with pytest.raises(DataError, match="unpacks to more than 100 times"):
        Source.open(path)


def test_a_parquet_file_of_more_rows_than_its_bytes_can_hold_is_refused(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", smiles=pa.nulls(20_000_000, pa.string()))
    with pytest.raises(DataError, match="20,000,000 rows in"):
        Source.open(path)


def test_columns_of_lists_are_left_out_and_said(tmp_path: Path) -> None:
    path = write_parquet(
        tmp_path / "a.parquet",
        smiles=pa.array(["CCO", "CCN"]),
        fingerprint=pa.array([[0, 1], [1, 1]]),
        pair=pa.array([{"a": 1}, {"a": 2}]),
        y=pa.array([1.5, None]),
        kind=pa.array(["a", None]).dictionary_encode(),
        when=pa.array([2**60, 0], pa.timestamp("ms")),
    )
    source, chunks = read_all(path)
    assert source.notes == [
        "the column 'fingerprint' holds lists and was left out",
        "the column 'pair' holds nested values and was left out",
    ]
    assert chunks[0].columns["y"] == ["1.5", None]
    assert chunks[0].columns["kind"] == ["a", None]
    assert (chunks[0].columns["when"][1] or "").startswith("1970-01-01")
    with pytest.raises(DataError, match="'fingerprint'.*holds lists"):
        read_all(path, smiles_column="fingerprint")


def test_text_that_is_stored_as_bytes_is_read(tmp_path: Path) -> None:
    path = write_parquet(
        tmp_path / "a.parquet", smiles=pa.array([b"CCO", b"CCN", None]), n=pa.array([b"\xb5", b"", b"x"])
    )
    _, chunks = read_all(path)
    assert molecules(chunks) == [(0, "CCO"), (1, "CCN"), (2, None)]
    assert chunks[0].columns["n"] == ["µ", "", "x"]


def test_chunks_of_long_rows_are_short(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "smiles,note\n" + ("CCO," + "x" * 900_000 + "\n") * 130)
    _, chunks = read_all(path, rows=10_000)
    assert sum(map(len, chunks)) == 130
    assert max(map(len, chunks)) < 60


def write_workbook(path: Path, sheet: bytes, repeated: bytes = b"", count: int = 0) -> Path:
    """Write a workbook whose sheet has this XML: a head, and then pieces that are all alike."""
    book = Workbook(write_only=True)
    book.create_sheet().append(["smiles"])
    book.save(path.with_name("whole.xlsx"))
    head = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    with (
        zipfile.ZipFile(path.with_name("whole.xlsx")) as whole,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made,
    ):
        for name in whole.namelist():
            with made.open(name, "w") as file:
                if "sheet1.xml" not in name:
                    file.write(whole.read(name))
                    continue
                file.write(head + sheet)
                for _ in range(count):
                    file.write(repeated)
                file.write(b"</sheetData></worksheet>")
    return path


def _row(number: int, text: bytes) -> bytes:
    return b'<row r="%d"><c r="A%d" t="inlineStr"><is><t>%s</t></is></c></row>' % (number, number, text)


def test_a_workbook_that_unpacks_to_far_more_than_its_size_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_files, "_FREE_SIZE", 1 << 21)
    path = write_workbook(tmp_path / "a.xlsx", _row(1, b"smiles"), _row(2, b"CCO") * 10_000, 20)
    with pytest.raises(DataError, match="unpacks to more than 100 times"):
        Source.open(path)


def test_a_workbook_with_a_row_that_no_sheet_has_is_refused(tmp_path: Path) -> None:
    path = write_workbook(tmp_path / "a.xlsx", _row(1, b"smiles") + _row(2, b"CCO") + _row(999_999_999, b"CCN"))
    with pytest.raises(DataError, match="damaged workbook: its row 999999999|beyond the last row"):
        Source.open(path).count()


def test_what_is_no_ordinary_file_is_refused_at_once(tmp_path: Path) -> None:
    pipe, loop, broken = tmp_path / "pipe.csv", tmp_path / "loop.csv", tmp_path / "broken.csv"
    os.mkfifo(pipe)
    loop.symlink_to(loop)
    broken.symlink_to(tmp_path / "missing.csv")
    for path, words in (
        (pipe, "pipe or a device"),
        (Path("/dev/zero"), "pipe or a device"),
        (loop, "links"),
        (broken, "link to a file that is missing"),
        (tmp_path, "folder"),
        (tmp_path / ("x" * 300 + ".csv"), "too long"),
        (tmp_path / "a\0b.csv", "cannot read"),
    ):
        with pytest.raises(DataError, match=words):
            resolve(str(path))
        with pytest.raises(DataError, match=words):
            Source.open(path)


def test_bytes_that_are_no_text_are_refused_or_rejected(tmp_path: Path) -> None:
    for name in ("a.csv", "a.smi", "a.tsv", "a.txt"):
        with pytest.raises(DataError):
            Source.open(write(tmp_path, name, b"\0" * 1000))
        source, chunks = read_all(write(tmp_path, name, b"smiles\nCCO\n\0\0\0\nCCN\n"))
        assert source.count() == sum(map(len, chunks))
        assert "CCO" in [text for _, text in molecules(chunks)]
    with pytest.raises(DataError, match="binary data"):
        Source.open(write(tmp_path, "a.sdf", b"\0" * 1000))
