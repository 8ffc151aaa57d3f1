"""An option that sets a setting of the configuration, and how its text becomes a value."""

from __future__ import annotations

import shlex
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from chem_vae.errors import UserError
from pipeline.workspace.name_splitting import split_key, split_last

T = TypeVar("T", int, float)
Pairs = list[tuple[str, Any]]
"""Settings by dotted key. A key that ends in + adds to a list."""


def read_value(option: SettingOption, value: Any) -> Pairs:
    """Take the value as it is."""
    return [(option.key, value)]


def read_names(option: SettingOption, texts: Sequence[str]) -> Pairs:
    """Take names that are given one by one or with commas between."""
    return [(option.key, split_names(texts))]


def read_nothing(option: SettingOption, value: Any) -> Pairs:
    """Leave the value to the command."""
    return []


@dataclass(frozen=True)
class SettingOption:
    """An option that sets one setting of the configuration."""

    panel: str
    names: str
    """The option's names with spaces between, the one for messages first: `--data --source`."""
    key: str
    """The setting's key, as `pipeline.workspace.setting_fields.list_settings` spells it."""
    metavar: str = ""
    example: str = ""
    """A value for the example in the help text."""
    read: Callable[[SettingOption, Any], Pairs] = read_value
    many: bool = False
    """Whether the option can be repeated."""
    help: str = ""
    """A help text of its own, where the option sets more than one setting."""

    @property
    def name(self) -> str:
        """The name for messages."""
        return self.names.split()[0]


# -- how a text becomes a value ----------------------------------------------------------------------------------------


def split_names(texts: Sequence[str]) -> list[str]:
    """Names given one by one or with commas between."""
    return [name.strip() for text in texts for name in text.split(",") if name.strip()]


def split_numbers(option: str, text: str, example: str, kind: type[T]) -> list[T]:
    """Numbers with commas between. Raises UserError with the example."""
    try:
        return [kind(part) for part in text.split(",")]
    except ValueError:
        raise UserError(f"{option} {text}: give numbers with commas between, as in {option} {example}") from None


def read_objective(option: SettingOption, texts: Sequence[str]) -> Pairs:
    """Read what is wanted of a property: `logp=2.5`, `mw=300:400`, or a name alone where the option says it all."""
    start, _, aim = option.key.partition(".*.")
    if aim in ("maximize", "minimize"):
        return [(f"{start}.{name}", {aim: True}) for name in split_names(texts)]
    found: Pairs = []
    for text in texts:
        name, value = _split_pair(option, text)
        if aim == "range":
            low, high = _read_limits(value, option, text)
            if low is not None and low == high:
                raise UserError(
                    f"{option.name} {text}: the ends of a range differ; for one value say --target {name}={low:g}"
                )
            found.append((f"{start}.{name}", {aim: [low, high]}))
        elif aim == "tolerance":  # changes only that, also of a target that stands in a file
            found.append((f"{start}.{name}.{aim}", _read_float(value, option, text)))
        else:
            found.append((f"{start}.{name}", {aim: _read_float(value, option, text)}))
    return found


def read_structures(option: SettingOption, texts: Sequence[str]) -> Pairs:
    """Read structures that molecules must or must not contain; they come on top of those of a file."""
    table, _, field = option.key.partition(".*.")
    return [(f"{table}+", [{field: text} for text in texts])]


def read_alerts(option: SettingOption, texts: Sequence[str]) -> Pairs:
    """Read the sets of alerts to be free of; they come on top of those of a file."""
    table, _, field = option.key.partition(".*.")
    return [(f"{table}+", [{field: split_names(texts)}])]


def read_limits(option: SettingOption, texts: Sequence[str]) -> Pairs:
    """Read the limits of a property, as in `mw=300:450` or `mw=300:`; they come on top of those of a file."""
    table, _, field = option.key.partition(".*.")
    found: list[dict[str, Any]] = []
    for text in texts:
        name, value = _split_pair(option, text)
        ends = dict(zip(("at_least", "at_most"), _read_limits(value, option, text), strict=True))
        found.append({field: name, **{end: number for end, number in ends.items() if number is not None}})
    return [(f"{table}+", found)]


def read_settings(option: SettingOption, texts: Sequence[str]) -> Pairs:
    """Read `KEY=VALUE`."""
    return [(key, read_toml_value(value)) for key, value in (_split_pair(option, text) for text in texts)]


def read_toml_value(text: str) -> Any:
    """Return a value as TOML writes it (3, 0.5, true, ["logp", "qed"]); a word without quotes is taken as text."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        if text.lstrip()[:1] in ("[", "{", '"', "'"):
            raise UserError(
                f"--set: {text} is not a TOML value; quote it for the shell, as in --set 'ingest.compute=[\"logp\"]'"
            ) from None
        return text


def read_oracle(option: SettingOption, value: str) -> Pairs:
    """Read who scores; it replaces the oracle of a file, whatever that is."""
    table = "optimize.oracle"
    others: Pairs = [(f"{table}.{kind}", None) for kind in ("property", "function", "program", "registered")]
    others.append((f"{table}.options", {}))
    given: Any = value
    if option.key == f"{table}.program":
        try:
            given = shlex.split(value)
        except ValueError as error:
            raise UserError(f"{option.name} {value}: {error}") from None
    return [*others, (option.key, given)]


def merge_pairs(pairs: Pairs) -> dict[str, Any]:
    """Put the settings of all options together.

    Raises:
        UserError: Where two options say what is wanted of one property.
    """
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key.endswith("+"):
            found[key] = [*found.get(key, ()), *value]
        elif isinstance(value, dict) and isinstance(found.get(key), dict):
            name = key.partition(".objectives.")[2]
            raise UserError(f"the property {name!r} has two aims; say one of target, maximize, minimize, range")
        else:
            found.pop(key, None)  # so that it stands where it was said last
            found[key] = value
    for key in [key for key in found if key.endswith(".tolerance")]:
        if isinstance(aim := found.get(key.removesuffix(".tolerance")), dict):
            aim["tolerance"] = found.pop(key)
    return found


def _split_pair(option: SettingOption, text: str) -> tuple[str, str]:
    name, value = split_key(text) if not option.key else split_last(text)
    if not name or not value:
        raise UserError(f"{option.name} {text}: write it as {option.metavar}, as in {option.name} {option.example}")
    return name, value


def _read_limits(value: str, option: SettingOption, given: str) -> tuple[float | None, float | None]:
    """Read `LOW:HIGH`, of which one end may be open (None). Raises UserError."""
    low, colon, high = (part.strip() for part in value.partition(":"))
    if not colon or not (low or high):
        raise UserError(
            f"{option.name} {given}: give both ends with a colon between, or one of them for an open range, as in {option.name} "
            f"{option.example} or {option.name} {option.example.rpartition(':')[0]}:"
        )
    first, last = (None if not part else _read_float(part, option, given) for part in (low, high))
    if first is not None and last is not None and not first <= last:
        raise UserError(f"{option.name} {given}: the lower end comes first")
    return first, last


def _read_float(text: str, option: SettingOption, given: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UserError(f"{option.name} {given}: {text!r} is not a number") from None
