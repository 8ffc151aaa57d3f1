"""Finds the structural alerts of molecules: the sets of RDKit (PAINS, BRENK, NIH, ...), and where in a molecule they are.

Nearly all of a set's several hundred patterns cannot be in a given molecule, which RDKit's pattern fingerprint tells beforehand: a
substructure sets no bit that the molecule does not set. Only the others are looked for, by RDKit; the answers are the same.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from rdkit import DataStructs
from rdkit.Chem import FilterCatalog, Mol, PatternFingerprint

from pipeline.chemistry.molecule import Molecule, Structure, parse_mol

_ALERTS = ("PAINS_A", "PAINS_B", "PAINS_C", "BRENK")
_MARK = b"\xef\xbe\xad\xde"
"""The first bytes of a molecule in RDKit's binary form."""


class AlertCatalog:
    """Sets of structural alerts of RDKit as one catalog.

    Args:
        names: The names of the sets, as RDKit has them: "PAINS_A", "BRENK", "NIH", ...
    """

    def __init__(self, *names: str) -> None:
        parameters = FilterCatalog.FilterCatalogParams()
        for name in names:
            parameters.AddCatalog(getattr(FilterCatalog.FilterCatalogParams.FilterCatalogs, name))
        catalog = FilterCatalog.FilterCatalog(parameters)
        self._entries = [catalog.GetEntryWithIdx(i) for i in range(catalog.GetNumEntries())]
        # (words, entries): whole rows are compared at once
        self._needed = np.stack([_fingerprint(pattern) for pattern in map(_read_pattern, self._entries)], axis=1)
        self._catalog = catalog  # owns the entries

    def find(self, mol: Mol) -> Iterator[FilterCatalog.FilterCatalogEntry]:
        """Yield the entries that a molecule matches, in the order of the sets."""
        lacking = np.bitwise_or.reduce(self._needed & ~_fingerprint(mol)[:, None], axis=0)
        for index in np.flatnonzero(lacking == 0).tolist():
            if self._entries[index].HasFilterMatch(mol):
                yield self._entries[index]

    def has_match(self, mol: Mol) -> bool:
        """Say whether a molecule has any of the alerts."""
        return next(self.find(mol), None) is not None


@functools.cache
def load_alerts(*names: str) -> AlertCatalog:
    """Load sets of structural alerts of RDKit ("PAINS_A", "BRENK", "NIH", ...) as one catalog."""
    return AlertCatalog(*names)


def find_structural_alerts(structures: Sequence[Structure]) -> list[list[str]]:
    """Find the PAINS (doi:10.1021/jm901137j) and BRENK (doi:10.1002/cmdc.200700139) alerts of each molecule.

    An alert is a reason to look twice, not a verdict.

    Args:
        structures: Molecules, or SMILES.

    Returns:
        For each molecule "PAINS: name" and "BRENK: name", sorted; nothing where RDKit cannot read it.
    """
    catalog = load_alerts(*_ALERTS)
    mols = (s.mol if isinstance(s, Molecule) else parse_mol(s) for s in structures)
    return [
        [] if mol is None else sorted({name for entry in catalog.find(mol) if (name := _name_alert(entry))})
        for mol in mols
    ]


def locate_alerts(mol: Mol) -> dict[str, tuple[int, ...]]:
    """Find the structural alerts of a molecule as `find_structural_alerts` does, and at which atoms.

    Returns:
        The numbers of the atoms, sorted, by the name of the alert.
    """
    found: dict[str, set[int]] = {}
    for entry in load_alerts(*_ALERTS).find(mol):
        if name := _name_alert(entry):
            pairs = (pair for match in entry.GetFilterMatches(mol) for pair in match.atomPairs)
            found.setdefault(name, set()).update(atom for _, atom in pairs)
    return {name: tuple(sorted(atoms)) for name, atoms in sorted(found.items())}


def _name_alert(entry: FilterCatalog.FilterCatalogEntry) -> str:
    """Name an alert with its list; "" for an entry of no list."""
    if "FilterSet" not in entry.GetPropList():
        return ""
    family = "PAINS" if entry.GetProp("FilterSet").upper().startswith("PAINS") else "BRENK"
    return f"{family}: {entry.GetDescription()}"


def _read_pattern(entry: FilterCatalog.FilterCatalogEntry) -> Mol | None:
    """Read the pattern of an entry out of its binary form, the one way to it; None where it is no single pattern."""
    data = bytes(entry.Serialize())
    start = data.find(_MARK)
    size = data[:start].split()[-1:]  # a pattern stands behind its size
    end = start + int(size[0]) if start >= 0 and size and size[0].isdigit() else -1
    whole = end > start and _MARK not in data[end:]
    return Mol(data[start:end]) if whole else None  # type: ignore[call-overload]  # RDKit's stubs lack bytes


def _fingerprint(mol: Mol | None) -> NDArray[np.uint64]:
    """Compute the pattern fingerprint of a molecule or a pattern in words of 64 bits; no bit for None, which any molecule may match."""
    bits = DataStructs.ExplicitBitVect(2048) if mol is None else PatternFingerprint(mol, 2048)
    return np.frombuffer(DataStructs.BitVectToBinaryText(bits), dtype=np.uint64)
