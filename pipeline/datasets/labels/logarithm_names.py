"""Tells by the name of a measured column whether it holds logarithms, and names the logarithm of one that does not."""

from __future__ import annotations

import re

from pipeline.datasets.labels.units import find_molar_exponent, split_header

_ASSAY = r"(?:(?:ic|ec|ac|cc|gi|lc|dc|tc|xc|mic)[_ -]?\d{2}|k_?[idb]|mic|potency)(?![a-z])"
_POTENCY = re.compile(rf"(?:(?:rel|abs)\W?)?{_ASSAY}", re.IGNORECASE)
_P_VALUE = re.compile(rf"p(?:chembl|activity|{_ASSAY})", re.IGNORECASE)
_LOGARITHM = re.compile(r"-?log(?:[ _\d(]|[A-Z]|$)")


def is_potency(name: str) -> bool:
    """Whether a column is named like a concentration that an assay finds ("IC50", "Ki (nM)")."""
    return _POTENCY.match(name) is not None


def is_p_value(name: str) -> bool:
    """Whether a column is named like the negative logarithm of a concentration ("pChEMBL Value", "pIC50")."""
    return _P_VALUE.match(name) is not None


def is_logarithm(name: str) -> bool:
    """Whether a column is named like a logarithm ("pKi", "logS", "-log10 IC50")."""
    return is_p_value(name) or _LOGARITHM.match(name) is not None


def name_logarithm(name: str, unit: str) -> str:
    """Name the logarithm of a measured column: "pIC50" for a concentration, else "log NAME"; a logarithm keeps its name."""
    if is_logarithm(name):
        return name
    stem, header_unit = split_header(name)
    unit = unit or header_unit
    is_p = find_molar_exponent(unit) is not None if unit else is_potency(stem)
    return f"p{stem}" if is_p else f"log {stem}"
