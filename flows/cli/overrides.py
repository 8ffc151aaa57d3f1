"""From command line options to the dotted keys of a campaign's configuration."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from typing import Any

from chem_vae.errors import UserError


def overrides(
    *,
    data: str | None = None,
    smiles_column: str | None = None,
    properties: Sequence[str] | None = None,
    compute: Sequence[str] | None = None,
    limit: int | None = None,
    start: str | None = None,
    epochs: int | None = None,
    targets: Sequence[str] | None = None,
    tolerances: Sequence[str] | None = None,
    maximize: Sequence[str] | None = None,
    minimize: Sequence[str] | None = None,
    ranges: Sequence[str] | None = None,
    n: int | None = None,
    samples: int | None = None,
    strategy: str | None = None,
    seed: int | None = None,
    name: str | None = None,
    settings: Sequence[str] | None = None,
) -> dict[str, Any]:
    """The overrides for pipeline.config.load_config; what was not given is left to the file and the defaults.

    Raises UserError for an option that is not of the form it should have.
    """
    given: dict[str, Any] = {
        "name": name,
        "ingest.source": data,
        "ingest.smiles_column": smiles_column,
        "ingest.properties": list(properties or ()) or None,
        "ingest.compute": _names(compute) or None,
        "ingest.limit": limit,
        "train.start": start,
        "train.training.epochs": epochs,
        "train.training.seed": seed,
        "generate.n": n,
        "generate.samples": samples,
        "generate.strategy": strategy,
        "generate.seed": seed,
    }
    found = {key: value for key, value in given.items() if value is not None}
    found |= objectives(targets, tolerances, maximize, minimize, ranges)
    return found | given_settings(settings)


def given_settings(settings: Sequence[str] | None, example: str = "train.model.latent_size=128") -> dict[str, Any]:
    """What --set says, by dotted key."""
    found = {}
    for text in settings or ():
        key, value = _pair(text, "--set", example)
        found[key] = toml_value(value)
    return found


def objectives(
    targets: Sequence[str] | None,
    tolerances: Sequence[str] | None,
    maximize: Sequence[str] | None,
    minimize: Sequence[str] | None,
    ranges: Sequence[str] | None,
    table: str = "generate",
) -> dict[str, Any]:
    """Objectives by dotted key, of the table generate or optimize. An aim replaces the file's for its property; a tolerance changes only that."""
    aims: dict[str, dict[str, Any]] = {}

    def aim(option: str, name: str, value: dict[str, Any]) -> None:
        if name in aims:
            raise UserError(
                f"{option} {name}: the property {name!r} has two aims; say one of target, maximize, minimize, range"
            )
        aims[name] = value

    for text in targets or ():
        name, value = _pair(text, "--target", "logp=2.5")
        aim("--target", name, {"target": _float(value, f"--target {text}")})
    for text in ranges or ():
        name, value = _pair(text, "--range", "mw=300:400")
        low, colon, high = value.partition(":")
        if not colon:
            raise UserError(f"--range {text}: give both ends, as in --range mw=300:400")
        ends = [_float(low, f"--range {text}"), _float(high, f"--range {text}")]
        aim("--range", name, {"range": ends})
    for name in _names(maximize):
        aim("--maximize", name, {"maximize": True})
    for name in _names(minimize):
        aim("--minimize", name, {"minimize": True})
    found: dict[str, Any] = {f"{table}.objectives.{name}": value for name, value in aims.items()}
    for text in tolerances or ():
        name, value = _pair(text, "--tolerance", "logp=0.25")
        number = _float(value, f"--tolerance {text}")
        if name in aims:
            aims[name]["tolerance"] = number
        else:
            found[f"{table}.objectives.{name}.tolerance"] = number
    return found


def toml_value(text: str) -> Any:
    """A value as TOML writes it (3, 0.5, true, ["logp", "qed"]); a word without quotes is taken as text."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        if text.lstrip()[:1] in ("[", "{", '"', "'"):
            raise UserError(
                f"--set: {text} is not a TOML value; quote it for the shell, as in --set 'ingest.compute=[\"logp\"]'"
            ) from None
        return text


def _names(texts: Sequence[str] | None) -> list[str]:
    """Names given one by one or with commas between."""
    return [name.strip() for text in texts or () for name in text.split(",") if name.strip()]


def _pair(text: str, option: str, example: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip() or not value.strip():
        raise UserError(f"{option} {text}: write it as NAME=VALUE, as in {option} {example}")
    return name.strip(), value.strip()


def _float(text: str, what: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UserError(f"{what}: {text!r} is not a number") from None
