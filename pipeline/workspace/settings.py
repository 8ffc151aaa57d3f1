"""Holds the base of all configuration, without a setting, so that each room can declare its own beside its code."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """The base of all configuration: values cannot be changed, and unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
