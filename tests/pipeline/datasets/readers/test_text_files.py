from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tests.pipeline.datasets.reading import molecules, read_all, rejections, write


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    source, chunks = read_all(write(tmp_path, "a.csv", "smiles,näme\nCCO,Müller\nCCN,ascii\n".encode(encoding)))
    assert molecules(chunks) == [(0, "CCO"), (1, "CCN")]
    assert source.columns == ["näme"]
    assert chunks[0].columns["näme"] == ["Müller", "ascii"]
    if encoding == "latin-1":
        assert len(source.notes) == 1 and source.notes[0].startswith(
            "2 lines are not UTF-8 and were read as Latin-1, such as"
        )
        assert "näme" in source.notes[0] and "--encoding" in source.notes[0]
    else:
        assert source.notes == []


def test_binary_junk_in_the_middle(tmp_path: Path) -> None:
    junk = bytes(range(256)).replace(b"\n", b"").replace(b"\r", b"").replace(b'"', b"").replace(b",", b"")
    path = write(tmp_path, "a.csv", b"smiles,x\nCCO,1\n" + junk + b"\nCCN,2\n")
    _, chunks = read_all(path)
    assert molecules(chunks) == [(0, "CCO"), (2, "CCN")]
    assert [(r.row, r.stage, r.reason) for r in rejections(chunks)] == [(1, "read", "binary data")]


def test_a_line_without_end_is_one_row(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv.gz", b"smiles\nCCO\n" + b"C" * 5_000_000 + b"\nCCN\n")
    _, chunks = read_all(path)
    assert molecules(chunks) == [(0, "CCO"), (2, "CCN")]
    assert [(r.row, r.stage, r.reason) for r in rejections(chunks)] == [
        (1, "read", "a line of more than 1,048,576 characters")
    ]


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
