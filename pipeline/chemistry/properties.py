"""The registry of properties that are computed from a structure: one function each, and NaN where it fails."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
from rdkit import Chem, RDConfig, rdBase
from rdkit.Chem import QED, FilterCatalog, Mol, rdMolDescriptors

from chem_vae.errors import ChemVAEError, UserError
from chem_vae.plugins import Registry
from pipeline.workspace.storage.kept_results import keep_result

Function = Callable[[Mol], float]


@dataclass(frozen=True)
class ComputedProperty:
    """A property that is computed from the structure.

    Args:
        name: Its name in datasets, configurations and columns.
        label: Its name for people.
        unit: Its unit; "" where it has none.
        function: Computes it for one sanitized RDKit molecule.
        integer: Whether its values are whole numbers.
    """

    name: str
    label: str
    unit: str
    function: Function
    integer: bool = False

    def __call__(self, mol: Mol) -> float:
        """Compute the property of one sanitized molecule; NaN where the function fails or gives no finite number."""
        try:
            value = float(self.function(mol))
        except ChemVAEError:
            raise
        except Exception:  # RDKit raises many kinds; a property that cannot be computed is unmeasured
            return math.nan
        return value if math.isfinite(value) else math.nan


PROPERTIES: Registry[ComputedProperty] = Registry("property", "chem_vae.properties")


def register_property(
    name: str, label: str, unit: str = "", *, integer: bool = False
) -> Callable[[Function], Function]:
    """Decorate a function of a sanitized RDKit molecule to add it to the registry.

        @register_property("heavy_atoms", "Heavy atoms", integer=True)
        def count_heavy_atoms(mol: Mol) -> float:
            return mol.GetNumHeavyAtoms()

    A package adds properties by an entry point of the group `chem_vae.properties` that names the module of such functions.

    Args:
        name: Lowercase letters, digits and underscores.
        label: The name for people.
        unit: The unit; "" where there is none.
        integer: Whether the values are whole numbers.

    Raises:
        UserError: If the name is taken or has other characters.
    """
    if not (name.isidentifier() and name.isascii() and name == name.lower()):
        raise UserError(f"the property name {name!r} should be lowercase letters, digits and underscores")

    def add(function: Function) -> Function:
        PROPERTIES.add(name, ComputedProperty(name, label, unit, function, integer))
        return function

    return add


def get_property(name: str) -> ComputedProperty:
    """Return the registered property.

    Raises:
        UserError: If there is none; names the nearest ones.
    """
    return PROPERTIES.find(name)


def prepare_worker(names: Sequence[str]) -> Callable[[], None]:
    """Make a function that registers the named properties in a new process, for `pipeline.workspace.work.parallel.Workers`.

    It carries what a new process may not know: properties of a notebook. Those of this module, and those of a package that
    the process finds by itself, need not be sent.
    """
    sent = []
    for found in map(get_property, names):
        if found.name in _BUILT_IN:
            continue
        try:
            cloudpickle.dumps(found)
        except Exception:  # a compiled function: a package's own, or unknown to the process, which then says so
            continue
        sent.append(found)
    return partial(_register_sent, tuple(sent))


_sent: set[str] = set()


def _register_sent(properties: Sequence[ComputedProperty]) -> None:
    """Register what was sent to this process, in place of what was sent under the same name for an earlier job."""
    for found in properties:
        if found.name in _sent:
            PROPERTIES.remove(found.name)
        if found.name not in PROPERTIES:
            PROPERTIES.add(found.name, found)
            _sent.add(found.name)


def compute(mol: Mol, names: Sequence[str]) -> list[float]:
    """Compute the named properties of one sanitized molecule, in order; NaN where one fails.

    Raises:
        UserError: If a name is unknown.
    """
    return [get_property(name)(mol) for name in names]


@register_property("logp", "logP (Crippen)")
def _compute_logp(mol: Mol) -> float:
    """Compute the octanol-water partition coefficient of Wildman & Crippen 1999, doi:10.1021/ci990307l."""
    return rdMolDescriptors.CalcCrippenDescriptors(mol)[0]


@register_property("qed", "QED")
def _compute_qed(mol: Mol) -> float:
    """Compute the drug-likeness of Bickerton et al. 2012, doi:10.1038/nchem.1243, as RDKit does to the last digit.

    QED.qed() first copies the molecule to strip hydrogens that a parsed one does not have, and so loses the logP that
    RDKit keeps on the molecule; going around the copy saves a third of the time of the slowest property.
    """
    if mol.GetNumHeavyAtoms() != mol.GetNumAtoms():
        return float(QED.qed(mol))
    figures = QED.QEDproperties(
        MW=rdMolDescriptors._CalcMolWt(mol),
        ALOGP=rdMolDescriptors.CalcCrippenDescriptors(mol)[0],
        HBA=sum(len(mol.GetSubstructMatches(pattern)) for pattern in QED.Acceptors),
        HBD=rdMolDescriptors.CalcNumHBD(mol),
        PSA=rdMolDescriptors.CalcTPSA(mol),
        ROTB=rdMolDescriptors.CalcNumRotatableBonds(mol, rdMolDescriptors.NumRotatableBondsOptions.Strict),
        AROM=len(Chem.GetSSSR(Chem.DeleteSubstructs(Chem.Mol(mol), QED.AliphaticRings))),
        ALERTS=len(_load_qed_alerts().GetMatches(mol)),
    )
    return float(QED.qed(mol, qedProperties=figures))


@cache
def _load_qed_alerts() -> FilterCatalog.FilterCatalog:
    """Load the 116 alerts of QED as one catalog, which takes one call into C++ instead of 116."""
    catalog = FilterCatalog.FilterCatalog()
    for number, pattern in enumerate(QED.StructuralAlerts):
        catalog.AddEntry(FilterCatalog.FilterCatalogEntry(str(number), FilterCatalog.SmartsMatcher(pattern)))
    return catalog


@register_property("sa", "Synthetic accessibility")
def _compute_sa(mol: Mol) -> float:
    """Compute the synthetic accessibility of Ertl & Schuffenhauer 2009, doi:10.1186/1758-2946-1-8: 1 (easy) to 10 (hard)."""
    return float(_load_sa_script().calculateScore(mol))


register_property("mw", "Molecular weight", "g/mol")(rdMolDescriptors._CalcMolWt)
register_property("tpsa", "TPSA", "Å²")(rdMolDescriptors.CalcTPSA)  # Ertl et al. 2000, doi:10.1021/jm000942e
register_property("hbd", "H-bond donors", integer=True)(rdMolDescriptors.CalcNumHBD)
register_property("hba", "H-bond acceptors", integer=True)(rdMolDescriptors.CalcNumHBA)
register_property("rotatable_bonds", "Rotatable bonds", integer=True)(rdMolDescriptors.CalcNumRotatableBonds)
register_property("rings", "Rings", integer=True)(rdMolDescriptors.CalcNumRings)
register_property("formal_charge", "Formal charge", "e", integer=True)(Chem.GetFormalCharge)


@register_property("fraction_sp3", "Fraction sp3")
def _compute_fraction_sp3(mol: Mol) -> float:
    """Compute the share of sp3 carbons among the carbons; NaN, not zero, where there is none."""
    if not any(atom.GetAtomicNum() == 6 for atom in mol.GetAtoms()):
        return math.nan
    return float(rdMolDescriptors.CalcFractionCSP3(mol))


_MOST_FRAGMENTS = 100_000
"""Fragments whose scores are at hand at once, of the molecules met so far."""
_BUILT_IN = frozenset(PROPERTIES._entries)


@cache
def _load_sa_script() -> Any:
    """Load the script that RDKit ships beside the library, outside its package, rather than a copy of it."""
    path = Path(RDConfig.RDContribDir) / "SA_Score" / "sascorer.py"
    spec = importlib.util.spec_from_file_location("rdkit_contrib_sascorer", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ChemVAEError(
            f"this RDKit installation has no SA_Score ({path} is missing); "
            "install rdkit from a wheel, or leave `sa` out of `compute`"
        )
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def read() -> bytes:
        module.readFragmentScores()
        return FragmentScores.pack(module._fscores)

    data = path.with_name("fpscores.pkl.gz").stat()
    about = [rdBase.rdkitVersion, str(path), data.st_size, data.st_mtime_ns]
    module._fscores = FragmentScores(keep_result("sa", about, read))
    return module


class FragmentScores:
    """The scores of the 700,000 fragments that the script of synthetic accessibility knows.

    In arrays they take 8 MB instead of the 80 of the script's dictionary, and they are read in a tenth of its time.

    Args:
        packed: What `pack` made.
    """

    def __init__(self, packed: bytes) -> None:
        n = len(packed) // 12
        self._scores = np.frombuffer(packed, "<f8", n)
        self._fragments = np.frombuffer(packed, "<u4", n, offset=8 * n)
        self._met: dict[int, float | None] = {}

    @staticmethod
    def pack(scores: Mapping[int, float]) -> bytes:
        """Pack the scores of fragments as bytes: all scores, then all fragments, in the order of the fragments."""
        fragments = np.fromiter(scores.keys(), "<u4", len(scores))
        values = np.fromiter(scores.values(), "<f8", len(scores))
        order = fragments.argsort()
        return values[order].tobytes() + fragments[order].tobytes()

    def get(self, fragment: int, default: float) -> float:
        """Return the score of a fragment, or the default for an unknown one."""
        if fragment not in self._met:
            if len(self._met) >= _MOST_FRAGMENTS:
                self._met.clear()
            at = int(self._fragments.searchsorted(np.uint32(fragment)))
            known = at < len(self._fragments) and self._fragments[at] == fragment
            self._met[fragment] = float(self._scores[at]) if known else None
        score = self._met[fragment]
        return default if score is None else score
