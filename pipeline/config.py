"""Settings of a campaign: pydantic models that forbid unknown keys and say where a mistake stands.

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

import copy
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, field_serializer

from chem_vae.errors import UserError
from pipeline.datasets.config import IngestConfig
from pipeline.generation.config import GenerateConfig, ScreenConfig
from pipeline.optimization.config import OptimizeConfig
from pipeline.training.config import TrainConfig
from pipeline.workspace.config_errors import explain
from pipeline.workspace.name_splitting import split_dotted
from pipeline.workspace.places import PLACES
from pipeline.workspace.remote.redaction import redact
from pipeline.workspace.runs import OVERALL, select_overall
from pipeline.workspace.settings import Settings

CAMPAIGN = "campaign"
"""The name of a campaign that was given none; its run then bears the name of its data."""


class CampaignConfig(Settings):
    """Settings of all steps, as a TOML file holds them; the tables [optimize] and [screen] are for the commands of
    these names."""

    name: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=60, description="A name for the run.")
    ] = CAMPAIGN
    dask: str | None = Field(
        None,
        description='The address of a Dask scheduler, such as "tcp://host:8786", whose workers standardize and describe molecules '
        'and ask the oracle; "local" starts workers on this machine. They must see the workspace under the same path.',
    )
    fail_under: int | None = Field(
        None,
        ge=1,
        description="Fail, after the run is written, where fewer candidates than so many are within all targets (of those without targets: "
        "are there); exit code 3.",
    )
    publish: str | None = Field(
        None,
        min_length=1,
        description="A folder of a storage (s3://bucket/chem-vae, or a path) to which every finished dataset, model and run is copied, from "
        "where it can be used by its address. When not given: the environment variable CHEM_VAE_PUBLISH, else nothing is published.",
    )
    library: str | None = Field(
        None,
        min_length=1,
        description="The candidate library: a SQLite file, or a PostgreSQL database that a group shares "
        "(postgresql://me:${PASSWORD}@host/database). When not given: the environment variable CHEM_VAE_LIBRARY, else library.sqlite of "
        "the workspace.",
    )
    ingest: IngestConfig = IngestConfig()
    train: TrainConfig = TrainConfig()
    generate: GenerateConfig = GenerateConfig()
    optimize: OptimizeConfig | None = None
    screen: ScreenConfig | None = None

    def list_overall(self) -> dict[str, Any]:
        """List the settings that hold for the whole run, where they are set, as its config.json is to have them."""
        return select_overall(self.model_dump(mode="json", include=set(OVERALL)))

    def with_absolute_places(self) -> CampaignConfig:
        """Return the same settings with absolute places, for a process that works in another folder."""
        changed = self
        for dotted, make in PLACES.items():
            table, _, key = dotted.rpartition(".")
            part = getattr(changed, table) if table else changed
            if (place := getattr(part, key, None)) is not None:
                part = part.model_copy(update={key: make(place)})
                changed = changed.model_copy(update={table: part}) if table else part
        return changed

    @field_serializer("library", "publish", when_used="json")
    def _without_password(self, address: str | None) -> str | None:
        """Leave the password out of config.json and of Prefect's parameters."""
        return None if address is None else redact(address)


def load_config(path: Path | None, overrides: Mapping[str, Any] | None = None) -> CampaignConfig:
    """Read the settings of a campaign.

    Args:
        path: A TOML file, or config.json of a run; defaults alone when None.
        overrides: Values by dotted path ({"train.model.latent_size": 64}), which replace those of the file. A path that ends in
            + adds to a list of the file.

    Raises:
        UserError: A setting is wrong. The message names the file, the key, its line and the nearest valid key.
    """
    data, text = _merge(path, overrides)
    try:
        return CampaignConfig.model_validate(data)
    except ValidationError as error:
        raise UserError(explain(error, CampaignConfig, str(path) if path else "the command line", text)) from None


def read_table(path: Path | None, overrides: Mapping[str, Any], dotted: str) -> dict[str, Any]:
    """Read a table of a file with overrides as `load_config` does, but unchecked; {} where there is none."""
    found: Any = _merge(path, overrides)[0]
    for table in dotted.split("."):
        found = found.get(table) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _merge(path: Path | None, overrides: Mapping[str, Any] | None) -> tuple[dict[str, Any], str]:
    """Read a file and put the overrides in; return its tables and its text."""
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
    merge_settings(data, overrides or {})
    return data, text


def merge_settings(data: dict[str, Any], overrides: Mapping[str, Any]) -> None:
    """Put settings by dotted path into tables of settings, which are changed.

    Args:
        data: The tables, as a TOML file or a run's config.json holds them.
        overrides: As `load_config` takes them.

    Raises:
        UserError: A path leads through a value.
    """
    for dotted, value in overrides.items():
        *tables, key = _split_key(dotted, value)
        node = data
        for table in tables:
            if node.get(table) is None:  # a finished run's file says null for what was not set
                node[table] = {}
            node = node[table]
            if not isinstance(node, dict):
                raise UserError(f"cannot set {dotted}: {table} is a value, not a table")
        if key.endswith("+"):
            key, value = key[:-1], [*node.get(key[:-1], ()), *value]
        node[key] = copy.deepcopy(value)  # later overrides may change it


def _split_key(dotted: str, value: Any) -> list[str]:
    """Split a dotted path into keys; a property's name may hold dots: "generate.objectives.logD7.4.tolerance"."""
    for table in ("generate", "optimize"):
        below = dotted.removeprefix(f"{table}.objectives.")
        if below != dotted and below[:1] in ("'", '"'):
            return [table, "objectives", *split_dotted(below)]
        if below != dotted:
            return [table, "objectives", *([below] if isinstance(value, Mapping) else below.rsplit(".", 1))]
    return dotted.split(".")
