"""Opens what the settings of a scaffold ask for: a scaffold to keep, or a molecule of which a fragment is replaced."""

from __future__ import annotations

from rdkit import Chem
from rdkit.Chem.Scaffolds import MurckoScaffold

from pipeline.chemistry.config import ScaffoldConfig
from pipeline.chemistry.molecule import parse_mol
from pipeline.chemistry.variation.attachment_points import write_points
from pipeline.chemistry.variation.fragment_cuts import find_rest
from pipeline.chemistry.variation.scaffolds import Scaffold


def open_scaffold(config: ScaffoldConfig) -> Scaffold:
    """Read the scaffold of the settings.

    Raises:
        UserError: It cannot be read or kept, or the fragment cannot be cut out of the molecule.
    """
    if config.keep is not None:
        return Scaffold(config.keep)
    assert config.molecule is not None and config.replace is not None
    return Scaffold(find_rest(config.molecule, config.replace))


def open_side_chains(smiles: str) -> str:
    """Write the Bemis-Murcko scaffold of a molecule with an attachment point wherever it bears a side chain.

    Args:
        smiles: A molecule.

    Returns:
        The scaffold as SMILES; the whole molecule where it has no ring, "" where it cannot be read.

    >>> open_side_chains("CC(=O)Nc1ccc(OCC2CC2)cc1"), open_side_chains("c1ccccc1")
    ('[*:1]c1ccc(OCC2CC2)cc1', 'c1ccccc1')
    """
    mol = parse_mol(smiles)
    if mol is None:
        return ""
    core = MurckoScaffold.GetScaffoldForMol(mol)
    if not core.GetNumAtoms():
        return str(Chem.MolToSmiles(mol))
    opened = Chem.ReplaceSidechains(mol, core)
    return write_points(Chem.MolToSmiles(opened if opened is not None else core))
