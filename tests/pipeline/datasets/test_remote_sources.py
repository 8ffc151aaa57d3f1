"""Files of molecules in storages that fsspec opens: on a real S3 server, and in memory where no server is needed."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec
import pandas as pd
import pytest
from s3_server import S3Server

from chem_vae.errors import ChemVAEWarning, DataError, UserError
from pipeline.datasets.config import IngestConfig
from pipeline.datasets.dataset import Dataset
from pipeline.datasets.growth import find_outage
from pipeline.datasets.ingest import ingest
from pipeline.workspace.registry import resolve
from pipeline.workspace.remote import downloads, remote_files
from pipeline.workspace.remote.outages import NoAnswerError

Make = Callable[..., Dataset]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    monkeypatch.setenv("CHEM_VAE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(downloads, "_WAITS", (0.0,))

    def make(source: str, **settings: object) -> Dataset:
        usual = {"merges": 0, "compute": ("logp",), "workers": 1}
        return ingest(IngestConfig.model_validate({"source": source, **usual, **settings}), tmp_path)

    return make


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files whose content was read from their storage, one entry for each time."""
    names: list[str] = []
    storage = type(fsspec.filesystem("memory"))
    usual = storage.get_file

    def get_file(self: object, path: str, *args: object, **more: object) -> object:
        names.append(path.rpartition("/")[2])
        return usual(self, path, *args, **more)

    monkeypatch.setattr(storage, "get_file", get_file)
    return names


@pytest.fixture
def memory() -> Iterator[fsspec.AbstractFileSystem]:
    storage = fsspec.filesystem("memory")
    storage.store.clear()
    yield storage
    storage.store.clear()


def table(smiles: list[str], header: str = "SMILES", more: str = "") -> bytes:
    return "\n".join([header, *(f"{s}{more}" for s in smiles), ""]).encode()


def test_a_packed_file_of_a_real_server(s3: S3Server, make: Make, sample_smiles: list[str]) -> None:
    address = s3.put("one/my file.csv.gz", gzip.compress(table(sample_smiles[:50])))
    made = make(address)
    assert made.counts["rows"] == made.counts["accepted"] == 50
    assert made.name == "my-file" and made.manifest["source"]["location"] == address
    assert made.key == make(address).key


def test_a_file_is_fetched_once_until_it_changes(
    memory: fsspec.AbstractFileSystem, make: Make, fetched: list[str], sample_smiles: list[str], tmp_path: Path
) -> None:
    memory.pipe("/b/a.csv", table(sample_smiles[:40]))
    first = make("memory://b/a.csv")
    assert make("memory://b/a.csv").key == first.key and fetched == ["a.csv"]
    memory.pipe("/b/a.csv", table(sample_smiles[:60]))
    assert make("memory://b/a.csv").counts["rows"] == 60 and fetched == ["a.csv"] * 2
    (copy,) = (tmp_path / "cache" / "downloads").glob("*a.csv")
    copy.write_bytes(b"damaged")
    assert make("memory://b/a.csv").counts["rows"] == 60 and fetched == ["a.csv"] * 3


def test_a_changed_object_of_a_real_server(s3: S3Server, make: Make, sample_smiles: list[str]) -> None:
    address = s3.put("changed.csv", table(sample_smiles[:40]))
    assert make(address).counts["rows"] == 40
    s3.put("changed.csv", table(sample_smiles[1:41]))  # of the same size
    assert make(address).table()["input"].tolist()[-1] == sample_smiles[40]


def test_a_pattern_reads_all_files_as_one(s3: S3Server, make: Make, sample_smiles: list[str]) -> None:
    s = sample_smiles
    s3.put("night/2.csv", "\n".join(["x,SMILES,y", *(f"{i},{m},b" for i, m in enumerate(s[40:80]))]).encode())
    s3.put("night/1.csv", "\n".join(["SMILES,x", *(f"{m},{i}" for i, m in enumerate(s[:40]))]).encode())
    s3.put("night/3.csv", b"SMILES\n" + "\n".join(s[80:100]).encode() + b"\nnonsense\n")
    s3.put("night/other.txt", b"no table")
    address = "s3://lab/night/*.csv"
    made = make(address, properties=("x",))
    assert made.counts["rows"] == 101 and made.counts["accepted"] == 100
    found = made.table()
    assert found["row"].tolist() == list(range(100)) and found["input"].tolist() == s[:100]
    assert found["x"].tolist()[:80] == [*range(40), *range(40)] and found["x"][80:].isna().all()
    assert found["y"].tolist()[40:80] == ["b"] * 40
    assert made.rejections()["row"].tolist() == [100]
    assert "3 files were read as one: 1.csv (rows 1 to 40), 2.csv (rows 41 to 80), 3.csv (rows 81 to 101)" in made.notes
    assert any("1.csv has no column 'y'" in note for note in made.notes)
    assert made.name == "night"
    s3.put("night/4.csv", table(s[100:110]))
    more = make(address, properties=("x",))
    assert more.counts["accepted"] == 110 and more.manifest["grown_from"]["new"] > 0
    s3.client.delete_object(Bucket=s3.bucket, Key="night/2.csv")
    assert make(address, properties=("x",)).counts["accepted"] == 70


def test_a_pattern_of_parquet_files_and_of_local_files(
    memory: fsspec.AbstractFileSystem, make: Make, sample_smiles: list[str], tmp_path: Path
) -> None:
    for i in range(2):
        data = io.BytesIO()
        pd.DataFrame({"SMILES": sample_smiles[i * 30 : i * 30 + 30]}).to_parquet(data)
        memory.pipe(f"/b/{i}/part.parquet", data.getvalue())
        (tmp_path / f"night-{i}.parquet").write_bytes(data.getvalue())
    remote, local = make("memory://b/*/part.parquet"), make(str(tmp_path / "night-*.parquet"))
    assert remote.counts["accepted"] == local.counts["accepted"] == 60
    assert remote.table()["input"].tolist() == local.table()["input"].tolist() == sample_smiles[:60]
    assert any("0/part.parquet (rows 1 to 30)" in note for note in remote.notes)
    assert local.name == "night"
    (tmp_path / "night-[1].parquet").write_bytes(data.getvalue())
    assert make(str(tmp_path / "night-[1].parquet")).counts["rows"] == 30, "a file whose name looks like a pattern"


@pytest.mark.parametrize(
    ("second", "told"),
    [
        (b"smiles,SMILES\nCCO,1\nCCN,2\n", "say which column does with --smiles-column"),
        (b"CCCCO\nCCCCN\n", "--header or --no-header"),
        (None, "are of different formats"),
    ],
)
def test_files_that_do_not_fit_together(
    memory: fsspec.AbstractFileSystem, make: Make, second: bytes | None, told: str
) -> None:
    memory.pipe("/b/1.csv", b"SMILES\nCCO\nCCN\nCCC\n")
    if second is None:
        data = io.BytesIO()
        pd.DataFrame({"SMILES": ["CCO"]}).to_parquet(data)
        memory.pipe("/b/2.parquet", data.getvalue())
    else:
        memory.pipe("/b/2.csv", second)
    with pytest.raises(DataError, match=told):
        make("memory://b/*")


def test_a_list_of_files_leads_nowhere_else(make: Make, tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("SMILES\nCCO\n")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link.csv").symlink_to(tmp_path / "secret.csv")
    for name in ("../secret.csv", str(tmp_path / "secret.csv"), "link.csv", "missing.csv"):
        (tmp_path / "in" / "a.files.json").write_text(f'{{"files": [{{"name": "a", "file": "{name}"}}]}}')
        with pytest.raises(DataError, match="not beside it|a file outside"):
            make(str(tmp_path / "in" / "a.files.json"))


def test_a_storage_that_is_down(
    s3: S3Server, make: Make, sample_smiles: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = s3.put("down.csv", table(sample_smiles[:40]))
    first = make(address)
    assert find_outage(address, first) is None
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.warns(ChemVAEWarning, match="THE SOURCE IS DOWN: the storage of s3://lab/down.csv does not answer"):
        assert make(address).key == first.key
    assert "does not answer" in str(find_outage(address, first))
    with pytest.raises(NoAnswerError, match="does not answer as it should"):
        make(address, when_down="fail")
    for path in (tmp_path / "cache").rglob("*down.csv"):
        path.unlink()
    with pytest.warns(ChemVAEWarning, match=f"the dataset {first.folder.name} of .* is used"):
        assert make(address).key == first.key, "the copy is gone, but the dataset is there"
    assert "THE SOURCE IS DOWN" in str(find_outage(address, first))


def test_what_cannot_be_read(s3: S3Server, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    s3.put("folder/a.csv", b"SMILES\nCCO\n")
    for address, told in {
        "s3://lab/none.csv": "there is nothing at s3://lab/none.csv",
        "s3://no-such-bucket/a.csv": "there is nothing at s3://no-such-bucket/a.csv",
        "s3://no-such-bucket/*.csv": "there is nothing at|no file fits",
        "s3://lab/none/*.csv": "no file fits",
        "s3://lab/folder": r"is a folder; say which of its files are read, as in s3://lab/folder/\*.csv",
    }.items():
        with pytest.raises(DataError, match=told):
            make(address)
    for address, told in {
        "nope://a/b.csv": "unknown scheme of an address 'nope'",
        "gs://lab/a.csv": r'pip install "chem-vae\[gs\]"',
        "simplecache::s3://lab/a.csv": "there is no file|leads through one storage",
        "zip://a.csv::s3://lab/a.zip": "leads through one storage into another",
        "s3://${NO_SUCH_VARIABLE}/a.csv": "NO_SUCH_VARIABLE, which is not set",
    }.items():
        with pytest.raises(UserError, match=told):
            make(address)


def test_denied_access(s3: S3Server, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    address = s3.put("denied.csv", b"SMILES\nCCO\n")

    def refuse(self: object, *args: object, **more: object) -> object:
        raise PermissionError("Forbidden")

    import s3fs

    monkeypatch.setattr(s3fs.S3FileSystem, "info", refuse)
    with pytest.raises(DataError, match=r"access to s3://lab/denied.csv is denied \(Forbidden\).*AWS_ACCESS_KEY_ID"):
        make(address)


def test_a_file_that_comes_in_part(
    memory: fsspec.AbstractFileSystem, make: Make, sample_smiles: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.pipe("/b/a.csv", table(sample_smiles[:40]))
    monkeypatch.setattr(
        type(memory), "get_file", lambda self, path, local, **_: Path(local).write_bytes(memory.cat(path)[:100])
    )
    with pytest.raises(NoAnswerError, match=r"memory://b/a.csv is not whole: 100 of [0-9,]+ bytes came"):
        make("memory://b/a.csv")


def test_no_secret_is_written(s3: S3Server, make: Make, sample_smiles: list[str], tmp_path: Path) -> None:
    make(s3.put("secret.csv", table(sample_smiles[:30])))
    for path in tmp_path.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert not any(s3.environment[name].encode() in data for name in s3.environment if "KEY" in name), path


def test_an_expected_hash(memory: fsspec.AbstractFileSystem, make: Make, fetched: list[str]) -> None:
    memory.pipe("/b/a.csv", b"SMILES\nCCO\nCCN\nCCC\nCCCC\n")
    found = resolve("memory://b/a.csv")
    assert resolve("memory://b/a.csv", found.sha256).sha256 == found.sha256 and len(fetched) == 1
    with pytest.raises(DataError, match="not 0000 as expected"):
        resolve("memory://b/a.csv", "0000")
    assert remote_files.has_pattern("a/*.csv") and not remote_files.has_pattern("a/b.csv")
