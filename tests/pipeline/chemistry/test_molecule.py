from __future__ import annotations

import pickle

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
