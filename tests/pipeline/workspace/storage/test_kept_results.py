"""What is kept in the cache is computed once, and anew where it is damaged or cannot be kept."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from pipeline.workspace.storage.kept_results import KEPT, keep_result


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("CHEM_VAE_CACHE", str(tmp_path / "cache"))
    return []


def compute(asked: list[str], text: str) -> bytes:
    asked.append(text)
    return text.encode()


def test_a_result_is_computed_once_for_the_same_inputs(asked: list[str], tmp_path: Path) -> None:
    for text in ("one\ntwo", "one\ntwo", "", "", "one\ntwo"):
        assert keep_result("text", [text, 1], partial(compute, asked, text)) == text.encode()
    assert asked == ["one\ntwo", ""]
    assert (tmp_path / "cache" / KEPT).stat().st_mode & 0o077 == 0, "nobody else reads it"
    keep_result("other", ["", 1], lambda: compute(asked, "of another kind"))
    assert asked[-1] == "of another kind"


@pytest.mark.parametrize("damage", [b"", b"rubbish", b"0" * 64 + b"\nrubbish", None])
def test_a_damaged_result_is_computed_anew(damage: bytes | None, asked: list[str], tmp_path: Path) -> None:
    keep_result("text", 1, lambda: compute(asked, "right"))
    (file,) = (tmp_path / "cache" / KEPT).iterdir()
    file.write_bytes(file.read_bytes()[:-1] if damage is None else damage)
    assert [keep_result("text", 1, lambda: compute(asked, "right")) for _ in range(2)] == [b"right"] * 2
    assert len(asked) == 2


def test_without_a_cache_it_is_computed_each_time(asked: list[str], tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file, no folder")
    assert [keep_result("text", 1, lambda: compute(asked, "right")) for _ in range(2)] == [b"right"] * 2
    assert len(asked) == 2
