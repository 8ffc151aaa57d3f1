"""The tables of a report as rows of plain values: what the terminal and Prefect's artifacts show."""

from __future__ import annotations

from typing import Any

from pipeline.datasets.account import order_by_request
from pipeline.objectives.config import MEASURED_SIZE, MOST_UNUSUAL, USUAL, USUAL_SIZE
from pipeline.report.facts.asked_and_found import Achieved, News, Refusal
from pipeline.report.facts.part import Share
from pipeline.report.model import Report
from pipeline.workspace.presentation.formatting import count_things


def list_funnel_rows(report: Report) -> list[dict[str, Any]]:
    """List a row for each stage of the funnel: stage, count, of (molecules of the stage before), fraction."""
    return [{"stage": s.stage, "count": s.count, "of": s.of, "fraction": s.fraction} for s in report.funnel]


def describe_news(report: Report) -> str:
    """Say in a line how many candidates are new since the last run, and how many known molecules were passed over; "" where the
    candidate library was not asked."""
    news = report.news
    if news is None:
        return ""
    told, new, met = [], news.new.count or 0, news.passed_over or 0
    if news.new.of:
        what = "candidate is" if news.new.of == 1 else "candidates is" if new == 1 else "candidates are"
        told.append(f"new: {new:,} of {news.new.of:,} {what} new {describe_since(news)}")
    if news.known:
        were = "was" if met == 1 else "were"
        what = f"{were} left out" if news.excluded else f"{were} met and may be chosen again"
        told.append(f"the library knew {count_things(news.known, 'molecule')}, {met:,} of them {what}")
    return "; ".join(told)


def describe_since(news: News) -> str:
    """Say since when candidates are new: since the last run, where the library knows of one."""
    if news.last_run:
        return f"since the last run ({news.last_run})"
    return "to the earlier runs" if news.known else "(the first run that the candidate library has)"


def describe_novelty(report: Report) -> str:
    """Say in a line the three counts of novelty, each with its denominator; "" where there is none."""
    if report.novelty is None:
        return ""
    named = (
        ("not in the training data", report.novelty.not_in_training),
        ("never proposed before", report.novelty.never_proposed),
        ("both, which is novel", report.novelty.stereo_aware),
    )
    told = [f"{share.count:,} of {share.of:,} {what}" for what, share in named if share.count is not None and share.of]
    among = "candidates" if report.optimization or report.library else "distinct molecules"
    return f"novelty of the {among}: {', '.join(told)}" if told and report.news is not None else ""


def describe_refusals(report: Report) -> str:
    """Say in a line how many molecules each constraint refused first; "" where there is no constraint or no count."""
    rows = [row for row in list_refusals(report) if row.count is not None and row.constraint != USUAL]
    of = max((row.of or 0 for row in rows), default=0)
    told = ", ".join(f"{row.count:,} by {row.constraint!r}" for row in rows if row.count)
    return f"constraints refused, of {of:,} distinct molecules: {told or 'none'}" if of else ""


def count_refusals(report: Report) -> Share:
    """Count the molecules that constraints refused, among those that a generation looked at."""
    count = sum(row.count or 0 for row in report.refusals if row.constraint != USUAL)
    return Share(count=count, of=max((row.of or 0 for row in report.refusals), default=0))


def list_refusals(report: Report) -> list[Refusal]:
    """List a row for each constraint of the request, also where it refused nothing."""
    counted = report.optimization.constraints if report.optimization else report.refusals
    refused = {row.constraint: row for row in counted}
    own = [text for text in refused if text == USUAL or text.startswith((USUAL_SIZE, MEASURED_SIZE))]
    asked = dict.fromkeys([*report.request.constraints, *own])
    return [refused.get(text, Refusal(constraint=text)) for text in asked]


def describe_hits(report: Report) -> str:
    """Say in a line how many candidates are expected to reach the goal; "" where nothing is promised."""
    hits = report.hits
    if hits is None or hits.expected is None:
        return ""
    told = (
        f"predicted: about {hits.expected:.0f} of {count_things(hits.of or 0, 'candidate', 'is', 'are')} expected to reach {hits.goal} when they are measured "
        f"(8 of 10 times {hits.low:,} to {hits.high:,}), by the model's own probabilities"
    )
    kept = hits.checked
    if not kept.get("chosen"):
        return told
    return (
        f"{told}; tried on unseen molecules: of the {kept['chosen']:,} predicted best, {kept['expected']:.0f} were expected among the "
        f"data's best tenth, and {kept['found']:,} were"
    )


def list_warnings(report: Report) -> list[str]:
    """List the cautions of the verdict, then the warnings about the data and the run, those about what was asked for first."""
    asked = [objective.property for objective in report.request.objectives]
    return report.cautions + order_by_request([*report.dataset.warnings, *report.warnings], asked)


def list_data_rows(report: Report) -> list[dict[str, Any]]:
    """List a row for each stage that rejected rows of the data, and for each change to its molecules, with an example."""
    data = report.dataset
    first = {row.stage: row for row in reversed(data.rejections)}
    rows = [
        {"what": f"rejected: {stage}", "rows": n, "example": _show_row(first[stage].row, first[stage].input)}
        for stage, n in data.rejected_by_stage.items()
        if stage in first
    ]
    return rows + [
        {"what": change.change, "rows": change.count, "example": _show_row(change.row, change.input)}
        for change in data.changes
    ]


def describe_unusual(report: Report) -> str:
    """Say how many molecules an optimization refused as unusual, and what most of them had; "" where it refused none."""
    search = report.optimization
    row = next((row for row in search.constraints if row.constraint == USUAL), None) if search else None
    if search is None or row is None or not row.count:
        return ""
    names = ", ".join(f"{name} ({count:,})" for name, count in list(search.unusual.items())[:MOST_UNUSUAL])
    return (
        f"refused as unusual: {row.count:,} of {row.of or 0:,} molecules looked at"
        + (f": {names}" if names else "")
        + " (--allow-unusual NAME lets through what you name)"
    )


def _show_row(row: str, text: str) -> str:
    return f"{row}: {text[:60]}" if row else ""


def _write_within(row: Achieved) -> str:
    """Write how many candidates are within an objective; of a predicted property how many are expected to be."""
    if row.expected is not None:
        return f"{row.expected:,.0f} of {row.of:,} expected"
    if row.within is None:
        return ""
    return f"{row.within:,} of {row.of:,}" + (" predicted" if row.basis == "predicted" else "")


def list_achieved_rows(report: Report) -> list[dict[str, Any]]:
    """List a row for each objective: what was requested, and what the candidates have."""
    return [
        {
            "property": ", ".join(filter(None, (row.label or row.property, row.unit))),
            "basis": row.basis,
            "wanted": row.aim,
            "mean": row.mean,
            "mean absolute error": row.mae,
            "within": _write_within(row),
        }
        for row in report.requested_and_achieved()
    ]
