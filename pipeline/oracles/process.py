"""Processes that answer lines with lines; they are started once, kept, and stopped with all that they started."""

from __future__ import annotations

import contextlib
import os
import queue
import shutil
import signal
import subprocess
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO

from chem_vae.errors import UserError
from pipeline.oracles.base import OracleError, clip

GRACE = 2.0  # seconds in which a process may end by itself once its standard input is closed


class LineProcess:
    """A running program that answers lines with lines. The end of its standard error is kept for error messages.

    Raises:
        UserError: If the program cannot be started.
    """

    def __init__(self, command: Sequence[str]) -> None:
        if shutil.which(command[0]) is None:
            raise UserError(f"there is no program {command[0]!r}; give its path, or a name that is found in PATH")
        try:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},  # else a Python program's answers wait in its buffer
                start_new_session=True,  # so that it is stopped together with its children, and not by Ctrl-C
            )
        except OSError as error:
            raise UserError(f"the program {command[0]!r} cannot be started: {error.strerror or error}") from None
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._last_words: deque[str] = deque(maxlen=5)
        assert self._process.stdout is not None and self._process.stderr is not None
        threading.Thread(target=_read, args=(self._process.stdout, self._lines.put), daemon=True).start()
        self._listener = threading.Thread(target=_read, args=(self._process.stderr, self._keep_last_words), daemon=True)
        self._listener.start()
        self._end = weakref.finalize(self, _stop, self._process)  # at the latest when this process ends

    def send(self, lines: Sequence[str]) -> None:
        """Write lines in the background, so that a program that does not read holds nothing up."""
        data = "".join(line + "\n" for line in lines).encode("utf-8", "replace")
        threading.Thread(target=_write, args=(self._process.stdin, data), daemon=True).start()

    def receive(self, deadline: float | None) -> str:
        """Return the next line of its standard output.

        Args:
            deadline: How long to wait, as a time of time.monotonic().

        Raises:
            TimeoutError: If there is none until then.
            OracleError: If it has ended; with the end of its standard error.
        """
        try:
            line = self._lines.get(timeout=None if deadline is None else max(deadline - time.monotonic(), 0.0))
        except queue.Empty:
            raise TimeoutError from None
        if line is None:
            raise OracleError(f"it ended {self._describe_end()}{self.quote_last_words()}")
        return line

    def is_alive(self) -> bool:
        """Return whether it still runs."""
        return self._process.poll() is None

    def quote_last_words(self) -> str:
        """Quote the end of its standard error, as the tail of a sentence."""
        return f"; its last words: {clip(' | '.join(self._last_words))}" if self._last_words else ""

    def stop(self, grace: float = 0.0) -> None:
        """Close its standard input, and `grace` seconds later stop it by force."""
        if grace and self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(grace)
        self._end()

    def _keep_last_words(self, line: str | None) -> None:
        if line is not None and line.strip():
            self._last_words.append(line.strip())

    def _describe_end(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE)
        self._listener.join(GRACE)  # what it said last may still be on its way
        code = self._process.returncode
        if code is None:
            return "its answers (it closed its standard output)"
        return f"with exit code {code}" if code >= 0 else f"by signal {signal.Signals(-code).name}"


class ProcessPool:
    """Starts as many processes as batches run at once, and keeps them for the next batches."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._idle: list[LineProcess] = []
        self._all: weakref.WeakSet[LineProcess] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._closed = False

    @contextmanager
    def borrow(self) -> Iterator[LineProcess]:
        """Yield a process for one batch. After any error it is stopped: its next answer would fit no question."""
        with self._lock:
            if self._closed:
                raise OracleError("it is closed")
            process = self._idle.pop() if self._idle else None
        if process is None or not process.is_alive():
            process = LineProcess(self._command)
            with self._lock:
                self._all.add(process)
        try:
            yield process
        except BaseException:
            process.stop()
            raise
        with self._lock:
            if not self._closed:
                self._idle.append(process)
                return
        process.stop()

    def close(self) -> None:
        """Stop them all, those at work by force."""
        with self._lock:
            self._closed = True
            idle, everyone = self._idle, list(self._all)
            self._idle = []
        for process in everyone:
            process.stop(GRACE if process in idle else 0.0)


def _read(stream: IO[bytes], take: Callable[[str | None], None]) -> None:
    with stream:
        for line in stream:
            take(line.decode("utf-8", "replace").rstrip("\r\n"))
    take(None)


def _write(stream: IO[bytes] | None, data: bytes) -> None:
    assert stream is not None
    with contextlib.suppress(OSError, ValueError):  # it ended; whoever waits for its answers learns so
        stream.write(data)
        stream.flush()


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and its children, and wait for it, so that none stays behind as a zombie."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)  # its own session: the group has its number
    elif process.poll() is None:
        process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GRACE)
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()
