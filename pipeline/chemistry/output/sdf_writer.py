"""Writes tables of molecules as SD files."""

from __future__ import annotations

import io
import re

import pandas as pd
from rdkit import Chem
from rdkit.Chem import rdDepictor

from chem_vae.atomic_files import to_plain
from pipeline.chemistry.molecule import parse_mol


def write_sdf(candidates: pd.DataFrame, run_id: str) -> str:
    """Write molecules with 2-D coordinates as the text of an SD file.

    Args:
        candidates: one row each, with `smiles`, and `molecule` where they are parsed already; each other column becomes an
            SD property, unless its value is missing. Rows in which RDKit finds no molecule are left out.
        run_id: the first part of each molecule's name; the second is its `rank`, or its place in the table.
    """
    buffer = io.StringIO()
    writer = Chem.SDWriter(buffer)
    for position, record in enumerate(candidates.to_dict("records"), start=1):
        mol = parse_mol(record.pop("molecule", record.get("smiles")))
        if mol is None:
            continue
        mol = Chem.Mol(mol)
        rdDepictor.Compute2DCoords(mol)
        rank = to_plain(record.get("rank"))
        mol.SetProp("_Name", _join_lines(f"{run_id}-{int(position if rank is None else rank):03d}".lstrip("-")))
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
