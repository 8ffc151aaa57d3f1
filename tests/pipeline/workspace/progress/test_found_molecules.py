"""The best molecules of a search, told while it goes on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pytest

from pipeline.workspace.progress import progress_file
from pipeline.workspace.progress.bars import show_progress
from pipeline.workspace.progress.found_molecules import SHOWN, BestFound, FoundMolecule, hear_molecules
from pipeline.workspace.progress.progress_file import FileProgress, ProgressReader


def test_the_best_are_told_in_order_and_each_once() -> None:
    heard: list[list[FoundMolecule]] = []
    with hear_molecules(lambda found: heard.append(list(found))):
        best = BestFound()
        best.add(["C", "CC", None, "N"], [1.0, 3.0, 9.0, math.nan], {"pKi": [5.0, 7.0, 9.0, 1.0]})
        best.add(["CC", "O"], [8.0, 2.0], {"pKi": [7.0, math.nan]})
        best.add(["C"], [1.0])
    assert [m.smiles for m in heard[-1]] == ["CC", "O", "C"]
    assert heard[-1][0].values == {"pKi": 7.0} and heard[-1][1].values == {}
    assert len(heard) == 2, "nothing is told where nothing is better"


def test_only_so_many_are_kept_and_nothing_is_done_without_a_listener() -> None:
    heard: list[Sequence[FoundMolecule]] = []
    BestFound().add(["C"], [1.0])
    with hear_molecules(heard.append):
        best = BestFound()
        for i in range(40):
            best.add(["C" * (i + 1)], [float(i)])
    assert [len(m.smiles) for m in heard[-1]] == list(range(40, 40 - SHOWN, -1))
    best.add(["N"], [99.0])
    assert len(heard[-1]) == SHOWN and heard[-1][0].smiles != "N"


def test_molecules_pass_through_the_file_and_the_last_ones_are_never_lost(tmp_path: Path) -> None:
    write, reader = FileProgress(tmp_path / "p"), ProgressReader(tmp_path / "p")
    write("generate", 0, 10)
    for i in range(1, 5):
        write.show_molecules([FoundMolecule("C" * i, {"pKi": math.inf if i == 4 else float(i)})])
    assert len((tmp_path / "p").read_text().splitlines()) == 2, "not more than once a second"
    write.close()
    assert reader.update()
    assert reader.molecules == [FoundMolecule("CCCC", {})]
    assert list(reader.stages) == ["generate"]


def test_a_command_writes_what_it_finds_to_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(progress_file.VARIABLE, str(tmp_path / "p"))
    with show_progress():
        BestFound().add(["CCO"], [1.0], {"qed": [0.4]})
    (tmp_path / "p").open("a").write('{"molecules": [3]}\n{"molecules": [{"smiles": "C"}]}\n')
    reader = ProgressReader(tmp_path / "p")
    reader.update()
    assert reader.molecules == [FoundMolecule("CCO", {"qed": 0.4})]
