"""Nothing unusual is proposed to an oracle unless the model's molecules have it, or a seed, a constraint or a setting names it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from rdkit import Chem

from chem_vae.errors import UserError
from pipeline.chemistry.filters.structure_filters import find_unusual_motifs, locate_unusual
from pipeline.models.trained_model import TrainedModel
from pipeline.models.training_set.usual_structures import learn_usual_structures
from pipeline.objectives.config import USUAL, Constraint
from pipeline.objectives.constraints import Constraints, collect_named_molecules
from pipeline.optimization.config import OptimizeConfig
from pipeline.optimization.loop import optimize
from pipeline.optimization.result import Optimization


def find_odd(smiles: Iterable[str]) -> frozenset[str]:
    return frozenset[str]().union(*(find_unusual_motifs(Chem.MolFromSmiles(s)) for s in smiles))


def search(model: TrainedModel, folder: Path, **settings: object) -> Optimization:
    """Search with an oracle that pays for what is unusual for the model."""
    known = learn_usual_structures(model).allowed

    def pay(smiles: list[str]) -> list[float]:
        return [float(len(locate_unusual(Chem.MolFromSmiles(s), known))) for s in smiles]

    told = {"oracle_calls": 60, "batch_size": 20, "objectives": {"score": {"maximize": True}}, **settings}
    config = OptimizeConfig.model_validate({**told, "strategy": "genetic"})
    return optimize(model, config, folder, oracle=pay)


def test_nothing_odd_is_asked_about_unless_the_data_or_a_seed_has_it(model: TrainedModel, tmp_path: Path) -> None:
    known = learn_usual_structures(model).allowed
    usual = search(model, tmp_path / "usual")
    assert not any(locate_unusual(Chem.MolFromSmiles(s), known) for s in usual.calls["smiles"])
    assert usual.broken[USUAL] > 0  # the drafts had some, and they are counted
    seed = "CCOOCCc1ccccc1"
    asked = find_odd(search(model, tmp_path / "seed", seeds=(seed,)).calls["smiles"])
    assert find_odd([seed]) <= asked and find_odd([seed]) - find_odd(usual.calls["smiles"])


def test_what_is_usual_can_be_told(model: TrainedModel, tmp_path: Path) -> None:
    """A search for what to measure starts from measured molecules, and what these have is not usual for that."""
    settings = {"oracle_calls": 10, "objectives": {"qed": {"maximize": True}}, "seeds": ("CCOOCCc1ccccc1",)}
    config = OptimizeConfig.model_validate(settings)
    with pytest.raises(UserError, match="breaks a constraint: no unusual structure"):
        optimize(model, config, tmp_path / "told", usual=learn_usual_structures(model).allowed)


@pytest.mark.parametrize(
    "allowed", [{"odd_structures": True}, {"allow_unusual": "all"}, {"allow_unusual": ["peroxide", "ALL"]}]
)
def test_everything_can_be_allowed(model: TrainedModel, tmp_path: Path, allowed: dict[str, object]) -> None:
    found = search(model, tmp_path, **allowed)
    assert len(find_odd(found.calls["smiles"])) > 3 and USUAL not in found.broken


def test_what_is_allowed_by_name_is_asked_about_and_nothing_else(model: TrainedModel, tmp_path: Path) -> None:
    known, name = learn_usual_structures(model).allowed, "ring of more than 8 atoms"
    found = search(model, tmp_path / "by name", allow_unusual=["peroxide", name.upper()])
    odd = [locate_unusual(Chem.MolFromSmiles(s), known) for s in found.calls["smiles"]]
    assert {"peroxide", name} >= set().union(*odd) != set()
    with pytest.raises(UserError, match="unknown unusual structure 'peroxid'; did you mean 'peroxide'"):
        search(model, tmp_path / "misspelled", allow_unusual=["peroxid"])


def test_what_a_constraint_asks_for_is_not_odd(model: TrainedModel) -> None:
    named = collect_named_molecules(
        [
            Constraint(must_contain="S(=O)(=O)F"),
            Constraint(similarity_to=("CCOOCC",), at_least=0.3),
            Constraint(similarity_to=("CN=C=O",), at_most=0.3),
            Constraint(must_contain="[#6]~[#7]"),
        ]
    )
    allowed = learn_usual_structures(model, named).allowed
    for smiles, is_allowed in (("CCS(=O)(=O)F", True), ("CCOOC", True), ("CCN=C=O", False)):
        odd = {"halogen on another atom than carbon", "peroxide", "heterocumulene"}
        assert bool(odd & set(locate_unusual(Chem.MolFromSmiles(smiles), allowed))) != is_allowed, smiles


def test_the_explanation_names_what_is_unusual_and_the_option_that_lets_it_through() -> None:
    refused = Constraints([Constraint(must_contain="[N]=[C]=[S]")], allowed=())
    told = refused.explain([Chem.MolFromSmiles("CN=C=S")] * 2)
    assert "heterocumulene (2)" in told and "--allow-unusual" in told and 'allow_unusual = ["' in told
    checked = refused.check([Chem.MolFromSmiles(s) for s in ("CN=C=S", "S=C=NCOOC", "CC")])
    assert checked.unusual.total() == checked.counts[USUAL] == 2 and checked.unusual["heterocumulene"] >= 1
