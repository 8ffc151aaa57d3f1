"""Runs of a workspace as a notebook shows them, and a whole campaign from a notebook or a script."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

import pandas as pd

from chem_vae.errors import DataError
from chem_vae.progress import Progress
from pipeline.chemistry.output.molecule_table import (
    OWN_COLUMNS,
    HasCandidates,
    MoleculeTable,
    list_drawings,
    list_lines,
)
from pipeline.config import CampaignConfig
from pipeline.interface.data import make_config
from pipeline.objectives.aims import collect_objectives
from pipeline.report.facts.asked_and_found import Stage
from pipeline.report.model import read_report
from pipeline.report.read_candidates import read_candidates
from pipeline.report.shown_properties import list_own_columns
from pipeline.workflows.campaign import campaign as run_campaign
from pipeline.workspace import runs
from pipeline.workspace.lookup import find_workspace
from pipeline.workspace.presentation.formatting import count_things
from pipeline.workspace.presentation.notebook_card import Card
from pipeline.workspace.progress.bars import follow
from pipeline.workspace.settings import Settings

S = TypeVar("S", bound=Settings)
CANDIDATES = "candidates.csv"


class Run(HasCandidates, runs.Run):
    """A finished run: its folder, manifest and report, and its candidates as a table."""

    @classmethod
    def open(cls, where: str | Path, workspace: str | Path | None = None, *, optimization: bool | None = None) -> Self:
        """Open a finished run.

        Args:
            where: Its folder, id, name (the newest run of that name is taken), or "latest".
            workspace: The folder in which it is looked for; that of CHEM_VAE_WORKSPACE, or ./workspace, when not given.
            optimization: Whether to look only among the runs of `chem-vae optimize`, or only among the others.

        Raises:
            DataError: If there is none, or if it is damaged.
            UserError: If the name is unknown.
        """
        found = runs.Run.open(where, find_workspace(workspace), optimization=optimization)
        return cls(found.folder, found.manifest)

    def to_frame(self) -> MoleculeTable:
        """Return the candidates, one per row, best first; a table without rows where the folder has none."""
        path = self.folder / CANDIDATES
        if not path.is_file() or not path.stat().st_size:
            return MoleculeTable(pd.DataFrame())
        report = read_report(self.folder)
        table = MoleculeTable(read_candidates(path, report))
        table.attrs[OWN_COLUMNS] = list_own_columns(report)
        return table

    @property
    def report_page(self) -> Path:
        """The page to open in a browser."""
        return self.folder / "report.html"

    def describe_card(self) -> Card:
        """Describe the run: when and with what it was made, and its first candidates drawn."""
        manifest, table, values = self.manifest, self.to_frame(), self._list_values()
        facts = [("folder", str(self.folder))]
        facts += [
            (kind, str(part["folder"]))
            for kind in ("dataset", "model")
            if (part := manifest.get(kind)) and "folder" in part
        ]
        if stages := [f"{stage.stage} {stage.count:,}" for stage in self._list_stages()]:
            facts.append(("found", " → ".join(stages)))
        title = f"run {self.id}: {count_things(len(table), 'candidate')}"
        hint = "more: .to_frame(), .grid(n=...), .plot(), .report, .report_page" if manifest else "it is not finished"
        return Card(title, facts, (), list_drawings(table, values), list_lines(table, values), hint)

    def _list_stages(self) -> list[Stage]:
        try:
            return [stage for stage in read_report(self.folder).funnel if stage.count is not None]
        except DataError:  # parts of the folder may be missing
            return []

    def _list_values(self) -> list[str]:
        settings = runs.read_settings(self.folder)
        found = []
        for table in ("generate", "optimize"):
            asked = settings.get(table) or {}
            for name in asked.get("objectives") or {}:
                found += [f"{name}_predicted", f"{name}_computed"]
        return found


def list_runs(workspace: str | Path | None = None) -> list[Run]:
    """List the finished runs of a workspace, newest first, without those that are not whole.

    Args:
        workspace: The workspace; that of CHEM_VAE_WORKSPACE, or ./workspace, when not given.
    """
    return [Run(found.folder, found.manifest) for found in runs.list_runs(find_workspace(workspace))]


def campaign(
    config: CampaignConfig | pd.DataFrame | str | Path,
    workspace: str | Path | None = None,
    progress: Progress | None = None,
    say: Any = print,
    *,
    smiles: str | None = None,
    properties: str | Sequence[Any] = (),
    name: str | None = None,
    target: Mapping[str, float] | None = None,
    maximize: str | Iterable[str] = (),
    minimize: str | Iterable[str] = (),
    range: Mapping[str, tuple[float | None, float | None]] | None = None,
    n: int | None = None,
    quiet: bool = False,
) -> Run:
    """Ingest, train and generate, and write the run folder; a step whose inputs are unchanged is reused.

    >>> campaign(frame, smiles="SMILES", properties="pIC50", maximize="pIC50", n=50, name="first")  # doctest: +SKIP

    Where the source has grown, only its new rows are standardized, and training goes on from the model of the last run
    where enough is new.

    Args:
        config: The settings of all steps; or the data, as `ingest` takes it, with all other settings as they usually are.
        workspace: The folder that gets the dataset, the model and the run; that of CHEM_VAE_WORKSPACE, or ./workspace, when not given.
        progress: Told each stage of the work; shown as bars when None.
        say: Told in a sentence what is done because of the last run.
        smiles: The column of SMILES; found by its cells and its name when None.
        properties: The measured properties, as for `ingest`.
        name: A name for the run.
        target: Target values by property.
        maximize: Properties that are to be high, one or several.
        minimize: Properties that are to be low, one or several.
        range: The lower and the higher end by property; None leaves an end open.
        n: How many candidates.
        quiet: Show no progress, and say nothing.

    Returns:
        The run, which shows its candidates.

    Raises:
        UserError: A setting is wrong, or asks for something that the data or the model will not have.
    """
    folder = find_workspace(workspace)
    whole = config if isinstance(config, CampaignConfig) else CampaignConfig()
    source = whole.ingest if isinstance(config, CampaignConfig) else config
    aims = collect_objectives(target, maximize, minimize, range)
    asked: dict[str, Any] = {"objectives": {**whole.generate.objectives, **aims}, **({} if n is None else {"n": n})}
    whole = _change(whole, generate=_change(whole.generate, **asked), name=name or whole.name)
    whole = _change(whole, ingest=make_config(source, folder, smiles, properties, name or "table", {}))
    with follow(progress, quiet) as told:
        made = run_campaign(whole, folder, told, (lambda text: None) if quiet else say)
    return Run(made.folder, made.manifest)


def _change(config: S, **changes: Any) -> S:
    """Return settings with changes, which are checked before any work; `model_copy` would take any value.

    Raises:
        UserError: A value is out of range.
    """
    given = {field: getattr(config, field) for field in config.model_fields_set}
    return type(config).from_values({**given, **changes})
