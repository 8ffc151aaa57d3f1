"""Says the remedies of warnings and errors as what one clicks in the app.

A sentence of this project names its remedy as the option that applies it ("--within mw=:500 sets another limit"). The command line
shows it as it is. The app reads the option, by the same readers as the command line, writes it in words, and offers it as a button.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from chem_vae.errors import UserError
from flows.app.remedy_words import COMMANDS, ELSEWHERE, NOUNS, WORDS, name_limits, name_setting
from flows.cli import options, screen
from flows.cli.setting_option import SettingOption, merge_pairs, read_nothing, read_toml_value, read_value
from pipeline.config import merge_settings

_ALL = (
    options.SOURCE, *options.READ, *options.LEARNING, *options.make_aims("generate"), *options.make_constraints("generate"),
    *options.make_scaffold("generate"), options.make_novelty("generate")[0], options.SAMPLES, options.STRATEGY, options.ENUMERATE_STEREO,
    options.SET, *options.SEARCHING, *screen.CHOOSE,
)  # fmt: skip
_FLAGS = {"--leave-out-outliers", "--accept-lost-labels", "--outside-domain", "--tensorboard"}
_VALUE = r"""'[^']*'|"[^"]*"|[^\s;()]+"""
_OPTION = re.compile(rf"(?<![\w-])(?P<name>--[a-z][a-z-]*[a-z])(?:[ =](?P<value>{_VALUE}))?")
_COMMAND = re.compile(
    rf"`?chem-vae (?P<name>{'|'.join(COMMANDS)})\b"
    r"(?: (?:[^\s-][^\s;,)]*(?= --|`)|[A-Z]+\b|[^\s-][^\s;,)]*[/_\d][^\s;,)`]*|--[a-z-]+(?: [^\s;,)`]+)?|import-measurements|add(?: all)?|export))*`?"
)


def _collect() -> dict[str, SettingOption]:
    """Collect the options that set settings by themselves, by each of their names; the first of two with one name wins."""
    found: dict[str, SettingOption] = {}
    for option in _ALL:
        if option is options.LIBRARY or option.read is read_nothing:
            continue  # the app has a library; of the others the command reads the value
        for name in option.names.replace("/", " ").split():
            found.setdefault(name, option)
    return found


OPTIONS = _collect()
"""The options that the app can apply, by name."""


@dataclass(frozen=True)
class Remedy:
    """A change of one setting that a sentence names."""

    name: str
    """The option, as "--within"."""
    value: str = ""
    """Its value; "" where the option has none, or the sentence leaves it open."""

    @property
    def label(self) -> str:
        """The change in words."""
        if not self.value:
            return NOUNS.get(self.name) or WORDS.get(self.name) or ELSEWHERE.get(self.name) or _spell(self.name)
        if self.name == "--within":
            return name_limits(self.value)
        if self.name == "--set" and "=" in self.value:
            return name_setting(self.value)
        shown = f"{int(self.value):,}" if self.value.isdecimal() else self.value
        return WORDS.get(self.name, f"{_spell(self.name)} {{}}").format(shown)

    @property
    def is_whole(self) -> bool:
        """Whether it says all that is needed to apply it."""
        if self.name not in OPTIONS or (self.name == "--set" and "=" not in self.value):
            return False
        return bool(self.value) or is_flag(self.name)

    def read(self) -> list[tuple[str, Any]]:
        """Return the settings that it changes by their dotted keys, as the command line reads them.

        Raises:
            UserError: The value is missing or cannot be read.
        """
        option = OPTIONS[self.name]
        if is_flag(self.name):
            return [(option.key, not self.name.startswith("--no-") and self.name != "--any-size")]
        if not self.value:
            raise UserError(f"give a value for “{self.label}”, such as {option.example or option.metavar}")
        if option.many:
            return option.read(option, [self.value])
        if option.read is not read_value:
            return option.read(option, self.value)
        return [(option.key, self.value if option.metavar else read_toml_value(self.value))]


def is_flag(name: str) -> bool:
    """Whether an option takes no value."""
    return name in _FLAGS or "/" in OPTIONS[name].names


def read_sentence(sentence: str) -> tuple[str, list[tuple[Remedy, ...]]]:
    """Write a sentence in the words of the app, and read the remedies that it names.

    Args:
        sentence: A sentence with options and commands of the command line, or without.

    Returns:
        The sentence without any of them; and the remedies that can be applied, each as the changes that belong together.

    >>> read_sentence("--any-size leaves the size free")[0]
    '“any size” leaves the size free'
    """
    found: list[tuple[Remedy, ...]] = []
    end_before = -2

    def write(match: re.Match[str]) -> str:
        nonlocal end_before
        if match["name"] not in OPTIONS and match["name"] not in ELSEWHERE:
            return match[0]  # of another program
        remedy, rest = _read_option(match)
        follows = found and match.start() == end_before + 1 and remedy.is_whole
        if remedy.is_whole:
            if follows:
                found[-1] = (*found[-1], remedy)
            else:
                found.append((remedy,))
        end_before = match.end() - len(rest)
        return f"“{remedy.label}”{rest}"

    told = _COMMAND.sub(lambda match: COMMANDS[match["name"]], sentence)
    told = _OPTION.sub(write, told)
    return told, list(dict.fromkeys(found))


def say(sentence: str) -> str:
    """Write a sentence in the words of the app."""
    return read_sentence(sentence)[0]


def apply_remedies(settings: Mapping[str, Any], remedies: Iterable[Remedy], table: str = "generate") -> dict[str, Any]:
    """Return the settings of a run with changes; a limit replaces the one that the same property had.

    Args:
        settings: The settings, as a TOML file holds them.
        remedies: The changes.
        table: The table that holds what is wanted: generate or optimize.

    Raises:
        UserError: The value of a change cannot be read.
    """
    changed = copy.deepcopy(dict(settings))
    wanted = changed.setdefault(table, {})
    for key, value in merge_pairs(_read_all(remedies)).items():
        if table != "generate" and key.startswith("generate."):
            key = f"{table}.{key.removeprefix('generate.')}"
        if key == f"{table}.constraints+":
            kept = [old for old in wanted.get("constraints") or () if not any(_is_same_kind(old, new) for new in value)]
            wanted["constraints"] = kept
        elif key == f"{table}.allow_unusual":
            value = [*(wanted.get("allow_unusual") or ()), *value]
        merge_settings(changed, {key: value})
    return changed


def _read_all(remedies: Iterable[Remedy]) -> list[tuple[str, Any]]:
    """Read changes as the command line does: the values of an option that can be repeated go together."""
    pairs, repeated = list[tuple[str, Any]](), dict[str, list[str]]()
    for remedy in remedies:
        read = remedy.read()  # which says what is wrong with it
        if OPTIONS[remedy.name].many:
            repeated.setdefault(remedy.name, []).append(remedy.value)
        else:
            pairs += read
    return pairs + [pair for name, values in repeated.items() for pair in OPTIONS[name].read(OPTIONS[name], values)]


def _is_same_kind(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether two constraints limit the same property, or both leave alerts out."""
    return (bool(old.get("property")) and old.get("property") == new.get("property")) or bool(
        old.get("alerts") and new.get("alerts")
    )


def _read_option(match: re.Match[str]) -> tuple[Remedy, str]:
    """Return the remedy of an option in a sentence, and the part of what was found that is none of its value."""
    name, given = match["name"], match["value"]
    if given is None:
        return Remedy(name), ""
    rest = match[0][len(name) :]
    if given.rstrip(",.") in PLACEHOLDERS:
        return Remedy(name), given[len(given.rstrip(",.")) :]
    if name not in OPTIONS:
        return Remedy(name), "" if "://" in given else rest
    if is_flag(name):
        return Remedy(name), rest
    if given[0] in "'\"":
        return Remedy(name, given[1:-1]), ""
    bare = given if len(given) == 1 else given.rstrip(",.:")
    metavar = OPTIONS[name].metavar
    is_number = not metavar and name not in WORDS_AS_VALUES
    is_pair = "=" in metavar and "[=" not in metavar
    if (is_number and not bare[:1].isdigit()) or bare.startswith("-") or bare in ("or", "and"):
        return Remedy(name), rest
    if is_pair and "=" not in bare:  # the next word of the sentence
        return Remedy(name), rest
    if bare.rpartition("=")[2] in PLACEHOLDERS:
        return Remedy(name), given[len(bare) :]
    return Remedy(name, bare), given[len(bare) :]


PLACEHOLDERS = {option.metavar for option in _ALL if option.metavar.isupper()} | {
    "NAME",
    "FILE",
    "SMILES",
    "SMARTS",
    "VALUE",
    "NAME=UNIT",
}
"""Words that stand for a value which a sentence leaves open."""
WORDS_AS_VALUES = {"--censored", "--aggregate", "--start"}
"""The options without a name for their value, which is a word."""


def _spell(name: str) -> str:
    return name.removeprefix("--").replace("-", " ")
