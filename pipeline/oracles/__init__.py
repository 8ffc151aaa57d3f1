"""Oracles: whatever scores molecules and costs something, behind one interface, counted, cached and logged.

| module | what is in it |
|---|---|
| `config` | `OracleConfig`: which oracle, as a TOML table or in Python |
| `opening` | `open_oracle(config)`, and `open_ledger(config, budget, log)`, which counts |
| `base` | `Oracle`, the interface; `Answer`, `OracleError` |
| `computed`, `function`, `worker`, `program` | registered properties, a Python function (here or in processes), any program |
| `ledger` | `CountedOracle`: a budget that is never exceeded, a cache, retries, parallel batches |
| `attempts`, `pace` | trying again, and how many at once |
| `log` | `CallLog`: each call on its line, whole after a kill |

    from pipeline.oracles.config import OracleConfig
    from pipeline.oracles.factory import open_ledger
    with open_ledger(OracleConfig(function="my_docking:dock", timeout=600), budget=1000, log=Path("oracle.sqlite")) as oracle:
        scored = oracle.score(["CCO", "OCC", "c1ccccc1"])   # two calls: ethanol is paid once
"""

from __future__ import annotations
