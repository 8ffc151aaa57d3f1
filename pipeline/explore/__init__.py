"""What a trained model's latent space is good for, one capability a module; all take a TrainedModel and SMILES.

| function | module | question |
|---|---|---|
| `reconstruct` | `roundtrip` | does a molecule come back? |
| `robustness` | `roundtrip` | and with a part of it hidden from the encoder? |
| `interpolate` | `paths` | what lies between two molecules? |
| `neighbors`, `analogues` | `nearby` | what lies around one, known or new? |
| `AnomalyScorer`, `anomaly` | `strangeness` | how unlike the training data is a molecule? |
| `latent_map` | `maps` | where do molecules lie? |
| `traverse`, `disentangle` | `dimensions` | what do the dimensions mean? |
| `calibration` | `coverage` | are the predictors' intervals right? |
| `steering` | `targets` | do samples have the values that were asked for? |
"""

from __future__ import annotations
