"""Files of figures: matplotlib without pyplot on white paper, and grids of molecules drawn by RDKit; PNG or SVG."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rdkit import Chem, rdBase
from rdkit.Chem import rdDepictor
from rdkit.Chem.Draw import rdMolDraw2D

from chem_vae.errors import UserError
from pipeline.report.plot_style import LOCK  # matplotlib's settings are one global, whoever draws

INK, MUTED, LINE, GRAY, BLUE, ORANGE, GREEN = (
    "#16191d", "#5a6570", "#d5dbe1", "#8d97a3", "#0072b2", "#d55e00", "#00795c",
)  # fmt: skip
CYCLE = (BLUE, ORANGE, GREEN, "#cc79a7", "#8a6d00", "#56b4e9", GRAY)
_STYLE: Any = {
    "font.size": 9,
    "text.parse_math": False,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": LINE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "svg.fonttype": "none",
    "svg.hashsalt": "chem-vae",
}
PICTURES = (".png", ".svg")


@contextmanager
def drawing(width: float, height: float) -> Iterator[Any]:
    """A matplotlib Figure of so many inches in the project's style, on white."""
    import matplotlib
    from matplotlib.figure import Figure

    with LOCK, matplotlib.rc_context(_STYLE):
        yield Figure(figsize=(width, height), layout="constrained", facecolor="white")


def save_figure(figure: Any, path: str | Path, dots: int = 130) -> Path:
    """Write a matplotlib Figure as .png or .svg, whole or not at all. Raises UserError for another ending."""
    path = Path(path)
    kind = _kind(path)
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, dpi=dots, metadata={"Date": None} if kind == "svg" else None)
    return write_bytes(path, buffer.getvalue())


def molecule_grid(
    smiles: Sequence[str | None],
    captions: Sequence[str],
    path: str | Path,
    columns: int = 4,
    size: tuple[int, int] = (230, 190),
) -> Path:
    """Draw molecules in rows of `columns`, each over its caption, as .png or .svg. None is an empty cell.

    size: pixels of one cell. Raises UserError for another ending of the name.
    """
    path = Path(path)
    kind = _kind(path)
    with rdBase.BlockLogs():
        mols = [Chem.MolFromSmiles(s) if isinstance(s, str) and s else None for s in smiles]  # pandas: NaN
        mols = [Chem.MolFromSmiles("") if mol is None else mol for mol in mols]
    for mol in mols:
        rdDepictor.Compute2DCoords(mol)
        rdDepictor.StraightenDepiction(mol)
    columns = max(1, min(columns, len(mols)))
    rows = -(-len(mols) // columns)
    maker = rdMolDraw2D.MolDraw2DSVG if kind == "svg" else rdMolDraw2D.MolDraw2DCairo
    drawer = maker(size[0] * columns, size[1] * rows, *size)
    options: Any = drawer.drawOptions()
    options.legendFontSize = 15
    options.legendFraction = 0.2
    options.padding = 0.06
    options.bondLineWidth = 1.4
    options.maxFontSize = 16
    options.drawMolsSameScale = False
    drawer.DrawMolecules(mols, legends=[c or " " for c in captions])
    drawer.FinishDrawing()
    text = drawer.GetDrawingText()
    return write_bytes(path, text.encode("utf-8") if isinstance(text, str) else _small(text))


def write_bytes(path: Path, data: bytes) -> Path:
    """A file that appears whole."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.write_bytes(data)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def _kind(path: Path) -> str:
    if path.suffix.lower() not in PICTURES:
        raise UserError(f"cannot draw into {path.name}: the name must end in {' or '.join(PICTURES)}")
    return path.suffix.lower().removeprefix(".")


def _small(png: bytes) -> bytes:
    """The same picture with a palette: a quarter of the bytes."""
    from PIL import Image

    buffer = io.BytesIO()
    with Image.open(io.BytesIO(png)) as image:
        image.convert("RGB").quantize(64).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()
