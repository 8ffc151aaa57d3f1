"""The command `quickstart`: asks a few questions, and leads from a file, or from nothing, to a report."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chem_vae.errors import ChemVAEError, UserError
from flows.cli import inspect
from flows.cli.command import command, new_group
from flows.terminal import log, name_workspace, note, show_progress, suggest_command, write_command
from pipeline.workspace.presentation.formatting import format_plain

if TYPE_CHECKING:
    from pipeline.datasets.dataset import Dataset
    from pipeline.datasets.first_look import FirstLook

app = new_group()
EXAMPLE = {"logp": {"target": 2.5}, "qed": {"maximize": True}}
EXAMPLE_MODEL = "moses"
FEW, SOME, MOST = 20, 50, 1000
AIMS = ("as high as possible", "as low as possible", "near a value", "between two values")


@command(app, json=False)
def quickstart(
    workspace: Path,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="Your molecules: csv, xlsx, sdf and others; asked for when not given."),
    ] = None,
) -> None:
    """Answer a few questions, and get candidates with a report: from a file of yours, or as a try without one.

    chem-vae quickstart

    chem-vae quickstart my.csv

    Each question has a usual answer, which Enter takes. At the end stands the command that does the same without questions.
    """
    if not is_interactive():
        raise UserError(
            "quickstart asks questions, and nobody is there to answer. Without questions: chem-vae run --data my.csv --property pIC50 "
            "--maximize pIC50"
        )
    ask_and_run(workspace, file)


def is_interactive() -> bool:
    """Whether a person can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask_and_run(workspace: Path, file: Path | None = None) -> None:
    """Ask what is wanted, and run it.

    Args:
        workspace: The folder with datasets, models and runs.
        file: The file of molecules; asked for when not given.
    """
    found = _ask_file(file)
    folder = _run_example(workspace) if found is None else _run_file(*found, workspace)
    if folder is None:
        return
    inspect.show_run(folder)
    if typer.confirm("Open the report in the browser?", default=True, err=True):
        inspect.open_page(folder / "report.html")
    if inspect.list_measured_aims(folder):
        update = write_command("chem-vae update {} --data MEASURED.csv", folder.name, workspace=workspace)
        note(f"when the candidates are measured: {update}")
    suggest_command("chem-vae report {} --open", folder.name, workspace=workspace)


def _ask_file(file: Path | None) -> tuple[Path, FirstLook] | None:
    """Ask for a file until one holds molecules; None where the person wants a try without one."""
    from pipeline.datasets.first_look import look_at  # here: loads rdkit and pandas

    while True:
        if file is None:
            text = typer.prompt(
                "Your file of molecules (csv, xlsx, sdf; Enter: a try without one)", "", show_default=False, err=True
            )
            text = text.strip().strip("'\"")
            if not text:
                return None
            file = Path(text).expanduser()
        try:
            if not file.is_file():
                raise UserError(f"there is no file {file}; type its path, or drag the file into this window")
            return file, look_at(file)
        except ChemVAEError as error:
            note(f"{error}")
            file = None


def _run_example(workspace: Path) -> Path | None:
    """Generate with a shipped model, which needs no data."""
    note(
        f"The model {EXAMPLE_MODEL}, which came with chem-vae, is asked for {FEW} molecules with a logP near 2.5 and a high QED (a measure of "
        "drug-likeness).\nThis takes about a minute."
    )
    command = "chem-vae generate --model {} --target logp=2.5 --maximize qed -n {} --name quickstart"
    if not _confirm(write_command(command, EXAMPLE_MODEL, FEW, workspace=workspace)):
        return None
    from pipeline.config import load_config  # here: loads torch and rdkit
    from pipeline.models.trained_model import load_model
    from pipeline.workflows.generate_run import generate_run

    whole = load_config(None, {"name": "quickstart", "generate": {"n": FEW, "objectives": EXAMPLE}})
    with show_progress(False) as progress:
        return generate_run(
            load_model(EXAMPLE_MODEL, workspace), None, whole.generate, workspace, whole.name, progress
        ).folder


def _run_file(file: Path, look: FirstLook, workspace: Path) -> Path | None:
    """Ask what is wanted of a file, and run the whole campaign."""
    from pipeline.config import load_config  # here: loads torch and rdkit
    from pipeline.datasets.first_look import suggest_ingest
    from pipeline.datasets.ingest import ingest
    from pipeline.workflows.campaign import campaign
    from pipeline.workflows.checks.estimate import estimate_campaign

    where = f"in the column {look.smiles_column}" if look.smiles_column else "in the first column"
    note(
        f"The molecules are {'the drawn structures' if look.format == 'sdf' else where}, such as {look.smiles[0][:60]!r}."
    )
    column = _ask_column(look)
    log_too, unit = _ask_scale(look, column)
    settings: dict[str, Any] = {"ingest": suggest_ingest(str(file), column, log_too, unit)}
    with show_progress(False) as progress:
        dataset = ingest(load_config(None, settings).ingest, workspace, progress)
    note(dataset.summary(warnings=False))  # the warnings were said while it was read
    name, objective, option = _ask_goal(dataset)
    count = _ask_count("How many candidates?", SOME, MOST)
    settings["generate"] = {"n": count, "objectives": {name: objective}}
    note(estimate_campaign(dataset, count, workspace).describe())
    words = ["chem-vae run --data", shlex.quote(str(file)), *_name_reading(settings["ingest"]), option, f"-n {count}"]
    if not _confirm(" ".join(words) + name_workspace(workspace)):
        return None
    with show_progress(False) as progress:
        return campaign(load_config(None, settings), workspace, progress, log).folder


def _name_reading(ingest: dict[str, Any]) -> list[str]:
    """Return the options of `chem-vae run` that read a file by the settings of `suggest_ingest`."""
    from pipeline.datasets.config import IngestConfig  # here: loads pydantic

    words = []
    for measured in ingest.get("properties", ()):
        named = "=".join(filter(None, (measured["name"], measured.get("unit"))))
        words += [f"--property {shlex.quote(named)}", *["--log"] * measured["log"]]
    if tuple(ingest["compute"]) != IngestConfig.model_fields["compute"].default:
        words.append(f"--compute {','.join(ingest['compute'])}")
    return words


def _ask_column(look: FirstLook) -> str | None:
    """Ask which column was measured; None where none is to be learned."""
    names = [column.name for column in look.measured][:20]
    if not names:
        note("No column of numbers is in it, so that only what a structure gives (logP, weight) can be aimed at.")
        return None
    chosen = _choose("Which column was measured, and is to get better?", [*names, "none of these"])
    return names[chosen] if chosen < len(names) else None


def _ask_scale(look: FirstLook, column: str | None) -> tuple[bool, str]:
    """Return whether the logarithm of a column is learned, and its unit where its name does not tell it."""
    found = next((c for c in look.columns if c.name == column), None)
    if found is None or not found.is_raw_potency:
        return False, ""
    note(f"{column} is a concentration: its negative logarithm is learned, where higher is more potent.")
    if found.unit:
        return True, ""
    return True, typer.prompt("In which unit is it (nM, uM, mM, M)?", "nM", err=True).strip()


def _ask_goal(dataset: Dataset) -> tuple[str, dict[str, Any], str]:
    """Ask for the goal over the values of the data: the property, its objective, and the options that say the same."""
    import numpy as np  # here: --help does without it

    from pipeline.datasets.labels.label_checks import find_classes  # here: loads pandas

    measured = [p.name for p in dataset.properties if p.kind == "measured"]
    names = measured or [p.name for p in dataset.properties]
    name = names[0] if measured else names[_choose("Which property shall the molecules have?", names)]
    values = dataset.table([name])[name].to_numpy(dtype=np.float64)
    values = values[np.isfinite(values)]
    if not len(values):
        raise UserError(f"no molecule has a value of {name}; choose another column")
    low, middle, high = (format_plain(v) for v in np.quantile(values, (0, 0.5, 1)))
    note(f"{len(values):,} values of {name}: {low} to {high}, half of them above {middle}.")
    classes = find_classes(values)
    aim = _choose(f"{name} is to be", AIMS[:2] if classes else AIMS)
    if aim < 2:
        word = ("maximize", "minimize")[aim]
        if classes:
            return name, {word: True}, f"--{word} {shlex.quote(name)}"
        end, said = (("low", "at least"), ("high", "at most"))[aim]
        value = _ask_number(f"A hit is {said}", float(np.quantile(values, (0.9, 0.1)[aim])))
        key = f"generate.objectives.{name}.{end}={value:g}"
        return name, {word: True, end: value}, f"--{word} {shlex.quote(name)} --set {shlex.quote(key)}"
    if aim == 2:
        value = _ask_number("Value", float(np.median(values)))
        return name, {"target": value}, f"--target {shlex.quote(f'{name}={value:g}')}"
    low_end = _ask_number("From", float(np.quantile(values, 0.4)))
    high_end = _ask_number("To", float(np.quantile(values, 0.6)))
    low_end, high_end = sorted((low_end, high_end))
    return name, {"range": [low_end, high_end]}, f"--range {shlex.quote(f'{name}={low_end:g}:{high_end:g}')}"


def _choose(question: str, answers: Sequence[str]) -> int:
    """Ask for one of numbered answers; the first one is the usual."""
    for number, text in enumerate(answers, 1):
        note(f"  {number}  {text}")
    return _ask_count(question, 1, len(answers)) - 1


def _ask_count(question: str, usual: int, most: int) -> int:
    """Ask for a whole number from 1 on, until one is typed."""
    while True:
        number = int(typer.prompt(question, usual, type=int, err=True))
        if 1 <= number <= most:
            return number
        note(f"a number from 1 to {most:,}")


def _ask_number(question: str, usual: float) -> float:
    return float(typer.prompt(question, float(f"{usual:.3g}"), type=float, err=True))


def _confirm(same: str) -> bool:
    """Say the command that does the same, and ask whether to begin."""
    note(f"The same without questions: {same}")
    return typer.confirm("Begin? (Ctrl-C stops it; the same again goes on)", default=True, err=True)
