"""Makes the places that settings name absolute, for a process that works in another folder, now or later.

What is found by its name (a registered dataset, a shipped model, a run of the workspace) and an address stay as they are.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.workspace.lookup import list_shipped_models
from pipeline.workspace.registry import list_datasets
from pipeline.workspace.remote.downloads import is_address

VARIABLES = ("CHEM_VAE_LIBRARY", "CHEM_VAE_PUBLISH", "CHEM_VAE_CACHE")
"""The environment variables that name a place, but for the workspace, which every process is told."""
_LOCAL = re.compile(r"^(?:sqlite(?:\+\w+)?:///|file://)", re.IGNORECASE)
"""What an address of this disk begins with."""


def make_file_absolute(place: str) -> str:
    """Return the absolute path of a file or folder, which may be made later, or of a pattern of files; an address as it is.

    A link is kept, since it may lead elsewhere by the time that it is followed.

    >>> make_file_absolute("s3://bucket/night/*.csv"), make_file_absolute("sqlite:////data/library.sqlite")
    ('s3://bucket/night/*.csv', 'sqlite:////data/library.sqlite')
    """
    if local := _LOCAL.match(place):
        return f"{local[0]}{make_file_absolute(place[local.end() :])}"
    if is_address(place):
        return place
    path = Path(place).expanduser().absolute()
    return str(path.parent.resolve() / path.name if ".." in path.parts else path)


def make_source_absolute(place: str) -> str:
    """Return the absolute path of a source of molecules; the name of a dataset, also of an unknown one, and an address as they are."""
    is_name = not Path(place).suffix and os.sep not in place and not os.path.lexists(place)
    return place if is_name or place in list_datasets() else make_file_absolute(place)


def make_folder_absolute(place: str) -> str:
    """Return the absolute path of the folder of a dataset, a model or a run, where there is one; any other name as it is."""
    files = ("manifest.json", "model.json", "model/model.json")
    return make_file_absolute(place) if any((Path(place) / file).is_file() for file in files) else place


def make_model_absolute(place: str) -> str:
    """Return the absolute path of the folder of a model or a run, where there is one; the name of a shipped model as it is."""
    return place if place in list_shipped_models() else make_folder_absolute(place)


PLACES = {
    "library": make_file_absolute,
    "publish": make_file_absolute,
    "ingest.source": make_source_absolute,
    "screen.library": make_source_absolute,
    "train.start": make_model_absolute,
}
"""The settings that name a place, each with what makes it absolute."""


def make_places_absolute(settings: Mapping[str, Any], table: str = "") -> dict[str, Any]:
    """Return settings, in tables or by dotted key, with absolute places.

    Args:
        settings: The settings as plain data.
        table: The table that holds them, with a dot.
    """
    found: dict[str, Any] = {}
    for key, value in settings.items():
        make = PLACES.get(f"{table}{key}")
        if isinstance(value, Mapping):
            found[key] = make_places_absolute(value, f"{table}{key}.")
        else:
            found[key] = make(value) if make is not None and isinstance(value, str) else value
    return found


def make_variables_absolute() -> None:
    """Make the places absolute that environment variables name, for the processes that this one starts in other folders."""
    for name in VARIABLES:
        if place := os.environ.get(name):
            os.environ[name] = make_file_absolute(place)
