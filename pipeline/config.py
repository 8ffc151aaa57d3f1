"""What a run is told: pydantic models that forbid unknown keys and say where a mistake stands.

A campaign's TOML file has one table per step, with these models' fields as keys:

    name = "nightly"
    [ingest]
    source = "moses-sample"
    compute = ["logp", "qed"]
    [train.model]
    latent_size = 64
    [generate.objectives]
    logp = { target = 2.5, tolerance = 0.25 }
"""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args, get_origin, get_type_hints

from pydantic import (
    BaseModel,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    SerializerFunctionWrapHandler,
    ValidationError,
    field_validator,
    model_serializer,
    model_validator,
)

from chem_vae.config import MOST_SEED, ModelConfig, TrainingConfig
from chem_vae.errors import UserError
from pipeline.generation.config import MeasuredConfig
from pipeline.objectives.config import Objective
from pipeline.optimization.config import OptimizeConfig
from pipeline.workspace.settings import Settings

ORGANIC_ELEMENTS = ("H", "B", "C", "N", "O", "F", "Si", "P", "S", "Cl", "Se", "Br", "I")
FINE_TUNING: dict[str, Any] = {"learning_rate": 2.5e-4, "batch_size": 64, "beta_schedule": "constant"}
"""Defaults of TrainingConfig that differ in fine-tuning. Epochs follow pipeline.training.finetune.SHOWN_MOLECULES, beta the base."""
NOTHING = "nothing"
"""As train.start: no model, whatever the data are."""


class StandardizeOptions(Settings):
    """How a molecule is brought to its standard form. What is switched on is recorded with the dataset."""

    stereo: bool = Field(True, description="Keep tetrahedral and E/Z stereo; false removes it.")
    isotopes: bool = Field(False, description="Keep isotope labels; false removes them.")
    tautomers: bool = Field(False, description="Canonicalize tautomers (slow; can erase a stereocenter).")
    uncharge: bool = Field(True, description="Neutralize where protons can be added or removed.")
    largest_fragment: bool = Field(True, description="Keep the largest organic fragment; false rejects mixtures.")
    elements: tuple[str, ...] = Field(ORGANIC_ELEMENTS, description="Elements allowed; others are rejected.")
    min_heavy_atoms: int = Field(1, ge=1)
    max_heavy_atoms: int = Field(120, ge=1)


class MeasuredProperty(Settings):
    """A numeric column of the user's own."""

    name: str = Field(min_length=1, description="The column's name, and the property's from then on.")
    unit: str = ""


class IngestConfig(Settings):
    """From a file, a URL or a named dataset to a dataset folder."""

    source: str = Field("moses-sample", min_length=1, description="A named dataset, a local file, or a URL.")
    sha256: str | None = Field(None, description="Expected SHA-256 of a downloaded file.")
    smiles_column: str | None = Field(None, description="Found by its name when not given.")
    properties: tuple[MeasuredProperty, ...] = Field((), description="Measured columns to learn, with units.")
    compute: tuple[str, ...] = Field(("logp", "qed", "sa", "mw", "tpsa"), description="Properties to compute.")
    standardize: StandardizeOptions = StandardizeOptions()
    split: Literal["random", "scaffold"] = Field("random", description="A split column of the user's wins.")
    split_column: str | None = Field(None, description="Values train / validation (valid) / test.")
    validation_fraction: float = Field(0.05, ge=0, lt=0.5)
    test_fraction: float = Field(0.05, ge=0, lt=0.5)
    merges: int = Field(200, ge=0, le=5000, description="Byte-pair merges of SELFIES symbols.")
    limit: int | None = Field(None, ge=1, description="Read at most so many rows.")
    seed: int = Field(0, ge=0, le=MOST_SEED)
    shard_rows: int = Field(10_000, ge=1)
    workers: int | None = Field(None, ge=1, description="Processes; all cores when not given.")

    @field_validator("properties", mode="before")
    @classmethod
    def _names_alone(cls, value: Any) -> Any:
        """Accept "pIC50" and "pIC50=nM" for {name, unit}."""
        if isinstance(value, str):
            value = [value]
        if isinstance(value, list | tuple):
            return [_named(v) if isinstance(v, str) else v for v in value]
        return value

    @model_validator(mode="after")
    def _properties_differ(self) -> Self:
        names = [p.name for p in self.properties] + list(self.compute)
        twice = {n for n in names if [m.casefold() for m in names].count(n.casefold()) > 1}
        if twice:
            raise ValueError(
                f"the property {sorted(twice)[0]!r} is named twice: as measured and as computed, or doubled; "
                "rename your column or leave the name out of `compute`"
            )
        return self


def _named(text: str) -> dict[str, str]:
    name, _, unit = text.partition("=")
    return {"name": name.strip(), "unit": unit.strip()}


class TrainConfig(Settings):
    """From a dataset folder to a model.

    With `start` it is fine-tuning: what is not said of `training` is taken from FINE_TUNING, and what is not said of the
    architecture and of beta from the base. Only what is said (`asks`) is dumped then. Without a word on it the data decide
    (`pipeline.training.finetune.chosen_start`).
    """

    start: str | None = Field(
        None,
        min_length=1,
        description='A model to go on from: its name, folder or run; "nothing" for none. Not given: a shipped model where a '
        "property is measured and molecules are few, unless train.model says what to build; else nothing.",
    )
    replay: float = Field(0.5, ge=0, lt=1, description="Share of the base's own molecules in fine-tuning.")
    conditions: tuple[str, ...] | None = Field(None, description="Properties to condition on; all when not given.")
    keep_molecules: bool = Field(True, description="Keep some training molecules with the model, for neighbors.")
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()
    _asked: frozenset[str] = PrivateAttr(frozenset())

    @property
    def base(self) -> str | None:
        """The model to go on from, where one is named."""
        return None if self.start == NOTHING else self.start

    def asks(self, key: str) -> bool:
        """Whether a setting ("training.beta") was asked for, be it with the value it has by default."""
        return key in self._asked

    def starting_from(self, start: str) -> TrainConfig:
        """The same wishes with a start, where none was named before."""
        if start == NOTHING:
            return self.model_copy(update={"start": start})
        usual = {"model": asdict(ModelConfig()), "training": asdict(TrainingConfig())}
        wishes = {
            part: {k: v for k, v in asdict(getattr(self, part)).items() if self.asks(f"{part}.{k}") or v != defaults[k]}
            for part, defaults in usual.items()
        }
        return TrainConfig.model_validate(self.model_dump() | wishes | {"start": start})

    @model_validator(mode="wrap")
    @classmethod
    def _gentler(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Fine-tuning has defaults of its own."""
        if not isinstance(value, Mapping):
            return handler(value)
        based = value.get("start") not in (None, "", NOTHING)
        usual = {"model": asdict(ModelConfig()), "training": asdict(TrainingConfig()) | (FINE_TUNING if based else {})}
        asked = frozenset(
            f"{part}.{k}" for part in usual for k in _said(value.get(part, {}), usual[part], dumped=not based)
        )
        if based and isinstance(value.get("training", {}), Mapping):
            value = {**value, "training": {**FINE_TUNING, **value.get("training", {})}}
        config = handler(value)
        config._asked = asked
        return config

    @model_serializer(mode="wrap")
    def _only_asked(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Read again, a default must not pass for a wish."""
        data: dict[str, Any] = handler(self)
        for part in {"model", "training"} & set(data) if self.base else ():
            data[part] = {k: v for k, v in data[part].items() if self.asks(f"{part}.{k}")}
        return data


def _said(given: Any, usual: Mapping[str, Any], dumped: bool) -> list[str]:
    """The keys of a table; of a finished configuration, and where `dumped` of a table with every key, those that are not as
    usual."""
    if isinstance(given, ModelConfig | TrainingConfig):
        given, dumped = asdict(given), True
    if dumped and isinstance(given, Mapping) and given.keys() >= usual.keys():
        return [k for k in usual if given[k] != usual[k]]
    return [str(k) for k in given] if isinstance(given, Mapping) else []


class GenerateConfig(Settings):
    """From a model to ranked candidates."""

    objectives: dict[str, Objective] = Field({}, description="By property; none samples like the data.")
    n: int = Field(100, ge=1, description="Candidates to report.")
    samples: int | None = Field(None, ge=1, description="Molecules to decode; ten per candidate when not given.")
    strategy: str | None = Field(
        None,
        description="conditional, gradient, random or acquisition; not given: acquisition where a measured property is wanted "
        "(what is worth measuring next), else conditional.",
    )
    measured: MeasuredConfig = MeasuredConfig()
    temperature: float = Field(0.7, gt=0, le=5, description="Of the decoder's symbols; below 1 is more typical.")
    guidance: float = Field(
        0.0,
        ge=0,
        le=10,
        description="How much more closely than it learned the decoder follows the targets; twice the time.",
    )
    redraws: int = Field(
        4, ge=0, le=100, description="How often a molecule is drawn again that is not spelled canonically; 0: never."
    )
    batch_size: int = Field(500, ge=1)
    allow_alerts: bool = Field(True, description="Alerts flag; false leaves flagged molecules out of the candidates.")
    seed: Annotated[int, Field(ge=0, le=MOST_SEED)] | Literal["date"] = Field(
        0, description='"date" takes the day\'s number: other molecules every night.'
    )


class CampaignConfig(Settings):
    """Ingest, train and generate in one: what a TOML file holds. [optimize] is what `chem-vae optimize` follows."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=60)] = "campaign"
    ingest: IngestConfig = IngestConfig()
    train: TrainConfig = TrainConfig()
    generate: GenerateConfig = GenerateConfig()
    optimize: OptimizeConfig | None = None


# -- files and overrides ---------------------------------------------------------------------------------------------


def load_config(path: Path | None, overrides: Mapping[str, Any] | None = None) -> CampaignConfig:
    """A TOML file (or none), then overrides by dotted path ({"train.model.latent_size": 64}); a path that ends in + adds to
    a list of the file.

    Raises UserError that names the file, the key, its line and the nearest valid key.
    """
    data, text = _merged(path, overrides)
    try:
        return CampaignConfig.model_validate(data)
    except ValidationError as error:
        raise UserError(explain(error, CampaignConfig, str(path) if path else "the command line", text)) from None


def given_table(path: Path | None, overrides: Mapping[str, Any], dotted: str) -> dict[str, Any]:
    """What a file and overrides say of a table, as `load_config` reads them but not checked; {} where there is none."""
    found: Any = _merged(path, overrides)[0]
    for table in dotted.split("."):
        found = found.get(table) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _merged(path: Path | None, overrides: Mapping[str, Any] | None) -> tuple[dict[str, Any], str]:
    """A file's tables with the overrides in them, and its text."""
    data: dict[str, Any] = {}
    text = ""
    if path is not None:
        try:
            text = path.read_text(encoding="utf-8")
            data = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)  # a run's config.json
        except FileNotFoundError:
            raise UserError(f"there is no configuration file {path}") from None
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"cannot read {path}: {error}") from None
        except tomllib.TOMLDecodeError as error:
            raise UserError(f"{path} is not valid TOML: {error}") from None
        except json.JSONDecodeError as error:
            raise UserError(f"{path} is not valid JSON: {error}") from None
    for dotted, value in (overrides or {}).items():
        *tables, key = _parts(dotted, value)
        node = data
        for table in tables:
            if node.get(table) is None:  # a finished run's file says null for what was not set
                node[table] = {}
            node = node[table]
            if not isinstance(node, dict):
                raise UserError(f"cannot set {dotted}: {table} is a value, not a table")
        if key.endswith("+"):
            key, value = key[:-1], [*node.get(key[:-1], ()), *value]
        node[key] = value
    return data, text


def _parts(dotted: str, value: Any) -> list[str]:
    """The keys of a dotted path. A property's name may hold dots: "generate.objectives.logD7.4.tolerance"."""
    for table in ("generate", "optimize"):
        below = dotted.removeprefix(f"{table}.objectives.")
        if below != dotted:
            return [table, "objectives", *([below] if isinstance(value, Mapping) else below.rsplit(".", 1))]
    return dotted.split(".")


def explain(error: ValidationError, model: type[BaseModel], where: str, text: str = "") -> str:
    """One sentence per mistake: the place, the reason, and the nearest valid key for an unknown one."""
    sentences = []
    for item in error.errors():
        location = [str(part) for part in item["loc"]]
        line = _line_of(location, text)
        place = f"{where}, line {line}" if line else where
        if item["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
            known = _fields_at(model, location[:-1])
            near = difflib.get_close_matches(location[-1], known, n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known here: {', '.join(known)}"
            sentences.append(f"{place}: unknown key {'.'.join(location)!r}{hint}")
        else:
            reason = str(item["msg"]).removeprefix("Value error, ")
            sentences.append(f"{place}: {'.'.join(location) or 'configuration'}: {reason[:1].lower()}{reason[1:]}")
    return "; ".join(sentences)


def _fields_at(model: Any, location: list[str]) -> list[str]:
    """The keys of the table at a location: below fields, the names of a table's entries, and the numbers of a list's."""
    for part in location:
        fields = _fields(model)
        model = fields.get(part) if fields is not None else _entry(model)
    return sorted(_fields(model) or ())


def _fields(annotation: Any) -> dict[str, Any] | None:
    """The fields of a (perhaps optional) table with their types; None where the annotation is of no table."""
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return {name: field.annotation for name, field in kind.model_fields.items()}
        if is_dataclass(kind):
            return get_type_hints(kind)
        if kind is None or get_origin(annotation) in (dict, tuple, list):
            break
    return None


def _entry(annotation: Any) -> Any:
    """The type of the entries of dict[str, T], tuple[T, ...] or list[T]."""
    inner = get_args(annotation)
    return inner[1] if get_origin(annotation) is dict and len(inner) > 1 else inner[0] if inner else None


def _line_of(location: list[str], text: str) -> int | None:
    """The line of a TOML text on which the last key of a location is set, as near as a look can tell."""
    if not text or not location:
        return None
    table: list[str] = []
    counted: dict[str, int] = {}
    best = None
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.strip()
        if line.startswith("["):
            table = [part.strip().strip('"') for part in line.strip("[]").split(".")]
            if line.startswith("[["):  # a table of a list: which one is told by counting
                counted[line] = counted.get(line, -1) + 1
                table.append(str(counted[line]))
            if table == location:
                best = number
            continue
        key = line.partition("=")[0].strip().strip('"')
        full = table + key.split(".")
        if key and location[: len(full)] == full:
            return number
    return best
