"""The first Ctrl-C stops between two steps, the second at once."""

from __future__ import annotations

import os
import signal
import threading

import pytest

import pipeline as mg
from chem_vae.errors import ChemVAEWarning
from chem_vae.progress import silent
from pipeline.models.trained_model import TrainedModel
from pipeline.workspace.interrupts import defer_interrupt


def press() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_the_first_is_noted_and_the_second_raises() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), defer_interrupt() as is_stopped:
        assert not is_stopped()
        with pytest.warns(ChemVAEWarning, match="once more"):
            press()
        assert is_stopped()
        press()
    assert signal.getsignal(signal.SIGINT) is before


def test_another_thread_is_never_stopped() -> None:
    said: list[bool] = []

    def work() -> None:
        with defer_interrupt() as is_stopped:
            said.append(is_stopped())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert said == [False]


def test_a_generation_that_is_stopped_ranks_what_is_there(model: TrainedModel) -> None:
    def listen(stage: str, done: int, total: int, figures: object = None) -> None:
        if stage == "generate" and done == 40 and total == 400:
            press()

    with pytest.warns(ChemVAEWarning, match="stopping with what is there"):
        found = mg.generate(model, n=5, samples=400, batch_size=20, seed=3, progress=listen)
    whole = mg.generate(model, n=5, samples=40, batch_size=20, seed=3, progress=silent)
    assert found.counts["requested"] == 40 and len(found) == 5
    assert any("stopped by Ctrl-C after 40 of 400 samples" in text for text in found.warnings)
    assert found.to_frame()["smiles"].tolist() == whole.to_frame()["smiles"].tolist()


def test_long_work_is_estimated(model: TrainedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.generation.direct.LONG", 0.0)
    with pytest.warns(
        ChemVAEWarning, match=r"60 molecules are to be looked at, which takes about .*: Ctrl-C stops with what is there"
    ):
        mg.generate(model, n=5, samples=60, batch_size=20, quiet=True)
