"""The command deploy refuses what cannot work, and what it would not look at, before anything is asked of the server."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import CommandLine, refused


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--dead-after", "10"], ["--dead-after is from 40 seconds"]),
        (["--dead-after", "nan"], ["--dead-after is from 40 seconds", "not nan"]),
        (["--dead-after", "inf"], ["--dead-after is from 40 seconds", "not inf"]),
        (["--pool", "a/b"], ["the name of a work pool cannot hold /", "--pool"]),
        (["--pool", ""], ["the name of a work pool cannot be empty"]),
        (["--pool", "prefect-x"], ["Prefect's own"]),
        (["--name", "R&D"], ["--name"]),
        (["--name", ""], ["--name"]),
        (["--timezone", "Asia/Tokyo"], ["--timezone is that of a schedule"]),
        (["--hit-score", "90"], ["did you mean 0.9?"]),
        (["--file", "prefect.yaml", "--cron", "0 2 * * *", "--pool", "mine"], ["does not use --cron or --pool"]),
        (["--file", "prefect.yaml", "--set", "generate.n=3", "--name", "x"], ["does not use", "--set", "--name"]),
        (["--file", "prefect.yaml", "--flow", "ingest", "--workspace", "w"], ["does not use --flow or --workspace"]),
        (["--file", "prefect.yaml", "--hit-score", "0"], ["does not use --hit-score"]),
        (["--file", "nowhere.yaml", "--dead-after", "60", "--notify", "none"], ["there is no file nowhere.yaml"]),
    ],
)
def test_bad_arguments(chem_vae: CommandLine, arguments: list[str], words: list[str], tmp_path: Path) -> None:
    refused(chem_vae("deploy", *arguments, cwd=tmp_path), *words)


def test_a_workspace_of_the_environment_is_no_option_beside_a_file(chem_vae: CommandLine, tmp_path: Path) -> None:
    done = chem_vae("deploy", "--file", "nowhere.yaml", cwd=tmp_path, CHEM_VAE_WORKSPACE=str(tmp_path / "lab"))
    refused(done, "there is no file nowhere.yaml")
