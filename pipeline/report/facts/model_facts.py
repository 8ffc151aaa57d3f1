"""The parts of a report about the model: what it is, how it was trained, how its predictors fare, how it places molecules."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict

from pipeline.report.facts.part import Number, Part, Point, PropertyPart, Row


class ModelFacts(Part):
    """The model of the run, from its card."""

    key: str | None = None
    parameters: int | None = None
    latent_size: int | None = None
    vocabulary: Row = {}
    conditions: list[str] = []
    training_molecules: int | None = None
    trained_seconds: float | None = None
    ended: str | None = None
    """When and why the training ended before its last step; None where it did not."""
    base: str | None = None
    """The model that the training started from, and how well it fitted the data beside others."""
    figures: dict[str, Any] = {}


class Training(Part):
    """How the model was trained."""

    history: list[Row] = []
    validation: list[Row] = []
    kl_per_dimension: list[Number] = []
    warnings: list[str] = []


class Predictor(PropertyPart):
    """A property predictor with its figures on held-out molecules; more keys of the model's card are kept."""

    model_config = ConfigDict(extra="allow")

    method: str | None = None
    n_train: int | None = None
    n_test: int | None = None
    r2: float | None = None
    mae: float | None = None
    rmse: float | None = None
    coverage: dict[str, Number] = {}
    """The share of values inside the predictor's interval, by the interval's nominal share."""
    parity: list[Point] = []
    """(held-out value, prediction, standard deviation) triples."""
    compared: dict[str, Any] | None = None
    """How the representation of a measured property was chosen."""
    classification: dict[str, Any] | None = None
    """Of a property with two classes: roc_auc, pr_auc, brier, base_rate and calibration of its probability."""
    classes: list[float] = []
    """The inactive and the active label of such a property; [] in reports of before 0.3.0."""


class LatentMap(Part):
    """Training molecules and candidates on the two main directions of the latent space."""

    data: list[Point] = []
    values: list[Number] = []
    """The value of `color_property` for each point of `data`."""
    color_property: str | None = None
    candidates: list[Point] = []
    candidate_rows: list[int] = []
    """The places in the table of the candidates that have a point; [] in reports of before 0.3.0."""
    explained: list[Number] = []
    """The share of the variance along each direction."""
