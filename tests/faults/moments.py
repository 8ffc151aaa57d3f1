"""Counts the moments of a process at which something on the disk is about to change; at one of them the process dies, or the disk is full."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import sys
from sqlite3 import dbapi2
from typing import Any

_CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.truncate"}
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Moments:
    """Counts renames, deletions, links, new folders, files opened for writing, syncs, and statements of SQLite, each before it is done.

    Args:
        folder: Only what happens to files in it counts.
        last: The number of the moment at which the process kills its whole group; None to only count.
        ballast: A file that fills the disk at that moment instead.
    """

    def __init__(self, folder: str, last: int | None = None, ballast: str | None = None) -> None:
        self.folder, self.last, self.ballast, self.count = folder, last, ballast, 0

    def watch(self) -> None:
        """Watch this process from now on; this cannot be undone."""
        sys.addaudithook(self._hear)
        sync = os.fsync

        def count_sync(file: Any) -> None:
            self._count()
            sync(file)

        os.fsync = count_sync
        open_database = sqlite3.connect

        def connect(*arguments: Any, **options: Any) -> sqlite3.Connection:
            connection = open_database(*arguments, **options)
            connection.set_trace_callback(lambda statement: self._count())
            return connection

        sqlite3.connect = dbapi2.connect = connect

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            if isinstance(arguments[2], int) and arguments[2] & _WRITES and self._is_inside(arguments[0]):
                self._count()
        elif event in _CHANGES and any(map(self._is_inside, arguments)):
            self._count()

    def _is_inside(self, path: Any) -> bool:
        return isinstance(path, str | os.PathLike) and os.fspath(path).startswith(self.folder)

    def _count(self) -> None:
        self.count += 1
        if self.count == self.last:
            if self.ballast is None:
                os.killpg(0, signal.SIGKILL)
            else:
                fill_disk(self.ballast)


def fill_disk(ballast: str) -> None:
    """Write a file until its disk is full."""
    with open(ballast, "ab", buffering=0) as file, contextlib.suppress(OSError):
        for size in (1 << 20, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"x" * size)
