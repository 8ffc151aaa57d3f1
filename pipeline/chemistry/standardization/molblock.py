"""Parses the mol block of a record of an SDF file, V2000 or V3000, where it describes exactly one molecule."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rdkit import Chem
from rdkit.Chem import Mol, RWMol, rdqueries

from pipeline.chemistry.standardization.abbreviations import clean_label, find_group, read_one_atom
from pipeline.chemistry.standardization.refusal import Refused, list_problems

EXPANDED = "_abbreviationsExpanded"
"""The property of a molecule in which a group that was written as text became its atoms."""

_POLYMERS = {"SRU", "MON", "MER", "COP", "CRO", "MOD", "GRA", "ANY"}
_MIXTURES = {"COM", "MIX", "FOR"}
_V2000_ATOM = re.compile(r"(?P<before>[ \d.+-]{30} )(?P<symbol>\S[ \S]{0,2})(?P<after>.*)")
_V3000_ATOM = re.compile(r'(?P<before>M  V30 \d+ )(?P<symbol>"[^"]*"|[^\s\[]+)(?P<after>(?: +-?[\d.eE+-]+){3} .*)')
_KNOWN_SYMBOLS = {"A", "Q", "X", "M", "AH", "QH", "XH", "MH", "L", "LP", "R", "R#", "*", "D", "T", "Pol", "Mod"}
_WILDCARD = rdqueries.AtomNumEqualsQueryAtom(0)
_ATTACHMENT = ("M  APO", "ATTCHPT=")


def parse_molblock(block: str) -> Mol:
    """Parse a mol block into a sanitized molecule, with the groups that are written as text (COOEt) as atoms.

    Args:
        block: The mol block. Its stereo groups (V3000) and its chiral flag stay with the molecule, as RDKit reads them.

    Raises:
        Refused: If it does not describe exactly one molecule (a query, an R group, a polymer, a group that is not known), or
            if RDKit cannot read it.
    """
    grouped = "M  STY" in block or "SGROUP" in block
    mol = Chem.MolFromMolBlock(block, sanitize=True, removeHs=True)
    if mol is None or "\nA  " in block or (grouped and _has_text_group(mol)):
        mol = _expand(block)
    if mol.GetNumAtoms() == 0:
        raise Refused("parse", "it has no atoms")
    if "ENDPTS=" in block:
        raise Refused(
            "parse", "it has a bond to several atoms at once (a multi-center bond), which SMILES cannot write"
        )
    if mol.HasQuery() or mol.HasProp("_molLinkNodes") or len(mol.GetAtomsMatchingQuery(_WILDCARD)):
        _refuse_queries(mol)
    if grouped:
        _refuse_groups(mol)
    if any(word in block for word in _ATTACHMENT):
        raise Refused("parse", "it has an attachment point: it is a part of a molecule, not a whole one")
    return mol


def has_chiral_flag_zero(mol: Mol) -> bool:
    """Whether a molecule is of a drawing with the chiral flag 0 and without stereo groups, which would say it better."""
    flag = mol.GetIntProp("_MolFileChiralFlag") if mol.HasProp("_MolFileChiralFlag") else 1
    deep = mol.GetNumConformers() > 0 and mol.GetConformer().Is3D()
    return flag == 0 and not deep and not mol.GetStereoGroups()


def _refuse_queries(mol: Mol) -> None:
    """Refuse what stands for many molecules: wildcards, lists of elements, R groups and other queries."""
    for atom in mol.GetAtoms():
        if atom.HasQuery() or atom.GetAtomicNum() == 0:
            raise Refused("parse", _explain_atom(atom))
    for bond in mol.GetBonds():
        if bond.HasQuery():
            raise Refused(
                "parse", f"bond {bond.GetIdx() + 1} is a query (any bond, single or double, in a ring or not): "
                "it stands for many molecules"
            )  # fmt: skip
    if mol.HasProp("_molLinkNodes"):
        raise Refused("parse", "it has a link node (an atom that is repeated): it stands for many molecules")


def _refuse_groups(mol: Mol) -> None:
    """Refuse polymers, mixtures, and multiple groups that are not drawn in full."""
    for group in Chem.GetMolSubstanceGroups(mol):
        kind = group.GetProp("TYPE")
        if kind in _POLYMERS:
            label = f", {group.GetProp('LABEL')}" if group.HasProp("LABEL") else ""
            raise Refused("parse", f"it is a polymer (a repeating unit in brackets, {kind}{label}), not one molecule")
        if kind in _MIXTURES:
            raise Refused("parse", f"it is a mixture or a formulation of several compounds ({kind})")
        if kind == "MUL" and not _is_drawn_in_full(group):
            raise Refused("parse", "it has a multiple group in brackets of which not all copies are drawn")


def _explain_atom(atom: Chem.Atom) -> str:
    name, number = atom.GetSymbol(), atom.GetIdx() + 1
    if atom.HasProp("dummyLabel"):
        name = atom.GetProp("dummyLabel")
    if re.fullmatch(r"R\d*#?", name):
        return f"atom {number} is {name}, an R group: it stands for many molecules"
    if name in ("*", "A", "Q", "X", "M") or atom.GetAtomicNum() == 0:
        return f"atom {number} is a wildcard or a list of elements ({name}): it stands for many molecules"
    return f"atom {number} ({name}) has a query (ring bonds, substitution, hydrogens or the like): it stands for many molecules"


def _is_drawn_in_full(group: Chem.SubstanceGroup) -> bool:
    parents, count = len(group.GetParentAtoms()), group.GetProp("MULT") if group.HasProp("MULT") else "0"
    return parents > 0 and str(count).strip().isdigit() and len(group.GetAtoms()) == parents * int(count)


def _has_text_group(mol: Mol) -> bool:
    """Whether an abbreviation group (SUP) has a single atom, so that its text stands for atoms that are not there."""
    return any(g.GetProp("TYPE") == "SUP" and len(g.GetAtoms()) <= 1 for g in Chem.GetMolSubstanceGroups(mol))


def _expand(block: str) -> Mol:
    """Parse a mol block whose groups may be written as text, and put their atoms in."""
    named, symbols = _replace_symbols(block)
    rough = Chem.MolFromMolBlock(named, sanitize=False, removeHs=False)
    if rough is None:
        if symbols:
            raise Refused(
                "parse", f"{', '.join(sorted(set(symbols.values())))} is neither an element nor a known group"
            )
        raise Refused("parse", "not a mol block that RDKit can read")
    labels = dict(symbols)
    for group in Chem.GetMolSubstanceGroups(rough):
        if group.GetProp("TYPE") == "SUP" and len(group.GetAtoms()) == 1 and group.HasProp("LABEL"):
            labels[group.GetAtoms()[0]] = group.GetProp("LABEL")
    labels |= {a.GetIdx(): Chem.GetAtomAlias(a) for a in rough.GetAtoms() if Chem.GetAtomAlias(a)}
    mol = RWMol(rough)
    hydrogens: dict[int, int] = {}
    expanded = False
    for index, label in labels.items():
        if (alone := read_one_atom(label)) and find_group(label, mol.GetAtomWithIdx(index).GetDegree()) is None:
            expanded |= _set_atom(mol, index, label, *alone)
            if alone[1] is not None:
                hydrogens[index] = alone[1]
        else:
            _add_group(mol, index, label)
            expanded = True
    try:
        Chem.SanitizeMol(mol)
    except Chem.MolSanitizeException:
        raise Refused("parse", list_problems(mol)) from None
    for index, count in hydrogens.items():
        if (found := mol.GetAtomWithIdx(index).GetTotalNumHs(includeNeighbors=True)) != count:
            raise Refused(
                "parse",
                f"the text of atom {index + 1} is {labels[index]}, but its bonds leave place for {found} hydrogens",
            )
    Chem.AssignStereochemistry(mol, cleanIt=True, force=True)
    if rough.GetNumConformers() and not rough.GetConformer().Is3D():
        Chem.DetectBondStereochemistry(mol)
    whole = Chem.RemoveHs(mol)
    Chem.AssignStereochemistry(whole, cleanIt=True, force=True)
    if expanded:
        whole.SetBoolProp(EXPANDED, True)
    return whole


def _set_atom(mol: RWMol, index: int, label: str, symbol: str, hydrogens: int | None, charge: int) -> bool:
    """Make an atom the one that its text names; return whether it was another."""
    atom = mol.GetAtomWithIdx(index)
    _check_atom(atom, label, symbol)
    if charge and atom.GetFormalCharge() not in (0, charge):
        raise Refused(
            "parse", f"the text of atom {index + 1} is {label}, but its charge is {atom.GetFormalCharge():+d}"
        )
    if atom.GetSymbol() == symbol and not (charge and not atom.GetFormalCharge()):
        return False
    new = Chem.Atom(symbol)
    new.SetFormalCharge(charge or atom.GetFormalCharge())
    mol.ReplaceAtom(index, new)
    return True


def _add_group(mol: RWMol, index: int, label: str) -> None:
    atom = mol.GetAtomWithIdx(index)
    single = all(bond.GetBondType() == Chem.BondType.SINGLE and not bond.HasQuery() for bond in atom.GetBonds())
    smiles = find_group(label, atom.GetDegree()) if single else None
    if smiles is None:
        raise Refused(
            "parse", f"the text of atom {index + 1} is {clean_label(label)[:40]!r}, which with the bonds drawn "
            "here is not a known group; draw it in full"
        )  # fmt: skip
    group = Chem.MolFromSmiles(smiles, sanitize=False)
    Chem.SanitizeMol(group, Chem.SanitizeFlags.SANITIZE_KEKULIZE | Chem.SanitizeFlags.SANITIZE_SYMMRINGS)
    Chem.Kekulize(group, clearAromaticFlags=True)
    first = group.GetAtomWithIdx(0)
    _check_atom(atom, label, first.GetSymbol())
    if atom.GetFormalCharge() not in (0, first.GetFormalCharge()):
        raise Refused(
            "parse", f"the text of atom {index + 1} is {label}, but its charge is {atom.GetFormalCharge():+d}"
        )
    places = {0: index}
    mol.ReplaceAtom(index, _copy_atom(first))
    for other in list(group.GetAtoms())[1:]:
        places[other.GetIdx()] = mol.AddAtom(_copy_atom(other))
    for bond in group.GetBonds():
        mol.AddBond(places[bond.GetBeginAtomIdx()], places[bond.GetEndAtomIdx()], bond.GetBondType())


def _copy_atom(atom: Chem.Atom) -> Chem.Atom:
    new = Chem.Atom(atom.GetAtomicNum())
    new.SetFormalCharge(atom.GetFormalCharge())
    return new


def _check_atom(atom: Chem.Atom, label: str, symbol: str) -> None:
    """Check that an atom with a text is a placeholder (carbon or a wildcard) or the element that the text begins with."""
    if atom.GetAtomicNum() not in (0, 6) and atom.GetSymbol() != symbol:
        raise Refused(
            "parse", f"atom {atom.GetIdx() + 1} is {atom.GetSymbol()}, but its text is {clean_label(label)[:40]!r}"
        )


def _replace_symbols(block: str) -> tuple[str, dict[int, str]]:
    """Replace the symbols of atoms that are no element ("Ph") by wildcards.

    Returns:
        The mol block, and the symbols by the index of their atom.
    """
    lines = block.split("\n")
    symbols: dict[int, str] = {}
    for index, at, match in _find_atoms(lines):
        symbol = match["symbol"].strip('" ')
        if symbol in _KNOWN_SYMBOLS or re.fullmatch(r"R\d+", symbol) or _is_element(symbol):
            continue
        symbols[index] = symbol
        lines[at] = f"{match['before']}{'*':{len(match['symbol'])}}{match['after']}"
    return "\n".join(lines), symbols


def _find_atoms(lines: list[str]) -> Iterable[tuple[int, int, re.Match[str]]]:
    """Find the lines of atoms; yields the atom's index, the line's index and its parts."""
    if len(lines) < 5:
        return
    if "V3000" in lines[3]:
        start = next((i for i, line in enumerate(lines) if line.startswith("M  V30 BEGIN ATOM")), len(lines))
        for index, at in enumerate(range(start + 1, len(lines))):
            match = _V3000_ATOM.fullmatch(lines[at])
            if match is None:
                return
            yield index, at, match
    elif lines[3][:3].strip().isdigit():
        for index in range(min(int(lines[3][:3]), len(lines) - 4)):
            if match := _V2000_ATOM.fullmatch(lines[4 + index]):
                yield index, 4 + index, match


def _is_element(symbol: str) -> bool:
    try:
        return bool(Chem.GetPeriodicTable().GetAtomicNumber(symbol) > 0)
    except RuntimeError:
        return False
