from __future__ import annotations

import csv
import gzip
import itertools
import math
from pathlib import Path

import pytest
from rdkit import Chem
from rdkit.Chem import QED, Crippen

from chem_vae.errors import UserError
from pipeline.chemistry.properties import (
    PROPERTIES,
    ComputedProperty,
    FragmentScores,
    _load_sa_script,
    compute,
    get_property,
    register_property,
)
from pipeline.workspace.registry import find_data_folder

NAMES = {
    "logp", "qed", "sa", "mw", "tpsa", "hbd", "hba", "rotatable_bonds", "rings", "fraction_sp3", "formal_charge",
}  # fmt: skip


def test_aspirin() -> None:
    aspirin = Chem.MolFromSmiles("CC(=O)Oc1ccccc1C(=O)O")
    values = dict(zip(sorted(NAMES), compute(aspirin, sorted(NAMES)), strict=True))
    assert values["mw"] == pytest.approx(180.159, abs=1e-3)
    assert values["tpsa"] == pytest.approx(63.6, abs=0.01)
    assert values["logp"] == pytest.approx(1.3101, abs=1e-4)
    assert values["qed"] == pytest.approx(0.5501, abs=1e-4)
    assert values["sa"] == pytest.approx(1.58, abs=0.01)
    assert values["fraction_sp3"] == pytest.approx(1 / 9)
    whole = ("hbd", "hba", "rotatable_bonds", "rings", "formal_charge")
    assert [values[n] for n in whole] == [1, 3, 2, 1, 0]
    assert all(get_property(n).integer for n in whole)


def test_the_table_of_fragments_is_the_one_of_the_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHEM_VAE_CACHE", str(tmp_path))
    _load_sa_script.cache_clear()
    made = _load_sa_script()._fscores
    _load_sa_script.cache_clear()
    script = _load_sa_script()
    read = script._fscores
    try:
        script.readFragmentScores()
        known = script._fscores
    finally:
        _load_sa_script.cache_clear()
    assert isinstance(read, FragmentScores) and len(known) > 700_000
    some = [*sorted(known)[::50], max(known), min(known)]
    assert [made.get(f, -4) for f in some] == [read.get(f, -4) for f in some] == [known[f] for f in some]
    unknown = [f for f in (0, 1, 2, 2**32 - 1, *(f + 1 for f in some)) if f not in known]
    assert unknown and {read.get(f, -4) for f in unknown} == {-4} and read.get(unknown[0], -3) == -3


def test_qed_is_rdkits_to_the_last_digit() -> None:
    with gzip.open(find_data_folder() / "moses-sample.csv.gz", "rt", newline="") as file:
        texts = [row["SMILES"] for row in itertools.islice(csv.DictReader(file), 300)]
    for text in [*texts, "[H][H]", "[2H]C", "O", "C[N+](C)(C)C", "N=C(CCSCc1csc(N=C(N)N)n1)NS(N)(=O)=O"]:
        mol = Chem.MolFromSmiles(text)
        assert compute(mol, ["logp", "qed"]) == [Crippen.MolLogP(Chem.Mol(mol)), QED.qed(Chem.MolFromSmiles(text))], (
            text
        )


def test_a_property_that_cannot_be_had_is_nan() -> None:
    assert math.isnan(compute(Chem.MolFromSmiles("O"), ["fraction_sp3"])[0])

    def fails(mol: Chem.Mol) -> float:
        raise RuntimeError

    assert math.isnan(ComputedProperty("x", "x", "", fails)(Chem.MolFromSmiles("C")))
    assert math.isnan(ComputedProperty("x", "x", "", lambda mol: math.inf)(Chem.MolFromSmiles("C")))


def test_the_registry() -> None:
    assert set(PROPERTIES) == NAMES
    with pytest.raises(UserError, match="did you mean 'logp'"):
        get_property("LogP")
    with pytest.raises(UserError, match="registered already"):
        register_property("logp", "again")(lambda mol: 0.0)
    with pytest.raises(UserError, match="lowercase"):
        register_property("Log P", "spelled badly")
    try:
        register_property("heavy_atoms", "Heavy atoms", integer=True)(lambda mol: float(mol.GetNumHeavyAtoms()))
        assert compute(Chem.MolFromSmiles("CCO"), ["heavy_atoms"]) == [3]
    finally:
        PROPERTIES._entries.pop("heavy_atoms", None)
