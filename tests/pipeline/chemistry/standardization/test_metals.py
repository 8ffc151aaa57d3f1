from __future__ import annotations

import pytest

from pipeline.chemistry.config import StandardizeOptions
from pipeline.chemistry.molecule import Molecule
from pipeline.chemistry.standardization.standardize import Rejection, Standardizer

COMPLEXES = {
    "cisplatin": ("N[Pt](N)(Cl)Cl", "Pt"),
    "cisplatin with hydrogens": ("[H][N]([H])([H])[Pt](Cl)(Cl)[N]([H])([H])[H]", "Pt"),
    "cisplatin, square planar": ("Cl[Pt@SP1](Cl)([NH3])[NH3]", "Pt"),
    "cisplatin, dative": ("Cl[Pt](Cl)(<-N)<-N", "Pt"),
    "cisplatin in parts": ("[Pt+2].[Cl-].[Cl-].N.N", "Pt"),
    "carboplatin": ("C1CC(C1)(C(=O)O[Pt](N)(N)OC2=O)2", "Pt"),
    "ferrocene as a salt": ("[Fe+2].c1cc[cH-]c1.c1cc[cH-]c1", "Fe"),
    "dative bond": ("C1=CC=CC=N1->[Fe]", "Fe"),
    "methylmercury": ("C[Hg]Cl", "Hg"),
    "stannane": ("CC(C)[Sn](C)(C)C", "Sn"),
    "butyllithium": ("[Li]CCCC", "Li"),
    "butyllithium as ions": ("[Li+].CCC[CH2-]", "Li"),
    "sodium cyclopentadienide": ("[Na+].c1cc[cH-]c1", "Na"),
    "Grignard": ("Br[Mg]c1ccccc1", "Mg"),
    "silver acetate": ("CC(=O)O[Ag]", "Ag"),
    "gadolinium chelate in parts": ("[Gd+3].OC(=O)CN(CCN(CC(=O)[O-])CC(=O)[O-])CC(=O)[O-]", "Gd"),
    "auranofin": ("CCP(CC)(CC)=[Au]SC1OC(COC(C)=O)C(OC(C)=O)C(OC(C)=O)C1OC(C)=O", "Au"),
    "copper complex with a counterion": ("[Cu+2].CC(=O)[O-].[Na+].CC(=O)[O-]", "Cu"),
}


@pytest.mark.parametrize("name", COMPLEXES)
def test_compounds_of_metals_are_rejected(name: str) -> None:
    text, symbol = COMPLEXES[name]
    found = Standardizer()(text)
    assert isinstance(found, Rejection), found
    assert found.stage == "metal"
    assert symbol in found.reason


@pytest.mark.parametrize(
    ("text", "smiles"),
    [
        ("[Mg+2].[O-]C(=O)CO.[O-]C(=O)CO", "O=C(O)CO"),
        ("[Na]OC(=O)c1ccccc1", "O=C(O)c1ccccc1"),
        ("O=C(O[Ca]OC(=O)CCC)CCC", "CCCC(=O)O"),
        ("[Na]N1C(=O)c2ccccc2S1(=O)=O", "O=C1NS(=O)(=O)c2ccccc21"),
        ("[K+].CC(=O)[CH-]C(C)=O", "CC(=O)CC(C)=O"),
        ("[Na+].N#C[CH-]C#N", "N#CCC#N"),
        ("[K].[K].OC(=O)CCCCCCC", "CCCCCCCC(=O)O"),
        ("[K+].F[B-](F)(F)c1ccccc1", "F[B-](F)(F)c1ccccc1"),
    ],
)
def test_metals_of_salts_are_removed(text: str, smiles: str) -> None:
    found = Standardizer()(text)
    assert isinstance(found, Molecule), found
    assert found.smiles == smiles
    assert "metal removed" in found.changes


def test_nonmetals_are_left_to_the_option_elements() -> None:
    for text in ("CC1(C)OB(c2ccccc2)OC1(C)C", "OB(O)c1ccccc1", "C[Si](C)(C)C", "C[Se]C"):
        found = Standardizer()(text)
        assert isinstance(found, Molecule) and found.changes == ()
    arsenic = Standardizer()("C[As](C)(=O)O")
    assert isinstance(arsenic, Rejection) and arsenic.stage == "elements"
    allowed = Standardizer(StandardizeOptions(elements=("C", "H", "Sn", "Cl")))("CC[Sn](C)(C)Cl")
    assert isinstance(allowed, Molecule) and "Sn" in allowed.smiles
