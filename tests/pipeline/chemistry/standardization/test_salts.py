from __future__ import annotations

import csv
import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem

from pipeline.chemistry.config import StandardizeOptions
from pipeline.chemistry.molecule import Molecule
from pipeline.chemistry.standardization.salts import write_keys
from pipeline.chemistry.standardization.standardize import Rejection, Standardizer
from pipeline.workspace.registry import find_data_folder

TAFAMIDIS = "O=C(O)c1ccc2nc(-c3cc(Cl)cc(Cl)c3)oc2c1"
ASPIRIN = "CC(=O)Oc1ccccc1C(=O)O"
CAFFEINE = "Cn1c(=O)c2c(ncn2C)n(C)c1=O"
RECORDS = [
    (f"CNC[C@H](O)[C@@H](O)[C@H](O)[C@H](O)CO.{TAFAMIDIS}", TAFAMIDIS, ["salt removed"]),
    (f"NCCCC[C@H](N)C(=O)O.{ASPIRIN}", ASPIRIN, ["salt removed"]),
    (f"[NH3+]CCCC[C@H]([NH3+])C(=O)[O-].{ASPIRIN[:-1]}[O-]", ASPIRIN, ["salt removed", "uncharged"]),
    ("CN1CCCN=C1/C=C/c1cccs1.O=C(O)c1cc2ccccc2c(Cc2c(O)c(C(=O)O)cc3ccccc23)c1O", "CN1CCCN=C1/C=C/c1cccs1", ["salt removed"]),
    ("CC(C)CC(NC(=O)OC(C)(C)C)C(=O)O.C1CCC(NC2CCCCC2)CC1", "CC(C)CC(NC(=O)OC(C)(C)C)C(=O)O", ["salt removed"]),
    ("CC(C(=O)O)c1cccc(C(=O)c2ccccc2)c1.NC(CO)(CO)CO", "CC(C(=O)O)c1cccc(C(=O)c2ccccc2)c1", ["salt removed"]),
    ("CC(CCc1ccc(O)cc1)NCCc1ccc(O)c(O)c1.OCC(O)C(OC1OC(CO)C(O)C(O)C1O)C(O)C(O)C(=O)O", "CC(CCc1ccc(O)cc1)NCCc1ccc(O)c(O)c1", ["salt removed"]),
    ("CCCCN.OC(=O)C(F)(F)F", "CCCCN", ["salt removed"]),
    ("CCCC[NH3+].[O-]C(=O)C(F)(F)F", "CCCCN", ["salt removed", "uncharged"]),
    ("C[N+](C)(C)CCO.[Cl-]", "C[N+](C)(C)CCO", ["salt removed"]),
    ("CN(C)C(=N)NC(=N)N.OC(=O)CCC(O)=O", "CN(C)C(=N)NC(=N)N", ["salt removed"]),
    ("CC(C)(C)NCC(O)COc1nsnc1N1CCOCC1.OC(=O)/C=C\\C(O)=O", "CC(C)(C)NCC(O)COc1nsnc1N1CCOCC1", ["salt removed"]),
    ("OC(=O)C(F)(F)F.C[N+](C)(C)CCO", "C[N+](C)(C)CCO", ["salt removed"]),
    ("CS(=O)(=O)O.NCCO.O", "NCCO", ["salt removed", "solvent removed"]),
    ("[Na+].[O-]C(=O)c1ccccc1", "O=C(O)c1ccccc1", ["metal removed", "uncharged"]),
    ("CC(=O)[O-].CC(=O)[O-].[Zn+2]", "CC(=O)O", ["metal removed", "uncharged"]),
    ("CC(=O)O[Na]", "CC(=O)O", ["metal removed", "uncharged"]),
    ("CCCC(CCC)C(=O)O.CCCC(CCC)C(=O)[O-].[Na+]", "CCCC(CCC)C(=O)O", ["metal removed"]),
    ("[Ca+2].O.O.O.CC(=O)[O-].CC(=O)[O-]", "CC(=O)O", ["metal removed", "solvent removed", "uncharged"]),
    ("O.O.CC(=O)Nc1ccc(O)cc1", "CC(=O)Nc1ccc(O)cc1", ["solvent removed"]),
    ("CCO.Cl.Cl.NCCc1ccccc1", "NCCc1ccccc1", ["salt removed", "solvent removed"]),
    ("CS(C)=O.NCCc1ccccc1.ClCCl", "NCCc1ccccc1", ["solvent removed"]),
    ("[2H]C(Cl)(Cl)Cl.NCCc1ccccc1", "NCCc1ccccc1", ["solvent removed"]),
    ("NCCc1ccccc1.NCCc1ccccc1.OS(=O)(=O)O", "NCCc1ccccc1", ["salt removed"]),
    ("c1ccc(cc1)[N+]#N.F[B-](F)(F)F", "N#[N+]c1ccccc1", ["salt removed"]),
    ("CCn1cc[n+](C)c1.F[P-](F)(F)(F)(F)F", "CCn1cc[n+](C)c1", ["salt removed"]),
    ("CC(=O)[O-].[NH4+]", "CC(=O)O", ["salt removed", "uncharged"]),
    ("CCO.CCO", "CCO", ["equal parts merged"]),
    (f"{TAFAMIDIS}.CCNCOC", TAFAMIDIS, ["smaller part removed"]),
    ("C[C@H](N)c1ccccc1OC.C[C@@H](N)c1ccccc1OC.Cl", "COc1ccccc1C(C)N", ["stereo of a mixture made undefined", "salt removed"]),
    ("C/C=C/CCl.C/C=C\\CCl", "CC=CCCl", ["stereo of a mixture made undefined"]),
    ("C[C@H](F)[C@H](Cl)Br.C[C@H](F)[C@@H](Cl)Br", "C[C@H](F)C(Cl)Br", ["stereo of a mixture made undefined"]),
    ("C[C@H](F)C(Cl)Br.C[C@H](F)[C@@H](Cl)Br", "C[C@H](F)C(Cl)Br", ["stereo of a mixture made undefined"]),
]  # fmt: skip
MIXTURES = [
    ("CCC.CCN", "CCC and CCN"), (f"{ASPIRIN}.{CAFFEINE}", "a mixture of"), ("c1ccccc1.Cc1ccccc1.Cc1ccccc1C", "o-xylene, toluene and benzene"),
    (f"{ASPIRIN}.{CAFFEINE}.{TAFAMIDIS}.CC(=O)Nc1ccc(O)cc1.Cl", "1 more"),
]  # fmt: skip
INORGANIC = [
    "[Na+].[Cl-]",
    "[Na]Cl",
    "O.Cl",
    "[Na+].[Na+].[O-]C([O-])=O",
    "[NH4+].[O-][N+](=O)[O-]",
    "O.O",
    "[Na+].[BH4-]",
]


def orders(text: str, most: int = 24) -> list[str]:
    found = list(itertools.islice(itertools.permutations(text.split(".")), most))
    return [".".join(parts) for parts in found]


@pytest.mark.parametrize(("text", "smiles", "changes"), RECORDS)
def test_the_molecule_is_kept_in_any_order(text: str, smiles: str, changes: list[str]) -> None:
    standardizer = Standardizer()
    for ordered in orders(text):
        found = standardizer(ordered)
        assert isinstance(found, Molecule), found
        assert (found.smiles, list(found.changes)) == (smiles, changes)
    again = standardizer(smiles)
    assert isinstance(again, Molecule) and (again.smiles, again.changes) == (smiles, ())


@pytest.mark.parametrize(("text", "said"), MIXTURES)
def test_mixtures_are_rejected_in_any_order(text: str, said: str) -> None:
    found = [Standardizer()(ordered) for ordered in orders(text)]
    assert all(isinstance(f, Rejection) and f.stage == "fragment" and said in f.reason for f in found), found
    assert len({f.reason for f in found if isinstance(f, Rejection)}) == 1


@pytest.mark.parametrize("text", INORGANIC)
def test_inorganic_records_are_rejected(text: str) -> None:
    for ordered in orders(text):
        found = Standardizer()(ordered)
        assert isinstance(found, Rejection) and "inorganic" in found.reason, found


def test_charges_stay_where_uncharging_is_off() -> None:
    found = Standardizer(StandardizeOptions(uncharge=False))("CC(=O)[O-].[Na+].Cl")
    assert isinstance(found, Molecule)
    assert (found.smiles, found.changes) == ("CC(=O)[O-]", ("metal removed", "salt removed"))


def test_the_list_is_sound() -> None:
    with (find_data_folder() / "counterions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    keys = [write_keys(Chem.MolFromSmiles(row["smiles"]))[0] for row in rows]
    assert len(set(keys)) == len(rows) > 250
    assert {row["kind"] for row in rows} == {"acid", "counterion", "solvent"}
    assert not {ASPIRIN, CAFFEINE, TAFAMIDIS} & set(keys)
    for row in rows:  # beside a drug, each is recognized
        found = Standardizer()(f"{row['smiles']}.{TAFAMIDIS}")
        assert isinstance(found, Molecule) and found.smiles == TAFAMIDIS, row


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([r for r in RECORDS if "@" not in r[0] and "/" not in r[0]]),
    st.lists(st.sampled_from(["O", "Cl", "[Na+]", "CCO", "OC(=O)C(F)(F)F", "[Br-]", "OS(=O)(=O)O", "[K+]", "CS(=O)(=O)[O-]"]), max_size=3),
    st.randoms(use_true_random=False),
)  # fmt: skip
def test_more_counterions_and_atom_order_change_nothing(
    record: tuple[str, str, list[str]], more: list[str], draw: random.Random
) -> None:
    text, smiles, _ = record
    if smiles in ("CC(=O)O", "CCO"):  # on the list themselves
        more = [m for m in more if m in ("O", "Cl", "[Na+]", "[K+]", "[Br-]")]
    mol = Chem.MolFromSmiles(".".join([text, *more]))
    order = list(range(mol.GetNumAtoms()))
    draw.shuffle(order)
    found = Standardizer()(Chem.MolToSmiles(Chem.RenumberAtoms(mol, order), canonical=False))
    assert isinstance(found, Molecule), found
    assert found.smiles == smiles
