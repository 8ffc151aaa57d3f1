"""Formats results for a terminal: plain aligned tables on standard output, notes on standard error."""

from __future__ import annotations

import itertools
import json
import os
import re
import shlex
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chem_vae.errors import ChemVAEWarning
from chem_vae.progress import silent
from pipeline.workspace.presentation.csv_tables import read_csv_rows
from pipeline.workspace.presentation.formatting import (
    choose_column_decimals,
    format_plain,
    format_plain_spread,
    format_probability,
)
from pipeline.workspace.progress.bars import show_progress as show_on_terminal
from pipeline.workspace.remote.redaction import redact
from pipeline.workspace.run_log import add_to_log, log_progress, write_time

_FIGURE = re.compile(r"([<>≈]\s*)?(-?[\d,]+(\.\d+)?(e-?\d+)?( ± [\d.,e-]+)?\s*%?)?")
LONGEST_NAME = 30
"""Characters of the longest cell in a column of a library that the table of candidates shows."""

if TYPE_CHECKING:
    from chem_vae.progress import Progress
    from pipeline.report.model import Report
    from pipeline.report.shown_properties import ValueColumn


def note(text: str) -> None:
    """Print a line for the person, not for the pipe, without the secrets that an address may hold."""
    print(redact(text), file=sys.stderr, flush=True)


def log(text: str) -> None:
    """Print a line of the log, which the run folder gets too; with the time where standard error is not a terminal."""
    add_to_log(text.removeprefix("warning: "), "warning" if text.startswith("warning: ") else "info")
    note(text if sys.stderr.isatty() else f"{write_time()} {text}")


def suggest_command(text: str, *words: Any, model: str | None = None, workspace: Path | None = None) -> None:
    """Print the next command, as `write_command` writes it; every command ends with it."""
    note(f"next: {write_command(text, *words, model=model, workspace=workspace)}")


def write_command(text: str, *words: Any, model: str | None = None, workspace: Path | None = None) -> str:
    """Write a command that a shell takes as it is: each {} is a word, quoted where it needs it.

    >>> write_command("chem-vae screen {} --maximize {}", "my.csv", "pIC50 (µM)", model="first one")
    "chem-vae screen my.csv --maximize 'pIC50 (µM)' --model 'first one'"

    Args:
        text: The command, with {} in the place of each word.
        words: The words: names, paths and values.
        model: The --model; nothing where it would be taken anyway.
        workspace: The --workspace; nothing where it would be taken anyway.
    """
    chosen = "" if model in (None, "latest") else f" --model {shlex.quote(str(model))}"
    return text.format(*(shlex.quote(str(word)) for word in words)) + chosen + name_workspace(workspace)


def show_own_warnings() -> set[str]:
    """Print each warning of our own as a sentence from now on, and no warning of a library.

    Returns:
        The texts that have been printed, to which each further one is added.
    """
    said: set[str] = set()

    def show(message: Warning | str, category: type[Warning], *place: Any) -> None:
        if issubclass(category, ChemVAEWarning):
            said.add(str(message))
            log(f"warning: {message}")

    warnings.filterwarnings("always", category=ChemVAEWarning, append=True)
    warnings.showwarning = show  # type: ignore[assignment]
    return said


@contextmanager
def show_progress(quiet: bool) -> Iterator[Progress]:
    """Show progress on standard error, or none where it should be quiet."""
    if quiet:
        yield log_progress(silent)
        return
    with show_on_terminal() as progress:
        yield log_progress(progress)


def name_workspace(workspace: Path | None) -> str:
    """Return the --workspace for the next command; nothing where it would be taken anyway."""
    usual = Path(os.environ.get("CHEM_VAE_WORKSPACE", "workspace"))
    return "" if workspace in (None, usual) else f" --workspace {shlex.quote(str(workspace))}"


def format_table(rows: Iterable[Sequence[Any]], head: Sequence[str]) -> str:
    """Align rows below their head: numbers with three digits and to the right, nothing for None and NaN."""
    from tabulate import tabulate  # here: --help does without it

    cells = [[_write_cell(value) for value in row] for row in rows]
    sides = ["right" if all(_is_figure(row[i]) for row in cells) else "left" for i in range(len(head))]
    return str(tabulate(cells, head, disable_numparse=True, colalign=sides if cells else None))


def _write_cell(value: Any) -> str:
    if value is None or value != value:
        return ""
    return format_plain(value) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def _is_figure(cell: str) -> bool:
    """Whether a cell is empty or a number, also with its deviation, unit of share or sign of order."""
    return _FIGURE.fullmatch(cell) is not None


def format_candidates(
    path: Path, limit: int = 10, only: Sequence[str] | None = None, report: Report | None = None
) -> str:
    """Format the first candidates of a run: score, chance of a hit, values with unit and basis, what is unusual, SMILES last.

    A score that is the value of a property is not shown twice. Of a library's own columns the first with short cells is shown,
    as its number in a catalogue.

    Args:
        path: The run's candidates.csv.
        limit: How many candidates at most.
        only: The properties to show; all when not given.
        report: The run's report, which knows units, bases and a library's columns.
    """
    if not path.exists():
        return ""
    rows = list(itertools.islice(read_csv_rows(path), limit))
    if not rows:
        return ""
    odd = [bool(row.get("unusual")) for row in rows]
    from pipeline.report.model import Report  # here: --help does without pydantic
    from pipeline.report.shown_properties import describe_score, list_value_columns

    report = report or Report()
    library = report.library.columns if report.library else ()
    columns = [c for c in list_value_columns(rows[0], report) if only is None or c.property.name in only]
    named = [name for name in library if 0 < max(len(row.get(name, "")) for row in rows) <= LONGEST_NAME][:1]
    decimals = {c.column: _choose_decimals(rows, c) for c in columns}
    scored = [] if describe_score(report).is_value else ["score"]
    chances = ["hit_probability"] if any(row.get("hit_probability") for row in rows) else []
    shown = [
        [
            row.get("rank", ""),
            *(row.get(name, "") for name in named),
            *(_add_spread(row, name) for name in scored),
            *(_write_chance(row.get(name)) for name in chances),
            *(_add_spread(row, name, places) for name, places in decimals.items()),
        ]
        + [row.get("unusual", "")] * any(odd)
        + [row.get("smiles", "")]
        for row in rows
    ]
    heads = [c.write_head() for c in columns]
    return format_table(
        shown, ["rank", *named, *scored, *["chance of a hit"] * len(chances), *heads, *["unusual"] * any(odd), "smiles"]
    )


def explain_reuse(manifest: Path) -> str:
    """Say what a run did not have to make again, from its manifest; nothing where it made everything."""
    names = list_reused(manifest)
    return f"reused: {' and '.join(names)} (made before from the same input and settings)" if names else ""


def list_reused(manifest: Path) -> list[str]:
    """List the dataset and the model that a run did not have to make again, from its manifest."""
    try:
        told = json.loads(manifest.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    parts = [(kind, told.get(kind) or {}) for kind in ("dataset", "model")]
    return [f"{kind} {part.get('folder')}" for kind, part in parts if part.get("reused")]


def format_summary(report: Report) -> str:
    """Format a report in a few lines: the funnel, requested against achieved, warnings."""
    # here: --help does without them
    from pipeline.report.read_first import split_warnings
    from pipeline.report.tables import (
        describe_hits,
        describe_news,
        describe_novelty,
        describe_refusals,
        describe_unusual,
        list_achieved_rows,
        list_funnel_rows,
        list_warnings,
    )

    lines = [f"data: {report.dataset.summary}", ""] if report.dataset.summary else []
    if report.library:
        more = f"; the unreadable rows: {report.library.rejected_file}" if report.library.rejected_file else ""
        lines += [f"library: {report.library.summary}{more}", ""]
    if funnel := list_funnel_rows(report):
        rows = [
            (
                r["stage"],
                r["count"],
                f"of {r['of']:,}" if r["of"] is not None else "",
                "" if r["fraction"] is None else f"{r['fraction']:.1%}",
            )
            for r in funnel
        ]
        lines += [format_table(rows, ("stage", "count", "", "share")), ""]
    if told := [text for text in (describe_novelty(report), describe_news(report)) if text]:
        lines += [*told, ""]
    if refused := describe_refusals(report):
        lines += [refused, ""]
    if achieved := list_achieved_rows(report):
        head = [name.replace("absolute", "abs.") for name in achieved[0]]
        lines += [format_table([list(row.values()) for row in achieved], head), ""]
    if promised := describe_hits(report):
        lines += [promised, ""]
    if refused := describe_unusual(report):
        lines += [refused, ""]
    first, notes = split_warnings(report, list_warnings(report))
    lines += ["read this first:", *(f"warning: {text}" for text in first), ""] if first else []
    lines += [f"note: {text}" for text in notes]
    lines += [f"note: {text}" for text in report.dataset.notes]
    return "\n".join(lines).rstrip("\n")


def _write_chance(cell: str | None) -> str:
    """Write a probability in percent; nothing where it is missing."""
    return format_probability(float(cell)).replace("\u00a0", " ") if cell else ""


def _choose_decimals(rows: Sequence[Mapping[str, str]], column: ValueColumn) -> int | None:
    """Choose the decimals of a column of values, which are text here."""
    names = (column.column, f"{column.column}_std")
    values, spreads = ([_read_number(row.get(name)) for row in rows] for name in names)
    asked = column.property.objective
    return choose_column_decimals(values, spreads, asked.tolerance if asked else None, asked is not None)


def _read_number(cell: str | None) -> float | None:
    try:
        return float(cell or "")
    except ValueError:
        return None


def _add_spread(row: Mapping[str, str], column: str, decimals: int | None = None) -> str:
    """Return a value with its standard deviation where there is one."""
    value, spread = _read_number(row.get(column)), _read_number(row.get(f"{column}_std"))
    if value is None:
        return row.get(column) or ""
    return format_plain_spread(value, spread) if spread is not None else format_plain(value, decimals)
