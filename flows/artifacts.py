"""What a flow shows in Prefect: progress while it works; the funnel, the candidates and a link to the report after."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from chem_vae.progress import Progress, silent
from flows.environment import is_quiet

if TYPE_CHECKING:
    from pipeline.datasets.dataset import Dataset
    from pipeline.models.trained_model import TrainedModel
    from pipeline.report.model import Report
    from pipeline.workflows.update import UpdateResult
    from pipeline.workspace.runs import Run

TABLE_ROWS = 50
"""More rows make a Prefect table artifact slow to show."""


# -- progress --------------------------------------------------------------------------------------------------------


@contextmanager
def watched(every: float = 2.0, terminal: bool = True) -> Iterator[Progress]:
    """Progress for a task: Prefect progress artifacts, one per stage, and the terminal's bars or lines.

    every: seconds between two updates of an artifact. Inside a task or flow run only.
    """
    with ExitStack() as stack:
        shown: Progress = silent
        if terminal and not is_quiet():
            from pipeline.workspace.progress import show_progress

            shown = stack.enter_context(show_progress())
        artifacts = ProgressArtifacts(every)

        def show(stage: str, done: int, total: int, figures: Mapping[str, float] | None = None) -> None:
            shown(stage, done, total, figures)
            artifacts(stage, done, total, figures)

        yield show


class ProgressArtifacts:
    """Progress as Prefect artifacts with the key `progress-<stage>`; a server that does not answer stops no work."""

    def __init__(self, every: float = 2.0) -> None:
        self.every = every
        self.ids: dict[str, UUID | None] = {}
        self.last: dict[str, float] = {}
        self.finished: set[str] = set()

    def __call__(self, stage: str, done: int, total: int, figures: Mapping[str, float] | None = None) -> None:
        from prefect.artifacts import create_progress_artifact, update_progress_artifact

        now = time.monotonic()
        finished = done >= total
        if finished and stage in self.finished:
            return
        if stage in self.last and not finished and now - self.last[stage] < self.every:
            return
        self.last[stage] = now
        percent = 100.0 if finished else max(0.0, 100.0 * done / total)
        text = f"{stage}: {done:,} of {total:,}" + "".join(f", {k} {v:.4g}" for k, v in (figures or {}).items())
        if (known := self.ids.get(stage)) is None:
            made: Any = _tried(create_progress_artifact, percent, key=artifact_key("progress", stage), description=text)
            self.ids[stage] = made
        else:
            _tried(update_progress_artifact, known, progress=percent, description=text)
        if finished:
            self.finished.add(stage)


def artifact_key(*parts: str) -> str:
    """A key that Prefect takes: lowercase letters, digits and dashes.

    >>> artifact_key("progress", "Train (epoch 1)")
    'progress-train-epoch-1'
    """
    return re.sub(r"[^a-z0-9]+", "-", "-".join(parts).lower()).strip("-")


# -- results ---------------------------------------------------------------------------------------------------------


def show_dataset(dataset: Dataset) -> None:
    """The dataset's counts and properties as a markdown artifact with the key `dataset`."""
    counts = dataset.counts
    rows = [{"count": name.replace("_", " "), "rows": n} for name, n in counts.items() if isinstance(n, int)]
    rejected = counts.get("rejected_by_stage") or {}
    rows += [{"count": f"rejected: {stage}", "rows": n} for stage, n in rejected.items()]
    text = f"# Dataset {dataset.name}\n\n{_made(dataset.reused)}: `{dataset.folder}`\n\n" + markdown_table(rows)
    _markdown("dataset", text, f"{counts.get('accepted', 0):,} molecules")


def show_model(model: TrainedModel) -> None:
    """The model's figures as a markdown artifact with the key `model`."""
    figures = [*_scalars(model.card), *_scalars(model.card.get("figures") or {})]
    rows = [{"figure": name.replace("_", " "), "value": value} for name, value in figures]
    text = f"# Model {model.folder.name}\n\n{_made(model.reused)}: `{model.folder}`\n\n" + markdown_table(rows)
    _markdown("model", text, "a trained model")


def show_measurements(made: UpdateResult) -> None:
    """What new measurements say of the round before, as a markdown artifact with the key `measurements`."""
    lines = [
        "# Measurements",
        "",
        f"{made.new:,} molecules with a measurement that was not in the data before.",
        "",
        *(f"- {check}" for check in made.checks),
    ]
    _markdown("measurements", "\n".join(lines), "how the round before kept what it promised")


def show_run(run: Run) -> None:
    """A run's summary, funnel, best candidates and the link to its report, as four artifacts."""
    from prefect.artifacts import create_link_artifact, create_table_artifact

    from pipeline.report.model import read_report
    from pipeline.report.tables import funnel_rows

    report = read_report(run.folder)
    _markdown("summary", summary(report, run.folder), "what came out, and what to beware of")
    if report.funnel:
        funnel = funnel_rows(report)
        _tried(create_table_artifact, table=funnel, key="funnel", description="Each stage is counted among the last.")
    if best := candidate_rows(run.folder / "candidates.csv", TABLE_ROWS):
        _tried(create_table_artifact, table=best, key="candidates", description=f"The best {len(best)} candidates.")
    page = (run.folder / "report.html").resolve()
    _tried(create_link_artifact, link=page.as_uri(), link_text=page.name, key="report", description=str(run.folder))


def summary(report: Report, folder: Path) -> str:
    """A report as markdown: the funnel, requested against achieved, the warnings."""
    from pipeline.report.tables import achieved_rows, funnel_rows

    lines = [f"# {report.title or folder.name}", "", f"Run folder: `{folder}`", ""]
    for title, rows in (("Funnel", funnel_rows(report)), ("Requested and achieved", achieved_rows(report))):
        if rows:
            lines += [f"## {title}", "", markdown_table(rows), ""]
    if report.warnings:
        lines += ["## Warnings", "", *(f"- {warning}" for warning in report.warnings), ""]
    return "\n".join(lines)


def candidate_rows(path: Path, limit: int) -> list[dict[str, Any]]:
    """The first rows of candidates.csv, numbers as numbers; NaN and infinities become None."""
    import csv

    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row, _ in zip(csv.DictReader(file), range(limit), strict=False)]
    return [{key: finite(_number(value)) for key, value in row.items()} for row in rows]


def markdown_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows with the same keys as a markdown table; an empty string for none."""
    if not rows:
        return ""
    head = list(rows[0])
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(_text(row.get(key)) for key in head) + " |" for row in rows]
    return "\n".join(lines)


def finite(value: Any) -> Any:
    """The value, or None for NaN and the infinities, which JSON (and so an artifact) cannot hold."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _markdown(key: str, text: str, description: str) -> None:
    from prefect.artifacts import create_markdown_artifact

    _tried(create_markdown_artifact, markdown=text, key=key, description=description)


def _tried(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call, but let no trouble with the server end an hour's work: artifacts are for showing only."""
    try:
        return call(*args, **kwargs)
    except Exception as error:
        from prefect.logging import get_logger

        get_logger("chem-vae").warning("could not write an artifact: %s", error)
        return None


def _made(reused: bool) -> str:
    return "Reused (the same input and settings were at work before)" if reused else "New"


def _scalars(card: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [(k, v) for k, v in card.items() if isinstance(v, int | float | str) and not isinstance(v, bool)]


def _number(text: str | None) -> Any:
    """A CSV cell as int or float where it is one."""
    for kind in (int, float):
        try:
            return kind(text or "")
        except ValueError:
            continue
    return text or None


def _text(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:,.4g}" if isinstance(value, float) else str(value).replace("|", "\\|").replace("\n", " ")
