"""report.md: the report as a short message for a chat or a mail, with the verdict of the page and its best candidates."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from typing import Any

import pandas as pd

from chem_vae.atomic_files import to_plain
from pipeline.report.candidate_table import Column, choose_columns, split_alerts
from pipeline.report.html import sections
from pipeline.report.model import Report
from pipeline.report.shown_properties import collect_properties
from pipeline.workspace.presentation.formatting import format_number, format_probability, format_time, is_number

MOST_LISTED, MOST_VALUES = 10, 4
"""Candidates, and columns of values, of the message."""
_VERDICT = re.compile(r'<div class="verdict">(.*?)</div>', re.DOTALL)


def render_message(report: Report, candidates: pd.DataFrame, page: str) -> str:
    """Render the message as Markdown.

    Args:
        report: The report.
        candidates: One row each, best first.
        page: The page of the report, whose verdict the message has.
    """
    properties = collect_properties(report)
    first, _ = sections.choose_warnings(report, properties)
    lines = [f"# {_escape(report.title or 'Generation report')}", "", _read_verdict(page), ""]
    if first:
        lines += ["**Read this first**", "", *(f"- {_escape(text)}" for text in first), ""]
    if len(candidates):
        columns = choose_columns(candidates, properties, report)[:MOST_VALUES]
        lines += [*_list_candidates(candidates.head(MOST_LISTED), columns), ""]
        if len(candidates) > MOST_LISTED:
            lines += [
                f"The first {MOST_LISTED} of {len(candidates):,}; all of them are in `candidates.sdf` and `report.html`.",
                "",
            ]
    when = f", {format_time(report.created)}" if report.created else ""
    return "\n".join([*lines, f"Run `{report.run_id or report.title}`{when}", ""])


def _read_verdict(page: str) -> str:
    """Read the verdict from the page, as one paragraph."""
    found = _VERDICT.search(page)
    text = re.sub(r"</?strong>", "**", found[1] if found else "")
    text = re.sub(r"<code>(.*?)</code>", r"`\1`", text)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", "", text)).replace("<", r"\<")).strip()


def _list_candidates(candidates: pd.DataFrame, columns: list[Column]) -> Iterable[str]:
    """List candidates as the lines of a table."""
    has_chance = "hit_probability" in candidates
    heads = ["#", "structure", *(column.property.with_unit for column in columns)]
    heads += ["chance of a hit"] if has_chance else []
    yield _join([*map(_escape, heads), "alerts"])
    yield "|" + "---|" * (len(heads) + 1)
    for place, values in enumerate(candidates.to_dict("records"), start=1):
        record = {str(name): to_plain(value) for name, value in values.items()}
        cells = [str(record.get("rank") or place), f"`{record.get('smiles') or '–'}`"]
        cells += [_write_value(record, column) for column in columns]
        cells += [format_probability(record["hit_probability"])] if has_chance else []
        yield _join([*cells, _escape("; ".join(split_alerts(record.get("alerts")))) or "none"])


def _write_value(record: dict[str, Any], column: Column) -> str:
    value = record.get(column.source)
    if column.property.is_probability(column.basis):
        return format_probability(value)
    spread = record.get(column.spread) if column.spread else None
    text = format_number(value if is_number(value) else None, column.decimals)
    return f"{text} ± {format_number(spread, column.decimals)}" if is_number(spread) else text


def _join(cells: Iterable[str]) -> str:
    return "| " + " | ".join(re.sub(r"\s*[\r\n]+\s*", " ", cell).replace("|", r"\|") for cell in cells) + " |"


def _escape(text: str) -> str:
    """Write a text of the user so that Markdown shows it as it is."""
    return re.sub(r"([\\`*_<\[\]#])", r"\\\1", text)
