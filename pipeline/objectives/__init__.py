"""What is wanted of a molecule.

| module | what |
|---|---|
| `transforms` | from a value to a desirability in 0..1: target, sigmoids, step, linear |
| `resolve` | from what the user says to objectives with every number |
| `desirability` | one objective, and the geometric or arithmetic mean of several |
| `latent_objective` | the objectives as a strategy in the latent space sees them |
| `constraints` | what a molecule must be to be scored at all |
| `pareto` | several objectives side by side: fronts, hypervolume, scalarization |
"""
