"""Constraints: what passes, what fails first, what cannot be, and what is said when nothing passes."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from rdkit import Chem

from chem_vae.errors import UserError
from pipeline.chemistry.filters.structural_alerts import find_structural_alerts
from pipeline.chemistry.fingerprints import ECFP4_2048, tanimoto_to_each
from pipeline.objectives.config import Constraint
from pipeline.objectives.constraints import Constraints, explain_failures
from pipeline.objectives.rules import list_alert_sets
from pipeline.workspace.settings import Settings

ASPIRIN, BENZENE, ETHANOL, CHLOROTOLUENE = "CC(=O)Oc1ccccc1C(=O)O", "c1ccccc1", "CCO", "Cc1ccc(Cl)cc1"
BIPHENYL, CYCLOOCTANE, NITRO = "c1ccc(-c2ccccc2)cc1", "C1CCCCCCC1", "O=[N+]([O-])c1ccccc1"
SMILES = (ASPIRIN, BENZENE, ETHANOL, CHLOROTOLUENE, BIPHENYL, CYCLOOCTANE, NITRO)
MOLS = [Chem.MolFromSmiles(s) for s in SMILES]


def passing(**said: object) -> list[str]:
    checked = Constraints([Constraint(**said)]).check(MOLS)  # type: ignore[arg-type]
    return [s for s, passed in zip(SMILES, checked.passed, strict=True) if passed]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"must_contain": "c1ccccc1"}, [ASPIRIN, BENZENE, CHLOROTOLUENE, BIPHENYL, NITRO]),
        ({"must_contain": "c1ccccc1", "at_least": 2}, [BIPHENYL]),
        ({"must_contain": "c1ccccc1", "at_most": 1}, [ASPIRIN, BENZENE, CHLOROTOLUENE, NITRO]),
        ({"must_contain": "c1ccccc1", "at_least": 0, "at_most": 1}, [s for s in SMILES if s != BIPHENYL]),
        ({"must_not_contain": "c1ccccc1"}, [ETHANOL, CYCLOOCTANE]),
        ({"must_not_contain": "c1ccccc1", "at_least": 2}, [s for s in SMILES if s != BIPHENYL]),
        ({"elements": ["C", "O"]}, [ASPIRIN, BENZENE, ETHANOL, BIPHENYL, CYCLOOCTANE]),
        ({"elements": "C"}, [BENZENE, BIPHENYL, CYCLOOCTANE]),
        ({"property": "heavy_atoms", "at_least": 6, "at_most": 8}, [BENZENE, CHLOROTOLUENE, CYCLOOCTANE]),
        ({"property": "ring_size", "at_most": 7}, [s for s in SMILES if s != CYCLOOCTANE]),
        ({"property": "ring_size", "at_most": 0}, [ETHANOL]),
        ({"property": "mw", "at_least": 150}, [ASPIRIN, BIPHENYL]),
        ({"property": "fraction_sp3", "at_least": 0.9}, [ETHANOL, CYCLOOCTANE]),
        ({"similarity_to": ASPIRIN, "at_least": 1.0}, [ASPIRIN]),
        ({"similarity_to": [ASPIRIN, BENZENE], "at_least": 1.0}, [ASPIRIN, BENZENE]),
        ({"similarity_to": [ASPIRIN, BENZENE], "at_most": 0.12}, [ETHANOL, CYCLOOCTANE]),
    ],
)
def test_what_passes(said: dict, expected: list[str]) -> None:
    assert passing(**said) == expected


def test_alerts_are_those_of_the_report() -> None:
    free = [s for s, found in zip(SMILES, find_structural_alerts(SMILES), strict=True) if not found]
    assert passing(alerts=["pains", "BRENK"]) == free
    assert NITRO not in free and BENZENE in free
    assert {"PAINS", "BRENK", "NIH", "ZINC"} <= set(list_alert_sets().values())


def test_the_first_to_fail_is_the_reason_and_every_molecule_is_in_one_count() -> None:
    constraints = Constraints(
        [
            Constraint(property="qed", at_least=0.5, name="looks like a drug"),
            Constraint(must_contain="c1ccccc1"),
            Constraint(property="heavy_atoms", at_least=4),
        ]
    )
    assert constraints.names == ["heavy_atoms at least 4", "contains c1ccccc1", "looks like a drug"]  # cheap ones first
    checked = constraints.check([*MOLS, None])
    assert checked.reasons[:3] == [None, "looks like a drug", "heavy_atoms at least 4"]
    assert checked.reasons[5] == "contains c1ccccc1"
    assert checked.reasons[-1] == "no molecule"
    assert checked.passed.sum() + sum(checked.counts.values()) == len(MOLS)
    assert np.array_equal(constraints.check([*MOLS, None]).passed, checked.passed)


def test_a_property_that_cannot_be_computed_fails() -> None:
    water = Chem.MolFromSmiles("O")
    assert Constraints([Constraint(property="fraction_sp3", at_least=-5)]).check([water]).passed.tolist() == [False]


def test_no_constraint_lets_all_pass() -> None:
    checked = Constraints([]).check([*MOLS, None])
    assert checked.passed.tolist() == [True] * len(MOLS) + [False]
    assert Constraints([]).check([]).passed.shape == (0,)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({}, "exactly one of must_contain"),
        ({"must_contain": "C", "elements": ["C"]}, "exactly one of"),
        ({"must_contain": "c1cc"}, "'c1cc' cannot be read as SMARTS"),
        ({"must_contain": ""}, "cannot be read as SMARTS"),
        ({"must_contain": "C", "at_least": 1.5}, "whole numbers"),
        ({"must_not_contain": "C", "at_most": 1}, "at_least alone"),
        ({"alerts": ["PAIN"]}, "did you mean 'PAINS'"),
        ({"alerts": ["PAINS"], "at_most": 1}, "neither at_least nor at_most"),
        ({"elements": ["cl"]}, "did you mean 'Cl'"),
        ({"elements": ["Xx"]}, "no element 'Xx'"),
        ({"similarity_to": "C1CC", "at_least": 0.5}, "the reference 'C1CC' cannot be used: not a SMILES"),
        ({"similarity_to": "CCO"}, "needs at_least, at_most or both"),
        ({"similarity_to": "CCO", "at_least": 40}, "0 to 1"),
        ({"property": "sa_score", "at_most": 4}, "unknown property 'sa_score'"),
        ({"property": "sa"}, "needs at_least, at_most or both"),
        ({"property": "sa", "at_least": 4, "at_most": 3}, "nothing is at least 4 and at most 3"),
        ({"sa": 4}, "Extra inputs"),
    ],
)
def test_what_makes_no_sense_is_refused(said: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):  # ValidationError, or UserError for what only RDKit can tell
        Constraints([Constraint(**said)])


def test_the_constraint_that_cannot_be_read_is_named() -> None:
    unreadable = Constraint(must_not_contain="c1cc", name="no rings")
    with pytest.raises(UserError, match="the constraint 'no rings' cannot be checked: 'c1cc' cannot be read as SMARTS"):
        Constraints([Constraint(must_contain="C"), unreadable])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"must_contain": "c1ccccc1"}, {"must_not_contain": "c1ccccc1"}),
        ({"must_contain": "F", "at_least": 3}, {"must_not_contain": "F", "at_least": 3}),
        ({"must_contain": "F", "at_least": 3}, {"must_contain": "F", "at_most": 2}),
        ({"property": "sa", "at_most": 3}, {"property": "sa", "at_least": 3.5}),
        ({"property": "heavy_atoms", "at_most": 5}, {"must_contain": "c1ccccc1"}),
        ({"elements": ["C", "N"]}, {"elements": ["O"]}),
        ({"similarity_to": ASPIRIN, "at_least": 0.6}, {"similarity_to": "OC(=O)c1ccccc1OC(C)=O", "at_most": 0.5}),
        ({"similarity_to": ASPIRIN, "at_least": 0.8}, {"similarity_to": ETHANOL, "at_least": 0.8}),
        ({"similarity_to": ASPIRIN, "at_least": 0.9}, {"similarity_to": "CC(=O)Oc1ccccc1C(=O)OC", "at_most": 0.2}),
    ],
)
def test_what_contradicts_whatever_the_molecule_is_refused_at_once(one: dict, other: dict) -> None:
    for pair in ((one, other), (other, one)):
        with pytest.raises(UserError, match="no molecule can meet both"):
            Constraints([Constraint(**c) for c in pair])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"must_contain": "F"}, {"must_not_contain": "F", "at_least": 2}),
        ({"property": "sa", "at_most": 3}, {"property": "sa", "at_least": 3}),
        ({"property": "heavy_atoms", "at_most": 6}, {"must_contain": "c1ccccc1"}),
        ({"similarity_to": ASPIRIN, "at_least": 0.4}, {"similarity_to": ETHANOL, "at_most": 0.4}),
        ({"must_contain": "c1ccccc1"}, {"must_contain": "c1ccccc1"}),
    ],
)
def test_what_can_be_met_together_is_not_refused(one: dict, other: dict) -> None:
    assert Constraints([Constraint(**one), Constraint(**other)]).names


def test_the_triangle_inequality_never_refuses_what_a_molecule_meets() -> None:
    for reference in SMILES:
        for other in SMILES:
            for mol in MOLS:
                bits = [ECFP4_2048.bits(Chem.MolFromSmiles(s)) for s in (reference, other)]
                near, far = tanimoto_to_each(ECFP4_2048.bits(mol), bits).tolist()
                both = [
                    Constraint(similarity_to=(reference,), at_least=near),
                    Constraint(similarity_to=(other,), at_least=far, at_most=far),
                ]
                assert Constraints(both).check([mol]).passed.all()


def test_when_nothing_passes_the_counts_and_the_conflict_are_told() -> None:
    constraints = Constraints([Constraint(must_contain="c"), Constraint(property="fraction_sp3", at_least=0.9)])
    assert not constraints.check(MOLS).passed.any()
    told = constraints.explain([*MOLS, None])
    assert told.startswith("none of 7 molecules passes the constraints: 5 failed 'fraction_sp3 at least 0.9'; 2 failed")
    assert "none met both 'contains c' (5 did) and 'fraction_sp3 at least 0.9' (2 did)" in told
    assert "loosen or drop" in told
    assert Constraints([Constraint(must_contain="c")]).explain(MOLS).startswith("only 5 of 7 molecules pass")
    assert "no molecule" in explain_failures({"a": 0}, 0)
    assert "1,200 failed 'a'; 3 failed 'b'" in explain_failures({"b": 3, "c": 0, "a": 1200}, 1203)


def test_two_that_are_called_alike_are_refused() -> None:
    alike = [Constraint(must_contain=s, name="mine") for s in ("F", "Cl")]
    with pytest.raises(UserError, match="two constraints are called 'mine'"):
        Constraints(alike)


def test_a_table_of_a_configuration_goes_around() -> None:
    class Config(Settings):
        constraints: tuple[Constraint, ...] = ()

    said = [{"similarity_to": ASPIRIN, "at_least": 0.4}, {"alerts": "BRENK"}, {"property": "sa", "at_most": 4}]
    config = Config.model_validate({"constraints": said})
    assert Config.model_validate_json(config.model_dump_json()) == config
    assert [c.describe() for c in config.constraints][1:] == ["no alert of BRENK", "sa at most 4"]


def test_declaring_a_constraint_takes_neither_torch_nor_rdkit() -> None:
    code = "import sys; from pipeline.objectives.config import Constraint; Constraint(must_contain='C'); print([m for m in ('torch', 'rdkit') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_stereo_in_a_pattern_counts() -> None:
    own, other, flat = (Chem.MolFromSmiles(s) for s in ("C[C@H](N)C(=O)NC", "C[C@@H](N)C(=O)NC", "CC(N)C(=O)NC"))
    kept = Constraints([Constraint(must_contain="C[C@H](N)C(=O)N")]).check([own, other, flat])
    assert kept.passed.tolist() == [True, False, False]
    refused = Constraints([Constraint(must_not_contain="C[C@H](N)C(=O)N")]).check([own, other, flat])
    assert refused.passed.tolist() == [False, True, True]


def test_the_name_of_a_property_may_be_written_in_any_case() -> None:
    assert Constraint(property="MW", at_most=500).property == "mw"
    assert Constraint(property="Heavy_Atoms", at_most=50).property == "heavy_atoms"
