"""What a page carries so that its candidates can be searched, ticked and exported: the data, our scripts, the libraries."""

from __future__ import annotations

import base64
import json
from functools import cache
from importlib import resources
from typing import Any

import pandas as pd
from markupsafe import Markup
from rdkit import DataStructs

from pipeline.chemistry.metrics import compute_fingerprints
from pipeline.report.candidate_data import collect_candidate_data
from pipeline.report.html import libraries
from pipeline.report.model import Report

SCRIPTS = (
    "dom", "format", "store", "aromaticity", "fingerprints", "graphs", "smarts", "structures", "filters", "editor", "grid", "table", "detail", "exports", "pictures",
    "charts", "print", "tool",
)  # fmt: skip
"""Our own scripts, in the order in which they run."""
_LIBRARIES = (
    libraries.OPENCHEMLIB,
    libraries.TABULATOR,
    libraries.VEGA,
    libraries.VEGA_LITE,
    libraries.INTERPRETER,
)
MOST_CARRIED = 10_000
"""The candidates that a page carries, some kilobyte each: with more of them a browser gets slow. The CSV and SDF files hold all."""
_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def make_tool(report: Report, candidates: pd.DataFrame) -> dict[str, Any]:
    """Make what the template needs for the tool: the data of the first candidates as JSON, the libraries, and the digests of all scripts."""
    carried_candidates = candidates.head(MOST_CARRIED)
    data = collect_candidate_data(report, carried_candidates).to_dict()
    data["fingerprints"] = pack_fingerprints(data["values"]["smiles"])
    carried = [libraries.carry_script(file) for file in _LIBRARIES]
    return {
        "data": embed_json(data),
        "carried": len(carried_candidates),
        "style": libraries.read_style() + Markup(read_resource("tool.css")),
        "libraries": [{"id": script.id, "packed": Markup(script.packed)} for script in carried],
        "digests": [script.digest for script in carried],
    }


def pack_fingerprints(smiles: list[str | None]) -> list[str]:
    """Pack the fingerprint ECFP4 (2,048 bits) of each molecule as base64; "" where RDKit cannot read it."""
    found = compute_fingerprints([text or None for text in smiles])
    return [base64.b64encode(DataStructs.BitVectToBinaryText(bits)).decode() if bits else "" for bits in found]


def embed_json(data: Any) -> Markup:
    """Write data as JSON that may stand inside a script element: nothing in it can end the element."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for letter, escape in _ESCAPES.items():
        text = text.replace(letter, escape)
    return Markup(text)


@cache
def read_scripts() -> str:
    """Read our own scripts as one text, that of the page first."""
    return "\n".join([read_resource("page.js"), *(read_resource(f"scripts/{name}.js") for name in SCRIPTS)])


def read_resource(name: str) -> str:
    """Read a file of this room as text."""
    return (resources.files("pipeline.report") / name).read_text(encoding="utf-8")
