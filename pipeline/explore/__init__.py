"""Views of a trained model's latent space; all take a TrainedModel and SMILES.

| function | module | question |
|---|---|---|
| `reconstruct` | `reconstruction` | does a molecule come back? |
| `robustness` | `reconstruction` | and with a part of it hidden from the encoder? |
| `interpolate` | `interpolation` | what lies between two molecules? |
| `neighbors`, `analogues` | `neighbors` | what lies around one, known or new? |
| `AnomalyScorer`, `anomaly` | `anomaly` | how unlike the training data is a molecule? |
| `latent_map` | `maps` | where do molecules lie? |
| `traverse`, `disentangle` | `dimensions` | what do the dimensions mean? |
| `calibration` | `calibration` | are the predictors' intervals right? |
"""

from __future__ import annotations
