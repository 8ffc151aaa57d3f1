"""The registry of properties that are computed from a structure: one function each, NaN where it fails."""

from __future__ import annotations

import importlib.util
import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

from rdkit import Chem, RDConfig
from rdkit.Chem import QED, FilterCatalog, Mol, rdMolDescriptors

from chem_vae.errors import ChemVAEError, UserError, unknown_name


@dataclass(frozen=True)
class ComputedProperty:
    """A property and how it is computed. `integer`: its values are whole numbers."""

    name: str
    label: str
    unit: str
    function: Callable[[Mol], float]
    integer: bool = False

    def __call__(self, mol: Mol) -> float:
        """The property of one sanitized molecule; NaN where the function fails or gives no finite number."""
        try:
            value = float(self.function(mol))
        except ChemVAEError:
            raise
        except Exception:  # RDKit raises many kinds; a property that cannot be had is unmeasured
            return math.nan
        return value if math.isfinite(value) else math.nan


PROPERTIES: dict[str, ComputedProperty] = {}

Function = Callable[[Mol], float]


def register_property(
    name: str, label: str, unit: str = "", *, integer: bool = False
) -> Callable[[Function], Function]:
    """Decorator: add a function of a sanitized RDKit molecule to the registry.

        @register_property("heavy_atoms", "Heavy atoms", integer=True)
        def heavy_atoms(mol: Mol) -> float:
            return mol.GetNumHeavyAtoms()

    Raises UserError where the name is taken or is not lowercase letters, digits and underscores.
    """
    if name in PROPERTIES:
        raise UserError(f"the property {name!r} is registered already; choose another name")
    if not (name.isidentifier() and name.isascii() and name == name.lower()):
        raise UserError(f"the property name {name!r} should be lowercase letters, digits and underscores")

    def add(function: Function) -> Function:
        PROPERTIES[name] = ComputedProperty(name, label, unit, function, integer)
        return function

    return add


def get_property(name: str) -> ComputedProperty:
    """The registered property. Raises UserError naming the near ones where there is none."""
    try:
        return PROPERTIES[name]
    except KeyError:
        raise unknown_name("property", name, PROPERTIES) from None


def compute(mol: Mol, names: Sequence[str]) -> list[float]:
    """The named properties of one sanitized molecule, in order, NaN where one fails.

    Raises UserError for an unknown name.
    """
    return [get_property(name)(mol) for name in names]


@register_property("logp", "logP (Crippen)")
def _logp(mol: Mol) -> float:
    """Wildman & Crippen 1999, doi:10.1021/ci990307l."""
    return float(rdMolDescriptors.CalcCrippenDescriptors(mol)[0])


@register_property("qed", "QED")
def _qed(mol: Mol) -> float:
    """Bickerton et al. 2012, doi:10.1038/nchem.1243; RDKit's figures to the last digit.

    QED.qed() first copies the molecule to strip hydrogens that a parsed one does not have, and so loses the logP that
    RDKit keeps on the molecule; going around the copy saves a third of the time of the slowest property.
    """
    if any(atom.GetAtomicNum() == 1 for atom in mol.GetAtoms()):
        return float(QED.qed(mol))
    figures = QED.QEDproperties(
        MW=rdMolDescriptors._CalcMolWt(mol),
        ALOGP=rdMolDescriptors.CalcCrippenDescriptors(mol)[0],
        HBA=sum(len(mol.GetSubstructMatches(pattern)) for pattern in QED.Acceptors),
        HBD=rdMolDescriptors.CalcNumHBD(mol),
        PSA=rdMolDescriptors.CalcTPSA(mol),
        ROTB=rdMolDescriptors.CalcNumRotatableBonds(mol, rdMolDescriptors.NumRotatableBondsOptions.Strict),
        AROM=len(Chem.GetSSSR(Chem.DeleteSubstructs(Chem.Mol(mol), QED.AliphaticRings))),
        ALERTS=len(_qed_alerts().GetMatches(mol)),
    )
    return float(QED.qed(mol, qedProperties=figures))


@cache
def _qed_alerts() -> FilterCatalog.FilterCatalog:
    """QED's 116 alerts as one catalog: one call into C++ instead of 116."""
    catalog = FilterCatalog.FilterCatalog()
    for number, pattern in enumerate(QED.StructuralAlerts):
        catalog.AddEntry(FilterCatalog.FilterCatalogEntry(str(number), FilterCatalog.SmartsMatcher(pattern)))
    return catalog


@register_property("sa", "Synthetic accessibility")
def _sa(mol: Mol) -> float:
    """Ertl & Schuffenhauer 2009, doi:10.1186/1758-2946-1-8: 1 (easy) to 10 (hard), by RDKit's own script."""
    return float(_sa_script().calculateScore(mol))


@register_property("mw", "Molecular weight", "g/mol")
def _mw(mol: Mol) -> float:
    return float(rdMolDescriptors._CalcMolWt(mol))


@register_property("tpsa", "TPSA", "Å²")
def _tpsa(mol: Mol) -> float:
    """Ertl et al. 2000, doi:10.1021/jm000942e."""
    return float(rdMolDescriptors.CalcTPSA(mol))


@register_property("hbd", "H-bond donors", integer=True)
def _hbd(mol: Mol) -> float:
    return float(rdMolDescriptors.CalcNumHBD(mol))


@register_property("hba", "H-bond acceptors", integer=True)
def _hba(mol: Mol) -> float:
    return float(rdMolDescriptors.CalcNumHBA(mol))


@register_property("rotatable_bonds", "Rotatable bonds", integer=True)
def _rotatable_bonds(mol: Mol) -> float:
    return float(rdMolDescriptors.CalcNumRotatableBonds(mol))


@register_property("rings", "Rings", integer=True)
def _rings(mol: Mol) -> float:
    return float(rdMolDescriptors.CalcNumRings(mol))


@register_property("fraction_sp3", "Fraction sp3")
def _fraction_sp3(mol: Mol) -> float:
    """sp3 carbons among carbons; NaN, not zero, where there is no carbon."""
    if not any(atom.GetAtomicNum() == 6 for atom in mol.GetAtoms()):
        return math.nan
    return float(rdMolDescriptors.CalcFractionCSP3(mol))


@register_property("formal_charge", "Formal charge", "e", integer=True)
def _formal_charge(mol: Mol) -> float:
    return float(Chem.GetFormalCharge(mol))


_sa_lock = threading.Lock()


def _sa_script() -> ModuleType:
    with _sa_lock:  # two threads would load the fragment scores twice
        return _load_sa_script()


@cache
def _load_sa_script() -> ModuleType:
    """RDKit ships the script beside the library, outside its package: load it from there, never a copy of it."""
    path = Path(RDConfig.RDContribDir) / "SA_Score" / "sascorer.py"
    spec = importlib.util.spec_from_file_location("rdkit_contrib_sascorer", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ChemVAEError(
            f"this RDKit installation has no SA_Score ({path} is missing); "
            "install rdkit from a wheel, or leave `sa` out of `compute`"
        )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.readFragmentScores()
    return module
