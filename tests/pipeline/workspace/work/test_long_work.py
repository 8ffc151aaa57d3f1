"""The first Ctrl-C stops between two steps, the second at once."""

from __future__ import annotations

import os
import signal
import threading
import warnings

import pytest

import pipeline as mg
from chem_vae.errors import ChemVAEWarning, MomentaryWarning
from chem_vae.progress import silent
from pipeline.models.trained_model import TrainedModel
from pipeline.workspace.work.long_work import LongWork, watch_long_work


def press() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_the_first_is_noted_and_the_second_raises() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), watch_long_work("steps", "less") as work:
        assert not work.is_stopped()
        with pytest.warns(ChemVAEWarning, match="once more"):
            press()
        assert work.is_stopped()
        press()
    assert signal.getsignal(signal.SIGINT) is before


def test_another_thread_is_never_stopped() -> None:
    said: list[bool] = []

    def work() -> None:
        with watch_long_work("steps", "less") as work:
            said.append(work.is_stopped())

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


def test_long_work_is_said_once_and_only_early(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("pipeline.workspace.work.long_work.time.monotonic", lambda: now[0])
    work = LongWork("calls are to be made", "--calls asks for less", lambda: False)
    work.begin(100, at_once=4)
    now[0] = 60.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        work.look(103, 200)  # three of four that are made at once: the pace is not known
    with pytest.warns(MomentaryWarning, match="200 calls are to be made, which takes about 24 min"):
        work.look(104, 200)
    late = LongWork("steps", "less", lambda: False)
    late.begin(0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        work.look(105, 200)
        late.look(1, 100)  # quick
        now[0] = 6000.0
        late.look(50, 100)  # slow, but half of it is done


def test_a_search_that_is_stopped_shows_what_is_there(model: TrainedModel) -> None:
    def listen(stage: str, done: int, total: int, figures: object = None) -> None:
        if stage == "optimize" and done >= 30 and not pressed:
            pressed.append(done)
            press()

    pressed: list[int] = []
    with pytest.warns(ChemVAEWarning, match="the same command goes on from the answers so far"):
        found = mg.optimize(model, maximize="qed", calls=500, strategy="random", batch_size=10, progress=listen)
    assert found.ended.startswith("stopped by Ctrl-C after ") and "of 500 oracle calls" in found.ended
    assert 30 <= len(found.calls) < 60 and len(found) > 0
    assert not any("Ctrl-C" in text for text in found.warnings)


def test_a_search_that_is_stopped_before_anything_is_there_is_interrupted(model: TrainedModel) -> None:
    def listen(stage: str, done: int, total: int, figures: object = None) -> None:
        if stage == "optimize" and done == 0:
            press()

    with pytest.warns(ChemVAEWarning), pytest.raises(KeyboardInterrupt):
        mg.optimize(model, maximize="qed", calls=50, strategy="random", batch_size=10, progress=listen)


def test_a_scaffold_search_that_is_stopped_ranks_what_is_there(model: TrainedModel) -> None:
    def listen(stage: str, done: int, total: int, figures: object = None) -> None:
        if stage == "generate" and 0 < done < 400 and not pressed:
            pressed.append(done)
            press()

    pressed: list[int] = []
    with pytest.warns(ChemVAEWarning, match="stopping with what is there"):
        found = mg.generate(
            model, n=5, samples=400, batch_size=20, scaffold={"keep": "c1ccc([*:1])cc1"}, progress=listen, seed=3
        )
    assert any("stopped by Ctrl-C after " in text for text in found.warnings) and len(found) > 0


def test_long_work_is_estimated(model: TrainedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.workspace.work.long_work.LONG", 0.0)
    with pytest.warns(
        ChemVAEWarning, match=r"60 molecules are to be looked at, which takes about .*: Ctrl-C stops with what is there"
    ):
        mg.generate(model, n=5, samples=60, batch_size=20, quiet=True)
