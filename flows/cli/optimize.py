"""The command `optimize`: the best molecules that a number of oracle calls can find."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from flows.cli import options
from flows.cli import search_options as search
from flows.terminal import next_command, note, progress_shown, where

if TYPE_CHECKING:
    from pipeline.config import CampaignConfig
    from pipeline.workspace.runs import Run

app = typer.Typer()


@app.command()
def optimize(
    model: options.ModelIfGiven = None,
    go_on: search.GoOn = None,
    oracle: search.Oracle = None,
    program: search.Program = None,
    endpoints: search.Endpoints = None,
    timeout: search.Timeout = None,
    parallel: search.Parallel = None,
    oracle_batch: search.OracleBatch = None,
    calls: search.Calls = None,
    targets: options.Targets = None,
    tolerances: options.Tolerances = None,
    maximize: options.Maximize = None,
    minimize: options.Minimize = None,
    ranges: options.Ranges = None,
    aggregate: search.Aggregate = None,
    n: options.Number = None,
    must_contain: search.MustContain = None,
    must_not_contain: search.MustNotContain = None,
    similar_to: search.SimilarTo = None,
    at_least: search.AtLeast = None,
    start: search.StartFrom = None,
    seed_molecules: search.SeedMolecules = None,
    strategy: search.Strategy = None,
    batch: search.Batch = None,
    minutes: search.Minutes = None,
    patience: search.Patience = None,
    enough: search.Enough = None,
    output: options.Output = None,
    config: options.Config = None,
    seed: options.Seed = None,
    name: options.Name = None,
    settings: options.Settings = None,
    workspace: options.Workspace = options.WORKSPACE,
    prefect: options.Prefect = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Find the best molecules that a number of oracle calls allows, and report how they were found.

    chem-vae optimize --model moses --maximize qed --calls 1000

    With an oracle of your own, near a molecule, several aims at once:

    chem-vae optimize -m moses --program "python dock.py" --endpoint affinity --minimize affinity --calls 500 --parallel 4

    chem-vae optimize -m moses --maximize qed --similar-to 'CC(=O)Nc1ccc(O)cc1' --at-least 0.4 --calls 200 -o better.csv

    Every answer is on disk as soon as the oracle gives it. Killed, the same command goes on, also with another --calls or
    --timeout and, where the oracle is your own, with other aims, constraints, --strategy or --seed (another --name begins afresh),
    and asks no answered molecule again; what the oracle was at is asked again: of a program what it had not
    answered, of a function one batch of each process, kept to about ten seconds or one molecule (see --oracle-batch). Where the
    oracle is down the run stops, and what failed is not charged. Finished, the same command begins anew, unless you say
    --continue. A file's table \\[optimize] holds what has no option here: transforms, weights, more constraints.
    """
    from chem_vae.errors import UserError
    from flows.cli.export import export
    from flows.cli.overrides import given_settings, objectives
    from pipeline.workspace.runs import Run

    if at_least is not None and not similar_to:
        raise UserError("--at-least says how similar: give the molecule too, as in --similar-to 'CCO'")
    earlier = Run.open(go_on, workspace, optimization=True) if go_on is not None else None
    given = _earlier_settings(earlier, config is not None)
    given |= {
        key: value
        for key, value in {
            "name": name or (None if config or earlier else "optimize"),
            "optimize.oracle_calls": calls,
            "optimize.aggregate": aggregate,
            "optimize.n": n,
            "optimize.start": start,
            "optimize.strategy": strategy,
            "optimize.batch_size": batch,
            "optimize.minutes": minutes,
            "optimize.patience": patience,
            "optimize.enough": enough,
            "optimize.seed": seed,
        }.items()
        if value is not None
    }
    given |= _oracle_settings(oracle, program, endpoints, timeout, parallel, oracle_batch)
    given |= objectives(targets, tolerances, maximize, minimize, ranges, table="optimize")
    must: list[dict[str, Any]] = [{"must_contain": smarts} for smarts in must_contain or ()]
    must += [{"must_not_contain": smarts} for smarts in must_not_contain or ()]
    if similar_to:
        must.append({"similarity_to": similar_to, "at_least": 0.4 if at_least is None else at_least})
    if must:
        given["optimize.constraints+"] = must
    if seed_molecules:
        from pipeline.explore.inputs import molecules_in

        given["optimize.seeds"] = molecules_in(seed_molecules)
    elif similar_to:
        given["optimize.seeds"] = similar_to
    given |= given_settings(settings, "optimize.temperature=0.8")
    _check_has_oracle(config, given, endpoints, timeout, parallel, oracle_batch)
    folder = _run(given, config, model, workspace, earlier, output, prefect=prefect, quiet=quiet, debug=debug)
    _show(folder)
    if output is not None:
        print(f"{export(folder, output)} candidates: {output}")
    next_command(f"chem-vae report {folder.name} --open{where(workspace)}")


def _run(
    given: dict[str, Any],
    config: Path | None,
    model: str | None,
    workspace: Path,
    earlier: Run | None,
    output: Path | None,
    *,
    prefect: bool,
    quiet: bool,
    debug: bool,
) -> Path:
    """Check what can be checked before the work; then the run's folder."""
    from flows.cli.export import check_output
    from pipeline.config import load_config
    from pipeline.workspace.lookup import find_model

    whole = load_config(config, given)
    asked = _asked(whole)
    if output is not None:
        check_output(output)
    folder = (
        earlier.folder / "model" if earlier is not None and model is None else find_model(model or "latest", workspace)
    )
    if prefect:
        from flows.environment import start_prefect

        start_prefect(quiet, debug)
        from flows.optimize import optimize as flow

        return Path(flow(str(folder), asked, workspace, whole.name, str(earlier.folder) if earlier else None))
    from pipeline.models.trained_model import TrainedModel
    from pipeline.workflows.optimize_run import optimize_run

    trained = TrainedModel.open(folder, workspace=workspace)
    with progress_shown(quiet) as progress:
        return optimize_run(trained, asked, workspace, whole.name, progress, resume=earlier).folder


def _asked(whole: CampaignConfig) -> Any:
    """The table [optimize]. Raises UserError where there is none, or a name in it that is known nowhere."""
    from chem_vae.errors import UserError

    if whole.optimize is None:
        raise UserError(
            "say what is wanted, e.g. --maximize qed, or who scores, e.g. --oracle my_docking:dock, or give a file with a "
            "table [optimize] by --config"
        )
    from chem_vae.optimizers import check_strategy

    check_strategy(whole.optimize.strategy)
    return whole.optimize


def _earlier_settings(run: Run | None, has_file: bool) -> dict[str, Any]:
    """The name and the table [optimize] of a finished run, where no file says it all."""
    import json

    from chem_vae.errors import DataError

    if run is None or has_file:
        return {}
    try:
        settings = json.loads((run.folder / "config.json").read_text(encoding="utf-8"))
        return {"name": settings["name"], "optimize": settings["optimize"]}
    except (OSError, ValueError, KeyError):
        raise DataError(f"the run {run.id} was no optimization, so that there is nothing to continue") from None


def _oracle_settings(
    function: str | None,
    program: str | None,
    endpoints: list[str] | None,
    timeout: float | None,
    parallel: int | None,
    batch: int | None,
) -> dict[str, Any]:
    """The oracle's settings by dotted key; who scores replaces the file's, whatever that is."""
    import shlex

    from chem_vae.errors import UserError

    if function is not None and program is not None:
        raise UserError("give --oracle (a Python function) or --program, not both")
    found: dict[str, Any] = {}
    if function is not None or program is not None:
        found = {"optimize.oracle.function": function, "optimize.oracle.property": None}
        found["optimize.oracle.program"] = None
        if program is not None:
            try:
                found["optimize.oracle.program"] = shlex.split(program)
            except ValueError as error:
                raise UserError(f"--program {program}: {error}") from None
    if endpoints:
        found["optimize.oracle.endpoints"] = [part.strip() for text in endpoints for part in text.split(",")]
    if timeout is not None:
        found["optimize.oracle.timeout"] = timeout
    if parallel is not None:
        found["optimize.oracle.parallel"] = parallel
    if batch is not None:
        found["optimize.oracle.batch_size"] = batch
    return found


def _check_has_oracle(
    config: Path | None,
    given: dict[str, Any],
    endpoints: list[str] | None,
    timeout: float | None,
    parallel: int | None,
    batch: int | None,
) -> None:
    """Raises UserError for options of an oracle where neither options nor the file nor the earlier run name one."""
    from chem_vae.errors import UserError
    from pipeline.config import given_table

    options = {"--endpoint": endpoints or None, "--timeout": timeout, "--parallel": parallel}
    options["--oracle-batch"] = batch
    if said := [option for option, value in options.items() if value is not None]:
        oracle = given_table(config, given, "optimize.oracle")
        if not any(oracle.get(kind) for kind in ("property", "function", "program")):
            raise UserError(f"{', '.join(said)}: there is no oracle to set this for; give --oracle or --program too")


def _show(folder: Path) -> None:
    """The accounts, what was achieved, the best five with their objectives' values, and the report's path."""
    from flows.terminal import candidates, summary
    from pipeline.report.model import read_report

    report = read_report(folder)
    print(summary(report), end="\n\n")
    names = [objective.property for objective in report.request.objectives]
    if best := candidates(folder / "candidates.csv", 5, names):
        print(best, end="\n\n")
    if report.optimization:
        note(f"ended: {report.optimization.ended}")
    print(f"report: {folder / 'report.html'}")
