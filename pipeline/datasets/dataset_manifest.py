"""Checks the manifest of a dataset, which may come from a stranger, before anything in it is used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, ValidationError

from chem_vae.errors import DataError
from pipeline.workspace.storage.manifest_parts import ManifestPart, PlainName, explain_mismatch


class _Shard(ManifestPart):
    file: PlainName
    rows: int


class _Property(ManifestPart):
    name: str
    unit: str
    kind: str
    label: str
    count: int
    mean: float | None
    std: float | None
    min: float | None
    max: float | None
    classes: Annotated[list[str], Field(min_length=2, max_length=2)] | None = None


class _Counts(ManifestPart):
    rows: int
    accepted: int
    duplicates: int
    rejected: int
    rejected_by_stage: dict[str, int]
    train: int
    validation: int
    test: int


class _Source(ManifestPart):
    name: str
    location: str
    sha256: str


class _Example(ManifestPart):
    row: int
    input: str | None
    smiles: str


class _LabelCounts(ManifestPart):
    exact: int
    bounds: int
    spread: int


class _RowNumbers(ManifestPart):
    first: int
    word: str


class _DatasetManifest(ManifestPart):
    name: PlainName
    key: str
    source: _Source
    options: dict[str, Any]
    properties: list[_Property]
    counts: _Counts
    vocabulary: dict[str, int]
    mean_tokens: float
    shards: list[_Shard] = Field(min_length=1)
    notes: list[str]
    warnings: list[str] = []
    changes: dict[str, int] = {}
    change_examples: dict[str, _Example] = {}
    labels: dict[str, _LabelCounts] = {}
    row_numbers: _RowNumbers | None = None
    seconds: float


def check_manifest(manifest: Mapping[str, Any]) -> None:
    """Check that the manifest of a dataset holds what is read of it.

    Raises:
        DataError: If something is missing or of another type.
    """
    try:
        _DatasetManifest.model_validate(manifest)
    except ValidationError as error:
        raise DataError(f"manifest.json, {explain_mismatch(error)}") from None
