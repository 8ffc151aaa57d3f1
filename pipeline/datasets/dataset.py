"""Opens and reads a finished dataset folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from chem_vae.atomic_files import read_json
from chem_vae.errors import DataError, UserError, unknown_name
from pipeline.datasets.account import describe_dataset
from pipeline.datasets.dataset_card import make_dataset_card
from pipeline.datasets.dataset_manifest import check_manifest
from pipeline.datasets.labels.log_scale import LogScale
from pipeline.datasets.readers.row_numbers import RowNumbers
from pipeline.datasets.shard_settings import BESIDE, OWN_COLUMNS, ROW_OF_SOURCE
from pipeline.workspace.check_arguments import list_names
from pipeline.workspace.presentation.notebook_card import Card, Described
from pipeline.workspace.storage.folders import read_manifest
from pipeline.workspace.storage.integrity import check_contents

if TYPE_CHECKING:
    from chem_vae.data import TokenDataset
    from chem_vae.vocabulary import SelfiesVocabulary

FORMAT, FORMAT_VERSION = "chem-vae dataset", 1
RULES = 3
"""The version of what ingest makes of a source. A dataset of an older version opens, but is not reused for a new ingest."""
SPLITS = ("train", "validation", "test")  # their codes in split.npy are their places here
ARRAYS = ("tokens.npy", "offsets.npy", "conditions.npy", "split.npy")


@dataclass(frozen=True)
class DatasetProperty:
    """A property of a dataset, whose `kind` is "computed" (from the structure) or "measured" (by the user)."""

    name: str
    unit: str
    kind: str
    label: str
    log: LogScale | None = None
    """For a property that is the logarithm of raw values: the way back (`log.to_raw(6.0)`, in `log.raw_unit`), for reports."""
    classes: tuple[str, str] | None = None
    """The words that were read as 1 and 0."""


@dataclass(frozen=True, repr=False)
class Dataset(Described):
    """A dataset folder: Parquet shards, arrays, vocabulary, rejections and manifest.

    `reused` tells whether it was there before it was asked for.
    """

    folder: Path
    manifest: dict[str, Any]
    reused: bool = False

    @classmethod
    def open(cls, folder: str | Path, *, reused: bool = False) -> Dataset:
        """Open a dataset folder, whose files are compared with the sizes and hashes in its manifest.

        Raises:
            DataError: If the folder is no dataset, is not whole or damaged, or has another format version.
            UserError: If a file may not be read.
        """
        folder = Path(folder)
        manifest = read_manifest(folder, FORMAT)
        try:
            check_manifest(manifest)
            needed = [
                *ARRAYS,
                "vocabulary.json",
                "rejections.parquet",
                *(f"shards/{s['file']}" for s in manifest["shards"]),
            ]
            if missing := [name for name in needed if not (folder / name).is_file()]:
                raise DataError(f"{folder} is not whole: {', '.join(missing[:3])} is missing")
            check_contents(folder, manifest)
        except DataError as error:
            text = str(error) if str(folder) in str(error) else f"{folder} is damaged: {error}"
            raise DataError(f"{text}; ingest the same source again, and the dataset is made anew") from None
        return cls(folder, manifest, reused)

    @property
    def created(self) -> datetime:
        """When it was made."""
        return datetime.fromisoformat(self.manifest["created"])

    @property
    def name(self) -> str:
        """The name of its source."""
        return str(self.manifest["name"])

    @property
    def key(self) -> str:
        """The hash of all that it depends on (64 hex digits)."""
        return str(self.manifest["key"])

    @property
    def counts(self) -> dict[str, Any]:
        """The numbers of rows: rows, accepted, duplicates, rejected, rejected_by_stage, train, validation, test."""
        return dict(self.manifest["counts"])

    @property
    def changes(self) -> dict[str, int]:
        """The number of accepted molecules of each change by standardization; empty where an older dataset does not tell."""
        return dict(self.manifest.get("changes") or {})

    @property
    def labels(self) -> dict[str, dict[str, int]]:
        """The numbers of exact, bounds and spread of each measured property; empty where an older dataset does not tell."""
        return dict(self.manifest.get("labels") or {})

    @property
    def notes(self) -> list[str]:
        """Sentences on how the source was read."""
        return list(self.manifest.get("notes") or ())

    @property
    def warnings(self) -> list[str]:
        """Sentences on what may harm the results, the worst first."""
        return list(self.manifest.get("warnings") or ())

    @property
    def row_numbers(self) -> RowNumbers:
        """The numbers of the source's rows, as its user finds them."""
        return RowNumbers.of_manifest(self.manifest)

    @property
    def properties(self) -> list[DatasetProperty]:
        """The properties, in the order of the columns of conditions.npy."""
        return [
            DatasetProperty(
                p["name"], p["unit"], p["kind"], p["label"], LogScale.from_dict(p.get("log")),
                None if (words := p.get("classes")) is None else (words[0], words[1]),
            )
            for p in self.manifest["properties"]
        ]  # fmt: skip

    @property
    def vocabulary(self) -> SelfiesVocabulary:
        """The SELFIES vocabulary of its training split."""
        from chem_vae.vocabulary import SelfiesVocabulary  # here: loads selfies

        try:
            return SelfiesVocabulary.from_dict(read_json(self.folder / "vocabulary.json"))
        except (OSError, ValueError) as error:
            raise self._damaged("vocabulary.json", error) from None

    @property
    def columns(self) -> list[str]:
        """The columns of `table`: row, input, smiles, inchikey, selfies, changes, split, the properties, and the user's others."""
        with self._reading(self.shards[0]):
            return list(parquet.read_schema(self.shards[0]).names)

    @property
    def own_columns(self) -> list[str]:
        """The columns of the user's own: neither made by the ingest nor a property."""
        names = [p.name for p in self.properties]
        made = {*OWN_COLUMNS, *names, *(f"{n}_{kind}" for n in names for kind in BESIDE)}
        return [column for column in self.columns if column not in {*made, ROW_OF_SOURCE}]

    @property
    def shards(self) -> list[Path]:
        """The Parquet files of the accepted molecules, in their order."""
        return [self.folder / "shards" / shard["file"] for shard in self.manifest["shards"]]

    def _read_shard(self, shard: Mapping[str, Any], columns: Sequence[str]) -> pd.DataFrame:
        path = self.folder / "shards" / shard["file"]
        with self._reading(path):
            if (rows := parquet.read_metadata(path).num_rows) != shard["rows"]:
                raise ValueError(f"it has {rows:,} rows instead of {shard['rows']:,}")
            return pd.read_parquet(path, columns=list(columns))

    @contextmanager
    def _reading(self, path: Path) -> Iterator[None]:
        """Turn whatever pyarrow says of a damaged file into a DataError."""
        try:
            yield
        except PermissionError:
            raise UserError(f"no permission to read {path}; change its permissions") from None
        except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:  # ArrowInvalid is a ValueError
            raise self._damaged(path.relative_to(self.folder).as_posix(), error) from None

    def _damaged(self, name: str, why: object) -> DataError:
        text = " ".join(str(why).split())[:300].rstrip(".")
        return DataError(
            f"{self.folder} is damaged: {name}: {text}; ingest the same source again, and the dataset is made anew"
        )

    def table(self, columns: str | Sequence[str] | None = None, split: str | None = None) -> pd.DataFrame:
        """Read the accepted molecules, one in a row, in the order of the arrays.

        Args:
            columns: The columns to read, or one; all when not given.
            split: Read the molecules of this split alone; they keep their index.

        Raises:
            UserError: If a column or the split is unknown.
            DataError: If a shard cannot be read.
        """
        known = self.columns
        wanted = list(list_names("columns", columns)) if columns is not None else known
        for name in wanted:
            if name not in known:
                raise unknown_name("column", name, known)
        if split is not None and split not in SPLITS:
            raise unknown_name("split", split, SPLITS)
        read = wanted if split is None or "split" in wanted else [*wanted, "split"]
        frame = pd.concat(list(map(self._read_shard, self.manifest["shards"], repeat(read))), ignore_index=True)
        return frame[wanted] if split is None else frame.loc[frame["split"] == split, wanted]

    def rejections(self, *, cells: bool = False) -> pd.DataFrame:
        """Read the rows that were refused: row (of the source, from 0), input, stage, reason.

        Args:
            cells: Add the column `cells`: the user's other columns of the row as JSON; None where they are not known.
        """
        path, columns = self.folder / "rejections.parquet", ["row", "input", "stage", "reason"]
        with self._reading(path):
            frame = pd.read_parquet(path)
            if missing := set(columns) - set(frame.columns):
                raise ValueError(f"it has no column {sorted(missing)[0]}")
        return frame.reindex(columns=[*columns, *(["cells"] if cells else [])])

    def tokens(self, split: str = "train") -> TokenDataset:
        """Open the tokens of one split, mapped into memory."""
        from chem_vae.data import TokenDataset  # here: loads torch and numpy

        if split not in SPLITS:
            raise unknown_name("split", split, SPLITS)
        found = TokenDataset.open(self.folder, split=split)
        if found.properties.shape[1] != len(self.manifest["properties"]):
            raise self._damaged("conditions.npy", "it has not as many columns as there are properties")
        if len(found.flat) and int(found.flat.max()) >= len(self.vocabulary):
            raise self._damaged("tokens.npy", "it holds a token that the vocabulary does not have")
        return found

    def statistics(self, name: str) -> dict[str, Any]:
        """Return count, mean, std, min, max and quantiles of a property over the training split.

        Raises:
            UserError: If there is no such property.
        """
        for entry in self.manifest["properties"]:
            if entry["name"] == name:
                return dict(entry)
        raise unknown_name("property", name, [p.name for p in self.properties])

    def summary(self, *, warnings: bool = True) -> str:
        """Describe the dataset in some lines for a person, with its warnings where they are not said elsewhere."""
        manifest = self.manifest if warnings else {**self.manifest, "warnings": []}
        return describe_dataset(manifest, self.folder, self.rejections(), self.row_numbers)

    def describe_card(self) -> Card:
        """Describe the dataset in short, with its first molecules drawn."""
        return make_dataset_card(self.manifest, self.folder, self.shards)
