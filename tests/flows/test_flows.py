"""Each flow once under Prefect's test harness, and what it shows there."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("prefect_server")


def asked(kind: str, flow_run_id: Any) -> list[dict[str, Any]]:
    """The artifacts or task_runs of a flow run, from the server's API."""
    import httpx
    from prefect.settings import PREFECT_API_URL

    body = {"flow_runs": {"id": {"any_": [str(flow_run_id)]}}}
    answer = httpx.post(f"{PREFECT_API_URL.value()}/{kind}/filter", json=body, trust_env=False)
    answer.raise_for_status()
    return list(answer.json())


def artifacts(state: Any) -> dict[str, Any]:
    """The data of a flow run's artifacts by key."""
    return {item["key"]: item["data"] for item in asked("artifacts", state.state_details.flow_run_id)}


def loaded(config: Path) -> Any:
    from pipeline.config import load_config

    return load_config(config)


def test_campaign(config: Path, first_run: subprocess.CompletedProcess[str], workspace: Path) -> None:
    """A campaign over a workspace where dataset and model are made already reuses both and says so."""
    from flows.campaign import campaign

    state = campaign(loaded(config), workspace, return_state=True)
    assert state.is_completed(), state.message
    folder = Path(state.result())
    assert (folder / "report.html").is_file() and folder.parent == workspace / "runs"
    shown = artifacts(state)
    assert {"dataset", "model", "summary", "funnel", "candidates", "report", "progress-generate"} <= set(shown)
    assert "Reused" in shown["dataset"] and "Reused" in shown["model"]
    assert shown["report"] == f"[report.html]({(folder / 'report.html').as_uri()})"
    assert shown["progress-generate"] == 100.0
    report = json.loads((folder / "report.json").read_text())
    funnel = json.loads(shown["funnel"])
    assert [row["count"] for row in funnel] == [stage["count"] for stage in report["funnel"]]
    best = json.loads(shown["candidates"])
    assert 0 < len(best) <= 5 and {"smiles", "score", "logp_computed"} <= set(best[0])


def test_ingest_then_train_then_generate(config: Path, tmp_path: Path, molecules: Path) -> None:
    """The three flows one after the other, in a fresh workspace; a second ingest is a reuse."""
    from flows.generate import generate
    from flows.ingest import ingest
    from flows.train import train

    settings = loaded(config)
    settings = settings.model_copy(update={"ingest": settings.ingest.model_copy(update={"limit": 100})})
    first = ingest(settings.ingest, tmp_path, return_state=True)
    dataset = Path(first.result())
    assert (dataset / "manifest.json").is_file()
    shown = artifacts(first)
    assert "| accepted | 100 |" in shown["dataset"] and "Reused" not in shown["dataset"]
    assert shown["progress-standardize"] == 100.0
    again = ingest(settings.ingest, tmp_path, return_state=True)
    assert again.result() == str(dataset)
    assert "Reused" in artifacts(again)["dataset"]

    trained = train("latest", settings.train, tmp_path, return_state=True)
    model = Path(trained.result())
    assert (model / "model.safetensors").is_file()
    shown = artifacts(trained)
    assert "parameters" in shown["model"] and shown["progress-train"] == 100.0

    made = generate(model.name, settings.generate, tmp_path, name="tonight", return_state=True)
    run = Path(made.result())
    assert run.name.endswith("-tonight") and (run / "candidates.csv").is_file()
    assert "funnel" in artifacts(made)


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
    settings = {"generate.n": 3, "train.training.epochs": 1}
    state = update(str(measured), earlier.name, settings, place, return_state=True)
    assert state.is_completed(), state.message
    folder = Path(state.result())
    assert folder.parent == place / "runs" and (folder / "report.html").is_file()
    assert json.loads((folder / "config.json").read_text())["generate"]["n"] == 3
    now = pd.read_csv(folder / "candidates.csv")
    assert len(now) and not set(now["inchikey"]) & set(proposed["inchikey"])
    shown = artifacts(state)
    assert {"measurements", "summary", "funnel", "candidates", "report", "progress-train"} <= set(shown)
    n = len(proposed)
    assert f"{n} molecules with a measurement that was not in the data before" in shown["measurements"]
    assert f"{n} of {n}" in shown["measurements"] and "mean absolute error" in shown["measurements"]

    again = update(str(measured), folder.name, settings, place, return_state=True)
    assert again.is_completed() and Path(again.result()) == folder, "nothing new is no failure, and no further batch"

    measured.write_text("smiles,other\nCCO,1\n")
    failed = update(str(measured), earlier.name, None, place, return_state=True)
    assert failed.is_failed() and "none of the measured columns potency" in str(failed.message)


def test_a_users_mistake_is_a_failed_run_with_the_plain_sentence_and_no_retry(tmp_path: Path) -> None:
    from chem_vae.errors import UserError
    from flows.ingest import ingest
    from pipeline.datasets.config import IngestConfig

    settings = IngestConfig(source=str(tmp_path / "nothing.csv"))
    state = ingest(settings, tmp_path, return_state=True)
    assert state.is_failed()
    assert state.message is not None and state.message.startswith("there is no file")
    with pytest.raises(UserError, match="there is no file"):
        state.result()
    tasks = asked("task_runs", state.state_details.flow_run_id)
    assert [task["run_count"] for task in tasks] == [1]


def test_a_broken_download_is_retried(tmp_path: Path, molecules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first try loses its connection, the second gets the file: the run succeeds."""
    import importlib

    from chem_vae.errors import ChemVAEError
    from flows.ingest import ingest, ingest_dataset
    from pipeline.datasets.config import IngestConfig

    module = importlib.import_module("pipeline.datasets.ingest")
    real, tries = module.resolve, []

    def resolve(*args: Any, **kwargs: Any) -> Any:
        tries.append(args)
        if len(tries) == 1:
            raise ChemVAEError("cannot download it") from ConnectionResetError("by peer")
        return real(*args, **kwargs)

    monkeypatch.setattr(module, "resolve", resolve)
    monkeypatch.setattr(ingest_dataset, "retry_delay_seconds", 0)
    settings = IngestConfig(source=str(molecules), compute=("logp",), limit=50, merges=0)
    assert (Path(ingest(settings, tmp_path)) / "manifest.json").is_file()
    assert len(tries) == 2
