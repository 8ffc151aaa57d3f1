"""The measured molecules of one property, as predictors learn from them."""

from __future__ import annotations

from torch import Tensor

from chem_vae.predictors.labels import Labels
from pipeline.chemistry.fingerprints import SIMULATED_COUNTS
from pipeline.models.measured_predictor import Representation, inputs


class Labelled:
    """The measured molecules of one property."""

    def __init__(self, smiles: list[str], y: Tensor | Labels) -> None:
        """Hold canonical SMILES, n of them, with their values y (n,), some of which may be bounds."""
        self.smiles, self.labels = smiles, Labels.of(y)
        self.inputs = inputs(smiles)
        """(n, F + d) substructures with descriptors behind."""
        self.features = self.inputs[:, : SIMULATED_COUNTS.size]
        """(n, F) the substructures alone."""

    def select_inputs(self, representation: Representation) -> Tensor:
        """Return what a process over structure sees: the substructures, and the descriptors unless it is "fingerprint"."""
        return self.features if representation == "fingerprint" else self.inputs

    @property
    def y(self) -> Tensor:
        """The exact values (n,), NaN for bounds."""
        return self.labels.y
