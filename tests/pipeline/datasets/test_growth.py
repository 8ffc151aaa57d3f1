"""A source that grew costs only its new rows, and gives what an ingest from nothing gives; one that is down does not stop a night."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from chem_vae.errors import ChemVAEError, ChemVAEWarning, DataError
from pipeline.datasets.building import shards
from pipeline.datasets.config import IngestConfig
from pipeline.datasets.dataset import Dataset
from pipeline.datasets.growth import compare_datasets, find_outage
from pipeline.datasets.ingest import ingest
from pipeline.datasets.shard_settings import PartFigures
from pipeline.workspace.remote import downloads
from tests.pipeline.datasets.test_ingest import contents, molecules

pytestmark = pytest.mark.filterwarnings("ignore:.*training molecules:chem_vae.errors.ChemVAEWarning")


def write_rows(path: Path, texts: list[str]) -> Path:
    lines = [f"{text},{len(text) + i % 3},B{i % 4}" for i, text in enumerate(texts)]
    path.write_text("\n".join(["smiles,y,batch", *lines, "no molecule,1,B1", ""]))
    return path


def make(path: Path, workspace: Path, **more: Any) -> Dataset:
    settings: dict[str, Any] = {"properties": ["y"], "compute": ("mw",), "merges": 20, "workers": 1, "shard_rows": 120}
    return ingest(IngestConfig(source=str(path), **settings | more), workspace)


@pytest.fixture
def standardized(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The rows of each part that is standardized, not taken from an earlier ingest."""
    done: list[int] = []
    work = shards._standardize_rows

    def count(settings: Any, chunk: Any) -> PartFigures:
        done.append(len(chunk))
        return work(settings, chunk)

    monkeypatch.setattr(shards, "_standardize_rows", count)
    return done


def shuffle() -> list[str]:
    texts = molecules(520)
    random.Random(1).shuffle(texts)
    return texts


@pytest.mark.parametrize("where", ["end", "middle", "top"])
def test_only_new_rows_are_standardized_and_nothing_else_differs(
    tmp_path: Path, standardized: list[int], where: str
) -> None:
    texts, path = shuffle(), tmp_path / "a.csv"
    before = make(write_rows(path, texts[:500]), tmp_path / "nights")
    assert sum(standardized) == 501
    standardized.clear()
    at = {"end": 500, "middle": 250, "top": 0}[where]
    lines = path.read_text().splitlines()
    more = [f"{text},{7 + i},new" for i, text in enumerate(texts[500:520])]
    path.write_text("\n".join([*lines[: at + 1], *more, *lines[at + 1 :], ""]))
    after = make(path, tmp_path / "nights")
    assert 20 <= sum(standardized) <= 300, "the parts around the new rows alone"
    alone = make(path, tmp_path / "alone")
    mine, theirs = contents(after.folder), contents(alone.folder)
    for found in (mine, theirs):
        found.pop("manifest")
    assert mine == theirs
    assert after.rejections()["row"].tolist() == alone.rejections()["row"].tolist() == [520]
    origin = after.manifest["grown_from"]
    assert alone.manifest["grown_from"] is None
    assert (origin["key"], origin["rows"], origin["gone"]) == (before.key, 501, 0)
    growth = compare_datasets(before, after)
    assert growth.new == origin["new"] == 20 > after.counts["train"] - before.counts["train"], (
        "measured held-out ones, too"
    )
    assert growth.changed == 0 and growth.share == pytest.approx(growth.new / before.counts["train"])


def test_labels_that_changed_are_counted(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "a.csv", molecules(100))
    before = make(path, tmp_path)
    path.write_text(path.read_text().replace(",B1", "9,B1").replace("\n" + molecules(1)[0] + ",", "\n[He],"))
    growth = compare_datasets(before, make(path, tmp_path))
    assert 15 < growth.changed < 30
    assert (growth.new, growth.gone) == (0, 1)


def test_bounds_and_labels_of_held_out_molecules_count_too(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "a.csv", molecules(100))
    before = make(path, tmp_path)
    held_out = before.table(["inchikey", "row", "split"]).query("split != 'train'")
    lines = path.read_text().splitlines()
    for row in held_out["row"]:
        text, value, batch = lines[row + 1].split(",")
        lines[row + 1] = f"{text},{float(value) + 3},{batch}"
    path.write_text("\n".join([*lines, ""]))
    otherwise = make(path, tmp_path)
    growth = compare_datasets(before, otherwise)
    assert (growth.new, growth.gone, growth.changed) == (0, 0, len(held_out)) and len(held_out) > 3
    path.write_text(path.read_text().replace(",B2", "").replace(f"{lines[1].split(',')[1]},B0", ">4,B0"))
    assert compare_datasets(otherwise, make(path, tmp_path)).changed > 0


def test_new_held_out_molecules_count_where_they_are_measured(tmp_path: Path) -> None:
    path, (first, second) = tmp_path / "a.csv", molecules(102)[100:]
    rows = "".join(f"{text},{len(text)},train\n" for text in molecules(100))
    settings: dict[str, Any] = {"split_column": "part", "merges": 0, "validation_fraction": 0, "test_fraction": 0}
    path.write_text(f"smiles,y,part\n{rows}")
    before = make(path, tmp_path, **settings)
    path.write_text(f"smiles,y,part\n{rows}{first},,test\n")
    unmeasured = make(path, tmp_path, **settings)
    path.write_text(f"smiles,y,part\n{rows}{first},,test\n{second},5,test\n")
    measured = make(path, tmp_path, **settings)
    assert (compare_datasets(before, unmeasured).new, compare_datasets(before, measured).new) == (0, 1)


def test_a_damaged_part_is_made_again(tmp_path: Path, standardized: list[int]) -> None:
    path = write_rows(tmp_path / "a.csv", molecules(200))
    make(path, tmp_path)
    parts = sorted((tmp_path / "parts").glob("*/*[0-9a-f].parquet"))
    assert len(parts) == len(standardized) >= 2
    parts[0].write_bytes(parts[0].read_bytes()[:-10])
    standardized.clear()
    again = make(path, tmp_path, seed=5)  # another dataset of the same rows
    assert len(standardized) == 1
    assert again.counts["rows"] == 201


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "a.csv", molecules(60))
    with pytest.raises(DataError, match="there is no file"):
        make(tmp_path / "other.csv", tmp_path)
    first = make(path, tmp_path)
    assert find_outage(str(path), first) is None
    path.unlink()
    with pytest.warns(ChemVAEWarning, match=r"THE SOURCE IS DOWN: there is no file .*0 minutes ago is used"):
        last = make(path, tmp_path)
    assert last.key == first.key and last.reused
    assert "THE SOURCE IS DOWN" in str(find_outage(str(path), last))
    with pytest.raises(DataError, match="there is no file"):
        make(path, tmp_path, when_down="fail")
    with pytest.raises(DataError, match="there is no file"):
        make(path, tmp_path, merges=7)  # no dataset was made so before


def test_a_server_that_is_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHEM_VAE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(downloads, "_WAITS", (0.0,))
    address, tries = "https://example.invalid/a.csv", []

    def answer(of: str, path: Path, known: str | None) -> None:
        tries.append(of)
        if len(tries) > 1:
            raise ChemVAEError(f"cannot download {of}: no answer; check the network, or pass a local file")
        path.parent.mkdir(parents=True)
        write_rows(path, molecules(60))

    monkeypatch.setattr(downloads, "_retrieve", answer)
    first = ingest(IngestConfig(source=address, merges=0), tmp_path)
    with pytest.warns(ChemVAEWarning, match="THE SOURCE IS DOWN: cannot download .*no answer; the copy of 20"):
        last = ingest(IngestConfig(source=address, merges=0), tmp_path)
    assert last.key == first.key and len(tries) == 3, "it is tried twice"
    assert "no answer" in str(find_outage(address, last))
    with pytest.raises(ChemVAEError, match="cannot download"):
        ingest(IngestConfig(source=address, merges=0, when_down="fail"), tmp_path)
