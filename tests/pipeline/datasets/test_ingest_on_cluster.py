from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from pipeline.datasets.config import IngestConfig
from pipeline.datasets.ingest import ingest
from pipeline.workspace.work.cluster import find_cluster, use_cluster
from tests.pipeline.workspace.dask_cluster import start_cluster

pytest.importorskip("distributed", reason="the extra dask is not installed")


@pytest.mark.slow
def test_a_dataset_from_a_cluster_of_which_a_worker_was_killed_is_the_same(tmp_path: Path) -> None:
    config = IngestConfig(source="moses-sample", limit=3_000, shard_rows=250, compute=("logp",))
    expected = ingest(config, tmp_path / "alone")
    killed = threading.Event()

    def kill_a_worker(stage: str, done: int, total: int, figures: Mapping[str, float] | None = None) -> None:
        cluster = find_cluster()
        if stage == "standardize" and done >= 500 and cluster is not None and not killed.is_set():
            killed.set()
            cluster.restart_worker(next(iter(cluster.client.scheduler_info()["workers"])))

    with start_cluster(tmp_path) as address, use_cluster(address, tmp_path / "together"):
        found = ingest(config, tmp_path / "together", kill_a_worker)
    assert killed.is_set()
    assert found.counts == expected.counts and found.key == expected.key
    for file in expected.folder.rglob("*.npy"):
        other = found.folder / file.relative_to(expected.folder)
        assert np.array_equal(np.load(file), np.load(other), equal_nan=True), file.name
    assert found.table(["smiles", "logp"]).equals(expected.table(["smiles", "logp"]))
