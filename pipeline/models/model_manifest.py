"""Checks the manifest of a model, which may come from a stranger, before anything in it is used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, ValidationError

from chem_vae.errors import DataError
from pipeline.chemistry.config import StandardizeOptions
from pipeline.workspace.storage.manifest_parts import ManifestPart, PlainName, explain_mismatch


class _TrainedOn(ManifestPart):
    name: PlainName
    key: str
    folder: PlainName
    standardize: StandardizeOptions


class _Base(ManifestPart):
    name: str
    key: str


class _PredictorFigures(ManifestPart):
    property: str
    method: str
    r2: float | None
    n_test: int


class _Card(ManifestPart):
    dataset: _TrainedOn
    conditions: list[str]
    parameters: int
    latent_size: int = Field(ge=1, le=1 << 16)
    vocabulary: dict[str, int]
    training_molecules: int
    trained_seconds: float
    steps: int
    ended: str = ""
    figures: dict[str, float | None]
    predictors: list[_PredictorFigures]
    warnings: list[str]
    limits: list[str] = Field(default_factory=list)
    base: _Base | None = None


class _Property(ManifestPart):
    name: str
    label: str
    unit: str
    kind: Literal["computed", "measured", "oracle"]
    std: float | None
    low: float | None
    high: float | None
    quantiles: dict[str, float | None]


class _ModelManifest(ManifestPart):
    key: str
    config: dict[str, Any]
    card: _Card
    properties: list[_Property]
    seconds: float


def check_manifest(manifest: Mapping[str, Any]) -> None:
    """Check that the manifest of a model holds what is read of it.

    Raises:
        DataError: If something is missing or of another type.
    """
    try:
        _ModelManifest.model_validate(manifest)
    except ValidationError as error:
        raise DataError(f"manifest.json, {explain_mismatch(error)}") from None
