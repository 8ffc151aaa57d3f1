"""The command `benchmark moses` refuses what does not go together before any work."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import CommandLine, refused


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "name what is to be measured"),
        (["--output", "x.json"], "--output goes with --samples-file"),
        (["--samples-file", "x.csv", "--quick"], "--samples-file is scored as it is"),
        (["--samples-file", "x.csv", "--samples", "10"], "--samples-file is scored as it is"),
        (["--model", "moses", "--prior", "norml"], "unknown prior 'norml'; did you mean 'normal'"),
        (["--model", "moses", "--samples", "0"], "samples should be 1 or more"),
    ],
)
def test_mistakes_are_sentences(chem_vae: CommandLine, arguments: list[str], words: str, tmp_path: Path) -> None:
    refused(chem_vae("benchmark", "moses", *arguments, cwd=tmp_path), words)
