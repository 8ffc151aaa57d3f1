"""Units of measured values: how they are written, and how values are converted from one to another.

The conversions are pint's; it is loaded only where two units differ, or where a unit is an unusual one.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pint

_PREFIX = "[fpnuµμmckMG]?"
_ATOM = (
    r"(?:°[CF]|%|‰|ppm|ppb|minutes?|mins?|hours?|hrs?|days?|seconds?|secs?|"
    r"(?:nano|micro|milli|pico|femto)?(?:molar|moles?)|mmHg|Da|Å|"
    rf"{_PREFIX}(?:mol|M|g|L|l|cal|J|eV|s|m|Hz|Pa|V|K|IU|U)|h|d)"
)
_POWER = r"(?:\^? ?\(?[-−⁻]?[123]\)?|[⁻]?[¹²³])?"
UNIT = rf"(?:{_ATOM}{_POWER}(?: ?[/.·*] ?{_ATOM}{_POWER}| {_ATOM}{_POWER})*)"
"""The pattern of a unit."""
_UNIT = re.compile(UNIT)
_SCALE = r"(?:10(?:\^[-−⁻+]?\d{1,2}|[-−]\d{1,2}|⁻?[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,2})|1[eE][-−+]?\d{1,2}) ?[x×*·]? ?"
_SCALED = re.compile(rf"{_SCALE}(?=[^\W\d])")
"""A power of ten before a unit, as in 10^-6 cm/s; the 100 of 100 nM is none, but says at which concentration."""
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻−", "0123456789--")
_LONGEST = 40  # characters of a text that may be a unit
_HEADER = (
    re.compile(r"(?P<unit>%)[ _](?P<stem>.+)"),  # "% inhibition at 10 uM" is no concentration
    re.compile(rf"(?P<stem>.+?)[\s_]*[\(\[] ?(?:in )?(?P<unit>(?:{_SCALE})?{UNIT}) ?[\)\]]"),
    re.compile(rf"(?P<stem>.+?)(?:[,;/] ?| in )(?P<unit>{UNIT})"),
    re.compile(r"(?P<stem>.+?)[_ ](?P<unit>[fpnuµμm]M|%|[numµμ]g[/_]m[lL]|kcal/mol|kJ/mol|°C)"),
)
_ENDS_IN_NUMBER = re.compile(r"(?:^|[\s_@])\d+(?:[.,]\d+)?$")
"""Finds the number of a condition: "inhibition at 10 uM" has no unit."""
_MOLAR = re.compile(
    r"(?P<prefix>[fpnuµμm]?)(?:M|mol ?(?:/ ?[lL]|[ .·*]? ?[lL] ?\^?[-−⁻][1¹]))|(?P<word>nano|micro|milli|pico|femto)?molar"
)
_MICRO = re.compile(r"(?<![A-Za-z])u(?=(?:M|mol|g|[lL])(?![A-Za-z]))")
_WORD_PREFIXES = {"femto": "f", "pico": "p", "nano": "n", "micro": "u", "milli": "m", "": ""}
_EXPONENTS = {"f": -15, "p": -12, "n": -9, "u": -6, "µ": -6, "μ": -6, "m": -3, "": 0}
_MISSPELLED = {"nm": "nM", "um": "uM", "µm": "uM", "μm": "uM", "nmol": "nM", "umol": "uM", "NM": "nM", "UM": "uM"}


def is_unit(text: str) -> bool:
    """Whether a text is written like a unit."""
    return _UNIT.fullmatch(text.strip()) is not None


def is_known_unit(text: str) -> bool:
    """Whether a text is a unit, in capitals or small letters: one of the usual pattern, or one that pint knows."""
    text = _split_scale(_normalize(text))[1]
    if len(text) > _LONGEST:
        return False
    if re.fullmatch(UNIT, text, re.IGNORECASE) or text in _MISSPELLED or find_molar_exponent(text) is not None:
        return True
    try:
        _open_registry().parse_units(_translate(text))
    except Exception:  # pint has no class above all its errors
        return False
    return True


def normalize_unit(text: str) -> str:
    """Write the micro sign in one way: "uM", "μM" (Greek mu) and "µM" are all "µM"."""
    text = text.strip().replace("\N{GREEK SMALL LETTER MU}", "\N{MICRO SIGN}")
    return _MICRO.sub("\N{MICRO SIGN}", text)


def split_header(name: str) -> tuple[str, str]:
    """Split the unit off a column's name: "IC50 (nM)" is ("IC50", "nM"), a name without a unit (name, "")."""
    for pattern in _HEADER:
        found = pattern.fullmatch(name.strip())
        if found and not (pattern is _HEADER[-1] and _ENDS_IN_NUMBER.search(found["stem"])):
            return found["stem"].strip(), found["unit"].replace("_", "/")
    return name, ""


def find_molar_exponent(unit: str) -> int | None:
    """Return the power of ten by which a value in a unit of concentration becomes mol/L; None for other units."""
    found = _MOLAR.fullmatch(unit.strip())
    if found is None:
        return None
    return _EXPONENTS[found["prefix"] or _WORD_PREFIXES[found["word"] or ""]]


def is_same(a: str, b: str) -> bool:
    """Whether two texts are one unit in other letters ("µM" and "uM")."""
    return _normalize(a) == _normalize(b)


def find_factor(unit: str, to: str) -> tuple[float, float] | None:
    """Find the line that converts values of one unit into another.

    Args:
        unit: The unit of the values.
        to: The unit they get.

    Returns:
        Factor and offset: converted = factor * value + offset; None where the units measure different things.
    """
    if is_same(unit, to):
        return 1.0, 0.0
    (scale, unit), (to_scale, to) = _split_scale(unit), _split_scale(to)
    if scale != to_scale:
        found = find_factor(unit, to)
        return None if found is None or found[1] else (float(f"{found[0] * scale / to_scale:.12g}"), 0.0)
    a, b = find_molar_exponent(unit), find_molar_exponent(to)
    if b is not None and a is None:
        a = find_molar_exponent(_MISSPELLED.get(unit, ""))
    if a is not None and b is not None:
        return 10.0 ** (a - b) if a >= b else 1 / 10.0 ** (b - a), 0.0
    registry = _open_registry()
    try:
        zero, one = (float(registry.Quantity(v, _translate(unit)).to(_translate(to)).magnitude) for v in (0.0, 1.0))
    except Exception:  # pint has no class above all its errors: unknown units, other dimensions, syntax
        return None
    return float(f"{one - zero:.12g}"), float(f"{zero:.12g}")


def find_mass_factor(unit: str, to: str) -> float | None:
    """Find the factor from a mass concentration to a molar one, which is still to be divided by the molecular weight (g/mol).

    Returns:
        None where the units are no such pair.
    """
    if (exponent := find_molar_exponent(to)) is None or (grams := find_factor(unit, "g/L")) is None:
        return None
    return float(f"{grams[0] * 10.0**-exponent:.12g}")


def _split_scale(unit: str) -> tuple[float, str]:
    """Split off the power of ten before a unit: "10^-6 cm/s" is (1e-6, "cm/s"); 1 where there is none."""
    found = _SCALED.match(unit.strip())
    if found is None:
        return 1.0, unit
    power = re.sub(r"^10\^?|^1[eE]|[\sx×*·]", "", found[0]).translate(_RAISED)
    return float(f"1e{power}"), unit.strip()[found.end() :]


def _normalize(unit: str) -> str:
    unit = re.sub(r"\s+", " ", unit.strip()).replace("µ", "u").replace("μ", "u")
    return {"percent": "%", "pct": "%"}.get(unit.casefold(), unit)


def _translate(unit: str) -> str:
    """Write a unit as pint reads it: "ug.mL-1" is "ug * mL ** -1"."""
    unit = unit.translate(str.maketrans("⁻¹²³−", "-123-"))
    unit = re.sub(r"(?<=[A-Za-zµμ])\^?\(?(-?\d)\)?", r"**\1", unit)
    return re.sub(r"(?<=[\w)]) ?[.·] ?(?=[^\W\d])|(?<=[\w)]) (?=[^\W\d])", " * ", unit)


@lru_cache(1)
def _open_registry() -> pint.UnitRegistry[Any]:
    import pint  # here: it takes half a second to load, and most columns have one unit

    return pint.UnitRegistry(cache_folder=None)
