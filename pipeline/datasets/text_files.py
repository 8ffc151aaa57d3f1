"""Opens text files, packed or not and in any encoding, and gives their lines."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from chem_vae.errors import DataError
from pipeline.chemistry.standardize import Rejection

DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile)
"""The errors of a damaged gzip file."""
_BLANK = " \t\v\f\r\n"
_LONGEST_LINE = 1 << 20  # characters: the rest of a longer line is left out, since no row is so long


def open_binary(path: Path) -> IO[bytes]:
    """Open a file, unpacked where its first two bytes are those of gzip, whatever its name says."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if packed else path.open("rb")  # type: ignore[return-value]


def is_blank(line: str) -> bool:
    """Whether a line holds nothing but white space."""
    return not line.strip(_BLANK)


class _WholeBytes(io.RawIOBase):
    """The bytes of a file up to its end or to where it is damaged; `damage` then says how."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.damage = file, ""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._file.read1(len(buffer))  # type: ignore[attr-defined]  # files and gzip files have it
        except DAMAGED as error:
            self.damage = str(error) or type(error).__name__
            return 0
        buffer[: len(data)] = data
        return len(data)


@contextmanager
def _open_text(path: Path, encoding: str, errors: str) -> Iterator[tuple[io.TextIOWrapper, _WholeBytes]]:
    with open_binary(path) as file:
        whole = _WholeBytes(file)
        yield io.TextIOWrapper(io.BufferedReader(whole), encoding=encoding, errors=errors), whole


def _is_utf16(path: Path) -> bool:
    with open_binary(path) as file:
        try:
            return file.read(2) in (b"\xff\xfe", b"\xfe\xff")
        except DAMAGED as error:
            raise DataError(f"{path.name} is damaged from its beginning on: {error}") from None


def read_lines(path: Path, notes: list[str]) -> Iterator[str | Rejection]:
    """Read the lines of a file without their ends.

    Args:
        path: The file, in UTF-8 or UTF-16; a line that is not is taken as Latin-1.
        notes: Gets a sentence where lines were taken as Latin-1, or where the file is cut.

    Yields:
        The lines; where the file is cut, a rejection for the line that is cut, or for what would have come next.

    Raises:
        DataError: If the file is damaged from its beginning on.
    """
    wide = _is_utf16(path)
    encoding, errors = ("utf-16", "replace") if wide else ("utf-8-sig", "surrogateescape")
    latin, cut = 0, ""
    with _open_text(path, encoding, errors) as (text, whole):
        for line in _whole_lines(text):
            if whole.damage and not line.endswith("\n"):
                cut = line
                break
            line = line.removesuffix("\n")[:_LONGEST_LINE]
            if not line.isascii():
                try:
                    line.encode("utf-8")
                except UnicodeEncodeError:
                    raw = line.encode("utf-8", "replace" if wide else "surrogateescape")
                    line = raw.decode("utf-8" if wide else "latin-1")
                    latin += 1
            yield line
        if latin:
            notes.append(f"{latin} lines are not {encoding.removesuffix('-sig').upper()} and were read as Latin-1")
        if whole.damage:
            notes.append(f"the file is cut: {whole.damage}")
            yield Rejection(-1, cut, "read", f"the file is cut here: {whole.damage}")


def count_lines(path: Path) -> int:
    """Count the lines of a file up to the last one that is not blank; where it is cut, up to the cut, the line that is cut
    or would have come next included."""
    count = last = 0
    line = ""
    with _open_text(path, *_fast_encoding(path)) as (text, whole):
        for line in _whole_lines(text):
            count += 1
            if not is_blank(line):
                last = count
        if whole.damage:
            return count + (not line or line.endswith("\n"))
    return last


def read_raw_lines(path: Path) -> Iterator[str | Rejection]:
    """Read the lines of a file without their ends and without telling its encoding, which is enough to count records.

    Yields:
        The lines; where the file is cut, a rejection for the line that is cut, or for what would have come next.
    """
    with _open_text(path, *_fast_encoding(path)) as (text, whole):
        for line in _whole_lines(text):
            if whole.damage and not line.endswith("\n"):
                break
            yield line.removesuffix("\n")[:_LONGEST_LINE]
        if whole.damage:
            yield Rejection(-1, "", "read", f"the file is cut here: {whole.damage}")


def _fast_encoding(path: Path) -> tuple[str, str]:
    """Return an encoding that is enough to tell lines and ASCII characters."""
    return ("utf-16", "replace") if _is_utf16(path) else ("latin-1", "strict")


def _whole_lines(text: io.TextIOWrapper) -> Iterator[str]:
    """Give each line once, with its end, and without the middle of one that is too long to be a row."""
    while line := text.readline(_LONGEST_LINE):
        piece = line
        while len(piece) == _LONGEST_LINE and not piece.endswith("\n"):
            piece = text.readline(_LONGEST_LINE)
        yield line if piece is line else line + piece
