"""A written report for the tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import report
from tests.pipeline.report.samples import as_report, candidates, full_report


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return report.write(tmp_path_factory.mktemp("run"), as_report(full_report()), candidates())
