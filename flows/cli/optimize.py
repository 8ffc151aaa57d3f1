"""The command `optimize`: the best molecules that a number of oracle calls can find."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from chem_vae.errors import DataError, UserError
from flows.cli import options
from flows.cli.answers import describe_run
from flows.cli.command import command, new_group
from flows.cli.export import check_output, export
from flows.cli.given import Given
from flows.cli.json_output import answer
from flows.cli.setting_option import SettingOption
from flows.environment import start_prefect
from flows.terminal import format_candidates, format_summary, log, note, show_progress, suggest_command
from pipeline.workflows.checks.require_hits import require_hits
from pipeline.workspace.lookup import find_model
from pipeline.workspace.presentation.formatting import count_things
from pipeline.workspace.remote.publishing import publish_to
from pipeline.workspace.work.cluster import use_cluster

if TYPE_CHECKING:
    from pipeline.config import CampaignConfig
    from pipeline.optimization.config import OptimizeConfig
    from pipeline.workspace.runs import Run

app = new_group()
SEED = SettingOption(options.HOW, "--seed", "optimize.seed")


@command(
    app,
    *options.make_aims("optimize"),
    *options.make_scaffold("optimize"),
    *options.SEARCHING,
    SEED,
    options.NAME,
    options.DASK,
    options.FAIL_UNDER,
    options.PUBLISH,
    options.SET,
)
def optimize(
    given: Given,
    output: Path | None,
    config: Path | None,
    workspace: Path,
    prefect: bool,
    quiet: bool,
    debug: bool,
    model: Annotated[str | None, options.MODEL] = None,
    go_on: Annotated[
        str | None,
        options.make_option(
            options.MODELS, "--continue", metavar="RUN",
            help="Go on from a finished optimization, e.g. --continue latest --calls 2000: its settings and its model, where "
            "no others are given; its calls are not paid again and count among --calls.",
        ),
    ] = None,
) -> None:  # fmt: skip
    """Find the best molecules that a number of oracle calls allows, and report how they were found.

    chem-vae optimize --maximize qed --calls 1000

    With an oracle of your own, near a molecule, several aims at once:

    chem-vae optimize -m moses --program "python dock.py" --endpoint affinity --minimize affinity --calls 500 --parallel 4

    chem-vae optimize -m moses --maximize qed --similar-to 'CC(=O)Nc1ccc(O)cc1' --at-least 0.4 --calls 200 -o better.csv

    Every answer of the oracle is on disk at once. A run that was killed goes on with the same command and asks about no answered
    molecule again, also with another --calls or --timeout; where the oracle is your own, also with other objectives,
    constraints, --strategy or --seed. Only the molecules that the oracle was working on are asked about again (see
    --oracle-batch). Another --name begins a new run. Where the oracle is down, the run stops, and failed calls are not charged.

    Ctrl-C stops after the round, with a report of what is there; a second one stops at once, and the same command goes on.

    After a finished run the same command begins a new one; --continue goes on from it. A configuration file holds in its table
    `optimize` the settings that have no option here: transforms, weights, more constraints.
    """
    from pipeline.workspace.runs import Run  # here and below: loads filelock and multiprocessing

    earlier = Run.open(go_on, workspace, optimization=True) if go_on is not None else None
    before = _read_earlier_settings(earlier) if earlier is not None and config is None else {}
    options.add_similarity(given, "optimize")
    _add_seeds(given)
    _check_oracle(given, config, before)
    whole = given.load(config, before, name="optimize")
    asked = _read_request(whole)
    if output is not None:
        check_output(output)
    folder = earlier.folder / "model" if earlier and model is None else find_model(model, workspace)
    if prefect:
        start_prefect(quiet, debug)
        from flows.optimize import optimize as flow  # here: loads prefect and pydantic

        resume = str(earlier.folder) if earlier else None
        places: dict[str, Any] = {"candidate_library": whole.library, "dask": whole.dask, "publish": whole.publish}
        made = Path(flow(str(folder), asked, workspace, whole.name, resume, **places))
    else:
        from pipeline.models.trained_model import TrainedModel  # here: loads torch and rdkit
        from pipeline.workflows.optimize_run import optimize_run

        trained = TrainedModel.open(folder, workspace=workspace)
        with (
            publish_to(whole.publish, workspace, log),
            use_cluster(whole.dask, workspace),
            show_progress(quiet) as progress,
        ):
            run = optimize_run(
                trained, asked, workspace, whole.name, progress, resume=earlier, library=whole.library,
                overall=whole.list_overall(),
            )  # fmt: skip
        made = run.folder
    _show(made)
    if earlier is not None and _count_calls(made) == (calls := _count_calls(earlier.folder)):
        note(f"no call was made beyond the {calls:,} of {earlier.id}: go on with more, as in --calls {2 * calls}")
    answer(lambda: describe_run(made))
    if output is not None:
        print(f"{count_things(export(made, output), 'candidate')}: {output}")
    suggest_command("chem-vae report {} --open", made.name, workspace=workspace)
    require_hits(made, whole.fail_under)


def _add_seeds(given: Given) -> None:
    """Add the molecules of --seed-molecule, or else of --similar-to, as seeds. Raises UserError where one cannot be read."""
    similar, seeds = given.raw.get("--similar-to"), given.raw.get("--seed-molecule")
    if seeds:
        from pipeline.explore.inputs import read_smiles  # here: loads torch and rdkit

        given.settings.setdefault("optimize.seeds", read_smiles(seeds))
    elif similar:
        given.settings.setdefault("optimize.seeds", similar)


def _check_oracle(given: Given, config: Path | None, before: Mapping[str, Any]) -> None:
    """Raise UserError for two oracles, or for settings of an oracle where options, file and earlier run name none."""
    if "--oracle" in given.raw and "--program" in given.raw:
        raise UserError("give --oracle (a Python function) or --program, not both")
    if said := [option.name for option in options.ORACLE_SETTINGS if option.name in given.raw]:
        from pipeline.config import read_table  # here: loads pydantic

        oracle = read_table(config, {**before, **given.settings}, "optimize.oracle")
        if not any(oracle.get(kind) for kind in ("property", "function", "program", "registered")):
            raise UserError(f"{', '.join(said)}: there is no oracle to set this for; give --oracle or --program too")


def _read_request(whole: CampaignConfig) -> OptimizeConfig:
    """Return the table [optimize]. Raises UserError where there is none, or where its strategy is unknown."""
    if whole.optimize is None:
        raise UserError(
            "say what is wanted, e.g. --maximize qed, or who scores, e.g. --oracle my_docking:dock, or give a file with a "
            "table [optimize] by --config"
        )
    from chem_vae.optimizers import spell_strategy

    spell_strategy(whole.optimize.strategy)
    return whole.optimize


def _read_earlier_settings(run: Run) -> dict[str, Any]:
    """Return what a finished run was told of the search and of the whole run, without what ended it: that would end the next one at once."""
    from pipeline.workspace.runs import select_overall  # here: loads filelock and multiprocessing

    try:
        settings = json.loads((run.folder / "config.json").read_text(encoding="utf-8"))
        # a run of a version without limits on the size goes on without them
        table = {key: value for key, value in settings["optimize"].items() if key not in ("patience", "enough")}
        return {"name": settings["name"], "optimize": {"usual_size": False, **table}, **select_overall(settings)}
    except (OSError, ValueError, KeyError):
        raise DataError(f"the run {run.id} was no optimization, so that there is nothing to continue") from None


def _count_calls(folder: Path) -> int:
    """Count the oracle calls of a finished run, those that it took over included."""
    return int(json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["counts"]["asked"])


def _show(folder: Path) -> None:
    """Print the counts, what was achieved, the best five with their objectives' values, and the report's path."""
    from pipeline.report.model import read_report  # here: loads pydantic

    report = read_report(folder)
    print(format_summary(report), end="\n\n")
    names = [objective.property for objective in report.request.objectives]
    if best := format_candidates(folder / "candidates.csv", 5, names, report):
        print(best, end="\n\n")
    if report.optimization:
        note(f"ended: {report.optimization.ended}")
    print(f"report: {folder / 'report.html'}")
