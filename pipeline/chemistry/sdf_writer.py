"""candidates.sdf: the candidates as a chemist's programs read them."""

from __future__ import annotations

import io
import re

import pandas as pd
from rdkit import Chem, rdBase
from rdkit.Chem import rdDepictor

from chem_vae.atomic_files import to_plain


def write_sdf(candidates: pd.DataFrame, run_id: str) -> str:
    """All candidates with 2-D coordinates, all columns as SD properties; a molecule is called run id + rank.

    A missing value is a missing property. A row whose SMILES RDKit does not read is left out.
    """
    buffer = io.StringIO()
    writer = Chem.SDWriter(buffer)
    with rdBase.BlockLogs():
        for position, record in enumerate(candidates.to_dict("records"), start=1):
            smiles = record.get("smiles")
            mol = Chem.MolFromSmiles(smiles) if isinstance(smiles, str) and smiles else None
            if mol is None or mol.GetNumAtoms() == 0:
                continue
            rdDepictor.Compute2DCoords(mol)
            rank = to_plain(record.get("rank"))
            mol.SetProp("_Name", _one_line(f"{run_id}-{int(position if rank is None else rank):03d}".lstrip("-")))
            for name, value in record.items():
                known = to_plain(value)
                if known is not None:
                    mol.SetProp(_property_name(str(name)), _one_line(str(known)))
            writer.write(mol)
    writer.close()
    return buffer.getvalue()


def _property_name(name: str) -> str:
    """An SD property's name stands between < and > on one line."""
    return re.sub(r"[<>\r\n]+", "_", name).strip() or "_"


def _one_line(text: str) -> str:
    """An empty line would end the value, and a line of $$$$ the molecule."""
    text = re.sub(r"\s*[\r\n]+\s*", " ", text)
    return f" {text}" if text.startswith(("$$$$", ">")) else text
