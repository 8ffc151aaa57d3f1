"""Equal folders share their files, and what they take on the disk is counted once."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from chem_vae.errors import DataError
from pipeline.workspace.storage.linked_folders import link_or_copy, measure_disk


def _make(folder: Path) -> Path:
    (folder / "inner").mkdir(parents=True)
    (folder / "weights").write_bytes(b"w" * 1000)
    (folder / "inner" / "more").write_bytes(b"m" * 10)
    return folder


def test_links_outlive_the_source(tmp_path: Path) -> None:
    source = _make(tmp_path / "model")
    assert link_or_copy(source, tmp_path / "run")
    assert (tmp_path / "run" / "weights").samefile(source / "weights")
    assert measure_disk([source]).shared == 1010 and measure_disk([source]).own == 0
    assert measure_disk([source, tmp_path / "run"]).own == 1010  # both together: each file once
    shutil.rmtree(source)
    assert (tmp_path / "run" / "inner" / "more").read_bytes() == b"m" * 10
    assert measure_disk([tmp_path / "run"]).own == 1010


def test_another_disk_gets_one_copy_and_links_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, link = _make(tmp_path / "model"), os.link

    def refuse(of: Path, name: Path) -> None:
        if Path(of).is_relative_to(source):
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        link(of, name)

    monkeypatch.setattr(os, "link", refuse)
    first, second = tmp_path / "first", tmp_path / "second"
    assert not link_or_copy(source, first)
    assert not (first / "weights").samefile(source / "weights")
    assert link_or_copy(source, second, lambda: [first])
    assert (second / "weights").samefile(first / "weights")
    assert measure_disk([first, second]).own == 1010


def test_a_link_in_the_source_is_refused(tmp_path: Path) -> None:
    source = _make(tmp_path / "model")
    (source / "away").symlink_to(tmp_path)
    with pytest.raises(DataError, match="holds the link away"):
        link_or_copy(source, tmp_path / "run")
    assert not (tmp_path / "run").exists()
