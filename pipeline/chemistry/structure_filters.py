"""Finds structural alerts, and unusual motifs: structures that the rules of valence allow and generators make, but that chemists' data hardly has."""

from __future__ import annotations

import functools
from collections.abc import Collection, Sequence

from rdkit import Chem, rdBase
from rdkit.Chem import FilterCatalog, Mol, rdMolDescriptors

from pipeline.chemistry.molecule import Molecule, Structure

LARGEST_RING = 8
LARGE_RING, STRAINED = f"ring of more than {LARGEST_RING} atoms", "strained bridge"

PATTERNS = {
    name: Chem.MolFromSmarts(smarts)
    for name, smarts in (
        ("allene in a ring", "[R]=[R]=[R]"),
        ("alkyne in a ring", "[R]#[R]"),
        ("double bond in a ring of three or four", "[r3,r4]=[r3,r4]"),
        ("aromatic ring of three", "[a;r3]"),
        ("aromatic ring of four", "[a;r4]-[a;r4]"),
        ("peroxide", "[O;X2]-[O;X2]"),
        ("halogen on another atom than carbon", "[F,Cl,Br,I]-[!#6]"),
        ("hydrogen on oxidized sulfur", "[S;!v2;!H0]"),
        ("hydrogen on oxidized phosphorus", "[P;!v3;!H0]"),
        ("three nitrogens in a row", "[#7;X3]-[#7;X3;!R]-[#7;X3]"),
        ("heterocumulene", "[!#6;!#1;+0]=[C;!R]=[C,N;!R]"),
    )
}


def find_unusual_motifs(mol: Mol) -> frozenset[str]:
    """Find the unusual motifs of a sanitized molecule, by name; most have none."""
    found = {name for name, pattern in PATTERNS.items() if mol.HasSubstructMatch(pattern)}
    if _measure_largest_ring(mol) > LARGEST_RING:
        found.add(LARGE_RING)
    if _is_strained(mol):
        found.add(STRAINED)
    return frozenset(found)


def has_unusual_motif(mol: Mol, allowed: Collection[str] = ()) -> bool:
    """Whether a sanitized molecule has an unusual motif that is not among the allowed ones."""
    if _measure_largest_ring(mol) > LARGEST_RING and LARGE_RING not in allowed:
        return True
    if any(name not in allowed and mol.HasSubstructMatch(pattern) for name, pattern in PATTERNS.items()):
        return True
    return STRAINED not in allowed and _is_strained(mol)


def _measure_largest_ring(mol: Mol) -> int:
    return max(map(len, mol.GetRingInfo().AtomRings()), default=0)


def _is_strained(mol: Mol) -> bool:
    """Whether a double bond stands at a bridgehead (Bredt's rule), or an aromatic ring is bridged."""
    bridgeheads: list[int] = []
    if mol.GetRingInfo().NumRings() < 2:
        return False
    if not rdMolDescriptors.CalcNumBridgeheadAtoms(mol, atoms=bridgeheads):  # type: ignore[arg-type]  # the stubs err
        return False
    return any(
        bond.GetIsAromatic() or (bond.GetBondType() == Chem.BondType.DOUBLE and bond.IsInRing())
        for index in bridgeheads
        for bond in mol.GetAtomWithIdx(index).GetBonds()
    )


# -- structural alerts -----------------------------------------------------------------------------------------------


def find_structural_alerts(structures: Sequence[Structure], threads: int = 0) -> list[list[str]]:
    """Find the PAINS (doi:10.1021/jm901137j) and BRENK (doi:10.1002/cmdc.200700139) alerts of each molecule.

    An alert is a reason to look twice, not a verdict.

    Args:
        structures: Molecules, or SMILES. (RDKit reads the SMILES again, on all threads: next to the search for several
            hundred patterns that takes no time.)
        threads: The number of threads; 0 takes all cores.

    Returns:
        For each molecule "PAINS: name" and "BRENK: name", sorted; nothing where RDKit cannot read it.
    """
    smiles = [s.smiles if isinstance(s, Molecule) else s for s in structures]
    with rdBase.BlockLogs():
        run = FilterCatalog.RunFilterCatalog  # type: ignore[attr-defined]  # RDKit's stubs lack it
        matches = run(load_alerts("PAINS_A", "PAINS_B", "PAINS_C", "BRENK"), smiles, numThreads=threads)
    found = []
    for entries in matches:
        names = set()
        for entry in entries:
            if "FilterSet" in entry.GetPropList():
                family = "PAINS" if entry.GetProp("FilterSet").upper().startswith("PAINS") else "BRENK"
                names.add(f"{family}: {entry.GetDescription()}")
        found.append(sorted(names))
    return found


@functools.cache
def load_alerts(*names: str) -> FilterCatalog.FilterCatalog:
    """Load sets of structural alerts of RDKit ("PAINS_A", "BRENK", "NIH", ...) as one catalog."""
    parameters = FilterCatalog.FilterCatalogParams()
    for name in names:
        parameters.AddCatalog(getattr(FilterCatalog.FilterCatalogParams.FilterCatalogs, name))
    return FilterCatalog.FilterCatalog(parameters)
