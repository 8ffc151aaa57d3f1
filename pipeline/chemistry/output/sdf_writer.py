"""Writes tables of molecules as SD files."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from rdkit import Chem
from rdkit.Chem import rdDepictor

from chem_vae.atomic_files import to_plain, write_parts
from pipeline.chemistry.molecule import parse_mol
from pipeline.workspace.work.parallel import Workers

_ROWS_AT_ONCE = 500


def write_sdf(path: Path, molecules: pd.DataFrame, title: str, workers: int = 1) -> Path:
    """Write molecules with 2-D coordinates to an SD file that appears whole; memory does not grow with their number.

    Args:
        path: The file.
        molecules: One row each, with `smiles`, and `molecule` where they are parsed already; each other column becomes an
            SD property, unless its value is missing. Rows in which RDKit finds no molecule are left out.
        title: The first part of each molecule's name; the second is its `rank`, or its place in the table.
        workers: The number of processes; with 1 everything is done in this one.
    """
    return write_parts(path, format_sdf(molecules, title, workers))


def format_sdf(molecules: pd.DataFrame, title: str, workers: int = 1) -> Iterator[str]:
    """Yield the text of an SD file part by part, as `write_sdf` takes the molecules."""
    if workers > 1:
        molecules = molecules.drop(columns="molecule", errors="ignore")  # SMILES are quicker to hand on, and to parse
    starts = range(0, len(molecules), _ROWS_AT_ONCE)
    parts = ((molecules.iloc[start : start + _ROWS_AT_ONCE], start, title) for start in starts)
    with Workers(workers, on_cluster=False) as processes:
        yield from processes.map(_format_part, parts)


def _format_part(part: tuple[pd.DataFrame, int, str]) -> str:
    """Format some rows of a table, the first of which has the given place in it."""
    rows, start, title = part
    buffer = io.StringIO()
    writer = Chem.SDWriter(buffer)
    for position, record in enumerate(rows.to_dict("records"), start=start + 1):
        mol = parse_mol(record.pop("molecule", record.get("smiles")))
        if mol is None:
            continue
        mol = Chem.Mol(mol)
        rdDepictor.Compute2DCoords(mol)
        rank = to_plain(record.get("rank"))
        mol.SetProp("_Name", _join_lines(f"{title}-{int(position if rank is None else rank):03d}".lstrip("-")))
        for name, value in record.items():
            known = to_plain(value)
            if known is not None:
                mol.SetProp(_clean_name(str(name)), _join_lines(str(known)))
        writer.write(mol)
    writer.close()
    return buffer.getvalue()


def _clean_name(name: str) -> str:
    """Clean the name of an SD property, which stands between < and > on one line."""
    return re.sub(r"[<>\r\n]+", "_", name).strip() or "_"


def _join_lines(text: str) -> str:
    """Join a text to one line: an empty line would end the value, and a line of $$$$ the molecule."""
    text = re.sub(r"\s*[\r\n]+\s*", " ", text)
    return f" {text}" if text.startswith(("$$$$", ">")) else text
