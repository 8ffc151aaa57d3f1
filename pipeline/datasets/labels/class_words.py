"""Reads the words of two classes ("active", "inactive") as 1 and 0."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_PAIRS = (
    ("active", "inactive"), ("aktiv", "inaktiv"), ("actif", "inactif"), ("activo", "inactivo"), ("a", "i"),
    ("yes", "no"), ("y", "n"), ("ja", "nein"), ("oui", "non"), ("true", "false"), ("t", "f"),
    ("positive", "negative"), ("pos", "neg"), ("+", "-"), ("soluble", "insoluble"), ("stable", "unstable"),
    ("hit", "miss"), ("high", "low"),
)  # fmt: skip
_OPPOSITES = dict(_PAIRS)
_KNOWN = {word for pair in _PAIRS for word in pair}
_NOT = re.compile(r"(?:non|not|no)[\s_-]*(?P<word>\w.*)")
_DIGIT = re.compile(r"\d")
_MOST_OTHERS = 0.1


def fold_word(text: str) -> str:
    """Return a cell as `find_class_words` writes its word."""
    return text.strip().casefold().replace("\N{MINUS SIGN}", "-")


def find_class_words(cells: Iterable[str], known: Sequence[str] | None = None) -> dict[str, str]:
    """Find the words of the two classes that a column holds in the place of numbers.

    Args:
        cells: The cells of the column; a few may hold something else.
        known: The words that the property is known to have, that of 1 first: they keep their meaning, also where one is there alone.

    Returns:
        Each word, in lower case, with "1" or "0"; nothing where the column holds no such pair.

    >>> find_class_words(["Active", "inactive", "active"])
    {'active': '1', 'inactive': '0'}
    >>> find_class_words(["toxic", "non-toxic"])
    {'toxic': '1', 'non-toxic': '0'}
    >>> find_class_words(["6.5", "inactive"])
    {}
    >>> find_class_words(["inactive"], ("active", "inactive"))
    {'active': '1', 'inactive': '0'}
    """
    words = [text for text in map(fold_word, cells) if text]
    there = set(words)
    numbers = dict(zip(map(fold_word, known or ()), ("1", "0"), strict=False))
    if there & numbers.keys():
        return numbers
    for high in sorted(there):
        low = next((word for word in sorted(there) if _is_opposite(high, word)), None)
        if low is not None and sum(word not in (high, low) for word in words) <= _MOST_OTHERS * len(words):
            return {high: "1", low: "0"}
    return {}


def may_be_classes(words: Sequence[str], known: Sequence[str] | None = None) -> bool:
    """Say whether some words of a column may be those of two classes, of which only one need be among them."""
    return all(word.strip().casefold() in _KNOWN for word in words) or bool(find_class_words(words, known))


def list_text(cells: Iterable[str | None], known: Sequence[str] | None = None) -> list[str]:
    """List the cells of some rows that hold words alone; none where these may be classes, which are read as numbers once all rows are known."""
    words = [cell for cell in cells if cell and _DIGIT.search(cell) is None]
    return [] if may_be_classes(words, known) else words


def _is_opposite(high: str, low: str) -> bool:
    found = _NOT.fullmatch(low)
    return _OPPOSITES.get(high) == low or (found is not None and found["word"] == high)
