"""Finds the models that a model was fine-tuned from, and the molecules that it knows from them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from chem_vae.errors import ChemVAEError
from pipeline.chemistry.metrics import find_novel
from pipeline.datasets.dataset import Dataset
from pipeline.models.trained_model import TrainedModel
from pipeline.models.training_set.training_hashes import TrainingHashes, read_training_hashes
from pipeline.workspace.lookup import find_model, list_shipped_models


@dataclass(frozen=True)
class BaseMolecules:
    """What can be told of the molecules that a model knows from its bases, itself not among them."""

    hashes: tuple[TrainingHashes, ...]
    """The hashes of the training molecules of the bases that have some."""
    unknown: tuple[str, ...]
    """The names of the others: of what came with the installation its name, else of its data."""
    datasets: tuple[Dataset, ...] = ()
    """The data of the bases without hashes, where it is at hand."""

    @cached_property
    def keys(self) -> Collection[str]:
        """The InChIKeys of the training molecules in the datasets."""
        return {key for dataset in self.datasets for key in dataset.table(["inchikey"], split="train")["inchikey"]}

    @classmethod
    def of(cls, model: TrainedModel) -> BaseMolecules:
        """Find the hashes or the data of the bases of a model, of which one may have been fine-tuned from the next.

        A base that was trained on the same molecules as one that is known is known through that.
        """
        hashes, without, read = list[TrainingHashes](), list[tuple[str, tuple[str, int]]](), set[tuple[str, int]]()
        datasets: dict[str, Dataset] = {}
        shipped = {folder.resolve(): name for name, folder in list_shipped_models().items()}
        for told in _list_lineage(model.card):
            base = find_base(model, told)
            found = None if base is None else read_training_hashes(base.folder)
            trained_on = str(told["dataset"]), int(told["training_molecules"])
            if found is not None:
                hashes.append(found)
                read.add(trained_on)
            elif base is not None and (data := base.dataset()) is not None and base.is_trained_on(data):
                datasets[data.key] = data
                read.add(trained_on)
            else:
                name = None if base is None else shipped.get(base.folder.resolve())
                without.append((name or trained_on[0], trained_on))
        unknown = dict.fromkeys(name for name, trained_on in without if trained_on not in read)
        return cls(tuple(hashes), tuple(unknown), tuple(datasets.values()))

    def find(self, smiles: Sequence[str], keys: Sequence[str], *, stereo_blind: bool = False) -> list[bool]:
        """Say of each molecule, by its canonical SMILES and its InChIKey, whether a base that is known was trained on it."""
        found = [hashes.find(smiles, stereo_blind=stereo_blind) for hashes in self.hashes]
        if self.datasets:
            found.append([not new for new in find_novel(keys, self.keys, stereo_blind=stereo_blind)])
        return [any(row) for row in zip(*found, strict=True)] if found else [False] * len(smiles)


def find_base(model: TrainedModel, told: Mapping[str, Any] | None = None) -> TrainedModel | None:
    """Find a model that another was fine-tuned from, by its name and its key, where it is still at hand.

    Args:
        model: The model that was fine-tuned.
        told: What the card says of the base; that of the model's own when None.
    """
    told = model.card.get("base") if told is None else told
    if not told:
        return None
    try:
        around = model.workspace or model.folder.resolve().parents[1]
        found = TrainedModel.open(find_model(str(told["name"]), around), workspace=model.workspace)
    except ChemVAEError:
        return None
    return found if found.key == told["key"] else None


def _list_lineage(card: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield what the card says of the base, of the base's own base, and so on."""
    base = card.get("base")
    while base:
        yield base
        base = base.get("base")
