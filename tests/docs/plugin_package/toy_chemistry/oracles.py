"""An oracle with an option: how near the length of a SMILES is to the best one."""

from __future__ import annotations

from pipeline.oracles.base import Oracle
from pipeline.oracles.config import OracleConfig
from pipeline.oracles.factory import ORACLES
from pipeline.oracles.function import FunctionOracle


def open_lengths(config: OracleConfig) -> Oracle:
    """Open the oracle that a configuration describes."""
    best = int(config.options["best"])
    return FunctionOracle(lambda smiles: [-abs(len(text) - best) for text in smiles], config.all_endpoints())


ORACLES.add("toy_lengths", open_lengths)
