"""Objectives: which values of a property are good, and what a molecule must be to be scored at all.

| module | contents |
|---|---|
| `config` | `Objective` and `Constraint`, as a TOML file writes them |
| `transforms` | functions from a value to a desirability in 0..1, and their registry |
| `resolve` | from objectives to `ResolvedObjective`s, with every number |
| `desirability` | `ResolvedObjective`, and the geometric or arithmetic mean of several |
| `latent_objective` | the objectives for a strategy in the latent space |
| `constraints`, `rules` | checking molecules against constraints |
| `pareto` | Pareto fronts and hypervolumes |
"""
