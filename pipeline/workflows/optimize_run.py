"""Runs an optimization in a run folder with every call, candidates, report and model; a killed run can go on."""

from __future__ import annotations

import math
import shutil
import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd

from chem_vae import atomic_files
from chem_vae.errors import ChemVAEWarning
from chem_vae.progress import Progress, silent
from pipeline.chemistry.fingerprints import tanimoto
from pipeline.chemistry.metrics import NEVER_PROPOSED, NOT_IN_TRAINING
from pipeline.chemistry.molecule import Molecule
from pipeline.chemistry.properties import PROPERTIES
from pipeline.datasets.dataset import Dataset
from pipeline.generation.annotate import (
    add_neighbors,
    add_predictions,
    annotate,
    compare_with_earlier_runs,
    compare_with_training,
    list_novelty_warnings,
)
from pipeline.generation.scaffold_search import name_groups
from pipeline.models.spelling import encode_valid
from pipeline.models.trained_model import TrainedModel
from pipeline.models.training_set.training_molecules import TrainingMolecules
from pipeline.optimization.config import OptimizeConfig
from pipeline.optimization.loop import LOG, ORIGINS, optimize
from pipeline.optimization.result import Optimization, explain_full_scaffolds, rank_candidates
from pipeline.oracles.base import Oracle
from pipeline.oracles.ledger import Map
from pipeline.report.building.optimization_report import build_optimization_report
from pipeline.workflows.checks.preflight import check_optimization
from pipeline.workflows.records.known_molecules import PROPOSED, KnownMolecules, name_library, record_run
from pipeline.workflows.records.oracle_files import FILES, note_oracle_files
from pipeline.workflows.records.run_folder import RunWriter, estimate_run, open_run_writer
from pipeline.workflows.records.search_state import (
    RUN,
    copy_calls,
    count_first_calls,
    find_finished,
    find_state_folder,
    keep_without_limits,
    note_settings,
)
from pipeline.workspace.lookup import CALLS
from pipeline.workspace.night import make_seed
from pipeline.workspace.runs import Run
from pipeline.workspace.storage.disk_space import check_writable
from pipeline.workspace.storage.folders import delete_folder, hash_content, lock_folder
from pipeline.workspace.work.own_warnings import hear_warnings

_WAIT = 1.0
"""The seconds to wait for a lock, which whoever lists the runs holds for a moment."""
USUAL = ("logp", "qed", "sa", "mw", "tpsa")  # properties to compute for the candidates of any model


def optimize_run(
    model: TrainedModel,
    config: OptimizeConfig,
    workspace: Path,
    name: str,
    progress: Progress = silent,
    *,
    map: Map | None = None,
    oracle: Oracle | Callable[[list[str]], Any] | None = None,
    dataset: Dataset | None = None,
    resume: Run | None = None,
    library: str | None = None,
    overall: Mapping[str, Any] | None = None,
    known: KnownMolecules | None = None,
) -> Run:
    """Optimize with a model and write a run folder with every oracle call in calls.csv.

    While the search runs, its calls are in the folder that `find_state_folder` names. After a kill the same request goes on
    from there and pays for nothing twice, also with other objectives, constraints, strategy or seed; a warning then says so.
    With the same settings it goes the way that it would have gone without the kill, as long as it is not far (`REPEATED`).
    When the run is finished its calls lie in the run folder, and the same request begins anew. Where it was killed between these
    two, the same request returns the finished run.

    Args:
        model: The trained model.
        config: The settings of the search.
        workspace: The folder whose `runs/` gets the run folder.
        name: The name of the run.
        progress: Told each stage of the work.
        map: How batches are handed out, see CountedOracle.
        oracle: An Oracle or a function, instead of the settings' oracle.
        dataset: The model's dataset; found in the workspace when None.
        resume: A finished run whose calls are known from the start; they count against the budget, and what it alone proposed may
            be proposed again.
        library: The address of the candidate library; that of the workspace when None.
        overall: Further settings that hold for the whole run (`CampaignConfig.list_overall`), to be kept with its own.
        known: What the library knows, where that was asked already.

    Returns:
        The finished run.

    Raises:
        BusyError: Another process is at the same optimization.
        UserError: And OracleError: what `pipeline.optimization.loop.optimize` raises.
    """
    check_optimization(config)
    check_writable(workspace, estimate_run(model, workspace, config.n + config.oracle_calls), "the run")
    state = find_state_folder(model, config, workspace, name, resume)
    if config.seed == "date":  # the number is said in the report, so that the night can be repeated
        config = config.model_copy(update={"seed": make_seed(config.seed)})
    dataset = dataset or model.dataset(workspace)
    with lock_folder(state, "optimizing the same under this name (another --name begins one of its own)", wait=_WAIT):
        asked: dict[str, Any] = {"optimize": config.model_dump(mode="json"), **name_library(library)}
        if (run := find_finished(state, workspace, asked)) is not None:
            record_run(run, workspace, library)
            return run
        config = keep_without_limits(config, state)
        before = note_settings(config, state)
        if resume is not None:
            copy_calls(resume, state)
        changed = note_oracle_files(config.oracle, state)
        for warning in (*before, *changed):  # before a call is paid
            warnings.warn(warning, ChemVAEWarning, stacklevel=2)
        repeat_from = None if before else count_first_calls(resume, state)
        known = known or KnownMolecules(workspace, library, None if resume is None else resume.id)
        started = time.monotonic()
        raised: list[str] = []
        with hear_warnings(raised.append, momentary=False):
            found = optimize(
                model,
                config,
                state,
                oracle=oracle,
                dataset=dataset,
                map=map,
                repeat_from=repeat_from,
                progress=progress,
            )
        seconds = time.monotonic() - started
        found.warnings += dict.fromkeys([*before, *changed, *raised])
        if config.exclude_known:
            leave_out_known(found, model, known)
        asked["optimize"] = config.model_dump(mode="json")
        with open_run_writer(workspace, name, model, dataset, {**asked, **(overall or {})}, progress) as writer:
            atomic_files.write_json(state / RUN, {"run": writer.run.id, "asked": hash_content(asked)})
            for file in (LOG, ORIGINS, FILES):
                if (state / file).exists():
                    shutil.copyfile(state / file, writer.folder / file)
            run = write_run(writer, found, seconds, progress, known)
        record_run(run, workspace, library)
        with suppress(OSError):
            delete_folder(state)  # not before the run is whole and recorded
    return run


def leave_out_known(found: Optimization, model: TrainedModel, known: KnownMolecules) -> None:
    """Rank the candidates of an optimization again without what earlier runs proposed; a warning says how many these are."""
    if not known.keys:
        return

    def is_known(smiles: str) -> bool:
        return model.standardize(Molecule(smiles)).inchikey in known

    found.candidates = rank_candidates(found.calls, found.config.n, found.config.per_scaffold, is_known)
    if known.met:
        found.warnings.append(
            f"{len(known.met):,} of the best molecules were proposed by earlier runs and are left out (--no-exclude-known keeps them)"
        )


def annotate_candidates(
    found: Optimization,
    model: TrainedModel,
    dataset: Dataset | None,
    progress: Progress = silent,
    known: KnownMolecules | None = None,
) -> pd.DataFrame:
    """Annotate the candidates of an optimization, compare each with its parent, and with what earlier runs proposed.

    Returns:
        The candidates with the columns of `pipeline.generation.annotate`, `z`, `molecule` and `parent_similarity`, the
        Tanimoto similarity to the parent (Morgan, radius 2, 1024 bits).
    """
    ranked_by = [c for c in found.candidates if str(c).endswith("_ranked_by")]
    table = found.candidates.drop(columns=["failed", *ranked_by]).rename(columns={"hit": "within_target"})
    if not found.bounded:
        table = table.drop(columns="within_target")
    molecules = [Molecule(text) for text in table["smiles"]]
    table.insert(2, "inchikey", [model.standardize(m).inchikey for m in molecules])
    table["z"] = list(encode_valid(model.checkpoint, molecules))
    table["molecule"] = pd.Series(molecules, index=table.index, dtype=object)
    table = compare_with_training(table, model, TrainingMolecules.of(model, dataset))
    if known is not None:
        unseen = compare_with_earlier_runs(table, known)
        found.novelty = {NEVER_PROPOSED: int((~table["proposed_before"]).sum())}
        if unseen is not None:
            found.novelty[NOT_IN_TRAINING] = unseen
    own = [p.name for p in model.properties if p.kind == "computed" and p.name in PROPERTIES]
    others = [n for n in dict.fromkeys([*own, *USUAL]) if f"{n}_computed" not in table]
    table = annotate(table, table.index, (), others, n=len(table), usual=found.usual, progress=progress)
    aimed = {w.summary.name for w in found.objectives}
    measured = {p.name for p in model.properties if p.kind == "measured"}
    table = add_predictions(table, model, [n for n in model.predictors if n in aimed | measured])
    table = add_neighbors(table, model, dataset, progress)
    if found.config.scaffold is not None:
        table = name_groups(table, found.config.scaffold)
    parents = [Molecule(p) if isinstance(p, str) else None for p in table["parent"]]
    table["parent_similarity"] = [
        tanimoto(m.fingerprint, p.fingerprint) if p is not None else math.nan
        for m, p in zip(molecules, parents, strict=True)
    ]
    return table


def write_run(
    writer: RunWriter,
    found: Optimization,
    seconds: float,
    progress: Progress = silent,
    known: KnownMolecules | None = None,
) -> Run:
    """Write the calls, the candidates and the report of an optimization into its run folder, and finish the run."""
    model, dataset = writer.model, writer.dataset
    candidates = annotate_candidates(found, model, dataset, progress, known)
    found.warnings += [*explain_full_scaffolds(candidates, found.config), *list_novelty_warnings(model, dataset)]
    times = writer.list_seconds(optimize=seconds)
    report = build_optimization_report(
        found, candidates, model, dataset, title=writer.name, run_id=writer.run.id, seconds=times
    )
    if known is not None:
        report.news = known.describe(candidates, found.config.exclude_known)
        writer.write_table(PROPOSED, known.list_met())
    found.report = report.to_dict()
    writer.write_table(CALLS, found.calls)
    return writer.finish(
        report, candidates, kind="optimization", seed=found.config.seed, counts=found.counts, ended=found.ended
    )
