"""Each Ctrl-C arrives, and leaves what RDKit finds as it is."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from pipeline.workspace.work.interrupts import keep_interrupts
from pipeline.workspace.work.parallel import Workers


def run(script: str) -> str:
    """Run a script in a process of its own and return what it prints."""
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_no_search_is_cut_short_and_no_interrupt_is_lost() -> None:
    # Without the block 142 of 200 interrupts were lost, and 123 searches found less than there was.
    said = run("""
        import os, signal, threading, time
        from rdkit import Chem
        from pipeline.workspace.work.interrupts import keep_interrupts

        molecule, query = Chem.MolFromSmiles("CC(C)Cc1ccc(C(C)C(=O)O)cc1" * 3), Chem.MolFromSmarts("[#6]~[#6]~[#6]~[#6,#8]")
        whole, seen, has_ended = len(molecule.GetSubstructMatches(query)), [], threading.Event()

        def press():
            for number in range(100):
                before, deadline = len(seen), time.monotonic() + 5
                os.kill(os.getpid(), signal.SIGINT)
                while len(seen) == before and time.monotonic() < deadline:
                    time.sleep(0.002)
            has_ended.set()

        signal.signal(signal.SIGINT, lambda *_: seen.append(1))
        with keep_interrupts():
            threading.Thread(target=press).start()
            short = 0
            while not has_ended.is_set():
                short += len(molecule.GetSubstructMatches(query)) != whole
        print(len(seen), short)
        """)
    assert said == "100 0"


@pytest.mark.parametrize("wait", ["time.sleep(60)", "threading.Event().wait(60)", "subprocess.run(['sleep', '60'])"])
def test_what_waits_is_woken(wait: str) -> None:
    said = run(f"""
        import os, signal, subprocess, threading, time
        from pipeline.workspace.work.interrupts import keep_interrupts

        signal.signal(signal.SIGINT, signal.default_int_handler)
        started = time.monotonic()
        try:
            with keep_interrupts():
                threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
                {wait}
        except KeyboardInterrupt:
            print(time.monotonic() - started < 20)
        print(signal.pthread_sigmask(signal.SIG_BLOCK, []), signal.getsignal(signal.SIGURG) == signal.SIG_DFL)
        """)
    assert said == "True\nset() True"


def test_where_it_is_ignored_it_stays_ignored() -> None:
    said = run("""
        import os, signal, time
        from pipeline.workspace.work.interrupts import keep_interrupts

        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with keep_interrupts():
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.2)
        print("here")
        """)
    assert said == "here"


def test_another_thread_changes_nothing() -> None:
    masks: list[set[int]] = []

    def work() -> None:
        with keep_interrupts():
            masks.append(set(signal.pthread_sigmask(signal.SIG_BLOCK, [])))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert masks == [set(signal.pthread_sigmask(signal.SIG_BLOCK, []))]


def tell_mask(_: int) -> bool:
    time.sleep(0.05)
    return signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_workers_never_get_it() -> None:
    with Workers(2) as workers:
        assert list(workers.map(tell_mask, range(4))) == [True] * 4
