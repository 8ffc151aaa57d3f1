"""The command `quickstart`: its questions lead to the same settings as the command that it names."""

from __future__ import annotations

import io
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_line import CommandLine, Done, refused

from chem_vae.errors import UserError
from flows.cli import quickstart
from pipeline.config import CampaignConfig

Ask = Callable[..., Done]


@pytest.fixture
def ask(chem_vae: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Ask:
    """Calls a command and types answers."""

    def call(*arguments: object, answers: list[str]) -> Done:
        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{text}\n" for text in answers)))
        monkeypatch.setattr(quickstart, "is_interactive", lambda: True)
        monkeypatch.setenv("BROWSER", "true")
        return chem_vae(*arguments, cwd=tmp_path)

    return call


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[CampaignConfig]:
    """The settings of the campaigns that were begun; none of them is run."""
    seen: list[CampaignConfig] = []

    def keep(config: CampaignConfig, *more: Any) -> None:
        seen.append(config)
        raise UserError("not run in this test")

    monkeypatch.setattr("pipeline.workflows.campaign.campaign", keep)
    return seen


@pytest.mark.parametrize(
    ("column", "answers", "objective"),
    [
        ("pIC50", ["1", "1", "", "7", ""], {"maximize": True, "low": 8.1}),
        ("potency", ["1", "uM", "2", "5.1", "", ""], {"minimize": True, "high": 5.1}),
        ("my value", ["", "3", "5", "", ""], {"target": 5.0}),
        ("qed", ["", "4", "6", "5", "", ""], {"range": (5.0, 6.0)}),
        ("IC50 (nM)", ["", "", "", "", ""], {"maximize": True, "low": 9.0}),
    ],
)
def test_the_answers_are_the_settings_of_the_command_that_it_names(
    ask: Ask, chem_vae: CommandLine, seen: list[CampaignConfig], tmp_path: Path, column: str, answers: list[str],
    objective: dict[str, Any],
) -> None:  # fmt: skip
    rows = [
        f"{'C' * n}{tail},{i % 9 + 1},x{i}" for i, (n, tail) in enumerate((n, t) for n in range(1, 16) for t in "NO")
    ]
    (tmp_path / "mine.csv").write_text("\n".join([f"SMILES,{column},name", *rows]) + "\n")
    done = ask("quickstart", "mine.csv", "-w", tmp_path / "ws", answers=answers)
    assert (done.returncode, done.stdout.strip()) == (2, ""), done
    assert "This takes about" in done.stderr and "The molecules are in the column SMILES" in done.stderr
    same = next(line for line in done.stderr.splitlines() if line.startswith("The same without questions: "))
    words = shlex.split(same.removeprefix("The same without questions: "))
    assert words[:2] == ["chem-vae", "run"]
    refused(chem_vae(*words[1:], cwd=tmp_path), "not run in this test")
    asked, typed = seen
    assert asked.ingest.measured == typed.ingest.measured
    assert asked.generate == typed.generate and asked.train == typed.train and asked.name == typed.name
    how = {"properties", "log"}  # two ways to say what `measured` holds
    assert asked.ingest.model_dump(exclude=how) == typed.ingest.model_dump(exclude=how)
    (made,) = asked.generate.objectives.values()
    for name, value in objective.items():
        assert getattr(made, name) == pytest.approx(value), name


def test_without_a_file_a_shipped_model_makes_a_report(ask: Ask, tmp_path: Path) -> None:
    done = ask("run", "-w", tmp_path / "ws", answers=["nothing.csv", "", "", "n"])
    assert done.returncode == 0, done.stderr
    assert "there is no file nothing.csv" in done.stderr
    assert "report: " in done.stdout and "next: chem-vae report" in done.stderr
    assert list((tmp_path / "ws" / "runs").glob("*/report.html"))


def test_who_declines_begins_nothing(ask: Ask, tmp_path: Path) -> None:
    done = ask("quickstart", "-w", tmp_path / "ws", answers=["", "n"])
    assert done.returncode == 0 and not (tmp_path / "ws").exists()


def test_where_nobody_can_answer_it_says_the_command(chem_vae: CommandLine) -> None:
    refused(chem_vae("quickstart"), "chem-vae run --data my.csv")
