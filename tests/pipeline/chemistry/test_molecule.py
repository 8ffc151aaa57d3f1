from __future__ import annotations

import pickle
from collections import deque

import pytest
from rdkit import Chem

from chem_vae.errors import DataError
from pipeline.chemistry import molecule as module
from pipeline.chemistry.fingerprints import ECFP4_2048
from pipeline.chemistry.metrics import compute_fingerprints, find_scaffold
from pipeline.chemistry.molecule import Molecule, parse_mols
from pipeline.chemistry.standardization.standardize import Standardizer


def test_everything_is_derived_from_one_parse(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Standardizer()("C[C@H](N)Cc1ccccc1")
    assert isinstance(found, Molecule)

    def parse(*_: object) -> None:
        raise AssertionError("parsed again")

    assert Standardizer()(found) == found
    monkeypatch.setattr(module.Chem, "MolFromSmiles", parse)
    assert found.inchikey == Chem.MolToInchiKey(found.mol)
    assert found.stereo_blind_key == found.inchikey[:14]
    assert found.scaffold == find_scaffold(found) == "c1ccccc1"
    assert found.fingerprint is compute_fingerprints([found])[0]
    assert found.fingerprint == ECFP4_2048.bits(found.mol)


def test_pickling_drops_what_can_be_computed_again() -> None:
    known = Molecule("CCO", "LFQSCWFLJHTTHZ-UHFFFAOYSA-N", ("uncharged",))
    bare = len(pickle.dumps(known))
    assert known.fingerprint is not None and known.scaffold == ""
    assert len(pickle.dumps(known)) == bare
    again = pickle.loads(pickle.dumps(known))
    assert (
        again == known and again.changes == ("uncharged",) and set(again.__dict__) == {"smiles", "changes", "inchikey"}
    )


def test_any_smiles_is_written_canonically() -> None:
    assert Molecule.parse("OCC") == Molecule("CCO")
    assert len({Molecule("CCO"), Molecule.parse("C(C)O"), Molecule("CCN")}) == 2
    assert Molecule("CCO") != "CCO"
    assert [Molecule.parse(text) for text in ("C(", "", None)] == [None] * 3
    assert [mol is None for mol in parse_mols(["CC", "C1", None, "", Molecule("C")])] == [
        False,
        True,
        True,
        True,
        False,
    ]
    with pytest.raises(DataError, match="cannot read 'C1'"):
        _ = Molecule("C1").mol


def test_only_so_many_molecules_of_a_process_stay_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others hold their SMILES and what was computed from it, so that a hundred thousand molecules fit into memory."""
    monkeypatch.setattr("pipeline.chemistry.molecule.MOST_PARSED", 2)
    monkeypatch.setattr("pipeline.chemistry.molecule._parsed", deque())
    molecules = [Molecule(smiles) for smiles in ("CCO", "CCN", "c1ccccc1CC", "CCC")]
    scaffolds = [molecule.scaffold for molecule in molecules]
    assert [molecule.is_parsed for molecule in molecules] == [False, False, True, True]
    assert [molecule.scaffold for molecule in molecules] == scaffolds == ["", "", "c1ccccc1", ""]
    assert not molecules[0].is_parsed, "what was computed is kept"
    assert molecules[0].mol is molecules[0].mol
    assert [molecule.is_parsed for molecule in molecules] == [True, False, False, True], (
        "the one parsed longest ago goes"
    )
