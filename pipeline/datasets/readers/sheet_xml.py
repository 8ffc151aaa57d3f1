"""Looks at the XML of a sheet for what openpyxl does not tell of a workbook that is read row by row.

It also counts the rows apart from openpyxl, so that the one can be checked by the other.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from chem_vae.errors import DataError

_PIECE = 1 << 20  # bytes
_LONGEST_ROW = 64 << 20
_MOST_ROWS = 1 << 20
_MOST_MERGED = 100_000
_ROW = re.compile(rb"<(?:\w+:)?row\b([^>]*?)(/?)>")
_ROW_END = re.compile(rb"</(?:\w+:)?row>")
_NUMBER = re.compile(rb"""\br=["'](\d+)["']""")
_HIDDEN = re.compile(rb"""\bhidden=["'](?:1|true)["']""")
_VALUE = re.compile(rb"<(?:\w+:)?v(?: [^>]*)?>[^<]|<(?:\w+:)?is>")
_EMPTY_FORMULA = re.compile(
    rb"(?:</(?:\w+:)?f>|<(?:\w+:)?f\b[^>]*/>)\s*(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v></(?:\w+:)?v>)?\s*</(?:\w+:)?c>"
)
_MERGED = re.compile(rb"""<(?:\w+:)?mergeCell\b[^>]*\bref=["']([A-Z]+\d+:[A-Z]+\d+)["']""")


@dataclass(frozen=True)
class MergedCell:
    """A cell that goes over several rows or columns: its place, counted from 1, and its last row and column."""

    name: str
    row: int
    column: int
    last_row: int
    last_column: int


@dataclass(frozen=True)
class SheetFacts:
    """The facts that the XML of a sheet tells.

    Args:
        last_row: The number of the last row that holds a value, from 1; 0 where none does.
        hidden_rows: The rows with values that are hidden or filtered out.
        formulas_without_value: The formulas whose value the program that wrote the file has not saved.
        merged: The cells that go over several rows or columns.
    """

    last_row: int
    hidden_rows: int
    formulas_without_value: int
    merged: tuple[MergedCell, ...]


def find_sheet_facts(path: Path, sheet: str) -> SheetFacts:
    """Look through the XML of a sheet.

    Raises:
        DataError: If the workbook is damaged.
    """
    status = path.stat()
    return _find_sheet_facts(path, sheet, status.st_mtime_ns, status.st_size)


@lru_cache(16)
def _find_sheet_facts(path: Path, sheet: str, changed: int, size: int) -> SheetFacts:
    last = number = hidden = empty = 0
    merged: list[MergedCell] = []
    try:
        with zipfile.ZipFile(path) as archive:
            for piece, is_row in _split_rows(archive, _find_member(archive, sheet)):
                if not is_row:
                    merged += _read_merged(piece) if len(merged) < _MOST_MERGED else []
                    continue
                head = _ROW.search(piece)
                assert head is not None
                told = _NUMBER.search(head[1])
                before, number = number, int(told[1]) if told else number + 1
                if not before < number <= _MOST_ROWS:
                    raise ValueError(f"its row {number} comes after row {before}")
                if _VALUE.search(piece, head.end()):
                    last = max(last, number)
                    hidden += bool(_HIDDEN.search(head[1]))
                empty += len(_EMPTY_FORMULA.findall(piece)) if b"<f" in piece or b":f" in piece else 0
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, EOFError, ParseError, DefusedXmlException) as error:
        raise DataError(f"{path.name} is a damaged workbook: {error or type(error).__name__}") from None
    if last > _MOST_ROWS:
        raise DataError(f"{path.name} has a row {last:,}, beyond the last row that a sheet can have ({_MOST_ROWS:,})")
    return SheetFacts(last, hidden, empty, tuple(merged))


def _split_rows(archive: zipfile.ZipFile, member: str) -> Iterator[tuple[bytes, bool]]:
    """Give the XML of a sheet in pieces: each row, and what stands between and after the rows."""
    rest = b""
    with archive.open(member) as file:
        while more := file.read(_PIECE):
            rest += more
            at = 0
            while (head := _ROW.search(rest, at)) is not None:
                if head[2]:  # <row .../>
                    yield rest[head.start() : head.end()], True
                    at = head.end()
                    continue
                end = _ROW_END.search(rest, head.end())
                if end is None:
                    at = head.start()
                    break
                yield rest[head.start() : end.end()], True
                at = end.end()
            rest = rest[at:]
            if len(rest) > _LONGEST_ROW:
                raise ValueError(f"a row of more than {_LONGEST_ROW >> 20} MB")
            if at == 0 and b"mergeCell" in rest and not _ROW.search(rest):
                cut = rest.rfind(b">") + 1
                yield rest[:cut], False
                rest = rest[cut:]
    yield rest, False


def _read_merged(piece: bytes) -> list[MergedCell]:
    from openpyxl.utils import range_boundaries  # here: takes long to load

    found = []
    for match in _MERGED.finditer(piece):
        name = match[1].decode()
        column, row, last_column, last_row = range_boundaries(name)
        if None not in (column, row, last_column, last_row) and (last_row > row or last_column > column):
            found.append(MergedCell(name, row, column, last_row, last_column))
    return found


def _find_member(archive: zipfile.ZipFile, sheet: str) -> str:
    """Find the file of a sheet inside a workbook."""
    book = fromstring(archive.read("xl/workbook.xml"))
    relation = next(
        value
        for element in book.iter()
        if element.tag.endswith("}sheet") and element.get("name") == sheet
        for key, value in element.attrib.items()
        if key.endswith("}id")
    )
    for element in fromstring(archive.read("xl/_rels/workbook.xml.rels")).iter():
        if element.get("Id") == relation:
            target = str(element.get("Target"))
            return target.lstrip("/") if target.startswith("/") else posixpath.normpath(f"xl/{target}")
    raise KeyError(sheet)
