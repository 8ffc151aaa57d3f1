"""Units in cells and headers, and their conversion."""

from __future__ import annotations

import pytest

from pipeline.datasets.labels.units import (
    find_factor,
    find_mass_factor,
    find_molar_exponent,
    is_known_unit,
    is_unit,
    split_header,
)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("IC50 (nM)", ("IC50", "nM")), ("IC50 [µM]", ("IC50", "µM")), ("IC50_nM", ("IC50", "nM")), ("IC50, nM", ("IC50", "nM")),
        ("Ki nM", ("Ki", "nM")), ("IC50 in nM", ("IC50", "nM")), ("inhibition (%)", ("inhibition", "%")), ("Tm (°C)", ("Tm", "°C")),
        ("MIC (ug/mL)", ("MIC", "ug/mL")), ("sol (pH=7.4)", ("sol (pH=7.4)", "")), ("pIC50", ("pIC50", "")), ("log_g", ("log_g", "")),
        ("t1/2", ("t1/2", "")), ("Standard Value", ("Standard Value", "")),
        ("% inhibition at 10 uM", ("inhibition at 10 uM", "%")), ("Inhibition at 10 µM (%)", ("Inhibition at 10 µM", "%")),
        ("inhibition 2.5 uM", ("inhibition 2.5 uM", "")), ("inhibition_at_100_nM", ("inhibition_at_100_nM", "")),
        ("Inhibition (100 nM)", ("Inhibition (100 nM)", "")), ("Papp (10-6 cm/s)", ("Papp", "10-6 cm/s")),
        ("EC50 uM", ("EC50", "uM")), ("CYP 3A4 uM", ("CYP 3A4", "uM")),
        ("Papp (10^-6 cm/s)", ("Papp", "10^-6 cm/s")), ("Papp [10⁻⁶ cm/s]", ("Papp", "10⁻⁶ cm/s")), ("Papp (1e-6 cm/s)", ("Papp", "1e-6 cm/s")),
    ],
)  # fmt: skip
def test_units_of_headers(name: str, parts: tuple[str, str]) -> None:
    assert split_header(name) == parts


@pytest.mark.parametrize(
    ("unit", "to", "factor"),
    [
        ("uM", "nM", 1000), ("nM", "µM", 0.001), ("μM", "uM", 1), ("M", "nM", 1e9), ("pM", "nM", 0.001), ("nmol/L", "nM", 1),
        ("nmol L-1", "nM", 1), ("nanomolar", "nM", 1), ("um", "nM", 1000), ("ug.mL-1", "mg/L", 1), ("ug/mL", "g/L", 0.001),
        ("10^-6 cm/s", "cm/s", 1e-6), ("10⁻⁶ cm/s", "10^-6 cm/s", 1), ("1e-6 cm/s", "10^-5 cm/s", 0.1), ("10^-6 cm/s", "nm/s", 10), ("10-6 cm/s", "1e-6 cm/s", 1),
        ("kcal/mol", "kJ/mol", 4.184), ("h", "min", 60), ("mL min-1 kg-1", "mL/min/kg", 1), ("cells", "cells", 1),
    ],
)  # fmt: skip
def test_factors(unit: str, to: str, factor: float) -> None:
    found = find_factor(unit, to)
    assert found is not None and found == (pytest.approx(factor, rel=1e-12), 0)


def test_what_has_an_offset_or_cannot_be_converted() -> None:
    assert find_factor("°C", "K") == (1, 273.15)
    for unit in ("%", "kcal/mol", "foo", "nm/"):
        assert find_factor(unit, "nM") is None
    assert find_mass_factor("ug/mL", "nM") == 1e6 and find_mass_factor("%", "nM") is None
    assert find_molar_exponent("µM") == -6 and find_molar_exponent("ug/mL") is None
    assert is_unit("ug.mL-1") and not is_unit("active")


def test_known_units_are_those_of_the_pattern_and_of_pint() -> None:
    for unit in ("nM", "NM", "um", "UG/ML", "pct", "bar", "mN/m", "mL/min/kg", "nmol L-1"):
        assert is_known_unit(unit), unit
    for word in ("foo bar", "cfu", "weak", "mean of two", "not tested", "(", "m * " * 20):
        assert not is_known_unit(word), word
