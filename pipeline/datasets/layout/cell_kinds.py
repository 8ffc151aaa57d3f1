"""Tells what the cells of a table seem to hold: molecules, names, InChI, numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from rdkit import Chem, rdBase

from pipeline.chemistry.standardization.smiles_text import split_name
from pipeline.chemistry.standardization.standardize import LONGEST_INPUT

LOOK = 50
"""Cells of a column that are looked at."""
_FIRST = re.compile(r"[A-IK-PR-Zabcnopst\[*]")  # characters that a SMILES can begin with
_SELFIES = re.compile(r"(\[[^\[\]]+\]){3,}\.?(\[[^\[\]]+\])*")
_ATTEMPT = re.compile(r"(Br|Cl|[BCNOPSFIbcnops]|\[[^\[\]]*\]?|[()=#@+\-\\/%0-9.:~*$])+")
_DRAWN = re.compile(r"[()=#\[\]@/\\]|[cnos]\d")  # what a SMILES of more than a chain holds
_KINDS: tuple[tuple[str, Callable[[str], object]], ...] = (
    ("InChI", re.compile(r"(InChI=)?1S?/[A-Z0-9.]+/\S+").match),
    ("InChIKeys", re.compile(r"[A-Z]{14}-[A-Z]{8}[SN][A-Z]-[A-Z]").fullmatch),
    ("CAS numbers", re.compile(r"(CAS[ :-]*)?\d{2,7}-\d{2}-\d").fullmatch),
    ("SELFIES", _SELFIES.fullmatch),
    ("reactions", re.compile(r"\S+>\S*>\S+").fullmatch),
    ("mol blocks", re.compile(r".*(V2000|V3000)", re.DOTALL).match),
    ("molecular formulas", re.compile(r"(?=.*[A-Z].*\d)([A-Z][a-z]?\d*)+").fullmatch),
    ("identifiers", re.compile(r"[A-Za-z]+[-_ :]?\d+[A-Za-z]?").fullmatch),
    ("names", re.compile(r".*[A-Za-z]{4}").match),
)


def is_smiles(text: str) -> bool:
    """Whether RDKit reads the text as SMILES; its chemistry is not looked at."""
    text = text.strip()
    if not (_FIRST.match(text) and text.isascii() and len(text) <= LONGEST_INPUT):
        return False
    with rdBase.BlockLogs():
        return Chem.MolFromSmiles(text, sanitize=False) is not None


def is_structure(text: str) -> bool:
    """Whether a cell holds a SMILES, alone or with CXSMILES extensions or a name behind it."""
    return is_smiles(split_name(text)[0].split(" |")[0])


def is_broken_smiles(text: str) -> bool:
    """Whether a text was meant as a SMILES, though it cannot be read as one: it is spelled with atoms, bonds and rings alone."""
    text = text.strip()
    return bool(_ATTEMPT.fullmatch(text)) and bool(re.search(r"[()=#\[\]\d]", text)) and not text[0].isdigit()


def hold_molecules(cells: Iterable[str | None]) -> bool:
    """Whether most of the first cells hold molecules.

    "C", "N", "I" or "CO" may be any code: the molecules of a data set are longer on the whole.
    """
    texts = take_filled(cells)
    if sum(bool(_SELFIES.fullmatch(text)) for text in texts) * 2 > len(texts):
        return False
    good = [text for text in texts if is_structure(text)]
    return 2 * len(good) > len(texts) and sum(len(split_name(text)[0]) for text in good) > 3 * len(good)


def hold_drawn_molecules(cells: Iterable[str | None]) -> bool:
    """Whether the cells hold molecules with bonds, branches or rings, which no word looks like by chance."""
    texts = take_filled(cells)
    return hold_molecules(texts) and 3 * sum(bool(_DRAWN.search(text)) for text in texts) >= len(texts)


def take_filled(cells: Iterable[str | None]) -> list[str]:
    """Return the first cells that hold something, without white space around them."""
    found: list[str] = []
    for cell in cells:
        if len(found) == LOOK:
            break
        if cell is not None and (text := cell.strip()):
            found.append(text)
    return found


def is_number(cell: str) -> bool:
    """Whether a cell is a number, also one with a decimal comma."""
    try:
        float(cell.replace(",", ".", 1))
    except ValueError:
        return False
    return True


def describe_kind(cells: Sequence[str | None]) -> str:
    """Say in a word or two what most cells of a column seem to hold; "" where nothing does."""
    texts = take_filled(cells)
    if not texts:
        return "nothing"
    if all(map(is_number, texts)):
        return "numbers"
    for kind, match in _KINDS:
        if 2 * sum(bool(match(text)) for text in texts) > len(texts):
            return kind
    return ""
