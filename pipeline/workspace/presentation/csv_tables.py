"""Writes and reads CSV tables so that a spreadsheet program never takes a text for a formula.

A text that begins with `=`, `+`, `-`, `@`, a tab or a carriage return is a formula to Excel and LibreOffice, which may start a
program. Such a text is written with an apostrophe before it; numbers such as -5.2 stay as they are, and so does every SMILES,
since none begins with these characters. A reader of this project takes the apostrophe away again.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd  # here: loads pandas, which the list of commands does without

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_ESCAPED = re.compile(r"'+[=+\-@\t\r]")
_QUOTED_SIGN = re.compile(r"'.'")  # as ChEMBL writes relations: '='
_NUMBER = re.compile(r"[-+]?(\d[\d.,]*|\.\d+)([eE][-+]?\d+)?%?|[-+]?(inf|nan)", re.IGNORECASE)


def escape_formula(cell: Any) -> Any:
    """Put an apostrophe before a text that a spreadsheet would take for a formula; anything else stays as it is.

    >>> escape_formula("=1+2"), escape_formula("-5.2"), escape_formula("CCO")
    ("'=1+2", '-5.2', 'CCO')
    """
    if isinstance(cell, str) and _FORMULA.match(cell) and not _NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell


def restore_formula(cell: str) -> str:
    """Take away the apostrophe that `escape_formula` has put before a text."""
    return cell[1:] if cell[:1] == "'" and _ESCAPED.match(cell) and not _QUOTED_SIGN.fullmatch(cell) else cell


def format_csv(table: pd.DataFrame, index: bool = False) -> str:
    """Return a table as the text of a CSV file that is safe to open in a spreadsheet.

    Args:
        table: The table; names of columns are made safe as its texts are.
        index: Whether the index is written as the first column.
    """
    import pandas as pd  # here: loads pandas, which the list of commands does without

    safe = table.rename(columns=escape_formula)
    if index:
        safe = safe.rename(index=escape_formula)
    quoting: Any = csv.QUOTE_MINIMAL
    for at, kind in enumerate(safe.dtypes):
        if kind.kind not in "biufM":
            cells = [escape_formula(cell) for cell in safe.iloc[:, at]]
            safe.isetitem(at, pd.Series(cells, safe.index, object).array)
            if any(isinstance(cell, str) and "\r" in cell for cell in cells):
                quoting = csv.QUOTE_NONNUMERIC  # Python does not quote a carriage return by itself
    return str(safe.to_csv(index=index, lineterminator="\n", quoting=quoting))


def read_csv_rows(path: Path) -> Iterator[dict[str, str]]:
    """Read the rows of a CSV file that `format_csv` has written, each as text by column."""
    with path.open(encoding="utf-8", newline="") as file:
        lines = csv.reader(file)
        names = [restore_formula(name) for name in next(lines, [])]
        for cells in lines:
            yield dict(zip(names, map(restore_formula, cells), strict=False))


def read_csv(path: Path, **options: Any) -> pd.DataFrame:
    """Read a CSV file that `format_csv` has written as a table.

    Args:
        path: The file.
        **options: More arguments of `pandas.read_csv`.
    """
    import pandas as pd  # here: loads pandas, which the list of commands does without

    table = pd.read_csv(path, **options).rename(columns=restore_formula)
    for at, kind in enumerate(table.dtypes):
        if kind.kind not in "biufM":
            table.isetitem(at, table.iloc[:, at].map(lambda c: restore_formula(c) if isinstance(c, str) else c))
    return table
