"""Optimization in the latent space under a counted oracle.

| module | what is in it |
|---|---|
| `config` | `OptimizeConfig`: oracle, budget, objectives, constraints, strategy, when to stop |
| `scoring` | from what the oracle and RDKit say of molecules to the scores that a strategy is told |
| `start` | what it starts from: the problem of the strategy, the seeds, their analogues |
| `loop` | `optimize`: ask, screen, score, tell, until the budget or another end |
| `admission` | which molecules may be asked about, and how many were refused for what |
| `accounts` | where each molecule came from, and the counts, kept on disk |
| `result` | `Optimization`: every call with its origin, the candidates, the accounts |
| `run` | `optimize_run`: the same with a run folder and its report; a killed one is gone on with |
| `lead` | `improve`: better molecules that are still like a start |
| `notebook` | `optimize(model, oracle=my_function, calls=500)` |
"""

from __future__ import annotations
