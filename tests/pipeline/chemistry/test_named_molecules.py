from __future__ import annotations

import warnings

import pytest

from chem_vae.errors import ChemVAEWarning, UserError
from pipeline.chemistry.config import StandardizeOptions
from pipeline.chemistry.named_molecules import read_named_molecule


def test_a_named_molecule_follows_the_rules_of_the_data() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_named_molecule("C[C@H](N)O alaninol", "seed").smiles == "C[C@H](N)O"
        assert read_named_molecule("O", "seed").smiles == "O"
        assert read_named_molecule("C" * 130, "seed", StandardizeOptions(max_heavy_atoms=30)).smiles == "C" * 130
        assert read_named_molecule("C[As](C)C", "seed").smiles == "C[As](C)C"
    with pytest.warns(ChemVAEWarning, match=r"the seed '.*' is used as CC\(=O\)O \(metal removed; uncharged\)"):
        assert read_named_molecule("CC(=O)[O-].[Na+]", "seed").smiles == "CC(=O)O"
    charged = StandardizeOptions(uncharge=False)
    with pytest.warns(ChemVAEWarning, match="metal removed"):
        assert read_named_molecule("CC(=O)[O-].[Na+]", "seed", charged).smiles == "CC(=O)[O-]"
    with pytest.raises(UserError, match=r"the start 'N\[Pt\]\(N\)\(Cl\)Cl' cannot be used: it contains a metal"):
        read_named_molecule("N[Pt](N)(Cl)Cl", "start")
