"""A measured property and no oracle: predictors from few labels stand in for it.

| module | what is in it |
|---|---|
| `config` | `MeasuredConfig`: acquisition, applicability domain, diversity of a batch |
| `features` | substructures of molecules, as predictors see them |
| `predictor` | `MeasuredPredictor`: mean, standard deviation and domain of one property; in the model's folder |
| `comparing` | cross-validation: latent points or substructures |
| `fitting` | both fitted, the better one chosen, with the figures for the card |
| `acquisition` | from predictions to what is worth measuring next |
| `batch` | of what was found, the candidates: in the domain and unlike each other |
| `search` | the search through molecules by acquisition |
| `update` | new measurements, and the next round |
"""

from __future__ import annotations
