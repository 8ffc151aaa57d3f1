"""Finished folders are copied to a storage whole, once, and by several writers at once; what comes back is verified."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from s3_server import S3Server

from chem_vae.errors import ChemVAEWarning, DataError, UserError
from pipeline.workspace.lookup import find_dataset, find_folder, find_model, find_run
from pipeline.workspace.remote import publishing, remote_folders
from pipeline.workspace.remote.outages import NoAnswerError
from pipeline.workspace.remote.publishing import Published, publish_folders, publish_to
from pipeline.workspace.storage.disk_space import check_writable
from pipeline.workspace.storage.folders import write_manifest

Storage = Any
HUB = "memory://hub/chem-vae"


def make_run(workspace: Path, name: str = "20260101-020000-night", text: str = "a", files: int = 5) -> Path:
    """Make a finished run folder, with a model's folder in it."""
    folder = workspace / "runs" / name
    for part, kind in ((folder / "model", "chem-vae trained model"), (folder, "chem-vae run")):
        part.mkdir(parents=True, exist_ok=True)
        for i in range(files):
            (part / f"{i}.txt").write_text(f"{text} {i} " * 100)
        if part is folder:
            (part / "report.html").write_text("<p>report</p>")
        else:
            (part / "model.json").write_text("{}")
        write_manifest(part, {"format": kind, "format_version": 1, "key": "k", "name": name, "model": None})
    return folder


def publish(workspace: Path, address: str = HUB, **more: Any) -> list[Published]:
    return list(publish_folders(workspace, address, **more))


def read_all(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture
def memory() -> Iterator[Storage]:
    storage = fsspec.filesystem("memory")
    storage.store.clear()
    yield storage
    storage.store.clear()


@pytest.fixture
def puts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that were copied to the storage in memory, in order; a test may clear it."""
    names: list[str] = []
    kind = type(fsspec.filesystem("memory"))
    for method in ("put_file", "pipe_file"):
        usual = getattr(kind, method)

        def write(self: Storage, one: str, two: Any, *rest: Any, usual: Any = usual, is_put: bool = method == "put_file", **more: Any) -> Any:  # fmt: skip
            names.append((two if is_put else one).removeprefix("/hub/chem-vae/"))
            return usual(self, one, two, *rest, **more)

        monkeypatch.setattr(kind, method, write)
    return names


def test_there_and_back_through_a_real_server(s3: S3Server, tmp_path: Path) -> None:
    folder = make_run(tmp_path / "here")
    address = "s3://lab/there-and-back"
    (made,) = publish(tmp_path / "here", address)
    assert made.address == f"{address}/runs/{folder.name}" and made.files == 14
    assert b"<p>report</p>" in s3.get(f"there-and-back/runs/{folder.name}/report.html")
    assert publish(tmp_path / "here", address)[0].files == 0
    there = tmp_path / "there"
    fetched = find_run(made.address, there)
    assert read_all(fetched) == read_all(folder) and fetched.name == folder.name
    assert find_run(f"{made.address}/manifest.json", there) == find_folder(made.address, there) == fetched
    model = find_model(made.address, there)
    assert read_all(model) == read_all(folder / "model") and model.parent.name == folder.name
    assert remote_folders.list_folders(address) == [made.address]


def test_the_manifest_is_written_last_and_a_repeat_copies_nothing(
    memory: Storage, puts: list[str], tmp_path: Path
) -> None:
    folder = make_run(tmp_path)
    publish(tmp_path)
    assert puts[0].endswith(".claim.json") and puts[-1] == f"runs/{folder.name}/manifest.json" and len(puts) == 15
    puts.clear()
    assert publish(tmp_path)[0].files == 0 and not puts
    assert not publish(tmp_path, only_new=True)
    memory.store.clear()
    assert not publish(tmp_path, only_new=True), "it is known to be published; nobody asks the storage"
    assert publish(tmp_path)[0].files == 14, "the command asks the storage"


def test_a_publication_that_was_interrupted_goes_on(
    memory: Storage, puts: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_run(tmp_path)
    usual = publishing._put

    def fail(path: Path, file: Any) -> None:
        if len(puts) == 7:
            raise ConnectionError("the line is cut")
        usual(path, file)

    monkeypatch.setattr(publishing, "_put", fail)
    with pytest.raises(NoAnswerError, match="the line is cut"):
        publish(tmp_path)
    with pytest.raises(DataError, match="no finished dataset, model or run at"):
        find_run(f"{HUB}/runs/{folder.name}", tmp_path / "there")
    monkeypatch.undo()
    assert publish(tmp_path)[0].files == 14 - 6
    assert read_all(find_run(f"{HUB}/runs/{folder.name}", tmp_path / "there")) == read_all(folder)


KILLED = """
import sys
from pathlib import Path
from pipeline.workspace.remote import publishing
usual, done = publishing._put, []
def put(path, file):
    usual(path, file)
    done.append(path)
    if len(done) == 4:
        print("four", flush=True)
        sys.stdin.read()
publishing._put = put
list(publishing.publish_folders(Path(sys.argv[1]), sys.argv[2]))
"""


def test_a_publisher_that_is_killed(s3: S3Server, tmp_path: Path) -> None:
    folder = make_run(tmp_path / "here")
    address = "s3://lab/killed"
    command = [sys.executable, "-c", KILLED, str(tmp_path / "here"), address]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(os.environ))
    assert process.stdout is not None and process.stdout.readline().strip() == b"four"
    process.kill()
    process.wait()
    keys = s3.list_keys("killed/")
    assert len(keys) == 5 and not any(key.endswith(f"{folder.name}/manifest.json") for key in keys)
    (made,) = publish(tmp_path / "here", address)
    assert made.files == 14 - 4
    assert read_all(find_run(made.address, tmp_path / "there")) == read_all(folder)


def _publish_at(workspace: Path, address: str, when: float) -> None:
    time.sleep(max(0.0, when - time.time()))
    publish(workspace, address)


@pytest.mark.slow
def test_publishers_at_once_never_mix_their_files(s3: S3Server, tmp_path: Path) -> None:
    """Two publish the same content, and a third another one under the same name."""
    address = "s3://lab/at-once"
    folders = [make_run(tmp_path / name, text=text) for name, text in (("1", "a"), ("3", "b"))]
    shutil.copytree(tmp_path / "1", tmp_path / "2")
    context, when = multiprocessing.get_context("spawn"), time.time() + 8
    processes = [context.Process(target=_publish_at, args=(tmp_path / name, address, when)) for name in ("1", "2", "3")]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
        assert process.exitcode == 0
    there = remote_folders.list_folders(address)
    assert len(there) == 2
    found = [read_all(find_run(folder, tmp_path / "there")) for folder in there]
    assert all(read_all(folder) in found for folder in folders)


def test_a_model_that_another_workspace_has_made_is_not_copied_twice(memory: Storage, tmp_path: Path) -> None:
    for name in ("1", "2"):
        folder = tmp_path / name / "models" / "moses-1a2b3c4d"
        folder.mkdir(parents=True)
        (folder / "model.json").write_text(f'{{"seconds": {name}}}')
        write_manifest(folder, {"format": "chem-vae trained model", "format_version": 1, "key": "1a2b3c4d"})
    assert publish(tmp_path / "1")[0].files == 2 and publish(tmp_path / "2")[0].files == 0


def damage(memory: Storage, path: str, change: Callable[[dict[str, Any]], object]) -> None:
    manifest = json.loads(memory.cat(path))
    change(manifest)
    manifest.pop("seal")
    memory.pipe(path, json.dumps(manifest).encode())


def test_a_tampered_file_is_never_used(memory: Storage, tmp_path: Path) -> None:
    address = publish(tmp_path, what=[str(make_run(tmp_path))])[0].address
    path = f"{address.removeprefix('memory:/')}/3.txt"
    data = memory.cat(path)
    memory.pipe(path, data[:-1] + b"X")
    with pytest.raises(DataError, match="3.txt is damaged: it has another content than when it was published"):
        find_run(address, tmp_path / "there")
    with pytest.raises(DataError, match="3.txt has another content"):
        remote_folders.check_folder(remote_folders.open_folder(address))
    memory.pipe(path, data * 1000)
    with pytest.raises(DataError, match=r"3.txt is damaged: it has [0-9,]+ bytes instead of [0-9,]+"):
        find_run(address, tmp_path / "there")
    memory.rm(path)
    with pytest.raises(DataError, match="3.txt is missing, so that its folder is not whole"):
        find_run(address, tmp_path / "there")
    assert not [p for p in (tmp_path / "there").rglob("manifest.json") if ".partial" not in str(p)]
    assert publish(tmp_path)[0].files == 0 and publish(tmp_path, thorough=True)[0].files == 1
    assert (find_run(address, tmp_path / "there") / "3.txt").read_bytes() == data


@pytest.mark.parametrize(
    "name",
    ["../../evil.txt", "/etc/evil.txt", "a/../../evil.txt", "..", ".hidden", "manifest.json", "a/.b/c", "C:\\a", ""],
)
def test_a_manifest_that_leads_elsewhere(memory: Storage, tmp_path: Path, name: str) -> None:
    address = publish(tmp_path / "here", what=[str(make_run(tmp_path / "here"))])[0].address
    entry = {"size": 4, "sha256": "0" * 64}
    damage(memory, f"{address.removeprefix('memory:/')}/manifest.json", lambda m: m["contents"].update({name: entry}))
    with pytest.raises(DataError, match="lists the file"):
        find_run(address, tmp_path / "there" / "workspace")
    assert not list(tmp_path.rglob("evil.txt"))


def test_a_manifest_that_was_changed_or_is_none(memory: Storage, tmp_path: Path) -> None:
    address = publish(tmp_path / "here", what=[str(make_run(tmp_path / "here"))])[0].address
    path = f"{address.removeprefix('memory:/')}/manifest.json"
    manifest = memory.cat(path)
    memory.pipe(path, manifest.replace(b'"name": "2026', b'"name": "2027'))
    with pytest.raises(DataError, match="it was changed after it was written"):
        find_run(address, tmp_path / "there")
    for data in (b"", b"[]", b"{", b'{"format": "chem-vae run"}', b'{"format": ["chem-vae run"]}', b"\xff"):
        memory.pipe(path, data)
        with pytest.raises(DataError, match=f"{address}"):
            find_run(address, tmp_path / "there")


def test_what_was_fetched_is_used_while_the_storage_is_down(
    memory: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = publish(tmp_path, what=[str(make_run(tmp_path))])[0].address
    there = tmp_path / "there"
    first = find_run(address, there)
    fetches: list[str] = []
    monkeypatch.setattr(type(memory), "get_file", lambda self, path, *_, **__: fetches.append(path))
    assert find_run(address, there) == first and not fetches, "what was fetched is not fetched again"
    monkeypatch.undo()
    (first / "1.txt").write_text("damaged")
    with pytest.warns(ChemVAEWarning, match="it is fetched again"):
        assert (find_run(address, there) / "1.txt").read_text().startswith("a 1")

    def fail(*_: object, **__: object) -> None:
        raise ConnectionError("no route")

    monkeypatch.setattr(type(memory), "info", fail)
    with pytest.warns(ChemVAEWarning, match="no route.*what was fetched .* 0 minutes ago is used"):
        assert find_run(address, there) == first
    with pytest.raises(NoAnswerError, match="no route"):
        find_run(f"{HUB}/runs/other", there)


def test_a_folder_of_a_version_that_kept_no_hashes(memory: Storage, tmp_path: Path) -> None:
    memory.pipe("/old/run/manifest.json", b'{"format": "chem-vae run", "format_version": 1}')
    memory.pipe("/old/run/model/a.txt", b"a")
    assert (find_run("memory://old/run", tmp_path) / "model" / "a.txt").read_text() == "a"


def test_a_run_is_not_lost_where_publishing_fails(s3: S3Server, tmp_path: Path) -> None:
    said: list[str] = []
    make_run(tmp_path, "20260101-020000-first")
    with (
        pytest.warns(
            ChemVAEWarning, match=r"not everything is published: there is nothing at .*\(The specified bucket"
        ),
        publish_to("s3://no-such-bucket/x", tmp_path, said.append),
    ):
        pass
    assert not said
    make_run(tmp_path, "20260102-020000-second")
    with publish_to("s3://lab/made-up", tmp_path, said.append):
        pass
    assert len(said) == 2 and "20260101-020000-first" in said[0], "the next run makes up for it"


def test_a_damaged_folder_keeps_no_other_one_back(memory: Storage, tmp_path: Path) -> None:
    (make_run(tmp_path, "20260101-020000-first") / "1.txt").write_text("damaged")
    make_run(tmp_path, "20260102-020000-second")
    made = []
    with pytest.raises(DataError, match="1.txt has .* bytes instead of"):
        made += publish_folders(tmp_path, HUB)
    assert memory.exists("/hub/chem-vae/runs/20260102-020000-second/manifest.json")
    assert not memory.exists("/hub/chem-vae/runs/20260101-020000-first")


def test_a_folder_of_a_disk(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "here")
    (made,) = publish(tmp_path / "here", str(tmp_path / "share"))
    assert read_all(folder).items() <= read_all(tmp_path / "share" / "runs" / folder.name).items()
    assert find_run(made.address, tmp_path) == tmp_path / "share" / "runs" / folder.name
    with pytest.raises(UserError, match="is within the workspace"):
        publish(tmp_path / "here", str(tmp_path / "here" / "share"))


def test_a_workspace_in_a_storage_is_refused() -> None:
    with pytest.raises(UserError, match=r"the workspace s3://bucket/x is in a storage.*--publish s3://bucket/x"):
        check_writable(Path("s3://bucket/x"))


def test_addresses_of_nothing(s3: S3Server, tmp_path: Path) -> None:
    for find in (find_run, find_dataset, find_folder, find_model):
        with pytest.raises(DataError, match="no finished dataset, model or run at s3://lab/none"):
            find("s3://lab/none", tmp_path)
    with pytest.raises(UserError, match="unknown scheme"):
        find_run("nope://lab/none", tmp_path)


def test_an_address_that_was_kept_without_its_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of a finished run are kept without secrets; the environment may name the whole address."""
    monkeypatch.delenv("CHEM_VAE_PUBLISH", raising=False)
    with pytest.raises(
        UserError, match=r"was kept without its secret: give it again with --publish or in CHEM_VAE_PUBLISH"
    ):
        publishing.find_target("sftp://***@host/pub", tmp_path)
    monkeypatch.setenv("CHEM_VAE_PUBLISH", HUB)
    assert publishing.find_target("sftp://***@host/pub", tmp_path) == HUB
