"""The filters of MOSES, which keep molecules that suit a medicinal chemist's screening library.

Polykovskiy et al. 2020, doi:10.3389/fphar.2020.565644. The substructure rules (medicinal chemistry filters, MCF, and PAINS,
doi:10.1021/jm901137j) are read from the MOSES wheel in the cache; they are not the PAINS of RDKit's catalog, which a
report's structural alerts use.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rdkit import Chem, rdBase
from rdkit.Chem import FilterCatalog

from chem_vae.errors import DataError
from chem_vae.progress import Progress, silent
from pipeline.workspace.registry import find_extra_file, resolve

ATOMS = frozenset({"C", "N", "S", "O", "F", "Cl", "Br", "H"})
LARGEST_RING = 7


def load_rules(progress: Progress = silent) -> tuple[str, ...]:
    """Load the SMARTS of MOSES' MCF and PAINS rules from the cache (the wheel is fetched the first time)."""
    resolve("moses", progress=progress)
    mcf = _read_rows(find_extra_file("moses", "mcf"))
    column = mcf[0].index("smarts")
    return tuple(row[column].strip() for row in mcf[1:]) + tuple(
        row[0].strip() for row in _read_rows(find_extra_file("moses", "pains"))
    )


class MosesFilter:
    """Passes molecules with neutral atoms of C, N, S, O, F, Cl, Br and H alone, rings of seven atoms at most, and none of the rules."""

    def __init__(self, rules: Sequence[str]) -> None:
        """Compile the rules, SMARTS that must not match. Raises DataError for one that RDKit cannot read."""
        self._catalog = FilterCatalog.FilterCatalog()
        with rdBase.BlockLogs():
            for number, rule in enumerate(rules):
                pattern = Chem.MolFromSmarts(rule)
                if pattern is None:
                    raise DataError(f"a filter rule cannot be read as SMARTS: {rule}")
                self._catalog.AddEntry(
                    FilterCatalog.FilterCatalogEntry(str(number), FilterCatalog.SmartsMatcher(pattern))
                )

    def __call__(self, mol: Any) -> bool:
        """Tell whether a sanitized RDKit molecule passes. The rules see its hydrogens as atoms, as they were written for."""
        if any(len(ring) > LARGEST_RING for ring in mol.GetRingInfo().AtomRings()):
            return False
        if any(atom.GetFormalCharge() or atom.GetSymbol() not in ATOMS for atom in mol.GetAtoms()):
            return False
        if self._catalog.HasMatch(Chem.AddHs(mol)):
            return False
        flat = Chem.MolToSmiles(mol, isomericSmiles=False)
        return bool(flat) and Chem.MolFromSmiles(flat) is not None


def _read_rows(path: Path) -> list[list[str]]:
    try:
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            return [row for row in csv.reader(file) if row]
    except (OSError, EOFError) as error:
        raise DataError(f"{path} is damaged ({error}); delete it, and it is fetched again") from None
