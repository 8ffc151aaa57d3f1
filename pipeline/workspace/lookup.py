"""Finds the folder that a user means by a path, a name, the id of a run, or `latest`."""

from __future__ import annotations

import os
import re
import warnings
from pathlib import Path

from chem_vae.errors import ChemVAEError, ChemVAEWarning, DataError, match_name, unknown_name
from pipeline.workspace.registry import find_data_folder
from pipeline.workspace.remote.remote_folders import fetch_folder
from pipeline.workspace.remote.remote_storage import is_remote
from pipeline.workspace.storage.folders import find_time
from pipeline.workspace.storage.integrity import MANIFEST

LATEST = "latest"
LIBRARY = "library"
"""What stands for the measurements of the candidate library instead of a file of measurements."""
PREFERRED_MODEL = "druglike"
"""The shipped model that is taken where nothing else decides between the shipped ones."""
MODEL = "model"
"""The folder of a run folder with the model that the run used."""
_TIME = len("20250131-120000-")
_ROUND = re.compile(r"-r([0-9]{1,6})$")
CALLS = "calls.csv"
"""The file of oracle calls, which only the run folder of an optimization holds."""


def find_workspace(given: str | Path | None = None) -> Path:
    """Return the workspace: the one that is given, else that of the variable CHEM_VAE_WORKSPACE, else ./workspace."""
    return Path(given if given is not None else os.environ.get("CHEM_VAE_WORKSPACE") or "workspace").expanduser()


def find_dataset(asked: str, workspace: Path) -> Path:
    """Find the folder of a dataset.

    Args:
        asked: Its path, the address of a published one, the name of its folder, its name (the newest of that name is taken), or
            `latest`.
        workspace: The folder in which it is looked for.

    Raises:
        DataError: If there is no finished dataset.
        UserError: If the name is unknown.
    """
    if is_remote(asked):
        return fetch_folder(asked, workspace)
    if (Path(asked) / "manifest.json").is_file():
        return Path(asked)
    known = list_finished(workspace / "datasets")
    if not known:
        raise DataError(f"there is no finished dataset in {workspace}; make one with: chem-vae ingest SOURCE")
    found = [f for f in known if asked == LATEST or f.name == asked or f.name.rpartition("-")[0] == asked]
    if not found and (
        same := match_name(asked, {*(f.name for f in known), *(f.name.rpartition("-")[0] for f in known)})
    ):
        return find_dataset(same, workspace)
    if not found:
        raise unknown_name("dataset of the workspace", asked, [f.name for f in known])
    return found[0]


def list_shipped_models() -> dict[str, Path]:
    """List the models that came with the installation, by name; PREFERRED_MODEL is the first where it is among them."""
    try:
        parent = find_data_folder() / "models"
    except ChemVAEError:  # an incomplete installation is said where its data is needed
        return {}
    found = [f for f in sorted(parent.glob("*")) if (f / "model.json").is_file()]
    return {f.name: f for f in sorted(found, key=lambda f: f.name != PREFERRED_MODEL)}


def list_workspace_models(workspace: Path) -> list[Path]:
    """List the finished model folders of a workspace, newest first."""
    return list_finished(workspace / "models")


def find_model(asked: str | None, workspace: Path) -> Path:
    """Find the folder of a model.

    Args:
        asked: The name of a model that came with the installation, which wins over a folder of that name (write ./name for
            the folder); the path or name of a model's folder; the folder, id or name of a run, whose model is taken; the
            name of a dataset; the address of a published model or run (s3://bucket/models/NAME); or `latest`, the newest of the workspace. None, where nothing is asked for, is `latest` too, and
            the first of the shipped models where the workspace has none, which a warning says.
        workspace: The folder in which it is looked for.

    Raises:
        DataError: If there is no model at that path, or none in the workspace.
        UserError: If the name is unknown.
    """
    shipped = list_shipped_models()
    if asked is None:
        return _find_usual_model(workspace)
    if asked in shipped:
        return shipped[asked]
    if is_remote(asked):
        return fetch_folder(asked, workspace, MODEL)
    for path in (Path(asked), Path(asked) / "model"):
        if (path / "model.json").is_file():
            return path
    known = list_workspace_models(workspace)
    runs = [f for f in list_finished(workspace / "runs") if (f / "model" / "model.json").is_file()]
    if asked == LATEST:
        if not known and not runs:
            use = f"; or take one that is here already: --model {next(iter(shipped))}" if shipped else ""
            raise DataError(
                f"there is no finished model in {workspace}; make one with: chem-vae run, or chem-vae train{use}"
            )
        newest = max([*known, *runs], key=find_time)
        return newest if newest in known else newest / "model"  # a run may have reused an older model
    for folder in known:
        if folder.name == asked:
            return folder
    for folder in runs:
        if is_run_name(asked, folder.name):
            return folder / "model"
    for folder in known:
        if folder.name.rpartition("-")[0] == asked:
            return folder
    names = {*shipped, *(f.name for f in [*known, *runs]), *(f.name[_TIME:] for f in runs)}
    names |= {f.name.rpartition("-")[0] for f in known}
    if (same := match_name(asked, names)) not in (None, asked) and not Path(asked).exists():
        return find_model(same, workspace)
    if Path(asked).exists():
        raise DataError(f"{asked} is no model: it has no model.json; give a model's folder, or a run's folder or id")
    if Path(asked).name != asked:
        there = ", ".join(f.name for f in [*known, *runs][:5]) or next(iter(shipped), "none")
        raise DataError(
            f"there is no model {asked}: it was deleted or moved; name another one (--model), such as {there}, or train it again"
        )
    raise unknown_name("model or run", asked, [*shipped, *(f.name for f in [*known, *runs])])


def _find_usual_model(workspace: Path) -> Path:
    """Find the newest model of the workspace, or the first of the shipped ones, which a warning says."""
    try:
        return find_model(LATEST, workspace)
    except DataError:
        shipped = list_shipped_models()
        if not shipped:
            raise
    name, folder = next(iter(shipped.items()))
    warnings.warn(
        f"there is no model in {workspace} yet: {name} is taken, which came with the installation; --model names another one "
        "(see chem-vae models)",
        ChemVAEWarning,
        stacklevel=3,
    )
    return folder


def write_model_name(folder: Path) -> str:
    """Return the name by which `find_model` finds a model: a shipped one's own, a run's id, or the name of the folder."""
    for name, path in list_shipped_models().items():
        if folder.resolve() == path.resolve():
            return name
    return folder.parent.name if folder.name == "model" else folder.name


def find_run(asked: str, workspace: Path, optimization: bool | None = None) -> Path:
    """Find the folder of a finished run.

    Args:
        asked: Its path, the address of a published one, its id, its name (the newest of that name is taken), or `latest`.
        workspace: The folder in which it is looked for.
        optimization: Whether to look only among the runs of `chem-vae optimize`, or only among the others; a path or an id is
            taken as it is.

    Raises:
        DataError: If there is no finished run (of that kind).
        UserError: If the name is unknown.
    """
    if is_remote(asked):
        return fetch_folder(asked, workspace)
    if (Path(asked) / "manifest.json").is_file():
        return Path(asked)
    known = list_finished(workspace / "runs")
    if not known:
        raise DataError(f"there is no finished run in {workspace}; start one with: chem-vae run --data moses-sample")
    if optimization is not None:
        known = [f for f in known if f.name == asked or (f / CALLS).is_file() == optimization]
    found = [f for f in known if asked == LATEST or is_run_name(asked, f.name)]
    if found:
        return found[0]
    if (same := match_name(asked, {LATEST, *(f.name for f in known), *(f.name[_TIME:] for f in known)})) not in (
        None,
        asked,
    ):
        return find_run(str(same), workspace, optimization)
    if known or optimization is None:
        raise unknown_name("run", asked, [f.name for f in known])
    start = "chem-vae optimize --maximize qed" if optimization else "chem-vae run --data moses-sample"
    raise DataError(f"there is no finished run of that kind in {workspace}; start one with: {start}")


def find_folder(asked: str, workspace: Path) -> Path:
    """Find any folder by its path, by the address of a published one, or by its name below datasets/, models/ or runs/ of the workspace.

    Raises:
        DataError: If there is none.
    """
    if is_remote(asked):
        return fetch_folder(asked, workspace)
    path = Path(asked)
    if path.is_file():
        path = path.parent  # a file of the folder: model.safetensors, manifest.json
    places = [path, *(workspace / kind / asked for kind in ("runs", "models", "datasets"))]
    for place in places:
        if place.is_dir():
            return place
    raise DataError(f"there is no folder {asked}, and none of that name in {workspace}")


def is_run_name(asked: str, run_id: str) -> bool:
    """Tell whether a text is the id of a run, or its name, without the round or with it (20250131-120000-name-r2)."""
    return asked in (run_id, run_id[_TIME:]) or count_round(run_id, asked) > 0


def count_round(run_id: str, name: str) -> int:
    """Return the round of a run by its id: 1 for the first run of a name, and 0 for a run of another name."""
    rest = run_id[_TIME:]
    if rest == name:
        return 1
    found = _ROUND.fullmatch(rest.removeprefix(name)) if rest.startswith(name) else None
    return int(found[1]) if found else 0


def read_round(run_id: str) -> int:
    """Read the round of a run from its id (20250131-120000-name-r2); 1 where it tells none."""
    found = _ROUND.search(run_id)
    return int(found[1]) if found else 1


def list_finished(parent: Path) -> list[Path]:
    """List the finished folders in a folder, newest first."""
    if not parent.is_dir():
        return []
    names = (f for f in parent.iterdir() if not f.name.startswith("."))  # hidden: its deletion has begun
    whole = [f for f in names if not f.name.endswith(".partial") and ".damaged-" not in f.name]
    return sorted((f for f in whole if (f / MANIFEST).is_file()), key=find_time, reverse=True)
