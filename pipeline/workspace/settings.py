"""Holds the base of all configuration, without a setting, so that each room can declare its own beside its code."""

from __future__ import annotations

from collections.abc import Mapping
from types import UnionType
from typing import Any, Self, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator

from chem_vae.errors import UserError
from pipeline.workspace.config_errors import explain


class Settings(BaseModel):
    """The base of all configuration: values cannot be changed, and unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _take_one_text(cls, value: Any, info: ValidationInfo) -> Any:
        """Accept a text for a list of texts that has only this one."""
        if isinstance(value, str) and _lists_texts(cls.model_fields[str(info.field_name)].annotation):
            return (value,)
        return value

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """Make settings from values by name, as a function of the library is given them.

        Raises:
            UserError: A name is unknown, or a value cannot be; the message names each.
        """
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            raise UserError(explain(error, cls, "the request")) from None


def _lists_texts(annotation: Any) -> bool:
    """Whether a setting is a list of texts, or None, but not a text alone."""
    kinds = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    items = [get_args(kind) for kind in kinds if get_origin(kind) is tuple]
    return str not in kinds and any(
        len(item) == 2 and item[1] is ... and str in (item[0], *get_args(item[0])) for item in items
    )
