"""Oracles: whatever scores molecules and costs something, behind one interface, counted, cached and logged.

| module | contents |
|---|---|
| `config` | `OracleConfig`: which oracle, as a TOML table or in Python |
| `factory` | `open_oracle`, and the registry of other packages' oracles |
| `base` | `Oracle`, the interface; `Answer`, `OracleError` |
| `computed`, `function`, `function_pool`, `program` | registered properties, a Python function here or in processes, any program |
| `answers`, `process` | reading answers, and running programs |
| `ledger` | `CountedOracle`: a budget that is never exceeded, a cache, retries, parallel batches |
| `call_log`, `batch_size` | the log of the calls, and how many molecules at once |

    from pipeline.oracles.config import OracleConfig
    from pipeline.oracles.factory import open_oracle
    from pipeline.oracles.ledger import CountedOracle
    docking = open_oracle(OracleConfig(function="my_docking:dock", timeout=600))
    with CountedOracle(docking, budget=1000, log=Path("oracle.sqlite")) as oracle:
        scored = oracle.score(["CCO", "OCC", "c1ccccc1"])   # two calls: ethanol is paid once
"""

from __future__ import annotations
