"""One thread in a block, for torch and for the BLAS of numpy; afterwards as before."""

from __future__ import annotations

import numpy as np
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from chem_vae.threads import use_one_thread


def count_blas_threads() -> set[int]:
    np.ones((2, 2)) @ np.ones((2, 2))  # the library is loaded
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


def test_one_thread_in_the_block_and_as_many_as_before_after_it() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with threadpool_limits(2, "blas"):
            with use_one_thread():
                assert torch.get_num_threads() == 1 and count_blas_threads() == {1}
            assert torch.get_num_threads() == 2 and count_blas_threads() == {2}
    finally:
        torch.set_num_threads(before)
