"""LogScale: how the raw values of a measured column become logarithms, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from chem_vae.errors import DataError
from pipeline.datasets.labels.units import find_molar_exponent

if TYPE_CHECKING:
    from pipeline.datasets.config import MeasuredProperty

_LN10 = float(np.log(10.0))


@dataclass(frozen=True)
class LogScale:
    """A logarithmic scale: learned = sign * (log10(raw) + exponent).

    Args:
        column: The column of raw values, for reports ("IC50").
        raw_unit: Their unit ("nM").
        sign: -1 for p-values, 1 for plain logarithms.
        exponent: The power of ten from the raw unit to mol/L; 0 for plain logarithms.
    """

    column: str
    raw_unit: str
    sign: int
    exponent: int

    @property
    def unit(self) -> str:
        """The unit of the learned values: none for p-values, the logarithm of the raw unit for others."""
        return "" if self.sign < 0 or not self.raw_unit else f"log {self.raw_unit}"

    @classmethod
    def choose(cls, wanted: MeasuredProperty, unit: str) -> LogScale | None:
        """Choose the p-value for a concentration, the plain logarithm for other values; None for what is a logarithm already.

        Raises:
            DataError: If a p-value was promised by the name, but the unit is unknown.
        """
        if wanted.learned_name == wanted.name:
            return None
        exponent = find_molar_exponent(unit)
        if wanted.learned_name.startswith("log "):
            return cls(wanted.name, unit, 1, 0)
        if exponent is None:
            what = f"{unit} is no molar concentration" if unit else "its unit is not known"
            raise DataError(
                f"{wanted.learned_name!r} is computed from {wanted.name!r} in mol/L, but {what}; say the unit: "
                f'--property "{wanted.name}=nM" --log'
            )
        return cls(wanted.name, unit, -1, exponent)

    @classmethod
    def from_dict(cls, kept: dict[str, Any] | None) -> LogScale | None:
        """Read what a manifest keeps; None where the property is no logarithm."""
        if not kept:
            return None
        return cls(str(kept["column"]), str(kept["raw_unit"]), int(kept["sign"]), int(kept["exponent"]))

    def to_dict(self) -> dict[str, Any]:
        """Return what the manifest keeps."""
        return {"column": self.column, "raw_unit": self.raw_unit, "sign": self.sign, "exponent": self.exponent}

    def transform(
        self, value: np.ndarray, lower: np.ndarray, upper: np.ndarray, spread: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Take the logarithm of values, bounds and spreads; bounds change sides where the sign is negative."""
        with np.errstate(divide="ignore", invalid="ignore"):
            new_spread = np.where(value > 0, spread / (value * _LN10), np.nan)
            value, lower, upper = (np.where(v > 0, self.to_learned(v), np.nan) for v in (value, lower, upper))
        return (value, upper, lower, new_spread) if self.sign < 0 else (value, lower, upper, new_spread)

    def to_learned(self, raw: Any) -> Any:
        """Convert raw values (a number or an array) into learned ones."""
        return self.sign * (np.log10(raw) + self.exponent)

    def to_raw(self, learned: Any) -> Any:
        """Convert learned values (a number or an array) back into the raw unit."""
        return 10.0 ** (self.sign * np.asarray(learned, dtype=np.float64) - self.exponent)

    def describe(self, column: str) -> str:
        """Say what is learned."""
        what = f"-log10 of {column!r} in mol/L" if self.sign < 0 else f"log10 of {column!r}"
        return f"learned is the {what}: {self.to_raw(6.0 if self.sign < 0 else 2.0):,.4g} {self.raw_unit} becomes " + (
            "6" if self.sign < 0 else "2"
        )
