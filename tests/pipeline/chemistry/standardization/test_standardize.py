from __future__ import annotations

import csv
import gzip
import itertools

import pytest
import selfies
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem, rdBase

from chem_vae.errors import UserError
from pipeline.chemistry.config import StandardizeOptions
from pipeline.chemistry.molecule import Molecule
from pipeline.chemistry.standardization.changes import Change, describe
from pipeline.chemistry.standardization.cleanup import is_plain
from pipeline.chemistry.standardization.standardize import LONGEST_INPUT, Rejection, Standardizer, write_molblock
from pipeline.workspace.registry import find_data_folder

HAND_PICKED = [
    "CS(=O)c1ccccc1", "CS(C)(=O)=O", "CS(=O)NC", "CS(C)=N", "C[S@](=O)CC", "O=S1C=CC=C1", "COS(=O)OC", "CC(=S)N", "S=C=S",
    "CP(=O)(O)O", "CP(C)C", "CP(C)(C)=O", "C[Si](C)(C)C", "CB(O)O", "OB(O)c1ccccc1", "C[Se]C", "Clc1ccccc1I", "BrCBr", "FC(F)F",
    "CC(O)=N", "CC(O)=NC", "CC(=O)N", "OC1=NC=CC=C1", "O=c1cc[nH]cc1", "Cn1ccnc1", "CC(=O)CC(C)=O", "C=C(C)O", "ON=C", "CN=O",
    "CON=O", "N=C(N)N", "CC(=N)N", "NC(=N)NC(=N)N", "N", "O", "C", "Cl", "Br", "I", "S", "C#N", "C#C", "C=C=O", "CN=C=S",
    "F/C=C/F", "C/C=C\\C", "N[C@@H](C)C(=O)O", "C1CC1", "C12C3C4C1C5C2C3C45", "c1ccc2[nH]ccc2c1", "c1ccsc1", "c1cc[se]c1",
]  # fmt: skip


@pytest.fixture(scope="module")
def sample() -> list[str]:
    with gzip.open(find_data_folder() / "moses-sample.csv.gz", "rt", newline="") as file:
        return [row["SMILES"] for row in itertools.islice(csv.DictReader(file), 2_000)]


def test_fast_path_agrees_with_the_slow_one(sample: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    texts = sample + HAND_PICKED
    options = StandardizeOptions(inorganic=True)
    standardizer = Standardizer(options)
    fast = [standardizer(text) for text in texts]
    with rdBase.BlockLogs():
        plain = [is_plain(Chem.MolFromSmiles(text)) for text in texts]
    assert sum(plain[: len(sample)]) > 0.99 * len(sample), "MOSES has neither charges nor salts"
    assert sum(plain[len(sample) :]) > 35
    monkeypatch.setattr("pipeline.chemistry.standardization.standardize.is_plain", lambda mol: False)
    for quick, text in zip(fast, texts, strict=True):
        slow = Standardizer(options)(text)
        assert isinstance(quick, Molecule), quick
        assert isinstance(slow, Molecule), slow
        assert (quick.smiles, quick.inchikey) == (slow.smiles, slow.inchikey)


def test_the_standard_form_changes_nothing_more(sample: list[str]) -> None:
    standardizer = Standardizer()
    for text in sample[::10] + [Chem.MolToSmiles(Chem.MolFromSmiles(t), doRandom=True) for t in sample[5::20]]:
        first = standardizer(text)
        assert isinstance(first, Molecule) and first.changes == ()
        again = standardizer(first.smiles)
        assert isinstance(again, Molecule)
        assert (again.smiles, again.inchikey, again.changes) == (first.smiles, first.inchikey, ())


def test_what_the_fast_path_leaves_out() -> None:
    for text in ["C.C", "C[O-]", "[CH3]", "[Na]C", "CN(C)(C)->BC", "*C", "C[N+](=O)[O-]", "OI(O)c1ccccc1", "CC(O)=N"]:
        with rdBase.BlockLogs():
            assert not is_plain(Chem.MolFromSmiles(text)), text


def test_changes_are_named() -> None:
    standardizer = Standardizer(StandardizeOptions(stereo=False))
    found = standardizer("[13CH3][C@H](F)C(=O)[O-].[Na+]")
    assert isinstance(found, Molecule)
    assert found.smiles == "CC(F)C(=O)O"
    assert found.changes == ("metal removed", "uncharged", "isotopes removed", "stereo removed")
    untouched = standardizer("CCO")
    assert isinstance(untouched, Molecule)
    assert untouched.changes == ()


@pytest.mark.parametrize(
    ("options", "text", "smiles"),
    [
        (StandardizeOptions(isotopes=True), "[13CH3]O", "[13CH3]O"),
        (StandardizeOptions(stereo=False), "F/C=C/F", "FC=CF"),
        (StandardizeOptions(uncharge=False), "CC(=O)[O-].[Na+]", "CC(=O)[O-]"),
        (StandardizeOptions(tautomers=True), "Oc1ccncc1", "O=c1cc[nH]cc1"),
        (StandardizeOptions(elements=("C", "H", "Na")), "CC[Na]", "C[CH2][Na]"),
        (StandardizeOptions(radicals=True), "CN(C)[O]", "CN(C)[O]"),
        (StandardizeOptions(inorganic=True), "O.O.Cl", "Cl"),
        (StandardizeOptions(inorganic=True), "O", "O"),
        (StandardizeOptions(max_charge=5), "C[N+](C)(C)CC[N+](C)(C)C", "C[N+](C)(C)CC[N+](C)(C)C"),
    ],
)
def test_options(options: StandardizeOptions, text: str, smiles: str) -> None:
    found = Standardizer(options)(text)
    assert isinstance(found, Molecule), found
    assert found.smiles == smiles


@pytest.mark.parametrize(
    ("options", "text", "stage"),
    [
        (StandardizeOptions(largest_fragment=False), "CC.O", "fragment"),
        (StandardizeOptions(elements=("C", "H")), "CCO", "elements"),
        (StandardizeOptions(min_heavy_atoms=3), "CO", "size"),
        (StandardizeOptions(max_heavy_atoms=3), "CCCC", "size"),
        (StandardizeOptions(max_heavy_atoms=30, tautomers=True), "OC1=NC=CC=C1" * 40, "size"),
        (StandardizeOptions(max_charge=1), "C[N+](C)(C)CC[N+](C)(C)C", "charge"),
        (StandardizeOptions(), "C[N+](C)(C)C(C[N+](C)(C)C)(C[N+](C)(C)C)C(C[N+](C)(C)C)C[N+](C)(C)C", "charge"),
        (StandardizeOptions(), "[C][C]", "radical"),
        (StandardizeOptions(), "[#6]1~[#6]~[#6]1", "radical"),
        (StandardizeOptions(), "CC(C)(C)N([O])C", "radical"),
        (StandardizeOptions(), "[C]1N(C)C=CN1C", "radical"),
        (StandardizeOptions(), "O", "elements"),
        (StandardizeOptions(), "OS(=O)(=O)O", "elements"),
    ],
)
def test_options_that_refuse(options: StandardizeOptions, text: str, stage: str) -> None:
    found = Standardizer(options)(text)
    assert isinstance(found, Rejection)
    assert found.stage == stage


def test_an_unknown_element_is_the_users_mistake() -> None:
    with pytest.raises(UserError, match="Xx"):
        Standardizer(StandardizeOptions(elements=("C", "Xx")))


def test_stereo_of_a_sulfoxide_is_kept() -> None:
    left, right = Standardizer()("C[S@](=O)CC"), Standardizer()("C[S@+]([O-])CC")
    assert isinstance(left, Molecule) and isinstance(right, Molecule)
    assert left.smiles == right.smiles
    assert "@" in left.smiles
    assert "+" not in left.smiles


MESOIONIC = [
    "[O-]c1c[n+](-c2ccccc2)no1", "CCOC(=O)/N=c1/c[n+](N2CCOCC2)[n-]o1", "CCOC(=O)[N-]c1c[n+](N2CCOCC2)no1", "Cc1sc([O-])c[n+]1C",
    "Cc1oc([O-])c(C)[n+]1C", "Cn1c[n+](C)nc1[S-]", "c1ccc([N-]c2nn(-c3ccccc3)c[n+]2-c2ccccc2)cc1", "[S-]c1nn(-c2ccccc2)[n+](-c2ccccc2)n1",
    "O=c1c(-c2ccccc2)c([O-])[n+]2ccccc2n1C", "CC(Cc1ccccc1)[n+]1cc([N-]C(=O)Nc2ccccc2)on1", "C[n+]1cccc([O-])c1", "[O-][n+]1ccccc1",
    "CC(=O)[CH-][S+](C)C", "C[P+](C)(C)[CH-]C#N", "c1ccc[cH+]cc1", "C[N+](C)(C)CC(=O)[O-]", "Cc1no[n+]([O-])c1C", "CN=[N+]=[N-]",
]  # fmt: skip


@pytest.mark.parametrize("text", MESOIONIC)
def test_mesoionic_rings_and_zwitterions_keep_their_form(text: str) -> None:
    found = Standardizer()(text)
    assert isinstance(found, Molecule), found
    assert found.changes == ()
    assert found.inchikey == Chem.MolToInchiKey(Chem.MolFromSmiles(text))
    assert found.smiles == Chem.MolToSmiles(Chem.MolFromSmiles(text)) == smiles_to_smiles(found.smiles)


def test_tautomers_are_chosen_only_among_all(sample: list[str]) -> None:
    standardizer = Standardizer(StandardizeOptions(tautomers=True))
    one, other = standardizer("CC(=O)C=C(O)C"), standardizer("CC(=O)CC(C)=O")
    assert isinstance(one, Molecule) and isinstance(other, Molecule)
    assert (one.smiles, one.changes, other.changes) == (other.smiles, ("tautomer",), ())
    for text in ("C" + "C(=O)C" * 8, "OC1=NC=CC=C1" + "C" * 60):
        many = standardizer(text)
        assert isinstance(many, Molecule)
        assert (many.smiles, many.changes) == (
            Chem.MolToSmiles(Chem.MolFromSmiles(text)),
            ("tautomers not enumerated",),
        )
    for text in sample[:20]:
        found = standardizer(text)
        assert isinstance(found, Molecule) and set(found.changes) <= {"tautomer"}
        again = standardizer(found.smiles)
        assert isinstance(again, Molecule) and (again.smiles, again.changes) == (found.smiles, ())


def test_the_normal_form_is_written_where_it_can_be_read() -> None:
    for text, expected in [
        ("[O-]c1cc[n+](C)cc1", "Cn1ccc(=O)cc1"),
        ("[O-]c1cc(-c2ccccc2)[s+]s1", "O=c1cc(-c2ccccc2)ss1"),
    ]:
        found = Standardizer()(text)
        assert isinstance(found, Molecule), found
        assert (found.smiles, found.changes) == (expected, ("cleaned up",))


def test_each_change_has_a_sentence() -> None:
    assert all(describe(change).endswith(".") and describe(str(change)) == describe(change) for change in Change)
    assert describe("largest fragment") == "largest fragment", "a phrase of an older dataset"


def smiles_to_smiles(smiles: str) -> str:
    return str(Chem.MolToSmiles(Chem.MolFromSmiles(selfies.decoder(selfies.encoder(smiles)))))


def test_the_reason_says_why() -> None:
    found = Standardizer()("CC(C)(C)(C)C")
    assert isinstance(found, Rejection)
    assert "valence" in found.reason
    long = Standardizer()("C" * (LONGEST_INPUT + 1))
    assert isinstance(long, Rejection)
    assert "2,001 characters" in long.reason


def test_molblocks() -> None:
    block = Chem.MolToMolBlock(Chem.MolFromSmiles("CCO.Cl"))
    found = Standardizer().from_molblock(block, 3)
    assert isinstance(found, Molecule)
    assert found.smiles == "CCO"
    for text in ["", "junk", block[:60], block.replace("M  END", "")]:
        rejected = Standardizer().from_molblock(text, 3)
        assert isinstance(rejected, Rejection | Molecule)
    racemate = Chem.MolToV3KMolBlock(Chem.MolFromSmiles("[Na+].C[C@H](N)C(=O)[O-] |&1:2|"))
    assert write_molblock(racemate) == "C[C@H](N)C(=O)[O-].[Na+] |&1:1|"
    assert write_molblock(block) == "CCO.Cl"
    rejected = Standardizer().from_molblock("junk", 3)
    assert isinstance(rejected, Rejection)
    assert (rejected.row, rejected.stage) == (3, "parse")


PIECES = ["C", "c1ccccc1", "N", "O", "(", ")", "=", "#", "[O-]", "[NH3+]", "[C@H]", "[C@@H]", "/", "\\", "S(=O)", "[S+]", "F", "Cl", ".",
          "[Na+]", "1", "2", "[13C]", "[2H]", "[nH]", "n", "s", "P", "[N+](=O)[O-]", "->", "*", "B", "I", "[Se]", "%10", ":", "~"]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=12).map("".join) | st.sampled_from(HAND_PICKED))
def test_standard_form_is_a_fixed_point(text: str) -> None:
    standardizer = Standardizer()
    first = standardizer(text)
    if isinstance(first, Molecule):
        again = standardizer(first.smiles)
        assert isinstance(again, Molecule), again
        assert (again.smiles, again.inchikey, again.changes) == (first.smiles, first.inchikey, ())
        assert Chem.MolToSmiles(first.mol) == first.smiles


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda b: b.decode("utf-8", "surrogateescape")))
def test_no_text_raises(text: str) -> None:
    found = Standardizer()(text)
    assert isinstance(found, Molecule | Rejection)
    if isinstance(found, Rejection):
        assert found.reason and found.stage
        found.input.encode("utf-8")  # can be written to a file
