"""Google Cloud Storage and Azure, each by an emulator on this machine: sources are read, runs published, used from there and verified.

Skipped where an emulator or its package is missing: `pip install gcsfs gcp-storage-emulator`; `pip install adlfs` and
`npm install --global azurite`.
"""

from __future__ import annotations

import importlib.util
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fsspec
import pytest

from chem_vae.errors import DataError
from pipeline.workflows.upkeep.verify import verify
from pipeline.workspace.lookup import find_run
from pipeline.workspace.registry import resolve
from pipeline.workspace.remote.outages import UnreachableError
from pipeline.workspace.remote.publishing import publish_folders
from pipeline.workspace.storage.folders import write_manifest

AZURE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The key that every installation of the emulator has; it opens nothing else."""


@contextmanager
def run_emulator(command: Sequence[str], port: int, folder: Path) -> Iterator[None]:
    """Run an emulator, which writes its log into a folder, inside the block."""
    with (folder / "emulator.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    try:
        for _ in range(600):
            with socket.socket() as tried:
                if tried.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, (folder / "emulator.log").read_text()
            time.sleep(0.1)
        yield
    finally:
        process.kill()
        process.wait()


@pytest.fixture(params=["gs", "abfs"])
def storage(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The file system of an emulator with the empty bucket or container `lab`."""
    kind, folder = str(request.param), tmp_path / "emulator"
    folder.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    if kind == "gs":
        if missing := [name for name in ("gcsfs", "gcp_storage_emulator") if importlib.util.find_spec(name) is None]:
            pytest.skip(f"{', '.join(missing)} is not installed: pip install gcsfs gcp-storage-emulator")
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")  # which asks a real server
        command = [sys.executable, "-m", "gcp_storage_emulator", "start", "--host", "127.0.0.1", "--port", str(port)]
        command += ["--in-memory", "--default-bucket", "lab"]
    else:
        program = shutil.which("azurite-blob")
        if program is None or importlib.util.find_spec("adlfs") is None:
            pytest.skip("adlfs or azurite is not installed: pip install adlfs; npm install --global azurite")
        address = f"http://127.0.0.1:{port}/devstoreaccount1"
        told = (
            f"DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey={AZURE_KEY};BlobEndpoint={address};"
        )
        monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", told)
        command = [program, "--silent", "--blobHost", "127.0.0.1", "--blobPort", str(port), "--inMemoryPersistence"]
        command += ["--skipApiVersionCheck"]
    monkeypatch.setenv("CHEM_VAE_CACHE", str(tmp_path / "cache"))
    with run_emulator(command, port, folder):
        system = fsspec.filesystem(kind, skip_instance_cache=True)
        if kind == "abfs":
            system.mkdir("lab")
        fsspec.get_filesystem_class(kind).clear_instance_cache()
        yield system
        fsspec.get_filesystem_class(kind).clear_instance_cache()


def make_run(workspace: Path) -> Path:
    folder = workspace / "runs" / "20260101-020000-night"
    folder.mkdir(parents=True)
    (folder / "report.html").write_text("<p>report</p>")
    (folder / "candidates.csv").write_text("rank,smiles\n1,CCO\n" * 1000)
    write_manifest(folder, {"format": "chem-vae run", "format_version": 1, "key": "k", "name": "night", "model": None})
    return folder


def test_sources_are_read_and_patterns_are_joined(storage: Any) -> None:
    scheme = storage.protocol if isinstance(storage.protocol, str) else storage.protocol[0]
    for day in ("monday", "tuesday"):
        storage.pipe(f"lab/assays/{day}.csv", f"SMILES,pIC50\nCCO,{len(day)}\n".encode())
    found = resolve(f"{scheme}://lab/assays/monday.csv")
    assert found.path.read_text() == "SMILES,pIC50\nCCO,6\n"
    storage.pipe("lab/assays/monday.csv", b"SMILES,pIC50\nCCN,8\n")
    assert "CCN" in resolve(f"{scheme}://lab/assays/monday.csv").path.read_text(), "it has changed"
    both = resolve(f"{scheme}://lab/assays/*.csv").path
    assert len([p for p in both.parent.iterdir() if p.suffix == ".csv"]) == 2
    with pytest.raises(UnreachableError, match=r"lab/assays/sunday\.csv"):
        resolve(f"{scheme}://lab/assays/sunday.csv")


def test_a_run_is_published_once_used_from_there_and_verified(storage: Any, tmp_path: Path) -> None:
    scheme = storage.protocol if isinstance(storage.protocol, str) else storage.protocol[0]
    folder, hub, there = make_run(tmp_path / "here"), f"{scheme}://lab/hub", tmp_path / "there"
    (made,) = publish_folders(tmp_path / "here", hub)
    assert made.files == 3 and made.address.endswith(f"lab/hub/runs/{folder.name}")
    (again,) = publish_folders(tmp_path / "here", hub)
    assert again.files == 0
    fetched = find_run(f"{hub}/runs/{folder.name}", there)
    assert (fetched / "candidates.csv").read_bytes() == (folder / "candidates.csv").read_bytes()
    assert [found.state for found in verify(there, [f"{hub}/runs/{folder.name}"])] == ["whole"]
    storage.pipe(f"lab/hub/runs/{folder.name}/candidates.csv", b"rank,smiles\n")
    fsspec.get_filesystem_class(scheme).clear_instance_cache()
    assert [found.state for found in verify(there, [f"{hub}/runs/{folder.name}"])] == ["damaged"]
    with pytest.raises(DataError, match=r"candidates\.csv"):
        find_run(f"{hub}/runs/{folder.name}", tmp_path / "elsewhere")
