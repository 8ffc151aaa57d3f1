"""Finds structural alerts, and unusual motifs: structures that the rules of valence allow and generators make, but that chemists' data hardly has."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from rdkit import Chem, rdBase
from rdkit.Chem import FilterCatalog, Mol, rdMolDescriptors

from chem_vae.errors import unknown_name
from pipeline.chemistry.molecule import Molecule, Structure

LARGEST_RING = 8
LARGE_RING, STRAINED = f"ring of more than {LARGEST_RING} atoms", "strained bridge"
EVERYTHING = "all"
"""Stands for the names of all unusual structures, where some are allowed."""

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


def locate_unusual(mol: Mol, allowed: Collection[str] = ()) -> dict[str, tuple[int, ...]]:
    """Find what is unusual in a sanitized molecule, and at which atoms.

    Args:
        mol: The molecule, in the standard form of the project.
        allowed: Names that are not looked for, and what `learn_usual` returned.

    Returns:
        The atoms to mark (their indices, sorted) by the name of what is unusual; {} where nothing is.
    """
    found: dict[str, tuple[int, ...]] = {}
    for name, pattern in PATTERNS.items():
        if name not in allowed and (matches := mol.GetSubstructMatches(pattern)):
            found[name] = _merge(matches)
    large = [ring for ring in mol.GetRingInfo().AtomRings() if len(ring) > LARGEST_RING]
    if large and LARGE_RING not in allowed:
        found[LARGE_RING] = _merge(large)
    if STRAINED not in allowed and (strained := _find_strained(mol)):
        found[STRAINED] = _merge([strained])
    return found


def find_unusual_motifs(mol: Mol) -> frozenset[str]:
    """Find what is unusual in a sanitized molecule, by name; most molecules have nothing."""
    return frozenset(locate_unusual(mol))


def has_unusual_motif(mol: Mol, allowed: Collection[str] = ()) -> bool:
    """Whether a sanitized molecule has anything unusual that is not among what is allowed (see `locate_unusual`)."""
    return bool(locate_unusual(mol, allowed))


def learn_usual(mols: Iterable[Mol], at_least: int = 1) -> frozenset[str]:
    """Learn what is usual for a set of molecules although it is unusual elsewhere, as `allowed` takes it.

    Args:
        mols: Sanitized molecules: those that a model was trained on, or those that a user named.
        at_least: The number of molecules that must have it.

    Returns:
        What these molecules have that `locate_unusual` would report. Sets of several calls can be joined.
    """
    counts = Counter(name for mol in mols for name in find_unusual_motifs(mol))
    return frozenset(name for name, count in counts.items() if count >= at_least)


def list_unusual_names() -> tuple[str, ...]:
    """List the names by which `locate_unusual` calls what is unusual."""
    return (*PATTERNS, LARGE_RING, STRAINED)


def read_allowed(names: Iterable[str]) -> frozenset[str]:
    """Read the names of what is allowed although it is unusual, in any case, as `locate_unusual` takes them.

    Args:
        names: Names of `list_unusual_names`; "all" stands for all of them.

    Raises:
        UserError: A name is unknown; the message lists the nearest ones.
    """
    known = {name.casefold(): name for name in list_unusual_names()}
    found: set[str] = set()
    for name in names:
        if name.casefold() == EVERYTHING:
            found.update(known.values())
        elif name.casefold() in known:
            found.add(known[name.casefold()])
        else:
            raise unknown_name("unusual structure", name, [*known.values(), EVERYTHING])
    return frozenset(found)


def _merge(matches: Iterable[Iterable[int]]) -> tuple[int, ...]:
    return tuple(sorted({atom for match in matches for atom in match}))


def _find_strained(mol: Mol) -> list[int]:
    """Find bridgeheads with a double bond (Bredt's rule), or in an aromatic ring."""
    bridgeheads: list[int] = []
    if mol.GetRingInfo().NumRings() < 2:
        return []
    if not rdMolDescriptors.CalcNumBridgeheadAtoms(mol, atoms=bridgeheads):  # type: ignore[arg-type]  # the stubs err
        return []
    return [
        index
        for index in bridgeheads
        if any(
            bond.GetIsAromatic() or (bond.GetBondType() == Chem.BondType.DOUBLE and bond.IsInRing())
            for bond in mol.GetAtomWithIdx(index).GetBonds()
        )
    ]


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
