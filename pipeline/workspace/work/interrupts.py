"""Ctrl-C that no library swallows.

While RDKit searches for a substructure, a handler of its own stands in the place of Python's: a Ctrl-C that comes then ends that one
search, whose matches are incomplete, and is forgotten (https://github.com/rdkit/rdkit/pull/9349).
"""

from __future__ import annotations

import _thread
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_CTRL_C = {signal.SIGINT}


def ignore_interrupts() -> None:
    """Let Ctrl-C pass by this process for good; to be called while it has no other thread."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, _CTRL_C)  # a library's handler replaces SIG_IGN, but gets no signal


@contextmanager
def keep_interrupts() -> Iterator[None]:
    """Bring each Ctrl-C that comes within the block to Python's handler, whatever library is at work.

    The signal is kept from all threads but one, which waits for it and passes it on. That holds for threads that start within the
    block; where the process has others already, as in a notebook, Ctrl-C stays as it is without the block. Processes that start
    within the block never get the signal. Outside of the main thread, and on systems without threads' signals, the block changes nothing.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _CTRL_C)
    main, has_ended = threading.get_ident(), threading.Event()

    def pass_on() -> None:
        while True:
            signal.sigwait(_CTRL_C)
            if has_ended.is_set():
                return
            _thread.interrupt_main()
            signal.pthread_kill(
                main, signal.SIGURG
            )  # the main thread may sleep in the system, where only a signal wakes it

    before_urgent = signal.signal(signal.SIGURG, lambda *_: None)
    watcher = threading.Thread(target=pass_on, name="Ctrl-C", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        has_ended.set()
        signal.pthread_kill(watcher.ident or 0, signal.SIGINT)
        watcher.join()
        signal.signal(signal.SIGURG, before_urgent)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
