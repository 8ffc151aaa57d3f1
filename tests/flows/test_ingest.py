"""The flow `ingest` under Prefect's test harness: what follows it, its failures and its retries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fsspec
import pytest
from prefect_api import ask_server, read_artifacts

from pipeline.config import load_config

pytestmark = pytest.mark.usefixtures("prefect_server")


def test_ingest_then_train_then_generate(config: Path, tmp_path: Path, molecules: Path) -> None:
    """The three flows one after the other, in a fresh workspace; a second ingest is a reuse."""
    from flows.generate import generate
    from flows.ingest import ingest
    from flows.train import train

    settings = load_config(config)
    settings = settings.model_copy(update={"ingest": settings.ingest.model_copy(update={"limit": 100})})
    storage = fsspec.filesystem("memory")
    storage.store.clear()
    first = ingest(settings.ingest, tmp_path, publish="memory://hub", return_state=True)
    dataset = Path(first.result())
    assert storage.cat(f"/hub/datasets/{dataset.name}/manifest.json") == (dataset / "manifest.json").read_bytes()
    assert (dataset / "manifest.json").is_file()
    shown = read_artifacts(first)
    assert "| accepted | 100 |" in shown["dataset"] and "Reused" not in shown["dataset"]
    assert shown["progress-standardize"] == 100.0
    again = ingest(settings.ingest, tmp_path, return_state=True)
    assert again.result() == str(dataset)
    assert "Reused" in read_artifacts(again)["dataset"]

    trained = train("latest", settings.train, tmp_path, return_state=True)
    model = Path(trained.result())
    assert (model / "model.safetensors").is_file()
    shown = read_artifacts(trained)
    assert "parameters" in shown["model"] and shown["progress-train"] == 100.0

    made = generate(model.name, settings.generate, tmp_path, name="tonight", return_state=True)
    run = Path(made.result())
    assert run.name.endswith("-tonight") and (run / "candidates.csv").is_file()
    assert "funnel" in read_artifacts(made)


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
    tasks = ask_server("task_runs", state.state_details.flow_run_id)
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
