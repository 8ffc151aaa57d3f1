"""Tells which molecules a model was trained on, by its dataset or by the hashes that are kept with it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pipeline.chemistry.metrics import find_novel
from pipeline.datasets.dataset import Dataset
from pipeline.models.base_models import BaseMolecules
from pipeline.models.trained_model import TrainedModel
from pipeline.models.training_set.training_hashes import TrainingHashes, read_training_hashes


@dataclass(frozen=True)
class TrainingMolecules:
    """The molecules that a model and its bases were trained on, as far as they are known."""

    keys: Collection[str] | None
    """The InChIKeys of the dataset; None without one."""
    hashes: TrainingHashes | None
    """What the model's folder knows of them, where there is no dataset; None where it knows nothing."""
    bases: BaseMolecules
    """The molecules of the models that the model was fine-tuned from."""

    @classmethod
    def of(cls, model: TrainedModel, dataset: Dataset | None) -> TrainingMolecules:
        """Read the molecules of a dataset, or else the hashes of the model."""
        if dataset is None:
            return cls(None, read_training_hashes(model.folder), BaseMolecules.of(model))
        split = "train" if model.is_trained_on(dataset) else None  # another's held-out molecules may be the model's own
        return cls(set(dataset.table(["inchikey"], split=split)["inchikey"]), None, BaseMolecules.of(model))

    @property
    def is_told(self) -> bool:
        """Whether it can be told of the model's own training molecules."""
        return self.keys is not None or self.hashes is not None

    def find(self, smiles: Sequence[str], keys: Sequence[str], *, stereo_blind: bool = False) -> list[bool]:
        """Say of each molecule, by its canonical SMILES and its InChIKey, whether the model or a base was trained on it.

        Where nothing is known of the model's own, the bases alone are asked.
        """
        found = self.bases.find(smiles, keys, stereo_blind=stereo_blind)
        if self.keys is not None:
            novel = find_novel(keys, self.keys, stereo_blind=stereo_blind)
            found = [same or not new for same, new in zip(found, novel, strict=True)]
        elif self.hashes is not None:
            own = self.hashes.find(smiles, stereo_blind=stereo_blind)
            found = [same or one for same, one in zip(found, own, strict=True)]
        return found
