"""Shows a flow in Prefect: its progress, and then the funnel, the candidates and a link to the report."""

from __future__ import annotations

import math
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import UUID

from chem_vae.progress import Progress, silent
from flows.candidate_rows import make_candidate_rows, read_candidates
from flows.environment import ADDRESS_VARIABLE, is_quiet
from pipeline.models.description.model_description import list_model_warnings
from pipeline.workspace.presentation.formatting import count_things, format_plain
from pipeline.workspace.progress.bars import show_progress
from pipeline.workspace.remote.redaction import redact
from pipeline.workspace.run_log import log_progress

if TYPE_CHECKING:
    from pipeline.datasets.dataset import Dataset
    from pipeline.models.trained_model import TrainedModel
    from pipeline.report.model import Report
    from pipeline.workflows.update import UpdateResult
    from pipeline.workspace.runs import Run

TABLE_ROWS = 30
"""More rows make a Prefect table artifact slow to show."""


# -- progress --------------------------------------------------------------------------------------------------------


@contextmanager
def track_progress(every: float = 2.0, terminal: bool = True) -> Iterator[Progress]:
    """Show a task's progress as Prefect artifacts, one for each stage, and on the terminal; in a flow or task run only.

    Args:
        every: seconds between two updates of an artifact.
        terminal: whether to show bars or lines on the terminal too.
    """
    with ExitStack() as stack:
        shown: Progress = silent
        if terminal and not is_quiet():
            shown = stack.enter_context(show_progress())
        artifacts = ProgressArtifacts(every)

        def show(stage: str, done: int, total: int, figures: Mapping[str, float] | None = None) -> None:
            shown(stage, done, total, figures)
            artifacts(stage, done, total, figures)

        yield log_progress(show)


class ProgressArtifacts:
    """Shows progress as Prefect artifacts with the key `progress-<stage>`, `every` so many seconds at most."""

    def __init__(self, every: float = 2.0) -> None:
        self.every = every
        self.ids: dict[str, UUID | None] = {}
        self.last: dict[str, float] = {}
        self.finished: set[str] = set()

    def __call__(self, stage: str, done: int, total: int, figures: Mapping[str, float] | None = None) -> None:
        from prefect.artifacts import create_progress_artifact, update_progress_artifact  # here: loads prefect

        now = time.monotonic()
        is_finished = done >= total
        if stage in self.finished or (not is_finished and now - self.last.get(stage, -math.inf) < self.every):
            return
        self.last[stage] = now
        percent = 100.0 if is_finished else max(0.0, 100.0 * done / total)
        text = f"{stage}: {done:,} of {total:,}" + "".join(
            f", {k} {format_plain(v)}" for k, v in (figures or {}).items()
        )
        if (known := self.ids.get(stage)) is None:
            key = make_artifact_key("progress", stage)
            self.ids[stage] = _call_safely(create_progress_artifact, percent, key=key, description=text)
        else:
            _call_safely(update_progress_artifact, known, progress=percent, description=text)
        if is_finished:
            self.finished.add(stage)


def make_artifact_key(*parts: str) -> str:
    """Make a key that Prefect takes: lowercase letters, digits and dashes.

    >>> make_artifact_key("progress", "Train (epoch 1)")
    'progress-train-epoch-1'
    """
    return re.sub(r"[^a-z0-9]+", "-", "-".join(parts).lower()).strip("-")


# -- results ---------------------------------------------------------------------------------------------------------


def show_dataset(dataset: Dataset) -> None:
    """Show a dataset's counts as a markdown artifact with the key `dataset`."""
    rejected = dataset.counts.get("rejected_by_stage") or {}
    counts = {**dataset.counts, **{f"rejected: {stage}": n for stage, n in rejected.items()}}
    rows = [{"count": name.replace("_", " "), "rows": n} for name, n in counts.items() if isinstance(n, int)]
    rows += [{"count": change, "rows": n} for change, n in dataset.changes.items()]
    text = f"{_introduce('Dataset', dataset.name, dataset.folder, dataset.reused)}{format_markdown(rows)}\n\n"
    for title, sentences in (("Warnings", dataset.warnings), ("Notes", dataset.notes)):
        if sentences:
            text += f"## {title}\n\n{''.join(f'- {sentence}{chr(10)}' for sentence in sentences)}\n"
    _create_markdown("dataset", text, f"{counts.get('accepted', 0):,} molecules")
    told = ", ".join(
        f"{name} {counts[name]:,}" for name in ("rows", "accepted", "duplicates", "rejected") if name in counts
    )
    log_line(f"{'reused' if dataset.reused else 'new'} dataset {dataset.folder}: {told}")
    for sentence in dataset.warnings:
        log_line(sentence, "warning")


def show_model(model: TrainedModel) -> None:
    """Show a model's figures and warnings as a markdown artifact with the key `model`."""
    figures = [*model.card.items(), *(model.card.get("figures") or {}).items()]
    rows = [
        {"figure": name.replace("_", " "), "value": value}
        for name, value in figures
        if isinstance(value, int | float | str) and not isinstance(value, bool)
    ]
    text = f"{_introduce('Model', model.folder.name, model.folder, model.reused)}{format_markdown(rows)}"
    told = list_model_warnings(model.card)
    if told:
        text += "\n\n## Warnings\n\n" + "".join(f"- {warning}\n" for warning in told)
    _create_markdown("model", text, "a trained model")
    log_line(f"{'reused' if model.reused else 'new'} model {model.folder}")
    for warning in told:
        log_line(warning, "warning")


def show_measurements(made: UpdateResult) -> None:
    """Show how new measurements compare with the round before, as a markdown artifact with the key `measurements`."""
    lines = [
        "# Measurements",
        "",
        f"{made.new:,} molecules with a measurement that was not in the data before.",
        "",
        *(f"- {check}" for check in made.checks),
    ]
    _create_markdown("measurements", "\n".join(lines), "new measurements against the predictions of the round before")


def show_run(run: Run, hit_score: float | None = None) -> None:
    """Show a run's summary, funnel, best candidates and report, as four artifacts; tell its events, and the counts in the log.

    Args:
        run: The finished run.
        hit_score: The score from which on the best candidate is told as a hit.
    """
    from prefect.artifacts import create_table_artifact  # here: loads prefect and pydantic

    from flows.deployment.events import tell_finished  # here: loads prefect
    from pipeline.report.model import read_report  # here: loads pydantic
    from pipeline.report.tables import list_funnel_rows, list_warnings

    report = read_report(run.folder)
    _create_markdown("summary", format_summary(report, run.folder), "results and warnings")
    candidates = read_candidates(run.folder / "candidates.csv", TABLE_ROWS)
    funnel = list_funnel_rows(report)
    tables = (
        ("funnel", funnel, "Each stage is counted among the molecules of the stage before."),
        ("candidates", make_candidate_rows(candidates, report), f"The best candidates; all are in {run.folder / 'candidates.csv'}."),
    )  # fmt: skip
    for key, rows, description in tables:
        if rows:
            _call_safely(create_table_artifact, table=rows, key=key, description=description)
    where = _show_report(run)
    counts = ", ".join(f"{row['stage']} {row['count']:,} of {row['of']:,}" for row in funnel)
    log_line(
        f"{count_things(run.manifest.get('candidates', len(candidates)), 'candidate')} ({counts})"
        if counts
        else "no candidates"
    )
    for warning in list_warnings(report):
        log_line(warning, "warning")
    log_line(f"the run's folder: {run.folder}; its report: {where}")
    _call_safely(tell_finished, run, candidates[0] if candidates else None, hit_score, where)


def _show_report(run: Run) -> str:
    """Show the way to a run's report as the artifact `report`, and return it: a link where a server of reports is known."""
    from prefect.artifacts import create_link_artifact  # here: loads prefect

    if address := os.environ.get(ADDRESS_VARIABLE):
        link = f"{address.rstrip('/')}/runs/{quote(run.id)}/report.html"
        _call_safely(
            create_link_artifact, link=link, link_text="report.html", key="report", description=str(run.folder)
        )
        return link
    page = run.folder.resolve() / "report.html"
    ways = f"`chem-vae report {run.folder.resolve()} --open` opens it; `chem-vae reports` shows all reports of a workspace in a browser."
    _create_markdown("report", f"# Report\n\n{ways}\n\nFile: `{page}`\n", str(run.folder))
    return str(page)


def log_line(text: str, level: str = "info") -> None:
    """Write a line into the log of the flow or task run; nothing where there is none."""
    from prefect.exceptions import MissingContextError  # here: loads prefect
    from prefect.logging import get_run_logger

    with suppress(MissingContextError):
        getattr(get_run_logger(), level)("%s", redact(text))


def format_summary(report: Report, folder: Path) -> str:
    """Write a report as markdown: the funnel, requested against achieved, the warnings."""
    # here: loads pydantic
    from pipeline.report.read_first import split_warnings
    from pipeline.report.tables import (
        describe_hits,
        describe_news,
        describe_novelty,
        describe_refusals,
        describe_unusual,
        list_achieved_rows,
        list_data_rows,
        list_funnel_rows,
        list_warnings,
    )

    lines = [f"# {report.title or folder.name}", "", f"Run folder: `{folder}`", ""]
    if report.library:
        lines += [f"{report.library.summary}.", ""]
    lines += [line for text in (describe_news(report), describe_novelty(report)) if text for line in (f"{text}.", "")]
    for title, rows in (("Funnel", list_funnel_rows(report)), ("Requested and achieved", list_achieved_rows(report))):
        if rows:
            lines += [f"## {title}", "", format_markdown(rows), ""]
    if promised := describe_hits(report):
        lines += [f"{promised}.", ""]
    if refused := describe_refusals(report):
        lines += ["## Constraints", "", f"- {refused}", ""]
    if unusual := describe_unusual(report):
        lines += [f"{unusual}.", ""]
    first, notes = split_warnings(report, list_warnings(report))
    for title, texts in (("Read this first", first), ("Notes", notes)):
        if texts:
            lines += [f"## {title}", "", *(f"- {text}" for text in texts), ""]
    if report.dataset.summary:
        lines += ["## Data", "", f"{report.dataset.summary}.", ""]
        if rows := list_data_rows(report):
            lines += [format_markdown(rows), ""]
        lines += [*(f"- {text}" for text in report.dataset.notes), ""]
    return "\n".join(lines)


def format_markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """Write rows with the same keys as a markdown table; an empty string for none."""
    if not rows:
        return ""
    lines = [list(rows[0]), ["---"] * len(rows[0]), *([_format_cell(v) for v in row.values()] for row in rows)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _introduce(kind: str, name: str, folder: Path, reused: bool) -> str:
    origin = "Reused (made before from the same input and settings)" if reused else "New"
    return f"# {kind} {name}\n\n{origin}: `{folder}`\n\n"


def _create_markdown(key: str, text: str, description: str) -> None:
    from prefect.artifacts import create_markdown_artifact  # here: loads prefect

    _call_safely(create_markdown_artifact, markdown=text, key=key, description=description)


def _call_safely(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a function of Prefect; a server that does not answer is logged, and ends no work."""
    try:
        return call(*args, **kwargs)
    except Exception as error:
        from prefect.logging import get_logger  # here: loads prefect

        get_logger("chem-vae").warning("could not write an artifact: %s", error)
        return None


def _format_cell(value: Any) -> str:
    if value is None:
        return "-"
    return format_plain(value) if isinstance(value, float) else str(value).replace("|", "\\|").replace("\n", " ")
