"""Reads SDF and mol files: every record is a row, its mol block and its data fields."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.chemistry.standardization.standardize import Rejection
from pipeline.datasets.readers import READERS, Hints, Layout, Row
from pipeline.datasets.readers.chiral_flags import count_chiral_flags
from pipeline.datasets.readers.text_files import describe_encoding, is_blank, read_lines, read_raw_lines
from pipeline.workspace.presentation.formatting import count_things

_LONGEST_RECORD = 100_000  # lines
_LARGEST_RECORD = 8_000_000  # characters
_END = "$$$$"
_COUNTS = re.compile(r"[ \d]{6}.*V[23]000\s*", re.ASCII)
_MOL_END = re.compile(r"M\s+END", re.ASCII)
# "> <name>", "> 25 <name> (17)": the parts that the CTfile formats allow around the name of a data field.
_PART = r"(?:\d+|DT\d+|\([^)<>]*\)|FROM ARCHIVES)"
_FIELD = re.compile(rf">(?=[\s<])\s*(?:{_PART}\s*)*<(.*)>\s*(?:{_PART}\s*)*", re.ASCII)
_NUMBERED_FIELD = re.compile(r">\s+(DT\d+)\s*", re.ASCII)
_PROPERTY = re.compile(r"(?:M  |A  |V  |G  |S  )")


@dataclass
class _Record:
    """The lines of a record up to now; of a record that is too long, the first ones."""

    lines: list[str] = field(default_factory=list)
    count: int = 0
    size: int = 0
    end: int | None = None
    """The place of its `M  END`."""
    blank: bool = True
    """Whether all its lines are blank."""
    last: deque[str] = field(default_factory=lambda: deque(maxlen=4))

    @property
    def too_long(self) -> str:
        """The reason why the record is too long, or ""."""
        if self.count > _LONGEST_RECORD:
            return f"a record of {self.count:,} lines, more than {_LONGEST_RECORD:,}"
        if self.size > _LARGEST_RECORD:
            return f"a record of {self.size:,} characters, more than {_LARGEST_RECORD:,}"
        return ""

    def add(self, line: str) -> None:
        """Add a line."""
        if self.end is None and _MOL_END.match(line):
            self.end = self.count
        self.blank = self.blank and is_blank(line)
        self.count += 1
        self.size += len(line)
        self.last.append(line)
        if not self.too_long:
            self.lines.append(line)

    def begins_next(self, line: str) -> bool:
        """Whether a line is the fourth of another mol block, which is not the value of a data field."""
        if self.end is None or not _COUNTS.fullmatch(line):
            return False
        return not (self.count - self.end > 4 and _FIELD.fullmatch(self.last[0]))

    def split(self) -> _Record:
        """Take the header (up to three lines) of the next mol block off the end of this record."""
        assert self.end is not None
        taken = min(3, self.count - self.end - 1)
        header = list(self.last)[len(self.last) - taken :]
        if not self.too_long:
            del self.lines[len(self.lines) - taken :]
        following = _Record()
        for line in [""] * (3 - taken) + header:
            following.add(line)
        return following


@dataclass
class _Found:
    """Counts of the unusual records of a file, for the notes."""

    joined: int = 0
    unended: int = 0
    doubled: int = 0
    example: str = ""
    stray: int = 0
    drawings: int = 0

    def list_notes(self) -> list[str]:
        """Write a sentence for each kind."""
        notes = []
        if self.joined:
            notes.append(
                f"{count_things(self.joined, 'record', 'ends', 'end')} without `{_END}`; the mol block after each begins the next row"
            )
        if self.unended:
            notes.append(
                f"{count_things(self.unended, 'record', 'has', 'have')} no `M  END`; what is read ends with the last bond or property line"
            )
        if self.doubled:
            notes.append(
                f"{count_things(self.doubled, 'record', 'has', 'have')} a data field several times with different values (such as "
                f"{self.example!r}); the values were put on lines of one field"
            )
        if self.stray:
            notes.append(
                f"{count_things(self.stray, 'record', 'has', 'have')} text before the first data field, which was left out"
            )
        if self.drawings:
            notes.append(
                f"{count_things(self.drawings, 'data field', 'holds', 'hold')} a mol block, which was read as the value of the field, not as a molecule"
            )
        return notes


class SDFReader:
    """Reads SDF and mol files, V2000 and V3000. A row holds the data fields by name, and the title line as `title`."""

    suffixes: tuple[str, ...] = (".sdf", ".sd", ".mol", ".mdl")
    line_based = False

    def find_layout(self, path: Path, hints: Hints) -> Layout:
        """Return a layout without columns: which fields a record has is only known when it has been read."""
        notes = describe_encoding(path, hints.encoding)
        fields: dict[str, None] = {}
        flagged, unflagged = count_chiral_flags(_note_fields(read_lines(path, [], hints.encoding), fields))
        return Layout(
            notes=tuple(notes), encoding=hints.encoding, flagged=flagged, unflagged=unflagged, fields=tuple(fields)
        )

    def read_rows(self, path: Path, layout: Layout, notes: list[str]) -> Iterator[Row | Rejection]:
        """Read every record up to its `$$$$`, or up to the next mol block; the last one may lack both, or be cut."""
        row, record, found = 0, _Record(), _Found()
        for line in read_lines(path, notes, layout.encoding):
            if isinstance(line, Rejection):
                yield Rejection(row, record.lines[0] if record.lines else "", "read", line.reason)
                return
            if _is_end(line):
                yield _read_record(row, record, found)
                row, record = row + 1, _Record()
            elif record.begins_next(line):
                following = record.split()
                found.joined += 1
                yield _read_record(row, record, found)
                row, record = row + 1, following
                record.add(line)
            else:
                record.add(line)
        if not record.blank:
            if record.end is not None or record.too_long:
                yield _read_record(row, record, found)
            else:
                notes.append("the file is cut: its last record has no end")
                yield Rejection(row, "\n".join(record.lines), "read", "the file is cut in the middle of this record")
        notes += found.list_notes()

    def count_rows(self, path: Path, layout: Layout) -> int:
        """Count the lines that end a record, and the mol blocks that begin without such a line before them."""
        count, pending, ended = 0, False, False
        before: deque[str] = deque(maxlen=4)
        for line in read_raw_lines(path, layout.encoding):
            if isinstance(line, Rejection):
                return count + 1
            if _is_end(line):
                count, pending, ended = count + 1, False, False
            elif ended and _COUNTS.fullmatch(line) and not (len(before) == 4 and _FIELD.fullmatch(before[0])):
                count, ended = count + 1, False
            elif not ended and line.startswith("M") and _MOL_END.match(line):
                ended = pending = True
                before.clear()
            else:
                pending = pending or not is_blank(line)
                before.append(line)
        return count + pending


def _note_fields(lines: Iterator[str | Rejection], fields: dict[str, None]) -> Iterator[str | Rejection]:
    """Hand the lines of a file on, and note the names of its data fields, each once: their lines may number the record."""
    for line in lines:
        if isinstance(line, str) and line.startswith(">") and (match := _FIELD.fullmatch(line)):
            fields[_name_field(match)] = None
        yield line


def _name_field(match: re.Match[str]) -> str:
    return match[1].strip() or "unnamed"


def _is_end(line: str) -> bool:
    return line.startswith(_END) and is_blank(line[len(_END) :])


def _read_record(row: int, record: _Record, found: _Found) -> Row | Rejection:
    lines = record.lines
    if record.too_long:
        return Rejection(row, lines[0] if lines else "", "read", record.too_long)
    end = record.end
    if end is None:
        end = _find_end(lines)
        if end is None:
            return Rejection(row, "\n".join(lines), "read", "a record without `M  END`")
        found.unended += 1
        block, data = [*lines[:end], "M  END"], lines[end:]
    else:
        block, data = [*lines[:end], "M  END"], lines[end + 1 :]
    cells: dict[str, str | None] = {"title": lines[0].strip()} if lines[0].strip() else {}
    stray = _read_fields(data, cells, found)
    if any(_MOL_END.match(line) for line in stray):
        return Rejection(row, "\n".join(lines), "read", "a record with two mol blocks and no `$$$$` between them")
    found.stray += bool(stray)
    found.drawings += sum(_COUNTS.fullmatch(line) is not None for line in data if "000" in line)
    return row, "\n".join(block), cells


def _find_end(lines: list[str]) -> int | None:
    """Find the place where `M  END` should be, if the atoms, bonds and properties before it are all there."""
    if len(lines) < 4 or not lines[3][:6].replace(" ", "").isdigit() or "V3000" in lines[3]:
        return None
    atoms, bonds = (int(lines[3][i : i + 3].strip() or 0) for i in (0, 3))
    end = 4 + atoms + bonds
    if end > len(lines) or any(is_blank(line) or line.startswith(">") for line in lines[4:end]):
        return None
    while end < len(lines) and _PROPERTY.match(lines[end]):
        end += 2 if lines[end].startswith(("A  ", "G  ")) else 1
    if end < len(lines) and not is_blank(lines[end]) and not lines[end].startswith(">"):
        return None
    return end


def _read_fields(lines: list[str], cells: dict[str, str | None], found: _Found) -> list[str]:
    """Read the data fields of a record into `cells`.

    A line that begins with ">" is the name of a field where it has the form of one ("> <name>"); otherwise it is a line of
    the value. Returns the lines that belong to no field.
    """
    stray: list[str] = []
    name: str | None = None
    value: list[str] = []
    is_open = False

    def close() -> None:
        if name is None:
            return
        text = "\n".join(value) if value else None
        if cells.get(name) is None:
            cells[name] = text
        elif text is not None and text != cells[name]:
            cells[name] = f"{cells[name]}\n{text}"
            found.doubled += 1
            found.example = found.example or name

    for line in lines:
        match = _FIELD.fullmatch(line) if line.startswith(">") else None
        if match is None and line.startswith(">") and not is_open:
            match = _NUMBERED_FIELD.fullmatch(line)
        if match is not None:
            close()
            name, value, is_open = _name_field(match), [], True
        elif is_blank(line):
            is_open = False
        elif name is None:
            stray.append(line)
        else:
            value.append(line)
    close()
    return stray


READERS.add("sdf", SDFReader())
