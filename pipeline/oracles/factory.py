"""From a configuration to an oracle that can be asked.

A package adds an oracle behind an entry point of the group `chem_vae.oracles` (see `chem_vae.plugins`), and a TOML file
names it:

    def register():                                   [oracle]
        ORACLES.add("vina", open_vina)                registered = "vina"
                                                      options = { receptor = "5ht2a.pdbqt" }
    def open_vina(config: OracleConfig) -> Oracle:
        return ProgramOracle(["vina", config.options["receptor"]], config.all_endpoints(), timeout=config.timeout)
"""

from __future__ import annotations

from collections.abc import Callable

from chem_vae.errors import ChemVAEError, UserError
from chem_vae.plugins import Registry
from pipeline.oracles.base import Oracle
from pipeline.oracles.cluster_oracle import ClusterOracle
from pipeline.oracles.config import OracleConfig
from pipeline.oracles.function import FunctionOracle, load_function
from pipeline.oracles.function_pool import FunctionPoolOracle
from pipeline.oracles.program import ProgramOracle
from pipeline.workspace.work.cluster import find_cluster

ORACLES: Registry[Callable[[OracleConfig], Oracle]] = Registry("oracle", "chem_vae.oracles")
"""Functions that open an oracle, by the name that `OracleConfig.registered` gives."""


def open_oracle(config: OracleConfig) -> Oracle:
    """Open the oracle that a configuration describes, not yet counted.

    A function runs in this process, or, with a timeout or for parallel batches, in processes that can be stopped. Where a cluster
    is in use, its workers open the oracle; computed properties, which take less time than sending them, stay in this process.

    Raises:
        UserError: If a property, a module, a function, a program or a registered oracle does not exist or cannot be loaded.
    """
    endpoints, name, timeout = config.all_endpoints(), config.name, config.timeout
    if (cluster := find_cluster()) is not None and config.property is None:
        return ClusterOracle(config, open_oracle, cluster)
    if config.registered is not None:
        opener = ORACLES.find(config.registered)
        try:
            return opener(config)
        except ChemVAEError:
            raise
        except Exception as error:
            what = f"{type(error).__name__}: {error}"
            raise UserError(f"the oracle {config.registered} cannot be opened with its options: {what}") from error
    if config.property is not None:
        from pipeline.oracles.computed import ComputedOracle  # here: loads rdkit

        return ComputedOracle(config.property, name)
    if config.program is not None:
        return ProgramOracle(config.program, endpoints, timeout=timeout, name=name)
    assert config.function is not None  # the configuration sees to it
    if timeout is not None or config.parallel > 1:
        return FunctionPoolOracle(config.function, endpoints, timeout=timeout, processes=config.parallel, name=name)

    return FunctionOracle(load_function(config.function), endpoints, name or config.function)
