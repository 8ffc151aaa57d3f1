"""The flow `update` under Prefect's test harness."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from prefect_api import read_artifacts

pytestmark = pytest.mark.usefixtures("prefect_server")


def test_update(first_run: subprocess.CompletedProcess[str], workspace: Path, tmp_path: Path) -> None:
    """Another round from what was measured of the first, by the run's own settings but for those that are given."""
    import pandas as pd

    from flows.update import update

    place = tmp_path / "workspace"
    shutil.copytree(workspace, place)
    earlier = min((place / "runs").glob("*-tiny"))
    proposed = pd.read_csv(earlier / "candidates.csv")
    measured = tmp_path / "measured.csv"
    proposed[["smiles"]].assign(potency=[3.0 + i for i in range(len(proposed))]).to_csv(measured, index=False)
    settings = {"generate.n": 3, "train.training.epochs": 1, "generate.measured.outside_domain": True}
    state = update(
        str(measured), earlier.name, {**settings, "publish": str(tmp_path / "pub")}, place, return_state=True
    )
    assert state.is_completed(), state.message
    folder = Path(state.result())
    assert folder.parent == place / "runs" and (folder / "report.html").is_file()
    assert json.loads((folder / "config.json").read_text())["generate"]["n"] == 3
    assert (tmp_path / "pub" / "runs" / folder.name / "manifest.json").is_file()
    now = pd.read_csv(folder / "candidates.csv")
    assert len(now) and not set(now["inchikey"]) & set(proposed["inchikey"])
    shown = read_artifacts(state)
    assert {"measurements", "summary", "funnel", "candidates", "report", "progress-train"} <= set(shown)
    n = len(proposed)
    assert f"{n} molecules with a measurement that was not in the data before" in shown["measurements"]
    assert f"{n} of {n}" in shown["measurements"] and "mean absolute error" in shown["measurements"]

    shutil.rmtree(tmp_path / "pub")
    shutil.rmtree(place / "published")
    again = update(str(measured), folder.name, settings, place, return_state=True)
    assert again.is_completed() and Path(again.result()) == folder, "nothing new is no failure, and no further batch"
    assert (tmp_path / "pub" / "runs" / folder.name / "manifest.json").is_file(), "as the run itself was told"

    measured.write_text("smiles,other\nCCO,1\n")
    failed = update(str(measured), earlier.name, None, place, return_state=True)
    assert failed.is_failed() and "none of the measured columns potency" in str(failed.message)
