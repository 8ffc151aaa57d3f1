"""New measurements are brought to the newest run that has learned their property."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pipeline.workflows.records.learned_properties import find_learner
from pipeline.workspace.lookup import CALLS


def make_run(workspace: Path, name: str, *properties: dict[str, Any]) -> Path:
    folder = workspace / "runs" / name
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"ingest": {"properties": properties}}))
    (folder / "manifest.json").write_text("{}")
    return folder


def test_the_newest_run_that_learned_a_property_is_found(tmp_path: Path) -> None:
    assert find_learner(["pIC50"], tmp_path) is None
    make_run(tmp_path, "20260101-000000-first", {"name": "IC50", "unit": "nM", "log": True})
    make_run(tmp_path, "20260102-000000-second", {"name": "solubility"})
    search = make_run(tmp_path, "20260103-000000-search", {"name": "pIC50"})
    (search / CALLS).write_text("")
    assert find_learner(["pIC50"], tmp_path) == find_learner(["IC50"], tmp_path) == "20260101-000000-first"
    assert find_learner(["solubility"], tmp_path) == "latest", "the runs of an optimization are no start of an update"
    assert find_learner(["potency"], tmp_path) is None
