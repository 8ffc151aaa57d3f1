"""The command serve refuses what cannot work before anything is started."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import CommandLine, refused


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["serve"], ["--cron", "0 2 * * *"]),
        (["serve", "--cron", "at two"], ["'at two' is not a cron schedule", "0 2 * * *"]),
        (["serve", "--cron", "99 2 * * *"], ["not a cron schedule"]),
        (["serve", "--cron", "0 2 * * *", "--timezone", "Europe/Berln"], ["Europe/Berlin"]),
        (["serve", "--cron", "0 2 * * *", "--flow", "campain"], ["'campaign'"]),
        (["serve", "--interval", "0"], ["interval"]),
        (["serve", "--flow", "update", "--cron", "0 2 * * *"], ["--data measured.csv"]),
        (["serve", "--cron", "0 2 * * *", "--set", "train.start=nowhere"], ["'nowhere'"]),
        (["serve", "--flow", "train", "--cron", "0 2 * * *", "--set", "train.start=nowhere"], ["'nowhere'"]),
        (["serve", "--flow", "train", "--data", "my.csv", "--cron", "0 2 * * *"], ["--data is for --flow update"]),
    ],
)
def test_bad_arguments(chem_vae: CommandLine, arguments: list[str], words: list[str], tmp_path: Path) -> None:
    refused(chem_vae(*arguments, cwd=tmp_path), *words)
    assert not list(tmp_path.glob("workspace/**/manifest.json"))
