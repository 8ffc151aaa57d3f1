"""Keeps a search that is not finished in a folder of the workspace, so that a later process goes on with it."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chem_vae import atomic_files
from chem_vae.errors import ChemVAEWarning, UserError
from pipeline.models.trained_model import TrainedModel
from pipeline.optimization.config import OptimizeConfig
from pipeline.optimization.loop import LOG, ORIGINS
from pipeline.optimization.provenance import Provenance
from pipeline.oracles.call_log import count_calls, find_log, has_calls
from pipeline.workflows.records.oracle_files import FILES
from pipeline.workspace.runs import Run
from pipeline.workspace.storage.folders import delete_folder, hash_content

BEGUN, RUN = "begun.json", "run.json"
"""Files of the folder of an unfinished search: the settings it was begun with, and the run folder that it is written to."""
REPEATED = 2_000
"""The calls up to which a search that goes on is repeated from its beginning with the answers of its log; more would take long."""
NOT_OF_THE_SEARCH = {"oracle_calls", "minutes", "patience", "enough", "n", "per_scaffold"}
NOT_OF_THE_ORACLE = {"timeout", "retries", "batch_size", "parallel"}


def find_state_folder(
    model: TrainedModel, config: OptimizeConfig, workspace: Path, name: str, resume: Run | None = None
) -> Path:
    """Find the folder where an optimization that is not finished keeps its calls.

    Its name has a hash of the model and the oracle, whose answers stay true whatever the objectives. What is wanted, how it is
    searched, when to stop and how the oracle is run are left out, so that a search can go on under other objectives, with a
    larger budget or a longer timeout. Computed properties cost nothing: without another oracle the hash is of the search too.

    Returns:
        `<workspace>/optimizations/<name>-<hash>`.
    """
    wished = _select_search_settings(config)
    del wished["usual_size"]  # it does not hold for computed properties
    if config.oracle is not None and config.oracle.property is None:
        asked = config.oracle.model_dump(mode="json", exclude=NOT_OF_THE_ORACLE)
        wished = {"oracle": asked}
    from_run = None if resume is None else resume.id  # the calls of another run are not this one's
    return workspace / "optimizations" / f"{name}-{hash_content('optimization', 3, model.key, wished, from_run)[:8]}"


def find_finished(state: Path, workspace: Path, asked: Mapping[str, Any]) -> Run | None:
    """Find the finished run of a search that was killed before its state was deleted, which is done now.

    Returns:
        The run, where the same is asked for now; None where there is none, or where something else is asked for.
    """
    try:
        told = atomic_files.read_json(state / RUN)
        run = Run.open(workspace / "runs" / told["run"])
    except (OSError, ValueError, KeyError, TypeError, UserError):
        return None
    delete_folder(state)
    if told.get("asked") != hash_content(asked):
        return None
    text = f"the run {run.id} was finished when its process was stopped, and is the result; the same once more begins a new one"
    warnings.warn(text, ChemVAEWarning, stacklevel=3)
    return run


def keep_without_limits(config: OptimizeConfig, state: Path) -> OptimizeConfig:
    """Leave the size free where the folder's calls were begun by a version that had no limits on it."""
    path = state / BEGUN
    if not (path.is_file() and has_calls(state / LOG)) or "usual_size" in json.loads(path.read_text(encoding="utf-8")):
        return config
    return config.model_copy(update={"usual_size": False})


def note_settings(config: OptimizeConfig, state: Path) -> list[str]:
    """Write down the settings of the folder's first run; return a warning where this run has others."""
    searched, path = _select_search_settings(config), state / BEGUN
    if not (path.is_file() and has_calls(state / LOG)):
        state.mkdir(parents=True, exist_ok=True)
        atomic_files.write_text(path, json.dumps(searched))
        return []
    first = json.loads(path.read_text(encoding="utf-8"))
    other = [key for key in searched if first.get(key, searched[key]) != searched[key]]  # a new setting was not told
    if not other:
        return []
    return [f"went on from the calls of a run that was stopped, and was told otherwise: {', '.join(other)}"]


def copy_calls(run: Run, state: Path) -> None:
    """Copy the calls of a finished run to where the loop looks for its own, and the versions of the oracle that answered."""
    log = find_log(run.folder / LOG)
    if log is None:
        raise UserError(f"the run {run.id} has no {LOG}: it was no optimization, and there is nothing to go on from")
    if find_log(state / LOG) is not None:
        return  # killed after it was taken up: its own log holds those calls and more
    state.mkdir(parents=True, exist_ok=True)
    if (run.folder / ORIGINS).is_file():
        with atomic_files.write_whole(state / ORIGINS) as partial:
            shutil.copyfile(run.folder / ORIGINS, partial)
        Provenance(state / ORIGINS).mark_begin()
    for path in (run.folder / FILES, log):
        if path.is_file():
            with atomic_files.write_whole(state / path.name) as partial:
                shutil.copyfile(path, partial)


def count_first_calls(resume: Run | None, state: Path) -> int | None:
    """Count the calls that a search began with, from where it can be repeated; None where that would take long."""
    first = 0 if resume is None else count_calls(resume.folder / LOG)
    return first if count_calls(state / LOG) - first <= REPEATED else None


def _select_search_settings(config: OptimizeConfig) -> dict[str, Any]:
    """Select the settings that decide which molecules are asked about."""
    settings = config.model_dump(
        mode="json", exclude={**dict.fromkeys(NOT_OF_THE_SEARCH, True), "oracle": NOT_OF_THE_ORACLE}
    )
    return {key: value for key, value in settings.items() if key != "scaffold" or value is not None}  # as before 0.3.0
