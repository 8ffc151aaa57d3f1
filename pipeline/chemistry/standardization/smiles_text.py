"""Reads the text of a cell as one molecule: a SMILES, with a CXSMILES extension or a name after it."""

from __future__ import annotations

import re
from typing import NamedTuple

from rdkit import Chem
from rdkit.Chem import Mol

from pipeline.chemistry.standardization.changes import Change
from pipeline.chemistry.standardization.refusal import Refused, list_problems
from pipeline.chemistry.standardization.stereo_groups import clear_all_stereo, count_stereo, undefine_stereo_groups

LONGEST_INPUT = 2_000  # characters; longer SMILES are refused before they are parsed, which takes time without bound
LONGEST_TEXT = 20_000  # characters of a SMILES with its extension, which may hold coordinates

_INVISIBLE = dict.fromkeys([0xFEFF, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x2060, 0x00AD])
_DASHES = dict.fromkeys([0x2010, 0x2011, 0x2012, 0x2013, 0x2212], "-")
_RELATIVE = re.compile(r"[|,]\s*r\s*[,|]")  # the configuration is relative, as chiral flag 0 of a mol block
_GROUPS = re.compile(r"[|,]\s*[&o]\d*:\d")
_BLOCKS = re.compile(r"\$[^$]*\$|\([^()]*\)")  # labels and coordinates, in which anything may stand
_AFTER_NAME = re.compile(r"([^|]*[^|\s])\s+(\|[^|]+\|)")  # an extension behind the name
_STEREO = re.compile(r"\((?:\d*[RSEZrs±+-]+[,)]|rac|meso)|[+-]\)|-+$")
"""The start of a name behind a SMILES that says stereo, as in (R)-ibuprofen, or a dash alone."""
_LABEL = re.compile(r"([A-Z][a-z]?)(H\d*)?[+-]?\d*'*")
_POLYMERS = {"SRU", "MON", "MER", "COP", "CRO", "MOD", "GRA", "ANY"}


class StructureText(NamedTuple):
    """The parts of the text of a cell."""

    smiles: str
    extension: str
    """The CXSMILES extension with its bars (|&1:1|); "" where there is none."""
    name: str
    """The text after them; "" where there is none."""


def split_structure(text: str) -> StructureText:
    """Split the text of a cell into SMILES, CXSMILES extension and name, which are separated by white space.

    Invisible characters and quotes around the text are left out. It is not checked whether the SMILES can be parsed.

    Raises:
        Refused: If the extension is not closed.
    """
    text = text.translate(_INVISIBLE).strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1].strip()
    smiles, _, rest = (re.sub(r"\s", " ", text, count=1) if text else "").partition(" ")
    if not smiles.isascii():
        smiles = smiles.translate(_DASHES)
    parts = _split_extension(rest.strip())
    if parts is None:
        raise Refused("parse", "its CXSMILES extension is not closed: the second | is missing")
    return StructureText(smiles, *parts)


def split_name(text: str) -> tuple[str, str]:
    """Split the name off the text of a cell or line; quotes and invisible characters stay as they are.

    Returns:
        The SMILES, with its CXSMILES extension if it has one that is closed; and the name, "" where there is none.

    >>> split_name("C[C@H](N)O |&1:1,3| alaninol")
    ('C[C@H](N)O |&1:1,3|', 'alaninol')
    """
    smiles, *rest = text.split(None, 1) or [text]
    if not rest:
        return smiles, ""
    extension, name = _split_extension(rest[0].strip()) or ("", rest[0].strip())
    return f"{smiles} {extension}".rstrip(), name


def _split_extension(rest: str) -> tuple[str, str] | None:
    """Split what stands behind a SMILES into CXSMILES extension and name; None where the extension is not closed."""
    if (after := _AFTER_NAME.fullmatch(rest)) is not None:
        return after[2], after[1]
    if not rest.startswith("|"):
        return "", rest
    masked = _BLOCKS.sub(lambda found: "x" * len(found[0]), rest)
    end = masked.find("|", 1)
    return None if end < 0 else (rest[: end + 1], rest[end + 1 :].strip())


def parse_text(text: str) -> tuple[Mol, list[Change]]:
    """Parse the text of a cell into a sanitized molecule.

    Returns:
        The molecule, and what was changed: stereo that is not one configuration is undefined.

    Raises:
        Refused: If it is not exactly one molecule.
    """
    if not isinstance(text, str):
        raise Refused("read", "no SMILES: the cell is empty")
    text = text.strip()
    extension = name = ""
    if not text.isascii() or not text.isprintable() or " " in text or text[:1] in ("'", '"'):
        _check_length(len(text), LONGEST_TEXT)
        text, extension, name = split_structure(text)
    if not text or text.casefold() == "nan":
        raise Refused("read", "no SMILES: the cell is empty")
    _check_length(len(text), LONGEST_INPUT)
    if not text.isascii() or not text.isprintable():
        raise Refused("read", "not a SMILES: it holds binary data or characters beyond ASCII")
    mol = Chem.MolFromSmiles(text)
    if mol is None:
        raise Refused("parse", _explain_parse(text))
    if mol.GetNumAtoms() == 0:
        raise Refused("parse", "it has no atoms")
    if name:
        _check_name(mol, name)
    changes: list[Change] = []
    if extension:
        mol, changes = _read_extension(mol, text, extension)
    if ":" in text:  # aromatic bonds, or atom maps: labels of a reaction, no part of the molecule
        for atom in mol.GetAtoms():
            atom.SetAtomMapNum(0)
    return mol, changes


def _check_length(length: int, most: int) -> None:
    if length > most:
        raise Refused("read", f"{length:,} characters, more than the {most:,} that are read as one molecule")


def _check_name(mol: Mol, name: str) -> None:
    """Refuse a text with a space that may be no SMILES with a name: a sentence, or a SMILES that a space breaks."""
    words = name.split()
    if words[0][0] in "=#-./\\(" and not _STEREO.match(words[0]) and Chem.MolFromSmiles(f"C{words[0]}") is not None:
        raise Refused(
            "parse", "it holds a space within a SMILES: remove the space, or write a dot between two molecules"
        )
    if len(words) > 1 and words[0].casefold() in ("or", "and", "/", "+", ",", ";"):
        other = Chem.MolFromSmiles(words[1])
        if other is not None and other.GetNumAtoms() > 1:
            raise Refused(
                "parse", f"it holds several SMILES with {words[0]!r} between them: give each a row of its own"
            )
    if mol.GetNumAtoms() == 1 and len(words) > 1:
        raise Refused("parse", "not a SMILES: it is several words")
    if any(mark in words[0] for mark in "=#()[]@/\\.") or len(words[0]) > 1:
        after = Chem.MolFromSmiles(words[0])
        if after is not None and after.GetNumAtoms() > 1:
            raise Refused(
                "parse",
                "it holds a space between two SMILES: remove the space if they are one molecule, or write a dot",
            )


def _read_extension(plain: Mol, smiles: str, extension: str) -> tuple[Mol, list[Change]]:
    """Read a CXSMILES extension, and return the molecule of the SMILES with only the stereo that is one configuration."""
    try:
        mol = Chem.MolFromSmiles(f"{smiles} {extension}")
    except Exception:  # RDKit raises several kinds
        mol = None
    if mol is None:
        raise Refused("parse", f"its CXSMILES extension {extension[:60]} cannot be read")
    _refuse_extension(mol)
    known = _BLOCKS.sub("", extension)
    mol, undefined = undefine_stereo_groups(mol)
    if _RELATIVE.search(known) or (
        _GROUPS.search(known) and not undefined
    ):  # the groups name other atoms: trust no center
        mol, cleared = clear_all_stereo(mol)
        undefined |= cleared
    again = Chem.MolFromSmiles(Chem.MolToSmiles(mol))
    if again is None:
        raise Refused("parse", f"the molecule with its CXSMILES extension {extension[:60]} cannot be read")
    undefined |= count_stereo(again) < count_stereo(plain)
    return again, [Change.STEREO_GROUP] if undefined else []


def _refuse_extension(mol: Mol) -> None:
    """Refuse extensions that say that the SMILES is not one whole molecule."""
    if mol.HasProp("_molLinkNodes") or any(bond.HasProp("_MolFileBondEndPts") for bond in mol.GetBonds()):
        raise Refused(
            "parse", "it has a repeated atom or a bond to several atoms at once: it stands for many molecules"
        )
    kinds = {group.GetProp("TYPE") for group in Chem.GetMolSubstanceGroups(mol)}
    if kinds & _POLYMERS:
        raise Refused("parse", "it is a polymer (a repeating unit), not one molecule")
    for atom in mol.GetAtoms():
        if atom.HasProp("atomLabel") and atom.GetAtomicNum():
            label = atom.GetProp("atomLabel")
            found = _LABEL.fullmatch(label)
            if found is None or found[1] != atom.GetSymbol():
                raise Refused(
                    "parse", f"an atom has the label {label[:40]!r} and may stand for a group; write it in full"
                )
    if mol.HasQuery() and not any(atom.GetAtomicNum() == 0 for atom in mol.GetAtoms()):
        raise Refused("parse", "it is a query (of substitution, ring bonds or the like): it stands for many molecules")


def _explain_parse(smiles: str) -> str:
    if smiles.startswith("InChI="):
        return "it is an InChI, not a SMILES: convert it first"
    if "|" in smiles:
        return "not a SMILES: it holds a bar; a CXSMILES extension stands behind a space, as in CC(N)O |&1:1|"
    if ">" in smiles and smiles.replace("->", "").count(">") == 2:
        return "it is a reaction, not a molecule"
    parameters = Chem.SmilesParserParams()
    parameters.sanitize = False  # type: ignore[assignment]  # the stubs take it for another type
    rough = Chem.MolFromSmiles(smiles, parameters)
    if rough is None:
        return "not a SMILES: RDKit cannot parse it (unknown symbol, or an open bracket, branch or ring)"
    return list_problems(rough)
