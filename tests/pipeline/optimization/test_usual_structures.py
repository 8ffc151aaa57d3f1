"""Nothing unusual is proposed to an oracle unless the model makes it often, or a seed or a constraint names it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rdkit import Chem

from pipeline.chemistry.structure_filters import LARGE_RING, PATTERNS, STRAINED, find_unusual_motifs
from pipeline.models.trained_model import TrainedModel
from pipeline.objectives.config import Constraint
from pipeline.objectives.constraints import USUAL, Constraints, collect_named_molecules
from pipeline.optimization.config import OptimizeConfig
from pipeline.optimization.initial_population import UsualStructures
from pipeline.optimization.loop import optimize


def test_nothing_odd_is_asked_about_unless_the_model_or_a_seed_has_it(model: TrainedModel, tmp_path: Path) -> None:
    """An oracle that pays for what is odd gets nothing odder than that, but where more was asked for."""

    def of(smiles: Iterable[str]) -> frozenset[str]:
        return frozenset[str]().union(*(find_unusual_motifs(Chem.MolFromSmiles(s)) for s in smiles))

    def usual(*seeds: str) -> frozenset[str]:
        return UsualStructures.measure(
            model.checkpoint, model.latent["mu"], [Chem.MolFromSmiles(s) for s in seeds]
        ).motifs

    known = usual()

    def paid(smiles: list[str]) -> list[float]:
        return [float(len(of([s]) - known)) for s in smiles]

    def search(name: str, **settings: object) -> tuple[frozenset[str], dict[str, int]]:
        told = {"oracle_calls": 60, "batch_size": 20, "objectives": {"score": {"maximize": True}}, **settings}
        config = OptimizeConfig.model_validate({**told, "strategy": "genetic"})
        found = optimize(model, config, tmp_path / name, oracle=paid)
        return of(found.calls["smiles"]), found.broken

    seen, broken = search("usual")
    assert seen <= known < {*PATTERNS, LARGE_RING, STRAINED}
    assert broken[USUAL] > 0  # the drafts had some, and they are counted
    assert search("asked for", odd_structures=True)[0] > known
    seed = "CCOOCCc1ccccc1"
    assert (of([seed]) - known) and of([seed]) <= search("seed", seeds=(seed,))[0] <= usual(seed)


def test_what_a_constraint_asks_for_is_not_odd(model: TrainedModel, tmp_path: Path) -> None:
    named = collect_named_molecules(
        [
            Constraint(must_contain="S(=O)(=O)F"),
            Constraint(similarity_to=("CCOOCC",), at_least=0.3),
            Constraint(similarity_to=("CN=C=O",), at_most=0.3),
            Constraint(must_contain="[#6]~[#7]"),
        ]
    )
    allowed = UsualStructures.measure(model.checkpoint, model.latent["mu"][:0], named).motifs
    assert {"halogen on another atom than carbon", "peroxide"} <= allowed and "heterocumulene" not in allowed
    refused = Constraints([Constraint(must_contain="[N]=[C]=[S]")], allowed_motifs=())
    assert "odd_structures = true" in refused.explain([Chem.MolFromSmiles("CN=C=S")])
