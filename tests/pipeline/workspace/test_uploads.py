"""The files that a person gives to the app."""

from __future__ import annotations

from pathlib import Path

import pytest

from chem_vae.errors import DataError
from pipeline.workspace.uploads import drop_upload, find_upload, keep_upload, make_safe_name, make_upload


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "C:\\temp\\a.csv", "", "...", ".hidden.csv", "a\0b.csv", "<img onerror=x>.csv", "名前.csv", "x" * 500 + ".csv",
     "測" * 300 + ".xlsx", "a/b/..", "con\nsole.csv"],
)  # fmt: skip
def test_a_name_of_a_browser_becomes_one_of_a_file(name: str, tmp_path: Path) -> None:
    safe = make_safe_name(name)
    path = tmp_path / safe
    path.write_text("x")
    assert path.parent == tmp_path and path.resolve().parent == tmp_path.resolve()
    assert not safe.startswith(".") and "<" not in safe and "\n" not in safe and 0 < len(safe.encode()) <= 104
    if "." in name.strip(".") and name.endswith((".csv", ".xlsx")):
        assert safe.endswith(name.rpartition(".")[2])


def test_an_upload_is_found_when_it_has_arrived_whole(tmp_path: Path) -> None:
    path = make_upload(tmp_path, "my.csv")
    partial = path.with_name(".my.csv.partial")
    partial.write_text("SMILES\n")
    upload = path.parent.name
    with pytest.raises(DataError, match="drop the file once more"):
        find_upload(tmp_path, upload)
    keep_upload(partial, path)
    assert find_upload(tmp_path, upload) == path
    drop_upload(path)
    assert not path.parent.exists()


@pytest.mark.parametrize("upload", ["..", "../x", "", "20260101-000000-zzzz", "*", "."])
def test_what_is_no_upload_is_not_found(tmp_path: Path, upload: str) -> None:
    (tmp_path / "uploads").mkdir()
    (tmp_path / "uploads" / "x.csv").write_text("x")
    with pytest.raises(DataError, match="no uploaded file"):
        find_upload(tmp_path, upload)
