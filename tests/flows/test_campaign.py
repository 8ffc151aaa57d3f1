"""The flow `campaign` under Prefect's test harness, and what it shows there."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from prefect_api import read_artifacts

from pipeline.config import load_config

pytestmark = pytest.mark.usefixtures("prefect_server")


def test_campaign(config: Path, first_run: subprocess.CompletedProcess[str], workspace: Path) -> None:
    """A campaign over a workspace where dataset and model are made already reuses both and says so."""
    from flows.campaign import campaign

    other = load_config(config, {"generate.seed": 3})  # with the seed of the first run nothing would be new
    state = campaign(other, workspace, return_state=True)
    assert state.is_completed(), state.message
    folder = Path(state.result())
    assert (folder / "report.html").is_file() and folder.parent == workspace / "runs"
    shown = read_artifacts(state)
    assert {"dataset", "model", "summary", "funnel", "candidates", "report", "progress-generate"} <= set(shown)
    assert "Reused" in shown["dataset"] and "Reused" in shown["model"]
    assert f"chem-vae report {folder.resolve()} --open" in shown["report"], "a browser opens no file:// link"
    assert shown["progress-generate"] == 100.0
    report = json.loads((folder / "report.json").read_text())
    funnel = json.loads(shown["funnel"])
    assert [row["count"] for row in funnel] == [stage["count"] for stage in report["funnel"]]
    best = json.loads(shown["candidates"])
    assert 0 < len(best) <= 5 and {"smiles", "score", "drawing", "logp (computed)"} <= set(best[0])
