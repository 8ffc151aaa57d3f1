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
        (
            ["serve", "--cron", "0 2 * * *", "--reports-port", "99999999"],
            ["--reports-port", "less than or equal to 65535"],
        ),
        (["serve", "--cron", "0 2 * * *", "--reports-port", "-5"], ["--reports-port", "greater than or equal to 0"]),
        (["reports", "--port", "99999999"], ["--port", "less than or equal to 65535"]),
        (["ui", "--port", "-5"], ["--port", "greater than or equal to 0"]),
    ],
)
def test_bad_arguments(chem_vae: CommandLine, arguments: list[str], words: list[str], tmp_path: Path) -> None:
    refused(chem_vae(*arguments, cwd=tmp_path), *words)
    assert not list(tmp_path.glob("workspace/**/manifest.json"))


def test_a_source_that_is_not_there_yet_lets_a_service_start_again(chem_vae: CommandLine, tmp_path: Path) -> None:
    """A disk of the network may come after us; exit code 2 is never started again (docs/examples/chem-vae.service)."""
    done = chem_vae("serve", "--cron", "0 2 * * *", "--set", "ingest.source=/mnt/late/my.csv", cwd=tmp_path)
    refused(done, "/mnt/late/my.csv", code=1)
