"""What is usual for a model is learned from the molecules that it was trained on, not from what it decodes."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from rdkit import Chem
from rdkit.Chem import Mol
from torch import Tensor

from chem_vae.checkpoint import Checkpoint
from pipeline.chemistry.filters.structure_filters import LARGE_RING, find_unusual_motifs, learn_usual, locate_unusual
from pipeline.models.trained_model import TrainedModel, load_model
from pipeline.models.training_set.kept_molecules import KEPT_SMILES
from pipeline.models.training_set.usual_structures import learn_usual_structures
from tests.pipeline.signing import sign_again

MACROCYCLE, PEROXIDE, SILANE = "C1CCCCCCCCCCC1", "CCOOCC", "C[Si](C)(C)c1ccccc1"


@pytest.fixture
def keeping(model: TrainedModel, tmp_path: Path):
    """Make the same model away from its dataset, with other molecules kept."""

    def make(smiles: list[str]) -> TrainedModel:
        folder = tmp_path / "a" / "b" / "c" / f"keeping-{len(smiles)}"
        shutil.copytree(model.folder, folder)
        (folder / KEPT_SMILES).write_text("".join(f"{s}\n" for s in smiles))
        sign_again(folder)
        return TrainedModel.open(folder)

    return make


def test_the_molecules_of_the_data_decide_and_not_what_is_decoded(
    keeping, sample_smiles: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def decode(self: Checkpoint, z: Tensor, *args: object, **settings: object) -> list[str | None]:
        return ["[C][O][O][C]"] * len(z)  # a model whose decoder makes peroxides

    monkeypatch.setattr(Checkpoint, "decode", decode)
    usual = learn_usual_structures(keeping(sample_smiles[:300]))
    assert locate_unusual(Chem.MolFromSmiles(PEROXIDE), usual.allowed), "what the decoder makes is not usual for it"
    assert set(usual.elements) <= {"C", "N", "O", "S", "F", "Cl", "Br"}
    assert usual.heavy_atoms == max(Chem.MolFromSmiles(s).GetNumHeavyAtoms() for s in sample_smiles[:300])
    often = learn_usual_structures(keeping([*sample_smiles[:300], *[PEROXIDE, SILANE] * 4]))
    assert not locate_unusual(Chem.MolFromSmiles(PEROXIDE), often.allowed)
    assert "Si" in often.elements
    once = learn_usual_structures(keeping([*sample_smiles[:300], PEROXIDE]))
    assert locate_unusual(Chem.MolFromSmiles(PEROXIDE), once.allowed), "one molecule of many makes nothing usual"


def test_a_model_without_molecules_makes_nothing_usual(alone: TrainedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = replace(alone)
    monkeypatch.setattr("pipeline.models.training_set.usual_structures.read_kept_smiles", lambda model: [])
    decoded = ["[C][O][O][C]"] * 200 + ["[C][P][C]"] + ["[C][C][N][C][C][Cl]"] * 99
    monkeypatch.setattr(Checkpoint, "decode", lambda self, z, *a, **k: decoded)
    usual = learn_usual_structures(bare)
    assert usual.allowed == frozenset() and usual.heavy_atoms == 6
    assert usual.elements == ("C", "Cl", "N", "O"), "one wrong molecule in three hundred adds no element"
    named = learn_usual_structures(bare, [Chem.MolFromSmiles(s) for s in (MACROCYCLE, SILANE)])
    assert find_unusual_motifs(Chem.MolFromSmiles(MACROCYCLE)) and not locate_unusual(
        Chem.MolFromSmiles(MACROCYCLE), named.allowed
    )
    assert "Si" in named.elements and named.heavy_atoms == 12


def test_the_dataset_counts_where_no_molecule_is_kept(model: TrainedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.models.training_set.usual_structures.read_kept_smiles", lambda model: [])
    dataset = model.dataset()
    assert dataset is not None
    mols = [Chem.MolFromSmiles(s) for s in dataset.table(["smiles"], split="train")["smiles"]]
    usual = learn_usual_structures(model)
    assert usual.heavy_atoms == max(m.GetNumHeavyAtoms() for m in mols)
    assert set(usual.elements) == {a.GetSymbol() for m in mols for a in m.GetAtoms()}


def test_the_shipped_model_has_neither_large_rings_nor_phosphorus() -> None:
    """`[P]` is an index symbol of its vocabulary, and some of its latent points are decoded with rings of twelve atoms."""
    shipped = load_model("moses")
    usual = learn_usual_structures(shipped)
    assert any("P" in symbol for symbol in shipped.checkpoint.vocabulary.symbols)
    assert usual.elements == ("Br", "C", "Cl", "F", "N", "O", "S")
    assert set(locate_unusual(Chem.MolFromSmiles(MACROCYCLE), usual.allowed)) >= {LARGE_RING}


def test_a_fine_tuned_model_has_the_elements_of_its_base(model: TrainedModel) -> None:
    base = load_model("moses")
    card = {**model.card, "base": {"name": "moses", "key": base.key}}
    tuned = TrainedModel(model.folder, {**model.manifest, "card": card}, workspace=model.workspace)
    assert "Br" in learn_usual_structures(tuned).elements
    other = TrainedModel(model.folder, {**model.manifest, "card": {**card, "base": {"name": "moses", "key": "other"}}})
    assert learn_usual_structures(other).elements == learn_usual_structures(model).elements
    assert torch.is_tensor(tuned.latent["mu"])


def test_what_the_same_molecules_teach_is_learned_once(
    keeping, sample_smiles: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CHEM_VAE_CACHE", str(tmp_path / "cache"))
    asked: list[int] = []

    def learn(mols: Iterable[Mol], at_least: int = 1) -> frozenset[str]:
        asked.append(len(found := list(mols)))
        return learn_usual(found, at_least)

    monkeypatch.setattr("pipeline.models.training_set.usual_structures.learn_usual", learn)
    peroxides = keeping([*sample_smiles[:100], *[PEROXIDE] * 4])
    first, again = learn_usual_structures(peroxides), learn_usual_structures(peroxides)
    assert first == again and first.allowed and asked == [104, 0, 0]
    other = learn_usual_structures(keeping([*sample_smiles[:100], *[SILANE] * 5]))
    assert "Si" in other.elements and other.allowed != first.allowed
