"""Decides, for a whole column, what its commas and points mean: the decimal mark or the mark between thousands."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from chem_vae.errors import DataError
from pipeline.workspace.presentation.formatting import count_things

Mark = Literal[",", "."]
_GROUPS = re.compile(r"\d{1,3}([.,])\d{3}(?:\1\d{3})*|\d{1,2}(?:(,)\d\d)+,\d{3}")
_TIMES = re.compile(r" ?[xX×·∙⋅*] ?10 ?(?:\^|\*\*)? ?\(?([+-]?\d+)\)?")
_ALONE = re.compile(r"([+-]?)10 ?(?:\^|\*\*) ?\(?([+-]?\d+)\)?")
_AMBIGUOUS = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}")  # one mark, which either splits thousands or is the decimal mark


@dataclass
class StyleEvidence:
    """Counts, over the numbers of a column, what proves the meaning of a mark."""

    decimal: dict[Mark, int] = field(default_factory=lambda: {",": 0, ".": 0})
    """Numbers in which this mark can only be the decimal mark ("7,5")."""
    thousands: dict[Mark, int] = field(default_factory=lambda: {",": 0, ".": 0})
    """Numbers in which this mark can only split thousands ("1,234.5", "1,234,567")."""
    ambiguous: dict[Mark, int] = field(default_factory=lambda: {",": 0, ".": 0})
    """Numbers in which this mark can be either ("1,234")."""
    example: dict[str, str] = field(default_factory=dict)
    large_integers: int = 0
    """Numbers of three digits or more without any mark."""

    def add(self, number: str, count: int = 1) -> None:
        """Count a number, as it is written."""
        mantissa = _split_exponent(number)[0]
        if "," not in mantissa and "." not in mantissa:
            self.large_integers += count * (mantissa == number and len(mantissa.lstrip("+-")) > 2)
            return
        if _AMBIGUOUS.fullmatch(mantissa) and mantissa == number:
            mark: Mark = "," if "," in number else "."
            self.ambiguous[mark] += count
            self.example.setdefault(f"ambiguous{mark}", number)
            return
        body = re.sub(r"[^\d.,]", "", mantissa)
        for mark in (",", "."):
            if mark in body:
                kind = _find_role(body, mark)
                if kind is not None:
                    getattr(self, kind)[mark] += count
                    self.example.setdefault(f"{kind}{mark}", number)

    def add_plain(self, points: int, ambiguous: int, large_integers: int, example: str | None) -> None:
        """Count numbers that `float` reads: those with a point, those among them that are ambiguous, and large integers."""
        self.decimal["."] += points - ambiguous
        self.ambiguous["."] += ambiguous
        self.large_integers += large_integers
        if example is not None:
            self.example.setdefault("ambiguous.", example)

    def decide(self, column: str, given: Mark | None) -> NumberStyle:
        """Decide what the marks of ambiguous numbers mean.

        Args:
            column: The column's name, for messages.
            given: The decimal mark that the user says, for what other numbers of the column do not tell.

        Raises:
            DataError: If the numbers of the column do not tell; it names the option that does.
        """
        roles: dict[Mark, Literal["decimal", "thousands"]] = {}
        for mark, other in ((",", "."), (".", ",")):
            mark, other = _as_mark(mark), _as_mark(other)
            decimal, thousands = self.decimal[mark] > 0, self.thousands[mark] > 0
            if not self.ambiguous[mark]:
                roles[mark] = "decimal"
            elif decimal != thousands:
                roles[mark] = "decimal" if decimal else "thousands"
            elif given is not None:
                roles[mark] = "decimal" if given == mark else "thousands"
            elif decimal or (self.decimal[other] > 0 and self.thousands[other] > 0):
                raise self._ask(column, mark)
            elif self.decimal[other]:
                if mark == "." and not self.thousands["."]:  # "6.123" beside "5,31": two people, or thousands?
                    raise self._ask(column, mark)
                roles[mark] = "thousands"
            elif self.thousands[other]:
                roles[mark] = "decimal"
            elif mark == "," or (self.ambiguous["."] > 1 and self.large_integers):
                raise self._ask(column, mark)
            else:
                roles[mark] = "decimal"
        return NumberStyle(roles[","] == "decimal", roles["."] == "decimal")

    def describe(self, style: NumberStyle) -> list[str]:
        """Say in clauses how numbers were read that `float` does not read, each with an example; none for plain numbers."""
        said = []
        commas = self.decimal[","] + (self.ambiguous[","] if style.comma_is_decimal else 0)
        if commas:
            example = self.example.get("decimal,", self.example.get("ambiguous,"))
            both = ", others a decimal point" if self.decimal["."] else ""
            said.append(f"{count_things(commas, 'number', 'has', 'have')} a decimal comma (such as {example!r}){both}")
        for mark, name, decimal in ((",", "commas", style.comma_is_decimal), (".", "points", style.point_is_decimal)):
            mark = _as_mark(mark)
            split = self.thousands[mark] + (0 if decimal else self.ambiguous[mark])
            if split:
                example = self.example.get(f"ambiguous{mark}" if not decimal else "", "") or self.example.get(
                    f"thousands{mark}", ""
                )
                value = style.read(example)
                said.append(f"in {count_things(split, 'number')} {name} split thousands ({example!r} is {value:.12g})")
        return said

    def _ask(self, column: str, mark: Mark) -> DataError:
        example = self.example[f"ambiguous{mark}"]
        point, comma = NumberStyle(False, True).read(example), NumberStyle(True, False).read(example)
        return DataError(
            f"the column {column!r} has numbers such as {example!r}, and its other numbers do not tell whether that is "
            f"{comma:g} or {point:g}; say which is the decimal mark: --decimal , ({comma:g}) or --decimal . ({point:g})"
            if mark == ","
            else f"the column {column!r} has numbers such as {example!r}, and its other numbers do not tell whether that is "
            f"{point:g} or {comma:g}; say which is the decimal mark: --decimal . ({point:g}) or --decimal , ({comma:g})"
        )


@dataclass(frozen=True)
class NumberStyle:
    """The meaning of the marks of a column, for numbers that do not tell it themselves ("1,234")."""

    comma_is_decimal: bool = True
    point_is_decimal: bool = True

    def read(self, number: str) -> float:
        """Read a number as it is written; NaN where its marks make no sense ("1,2,3")."""
        if alone := _ALONE.fullmatch(number):
            return _to_float(f"{alone[1]}1e{alone[2]}")
        mantissa, exponent = _split_exponent(number)
        sign = "-" if mantissa.startswith("-") else ""
        body = re.sub(r"[^\d.,]", "", mantissa)
        if _AMBIGUOUS.fullmatch(body) and not exponent:
            decimal = self.comma_is_decimal if "," in body else self.point_is_decimal
            body = body.replace(",", ".") if decimal else re.sub("[.,]", "", body)
            return _to_float(sign + body)
        roles = {mark: _find_role(body, _as_mark(mark)) for mark in ",." if mark in body}
        if None in roles.values():
            return math.nan
        written = {mark: "" if role == "thousands" else "." for mark, role in roles.items()}
        return _to_float(sign + "".join(written.get(c, c) for c in body) + exponent)


def _find_role(body: str, mark: Mark) -> Literal["decimal", "thousands"] | None:
    """Find what a mark means in one number of digits and marks; None where it makes no sense, or is ambiguous."""
    other = "." if mark == "," else ","
    if other in body:
        if body.rfind(mark) > body.rfind(other):  # the last mark is the decimal one
            whole = body[: body.rfind(mark)]
            return "decimal" if body.count(mark) == 1 and _GROUPS.fullmatch(whole) else None
        return "thousands" if _GROUPS.fullmatch(body[: body.find(other)]) and body.count(other) == 1 else None
    if body.count(mark) > 1:
        return "thousands" if _GROUPS.fullmatch(body) else None
    return "decimal"


def _split_exponent(number: str) -> tuple[str, str]:
    """Split a number into mantissa and exponent ("5·10-8" is ("5", "e-8"))."""
    if found := _TIMES.search(number):
        return number[: found.start()], f"e{found[1]}"
    mantissa, e, exponent = number.replace("E", "e").partition("e")
    return (mantissa, f"e{exponent.strip()}") if e else (number, "")


def _to_float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _as_mark(text: str) -> Mark:
    return "," if text == "," else "."


def add_all(evidence: StyleEvidence, numbers: Iterable[str], count: int) -> None:
    """Count several numbers of one cell."""
    for number in numbers:
        if number:
            evidence.add(number.rstrip("%"), count)
