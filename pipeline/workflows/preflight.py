"""Checks the settings of a campaign before its work begins, not after the training."""

from __future__ import annotations

from pathlib import Path

from chem_vae.errors import UserError, unknown_name
from pipeline.chemistry.properties import PROPERTIES, get_property
from pipeline.config import CampaignConfig
from pipeline.generation.config import ACQUISITION
from pipeline.objectives.constraints import Constraints
from pipeline.optimization.config import OptimizeConfig
from pipeline.workspace.lookup import find_model
from pipeline.workspace.registry import list_datasets


def check_request(config: CampaignConfig) -> None:
    """Check that the data will have what the settings ask for.

    Raises:
        UserError: A property to compute, a condition, an objective or the strategy is unknown.
    """
    # Here: whoever only declares a flow does not load torch.
    from chem_vae.model import ARCHITECTURES
    from chem_vae.optimizers import check_strategy

    for name in config.ingest.compute:
        get_property(name)
    ARCHITECTURES.find(config.train.model.architecture)
    if config.generate.strategy is not None:
        check_strategy(config.generate.strategy, ACQUISITION)
    if config.optimize is not None:
        check_optimization(config.optimize)
    own = list_datasets().get(config.ingest.source, {}).get("properties", {})
    there = {*config.ingest.compute, *(p.name for p in config.ingest.properties), *own}
    for name in config.train.conditions or ():
        if name not in there:
            raise unknown_name("condition", name, there)
    for name in config.generate.objectives:
        if name in there:
            continue
        if name in PROPERTIES:
            names = ",".join((*config.ingest.compute, name))
            raise UserError(f"{name} is asked for, but not computed for the data; add it: --compute {names}")
        raise unknown_name("property", name, there | set(PROPERTIES))


def check_optimization(config: OptimizeConfig) -> None:
    """Raise UserError, which names the constraint, where one cannot be read or two cannot be met together."""
    Constraints(config.constraints)


def check_start(config: CampaignConfig, workspace: Path) -> None:
    """Check the model to fine-tune, where there is one.

    Raises:
        UserError: The model is not there.
        CheckpointError: The model is damaged.
    """
    if config.train.base is not None:
        from chem_vae.checkpoint import read_description  # here: it loads torch

        read_description(find_model(config.train.base, workspace))
