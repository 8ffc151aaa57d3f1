"""Checks the settings of a campaign before its work begins, not after the training."""

from __future__ import annotations

import shlex
import warnings
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from chem_vae.errors import ChemVAEWarning, UserError, match_name, unknown_name
from pipeline.chemistry.filters.structure_filters import read_allowed
from pipeline.chemistry.properties import PROPERTIES, get_property
from pipeline.chemistry.variation.scaffold_request import open_scaffold
from pipeline.config import CampaignConfig
from pipeline.datasets.config import MeasuredProperty
from pipeline.datasets.dataset import Dataset
from pipeline.datasets.labels.label_checks import find_classes, require_labels
from pipeline.datasets.property_names import explain_forgotten, list_columns, resolve_properties
from pipeline.generation.config import ACQUISITION, SCAFFOLD, GenerateConfig
from pipeline.objectives.config import Objective
from pipeline.objectives.constraints import Constraints, check_aims
from pipeline.objectives.goal_reach import describe_reach, find_asked_interval
from pipeline.objectives.resolve import restore_names
from pipeline.optimization.config import OptimizeConfig
from pipeline.workflows.checks.logarithm_aims import compare_with_logarithm
from pipeline.workspace.lookup import find_model
from pipeline.workspace.registry import list_datasets
from pipeline.workspace.storage.disk_space import check_writable


def check_request(config: CampaignConfig) -> None:
    """Check that the data will have what the settings ask for.

    Raises:
        UserError: A property to compute, a condition, an objective, the strategy or what is allowed as unusual is unknown, or a
            constraint cannot be read or met.
    """
    from chem_vae.model import ARCHITECTURES  # here: whoever only declares a flow does not load torch

    for name in config.ingest.compute:
        get_property(name)
    ARCHITECTURES.find(config.train.model.architecture)
    check_generation(config.generate)
    if config.optimize is not None:
        check_optimization(config.optimize)
    own = list_datasets().get(config.ingest.source, {}).get("properties", {})
    path = Path(config.ingest.source).expanduser()
    source = None if own or not path.is_file() else path
    ingest = resolve_properties(config.ingest, source) if source else config.ingest
    measured = {
        **{name: MeasuredProperty(name=name, unit=unit, log=ingest.log) for name, unit in own.items()},
        **{p.name: p for p in ingest.measured},
    }
    there = {*map(PROPERTIES.spell, ingest.compute), *(p.learned_name for p in measured.values())}

    def explain(kind: str, name: str, known: Iterable[str]) -> UserError:
        forgotten = explain_forgotten(name, list_columns(ingest, source)) if source else ""
        return UserError(forgotten) if forgotten else unknown_name(kind, name, known)

    for name in config.train.conditions or ():
        if match_name(name, there) is None:
            raise explain("condition", name, there)
    for name, objective in restore_names(config.generate.objectives, there).items():
        if name in there:
            continue
        for wanted in measured.values():
            compare_with_logarithm(name, objective, wanted)
        if name in PROPERTIES:
            names = ",".join((*config.ingest.compute, name))
            raise UserError(f"{name} is asked for, but not computed for the data; add it: --compute {names}")
        raise explain("property", name, there | set(PROPERTIES))


def check_goals(config: CampaignConfig, dataset: Dataset) -> None:
    """Check, before the training, that the labels can teach what is asked for, and that the goals mean something.

    A goal that no known molecule is near, or that every one reaches, is a warning; the report of the run has it from `resolve`.

    Raises:
        DataError: Nothing can be learned of a property that is asked for.
        UserError: A goal lies between or beyond the two classes of a property.
    """
    asked = config.generate.objectives
    if config.train.check_labels:
        require_labels(dataset, asked)
    known = {p.name for p in dataset.properties}
    asked = restore_names(asked, known)
    table = dataset.table([name for name in asked if name in known])
    for name in table:
        values = table[name].to_numpy(dtype=np.float64)
        values = values[np.isfinite(values)]
        if len(values) and (told := judge_goal(str(name), asked[str(name)], values)):
            warnings.warn(told, ChemVAEWarning, stacklevel=2)


def judge_goal(name: str, objective: Objective, values: NDArray[np.float64]) -> str | None:
    """Say in a sentence that no known value (n,) is near a goal, or that every one reaches it; None where some do.

    Raises:
        UserError: The values are two classes, and the goal is neither of them.
    """
    low, high = asked = find_asked_interval(objective)
    reached = (values >= (-np.inf if low is None else low)) & (values <= (np.inf if high is None else high))
    is_one = objective.target is not None or objective.range is not None
    if is_one and not reached.any() and (classes := find_classes(values)):
        raise UserError(
            f"{name} has two classes, {classes[0]:g} and {classes[1]:g}, and {objective.describe()} is neither: ask for "
            f"--maximize {shlex.quote(name)} (the probability of {classes[1]:g}), or --target {shlex.quote(f'{name}={classes[1]:g}')}"
        )
    return describe_reach(name, objective, (float(values.min()), float(values.max())), asked)


def check_generation(config: GenerateConfig) -> None:
    """Check what is wanted of molecules, as far as that needs no model.

    Raises:
        UserError: The strategy or what is allowed as unusual is unknown, the scaffold or a constraint cannot be read, two
            constraints contradict each other, or one an objective.
    """
    from chem_vae.optimizers import spell_strategy  # here: it loads torch

    if config.strategy is not None:
        spell_strategy(config.strategy, ACQUISITION, SCAFFOLD)
    Constraints(config.constraints)
    check_aims(config.objectives, config.constraints)
    read_allowed(config.allow_unusual)
    if config.scaffold is not None:
        open_scaffold(config.scaffold)


def check_optimization(config: OptimizeConfig) -> None:
    """Raise UserError for a constraint or scaffold that cannot be read, two constraints that contradict each other, or an unknown name of
    what is unusual."""
    Constraints(config.constraints)
    read_allowed(config.allow_unusual)
    if config.scaffold is not None:
        open_scaffold(config.scaffold)


def check_start(config: CampaignConfig, workspace: Path) -> None:
    """Check that the workspace can be written to, and the model to fine-tune, where there is one.

    Raises:
        UserError: The workspace cannot be written to, or the model is not there.
        CheckpointError: The model is damaged.
    """
    check_writable(workspace)
    if config.train.base is not None:
        from chem_vae.checkpoint import read_description  # here: it loads torch

        read_description(find_model(config.train.base, workspace))
