"""With --json the standard output of a command is one JSON document, and its words go to standard error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from command_line import CommandLine, Done, refused

from flows.cli.json_output import answer, wants_json, write_answer
from flows.cli.main import walk_commands
from pipeline.workflows.records.run_folder import create_run

WITHOUT = {"serve", "deploy", "reports", "ui", "quickstart"}
"""The commands that have no result: they ask, or run until they are interrupted."""


def read(done: Done, code: int = 0) -> Any:
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def test_every_command_with_a_result_takes_it() -> None:
    taking = {name for name, made in walk_commands() if any("--json" in p.opts for p in made.params)}
    assert {name for name, _ in walk_commands()} - taking == WITHOUT


def test_commands_that_list_give_rows(chem_vae: CommandLine, first_run: Done, workspace: Path) -> None:
    assert {row["name"] for row in read(chem_vae("datasets", "--json"))} >= {"moses", "moses-sample"}
    models = {row["model"]: row for row in read(chem_vae("models", "--json", "-w", workspace))}
    assert models["moses"]["molecules"] > 1_000_000
    done = chem_vae("verify", next((workspace / "models").glob("[!.]*")), "--json", "-w", workspace)
    assert {row["state"] for row in read(done)} == {"whole"} and "verified" in done.stderr
    smiles = ["OCC", "c1ccccc1"]
    assert [row["smiles"] for row in read(chem_vae("predict", *smiles, "-m", "moses", "--json"))] == ["CCO", "c1ccccc1"]
    assert len(read(chem_vae("explore", "unusual", *smiles, "--json"))) == 2
    path = read(chem_vae("explore", "interpolate", *smiles, "-m", "moses", "--steps", "3", "--json"))
    assert [row["step"] for row in path] == [0, 1, 2]
    assert read(chem_vae("library", "list", "--count", "--json", "-w", workspace)) >= 0


def test_commands_that_make_something_give_its_folder(
    chem_vae: CommandLine, first_run: Done, config: Path, workspace: Path
) -> None:
    done = chem_vae("run", "--config", config, "--workspace", workspace, "--no-exclude-known", "--json")
    made = read(done)
    assert "next: " in done.stderr and "funnel" not in done.stdout.splitlines()[0]
    folder = Path(made["folder"])
    assert folder.is_dir() and Path(made["report"]).is_file() and made["state"] == "finished"
    assert made["candidates"] == len(pd.read_csv(made["table"])) and len(made["reused"]) == 2
    assert made["best"][0]["rank"] == 1 and isinstance(made["best"][0]["logp_computed"], float)
    assert made["funnel"][0]["count"] > 0
    assert read(chem_vae("report", made["id"], "--json", "-w", workspace)) == made
    assert "funnel" in read(chem_vae("inspect", made["id"], "--json", "-w", workspace))
    for kind, key in (("models", "card"), ("datasets", "counts")):
        part = next((workspace / kind).glob("[!.]*"))
        assert read(chem_vae("inspect", part, "--json"))[key]


def test_what_is_collected_as_garbage_is_deleted_only_when_confirmed(chem_vae: CommandLine, tmp_path: Path) -> None:
    left = create_run(tmp_path, "killed", {}).folder
    options = ("gc", "--unfinished-days", "0", "-w", tmp_path, "--json")
    assert read(chem_vae(*options))["deleted"] is False and left.exists()
    assert read(chem_vae(*options, "--yes"))["deleted"] is True and not left.exists()


def test_a_result_is_written_also_where_the_command_then_fails(
    chem_vae: CommandLine, first_run: Done, config: Path, workspace: Path
) -> None:
    done = chem_vae("run", "--config", config, "-w", workspace, "--json", "--fail-under", "1000")
    assert read(done, 3)["state"] == "finished" and "error: " in done.stderr


def test_an_error_leaves_the_standard_output_empty(chem_vae: CommandLine, workspace: Path) -> None:
    refused(chem_vae("report", "no-such-run", "--json", "-w", workspace), "no-such-run")


def test_tables_and_what_json_does_not_know(capsys: pytest.CaptureFixture[str]) -> None:
    assert not wants_json()
    answer(lambda: 1 / 0)  # not called
    with write_answer("name"):
        assert wants_json()
        print("words")
        answer(lambda: {"table": pd.DataFrame({"a": [1.0, float("nan")]}), "file": Path("x/y")})
    assert json.loads(capsys.readouterr().out) == {"table": [{"a": 1.0}, {"a": None}], "file": "x/y"}
    with pytest.raises(RuntimeError, match="the command name gave no result"), write_answer("name"):
        print("words")
