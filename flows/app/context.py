"""Holds what all pages of the app share: the workspace, the library and the settings."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chem_vae.errors import UserError
from pipeline.workspace.lookup import list_shipped_models, list_workspace_models

LOCAL = ("127.0.0.1", "localhost", "[::1]", "::1")
"""The names of this computer as addresses to listen at, and as a browser writes them."""


@dataclass(frozen=True)
class AppContext:
    """The workspace and the library that the app shows."""

    workspace: Path
    library: str | None = None
    """The file or the address of the candidate library; that of the workspace when None."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """The settings that every run begins with, as a TOML file holds them."""

    def complete(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Return the settings of the app's own file with those that were asked for on a page.

        Those of the page go before, but the constraints of both hold.
        """
        return _merge(copy.deepcopy(dict(self.settings)), asked)

    def find_setting(self, table: str, name: str, usual: int) -> int:
        """Return a whole number of the app's own settings, or the usual one where these have none."""
        return int((self.settings.get(table) or {}).get(name, usual))

    def describe_constraints(self, table: str) -> str:
        """Say which constraints of the app's own settings hold in every run beside those of a page; "" where there are none.

        Args:
            table: The table of the settings, "generate" or "optimize".
        """
        from pipeline.objectives.config import Constraint  # here: --help does without pydantic

        known = (self.settings.get(table) or {}).get("constraints") or ()
        told = "; ".join(Constraint.model_validate(entry).describe() for entry in known)
        return f"This app's own settings ask in every run: {told}." if told else ""

    def list_models(self) -> dict[str, str]:
        """List the models by what finds them, with the name to show; those of the workspace first."""
        own = {folder.name: folder.name for folder in list_workspace_models(self.workspace)}
        return {**own, **{name: f"{name} (came with the installation)" for name in list_shipped_models()}}


def is_local_host(host: str) -> bool:
    """Whether an address to listen at is this computer's own."""
    return host in LOCAL


def check_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a run, which are checked.

    Raises:
        UserError: They are wrong; the message says in words what is.
    """
    from pydantic import ValidationError  # here and below: --help does without it

    from pipeline.config import CampaignConfig  # loads the settings of all rooms
    from pipeline.workspace.config_errors import explain

    try:
        CampaignConfig.model_validate(settings)
    except ValidationError as error:
        raise UserError(explain(error, CampaignConfig, "the settings of the run")) from None
    return settings


def _merge(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    for key, value in above.items():
        known = below.get(key)
        if key == "constraints" and known:
            below[key] = [*known, *(new for new in value if new not in known)]
        elif isinstance(known, dict) and isinstance(value, Mapping) and key != "objectives":
            below[key] = _merge(known, value)
        else:
            below[key] = value
    return below
