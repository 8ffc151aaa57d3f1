"""The base of the models that manifests are checked with, and the sentence for one that does not fit."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from pipeline.workspace.storage.integrity import is_plain_name


class ManifestPart(BaseModel):
    """A part of a manifest of which some keys are read; others may be there too."""

    model_config = ConfigDict(strict=True, extra="allow", allow_inf_nan=False)


def _check_name(name: str) -> str:
    if not is_plain_name(name):
        raise ValueError("it is no name of a file or folder")
    return name


PlainName = Annotated[str, AfterValidator(_check_name)]
"""The name of a file or folder alone, without a way to another place."""


def explain_mismatch(error: ValidationError) -> str:
    """Say in a few words what is wrong with a file of JSON, by the first mismatch."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    reason = str(first["msg"]).removeprefix("Value error, ")
    return f"{place[:80] or 'it'}: {reason[:1].lower()}{reason[1:200]}"
