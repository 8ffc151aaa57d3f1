"""Folders appear whole, under a lock; equal content has equal keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from chem_vae.errors import BusyError
from pipeline.workspace.storage.folders import build_folder, hash_content, lock_folder


def test_a_folder_in_work_is_busy_and_a_failed_one_stays_partial(tmp_path: Path) -> None:
    folder = tmp_path / "x"
    with (
        lock_folder(folder, "training this model"),
        pytest.raises(BusyError, match="another process is training this model"),
        build_folder(folder, "training this model"),
    ):
        pass
    with pytest.raises(RuntimeError), build_folder(folder, "at it") as partial:
        (partial / "half").write_text("1")
        raise RuntimeError
    assert not folder.exists()
    with build_folder(folder, "at it") as partial:
        assert (partial / "half").exists()
    assert (folder / "half").exists()


def test_content_keys() -> None:
    assert hash_content({"a": 1, "b": [1, 2]}) == hash_content({"b": (1, 2), "a": 1})
    assert hash_content({"a": 1}) != hash_content({"a": 2})
