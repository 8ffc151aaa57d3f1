"""How results look on a terminal: plain aligned tables on standard output, notes on standard error."""

from __future__ import annotations

import csv
import os
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chem_vae.progress import Progress
    from pipeline.report.model import Report


def note(text: str) -> None:
    """A line for the person, not for the pipe."""
    print(text, file=sys.stderr, flush=True)


def next_command(text: str) -> None:
    """The line with which every command ends."""
    note(f"next: {text}")


def show_own_warnings() -> None:
    """Print each warning of our own as a sentence from now on, and no warning of a library."""
    from chem_vae.errors import ChemVAEWarning  # here: the tables of this module need nothing of chem_vae

    def show(message: Warning | str, category: type[Warning], *place: Any) -> None:
        if issubclass(category, ChemVAEWarning):
            note(f"warning: {message}")

    warnings.filterwarnings("always", category=ChemVAEWarning, append=True)
    warnings.showwarning = show  # type: ignore[assignment]


@contextmanager
def progress_shown(quiet: bool) -> Iterator[Progress]:
    """Progress on standard error, or none."""
    from chem_vae.progress import silent
    from pipeline.workspace.progress import show_progress

    if quiet:
        yield silent
        return
    with show_progress() as progress:
        yield progress


def where(workspace: Path) -> str:
    """The --workspace to be named in the next command, where it is not the one that would be taken anyway."""
    usual = Path(os.environ.get("CHEM_VAE_WORKSPACE", "workspace"))
    return "" if workspace == usual else f" --workspace {workspace}"


def table(rows: Iterable[Sequence[Any]], head: Sequence[str]) -> str:
    """Rows as aligned text: numbers to the right, the last column as wide as it is."""
    cells = [[_cell(value) for value in row] for row in rows]
    right = [bool(cells) and all(_is_number(row[i]) for row in cells) for i in range(len(head))]
    widths = [max(len(row[i]) for row in [list(head), *cells]) for i in range(len(head))]

    def line(row: Sequence[str]) -> str:
        return "  ".join(c.rjust(w) if r else c.ljust(w) for c, w, r in zip(row, widths, right, strict=True)).rstrip()

    return "\n".join([line(head), line(["-" * w for w in widths]), *map(line, cells)])


def candidates(path: Path, limit: int = 10, only: Sequence[str] | None = None) -> str:
    """The first candidates of a run's candidates.csv: score, values labelled computed or predicted, SMILES last.

    only: the properties to show; all when not given."""
    if not path.exists():
        return ""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row, _ in zip(csv.DictReader(file), range(limit), strict=False)]
    if not rows:
        return ""
    columns = [c for c in rows[0] if c.endswith(("_computed", "_predicted"))]
    if only is not None:
        columns = [c for c in columns if c.rpartition("_")[0] in only]
    head = ["rank", "score"]
    for column in columns:
        name, _, basis = column.rpartition("_")
        head.append(f"{name} ({basis})")
    shown = [
        [row.get("rank", ""), row.get("score", ""), *(_with_spread(row, c) for c in columns), row.get("smiles", "")]
        for row in rows
    ]
    return table(shown, [*head, "smiles"])


def reused(manifest: Path) -> str:
    """What a run had not to make again, from its manifest; an empty string where it made everything."""
    import json

    try:
        told = json.loads(manifest.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    parts = [(kind, told.get(kind) or {}) for kind in ("dataset", "model")]
    names = [f"{kind} {part.get('folder')}" for kind, part in parts if part.get("reused")]
    return f"reused: {' and '.join(names)} (made before from the same input and settings)" if names else ""


def summary(report: Report) -> str:
    """A report in a few lines: the funnel, requested against achieved, warnings."""
    from pipeline.report.tables import achieved_rows, funnel_rows

    lines = []
    if funnel := funnel_rows(report):
        rows = [
            (r["stage"], r["count"], f"of {r['of']}", "" if r["fraction"] is None else f"{r['fraction']:.1%}")
            for r in funnel
        ]
        lines += [table(rows, ("stage", "count", "", "share")), ""]
    if achieved := achieved_rows(report):
        head = [name.replace("absolute", "abs.") for name in achieved[0]]
        lines += [table([list(row.values()) for row in achieved], head), ""]
    lines += [f"warning: {warning}" for warning in report.warnings]
    return "\n".join(lines).rstrip("\n")


def _with_spread(row: Mapping[str, str], column: str) -> str:
    value, spread = _cell(row.get(column, "")), _cell(row.get(f"{column}_std", ""))
    return f"{value} ± {spread}" if value and spread else value


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        try:
            value = float(value) if any(c in value for c in ".en") else value
        except ValueError:
            return value
    if isinstance(value, float):
        return "" if value != value else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _is_number(text: str) -> bool:
    return not text.strip("0123456789.,-+%e± ")
