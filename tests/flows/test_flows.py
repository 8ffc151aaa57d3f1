"""Each flow once under Prefect's test harness, and what it shows there."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("prefect_server")


def artifacts(flow_run_id: Any) -> dict[str, Any]:
    """The artifacts of a flow run by key."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId

    with get_client(sync_client=True) as client:
        found = client.read_artifacts(
            artifact_filter=ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[flow_run_id]))
        )
    return {artifact.key: artifact for artifact in found}


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
    shown = artifacts(state.state_details.flow_run_id)
    assert {"dataset", "model", "summary", "funnel", "candidates", "report", "progress-generate"} <= set(shown)
    assert "Reused" in shown["dataset"].data and "Reused" in shown["model"].data
    assert shown["report"].data == f"[report.html]({(folder / 'report.html').as_uri()})"
    assert shown["progress-generate"].data == 100.0
    report = json.loads((folder / "report.json").read_text())
    funnel = json.loads(shown["funnel"].data)
    assert [row["count"] for row in funnel] == [stage["count"] for stage in report["funnel"]]
    best = json.loads(shown["candidates"].data)
    assert 0 < len(best) <= 5 and {"smiles", "score", "logp_computed"} <= set(best[0])


def test_ingest_then_train_then_generate(config: Path, tmp_path: Path, molecules: Path) -> None:
    """The three flows one after the other, in a fresh workspace; a second ingest is a reuse."""
    from flows.generate import generate
    from flows.ingest import ingest
    from flows.train import train

    settings = loaded(config)
    first = ingest(settings.ingest, tmp_path, return_state=True)
    dataset = Path(first.result())
    assert (dataset / "manifest.json").is_file()
    shown = artifacts(first.state_details.flow_run_id)
    assert "300" in shown["dataset"].data and "Reused" not in shown["dataset"].data
    assert shown["progress-standardize"].data == 100.0
    again = ingest(settings.ingest, tmp_path, return_state=True)
    assert again.result() == str(dataset)
    assert "Reused" in artifacts(again.state_details.flow_run_id)["dataset"].data

    trained = train("latest", settings.train, tmp_path, return_state=True)
    model = Path(trained.result())
    assert (model / "model.safetensors").is_file()
    shown = artifacts(trained.state_details.flow_run_id)
    assert "parameters" in shown["model"].data and shown["progress-train"].data == 100.0

    made = generate(model.name, settings.generate, tmp_path, name="tonight", return_state=True)
    run = Path(made.result())
    assert run.name.endswith("-tonight") and (run / "candidates.csv").is_file()
    assert "funnel" in artifacts(made.state_details.flow_run_id)


def test_a_users_mistake_is_a_failed_run_with_the_plain_sentence_and_no_retry(tmp_path: Path) -> None:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

    from chem_vae.errors import UserError
    from flows.ingest import ingest
    from pipeline.config import IngestConfig

    settings = IngestConfig(source=str(tmp_path / "nothing.csv"))
    state = ingest(settings, tmp_path, return_state=True)
    assert state.is_failed()
    assert state.message is not None and state.message.startswith("there is no file")
    with pytest.raises(UserError, match="there is no file"):
        state.result()
    with get_client(sync_client=True) as client:
        tasks = client.read_task_runs(
            flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[state.state_details.flow_run_id]))
        )
    assert [task.run_count for task in tasks] == [1]


def test_a_broken_download_is_retried(tmp_path: Path, molecules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first try loses its connection, the second gets the file: the run succeeds."""
    import importlib

    from chem_vae.errors import ChemVAEError
    from flows.ingest import ingest, ingest_dataset
    from pipeline.config import IngestConfig

    module = importlib.import_module("pipeline.ingest")
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


def test_which_errors_pass_by_themselves() -> None:
    import urllib.error
    from email.message import Message

    from chem_vae.errors import DataError
    from flows.failures import is_passing

    def http(code: int) -> urllib.error.HTTPError:
        return urllib.error.HTTPError("http://x", code, "", Message(), None)

    assert is_passing(TimeoutError()) and is_passing(http(503)) and is_passing(http(429))
    assert not is_passing(http(404)) and not is_passing(DataError("no SMILES column")) and not is_passing(None)
    assert not is_passing(MemoryError())
