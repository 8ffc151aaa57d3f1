"""The measured molecules of one property, as predictors learn from them."""

from __future__ import annotations

from torch import Tensor

from chem_vae.labels import Labels
from pipeline.models.measured_predictor import features


class Labelled:
    """The measured molecules of one property."""

    def __init__(self, smiles: list[str], y: Tensor | Labels) -> None:
        """Hold canonical SMILES, n of them, with their values y (n,), some of which may be bounds."""
        self.smiles, self.labels = smiles, Labels.of(y)
        self.features = features(smiles)

    @property
    def y(self) -> Tensor:
        """The exact values (n,), NaN for bounds."""
        return self.labels.y
