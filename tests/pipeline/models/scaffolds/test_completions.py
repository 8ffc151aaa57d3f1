import re

from rdkit import Chem

from pipeline.chemistry.variation.scaffolds import Scaffold
from pipeline.models.scaffolds.completions import complete, spell_prefixes
from pipeline.models.trained_model import TrainedModel


def test_a_prefix_is_the_scaffold_and_ends_where_the_point_is(model: TrainedModel) -> None:
    base = Scaffold("O=C(N)c1ccc([*:1])cc1").mol
    prefixes = spell_prefixes(model.checkpoint, base, 0)
    assert prefixes and len(set(prefixes)) == len(prefixes)
    for prefix in prefixes:
        whole = Chem.CanonSmiles(model.checkpoint.vocabulary.to_smiles(prefix + "[O][C]"))
        assert whole == Chem.CanonSmiles("O=C(N)c1ccc(OC)cc1")


def test_a_pyrrole_nitrogen_can_be_grown_from(model: TrainedModel) -> None:
    prefixes = spell_prefixes(model.checkpoint, Scaffold("c1ccn([*:1])c1").mol, 0)
    assert all(model.checkpoint.vocabulary.to_smiles(prefix + "[C]").count("N") == 1 for prefix in prefixes)
    assert prefixes


def test_the_decoder_goes_on_from_the_scaffold(model: TrainedModel) -> None:
    base = Scaffold("O=C(N[*:1])c1ccc([*:2])cc1").mol
    groups = complete(model.checkpoint, base, 2, 60, temperature=1.0, seed=0)
    assert sum(groups.values()) > 10
    assert all(re.findall(r"\[\d+\*\]", group) == ["[1*]"] for group in groups)
    assert groups == complete(model.checkpoint, base, 2, 60, temperature=1.0, seed=0)


def test_what_the_vocabulary_cannot_spell_is_not_completed(model: TrainedModel) -> None:
    assert not complete(model.checkpoint, Scaffold("C[Pt][*:1]").mol, 1, 5)
