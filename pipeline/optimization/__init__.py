"""Optimization in the latent space under a counted oracle.

| module | what is in it |
|---|---|
| `config` | `OptimizeConfig`: oracle, budget, objectives, constraints, strategy, when to stop |
| `scoring` | from what the oracle and RDKit say of molecules to the scores that a strategy is told |
| `loop` | `optimize`: ask, screen, score, tell, until the budget or another end |
| `accounts` | where each molecule came from, and how many were refused |
| `result` | `Optimization`: every call with its origin, the candidates, the accounts |
| `run` | `optimize_run`: the same with a run folder and its report; a killed one is gone on with |
| `lead` | `improve`: better molecules that are still like a start |
| `notebook` | `optimize(model, oracle=my_function, calls=500)` |
"""

from __future__ import annotations
