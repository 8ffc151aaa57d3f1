"""Credentials and signed queries of a source's address are used, and neither printed, written nor sent to Prefect."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from command_line import CommandLine, Done, refused

PASSWORD, SIGNATURE = "pa55-w0rd-of-the-lab", "5ignature-of-the-query"
SECRETS = (PASSWORD, SIGNATURE)


@pytest.fixture
def address(molecules: Path) -> Iterator[str]:
    """The address of a server that gives the molecules to who knows both secrets."""
    allowed = "Basic " + base64.b64encode(f"lab:{PASSWORD}".encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.headers.get("Authorization") == allowed and f"X-Amz-Signature={SIGNATURE}" in self.path
            found = known and self.path.startswith("/my/molecules.csv")
            self.send_response(200 if found else 404 if known else 403)
            self.end_headers()
            if found:
                self.wfile.write(molecules.read_bytes())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://lab:{PASSWORD}@127.0.0.1:{server.server_port}/my/molecules.csv?X-Amz-Signature={SIGNATURE}"
    server.shutdown()
    server.server_close()


def hides(done: Done, *folders: Path) -> None:
    """Assert that no secret was printed or written, neither in a file nor in its name."""
    for secret in SECRETS:
        assert secret not in done.stdout + done.stderr
        for folder in folders:
            for path in folder.rglob("*"):
                assert secret not in str(path)
                assert not path.is_file() or secret.encode() not in path.read_bytes(), path


def test_a_run_tells_no_secret_of_its_source(chem_vae: CommandLine, config: Path, address: str, tmp_path: Path) -> None:
    workspace, cache = tmp_path / "workspace", tmp_path / "cache"
    options = ("--config", config, "--workspace", workspace, "--set", "train.training.max_steps=2")
    done = chem_vae("run", *options, "--data", address, CHEM_VAE_CACHE=str(cache))
    assert done.returncode == 0, done.stderr
    (run,) = (workspace / "runs").iterdir()
    assert '"source": "http://***@127.0.0.1' in (run / "config.json").read_text()
    hides(done, workspace, cache)
    dataset = next((workspace / "datasets").glob("molecules-*"))
    shown = chem_vae("inspect", dataset, CHEM_VAE_CACHE=str(cache))
    assert "from http://***@127.0.0.1" in shown.stdout
    hides(shown)
    again = chem_vae("ingest", "--config", run / "config.json", "-w", workspace, CHEM_VAE_CACHE=str(cache))
    refused(again, "written without its secret parts", "--data")
    hides(again)


@pytest.mark.parametrize("debug", [(), ("--debug",)])
def test_an_address_that_fails_is_told_without_its_secrets(
    chem_vae: CommandLine, address: str, tmp_path: Path, debug: tuple[str, ...]
) -> None:
    options = ("--workspace", tmp_path / "workspace", *debug)
    for wrong, words in (
        (address.replace("molecules.csv", "nothing.csv"), "404"),
        (address.replace("127.0.0.1:", "127.0.0.1:1"), "cannot download"),
        (f"{address}#token={SIGNATURE}".replace("http:", "htp:"), "unknown scheme of an address"),
    ):
        done = chem_vae("ingest", wrong, *options, CHEM_VAE_CACHE=str(tmp_path / "cache"))
        assert done.returncode in (1, 2) and words in done.stderr
        hides(done, tmp_path)


def test_environment_variables_stand_for_secrets(chem_vae: CommandLine, address: str, tmp_path: Path) -> None:
    named = address.replace(PASSWORD, "${LAB_PASSWORD}").replace(SIGNATURE, "${LAB_SIGNATURE}")
    options = ("--property", "potency", "--compute", "logp", "-w", tmp_path / "workspace")
    cache = str(tmp_path / "cache")
    refused(chem_vae("ingest", named, *options, CHEM_VAE_CACHE=cache), "LAB_PASSWORD, which is not set")
    done = chem_vae("ingest", named, *options, CHEM_VAE_CACHE=cache, LAB_PASSWORD=PASSWORD, LAB_SIGNATURE=SIGNATURE)
    assert done.returncode == 0, done.stderr
    assert "${LAB_PASSWORD}" in done.stdout, "the name of a variable is no secret"
    hides(done, tmp_path)


def test_a_deployment_with_a_secret_is_refused(chem_vae: CommandLine, address: str, tmp_path: Path) -> None:
    done = chem_vae("serve", "--interval", "3600", "--set", f"ingest.source={address}", "-w", tmp_path)
    refused(done, "holds a secret", "environment variable")
    hides(done, tmp_path)


@pytest.mark.usefixtures("prefect_server")
def test_prefect_is_told_no_secret(config: Path, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import httpx
    from prefect.settings import PREFECT_API_URL

    from flows.ingest import ingest
    from pipeline.config import load_config

    monkeypatch.setenv("CHEM_VAE_CACHE", str(tmp_path / "cache"))
    for source, fine in ((address, True), (address.replace("molecules.csv", "nothing.csv"), False)):
        settings = load_config(config, {"ingest.source": source}).ingest
        state = ingest(settings, tmp_path / "workspace", return_state=True)
        assert state.is_completed() == fine
        told = [str(state.message)]
        for kind in ("flow_runs", "task_runs", "logs", "artifacts"):
            body = {"limit": 200} if kind == "logs" else {}
            answer = httpx.post(f"{PREFECT_API_URL.value()}/{kind}/filter", json=body, trust_env=False)
            answer.raise_for_status()
            told.append(answer.text)
        assert "***@127.0.0.1" in told[1]
        assert not [secret for secret in SECRETS for text in told if secret in text]
