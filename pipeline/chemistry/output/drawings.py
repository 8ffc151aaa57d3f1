"""The drawer of molecules: compact inline SVG for pages and notebooks, and grids with captions as picture files."""

from __future__ import annotations

import html
import io
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rdkit import Chem, rdBase
from rdkit.Chem import rdDepictor
from rdkit.Chem.Draw import rdMolDraw2D

from chem_vae.atomic_files import write_bytes
from pipeline.chemistry.molecule import Structure, parse_mol
from pipeline.workspace.presentation.plot_style import picture_format

# The atoms' colors in RDKit's output stand for CSS classes; the values themselves are never shown.
_CLASSES = {7: "N", 8: "O", 9: "F", 17: "F", 35: "Br", 53: "Br", 16: "S", 15: "P", 5: "P", 14: "P", 34: "S"}
_MARKS = {"N": "#0000FE", "O": "#FE0000", "F": "#00FE00", "Br": "#FE00FE", "S": "#FEFE00", "P": "#00FEFE"}
_CLASS_OF = {mark: name for name, mark in _MARKS.items()}
_PATH = re.compile(r"<(?:path|ellipse|rect)\b[^>]*? d='([^']*)'([^>]*)>")
_PAINT = re.compile(r"\b(fill|stroke)(?::|=')(#[0-9A-Fa-f]{6})")
LARGEST = 200
"""The atoms of the largest molecule that is drawn: of a larger one nothing could be seen. The page's own drawings have the same limit."""
DISK = 8.0
"""The radius in pixels of the disk behind a marked atom."""
_DECIMAL = re.compile(r"\.0\b")
_COMMAND = re.compile(r"\s*([MLQCZ])\s*")


def draw_molecule(
    structure: Structure | None, width: int = 220, height: int = 132, bond: float = 20.0, marked: Sequence[int] = ()
) -> str | None:
    """Draw a molecule as compact inline SVG of 1 to 4 kB.

    Args:
        structure: the molecule or its SMILES.
        width: of the canvas in pixels; the SVG is cropped to what is drawn.
        height: of the canvas in pixels.
        bond: length of a bond in pixels, shortened only where the molecule would not fit; so sizes compare between
            drawings.
        marked: numbers of atoms that a disk stands behind; numbers beyond the last atom are passed over.

    Returns:
        An <svg class="mol"> whose paths have CSS classes for colors: "b" is stroked, "g" is filled, and N, O, F, Br, S
        and P name the element; a disk has the class "u". None where RDKit finds no molecule. Of a molecule with more than LARGEST
        atoms it says that it is too large.
    """
    mol = _lay_out(structure)
    if mol is None:
        return None
    if (atoms := mol.GetNumAtoms()) > LARGEST:
        text = f'<text class="g" x="0" y="14" font-size="12">{atoms} atoms: too large to draw</text>'
        return f'<svg class="mol" viewBox="0 0 190 20" width="190" height="20">{text}</svg>'
    drawer = rdMolDraw2D.MolDraw2DSVG(width, height)
    options: Any = drawer.drawOptions()
    options.clearBackground = False
    options.fixedBondLength = bond
    options.bondLineWidth = 1.3
    options.minFontSize = 7
    options.maxFontSize = 12
    options.padding = 0.03
    options.setAtomPalette({-1: (0, 0, 0)} | {number: _rgb(_MARKS[name]) for number, name in _CLASSES.items()})
    with rdBase.BlockLogs():
        rdMolDraw2D.PrepareAndDrawMolecule(drawer, mol)
    drawer.FinishDrawing()
    places = [drawer.GetDrawCoords(atom) for atom in marked if atom < mol.GetNumAtoms()]
    return _compact(drawer.GetDrawingText(), width, height, [(round(p.x, 1), round(p.y, 1)) for p in places])


_INK = "#16191d"
_COLORS = {"N": "#2433d6", "O": "#d1001f", "F": "#0a7d25", "Br": "#8b3a12", "S": "#a37a00", "P": "#c35a00"}
_STYLE = (
    f"<style>.b{{fill:none;stroke:currentColor;stroke-width:1.3;stroke-linecap:round}}.g{{fill:currentColor}}svg{{color:{_INK}}}"
    ".u{fill:#e0217d;fill-opacity:.3}"
    + "".join(f".{name}{{color:{color}}}" for name, color in _COLORS.items())
    + "</style>"
)


def draw_alone(
    structure: Structure | None, width: int = 196, height: int = 130, marked: Sequence[int] = ()
) -> str | None:
    """Draw a molecule as an SVG that brings its own colors, for a notebook or a file; arguments as of `draw_molecule`."""
    drawn = draw_molecule(structure, width, height, bond=18.0, marked=marked)
    if drawn is None:
        return None
    return drawn.replace('<svg class="mol"', '<svg xmlns="http://www.w3.org/2000/svg"', 1).replace(">", ">" + _STYLE, 1)


def draw_png(structure: Structure | None, width: int = 160, height: int = 100) -> bytes | None:
    """Draw a molecule as a small PNG picture of 1 to 2 kB, on white.

    Args:
        structure: the molecule or its SMILES.
        width: in pixels.
        height: in pixels.

    Returns:
        The file's content; None where RDKit finds no molecule.
    """
    mol = _lay_out(structure)
    if mol is None:
        return None
    drawer = rdMolDraw2D.MolDraw2DCairo(width, height)
    with rdBase.BlockLogs():
        rdMolDraw2D.PrepareAndDrawMolecule(drawer, mol)
    drawer.FinishDrawing()
    return _shrink_png(drawer.GetDrawingText())


def draw_grid(
    structures: Sequence[Structure | None],
    captions: Sequence[str],
    path: str | Path,
    columns: int = 4,
    size: tuple[int, int] = (230, 190),
) -> Path:
    """Draw molecules in rows, each over its caption, into a .png or .svg file.

    Args:
        structures: molecules or their SMILES; None or NaN is an empty cell.
        captions: one for each molecule.
        path: the file's name; its ending selects the format.
        columns: molecules in a row.
        size: width and height of one cell in pixels.

    Raises:
        UserError: the name has another ending.
    """
    path = Path(path)
    return write_bytes(path, render_grid(structures, captions, picture_format(path), columns, size))


def render_grid(
    structures: Sequence[Structure | None],
    captions: Sequence[str],
    kind: str,
    columns: int = 4,
    size: tuple[int, int] = (230, 190),
) -> bytes:
    """Draw molecules as `draw_grid` does, as the content of a file of the format "png" or "svg"."""
    if kind == "svg":
        return _render_svg_grid(structures, captions, columns, size).encode("utf-8")
    mols = [_lay_out(s) or Chem.Mol() for s in structures]
    columns = max(1, min(columns, len(mols)))
    rows = max(1, -(-len(mols) // columns))
    drawer = rdMolDraw2D.MolDraw2DCairo(size[0] * columns, size[1] * rows, *size)
    options: Any = drawer.drawOptions()
    options.legendFontSize = 15
    options.legendFraction = 0.2
    options.padding = 0.06
    options.bondLineWidth = 1.4
    options.maxFontSize = 16
    options.drawMolsSameScale = False
    drawer.DrawMolecules(mols, legends=[c or " " for c in captions])
    drawer.FinishDrawing()
    return _shrink_png(drawer.GetDrawingText())


def _render_svg_grid(
    structures: Sequence[Structure | None], captions: Sequence[str], columns: int, size: tuple[int, int]
) -> str:
    """Put compact drawings into the cells of one SVG, each over its caption."""
    width, height = size
    columns = max(1, min(columns, len(structures)))
    rows, legend = max(1, -(-len(structures) // columns)), 24
    parts = []
    for place, (structure, caption) in enumerate(zip(structures, captions, strict=True)):
        x, y = width * (place % columns), height * (place // columns)
        drawn = draw_molecule(structure, width - 14, height - legend - 8)
        if drawn is not None and (own := re.search(r' width="([^"]*)" height="([^"]*)"', drawn)):
            w, h = float(own[1]), float(own[2])
            scale = min(1.25, (width - 14) / w, (height - legend - 8) / h)  # a small molecule stays small
            left, top = x + (width - scale * w) / 2, y + (height - legend - scale * h) / 2
            box = f' x="{left:.1f}" y="{top:.1f}" width="{scale * w:.1f}" height="{scale * h:.1f}"'
            parts.append(drawn.replace(own[0], box, 1))
        text = html.escape(caption)
        fit = f' textLength="{width - 10}" lengthAdjust="spacingAndGlyphs"' if len(caption) > width / 6.2 else ""
        parts.append(f'<text x="{x + width / 2:g}" y="{y + height - 9}"{fit}>{text}</text>')
    style = "text{font:12px sans-serif;text-anchor:middle;fill:" + _INK + "}</style>"
    whole = f"{width * columns} {height * rows}"
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {whole}" width="{width * columns}" height="{height * rows}">'
        f'{_STYLE.replace("</style>", style)}<rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}</svg>'
    )


def _lay_out(structure: Structure | None) -> Chem.Mol | None:
    """Return a copy of the molecule with 2-D coordinates, turned upright; None where RDKit finds no molecule."""
    mol = parse_mol(structure)
    if mol is None:
        return None
    mol = Chem.Mol(mol)
    rdDepictor.Compute2DCoords(mol)
    rdDepictor.StraightenDepiction(mol)
    return mol


def _compact(text: str, width: int, height: int, disks: Sequence[tuple[float, float]] = ()) -> str:
    """RDKit's SVG with the paths of one color joined over disks, cropped to what is drawn, without inline styles."""
    paths: dict[tuple[str, str], list[str]] = defaultdict(list)
    for data, style in _PATH.findall(text):
        paint = _PAINT.search(style)  # the fill, if there is one, stands before the stroke
        kind, color = ("g" if paint[1] == "fill" else "b", paint[2].upper()) if paint else ("b", "#000000")
        paths[kind, _CLASS_OF.get(color, "")].append(data)
    drawn = {key: _shorten(" ".join(parts)) for key, parts in sorted(paths.items())}
    body = "".join(f'<circle class="u" cx="{x:g}" cy="{y:g}" r="{DISK:g}"/>' for x, y in disks)
    body += "".join(
        f'<path class="{(kind + " " + element).strip()}" d="{data}"/>' for (kind, element), data in drawn.items()
    )
    ends = "".join(f" {x + r:g},{y + r:g}" for x, y in disks for r in (-DISK, DISK))
    x, y, w, h = _extent("".join(drawn.values()) + ends, width, height)
    return f'<svg class="mol" viewBox="{x:g} {y:g} {w:g} {h:g}" width="{w:g}" height="{h:g}">{body}</svg>'


def _shorten(data: str) -> str:
    """Write the data of a path without what changes nothing."""
    return _COMMAND.sub(r"\1", _DECIMAL.sub("", data).replace(", ", ",")).strip()


def _extent(data: str, width: int, height: int) -> tuple[int, int, int, int]:
    """Left, top, width and height of what the path data draws."""
    numbers = [float(n) for n in re.findall(r"-?\d+(?:\.\d+)?", data)]
    xs, ys = numbers[0::2], numbers[1::2]
    if not xs or not ys:
        return 0, 0, width, height
    left, top = int(min(xs)) - 3, int(min(ys)) - 3
    return left, top, int(max(xs)) + 4 - left, int(max(ys)) + 4 - top


def _rgb(color: str) -> tuple[float, float, float]:
    return (int(color[1:3], 16) / 255, int(color[3:5], 16) / 255, int(color[5:7], 16) / 255)


def _shrink_png(png: bytes) -> bytes:
    """Return the same picture with a palette of 64 colors: a quarter of the bytes."""
    from PIL import Image  # only for .png

    buffer = io.BytesIO()
    with Image.open(io.BytesIO(png)) as image:
        image.convert("RGB").quantize(64).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()
