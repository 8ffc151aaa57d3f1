"""Molecules as compact inline SVG: RDKit draws, the page's style sheet colors (and so they follow the theme)."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

from rdkit import Chem, rdBase
from rdkit.Chem import rdDepictor
from rdkit.Chem.Draw import rdMolDraw2D

# Atom colors in RDKit's output stand for CSS classes; the values themselves are never shown.
_CLASSES = {7: "N", 8: "O", 9: "F", 17: "F", 35: "Br", 53: "Br", 16: "S", 15: "P", 5: "P", 14: "P", 34: "S"}
_MARKS = {"N": "#0000FE", "O": "#FE0000", "F": "#00FE00", "Br": "#FE00FE", "S": "#FEFE00", "P": "#00FEFE"}
_CLASS_OF = {mark: name for name, mark in _MARKS.items()}
_PATH = re.compile(r"<(path|ellipse|rect)\b([^>]*?)/?>")
_DECIMAL = re.compile(r"(\d+)\.0\b")


def svg(smiles: str | None, width: int = 220, height: int = 132, bond: float = 20.0) -> str | None:
    """An <svg class="mol"> of the molecule, 1 to 4 kB; None where the SMILES does not parse or has no atoms.

    `bond` is the length of a bond, shortened only where the molecule would not fit: so sizes compare between drawings.
    Colors are CSS classes on paths: "b" is stroked, "g" filled, and N, O, F, Br, S, P name the element's color.
    """
    if not smiles:
        return None
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles)
        if mol is None or mol.GetNumAtoms() == 0:
            return None
        rdDepictor.Compute2DCoords(mol)
        rdDepictor.StraightenDepiction(mol)
        drawer = rdMolDraw2D.MolDraw2DSVG(width, height)
        options: Any = drawer.drawOptions()
        options.clearBackground = False
        options.fixedBondLength = bond
        options.bondLineWidth = 1.3
        options.minFontSize = 7
        options.maxFontSize = 12
        options.padding = 0.03
        options.setAtomPalette({-1: (0, 0, 0)} | {number: _rgb(_MARKS[name]) for number, name in _CLASSES.items()})
        rdMolDraw2D.PrepareAndDrawMolecule(drawer, mol)
        drawer.FinishDrawing()
        return compact(drawer.GetDrawingText(), width, height)


def compact(text: str, width: int, height: int) -> str:
    """RDKit's SVG with the paths of one color joined, cropped to what is drawn, without inline styles."""
    drawn: dict[tuple[str, str], list[str]] = defaultdict(list)
    for _tag, attributes in _PATH.findall(text):
        d = re.search(r"\bd='([^']*)'", attributes)
        if d is None:
            continue
        filled = re.search(r"\bfill(?::|=')(#[0-9A-Fa-f]{6})", attributes)
        painted = filled or re.search(r"stroke:(#[0-9A-Fa-f]{6})", attributes)
        color = painted.group(1).upper() if painted else "#000000"
        data = _DECIMAL.sub(r"\1", d.group(1)).replace(", ", ",").strip()
        data = re.sub(r"\s*([MLQCZ])\s*", r"\1", data)
        drawn["g" if filled else "b", _CLASS_OF.get(color, "")].append(data)
    paths = "".join(
        f'<path class="{(kind + " " + element).strip()}" d="{"".join(parts)}"/>'
        for (kind, element), parts in sorted(drawn.items())
    )
    x, y, w, h = _extent("".join("".join(p) for p in drawn.values()), width, height)
    return f'<svg class="mol" viewBox="{x:g} {y:g} {w:g} {h:g}" width="{w:g}" height="{h:g}">{paths}</svg>'


def _extent(data: str, width: int, height: int) -> tuple[int, int, int, int]:
    numbers = [float(n) for n in re.findall(r"-?\d+(?:\.\d+)?", data)]
    xs, ys = numbers[0::2], numbers[1::2]
    if not xs or not ys:
        return 0, 0, width, height
    left, top = int(min(xs)) - 3, int(min(ys)) - 3
    return left, top, int(max(xs)) + 4 - left, int(max(ys)) + 4 - top


def _rgb(color: str) -> tuple[float, float, float]:
    return (int(color[1:3], 16) / 255, int(color[3:5], 16) / 255, int(color[5:7], 16) / 255)
