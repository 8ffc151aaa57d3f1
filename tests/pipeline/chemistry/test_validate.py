"""Validation: every row is accounted for, and nothing that is no molecule passes."""

from __future__ import annotations

import pytest
from rdkit import Chem

from chem_vae.vocabulary import SelfiesVocabulary, smiles_to_selfies
from pipeline.chemistry.molecule import Molecule
from pipeline.chemistry.validate import Candidate, validate

SYMBOLS = ["[C]", "[O]", "[N]", "[=C]", "[Ring1]", "[=Branch1]", "[nop]", "[N+1]", "[O-1]", "[C@H1]", "[Branch1]"]


@pytest.fixture
def vocabulary() -> SelfiesVocabulary:
    return SelfiesVocabulary(SYMBOLS)


def test_row_i_stays_row_i(vocabulary: SelfiesVocabulary) -> None:
    found = validate(["[C][O]", None, "[nop][nop]", "", "[what]", "[O][C]", "[C"], vocabulary)
    assert [c.row for c in found] == list(range(7))
    assert [c.status for c in found] == [
        "valid", "not decoded", "empty", "empty", "not decoded", "valid", "not decoded",
    ]  # fmt: skip
    assert found[0] == Candidate(0, Molecule("CO"), "valid") and found[0].inchikey == "OKKJLVBELUTLKV-UHFFFAOYSA-N"
    assert (found[5].smiles, found[5].inchikey) == (found[0].smiles, found[0].inchikey)  # another spelling
    assert all((c.smiles is None) == (c.inchikey is None) == (not c.valid) for c in found)


def test_nan_of_a_data_frame_is_not_decoded(vocabulary: SelfiesVocabulary) -> None:
    assert validate([float("nan")], vocabulary)[0].status == "not decoded"  # type: ignore[list-item]


def test_the_empty_batch(vocabulary: SelfiesVocabulary) -> None:
    assert validate([], vocabulary) == []


def test_smiles_are_canonical_and_stay_so(vocabulary: SelfiesVocabulary) -> None:
    for smiles in ("C1=CC=CC=C1", "OC(=O)C[N+](C)(C)C", "C[C@H](N)C(=O)O", "F/C=C/F", "[NH3+]CC([O-])=O"):
        string = smiles_to_selfies(Chem.CanonSmiles(smiles))
        (found,) = validate([string], vocabulary)
        assert found.smiles == Chem.CanonSmiles(smiles)
        assert found.inchikey == Chem.MolToInchiKey(Chem.MolFromSmiles(smiles))


class Decoding(SelfiesVocabulary):
    """A vocabulary whose strings decode to themselves, for SMILES that selfies itself would never write."""

    def to_smiles(self, string: str) -> str:
        if string == "bug":
            raise RecursionError("deep in a library")
        return string


def test_what_rdkit_refuses_is_told_apart(capfd: pytest.CaptureFixture[str]) -> None:
    found = validate(["C(", "CN(=O)(=O)(C)C", "c1cccc1", " ", "bug", "*", "CCO"], Decoding(SYMBOLS))
    assert [c.status for c in found] == [
        "not parsed", "not sanitized", "not sanitized", "empty", "not decoded", "no identity", "valid",
    ]  # fmt: skip
    assert capfd.readouterr().err == ""  # RDKit says nothing on the way


def test_the_vocabularys_own_bond_constraints_hold() -> None:
    narrow = dict(SelfiesVocabulary(SYMBOLS).constraints) | {"C": 2}
    string = "[C][=C][C][O]"
    wide, tight = (validate([string], SelfiesVocabulary(SYMBOLS, (), c))[0] for c in (None, narrow))
    assert (wide.smiles, tight.smiles) == ("C=CCO", "C=C")
