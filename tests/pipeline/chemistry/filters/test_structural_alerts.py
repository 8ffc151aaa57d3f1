"""Structural alerts: RDKit's answers, at the atoms where they are."""

from __future__ import annotations

import pytest
from rdkit import Chem
from rdkit.Chem import FilterCatalog

from pipeline.chemistry.filters.structural_alerts import find_structural_alerts, load_alerts, locate_alerts
from pipeline.datasets.readers.source import Source
from pipeline.workspace.registry import resolve

REACTIVE = (
    "O=C1NC(=S)SC1=Cc1ccccc1",
    "CC(=O)Cl",
    "O=[N+]([O-])c1ccc(N=Nc2ccc(O)cc2)cc1",
    "OO",
    "[NH3+]CC(=O)[O-]",
    "FC(F)(F)C(F)(F)C(F)(F)C(F)(F)F",
    "CCCCCCCCCCCCCCCC",
    "C[Si](C)(C)C#CC=C",
    "OB(O)c1ccccc1",
    "O=C(O)C(Cl)(Cl)Cl",
    "NNC(=S)N",
    "C1CO1",
    "BrCC(=O)c1ccc2ccccc2c1",
    "CC",
    "C",
)


@pytest.mark.parametrize(
    "name", sorted(n for n in FilterCatalog.FilterCatalogParams.FilterCatalogs.names if n != "ALL")
)
def test_alerts_are_those_of_rdkit(name: str) -> None:
    parameters = FilterCatalog.FilterCatalogParams()
    parameters.AddCatalog(getattr(FilterCatalog.FilterCatalogParams.FilterCatalogs, name))
    theirs, ours = FilterCatalog.FilterCatalog(parameters), load_alerts(name)
    sample = next(Source.open(resolve("moses-sample").path).chunks(limit=300)).inputs
    for mol in map(Chem.MolFromSmiles, (*REACTIVE, *filter(None, sample))):
        expected = sorted(entry.GetDescription() for entry in theirs.GetMatches(mol))
        assert sorted(entry.GetDescription() for entry in ours.find(mol)) == expected
        assert ours.has_match(mol) == bool(expected)


def test_structural_alerts_name_their_family() -> None:
    rhodanine, toluene, broken = find_structural_alerts(["O=C1NC(=S)SC1=Cc1ccccc1", "Cc1ccccc1", "C(("])
    assert "PAINS: ene_rhod_A(235)" in rhodanine
    assert "BRENK: Thiocarbonyl_group" in rhodanine
    assert rhodanine == sorted(set(rhodanine))
    assert toluene == broken == find_structural_alerts([""])[0] == []
    assert find_structural_alerts([]) == []


def test_the_atoms_of_each_alert_are_found() -> None:
    smiles = ["O=C1NC(=S)SC1=Cc1ccccc1", "Cc1ccccc1", "O=C(Oc1ccccc1)c1ccco1"]
    for text, names in zip(smiles, find_structural_alerts(smiles), strict=True):
        mol = Chem.MolFromSmiles(text)
        found = locate_alerts(mol)
        assert list(found) == names
        assert all(
            atoms and max(atoms) < mol.GetNumAtoms() and list(atoms) == sorted(set(atoms)) for atoms in found.values()
        )
    assert {3, 4} <= set(locate_alerts(Chem.MolFromSmiles(smiles[0]))["BRENK: Thiocarbonyl_group"])  # C=S
