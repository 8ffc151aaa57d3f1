"""Opens and reads a finished dataset folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from pyarrow import parquet

from chem_vae.errors import DataError, unknown_name
from pipeline.datasets.account import describe_changes, describe_label
from pipeline.datasets.row_numbers import RowNumbers
from pipeline.workspace.folders import read_manifest

if TYPE_CHECKING:
    from chem_vae.data import TokenDataset
    from chem_vae.vocabulary import SelfiesVocabulary

FORMAT, FORMAT_VERSION = "chem-vae dataset", 1
RULES = 2
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


@dataclass(frozen=True)
class Dataset:
    """A dataset folder: Parquet shards, arrays, vocabulary, rejections and manifest.

    `reused` tells whether it was there before it was asked for.
    """

    folder: Path
    manifest: dict[str, Any]
    reused: bool = False

    @classmethod
    def open(cls, folder: str | Path, *, reused: bool = False) -> Dataset:
        """Open a dataset folder.

        Raises:
            DataError: If the folder is no dataset, is not whole, or has another format version.
        """
        folder = Path(folder)
        manifest = read_manifest(folder, FORMAT)
        try:
            shards = [f"shards/{shard['file']}" for shard in manifest["shards"]]
        except (KeyError, TypeError):
            raise DataError(
                f"{folder} is damaged: its manifest does not name its shards; delete the folder and ingest again"
            ) from None
        needed = [*ARRAYS, "vocabulary.json", "rejections.parquet", *shards]
        missing = [name for name in needed if not (folder / name).is_file()]
        if missing:
            raise DataError(
                f"{folder} is not whole: {', '.join(missing[:3])} is missing; delete the folder and ingest again"
            )
        return cls(folder, manifest, reused)

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
        return [DatasetProperty(p["name"], p["unit"], p["kind"], p["label"]) for p in self.manifest["properties"]]

    @property
    def vocabulary(self) -> SelfiesVocabulary:
        """The SELFIES vocabulary of its training split."""
        from chem_vae.vocabulary import SelfiesVocabulary  # here: loads selfies

        return SelfiesVocabulary.from_dict(json.loads((self.folder / "vocabulary.json").read_text(encoding="utf-8")))

    @property
    def columns(self) -> list[str]:
        """The columns of `table`: row, input, smiles, inchikey, selfies, changes, split, the properties, and the user's others."""
        return list(parquet.read_schema(self._shards[0]).names)

    @property
    def _shards(self) -> list[Path]:
        return [self.folder / "shards" / shard["file"] for shard in self.manifest["shards"]]

    def table(self, columns: Sequence[str] | None = None, split: str | None = None) -> pd.DataFrame:
        """Read the accepted molecules, one in a row, in the order of the arrays.

        Args:
            columns: The columns to read; all when not given.
            split: Read the molecules of this split alone; they keep their index.

        Raises:
            UserError: If a column or the split is unknown.
            DataError: If a shard cannot be read.
        """
        known = self.columns
        for name in columns or ():
            if name not in known:
                raise unknown_name("column", name, known)
        wanted = list(columns) if columns is not None else known
        if split is not None and split not in SPLITS:
            raise unknown_name("split", split, SPLITS)
        read = wanted if split is None or "split" in wanted else [*wanted, "split"]
        try:
            frame = pd.concat([pd.read_parquet(p, columns=read) for p in self._shards], ignore_index=True)
        except (OSError, ValueError) as error:  # ArrowInvalid is a ValueError
            raise DataError(f"a shard of {self.folder} cannot be read: {error}") from None
        return frame[wanted] if split is None else frame.loc[frame["split"] == split, wanted]

    def rejections(self) -> pd.DataFrame:
        """Read the rows that were refused: row (of the source, from 0), input, stage, reason."""
        return pd.read_parquet(self.folder / "rejections.parquet")

    def tokens(self, split: str = "train") -> TokenDataset:
        """Open the tokens of one split, mapped into memory."""
        from chem_vae.data import TokenDataset  # here: loads torch and numpy

        if split not in SPLITS:
            raise unknown_name("split", split, SPLITS)
        return TokenDataset.open(self.folder, split=split)

    def statistics(self, name: str) -> dict[str, Any]:
        """Return count, mean, std, min, max and quantiles of a property over the training split.

        Raises:
            UserError: If there is no such property.
        """
        for entry in self.manifest["properties"]:
            if entry["name"] == name:
                return dict(entry)
        raise unknown_name("property", name, [p.name for p in self.properties])

    def summary(self) -> str:
        """Describe the dataset in a few lines for a person."""
        m, c = self.manifest, self.manifest["counts"]
        lines = [
            f"dataset {m['name']} ({m['key'][:8]}), from {m['source']['location']}",
            f"  {c['rows']:,} rows = {c['accepted']:,} accepted + {c['duplicates']:,} duplicates "
            f"+ {c['rejected']:,} rejected",
            f"  train {c['train']:,}, validation {c['validation']:,}, test {c['test']:,}",
        ]
        if c["rejected_by_stage"]:
            lines.append("  rejected at: " + ", ".join(f"{stage} {n:,}" for stage, n in c["rejected_by_stage"].items()))
            for row in self.rejections().head(5).to_dict("records"):
                lines.append(f"    {self.row_numbers.name(row['row'])}: {row['input'][:60]!r}: {row['reason']}")
            lines.append(f"    all of them: {self.folder / 'rejections.parquet'}")
        if told := describe_changes(self.changes, c["accepted"]):
            lines.append(f"  {told}")
        lines.append(
            f"  vocabulary of {m['vocabulary']['symbols']} symbols and {m['vocabulary']['merges']} merges; "
            f"{m['mean_tokens']:.1f} tokens a molecule"
        )
        for p in m["properties"]:
            unit = f" {p['unit']}" if p["unit"] else ""
            figures = "no value in the training split"
            if p["count"]:
                figures = (
                    f"{p['mean']:.3g} ± {p['std']:.2g}{unit} ({p['min']:.3g} to {p['max']:.3g}), {p['count']:,} values"
                )
            if label := self.labels.get(p["name"]):
                figures += f" in the training split; {describe_label(label)} in all"
            lines.append(f"  {p['name']} ({p['kind']}): {figures}")
        lines += [f"  warning: {warning}" for warning in self.warnings]
        return "\n".join(lines + [f"  note: {note}" for note in self.notes])
