"""Label: what one cell of a measured column says, and how people write it.

A cell is split into its parts (`split_cell`) without a decision on what its commas and points mean: that is decided for the
whole column (`pipeline.datasets.labels.number_style`), and so is its unit (`pipeline.datasets.labels.units`).
"""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pipeline.datasets.labels.units import UNIT


class Label(NamedTuple):
    """A measured value, or what is known of it.

    A label has an exact value, or bounds, or nothing. Floats are NaN where there is none.
    """

    value: float = math.nan
    """The exact value."""
    lower: float = math.nan
    """The value is at least this (">10")."""
    upper: float = math.nan
    """The value is at most this ("<0.5")."""
    approximate: bool = False
    """Whether the cell says that the value is approximate ("~45")."""


@dataclass(frozen=True)
class LabelColumn:
    """The labels of a measured property, one for each molecule of all parts: arrays (n,), NaN where there is none."""

    value: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    spread: np.ndarray

    @classmethod
    def make_empty(cls, n: int) -> LabelColumn:
        """Make a column without any label."""
        return cls(*(np.full(n, np.nan) for _ in range(4)))


class Cell(NamedTuple):
    """The parts of a cell that holds a number, as text."""

    number: str
    """The number, or the lower end of a range."""
    relation: str = ""
    """One of <, >, ~, or nothing for an exact value."""
    end: str = ""
    """The upper end of a range ("5.2-5.8")."""
    error: str = ""
    """The error behind ± ("6.1 ± 0.2"); with % behind it, relative."""
    unit: str = ""
    mark: str = ""
    """A footnote's mark or a remark in parentheses, which does not change the value ("6.1*", "6.1 (n=3)")."""


RELATIONS = {
    "<": "<", "<=": "<", "=<": "<", "<<": "<", "<<<": "<", "≤": "<", "≦": "<", "⩽": "<", "≪": "<",
    "less than": "<", "below": "<", "at most": "<", "up to": "<", "under": "<", "lt": "<", "le": "<",
    ">": ">", ">=": ">", "=>": ">", ">>": ">", ">>>": ">", "≥": ">", "≧": ">", "⩾": ">", "≫": ">",
    "greater than": ">", "more than": ">", "above": ">", "at least": ">", "over": ">", "gt": ">", "ge": ">",
    "~": "~", "≈": "~", "∼": "~", "≃": "~", "≅": "~", "~=": "~", "ca.": "~", "ca": "~", "c.": "~", "circa": "~",
    "approx.": "~", "approx": "~", "about": "~", "around": "~",
    "": "", "=": "", "==": "", ":": "",
}  # fmt: skip
"""The meaning of the words and signs before a number."""
_BLANK = frozenset({"", "na", "n/a", "<na>", "nan", "none", "null", "n.d.", "nd", "-", "--", "?"})
LARGEST = 1e30  # a number beyond it, such as 1e308, stands for something else, and no model in 32 bits can learn it

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")
_POWER_OF_TEN = re.compile(r"(?<=10)[⁺⁻⁰¹²³⁴-⁹]+")
_MINUS = str.maketrans(dict.fromkeys("−–—‒‐‑﹣－", "-"))
_ERROR_VALUE = re.compile(r"#(?:N/A|NV|REF!|DIV/0!|NUM!|NAME\?|VALUE!|WERT!|NULL!)", re.IGNORECASE)
_SPACE = "[ \N{NO-BREAK SPACE}\N{THIN SPACE}\N{NARROW NO-BREAK SPACE}\N{FIGURE SPACE}]"
_POWER = r"10 ?(?:(?:\^|\*\*) ?\(?[+-]?\d+\)?)"
_NUMBER = (
    rf"[+-]?(?:{_POWER}|(?:\d{{1,3}}(?:(?:{_SPACE}|['’])\d{{3}})+(?![\d])(?:[.,]\d+)?|\d[\d.,]*|[.,]\d+)"
    rf"(?:[eE] ?[+-]?\d+| ?[xX×·∙⋅*] ?(?:{_POWER}|10[+-]\d+))?)"
)
_WORDS = "|".join(sorted((re.escape(word) for word in RELATIONS if word), key=len, reverse=True))
_MARK = r"[*†‡§#]+|[a-f](?: ?, ?[a-f])*|\([^()]*\)|\[[^\[\]]*\]|[⁰¹²³⁴-⁹ᵃ-ᵍ]"
_CELL = re.compile(
    rf"(?P<before>{_WORDS})? ?(?P<number>{_NUMBER})"
    rf"(?: ?(?:-|\.\.+|…|~|to|bis) ?(?P<end>{_NUMBER}))?"
    rf"(?P<after> ?[<>≤≥])?"
    rf"(?: ?(?P<middle>{UNIT})(?= ?\(? ?(?:±|\+/-|\+-)))?"
    rf"(?: ?\(? ?(?:±|\+/-|\+-|\+\\-) ?(?P<error>{_NUMBER} ?%?) ?\)?)?"
    rf"(?P<mark>(?: ?(?:{_MARK}))*?) ?(?P<unit>{UNIT}|[^\W\d_][^\d<>=]*?)?(?P<later>(?: ?(?:{_MARK}))*)",
    re.IGNORECASE,
)
_TWO_VALUES = re.compile(r"\d[ \t]*[\n\r\t]\s*[+\-<>~]?[\d.,]")
"""Numbers on two lines, or on two sides of a tab, which no space joins to one."""
_FOOTNOTE = re.compile(r"[a-ce-f](?: ?, ?[a-f])*,?|[⁰¹²³⁴-⁹ᵃ-ᵍ]+")
_IN_BRACKETS = re.compile(rf" ?[(\[] ?({UNIT}) ?[)\]]")


def split_cell(text: str) -> Cell | str | None:
    """Split a cell of a measured column into number, relation, unit and so on.

    Args:
        text: The cell, which is not blank.

    Returns:
        The parts; or, where the cell holds no number at all, its word ("n.d."); or None where it holds digits that cannot be
        read as one number ("12/5").
    """
    if _TWO_VALUES.search(text):
        return None
    text = _clean(text)
    if not any(c.isdigit() for c in text) or _ERROR_VALUE.fullmatch(text):
        return text.casefold()
    found = _CELL.fullmatch(text)
    if found is None:
        return None
    parts = {name: part or "" for name, part in found.groupdict().items()}
    relation = RELATIONS[parts["before"].casefold()]
    if after := parts["after"].strip():  # "10000<" is "10000 < x"
        if relation or parts["end"]:
            return None
        relation = ">" if after in "<≤" else "<"
    if parts["end"] and relation in ("<", ">"):
        return None
    error = parts["error"].replace(" ", "")
    if _has_power(error) and not _has_power(parts["number"]):  # "6.1 ± 0.2 x 10^-7": the power is that of both
        return None
    mark, unit = parts["mark"] + parts["later"], parts["unit"].strip()
    if parts["middle"] and unit not in ("", parts["middle"]) and not _FOOTNOTE.fullmatch(unit):  # "5 uM ± 100 nM"
        return None
    unit = unit or parts["middle"]
    if _FOOTNOTE.fullmatch(unit):
        mark, unit = unit + mark, ""
    if not unit and (inside := _IN_BRACKETS.search(mark)) and not re.fullmatch("[a-f]", inside[1]):
        mark, unit = mark.replace(inside[0], "", 1), inside[1]
    return Cell(parts["number"], relation, parts["end"], error, unit, mark.strip())


def _has_power(number: str) -> bool:
    """Whether a number is written with a power of ten ("2 x 10^-7")."""
    return re.search(r"[xX×·∙⋅*]|10[\^*]", number) is not None


def is_blank(text: str) -> bool:
    """Whether a cell beside a value says nothing: empty, or a word such as NA.

    >>> is_blank(" n/a"), is_blank("nM")
    (True, False)
    """
    return text.strip().casefold() in _BLANK


def read_relation(text: str) -> str | None:
    """Read a cell of a column of relations ("'>'", "=", "less than") as <, > or ~, or as nothing for an exact value.

    Returns:
        None where the cell holds something else.
    """
    return RELATIONS.get(_clean(text).strip("'\"").strip().casefold())


def _clean(text: str) -> str:
    """Remove what a spreadsheet puts around a cell, and write signs in the usual characters."""
    text = text.strip().lstrip("'").strip()
    if text.startswith('="') and text.endswith('"'):
        text = text[2:-1].strip()
    if text.startswith("'") and text.endswith("'") and len(text) > 1:
        text = text[1:-1].strip()
    if not text.isascii():
        text = _POWER_OF_TEN.sub(lambda match: "^" + match[0].translate(_SUPERSCRIPTS), text)
        text = unicodedata.normalize("NFC", text).translate(_MINUS)
        text = "".join(unicodedata.normalize("NFKC", c) if "！" <= c <= "～" else c for c in text)
    return re.sub(r"[ \t\n]+", " ", text)
