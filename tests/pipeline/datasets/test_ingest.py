from __future__ import annotations

import csv
import errno
import gzip
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem
from rdkit.Chem.Scaffolds import MurckoScaffold

from chem_vae.errors import BusyError, ChemVAEError, ChemVAEWarning, DataError, UserError
from chem_vae.vocabulary import get_default_constraints
from pipeline.chemistry.config import StandardizeOptions
from pipeline.chemistry.properties import PROPERTIES, register_property
from pipeline.chemistry.standardization.standardize import Rejection
from pipeline.datasets.building import dataset_builder, shards
from pipeline.datasets.config import IngestConfig
from pipeline.datasets.dataset import Dataset
from pipeline.datasets.ingest import compute_dataset_key, ingest
from pipeline.datasets.readers import READERS, Layout, Row
from pipeline.datasets.readers.source import Source
from pipeline.datasets.readers.text_reader import TextReader
from pipeline.workspace.registry import ResolvedSource
from pipeline.workspace.storage.file_state import FileChangedError
from pipeline.workspace.storage.folders import lock_folder
from tests.chem_vae.test_plugins import install

SMALL = {"compute": ("mw", "tpsa"), "merges": 20, "workers": 1, "seed": 1}


def config(source: Path | str, **more: Any) -> IngestConfig:
    return IngestConfig(source=str(source), **(SMALL | more))


def table(path: Path, header: list[str], rows: list[list[Any]]) -> Path:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([header, *rows])
    path.write_text(buffer.getvalue(), encoding="utf-8")
    return path


def molecules(n: int) -> list[str]:
    """n (up to 2,541) different molecules with six scaffolds, and some without one."""
    heads = ["C#C", "c1ccccc1", "C1CCCCC1", "c1ccncc1", "c1ccc2ccccc2c1", "C1CCNCC1", "c1ccoc1"]
    return [f"{'C' * (i // 21 % 11 + 1)}{'ONS'[i // 7 % 3]}{'C' * (i // 231)}C{heads[i % 7]}" for i in range(n)]


def contents(folder: Path) -> dict[str, str]:
    """The hash of every file, and the manifest without what a clock wrote."""
    found = {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name != "manifest.json"
    }
    manifest = json.loads((folder / "manifest.json").read_text())
    clock = ("created", "seconds", "seal")  # the seal is the hash of the others
    return found | {"manifest": json.dumps({k: v for k, v in manifest.items() if k not in clock})}


def whole(dataset: Dataset) -> None:
    """Assert what must hold for every dataset."""
    counts, frame = dataset.counts, dataset.table()
    assert counts["rows"] == counts["accepted"] + counts["duplicates"] + counts["rejected"]
    assert counts["rejected"] == len(dataset.rejections()) == sum(counts["rejected_by_stage"].values())
    assert counts["accepted"] == len(frame) == counts["train"] + counts["validation"] + counts["test"]
    assert frame["inchikey"].is_unique
    assert frame["row"].is_monotonic_increasing
    assert not set(frame["row"]) & set(dataset.rejections()["row"])
    arrays = {name: np.load(dataset.folder / f"{name}.npy") for name in ("tokens", "offsets", "conditions", "split")}
    assert [arrays[n].dtype for n in ("tokens", "offsets", "conditions", "split")] == ["u2", "i8", "f4", "u1"]
    assert arrays["offsets"][0] == 0 and arrays["offsets"][-1] == len(arrays["tokens"])
    assert [("train", "validation", "test")[code] for code in arrays["split"]] == frame["split"].tolist()
    names = [p.name for p in dataset.properties]
    assert np.array_equal(arrays["conditions"], frame[names].to_numpy(np.float32), equal_nan=True)
    vocabulary = dataset.vocabulary
    assert vocabulary.constraints == get_default_constraints()
    for i, string in enumerate(frame["selfies"]):
        ids = arrays["tokens"][arrays["offsets"][i] : arrays["offsets"][i + 1]]
        assert vocabulary.decode(ids.tolist()) == string
    for smiles, string in zip(frame["smiles"], frame["selfies"], strict=True):
        assert Chem.CanonSmiles(vocabulary.to_smiles(string)) == smiles
    train = frame[frame["split"] == "train"]["selfies"].str.cat()
    assert all(symbol in train for symbol in vocabulary.symbols)


def test_labels(tmp_path: Path) -> None:
    rows = [
        ["CCO", "5.0", "x", "a"], ["OCC", "7.0", "inf", "b"], ["CCN", "n/a", "", "c"], ["CCC", ">10", "", "d"],
        ["CCCO", "-1e3", "2", "e"], ["C1", "3", "", "f"], ["C(C)O", "", "", "g"],
    ]  # fmt: skip
    path = table(tmp_path / "a.csv", ["smiles", "pIC50", "K", "mw"], rows)
    asked = config(path, properties=["pIC50=nM", "K"], validation_fraction=0, test_fraction=0)
    with pytest.warns(ChemVAEWarning, match="1 cell of 'pIC50'"):
        dataset = ingest(asked, tmp_path)
    with pytest.warns(ChemVAEWarning, match="1 cell of 'pIC50'"):
        assert ingest(asked, tmp_path).reused
    whole(dataset)
    frame = dataset.table().set_index("smiles")
    assert frame.loc["CCO", "pIC50"] == 6.0, "the median of 5 and 7"
    assert frame.loc["CCO", "pIC50_spread"] == 1.0, "half the range"
    assert np.isnan(frame.loc["CCN", "pIC50"]) and np.isnan(frame.loc["CCC", "pIC50"])
    assert frame.loc["CCC", "pIC50_lower"] == 10 and frame["pIC50_lower"].notna().sum() == 1
    assert frame["pIC50_upper"].isna().all()
    assert frame.loc["CCCO", "pIC50"] == -1000 and np.isnan(frame.loc["CCCO", "pIC50_spread"])
    assert frame["K"].notna().sum() == 1
    assert frame["mw.source"].tolist() == ["a", "c", "d", "e"], "the user's own mw does not mix with the computed one"
    assert frame["mw"].dtype == np.float64
    assert [(p.name, p.unit, p.kind) for p in dataset.properties] == [
        ("mw", "g/mol", "computed"), ("tpsa", "Å²", "computed"), ("pIC50", "nM", "measured"), ("K", "", "measured"),
    ]  # fmt: skip
    lost = " ".join(dataset.warnings)
    assert "1 cell of 'pIC50'" in lost and "'n/a'" in lost and "'mw.source'" in " ".join(dataset.notes)
    assert dataset.labels == {
        "pIC50": {"exact": int(frame["pIC50"].notna().sum()), "bounds": 1, "spread": 1},
        "K": {"exact": 1, "bounds": 0, "spread": 0},
    }
    assert dataset.statistics("pIC50")["count"] == 2
    assert dataset.statistics("pIC50")["mean"] == pytest.approx((6 - 1000) / 2)


def test_a_first_part_without_numbers_is_no_column_of_text(tmp_path: Path) -> None:
    cells = [*["Inconclusive"] * 20, *map(str, range(20))]
    path = table(
        tmp_path / "a.csv", ["smiles", "activity"], [list(row) for row in zip(molecules(40), cells, strict=True)]
    )
    data = ingest(config(path, properties=["activity"], shard_rows=5), tmp_path)
    assert data.labels["activity"]["exact"] == 20 and any("'inconclusive' (20)" in text for text in data.warnings)
    told: list[int] = []
    with pytest.raises(DataError, match=r"'activity' holds text.*'Inconclusive'"):
        ingest(
            config(path, properties=["activity"], shard_rows=5, limit=20), tmp_path,
            lambda stage, done, total, figures=None: told.append(done),
        )  # fmt: skip
    assert max(told) < 20, "it is refused after the first part"


def test_text_in_a_property_column(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", ["smiles", "activity"], [[m, "active"] for m in molecules(20)])
    with pytest.raises(DataError, match=r"'activity' holds text.*'active'"):
        ingest(config(path, properties=["activity"]), tmp_path)
    with pytest.raises(DataError, match=r"'activity' holds text.*'active'"):  # capitals make no difference
        ingest(config(path, properties=["Activity"]), tmp_path)
    with pytest.raises(UserError, match="did you mean 'activity'"):
        ingest(config(path, properties=["activty"]), tmp_path)
    assert not list((tmp_path / "datasets").glob("*.partial"))


def test_doubled_property_column(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", ["smiles", "y", "y", "z", "z"], [[m, 1, 2, 3, 4] for m in molecules(20)])
    with pytest.raises(DataError, match="two columns named 'y'"):
        ingest(config(path, properties=["y"]), tmp_path)
    dataset = ingest(config(path), tmp_path)
    assert {"y", "y.1", "z", "z.1"} <= set(dataset.columns)


@pytest.mark.parametrize("kind", ["lower", "upper", "spread"])
def test_a_property_is_not_taken_for_the_bounds_of_another(tmp_path: Path, kind: str) -> None:
    path = table(
        tmp_path / "a.csv", ["smiles", "temp", f"temp_{kind}"], [[m, 1, i] for i, m in enumerate(molecules(20))]
    )
    with pytest.raises(UserError, match=f"cannot be called 'temp_{kind}' beside 'temp'"):
        ingest(config(path, properties=["temp", f"temp_{kind}"]), tmp_path)
    dataset = ingest(config(path, properties=["temp"]), tmp_path)
    assert f"temp_{kind}.source" in dataset.columns
    assert ingest(config(path, properties=[f"temp_{kind}"]), tmp_path).labels


def test_sdf_with_properties(tmp_path: Path) -> None:
    records = []
    for i, text in enumerate(molecules(30)):
        field = f"> <pIC50>\n{i / 10}\n\n" if i % 3 else ""
        extra = "> <late>\nyes\n\n" if i > 20 else ""
        records.append(Chem.MolToMolBlock(Chem.MolFromSmiles(text)) + field + extra + "$$$$\n")
    path = tmp_path / "a.sdf"
    path.write_text("".join(records)[:-200], encoding="utf-8")
    dataset = ingest(config(path, properties=["pIC50"], shard_rows=10), tmp_path)
    whole(dataset)
    assert dataset.counts["rows"] == 30
    assert dataset.counts["rejected_by_stage"]["read"] == 1
    assert dataset.statistics("pIC50")["count"] > 10
    assert dataset.table(["late"])["late"].notna().sum() == 8
    with pytest.raises(DataError, match="'absent'"):
        ingest(config(path, properties=["absent"]), tmp_path)


@pytest.mark.parametrize("cut", [False, True])
def test_gzip(tmp_path: Path, cut: bool) -> None:
    lines = "smiles\n" + "\n".join(molecules(400)) + "\n"
    data = gzip.compress(lines.encode())
    path = tmp_path / "a.csv.gz"
    path.write_bytes(data[: len(data) * 2 // 3] if cut else data)
    dataset = ingest(config(path), tmp_path)
    whole(dataset)
    assert dataset.counts["rejected_by_stage"].get("read", 0) == int(cut)
    assert (dataset.counts["rows"] < 390) == cut


def test_nothing_to_learn_from(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", ["smiles"], [["C1"], ["XX"], ["*"]])
    with pytest.raises(DataError, match=r"all 3 rows of a.csv were rejected: parse 2, elements 1. row 2, 'C1': "):
        ingest(config(path, smiles_column="smiles"), tmp_path)
    path = table(tmp_path / "b.csv", ["smiles", "split"], [["CCO", "test"], ["CCN", "valid"]])
    with pytest.raises(
        DataError, match="none of the 2 molecules is in the training split: the column 'split' puts them all"
    ):
        ingest(config(path), tmp_path)
    path = table(tmp_path / "c.csv", ["smiles"], [])
    with pytest.raises(DataError, match="no rows"):
        ingest(config(path), tmp_path)
    with pytest.raises(UserError, match="did you mean 'logp'"):
        ingest(config(path, compute=("lgp",)), tmp_path)
    assert not list((tmp_path / "datasets").glob("*.partial")), "a failed ingest leaves nothing behind"


def test_a_symbol_that_training_lacks(tmp_path: Path) -> None:
    rows = [[m, "train"] for m in molecules(20)] + [["CCBr", "test"], ["CCCF", "validation"], ["CCCCCC", "test"]]
    with pytest.warns(
        ChemVAEWarning, match=r"2 validation and test molecules .*\[Br\], \[F\].*: row 22, row 23; the split"
    ):
        dataset = ingest(config(table(tmp_path / "a.csv", ["smiles", "split"], rows)), tmp_path)
    whole(dataset)
    assert dataset.counts["rejected"] == 0 and dataset.counts["train"] == 22
    assert dataset.table(["row", "split"]).set_index("row")["split"][[20, 21, 22]].tolist() == [
        "train",
        "train",
        "test",
    ]


def test_a_drawn_split_loses_no_molecule_with_a_rare_symbol(tmp_path: Path) -> None:
    """In a file where every molecule has a symbol of its own, all that the draw holds out come back to the training split."""
    symbols = ["CCF", "CCCl", "CCBr", "CCI", "CCS", "CCP", "CC#N", "C[Si](C)(C)C", "CCB(O)O", "CC=O", "CC[N+](=O)[O-]"]
    path = table(tmp_path / "a.csv", ["smiles"], [[m] for m in [*symbols, *molecules(20)]])
    for seed in range(3):
        dataset = ingest(config(path, validation_fraction=0.3, test_fraction=0.3, seed=seed), tmp_path)
        assert dataset.counts["accepted"] == 31 and dataset.counts["rejected"] == 0
        told = [note for note in dataset.notes if "moved to the training split" in note]
        assert told and not dataset.warnings
        train = dataset.table(["selfies"], split="train")["selfies"].str.cat()
        assert all(symbol in train for symbol in dataset.vocabulary.symbols)


def test_the_users_split_column(tmp_path: Path) -> None:
    words = ["train", "Training", "valid", "VAL", "test", "", "nonsense"]
    said = [words[(i + i // 7) % 7] for i in range(140)]
    rows = [[m, word] for m, word in zip(molecules(140), said, strict=True)]
    path = table(tmp_path / "a.csv", ["smiles", "part"], rows)
    dataset = ingest(config(path, split_column="part"), tmp_path)
    whole(dataset)
    frame = dataset.table().set_index("row")["split"]
    assert {frame[i] for i in frame.index if said[i] in words[:2]} == {"train"}
    assert {frame[i] for i in frame.index if said[i] in words[2:4]} == {"validation"}
    assert {frame[i] for i in frame.index if said[i] == "test"} == {"test"}
    assert dataset.counts["rejected_by_stage"]["split"] == 20
    with pytest.raises(UserError, match="did you mean 'part'"):
        ingest(config(path, split_column="prat"), tmp_path)


def test_validation_is_drawn_from_train_where_the_column_has_none(tmp_path: Path) -> None:
    rows = [[m, "test" if i % 5 == 0 else "train"] for i, m in enumerate(molecules(400))]
    path = table(tmp_path / "a.csv", ["smiles", "split"], rows)
    dataset = ingest(config(path, validation_fraction=0.2), tmp_path)
    assert dataset.counts["test"] == 80, "the user's test rows stay, and no others join them"
    assert 40 < dataset.counts["validation"] < 90


def test_scaffolds_never_straddle_splits(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", ["smiles"], [[m] for m in molecules(300)])
    dataset = ingest(config(path, split="scaffold", validation_fraction=0.2, test_fraction=0.3, seed=3), tmp_path)
    whole(dataset)
    where: dict[str, set[str]] = {}
    for smiles, split in dataset.table(["smiles", "split"]).itertuples(index=False):
        if scaffold := MurckoScaffold.MurckoScaffoldSmiles(smiles):
            where.setdefault(scaffold, set()).add(split)
    assert len(where) >= 4, "some may be lost to symbols that training lacks"
    assert all(len(splits) == 1 for splits in where.values())
    assert len(set.union(*where.values())) > 1


def test_splits_and_vocabulary_do_not_depend_on_the_order_of_rows(tmp_path: Path) -> None:
    texts = molecules(300)
    found = []
    for name, order in [("a", range(300)), ("b", np.random.default_rng(0).permutation(300))]:
        path = table(tmp_path / f"{name}.csv", ["smiles"], [[texts[i]] for i in order])
        found.append(ingest(config(path, shard_rows=37), tmp_path))
    left, right = (d.table().set_index("inchikey")["split"].sort_index() for d in found)
    pd.testing.assert_series_equal(left, right)
    assert found[0].vocabulary == found[1].vocabulary
    assert left.nunique() == 3


def test_one_worker_and_two_make_the_same_dataset(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", ["smiles", "y"], [[m, i] for i, m in enumerate(molecules(2_100))])
    one = ingest(config(path, properties=["y"], shard_rows=500, workers=1), tmp_path / "one")
    two = ingest(config(path, properties=["y"], shard_rows=500, workers=2), tmp_path / "two")
    assert contents(one.folder) == contents(two.folder)
    assert one.counts["accepted"] == 2_100


def test_a_finished_dataset_is_reused_and_options_make_another(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", ["smiles"], [[m] for m in molecules(40)])
    calls: list[str] = []

    def watch(stage: str, done: int, total: int, figures: Any = None) -> None:
        assert 0 <= done <= total
        calls.append(stage)

    first = ingest(config(path), tmp_path, watch)
    assert not first.reused and list(dict.fromkeys(calls)) == ["standardize", "split", "vocabulary", "write"]
    assert not (tmp_path / "datasets" / f"{first.folder.name}.partial").exists()
    calls.clear()
    again = ingest(config(path, workers=2), tmp_path, watch)
    assert again.reused and again.folder == first.folder and calls == []
    others = {ingest(config(path, **more), tmp_path).key for more in ({"seed": 2}, {"merges": 3}, {"limit": 30})}
    assert len(others | {first.key}) == 4
    (first.folder / "tokens.npy").unlink()
    with pytest.warns(ChemVAEWarning, match=r"tokens\.npy is missing; the dataset is made again"):
        repaired = ingest(config(path), tmp_path)
    assert not repaired.reused
    whole(repaired)


def test_the_named_sample(tmp_path: Path) -> None:
    dataset = ingest(IngestConfig(limit=300, compute=("mw",), merges=10, workers=1), tmp_path)
    whole(dataset)
    assert dataset.name == "moses-sample" and dataset.counts["rows"] == 300
    assert dataset.manifest["source"]["licence"] == "MIT"
    assert dataset.counts["accepted"] >= 298
    assert "300 rows = " in dataset.summary()
    assert min(dataset.counts[s] for s in ("train", "validation", "test")) > 0


def test_two_at_once(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", ["smiles"], [[m] for m in molecules(40)])
    settings = config(path)
    from pipeline.workspace.registry import resolve

    folder = tmp_path / "datasets" / f"a-{compute_dataset_key(settings, resolve(str(path)))[:8]}"
    folder.parent.mkdir()
    with lock_folder(folder, "here"), pytest.raises(BusyError, match="another process is ingesting"):
        ingest(settings, tmp_path)
    assert not ingest(settings, tmp_path).reused


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = table(tmp_path / "a.csv", ["smiles"], [[m] for m in molecules(40)])

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(shards, "write_table", full)
        with pytest.raises(ChemVAEError, match="disk .* is full") as caught:
            ingest(config(path), tmp_path)
    assert not isinstance(caught.value, UserError), "exit code 1: a failed run, not a mistake"
    assert not list((tmp_path / "datasets").glob("*/manifest.json"))
    whole(ingest(config(path), tmp_path))


SCRIPT = """
import sys, os, json
from pathlib import Path
from pipeline.datasets.config import IngestConfig
from pipeline.datasets.ingest import ingest
if __name__ == "__main__":
    ingest(IngestConfig(**json.loads(sys.argv[1])), Path(sys.argv[2]))
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_killed_and_resumed_is_the_same_as_uninterrupted(tmp_path: Path, workers: int) -> None:
    path = table(tmp_path / "a.csv", ["smiles", "y"], [[m, i] for i, m in enumerate(molecules(1_200))])
    given = {"source": str(path), "properties": ["y"], "compute": ["mw", "qed"], "shard_rows": 100, "workers": workers}
    settings = IngestConfig(**given)
    (tmp_path / "run.py").write_text(SCRIPT)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    command = [sys.executable, str(tmp_path / "run.py"), json.dumps(given), str(tmp_path / "killed")]
    process = subprocess.Popen(command, env=environment)
    parts = tmp_path / "killed" / "datasets"
    deadline = time.monotonic() + 60
    while not (made := list(parts.glob("*.partial/parts/part-*[0-9].parquet"))) and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert made and not list(parts.glob("*/manifest.json")), "killed in the middle"
    times = {p: p.stat().st_mtime_ns for p in made}
    started: list[int] = []

    def watch(stage: str, done: int, total: int, figures: Any = None) -> None:
        started.append(done)
        if stage == "split":
            assert {p: p.stat().st_mtime_ns for p in times} == times, "finished parts are not made again"

    resumed = ingest(settings, tmp_path / "killed", watch)
    whole(resumed)
    assert contents(resumed.folder) == contents(ingest(settings, tmp_path / "whole").folder)


@pytest.mark.parametrize("rows", [60, 90])
def test_a_file_that_is_replaced_while_it_is_read_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    first = [[m] for m in molecules(60)]
    path = table(tmp_path / "a.csv", ["smiles"], first)
    count = Source.count

    def replace(source: Source) -> int:
        counted = count(source)
        os.replace(table(tmp_path / "other.csv", ["smiles"], [[m] for m in molecules(400)[-rows:]]), path)
        return counted

    with monkeypatch.context() as patched:
        patched.setattr(Source, "count", replace)
        with pytest.raises(FileChangedError, match=r"a\.csv was changed or replaced while it was read"):
            ingest(config(path), tmp_path)
    assert not list((tmp_path / "datasets").glob("[!.]*"))
    dataset = ingest(config(table(path, ["smiles"], first)), tmp_path)
    assert set(dataset.table(["input"])["input"]) <= {m for (m,) in first}


def test_the_parts_of_a_file_that_changed_before_the_kill_are_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, others = [[m] for m in molecules(60)], [[m] for m in molecules(400)[-60:]]
    path = table(tmp_path / "a.csv", ["smiles"], first)
    count = Source.count

    def replace(source: Source) -> int:
        counted = count(source)
        table(path, ["smiles"], others)
        return counted

    def stop(self: ResolvedSource) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Source, "count", replace)
        patched.setattr(ResolvedSource, "check_unchanged", stop)
        with pytest.raises(KeyboardInterrupt):
            ingest(config(path), tmp_path)
    assert list((tmp_path / "datasets").glob("*.partial/parts/*"))
    dataset = ingest(config(table(path, ["smiles"], first)), tmp_path)
    assert set(dataset.table(["input"])["input"]) <= {m for (m,) in first}


def test_options_are_recorded(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", ["smiles"], [["[13CH3]O"], *([m] for m in molecules(40))])
    options = StandardizeOptions(isotopes=True, max_heavy_atoms=30)
    dataset = ingest(config(path, standardize=options, validation_fraction=0, test_fraction=0), tmp_path)
    assert "[13CH3]O" in set(dataset.table()["smiles"])
    assert dataset.manifest["options"]["standardize"]["isotopes"] is True
    assert dataset.manifest["versions"]["selfies"] == "2.2.0" or dataset.manifest["versions"]["selfies"]


def test_rows_are_counted_in_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "stray.csv"
    path.write_text('SMILES,note\nCCO,ok\nCCN,5" tube\nCCC,"two\nlines"\nCCCl,plain\nCCBr,3" tube\nc1ccccc1,last\n')
    plain = {"validation_fraction": 0, "test_fraction": 0}
    dataset = ingest(config(path, **plain), tmp_path)
    whole(dataset)
    assert dataset.counts["rows"] == dataset.counts["accepted"] == 6
    assert "1 row has line breaks in quoted cells: 2 lines were read as this row" in dataset.manifest["notes"]
    manifest = dataset.folder / "manifest.json"
    old = json.loads(manifest.read_text())
    del old["rows_checked"], old["contents"], old["seal"]  # as a version without them wrote it
    manifest.write_text(json.dumps(old | {"counts": old["counts"] | {"rows": 3}}))
    again = ingest(config(path, **plain), tmp_path)
    assert not again.reused and again.counts["rows"] == 6, "an old dataset that lacks rows is made again"

    class Lossy(TextReader):
        def read_rows(self, path: Path, layout: Layout, notes: list[str]) -> Iterator[Row | Rejection]:
            yield from list(super().read_rows(path, layout, notes))[:-1]

    monkeypatch.setitem(READERS._entries, "csv", Lossy("csv", (".csv",)))
    with pytest.raises(ChemVAEError, match="7 rows were counted in stray.csv, but 5 were read with 1 line breaks"):
        ingest(config(path, **plain, seed=2), tmp_path)


def test_the_first_molecule_of_a_headerless_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("".join(f"M{i},{m},{i}.5\n" for i, m in enumerate(molecules(20))))
    dataset = ingest(config(path), tmp_path)
    assert dataset.counts["rows"] == 20 and "note: the file has no header" in dataset.summary()
    assert ingest(config(path, header=True), tmp_path).counts["rows"] == 19


PLUGIN = """
from pipeline.chemistry.properties import register_property

@register_property("plugin_carbons", "Carbons", integer=True)
def count_carbons(mol):
    return sum(atom.GetAtomicNum() == 6 for atom in mol.GetAtoms())
"""


def test_properties_of_a_notebook_and_of_a_package_reach_the_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "chem_vae.properties", PLUGIN, value="colors_plugin")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "colors_plugin", raising=False)
    monkeypatch.setattr(PROPERTIES, "_plugins_loaded", False)
    monkeypatch.setattr(PROPERTIES, "_entries", dict(PROPERTIES._entries))
    monkeypatch.setattr(dataset_builder, "_FEW_ROWS", 0)
    notebook: dict[str, Any] = {"__name__": "__main__"}
    exec("def count(mol):\n    return mol.GetNumHeavyAtoms()\n", notebook)
    register_property("notebook_atoms", "Heavy atoms", integer=True)(notebook["count"])
    path = table(tmp_path / "a.csv", ["smiles"], [[m] for m in molecules(20)])
    dataset = ingest(config(path, compute=("notebook_atoms", "plugin_carbons"), workers=2), tmp_path)
    frame = dataset.table()
    mols = [Chem.MolFromSmiles(s) for s in frame["smiles"]]
    assert frame["notebook_atoms"].tolist() == [mol.GetNumHeavyAtoms() for mol in mols]
    assert frame["plugin_carbons"].tolist() == [Chem.MolToSmiles(mol).upper().count("C") for mol in mols]


def test_undefined_stereo_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "some.smi"
    path.write_text("CC(F)Cl\nC[C@H](F)Cl\nCCO\nCC=CC\nC[C@H](N)O |&1:1| x\nCC(N)C(=O)[O-].[Na+]\n")
    options = {"source": str(path), "validation_fraction": 0, "test_fraction": 0, "compute": ("mw",), "merges": 0}
    dataset = ingest(IngestConfig.model_validate(options), tmp_path)
    assert any(note.startswith("4 of 6 molecules have undefined stereo") for note in dataset.manifest["notes"])
    flat = ingest(IngestConfig.model_validate(options | {"standardize": {"stereo": False}}), tmp_path)
    assert not any("undefined stereo" in note for note in flat.manifest["notes"])


def test_own_columns_that_would_take_each_others_name_are_all_kept(tmp_path: Path) -> None:
    rows = [[m, f"mine {i}", f"theirs {i}"] for i, m in enumerate(molecules(20))]
    path = table(tmp_path / "a.csv", ["smiles", "mw", "mw.source"], rows)
    dataset = ingest(config(path, compute=["mw"]), tmp_path)
    kept = dataset.table(["row", "mw", "mw.source", "mw.source.2"])
    assert kept["mw.source"].tolist() == [f"theirs {row}" for row in kept["row"]]
    assert kept["mw.source.2"].tolist() == [f"mine {row}" for row in kept["row"]]
    assert "the source's own column 'mw' is kept as 'mw.source.2'" in dataset.manifest["notes"]


def test_the_source_is_kept_as_an_absolute_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A later command may be called from another folder; the key does not depend on the place."""
    monkeypatch.chdir(tmp_path)
    Path("my.csv").write_text("SMILES\nCCO\nCCN\nCCC\n")
    made = ingest(IngestConfig(source="my.csv"), tmp_path / "w")
    assert made.manifest["options"]["source"] == str(tmp_path / "my.csv")
    assert made.manifest["source"]["location"] == "my.csv", "as the user gave it"
    assert ingest(IngestConfig(source=str(tmp_path / "my.csv")), tmp_path / "w").reused
