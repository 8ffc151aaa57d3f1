from __future__ import annotations

import json

import pytest
import selfies
from hypothesis import given, settings
from hypothesis import strategies as st

from chem_vae.errors import CheckpointError, VocabularyError
from chem_vae.vocabulary import (
    END,
    MASK,
    SPECIALS,
    START,
    SelfiesVocabulary,
    find_relative,
    get_default_constraints,
    smiles_to_selfies,
    use_bond_constraints,
)

SYMBOLS = sorted(["[C]", "[=C]", "[N]", "[O]", "[=O]", "[Ring1]", "[=Branch1]", "[Branch1]", "[F]", "[nop]", "[C@@H1]"])
STRINGS = [
    smiles_to_selfies(s) for s in ("CC(=O)Oc1ccccc1C(=O)O", "CCOC(=O)c1ccccc1", "CC(N)=O", "c1ccccc1O", "CCF") * 3
]
LEARNED = SelfiesVocabulary.learn(STRINGS, merges=12)
sequences = st.lists(st.sampled_from(LEARNED.symbols), max_size=40).map("".join)


def test_ids_without_merges() -> None:
    vocabulary = SelfiesVocabulary(["[C]", "[O]"])
    assert (START, END, MASK) == (0, 1, 2) and len(SPECIALS) == 3
    assert len(vocabulary) == 5
    assert vocabulary.encode("[C][O][C]") == [3, 4, 3]
    assert vocabulary.decode([START, 3, MASK, 4, END, 3]) == "[C][O]", "stops at [end], passes over the others"
    assert vocabulary.encode("") == [] and vocabulary.decode([]) == ""


@settings(max_examples=300, deadline=None)
@given(sequences)
def test_any_sequence_comes_back(string: str) -> None:
    ids = LEARNED.encode(string)
    assert LEARNED.decode(ids) == string
    assert all(len(SPECIALS) <= i < len(LEARNED) for i in ids)
    assert len(ids) <= len(list(selfies.split_selfies(string)))
    assert "".join(s for i in ids for s in LEARNED.expand_token(i)) == string


@settings(max_examples=100, deadline=None)
@given(st.lists(sequences, max_size=8))
def test_a_batch_is_its_strings_one_by_one(strings: list[str]) -> None:
    assert LEARNED.encode_batch(strings) == [LEARNED.encode(s) for s in strings]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(len(SPECIALS), len(LEARNED) - 1), max_size=20))
def test_any_ids_are_a_molecule(ids: list[int]) -> None:
    string = LEARNED.decode(ids)
    assert isinstance(LEARNED.to_smiles(string), str), "selfies decodes any sequence of its symbols"
    assert LEARNED.decode(LEARNED.encode(string)) == string, (
        "another segmentation may be shorter, the string is the same"
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(sequences.filter(bool), min_size=1, max_size=10), st.integers(0, 30))
def test_learning_from_anything(strings: list[str], merges: int) -> None:
    vocabulary = SelfiesVocabulary.learn(strings, merges)
    assert [vocabulary.decode(vocabulary.encode(s)) for s in strings] == strings
    assert SelfiesVocabulary.from_dict(json.loads(json.dumps(vocabulary.to_dict()))) == vocabulary
    assert vocabulary == SelfiesVocabulary.learn(strings, merges), "the same strings, the same vocabulary"


def test_merges_shorten_and_survive_saving() -> None:
    assert len(LEARNED.merges) == 12
    plain = SelfiesVocabulary(LEARNED.symbols)
    assert sum(map(len, LEARNED.encode_batch(STRINGS))) < 0.6 * sum(map(len, plain.encode_batch(STRINGS)))
    again = SelfiesVocabulary.from_dict(json.loads(json.dumps(LEARNED.to_dict())))
    assert again == LEARNED and hash(again) == hash(LEARNED)
    assert again.encode_batch(STRINGS) == LEARNED.encode_batch(STRINGS)
    assert again != plain


def test_a_symbol_that_the_sample_lacks_stays() -> None:
    vocabulary = SelfiesVocabulary.learn_merges(SYMBOLS, ["[C][C][O]", "[C][C]"], 2)
    assert vocabulary.symbols == tuple(SYMBOLS)
    assert vocabulary.decode(vocabulary.encode("[F][nop][C][C]")) == "[F][nop][C][C]"


def test_unknown_symbols_are_named() -> None:
    for vocabulary in (LEARNED, SelfiesVocabulary(["[C]"])):
        assert vocabulary.find_missing("[C][Xe][C][Kr][Xe]") == ["[Xe]", "[Kr]"]
        with pytest.raises(VocabularyError, match=r"\[Xe\], \[Kr\] are not in the vocabulary"):
            vocabulary.encode("[C][Xe][C][Kr][Xe]")
        with pytest.raises(VocabularyError):
            vocabulary.encode_batch(["[C]", "[Xe]"])


def test_bad_vocabularies() -> None:
    with pytest.raises(VocabularyError, match="twice"):
        SelfiesVocabulary(["[C]", "[C]"])
    for merge in [(3, 4), (1, 3), (3, -1)]:
        with pytest.raises(VocabularyError, match="does not exist"):
            SelfiesVocabulary(["[C]"], [merge])
    for data in [
        {},
        {"symbols": 3, "merges": [], "constraints": {}},
        {"symbols": ["[C]"], "merges": [[1]], "constraints": {}},
    ]:
        with pytest.raises(CheckpointError, match="damaged"):
            SelfiesVocabulary.from_dict(data)


def test_bond_constraints_are_put_back() -> None:
    before = selfies.get_semantic_constraints()
    loose = get_default_constraints() | {"I": 3}
    with pytest.raises(VocabularyError, match="I with 3 bond"):
        smiles_to_selfies("CI(C)C")
    with use_bond_constraints(loose):
        assert smiles_to_selfies("CI(C)C")
        with pytest.raises(RuntimeError), use_bond_constraints(get_default_constraints()):
            raise RuntimeError
        assert selfies.get_semantic_constraints() == loose
    assert selfies.get_semantic_constraints() == before
    vocabulary = SelfiesVocabulary(["[C]", "[I]", "[Branch1]"], constraints=loose)
    assert vocabulary.to_smiles(vocabulary.from_smiles("CI(C)C")) == "CI(C)C"
    assert SelfiesVocabulary(["[C]"]).to_smiles("[I][Branch1][C][C][C]") != "CI(C)C"


@pytest.mark.parametrize("smiles", ["*C", "CI(C)C", "C->B", "C(", "F[P](F)(F)(F)(F)F", "C$C"])
def test_what_selfies_cannot_write_has_a_reason(smiles: str) -> None:
    with pytest.raises(VocabularyError, match="SELFIES cannot encode it: ."):
        smiles_to_selfies(smiles)


def test_a_relative_has_the_same_element_and_where_there_is_one_the_same_bond() -> None:
    known = {"[C]", "[N]", "[=N]", "[Ring1]", "[O]"}
    found = {
        "[C@@H1]": "[C]",
        "[=N+1]": "[=N]",
        "[\\\\C@H1]": "[C]",
        "[-/Ring1]": "[Ring1]",
        "[O-1]": "[O]",
        "[13C]": "[C]",
    }
    for symbol, relative in found.items():
        assert find_relative(symbol.replace("\\\\", "\\"), known) == relative
    for symbol in ("[Xe]", "[Cl]", "[nop]", "."):
        assert find_relative(symbol, known) is None
