"""What the terminal shows: our own warnings, and no others."""

from __future__ import annotations

import warnings

import pytest

from chem_vae.errors import MemoryWarning
from flows.terminal import show_own_warnings


def test_our_own_warnings_are_sentences_and_others_are_silent(capsys: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        show_own_warnings()
        for _ in range(2):
            warnings.warn("too little memory", MemoryWarning, stacklevel=1)
        warnings.warn("of a library", UserWarning, stacklevel=1)
    assert capsys.readouterr() == ("", "warning: too little memory\n" * 2)
