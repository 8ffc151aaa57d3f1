from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem

from pipeline.chemistry.molecule import Molecule
from pipeline.chemistry.standardization.smiles_text import LONGEST_TEXT, split_name, split_structure
from pipeline.chemistry.standardization.standardize import Rejection, Standardizer

UNDEFINED = ("stereo of a mixture made undefined",)
CXSMILES = [
    ("C[C@@H]1CC[C@@H](O1)C(=O)N2CCC=C(F)C2 |&1:1,4,r|", "CC1CCC(C(=O)N2CCC=C(F)C2)O1", UNDEFINED),
    ("O[C@H](Br)[C@H](F)C |&1:1,3| cpd1", "CC(F)C(O)Br", UNDEFINED),
    ("O[C@H](Br)[C@H](F)C |&1:1|", "C[C@@H](F)C(O)Br", UNDEFINED),
    ("O[C@H](Br)[C@H](F)C |a:1,&1:3|", "CC(F)[C@H](O)Br", UNDEFINED),
    ("Cc1cccc(F)c1-c1c(C)cccc1Cl |wU:7.7| cpd2", "Cc1cccc(F)c1-c1c(C)cccc1Cl", UNDEFINED),
    ("CC(C)Cc1ccc(CO)cc1 |c:3,5| cpd3", "CC(C)Cc1ccc(CO)cc1", ()),
    ("C[C@H](N)c1ccccc1 |o1:1| cpd4", "CC(N)c1ccccc1", UNDEFINED),
    ("C[C@H](N)c1ccccc1 cpd4 |o1:1|", "CC(N)c1ccccc1", UNDEFINED),
    ("C[C@H](N)c1ccccc1\t|o1:1|\tcpd4", "CC(N)c1ccccc1", UNDEFINED),
    ("C[C@H](N)O |r|", "CC(N)O", UNDEFINED),
    ("C[C@H](N)O |&1:77|", "CC(N)O", UNDEFINED),  # a group of atoms that are not there
    ("C[C@H](N)O |a:1|", "C[C@H](N)O", ()),
    ("C[C@H](N)O |w:1.0|", "CC(N)O", UNDEFINED),
    ("C/C=C/F |w:1.0|", "CC=CF", UNDEFINED),
    ("C/C=C/F |ctu:1|", "CC=CF", UNDEFINED),
    ("CC=CF |ctu:1|", "CC=CF", ()),
    ("CCO |(0,0,;1,0,;2,0,)|", "CCO", ()),
    ("CCO |$a|b;;$|", "CCO", None),
    ("CCO |$C1;C2;O'$|", "CCO", ()),
    ("CCO ||", "CCO", ()),
    ("[Na+].C[C@H](N)C(=O)[O-] |&1:2| Na-Ala", "CC(N)C(=O)O", (*UNDEFINED, "metal removed", "uncharged")),
]


@pytest.mark.parametrize(("text", "smiles", "changes"), CXSMILES)
def test_extensions_are_read(text: str, smiles: str, changes: tuple[str, ...] | None) -> None:
    found = Standardizer()(text)
    if changes is None:
        assert isinstance(found, Rejection), found
        return
    assert isinstance(found, Molecule), found
    assert (found.smiles, found.changes) == (smiles, changes)
    assert found.inchikey == Chem.MolToInchiKey(Chem.MolFromSmiles(smiles))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("CCO |foo|", "cannot be read"),
        ("CCO |&1:1", "not closed"),
        ("C |$COOEt$|", "COOEt"),
        ("CC |$;R1$|", "R1"),
        ("*CC* |Sg:n:1,2::ht|", "polymer"),
        ("CCCC |LN:1:1.3|", "many molecules"),
        ("CCO |m:0:1.2|", "several atoms"),
        ("CCO |s:0:3|", "query"),
        ("CCO |^1:0|", "radical"),
        ("CCO|&1:1|", "behind a space"),
        ("InChI=1S/CH4/h1H4", "InChI"),
        ("CCO>>CCN", "reaction"),
        ("CCO CCN", "two SMILES"),
        ("CC(=O) Oc1ccccc1", "two SMILES"),
        ("CCO\nCCN", "two SMILES"),
        ("C is for carbon", "several words"),
        ("not a molecule", "not a SMILES"),
    ],
)
def test_what_is_not_one_molecule_is_refused(text: str, said: str) -> None:
    found = Standardizer()(text)
    assert isinstance(found, Rejection), found
    assert said in found.reason


@pytest.mark.parametrize(
    "text",
    [
        "CCO CPD-1", "CCO\tCPD-1", "  CCO  ", "\ufeffCCO", "C\u200bCO", "\u00a0CCO\u00a0CPD 1", '"CCO"', "'CCO'", '"CCO CPD-1"', "CCO CPD-1 ",
        "CCO ethanol, absolute (99 %)", "CCO 64175", "CCO C1", "CCO Äthanol",
    ],
)  # fmt: skip
def test_a_name_behind_the_smiles_is_no_part_of_it(text: str) -> None:
    found = Standardizer()(text)
    assert isinstance(found, Molecule), found
    assert (found.smiles, found.changes) == ("CCO", ())


def test_the_parts_of_a_text() -> None:
    assert split_structure("CCO |&1:1,$a|b$| my name ") == ("CCO", "|&1:1,$a|b$|", "my name")
    assert split_structure(" CCO\tethanol | pure") == ("CCO", "", "ethanol | pure")
    assert split_structure("") == ("", "", "")
    minus = Standardizer()("C[N+](C)(C)C.[Cl\u2212]")
    assert isinstance(minus, Molecule) and minus.smiles == "C[N+](C)(C)C"
    long = Standardizer()("CCO |" + "0" * LONGEST_TEXT)
    assert isinstance(long, Rejection) and long.stage == "read"


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(CXSMILES), st.text(alphabet="|&owrc:,.0123456789$ ;()^aSg", max_size=30))
def test_no_extension_raises_or_defines_stereo(case: tuple[str, str, object], extension: str) -> None:
    smiles = case[0].split()[0]
    found = Standardizer()(f"{smiles} |{extension}| name")
    assert isinstance(found, Molecule | Rejection)
    if isinstance(found, Molecule) and "(" not in extension and "c" not in extension:
        plain = Standardizer()(smiles)
        assert isinstance(plain, Molecule)
        assert found.smiles.count("@") <= plain.smiles.count("@")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("CCO", ("CCO", "")), (" CCO\tethanol | pure ", ("CCO", "ethanol | pure")), ("CCO |&1:1|  x y", ("CCO |&1:1|", "x y")),
        ("CCO |&1:1,$a|b$| x", ("CCO |&1:1,$a|b$|", "x")), ("CCO ethanol |&1:1|", ("CCO |&1:1|", "ethanol")),
        ("CCO | x", ("CCO", "| x")), ("CCO a|b", ("CCO", "a|b")), ("'CCO' x", ("'CCO'", "x")), ("", ("", "")), (" ", (" ", "")),
    ],
)  # fmt: skip
def test_the_name_behind_a_structure(text: str, parts: tuple[str, str]) -> None:
    assert split_name(text) == parts


@pytest.mark.parametrize(
    "text",
    ["CC(=O)Oc1ccccc1C (=O)O", "CCCCC =O", "CCc1ccccc1 -c1ccccc1", "CC(=O)Nc1ccc(O)cc1 .Cl", "CCO or CCN", "CCO / CCN"],
)
def test_a_smiles_that_a_space_breaks_is_refused(text: str) -> None:
    assert isinstance(Standardizer()(text), Rejection)


@pytest.mark.parametrize(
    "text", ["CCO ethanol", "CC(N)C(=O)O (S)-alanine", "CCO - ethanol", "CCO (+)", "CCO and more", "CCCO (R,S)-x"]
)
def test_a_name_behind_a_smiles_is_none_of_it(text: str) -> None:
    assert isinstance(Standardizer()(text), Molecule)
