"""The process that starts the jobs of these tests, one for each file of tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.killing import JobServer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JobServer]:
    made = JobServer(tmp_path_factory.mktemp("faults"))
    yield made
    made.close()
