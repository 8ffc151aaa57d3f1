"""From a configuration to an oracle that can be asked."""

from __future__ import annotations

from pathlib import Path

from pipeline.oracles.base import Oracle
from pipeline.oracles.config import OracleConfig
from pipeline.oracles.ledger import CountedOracle, Map


def open_oracle(config: OracleConfig) -> Oracle:
    """The oracle that a configuration describes, not yet counted.

    A function runs in this process, or, with a timeout or for parallel batches, in processes that can be stopped.
    Raises UserError where a property, a module, a function or a program does not exist, or cannot be loaded.
    """
    endpoints = config.all_endpoints()
    if config.property is not None:
        from pipeline.oracles.computed import ComputedOracle

        return ComputedOracle(config.property, config.name)
    if config.program is not None:
        from pipeline.oracles.program import ProgramOracle

        return ProgramOracle(config.program, endpoints, timeout=config.timeout, name=config.name)
    assert config.function is not None  # the configuration sees to it
    if config.timeout is not None or config.parallel > 1:
        from pipeline.oracles.function_pool import FunctionPoolOracle

        return FunctionPoolOracle(
            config.function, endpoints, timeout=config.timeout, processes=config.parallel, name=config.name
        )
    from pipeline.oracles.function import FunctionOracle, load_function

    return FunctionOracle(load_function(config.function), endpoints, config.name or config.function)


def open_ledger(config: OracleConfig, budget: int, log: Path, *, map: Map | None = None) -> CountedOracle:
    """The same, counted against a budget and logged; a log that exists is gone on with.

    map: like the builtin one over batches, in threads of this process (a flow hands in its task runner).
    Raises as open_oracle and CountedOracle do.
    """
    oracle = open_oracle(config)
    try:
        return CountedOracle(
            oracle,
            budget,
            log,
            retries=config.retries,
            batch_size=config.batch_size,
            parallel=config.parallel,
            map=map,
        )
    except BaseException:
        oracle.close()
        raise
