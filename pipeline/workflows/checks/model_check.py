"""Checks that a model knows what is asked of it, before the night in which it is asked."""

from __future__ import annotations

from pipeline.chemistry.properties import PROPERTIES
from pipeline.config import CampaignConfig
from pipeline.generation.acquisition.acquisition_search import list_predicted, require_measured
from pipeline.generation.config import ACQUISITION, SCAFFOLD, GenerateConfig
from pipeline.generation.generate import choose_strategy
from pipeline.generation.sampling.direct import check_direct_strategy
from pipeline.generation.screening.screen_library import resolve_choice
from pipeline.models.trained_model import TrainedModel
from pipeline.objectives.resolve import resolve, restore_names
from pipeline.optimization.config import OptimizeConfig
from pipeline.optimization.scoring import Scoring, choose_oracle
from pipeline.oracles.factory import open_oracle


def check_generating(config: GenerateConfig, model: TrainedModel) -> None:
    """Check that a model can generate what is wanted. Raises UserError where it does not know a property, or cannot aim at it."""
    objectives, _ = resolve(config.objectives, model.properties)
    strategy = choose_strategy(objectives, model, config)
    if strategy == ACQUISITION:
        require_measured(objectives)
        list_predicted(model, objectives)
    elif strategy != SCAFFOLD:
        check_direct_strategy(model, objectives, strategy)


def check_choosing(config: GenerateConfig, model: TrainedModel) -> None:
    """Check that a model can choose from a library by what is wanted. Raises UserError where it cannot, or nothing is wanted."""
    objectives, _ = resolve_choice(config, model)
    list_predicted(model, objectives)


def check_next_round(config: CampaignConfig, model: TrainedModel) -> None:
    """Check that the next round's model will know what is wanted: what the last one knows, and what will be computed for the data.

    Raises:
        UserError: A property will not be known, or nothing is wanted of a library.
    """
    known = {p.name for p in model.properties}
    later = {*map(PROPERTIES.spell, config.ingest.compute)} - known
    wanted = restore_names(config.generate.objectives, known | later)
    told = {name: objective for name, objective in wanted.items() if name not in later}
    if config.screen is not None and (told or not wanted):
        resolve_choice(config.generate.model_copy(update={"objectives": told}), model)
    else:
        resolve(told, model.properties)


def check_optimizing(config: OptimizeConfig, model: TrainedModel) -> None:
    """Check that the oracle can be opened, and that it or the model knows what is wanted. Raises UserError where not."""
    oracle = open_oracle(choose_oracle(config))
    try:
        Scoring(config, oracle.endpoints, model.properties)
    finally:
        oracle.close()
