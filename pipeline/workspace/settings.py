"""Holds the base of all configuration, without a setting, so that each room can declare its own beside its code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from chem_vae.errors import UserError
from pipeline.workspace.config_errors import explain


class Settings(BaseModel):
    """The base of all configuration: values cannot be changed, and unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

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
