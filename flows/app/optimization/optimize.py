"""The page that optimizes a score: a computed property, or an oracle of one's own, under a number of calls."""

from __future__ import annotations

import ast
import asyncio
import re
from pathlib import Path
from typing import Any

from nicegui import events, ui

from chem_vae.errors import DataError, UserError
from flows.app.context import AppContext, check_settings
from flows.app.goal_words import make_run_name
from flows.app.layout import (
    block,
    frame,
    heading,
    press_once,
    primary_button,
    read_number,
    say_empty,
    tell_errors,
    text,
)
from flows.app.optimization.objective_list import SCORE, ObjectiveList, read_extents
from flows.app.uploads import save_upload
from pipeline.workspace.uploads import drop_upload
from pipeline.workspace.work.jobs import make_job

MOST_CODE = 1_000_000
HOW_ASKED = ("timeout", "retries", "batch_size", "parallel")
"""The settings that say how an oracle is asked, whichever one it is."""


def register(context: AppContext) -> None:
    """Register the page."""

    @ui.page("/optimize")
    def show() -> None:
        with frame("Optimize", "/optimize"):
            heading("Optimize a score")
            models = context.list_models()
            if not models:
                say_empty("No model yet", "A run trains one on your molecules.", "Begin with a file", "/")
                return
            text(
                "A search for the molecules with the best score: properties that are computed from the structure, or what your own Python "
                "function gives, such as a docking score, or several of them together.",
                "lede",
            )
            OptimizeForm(context, models).show()


class OptimizeForm:
    """Asks for the oracle, the aim, and how often the oracle may be asked."""

    def __init__(self, context: AppContext, models: dict[str, str]) -> None:
        """Take the models whose molecules the search starts from."""
        self.context, self.models = context, models
        self.file: Path | None = None

    def show(self) -> None:
        """Show the form."""
        with block():
            heading("Who scores?", 2)
            self.kind = ui.radio(
                {"computed": "properties of the structure", "own": "my own Python function"}, value="computed"
            )
            self.kind.on_value_change(self._choose_kind)
            with ui.element("div").style("display: flex; flex-direction: column; gap: 12px") as self.own:
                text("A file with a function from a list of SMILES to a list of numbers, None where it fails.", "muted")
                upload = ui.upload(
                    on_upload=self.take, auto_upload=True, max_file_size=MOST_CODE, label="Choose or drop a .py file"
                )
                upload.props('accept=".py" flat bordered color=accent')
                self.function = ui.select([], label="Function").props("outlined options-dense").classes("min-w-[260px]")
                with ui.element("div").classes("warn"):
                    text(
                        "The file is run on this computer, with your rights: it can read and change your files. Use only code that you trust."
                    )
                self.trusted = ui.checkbox("I know this code, and want it to be run here")
            self.own.set_visibility(False)
        with block():
            heading("What is wanted?", 2)
            self.objectives = ObjectiveList(lambda: read_extents(str(self.model.value), self.context.workspace))
            self.objectives.show()
        with block():
            heading("How long, and from where?", 2)
            calls, number = (
                self.context.find_setting("optimize", *usual) for usual in (("oracle_calls", 500), ("n", 50))
            )
            with ui.element("div").classes("line"):
                self.calls = (
                    ui.number("Times the oracle is asked", value=calls, min=10, max=100_000, step=100, format="%d")
                    .props("outlined")
                    .classes("w-52")
                )
                self.number = (
                    ui.number("Molecules", value=min(number, 1000), min=1, max=1000, step=10, format="%d")
                    .props("outlined")
                    .classes("w-36")
                )
            self.without_alerts = ui.switch("no molecules with structural alerts (PAINS, BRENK)")
            if always := self.context.describe_constraints("optimize"):
                text(always, "muted small")
            with ui.element("div").classes("line"):
                self.model = ui.select(self.models, value=next(iter(self.models)), label="Start from the molecules of")
                self.model.props("outlined options-dense").classes("min-w-[260px]")
                self.name = ui.input("Name of the run", value="optimize").props("outlined maxlength=60").classes("w-64")
            with ui.element("div").classes("line"):
                press_once(primary_button("Optimize", icon="play_arrow"), self.start)

    def _choose_kind(self) -> None:
        self.own.set_visibility(self.kind.value == "own")
        self.objectives.take_score(self.kind.value == "own")

    @tell_errors
    async def take(self, event: events.UploadEventArguments) -> None:
        """Keep an uploaded file, and list its functions without running it."""
        path = await save_upload(self.context, event)
        try:
            module = path.with_name(f"{make_module_name(path.stem)}.py")
            names = list_functions(path)
        except DataError:
            drop_upload(path)
            raise
        path.rename(module)
        self.file = module
        self.function.set_options(names, value=names[0])

    def make_settings(self) -> dict[str, Any]:
        """Make the settings of the search.

        Raises:
            UserError: Something is missing.
        """
        constraints = [{"alerts": ["PAINS", "BRENK"]}] if self.without_alerts.value else []
        asked: dict[str, Any] = {
            "n": read_number(self.number),
            "oracle_calls": read_number(self.calls),
            "constraints": constraints,
            "aggregate": "geometric",  # where the page asks for no other: one objective has none to choose
            **self.objectives.make_settings(),
        }
        if self.kind.value == "own":
            if self.file is None or not self.function.value:
                raise UserError("choose the file with your function first")
            if not self.trusted.value:
                raise UserError("tick that you know the code: it is run on this computer")
            if SCORE not in asked["objectives"]:
                raise UserError("no objective is what your function returns; choose it as the property of one")
        settings = self.context.complete({"name": make_run_name(self.name.value or "optimize"), "optimize": asked})
        # who scores is said on the page, so that of the oracle of the app's own file only how it is asked counts
        usual = settings["optimize"].pop("oracle", None) or {}
        if self.kind.value == "own" and self.file is not None:
            how = {key: usual[key] for key in HOW_ASKED if key in usual}
            settings["optimize"]["oracle"] = {**how, "function": f"{self.file.stem}:{self.function.value}"}
        return check_settings(settings)

    async def start(self) -> None:
        """Start the search in a process of its own, and show how far it is."""
        settings = self.make_settings()
        arguments = [
            "--model",
            str(self.model.value),
            *(["--library", self.context.library] if self.context.library else []),
        ]
        of = f" of {self.file.name}, {self.function.value}" if self.kind.value == "own" and self.file else ""
        facts = {"goal": f"{self.objectives.describe()}{of}"}
        if self.kind.value == "own" and self.file:
            facts["folder"] = str(self.file.parent)
        job = make_job(self.context.workspace, "optimize", settings["name"], arguments, settings, **facts)
        await asyncio.to_thread(job.start)
        ui.navigate.to(f"/job/{job.id}")


def make_module_name(stem: str) -> str:
    """Make a name that Python can import, and that no other module has.

    >>> make_module_name("my docking (2)"), make_module_name("torch")
    ('oracle_my_docking_2', 'oracle_torch')
    """
    return f"oracle_{re.sub(r'[^A-Za-z0-9]+', '_', stem).strip('_')}".rstrip("_")


def list_functions(path: Path) -> list[str]:
    """List the functions of a Python file that can be an oracle, without running it.

    Raises:
        DataError: It is no Python, or has no function.
    """
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError) as error:
        raise DataError(f"{path.name} is no Python file that can be read: {error}") from None
    names = [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and node.args.args
    ]
    if not names:
        raise DataError(f"{path.name} has no function that takes a list of SMILES")
    return names
