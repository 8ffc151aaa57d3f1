"""The commands that look at what is there: report, datasets, models, inspect."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from chem_vae.errors import CheckpointError, ChemVAEError, DataError, UserError
from flows.cli.answers import describe_dataset, describe_model, describe_run
from flows.cli.command import command, new_group
from flows.cli.json_output import answer
from flows.terminal import (
    explain_reuse,
    format_candidates,
    format_summary,
    format_table,
    note,
    suggest_command,
    write_command,
)
from pipeline.workspace.lookup import find_dataset, find_folder, find_run, list_shipped_models, list_workspace_models
from pipeline.workspace.presentation.formatting import count_things
from pipeline.workspace.registry import list_datasets
from pipeline.workspace.remote.redaction import redact
from pipeline.workspace.remote.remote_storage import is_remote
from pipeline.workspace.storage.folders import read_manifest

app = new_group()


@command(app)
def report(
    workspace: Path,
    run: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="A run's id, folder or address; the latest when not given.")
    ] = None,
    open_: bool = False,
) -> None:
    """Show what a run found, and where its report lies.

    chem-vae report --open

    Args:
        open_: Open the report in the browser.
    """
    folder = find_run(run or "latest", workspace)
    show_run(folder)
    answer(lambda: describe_run(folder))
    if open_:
        open_page(folder / "report.html")
    model = redact(run) if run is not None and is_remote(run) else folder.name
    if list_measured_aims(folder):
        suggest_command("chem-vae update {} --data MEASURED.csv", model, workspace=workspace)
        return
    suggest_command("chem-vae generate --model {} --target logp=2.5 -n 100 -o found.sdf", model, workspace=workspace)


@command(app)
def datasets() -> None:
    """List the named datasets that --data and `chem-vae ingest` take.

    chem-vae datasets
    """
    answer(lambda: [{"name": name, **entry} for name, entry in list_datasets().items()])
    rows = [
        (
            name,
            "in the package" if "file" in entry else "downloaded once",
            entry.get("licence", ""),
            entry.get("title", ""),
        )
        for name, entry in list_datasets().items()
    ]
    print(format_table(rows, ("name", "where", "licence", "what it is")))
    suggest_command("chem-vae run --data moses-sample --target logp=2.5")


@command(app)
def models(workspace: Path) -> None:
    """List the models that --model and --from take: those that came with the installation, and the workspace's.

    chem-vae models --workspace workspace
    """
    shipped = list_shipped_models()
    found = [*((name, folder, "in the package") for name, folder in shipped.items())]
    found += [(folder.name, folder, "workspace") for folder in list_workspace_models(workspace)]
    rows = []
    for name, folder, place in found:
        try:
            card = read_manifest(folder, "chem-vae trained model")["card"]
            known, base = ", ".join(card["conditions"]), card.get("base") or {}
            data, molecules, made = card["dataset"]["name"], card["training_molecules"], str(card["created"])[:10]
        except (DataError, CheckpointError, KeyError, TypeError):
            known, base, data, molecules, made = "damaged: train it again", {}, "", "", ""
        rows.append((name, place, data, molecules, base.get("name", ""), made, known))
    head = ("model", "where", "trained on", "molecules", "from", "made", "conditions")
    answer(lambda: [dict(zip(head, row, strict=True)) for row in rows])
    if not rows:
        note(f"no finished models in {workspace}, and none came with the installation")
        suggest_command("chem-vae run --data moses-sample --target logp=2.5")
        return
    print(format_table(rows, head))
    suggest_command(
        "chem-vae generate --model {} --target logp=2.5 -n 100 -o found.csv", rows[0][0], workspace=workspace
    )


@command(app)
def inspect(path: str, workspace: Path, rejected: Path | None = None, changed: Path | None = None) -> None:
    """Show what a folder holds: a dataset, a model (checkpoint) or a run.

    chem-vae inspect moses

    For a dataset, with the rows that were rejected as a table:

    chem-vae inspect my --rejected rejected.csv

    Args:
        path: A folder, or a name in the workspace: of a dataset, a model or a run.
        rejected: Write the rejected rows of a dataset to this .csv or .xlsx file: number as a spreadsheet counts, input, stage,
            reason, your own columns.
        changed: Write the molecules of a dataset that were changed to their standard form to this .csv or .xlsx file.
    """
    folder = list_shipped_models().get(path) or _find_any(path, workspace)
    if rejected is not None or changed is not None:
        folder = _find_data(folder, workspace)
    if (folder / "model.json").exists() or (folder / "model.safetensors").exists():
        from pipeline.models.trained_model import TrainedModel  # here: loads torch and rdkit

        opened = TrainedModel.open(folder)
        opened.checkpoint  # noqa: B018 (reads the weights: a damaged checkpoint is said now)
        answer(lambda: describe_model(opened))
        print(opened.summary())
        name = path if path in list_shipped_models() else folder
        suggest_command("chem-vae generate --model {} --target logp=2.5 -n 100 -o found.csv", name)
    elif (folder / "report.json").exists() and (folder / "manifest.json").exists():
        show_run(folder)
        answer(lambda: describe_run(folder))
        suggest_command("chem-vae report {} --open", folder)
    elif (folder / "manifest.json").exists():
        _show_dataset(folder, rejected, changed)
        suggest_command("chem-vae train --dataset {}", folder)
    elif folder.name.endswith(".partial"):
        raise DataError(f"{folder} is unfinished work; run the same command again to finish it")
    else:
        raise DataError(
            f"{folder} is no dataset (manifest.json), no model (model.json) and no run (report.json); "
            "finished ones lie in datasets/, models/ and runs/ of the workspace"
        )


def _find_any(path: str, workspace: Path) -> Path:
    """Find a folder by its path or name; the newest dataset of a name that is no folder's."""
    try:
        return find_folder(path, workspace)
    except DataError as error:
        try:
            return find_dataset(path, workspace)
        except ChemVAEError:
            raise error from None


def _find_data(folder: Path, workspace: Path) -> Path:
    """Find the dataset of a run or a model; a dataset's own folder is returned as it is.

    Raises:
        UserError: If its dataset is not in the workspace.
    """
    from pipeline.datasets.dataset import FORMAT  # here: loads pandas and pyarrow

    try:
        told = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        if told.get("format") == FORMAT:
            return folder
        name = ((told.get("card") or told).get("dataset") or {})["folder"]
    except (OSError, ValueError, KeyError, AttributeError):
        name = None
    if name is None or not (found := workspace / "datasets" / name).is_dir():
        raise UserError(
            f"--rejected and --changed are about a dataset, and that of {folder} is not in {workspace}: give the dataset's folder"
        )
    return found


def _show_dataset(folder: Path, rejected: Path | None, changed: Path | None) -> None:
    """Print a dataset's summary, and write its rejected and its changed rows where that is asked for."""
    from pipeline.datasets import exports  # here: loads pandas and pyarrow
    from pipeline.datasets.dataset import Dataset

    asked = [
        (path, what, make)
        for path, what, make in (
            (rejected, "rejected row", exports.list_rejected),
            (changed, "changed molecule", exports.list_changed),
        )
        if path is not None
    ]
    for path, _, _ in asked:
        exports.check_table_file(path)
    dataset = Dataset.open(folder)
    answer(lambda: describe_dataset(dataset))
    print(dataset.summary())
    for path, what, make in asked:
        table = make(dataset)
        exports.write_table_file(table, path)
        print(f"{count_things(len(table), what)}: {path}")


def open_page(page: Path) -> None:
    """Open a page in the browser, or say where it is."""
    import webbrowser  # here: --help does without it

    if not page.exists():
        raise DataError(f"there is no {page}: chem-vae inspect {page.parent} shows what is left of the run")

    if not webbrowser.open(page.resolve().as_uri()):
        note(f"no browser can be opened from here; open {page.resolve()} yourself")


def list_measured_aims(folder: Path) -> list[str]:
    """List the measured properties that a run aimed at: when its candidates are measured, `update` goes on from it."""
    from pipeline.workspace.runs import read_settings  # here: loads filelock and multiprocessing

    settings = read_settings(folder)
    measured = {str(p.get("name")).casefold() for p in (settings.get("ingest") or {}).get("properties") or ()}
    return [name for name in (settings.get("generate") or {}).get("objectives") or {} if name.casefold() in measured]


def show_run(folder: Path) -> None:
    """Print a run's summary, its ten best candidates and the report's path; say which parts it reused."""
    from pipeline.report.model import read_report  # here: loads pydantic
    from pipeline.workflows.records.summarize_runs import list_missing

    results = read_report(folder)
    missing = list_missing(folder)
    if line := explain_reuse(folder / "manifest.json"):
        note(line)
    if text := format_summary(results):
        print(text, end="\n\n")
    if best := format_candidates(folder / "candidates.csv", report=results):
        print(best, end="\n\n")
    if missing:
        note(
            f"warning: missing in {folder}: {', '.join(missing)}; what is left is shown. "
            f"{write_command('chem-vae repeat {}', folder.name)} makes the run again"
        )
    if "report.html" not in missing:
        print(f"report: {folder / 'report.html'}")
