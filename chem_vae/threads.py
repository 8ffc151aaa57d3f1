"""One thread for work in many small steps, which gain nothing from more: threads that wait for each other keep the cores busy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits


@contextmanager
def use_one_thread() -> Iterator[None]:
    """Let torch, and the BLAS of numpy, compute with one thread in a block or, as a decorator, in a function.

    >>> with use_one_thread():
    ...     torch.get_num_threads()
    1
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1, "blas"):
            yield
    finally:
        torch.set_num_threads(before)
