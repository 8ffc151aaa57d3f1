"""The base of all parts of a report: read leniently and written strictly."""

from __future__ import annotations

import math
from typing import Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
)

Number = int | float | None
"""A number, or None where it is not known. NaN and infinities become None."""
Point = list[Number]
"""The coordinates of a point of a plot, with what else is known of it."""
Row = dict[str, Number]
"""Figures by name."""
_LENIENT = object()


class Part(BaseModel):
    """A part of the report, read leniently and written strictly."""

    model_config = ConfigDict(extra="ignore")

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        """Read what a file holds: a field with a wrong type takes its default. (The constructor raises an error.)"""
        return cls.model_validate(data, context=_LENIENT)

    @field_validator("*", mode="wrap")
    @classmethod
    def _check(cls, value: Any, read: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        try:
            known = read(value)
        except ValidationError:
            if info.context is not _LENIENT:
                raise
            return cls.model_fields[str(info.field_name)].get_default(call_default_factory=True)
        return None if isinstance(known, float) and not math.isfinite(known) else known


class Share(Part):
    """A count with the number that it is counted among."""

    count: int | None = None
    of: int | None = None
    fraction: float | None = None


class PropertyPart(Part):
    """A part about one property."""

    property: str = ""
    label: str = ""
    unit: str = ""
