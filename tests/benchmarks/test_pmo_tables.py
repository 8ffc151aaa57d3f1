"""The tables of all PMO tasks: published figures of each task, and rows that say what they are of."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pmo import keep_written_runs, kept_runs
from pmo_run import code_key
from pmo_tables import PUBLISHED, TABLES, choose_best, read_library, render_table
from pmo_tasks import TASKS

from chem_vae.errors import UserError
from pipeline.optimization.config import OptimizeConfig


def test_published_sums_are_those_of_the_papers() -> None:
    assert {*PUBLISHED["InVirtuoGen"]} == {*TASKS} and len(TASKS) == 23
    sums = {name: round(sum(areas.values()), 2) for name, areas in PUBLISHED.items()}
    assert sums["InVirtuoGen"] == pytest.approx(16.68, abs=0.02)
    assert sums["Genetic GFN"] == pytest.approx(16.21, abs=0.02)
    assert sums["REINVENT"] == pytest.approx(14.19, abs=0.02)
    assert sums["InVirtuoGen, prescreened"] == pytest.approx(18.99, abs=0.02)


def test_the_code_that_decides_a_run_has_a_key() -> None:
    assert len(code_key()) == 8 and code_key() == code_key()


@pytest.mark.parametrize("name", TABLES)
def test_settings_are_settings(name: str) -> None:
    OptimizeConfig.model_validate({"oracle": {"function": "pmo_tasks:qed"}, **TABLES[name].settings})


def test_a_table_has_a_row_for_each_task_and_the_sum() -> None:
    def run(task: str, seed: int, area: float) -> dict[str, object]:
        return {
            "task": task,
            "strategy": "adaptive",
            "seed": seed,
            "auc_top10": area,
            "top1": area + 0.1,
            "library": "",
        }

    text = render_table("protocol", [run("qed", 0, 0.9), run("qed", 1, 0.7), run("drd2", 0, 0.5)])
    assert "| qed | 0.800 ± 0.141 (2) | 1.000 | 0.942 | 0.942 | 0.941 |" in text
    assert "| sum of 2 of 23 | **1.300** |  | 1.927 | 1.916 | 1.886 |" in text
    text = render_table("library", [{**run("qed", 0, 0.9), "library": "20 molecules of mine"}])
    assert "20 molecules of mine" in text and "never to be compared" in text and "prescreened" in text


def test_the_best_of_a_library(tmp_path: Path) -> None:
    path = tmp_path / "library.csv"
    path.write_text("name,smiles\na,CC\nb,Nc1ccc(C(=O)NO)cc1\nc,nonsense\n", encoding="utf-8")
    smiles = read_library(path)
    assert smiles == ["CC", "Nc1ccc(C(=O)NO)cc1", "nonsense"]
    best = choose_best("isomers_c7h8n2o2", smiles, 5)
    assert best[0] == ("Nc1ccc(C(=O)NO)cc1", 1.0) and len(best) == 2
    path.write_text("CC mine\nCCO yours\n", encoding="utf-8")
    assert read_library(path) == ["CC", "CCO"]
    path.write_text("\n", encoding="utf-8")
    with pytest.raises((UserError, Exception)):
        read_library(path)


def test_runs_of_a_results_file_are_not_run_again(tmp_path: Path) -> None:
    about = {"benchmark": "PMO", "settings": {"calls": 100}}
    result = {"task": "qed", "strategy": "adaptive", "seed": 1, "auc_top10": 0.9}
    output = tmp_path / "table.json"
    keep_written_runs(output, about, tmp_path / "kept", "k")
    assert kept_runs(tmp_path / "kept", "k") == []
    output.write_text(json.dumps({**about, "runs": [result]}))
    keep_written_runs(output, {**about, "settings": {"calls": 10}}, tmp_path / "kept", "k")
    assert kept_runs(tmp_path / "kept", "k") == []
    keep_written_runs(output, about, tmp_path / "kept", "k")
    assert kept_runs(tmp_path / "kept", "k") == [result]
