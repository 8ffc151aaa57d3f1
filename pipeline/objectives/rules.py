"""Rules: a fast test of one molecule for each constraint, its cost, and the pairs that can never be met together."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rdkit import Chem, rdBase
from rdkit.Chem import FilterCatalog, Mol

from chem_vae.errors import UserError, match_name, unknown_name
from pipeline.chemistry.filters.structural_alerts import load_alerts
from pipeline.chemistry.filters.structure_filters import has_unusual_motif
from pipeline.chemistry.fingerprints import ECFP4_2048, tanimoto, tanimoto_to_each
from pipeline.chemistry.named_molecules import read_named_molecule
from pipeline.chemistry.properties import PROPERTIES
from pipeline.chemistry.variation.scaffolds import Scaffold

if TYPE_CHECKING:
    from pipeline.objectives.config import Constraint

_COSTS = {
    "heavy_atoms": 0, "ring_size": 2, "formal_charge": 1, "rings": 1, "hbd": 3, "hba": 4, "rotatable_bonds": 5, "mw": 4,
    "tpsa": 6, "fraction_sp3": 5, "logp": 60, "sa": 90, "qed": 800,
}  # fmt: skip
"""Cost of a property in microseconds a molecule, roughly, for the order of the rules."""
_COST = {"elements": 3, "must_contain": 4, "must_not_contain": 4, "similarity_to": 20, "usual": 300, "property": 900}
"""Cost of the other rules, and of a property that is not listed."""
_SET_COST = 450  # of a set of alerts


@dataclass(frozen=True)
class Rule:
    """Tests one sanitized molecule. Rules with the same `key` bound the same number of it."""

    holds: Callable[[Mol], bool]
    cost: float
    key: tuple[Any, ...]


def make_rule(constraint: Constraint) -> Rule:
    """Make the rule of one constraint. Raises UserError where what it names cannot be read or does not exist."""
    low, high = constraint.bounds()
    if constraint.elements is not None:
        return _make_elements_rule(constraint.elements)
    if constraint.alerts is not None:
        return _make_alerts_rule(constraint.alerts)
    if constraint.similarity_to is not None:
        return _make_similarity_rule(constraint.similarity_to, low, high)
    if constraint.property is not None:
        return _make_property_rule(constraint.property, low, high)
    smarts = constraint.must_not_contain if constraint.must_contain is None else constraint.must_contain
    assert smarts is not None
    return _make_substructure_rule(smarts, low, high)


def require_usual_structure(allowed: Collection[str]) -> Rule:
    """Make the rule that a molecule has nothing unusual (`pipeline.chemistry.filters.structure_filters`) but what is allowed."""
    return Rule(lambda mol: not has_unusual_motif(mol, allowed), _COST["usual"], ("usual", frozenset(allowed)))


def require_scaffold(scaffold: Scaffold) -> Rule:
    """Make the rule that a molecule keeps a scaffold, and has something else at its attachment points alone."""
    return Rule(scaffold.is_in, _COST["must_contain"], ("scaffold", scaffold.text))


def _make_elements_rule(symbols: Sequence[str]) -> Rule:
    known = {_periodic_table().GetElementSymbol(n) for n in range(1, 119)}
    for symbol in symbols:
        if symbol not in known:
            raise (
                unknown_name("element", symbol, known)
                if symbol.capitalize() in known
                else UserError(f"there is no element {symbol!r}; write symbols, as in C, N, Cl")
            )
    allowed = {1, *(_periodic_table().GetAtomicNumber(s) for s in symbols)}
    other = _read_smarts("[" + ";".join(f"!#{number}" for number in sorted(allowed)) + "]")
    key = ("elements", frozenset(symbols))
    return Rule(lambda mol: not mol.HasSubstructMatch(other), _COST["elements"], key)


def _periodic_table() -> Any:
    return Chem.GetPeriodicTable()  # type: ignore[no-untyped-call,unused-ignore]


def _make_substructure_rule(smarts: str, low: float, high: float) -> Rule:
    pattern = _read_smarts(smarts)
    key = ("substructure", Chem.MolToSmarts(pattern))
    if low == 1 and high == math.inf:
        return Rule(lambda mol: mol.HasSubstructMatch(pattern, useChirality=True), _COST["must_contain"], key)
    if high == 0:
        return Rule(lambda mol: not mol.HasSubstructMatch(pattern, useChirality=True), _COST["must_not_contain"], key)
    enough = int(high + 1 if math.isfinite(high) else low)  # no need to count further

    def holds(mol: Mol) -> bool:
        found = mol.GetSubstructMatches(pattern, maxMatches=max(enough, 1), useChirality=True)
        return low <= len(found) <= high

    return Rule(holds, 2 * _COST["must_contain"], key)


def _read_smarts(smarts: str) -> Mol:
    with rdBase.BlockLogs():
        pattern = Chem.MolFromSmarts(smarts) if smarts.strip() else None
    if pattern is None or not pattern.GetNumAtoms():
        raise UserError(f"{smarts!r} cannot be read as SMARTS")
    return pattern


def _make_similarity_rule(references: Sequence[str], low: float, high: float) -> Rule:
    bits = [ECFP4_2048.bits(_read_smiles(smiles)) for smiles in references]

    def holds(mol: Mol) -> bool:
        return low <= float(tanimoto_to_each(ECFP4_2048.bits(mol), bits).max()) <= high

    keys = frozenset(Chem.MolToSmiles(_read_smiles(s)) for s in references)
    return Rule(holds, _COST["similarity_to"], ("similarity", keys))


def _read_smiles(smiles: str) -> Mol:
    return read_named_molecule(smiles, "reference").mol


def _measure_largest_ring(mol: Mol) -> float:
    return max((len(ring) for ring in mol.GetRingInfo().AtomRings()), default=0)


_COUNTS: dict[str, Callable[[Mol], float]] = {
    "heavy_atoms": lambda mol: mol.GetNumHeavyAtoms(),
    "ring_size": _measure_largest_ring,
}
"""Numbers of a molecule that a constraint can bound although they are no properties to learn."""


def spell_limited_number(name: str) -> str | None:
    """Return the name of what a constraint can bound, a registered property, heavy_atoms or ring_size, given in any case; None without one."""
    return match_name(name, {*PROPERTIES, *_COUNTS})


def find_limited_number(name: str) -> Callable[[Mol], float] | None:
    """Find the function that computes what a constraint can bound; None without one."""
    own = spell_limited_number(name)
    return None if own is None else PROPERTIES.get(own) or _COUNTS.get(own)


def _make_property_rule(name: str, low: float, high: float) -> Rule:
    value = find_limited_number(name)
    if value is None:
        unknown = unknown_name("property", name, {*PROPERTIES, *_COUNTS})
        raise UserError(
            f"{unknown}. A constraint takes what is computed from the structure; what is measured is an aim (--range)"
        )
    slack = 1e-9 * max(1.0, *(abs(v) for v in (low, high) if math.isfinite(v)))  # 0.1 + 0.2 is to be at most 0.3
    return Rule(  # a NaN lies nowhere
        lambda mol: low - slack <= value(mol) <= high + slack,
        _COSTS.get(name, _COST["property"]),
        ("property", name),
    )


# -- alerts ----------------------------------------------------------------------------------------------------------


def list_alert_sets() -> dict[str, str]:
    """Map the names of RDKit's sets of alerts as a constraint may write them (any case) to RDKit's."""
    return {name.casefold(): name for name in FilterCatalog.FilterCatalogParams.FilterCatalogs.names}


def _find_alert_set(name: str) -> str:
    sets = list_alert_sets()
    if name.casefold() not in sets:
        raise unknown_name("set of alerts", name, sets.values())
    return sets[name.casefold()]


def _make_alerts_rule(sets: Sequence[str]) -> Rule:
    names = sorted({_find_alert_set(name) for name in sets})
    catalogs = [load_alerts(name) for name in names]
    return Rule(lambda mol: not any(c.has_match(mol) for c in catalogs), len(names) * _SET_COST, ("alerts", *names))


# -- what can never be ----------------------------------------------------------------------------------------------


def find_contradiction(constraints: Sequence[Constraint]) -> tuple[str, str] | None:
    """Find two constraints that no molecule can meet together; return them in words, or None.

    It finds bounds of the same number that do not overlap; patterns of more atoms than heavy_atoms allows; no element in
    common; and similarities that the triangle inequality of the Tanimoto distance rules out.
    """
    rules = [(c, make_rule(c)) for c in constraints]
    for i, (one, first) in enumerate(rules):
        for other, second in rules[:i]:
            if _is_clash(one, first, other, second) or _is_clash(other, second, one, first):
                return other.describe(), one.describe()
    return None


def _is_clash(one: Constraint, first: Rule, other: Constraint, second: Rule) -> bool:
    low, _ = one.bounds()
    _, high = other.bounds()
    if first.key == second.key:
        return low > high
    if one.must_contain is not None and low >= 1 and other.property == "heavy_atoms":
        return sum(atom.GetAtomicNum() != 1 for atom in _read_smarts(one.must_contain).GetAtoms()) > high
    if one.elements is not None and other.elements is not None:
        return not {*one.elements} & {*other.elements}
    return _is_too_far(one, other)


def _is_too_far(one: Constraint, other: Constraint) -> bool:
    """Return whether the distance of two references rules both constraints out, by the triangle inequality of 1 - similarity.

    Lipkus 1999, doi:10.1023/A:1019154432472.
    """
    if one.similarity_to is None or other.similarity_to is None or len(one.similarity_to + other.similarity_to) != 2:
        return False
    references = [ECFP4_2048.bits(_read_smiles(c.similarity_to[0])) for c in (one, other) if c.similarity_to]
    between = 1 - tanimoto(*references)
    near = 1 - max(one.bounds()[0], 0.0)
    least, most = other.bounds()
    return between > near + (1 - max(least, 0.0)) + 1e-9 or 1 - near - between > most + 1e-9
