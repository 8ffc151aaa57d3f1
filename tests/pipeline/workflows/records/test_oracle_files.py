"""An oracle that is changed between two answers is told of."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.optimization.loop import LOG
from pipeline.oracles.config import OracleConfig
from pipeline.workflows.records.oracle_files import FILES, note_oracle_files
from tests.pipeline.oracles.example_oracles import ALKANES, Lengths, ledger, module


def answer(state: Path, n: int) -> None:
    """Have n answers in the log."""
    with ledger(Lengths(), state) as oracle:
        oracle.score(ALKANES[:n])


def test_a_function_that_was_changed_is_told_of_with_the_answers_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = module(tmp_path, monkeypatch, "def score(s): return wrong", "changing_score")
    oracle, state, file = OracleConfig(function=f"{name}:score"), tmp_path / "state", tmp_path / f"{name}.py"
    assert not note_oracle_files(oracle, state)
    file.write_text("def score(s): return still wrong")
    assert not note_oracle_files(oracle, state), "it has given no answer yet"
    answer(state, 20)
    assert not note_oracle_files(oracle, state)
    wrong = file.read_text()
    file.write_text("def score(s): return right")
    (told,) = note_oracle_files(oracle, state)
    assert told.startswith("changing_score.py was changed after the first 20 answers") and "another --name" in told
    file.write_text(wrong)
    assert not note_oracle_files(oracle, state), "changed back before the next answer"
    answer(state, 30)
    assert not note_oracle_files(oracle, state)
    file.write_text("def score(s): return right")
    note_oracle_files(oracle, state)
    answer(state, 40)
    for _ in range(2):
        (told,) = note_oracle_files(oracle, state)
        assert "after the first 30 answers" in told, "the run that ends the search tells of it too"


def test_the_files_that_a_program_or_an_option_names_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("dock.py", "a.pdbqt", "b.pdbqt"):
        (tmp_path / name).write_text("")
    program = OracleConfig(program=("python", "dock.py", "--receptor=a.pdbqt", "-o", "new.txt", "."))
    plugin = OracleConfig(registered="vina", options={"receptor": "b.pdbqt", "exhaustiveness": 8})
    for oracle, changes in ((program, ("dock.py", "--receptor=a.pdbqt")), (plugin, ("b.pdbqt",))):
        state = tmp_path / f"state-{len(changes)}"
        note_oracle_files(oracle, state)
        answer(state, 5)
        for name in ("dock.py", "a.pdbqt", "b.pdbqt", "new.txt"):
            (tmp_path / name).write_text(f"{len(changes)}")
        assert [told.split(" was changed")[0] for told in note_oracle_files(oracle, state)] == list(changes)


def test_what_has_no_files_or_an_older_folder_is_silent(tmp_path: Path) -> None:
    for oracle in (None, OracleConfig(property=("qed",)), OracleConfig(function="no_such_module.at_all:score")):
        assert not note_oracle_files(oracle, tmp_path) and not (tmp_path / FILES).exists()
    answer(tmp_path, 5)
    assert (tmp_path / LOG).exists()
    package = OracleConfig(function="json.decoder:JSONDecoder")
    assert not note_oracle_files(package, tmp_path), "an earlier version wrote nothing down"
    assert "decoder.py" in (tmp_path / FILES).read_text()
    (tmp_path / FILES).write_text('{"no": "list"}')
    assert not note_oracle_files(package, tmp_path)
