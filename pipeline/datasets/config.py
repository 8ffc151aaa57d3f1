"""Settings of ingest: the TOML table [ingest]."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    field_serializer,
    field_validator,
    model_serializer,
    model_validator,
)

from chem_vae.config import MOST_SEED
from pipeline.chemistry.config import StandardizeOptions
from pipeline.datasets.labels.class_words import fold_word
from pipeline.datasets.labels.left_out import LeaveOut
from pipeline.datasets.labels.logarithm_names import name_logarithm
from pipeline.workspace.name_splitting import split_outside_brackets
from pipeline.workspace.remote.redaction import redact
from pipeline.workspace.settings import Settings


class MeasuredProperty(Settings):
    """A numeric column of the user's own."""

    name: str = Field(min_length=1, description="The column's name, and the property's from then on.")
    unit: str = Field("", description="Its unit; cells in other units are converted to it.")
    log: bool = Field(False, description="Learn its logarithm: the p-value (-log10 in mol/L) of a concentration.")
    classes: tuple[str, str] | None = Field(
        None,
        description="The words of its two classes, that of 1 first, as in ['binder', 'decoy']; found where the column holds both of "
        "a usual pair.",
    )

    @property
    def learned_name(self) -> str:
        """The name of the learned property: that of the column, or with `log` "pIC50" or "log NAME"."""
        return name_logarithm(self.name, self.unit) if self.log else self.name

    @field_validator("classes")
    @classmethod
    def _classes_differ(cls, words: tuple[str, str] | None) -> tuple[str, str] | None:
        if words is not None and (not all(map(fold_word, words)) or fold_word(words[0]) == fold_word(words[1])):
            raise ValueError("the classes must be two different words")
        return words

    @model_serializer(mode="wrap")
    def _without_unknown_classes(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Write no classes where there are none, as before there was this setting, so that older datasets and parts are found."""
        written: dict[str, Any] = serialize(self)
        if self.classes is None:
            written.pop("classes", None)
        return written


class IngestConfig(Settings):
    """The settings by which a file, a URL or a named dataset becomes a dataset folder."""

    source: str = Field(
        "moses-sample",
        min_length=1,
        description="A file (csv, tsv, smi, txt, sdf, parquet, each also .gz; xlsx), a URL (also of a storage: s3://, gs://, abfs://), a pattern "
        "of files (s3://bucket/night/*.csv), or a name from `chem-vae datasets`.",
    )
    sha256: str | None = Field(None, description="Expected SHA-256 of a downloaded file.")
    smiles_column: str | None = Field(None, description="The column of SMILES; found by its name when not given.")
    header: bool | None = Field(
        None, description="Whether the first line of a text file is a header; found out when not given."
    )
    delimiter: str | None = Field(
        None,
        description="What stands between the cells of a text file: a character, tab or space; found by the first rows when not "
        "given.",
    )
    encoding: str | None = Field(
        None,
        description="The encoding of a text file, such as utf-8, windows-1252, mac-roman or gb18030; found out when not given.",
    )
    sheet: str | None = Field(
        None, description="The sheet of a workbook (.xlsx); the first that holds molecules when not given."
    )
    properties: tuple[MeasuredProperty, ...] = Field(
        (), description="Columns of measured values to learn, each with its unit where it has one."
    )
    leave_out: tuple[str, ...] = Field(
        (),
        description="Measured values to leave out, such as a code for failed: pIC50=-999, or pIC50>14 (also <, <=, >=).",
    )
    leave_out_outliers: bool = Field(
        False, description="Leave out measured values that lie far from all others, and suspected codes such as -999."
    )
    log: bool = Field(
        False,
        description="Learn the logarithms of all measured properties: of a concentration the p-value (IC50 as pIC50).",
    )
    decimal: Literal[".", ","] | None = Field(
        None, description="The decimal mark of measured columns, where their numbers do not tell it."
    )
    censored: Literal["use", "leave_out"] = Field(
        "use", description='Whether measurements that are bounds (">10000") are used as bounds or left out.'
    )
    where: tuple[str, ...] = Field(
        (), description="Rows whose measurements count, as COLUMN=VALUE; the molecules of other rows stay."
    )
    assay_columns: bool = Field(
        True, description="Read the relation, unit and type columns that stand beside a measured column."
    )
    accept_lost_labels: bool = Field(
        False, description="Go on without the labels that cannot be read, where they are many or of one kind."
    )
    most_spread: float | None = Field(
        None,
        gt=0,
        description="Repeated measurements of a molecule that differ by more are listed; when not given 1 on a logarithmic scale, "
        "else a factor of 10, or the standard deviation of a property that spans less than two decades.",
    )
    compute: tuple[str, ...] = Field(
        ("logp", "qed", "sa", "mw", "tpsa"), description="Properties to compute from the structure."
    )
    standardize: StandardizeOptions = StandardizeOptions()
    split: Literal["random", "scaffold"] = Field("random", description="A split column of the user's wins.")
    split_column: str | None = Field(None, description="Values train / validation (valid) / test.")
    validation_fraction: float = Field(0.05, ge=0, lt=0.5, description="Share held out to watch the training.")
    test_fraction: float = Field(0.05, ge=0, lt=0.5, description="Share held out for figures of quality.")
    merges: int = Field(200, ge=0, le=5000, description="Byte-pair merges of SELFIES symbols.")
    limit: int | None = Field(None, ge=1, description="Read at most so many rows.")
    seed: int = Field(0, ge=0, le=MOST_SEED, description="Decides the random split.")
    shard_rows: int = Field(10_000, ge=1, description="Rows that a process reads at a time.")
    when_down: Literal["last", "fail"] = Field(
        "last",
        description="When the source cannot be reached (no network, file gone): go on with the copy or the dataset of the last "
        "time, with a warning that says how old it is, or fail.",
    )
    workers: int | None = Field(None, ge=1, description="Processes; all cores when not given.")

    @field_serializer("source", when_used="json")
    def _without_secrets(self, source: str) -> str:
        """Leave credentials and signed queries of a URL out of manifests, config.json and Prefect's parameters."""
        return redact(source)

    @property
    def measured(self) -> tuple[MeasuredProperty, ...]:
        """The measured properties, each with `log` where it is set for all."""
        return tuple(p.model_copy(update={"log": True}) if self.log else p for p in self.properties)

    @field_validator("properties", mode="before")
    @classmethod
    def _names_alone(cls, value: Any) -> Any:
        """Accept "pIC50", "pIC50=nM" and "sol(pH=7.4)" for {name, unit}; see also `pipeline.datasets.property_names`."""
        if isinstance(value, str):
            value = [value]
        if isinstance(value, list | tuple):
            return [_named(v) if isinstance(v, str) else v for v in value]
        return value

    @field_validator("leave_out")
    @classmethod
    def _check_rules(cls, rules: tuple[str, ...]) -> tuple[str, ...]:
        for rule in rules:
            LeaveOut.parse(rule)
        return rules

    @model_validator(mode="after")
    def _properties_differ(self) -> Self:
        names = [p.learned_name for p in self.measured] + list(self.compute)
        twice = {n for n in names if [m.casefold() for m in names].count(n.casefold()) > 1}
        if twice:
            raise ValueError(
                f"the property {sorted(twice)[0]!r} is named twice: as measured and as computed, or doubled; "
                "rename your column or leave the name out of `compute`"
            )
        return self


def _named(text: str) -> dict[str, str]:
    name, unit = split_outside_brackets(text)
    return {"name": name, "unit": unit}
