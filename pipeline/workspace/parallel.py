"""A pool of spawned processes with few jobs in flight, or none at all where the work is small."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Self, TypeVar

from chem_vae.errors import ChemVAEError

Job = TypeVar("Job")
Result = TypeVar("Result")


class Workers:
    """Context manager.

    `count` 1: everything runs in this process. Processes are spawned, never forked, at the first job.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def map(self, function: Callable[[Job], Result], jobs: Iterable[Job]) -> Iterator[Result]:
        """The results in the order of the jobs. At most two jobs per worker are taken from `jobs` ahead of their
        results.

        Raises what a job raises, and ChemVAEError where a worker dies.
        """
        if self.count <= 1:
            yield from map(function, jobs)
            return
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self.count, mp_context=context, initializer=_start)
        waiting: deque[Future[Result]] = deque()
        try:
            for job in jobs:
                waiting.append(self._pool.submit(function, job))
                if len(waiting) > 2 * self.count:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool as error:
            raise ChemVAEError(
                "a worker process died (killed, or out of memory); run again to go on where it stopped, with fewer "
                "--workers if memory is short. In a script of your own, the call belongs under "
                "`if __name__ == '__main__':`"
            ) from error
        finally:
            for future in waiting:
                future.cancel()


def _start() -> None:
    """A worker's first act: be quiet, leave Ctrl-C to the parent, use one thread, and end with the parent."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        # A worker whose parent was killed would wait for its next job forever.
        threading.Thread(target=_end_after, args=(parent,), daemon=True).start()


def _end_after(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)


def usable_cores() -> int:
    """The cores that this process may run on (a container or a scheduler may allow fewer than there are)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
