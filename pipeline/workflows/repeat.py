"""Repeats a finished run from its folder: the same model, data, settings, seed and excluded molecules give the same candidates."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from chem_vae.errors import DataError, UserError
from chem_vae.progress import Progress, silent
from pipeline.config import CampaignConfig, load_config
from pipeline.datasets.dataset import Dataset
from pipeline.datasets.ingest import ingest
from pipeline.models.trained_model import TrainedModel
from pipeline.workflows.generate_run import generate_run
from pipeline.workflows.optimize_run import optimize_run
from pipeline.workflows.records.known_molecules import KnownMolecules
from pipeline.workflows.screen_run import screen_run
from pipeline.workspace.lookup import CALLS
from pipeline.workspace.presentation.csv_tables import read_csv
from pipeline.workspace.presentation.formatting import count_things
from pipeline.workspace.remote.redaction import HIDDEN
from pipeline.workspace.runs import Run, list_versions

SECONDS = "seconds"
"""The column of a search that says how long the oracle took."""


@dataclass(frozen=True)
class Repetition:
    """A repeated run, compared with the first."""

    run: Run
    same: bool
    """Whether both have the same candidates in the same order."""
    text: str
    """The comparison in a sentence."""


def repeat(run: Run, workspace: Path, progress: Progress = silent) -> Repetition:
    """Repeat a finished run in a new run folder, and say whether the result is the same.

    The model is the one in the run folder, and the settings are those of its config.json, the seed of the night included. What was
    not proposed because earlier runs had proposed it is not proposed now either. An oracle is asked again.

    Args:
        run: The finished run.
        workspace: The folder that gets the new run. It has the dataset of the run; where it has not, the dataset is made again
            from its source.
        progress: Told each stage of the work.

    Raises:
        DataError: If the dataset is gone and its source holds something else now.
        UserError: If the source cannot be read.
    """
    config = load_config(run.folder / "config.json")
    model = TrainedModel.open(run.folder, workspace=workspace)
    dataset = find_run_dataset(run, config, workspace, progress)
    name = f"repeat-{config.name}"[:60]
    known = KnownMolecules.of_run(run)
    library = None if HIDDEN in (config.library or "") else config.library
    if config.optimize is not None and (run.folder / CALLS).is_file():
        made = optimize_run(
            model, config.optimize, workspace, name, progress, dataset=dataset, library=library, known=known
        )
    elif config.screen is not None:
        made = screen_run(
            model, dataset, config.generate, config.screen, workspace, name, progress, library=library, known=known
        )
    else:
        made = generate_run(model, dataset, config.generate, workspace, name, progress, library=library, known=known)
    same, text = compare_candidates(run, made)
    return Repetition(made, same, text)


def find_run_dataset(run: Run, config: CampaignConfig, workspace: Path, progress: Progress) -> Dataset | None:
    """Find the dataset that a run was compared with, or make it again from its source.

    Returns:
        The dataset; None where the run had none.

    Raises:
        DataError: If the source holds something else now.
    """
    told = run.manifest.get("dataset")
    if not isinstance(told, dict):
        return None
    for parent in (workspace, run.folder.resolve().parents[1]):
        try:
            found = Dataset.open(parent / "datasets" / str(told.get("folder")))
        except UserError:  # not there, or damaged
            continue
        if found.key == told.get("key"):
            return found
    made = ingest(config.ingest.model_copy(update={"when_down": "fail"}), workspace, progress)
    if made.key != told.get("key"):
        source = told.get("source") or {}
        raise DataError(
            f"the dataset {told.get('folder')} of the run {run.id} is gone, and {source.get('location')} is not what it was (its SHA-256 was "
            f"{source.get('sha256')}), or RDKit or selfies is of another version; put the old file in its place, or give the workspace of the run"
        )
    return made


def compare_candidates(first: Run, second: Run) -> tuple[bool, str]:
    """Compare the candidates of two runs: whether they are the same in the same order, and in words."""
    one, two = (read_csv(run.folder / "candidates.csv") for run in (first, second))
    mine, theirs = one["smiles"].tolist(), two["smiles"].tolist()
    if mine == theirs:
        columns = [c for c in one if c in two and c != SECONDS and pd.api.types.is_numeric_dtype(one[c])]
        equal = all(_is_close(one[c], two[c]) for c in columns)
        values = "and all their values" if equal else "but not all of their values"
        return (
            True,
            f"the same {count_things(len(mine), 'candidate')} in the same order, {values}, as in the run {first.id}",
        )
    shared = len(set(mine) & set(theirs))
    versions = first.manifest.get("versions") or {}
    now = list_versions()
    other = [
        f"{name} {old} then, {now[name]} now" for name, old in versions.items() if name in now and now[name] != old
    ]
    why = f"; other versions: {', '.join(other)}" if other else ""
    return False, (
        f"not the same as the run {first.id}: {shared:,} of its {count_things(len(mine), 'candidate')} {'is' if shared == 1 else 'are'} among the {len(theirs):,} of now{why}"
    )


def _is_close(one: pd.Series, two: pd.Series) -> bool:
    """Tell whether two columns have the same numbers, up to what another machine may round otherwise."""
    difference = (one.astype(float) - two.astype(float)).abs()
    return bool(((difference <= 1e-4 * (1 + one.astype(float).abs())) | (one.isna() & two.isna())).all())
