"""What lies beside the page: report.json (strict), candidates.csv, candidates.sdf; each written whole or not at all."""

from __future__ import annotations

import io
import json
import math
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rdkit import Chem, rdBase
from rdkit.Chem import rdDepictor


def write_text(path: Path, text: str) -> Path:
    """Under another name in the same folder, then renamed: a reader sees the old file or the new one."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".partial")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)  # mkstemp's files are the owner's alone
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return path


def plain(value: Any) -> Any:
    """The value in strict JSON types: NaN and infinities become None, numpy and pandas types plain ones.

    >>> plain({"r2": float("nan"), "n": np.int64(3), "of": (1, 2)})
    {'r2': None, 'n': 3, 'of': [1, 2]}
    """
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, np.generic | np.ndarray):
        return plain(value.tolist())
    if isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, set | frozenset):
        return [plain(v) for v in sorted(value, key=str)]
    if isinstance(value, list | tuple | pd.Series):
        return [plain(v) for v in value]
    return str(value)


def json_text(report: Mapping[str, Any]) -> str:
    """Strict JSON, one line for each list of numbers, so that a person can read it too."""
    return _dump(plain(report), 0) + "\n"


def _dump(value: Any, depth: int) -> str:
    within, after = "\n" + " " * (depth + 1), "\n" + " " * depth
    if isinstance(value, dict) and value:
        return "{" + ",".join(f"{within}{json.dumps(k)}: {_dump(v, depth + 1)}" for k, v in value.items()) + after + "}"
    if isinstance(value, list) and any(isinstance(v, dict) for v in value):
        return "[" + ",".join(within + _dump(v, depth + 1) for v in value) + after + "]"
    return json.dumps(value, allow_nan=False, ensure_ascii=False)


def sdf_text(candidates: pd.DataFrame, run_id: str) -> str:
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
            rank = plain(record.get("rank"))
            mol.SetProp("_Name", _one_line(f"{run_id}-{int(position if rank is None else rank):03d}".lstrip("-")))
            for name, value in record.items():
                known = plain(value)
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
