"""Given: what the options of a command say of the settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.cli.setting_option import SettingOption, merge_pairs

if TYPE_CHECKING:
    from pipeline.config import CampaignConfig


class Given:
    """Holds what the options of a command say of the settings."""

    def __init__(self, options: tuple[SettingOption, ...], values: Mapping[str, Any]) -> None:
        said = [(option, values[name_parameter(option)]) for option in options]
        said = [(option, value) for option, value in said if value not in (None, [], ())]
        self.raw = {option.name: value for option, value in said}
        """The values of the options that were given, by the option's name."""
        pairs = [(bool(option.key), pair) for option, value in said for pair in option.read(option, value)]
        self.settings = merge_pairs([pair for has_key, pair in pairs if has_key])
        """The settings that were given, by dotted key; those of --set, which has no key of its own, win over the others."""
        for key, value in (pair for has_key, pair in pairs if not has_key):
            self.settings.pop(key, None)  # so that it comes last
            self.settings[key] = value

    def load(
        self, path: Path | None = None, before: Mapping[str, Any] | None = None, name: str | None = None
    ) -> CampaignConfig:
        """Read a configuration file (or none) with what was given in it.

        Args:
            path: A TOML file, or a run's config.json.
            before: Settings by dotted key that win over the file, but not over the options.
            name: The name of the run where neither the file nor an option says one.

        Raises:
            UserError: Where a setting is unknown or has no valid value.
        """
        from pipeline.config import load_config  # here and below: pydantic is slow to load, and --help does without it

        given = {key: value for key, value in self.settings.items() if not key.startswith(("tune.", "benchmark."))}
        loaded = load_config(path, {**(before or {}), **given})
        return loaded if name is None or "name" in loaded.model_fields_set else loaded.model_copy(update={"name": name})

    def table(self, name: str) -> dict[str, Any]:
        """Return the settings of one table that were given, by their names in it."""
        start = f"{name}."
        return {key.removeprefix(start): value for key, value in self.settings.items() if key.startswith(start)}


def name_parameter(option: SettingOption) -> str:
    """Name the parameter by which a command gets the value of an option."""
    return "setting" + option.name.partition("/")[0].replace("-", "_")
