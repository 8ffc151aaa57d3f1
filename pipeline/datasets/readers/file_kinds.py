"""Tells the format of a file by its first bytes, and by the ending of its name where these leave it open."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

from chem_vae.errors import UserError
from pipeline.datasets.readers import READERS
from pipeline.datasets.readers.text_files import DAMAGED, open_binary, tell_encoding
from pipeline.workspace.remote.remote_files import LIST

JOINED = "several files"
"""The format of a list of files that are read as one."""
OWN_TEXT = ("csv", "tsv", "smi", "txt")
_RECORD = re.compile(r"^(M  END|\$\$\$\$)|(V2000|V3000)\s*$", re.MULTILINE)
_COUNTS = re.compile(r"[ \d]{6}.*V[23]000\s*", re.ASCII)
_OPEN_CELL = re.compile(r"(^|[,;\t|])\s*\"")
_SAVE = "save it as CSV (UTF-8) or .xlsx"
_REFUSED = (
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        f"a workbook of old Microsoft Office (.xls), or one with a password; {_SAVE}",
    ),
    (b"%PDF", "a PDF file; give the table itself, as CSV or .xlsx"),
    (b"{\\rtf", f"a text document (RTF); {_SAVE}"),
    (b"BZh", "packed with bzip2; unpack it first (bunzip2), or pack it with gzip"),
    (b"\xfd7zXZ\0", "packed with xz; unpack it first (unxz), or pack it with gzip"),
    (b"\x28\xb5\x2f\xfd", "packed with Zstandard; unpack it first (unzstd), or pack it with gzip"),
    (b"7z\xbc\xaf", "packed with 7-Zip; unpack it first"),
    (b"Rar!", "packed with RAR; unpack it first"),
    (b"\x89HDF", "an HDF5 file; write the table as CSV or Parquet"),
    (b'[{"', "a JSON file; write the table as CSV"),
    (b'{"', "a JSON file; write the table as CSV"),
    (b"SQLite format 3", "an SQLite database; export the table as CSV"),
)
_OTHER = {
    **dict.fromkeys((".mol2", ".pdb", ".pdbqt", ".xyz", ".cml", ".cif", ".cdx", ".cdxml", ".inchi", ".mae", ".rxn", ".rdf"),
                    "convert it to SDF or SMILES first (Open Babel: obabel FILE -O molecules.sdf)"),
    **dict.fromkeys((".json", ".jsonl", ".toml", ".yaml", ".yml", ".py", ".html", ".htm", ".md", ".tex", ".log"),
                    "write the molecules as CSV, .smi or .sdf"),
}  # fmt: skip
"""Endings of text files that hold no table."""
_MARKUP = re.compile(r"\s*(<!doctype html|<html|<table|<\?xml)", re.IGNORECASE)


def find_format(path: Path) -> str:
    """Find the format of a file by its first bytes; where they leave it open, by the ending of its name, .gz left out.

    Raises:
        UserError: If it is of no known format; the message says what to do.
    """
    if path.name.endswith(LIST):
        return JOINED
    suffixes, named = _list_suffixes(), find_named_format(path)
    if named is not None and named not in (*OWN_TEXT, "sdf", "parquet", "xlsx"):
        return named  # another package knows its own files
    start = _read_start(path)
    if start is None:
        if named is None:
            raise _unknown(path, suffixes)
        return named
    if start.startswith(b"PAR1"):
        return "parquet"
    if start.startswith(b"PK\x03\x04"):
        return _look_into_zip(path)
    for mark, told in _REFUSED:
        if start.startswith(mark):
            raise UserError(f"{path.name} is {told}")
    text = _decode(start)
    if _MARKUP.match(text) and named != "sdf":
        raise UserError(
            f"{path.name} is a web page or XML, whatever its name says; open it in a spreadsheet and {_SAVE}"
        )
    if named == "parquet":
        return named  # its reader says that it is damaged
    if _begins_with_mol_block(text) if named in ("csv", "tsv") else _RECORD.search(text):
        return "sdf"
    if named in OWN_TEXT:
        return str(named)
    if named == "sdf":
        return named if "M  " in text or not text.strip() else "txt"
    ending = Path(path.name.lower().removesuffix(".gz")).suffix
    if named is None and (remedy := _OTHER.get(ending)):
        raise UserError(f"cannot read molecules from {path.name}; {remedy}. Read are {', '.join(sorted(suffixes))}")
    if named is None and b"\0" in start and start.count(b"\0") < len(start) // 4:
        raise _unknown(path, suffixes)
    if named is None and ending and not _looks_like_text(start):
        raise _unknown(path, suffixes)
    return "txt"


def find_named_format(path: Path) -> str | None:
    """Find the format that the ending of a file's name says, .gz left out; None where it says none that is known."""
    name = path.name.lower().removesuffix(".gz")
    return next((kind for suffix, kind in _list_suffixes().items() if name.endswith(suffix)), None)


def _list_suffixes() -> dict[str, str]:
    return {suffix: kind for kind, reader in READERS.items() for suffix in reader.suffixes}


def _read_start(path: Path) -> bytes | None:
    """Read the first bytes, unpacked; None where there are none to read."""
    if not path.is_file():
        return None
    try:
        with open_binary(path) as file:
            return file.read(1 << 14) or None
    except (*DAMAGED, OSError):
        return None


def _look_into_zip(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError):
        if path.name.lower().endswith((".xlsx", ".xlsm")):
            raise UserError(f"{path.name} is a damaged workbook: it is cut, or was not copied whole") from None
        raise UserError(f"{path.name} is a ZIP archive that is damaged or packed twice; unpack it first") from None
    if "xl/workbook.xml" in names:
        return "xlsx"
    if "xl/workbook.bin" in names:
        raise UserError(f"{path.name} is a binary workbook (.xlsb); {_SAVE}")
    if "mimetype" in names and "content.xml" in names:
        raise UserError(f"{path.name} is a workbook or document of LibreOffice (.ods); {_SAVE}")
    if any(name.startswith("Index/") for name in names):
        raise UserError(f"{path.name} is a document of Apple Numbers; export it as CSV or .xlsx")
    inside = ", ".join(sorted(names)[:3])
    raise UserError(f"{path.name} is a ZIP archive (of {inside}); unpack it and give the file that holds the molecules")


def _decode(start: bytes) -> str:
    """Decode the first bytes of a file as its reader would, with `\\n` at the ends of lines."""
    return re.sub(r"\r\n?", "\n", start.decode(tell_encoding(start), "replace"))


def _begins_with_mol_block(text: str) -> bool:
    """Whether a file is an SDF, not a table with a mol block in a cell, which a quote opens above the counts line."""
    lines = text.split("\n", 4)
    return len(lines) > 4 and bool(_COUNTS.fullmatch(lines[3])) and not any(map(_OPEN_CELL.search, lines[:3]))


def _looks_like_text(start: bytes) -> bool:
    control = sum(byte < 9 or 13 < byte < 32 for byte in start)
    return control < len(start) / 100 or start.startswith((b"\xff\xfe", b"\xfe\xff"))


def _unknown(path: Path, suffixes: dict[str, str]) -> UserError:
    return UserError(
        f"cannot tell the format of {path.name}; name it as one of {', '.join(sorted(suffixes))}, plain or with .gz"
    )
