"""Progress that one process writes and another one reads."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from pipeline.workspace.progress import progress_file
from pipeline.workspace.progress.bars import show_progress
from pipeline.workspace.progress.progress_file import FileProgress, ProgressReader, mark_begin


def test_a_reader_follows_what_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_file, "_EVERY", 0.0)
    path = tmp_path / "progress.jsonl"
    reader = ProgressReader(path)
    assert not reader.update()
    write = FileProgress(path)
    write("read", 0, 10)
    write("read", 4, 10, {"loss": 2.5, "bad": math.nan, "worse": math.inf})
    assert reader.update() and not reader.update()
    stage = reader.stages["read"]
    assert (stage.done, stage.total, stage.share, stage.is_finished) == (4, 10, 0.4, False)
    assert stage.figures == [(4, {"loss": 2.5})]
    assert stage.seconds_left is not None and stage.seconds_left >= 0
    write("read", 10, 10)
    write("train", 0, 0)
    write.close()
    assert reader.update()
    assert reader.stages["read"].is_finished and reader.stages["train"].share == 1.0
    assert list(reader.stages) == ["read", "train"]


def test_a_stage_that_begins_again_is_the_last_one(tmp_path: Path) -> None:
    write = FileProgress(tmp_path / "p")
    for stage, done in (("train", 0), ("train", 8), ("report", 0), ("train", 3)):
        write(stage, done, 8)
    reader = ProgressReader(tmp_path / "p")
    reader.update()
    write("train", 8, 8)
    reader.update()
    assert list(reader.stages) == ["train", "report"] or list(reader.stages) == ["report", "train"]


def test_half_a_line_and_nonsense_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "p"
    path.write_text('{"time": 1, "stage": "a", "done": 1, "total": 2}\nnonsense\n{"stage": 3}\n{"time": 2, "sta')
    reader = ProgressReader(path)
    assert reader.update()
    assert {name: stage.done for name, stage in reader.stages.items()} == {"a": 1}
    with path.open("a") as file:
        file.write('ge": "a", "done": 2, "total": 2}\n')
    reader.update()
    assert reader.stages["a"].is_finished


def test_lines_are_few_but_the_last_is_always_there(tmp_path: Path) -> None:
    write = FileProgress(tmp_path / "p")
    for done in range(1001):
        write("a", done, 1000)
    lines = (tmp_path / "p").read_text().splitlines()
    assert len(lines) < 50
    assert '"done": 1000' in lines[-1]


def test_work_writes_its_progress_where_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(progress_file.VARIABLE, str(tmp_path / "p"))
    with show_progress() as progress:
        progress("read", 0, 1)
        progress("read", 1, 1)
    assert len((tmp_path / "p").read_text().splitlines()) == 2
    assert "read: 1/1" in capsys.readouterr().err


@pytest.mark.parametrize("resumed_at", [40, 45])
def test_the_time_between_two_processes_is_not_counted(tmp_path: Path, resumed_at: int) -> None:
    path = tmp_path / "p"
    line = '{"time": %s, "stage": "%s", "done": %s, "total": 100, "figures": {"best": 1}}\n'
    path.write_text(line % (1, "read", 100) + line % (2, "train", 0) + line % (400, "train", 40) + '{"time": 400, "sta')
    mark_begin(path)
    reader = ProgressReader(path)
    reader.update()
    assert list(reader.stages) == ["read"] and reader.begun > 400
    now = reader.begun
    with path.open("a") as file:
        file.write(line % (now + 5, "train", resumed_at) + line % (now + 15, "train", resumed_at + 10))
    reader.update()
    train = reader.stages["train"]
    assert (train.began, train.began_at, len(train.figures)) == (now + 5, resumed_at, 4)
    assert train.seconds_left == pytest.approx(100 - resumed_at - 10)
