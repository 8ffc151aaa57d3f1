"""Opens text files, packed or not and in any encoding, and gives their lines."""

from __future__ import annotations

import codecs
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from chem_vae.errors import DataError, UserError
from pipeline.chemistry.standardization.standardize import Rejection
from pipeline.workspace.presentation.formatting import count_things

DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile)
"""The errors of a damaged gzip file."""
_LOOK = 4_096  # bytes that show an encoding
_BLANK = " \t\v\f\r\n"
LONGEST_LINE = 1 << 20
"""Characters; the rest of a longer line is left out, since no row is so long."""
_MAC_LETTER, _LATIN_LETTER = re.compile(rb"[A-Za-z][\x80-\x9f][a-z]"), re.compile(rb"[A-Za-z][\xc0-\xff][a-z]")
_LONGEST_GAP = 1_000_000  # blank lines one after the other
_FREE_SIZE = 1 << 28  # bytes that a packed file may hold, however small it is
_GREATEST_RATIO = 100  # of unpacked to packed bytes, beyond that; text packs to a tenth or a twentieth
_WINDOWS_BYTES = re.compile(rb"[\x80-\x9f]")  # characters in Windows-1252, unused control codes in Latin-1


def open_binary(path: Path) -> IO[bytes]:
    """Open a file, unpacked where its first two bytes are those of gzip, whatever its name says."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if packed else path.open("rb")  # type: ignore[return-value]


def is_blank(line: str) -> bool:
    """Whether a line holds nothing but white space."""
    return not line.strip(_BLANK)


def check_ratio(path: Path, unpacked: int) -> None:
    """Check that a packed file does not unpack to far more than a table can.

    Args:
        path: The packed file.
        unpacked: The bytes that were unpacked up to now.

    Raises:
        DataError: If it does.
    """
    if unpacked > _FREE_SIZE and unpacked > _GREATEST_RATIO * path.stat().st_size:
        raise DataError(
            f"{path.name} unpacks to more than {_GREATEST_RATIO} times its size of {path.stat().st_size:,} bytes, as no "
            "table does; unpack it, or write it as CSV, if it is meant to be so"
        )


class _WholeBytes(io.RawIOBase):
    """The bytes of a file up to its end or to where it is damaged; `damage` then says how."""

    def __init__(self, file: IO[bytes], path: Path) -> None:
        self._file, self._path, self.damage, self._read = file, path, "", 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._file.read1(len(buffer))  # type: ignore[attr-defined]  # files and gzip files have it
        except DAMAGED as error:
            self.damage = str(error) or type(error).__name__
            return 0
        buffer[: len(data)] = data
        self._read += len(data)
        if self._read > _FREE_SIZE:
            check_ratio(self._path, self._read)
        return len(data)


@contextmanager
def _open_text(path: Path, encoding: str, errors: str) -> Iterator[tuple[io.TextIOWrapper, _WholeBytes]]:
    with open_binary(path) as file:
        whole = _WholeBytes(file, path)
        yield io.TextIOWrapper(io.BufferedReader(whole), encoding=encoding, errors=errors), whole


def find_encoding(path: Path, told: str | None = None) -> str:
    """Find the encoding of a text file: the one that the user gives, or what its first bytes show.

    Args:
        path: The file.
        told: The name of an encoding that the user gives.

    Returns:
        A name that Python knows; "utf-8-sig" where nothing shows another one.

    Raises:
        DataError: If the file is damaged from its beginning on.
        UserError: If Python knows no text encoding of that name.
    """
    if told is not None:
        try:
            "a".encode(told)
        except (LookupError, UnicodeError):
            raise UserError(
                f"there is no encoding {told!r}; give one such as utf-8, windows-1252, latin-1, mac-roman, utf-16, gb18030"
            ) from None
        return "utf-8-sig" if told.casefold().replace("_", "-") in ("utf-8", "utf8") else told
    with open_binary(path) as file:
        try:
            start = file.read(_LOOK)
        except DAMAGED as error:
            raise DataError(f"{path.name} is damaged from its beginning on: {error}") from None
    return tell_encoding(start)


def tell_encoding(start: bytes) -> str:
    """Tell the encoding of a text by its first bytes; "utf-8-sig" where they show no other one."""
    start = start[:_LOOK]
    for mark, encoding in (
        (b"\xff\xfe\0\0", "utf-32"),
        (b"\0\0\xfe\xff", "utf-32"),
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
    ):
        if start.startswith(mark):
            return encoding
    even, odd = start[0::2].count(0), start[1::2].count(0)
    half = len(start) // 2
    if half > 1 and odd > 0.8 * half and even < 0.1 * half:
        return "utf-16-le"
    if half > 1 and even > 0.8 * half and odd < 0.1 * half:
        return "utf-16-be"
    return "utf-8-sig"


def describe_encoding(path: Path, told: str | None = None) -> list[str]:
    """Say in a sentence which encoding a text file is read in, where that is not plain; takes and raises what `find_encoding` does."""
    encoding = find_encoding(path, told)
    return [] if encoding in ("utf-8-sig", "utf-16") else [f"the file was read as {encoding.upper()}"]


def read_lines(path: Path, notes: list[str], encoding: str | None = None) -> Iterator[str | Rejection]:
    """Read the lines of a file without their ends.

    Args:
        path: The file.
        notes: Gets a sentence where lines are not in the file's encoding, or where the file is cut.
        encoding: Its encoding; when not given, UTF-8 or UTF-16 as its first bytes show, and a line that is no UTF-8 is taken as
            Windows-1252, which has all characters of Latin-1, or as Mac Roman where lines end as on old Macs.

    Yields:
        The lines; where the file is cut, a rejection for the line that is cut, or for what would have come next.

    Raises:
        DataError: If the file is damaged from its beginning on.
        UserError: If Python knows no such encoding.
    """
    found = find_encoding(path, encoding)
    is_guess = encoding is None and found == "utf-8-sig"
    other = _Fallback(_is_mac_roman(path) if is_guess else False)
    broken, cut = 0, ""
    with _open_text(path, found, "surrogateescape" if is_guess else "replace") as (text, whole):
        for line in _whole_lines(text, path):
            if whole.damage and not line.endswith("\n"):
                cut = line
                break
            line = line.removesuffix("\n")[:LONGEST_LINE]
            if not line.isascii():
                if is_guess:
                    line = other.decode(line)
                else:
                    line = line.encode("utf-8", "replace").decode("utf-8")
                    broken += "\ufffd" in line
            yield line
        notes += other.notes
        if broken:
            notes.append(
                f"{count_things(broken, 'line', 'holds', 'hold')} characters that are not {found.upper()}; they were read as \ufffd"
            )
        if whole.damage:
            notes.append(f"the file is cut: {whole.damage}")
            yield Rejection(-1, cut, "read", f"the file is cut here: {whole.damage}")


class _Fallback:
    """Decodes lines that are no UTF-8, and says which encoding was taken for them."""

    def __init__(self, is_mac: bool) -> None:
        self._is_mac, self._count, self._example, self._windows = is_mac, 0, "", False

    def decode(self, line: str) -> str:
        """Return a line as it is, or from its bytes where they are no UTF-8."""
        try:
            line.encode("utf-8")
            return line
        except UnicodeEncodeError:
            raw = line.encode("utf-8", "surrogateescape")
        self._count += 1
        self._windows = self._windows or bool(_WINDOWS_BYTES.search(raw))
        text = raw.decode("mac-roman" if self._is_mac else "windows-1252", "chem-vae-latin-1")
        self._example = self._example or next((word for word in text.split() if not word.isascii()), "")[:30]
        return text

    @property
    def notes(self) -> list[str]:
        """A sentence, where lines were decoded."""
        if not self._count:
            return []
        name = "Mac Roman" if self._is_mac else "Windows-1252" if self._windows else "Latin-1"
        return [
            f"{self._count:,} {'line is' if self._count == 1 else 'lines are'} not UTF-8 and "
            f"{'was' if self._count == 1 else 'were'} read as {name}, such as {self._example!r}; "
            "set `encoding` (--encoding) if that is wrong"
        ]


def _take_as_latin_1(error: UnicodeError) -> tuple[str, int]:
    """Read the five bytes that Windows-1252 does not define as Latin-1 does."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("latin-1"), error.end


codecs.register_error("chem-vae-latin-1", _take_as_latin_1)


def _is_mac_roman(path: Path) -> bool:
    """Whether lines end with a carriage return alone, and letters are spelled as old Macs spelled them."""
    with open_binary(path) as file:
        try:
            start = file.read(1 << 16)
        except DAMAGED:
            return False
    has_mac_lines = b"\r" in start and b"\n" not in start
    return has_mac_lines and bool(_MAC_LETTER.search(start)) and not _LATIN_LETTER.search(start)


def count_lines(path: Path, encoding: str | None = None) -> int:
    """Count the lines of a file up to the last one that is not blank; where it is cut, up to the cut, the line that is cut
    or would have come next included."""
    count = last = 0
    line = ""
    with _open_text(path, *_choose_fast_encoding(path, encoding)) as (text, whole):
        for line in _whole_lines(text, path):
            count += 1
            if not is_blank(line):
                last = count
        if whole.damage:
            return count + (not line or line.endswith("\n"))
    return last


def read_raw_lines(path: Path, encoding: str | None = None) -> Iterator[str | Rejection]:
    """Read the lines of a file without their ends and without telling its encoding, which is enough to count records.

    Args:
        path: The file.
        encoding: Its encoding, where the user gives it.

    Yields:
        The lines; where the file is cut, a rejection for the line that is cut, or for what would have come next.
    """
    with _open_text(path, *_choose_fast_encoding(path, encoding)) as (text, whole):
        for line in _whole_lines(text, path):
            if whole.damage and not line.endswith("\n"):
                break
            yield line.removesuffix("\n")[:LONGEST_LINE]
        if whole.damage:
            yield Rejection(-1, "", "read", f"the file is cut here: {whole.damage}")


def _choose_fast_encoding(path: Path, told: str | None) -> tuple[str, str]:
    """Return an encoding that is enough to tell lines and ASCII characters."""
    found = find_encoding(path, told)
    return (found, "replace") if told or found != "utf-8-sig" else ("latin-1", "strict")


def _whole_lines(text: io.TextIOWrapper, path: Path) -> Iterator[str]:
    """Give each line once, with its end, and without the middle of one that is too long to be a row.

    Raises:
        DataError: If the file has a gap of more blank lines than anybody leaves.
    """
    gap = 0
    while line := text.readline(LONGEST_LINE):
        if line == "\n":
            gap += 1
            if gap > _LONGEST_GAP:
                raise DataError(f"{path.name} has more than {_LONGEST_GAP:,} empty lines one after the other")
        else:
            gap = 0
        piece = line
        while len(piece) == LONGEST_LINE and not piece.endswith("\n"):
            piece = text.readline(LONGEST_LINE)
        yield line if piece is line else line + piece
