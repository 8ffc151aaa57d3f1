"""The sentence and the exit code of every kind of error."""

from __future__ import annotations

from pathlib import Path

import pytest

from chem_vae.errors import TooFewHitsError
from flows.exit_codes import explain_error


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_said_in_words() -> None:
    try:
        with open("/dev/full", "w") as file:
            file.write("x")
            file.flush()
    except OSError as error:
        message, code = explain_error(error)
    assert code == 1 and message.startswith("error: the disk is full")


def test_unexpected_errors_are_one_sentence() -> None:
    assert explain_error(ValueError("a\nb")) == (
        "error: ValueError: a b (unexpected; run again with --debug for the traceback)",
        1,
    )
    assert explain_error(KeyboardInterrupt())[1] == 130
    assert explain_error(TooFewHitsError("the run has 1 hit")) == ("error: the run has 1 hit", 3)
    assert explain_error(PermissionError(13, "Permission denied", "/x"))[1] == 2
