"""Optimization in the latent space under a counted oracle.

| module | what is in it |
|---|---|
| `config` | `OptimizeConfig`: oracle, budget, objectives, constraints, strategy, when to stop |
| `scoring` | from what the oracle and RDKit say of molecules to the scores that a strategy is told |
| `loop` | `optimize`: ask, screen, score, tell, until the budget or another end |
| `result` | `Optimization`: every call with its origin, the candidates, the accounts |
"""

from __future__ import annotations
