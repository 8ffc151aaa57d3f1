"""A report with every part, its candidates, and a reader of HTML, for the tests of this folder."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pandas as pd
from rdkit import Chem

from chem_vae.atomic_files import to_plain
from pipeline.chemistry import metrics
from pipeline.report.model import Report

SMILES = [
    "Cc1ccc(-c2cc(C(F)(F)F)nn2-c2ccc(S(N)(=O)=O)cc2)cc1", "C[C@H](N)C(=O)O", "F/C=C/F", "O=C1NC(=S)S/C1=C\\c1ccccc1",
    "C[N+](C)(C)CC(=O)[O-]",
]  # fmt: skip
HOSTILE = '<script>alert("x")</script>'
MINUS, DASH = "\N{MINUS SIGN}", "\N{EN DASH}"
VOID = {"meta", "br", "wbr", "input", "link", "img", "hr"}


class Reader(HTMLParser):
    """Checks that tags nest, and collects what a browser would load, run or show."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.handlers: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name in ("src", "href", "xlink:href", "srcset", "data", "action", "poster"):
                self.loads.append(value or "")
            if name == "id":
                self.ids.append(value or "")
            if name.startswith("on"):
                self.handlers.append(name)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("script", "style"):
            self.text += data


def read_markup(text: str) -> str:
    """Return a page without its scripts, its data and its styles: what of it can be shown."""
    return re.sub(r"<(script|style)\b[^>]*>.*?</\1>", "", text, flags=re.DOTALL)


def read_data(text: str) -> dict[str, Any]:
    """Read the candidates that a page carries as JSON."""
    found = re.search(r'<script type="application/json" id="candidate-data">(.*?)</script>', text, re.DOTALL)
    assert found
    return dict(json.loads(found[1]))


def candidates(n: int = len(SMILES)) -> pd.DataFrame:
    rows = [
        {
            "rank": i + 1, "smiles": s, "inchikey": Chem.MolToInchiKey(Chem.MolFromSmiles(s)), "score": 0.9 - 0.1 * i,
            "logp_computed": 2.4 + 0.1 * i, "logp_predicted": 2.0, "logp_predicted_std": 0.5,
            "pIC50_predicted": 6.1 + i, "pIC50_predicted_std": 0.4, "novel": i != 1, "novel_stereo_blind": i > 2,
            "alerts": "PAINS: ene_rhod_A(235); BRENK: Thiocarbonyl_group" if i == 3 else "", "within_target": i < 2,
            "nearest_training_smiles": "CCO", "nearest_training_similarity": 0.25, "distance_to_training": 1.0 + i,
        }
        for i, s in enumerate(SMILES)
    ]  # fmt: skip
    return pd.DataFrame(rows).head(n)


def full_report() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    objective = {
        "property": "logp",
        "label": "logP",
        "unit": "",
        "basis": "computed",
        "aim": "2.5 ± 0.25",
        "kind": "target",
        "target": 2.5,
        "tolerance": 0.25,
        "low": None,
        "high": None,
        "transform": [[0, 0], [2.5, 1], [5, 0]],
    }
    return {
        "format": "chem-vae report", "format_version": 1, "title": "A night's work", "created": "2026-03-02",
        "run_id": "night-7",
        "model": {
            "ended": "at step 60: no better validation loss in 2 validations",
            "key": "abc", "parameters": 12345, "latent_size": 8, "conditions": ["logp"],
            "vocabulary": {"symbols": 4, "merges": 2},
            "figures": {"exact_reconstruction": 0.5, "exact_reconstruction_of": 500, "active_units": 6, "latent_size": 8},
        },
        "dataset": {"name": "tiny", "rows": 10, "accepted": 8, "duplicates": 1, "rejected": 1, "licence": "MIT"},
        "predictors": [
            {
                "property": "pIC50", "unit": "log M", "method": "GP", "n_train": 50, "n_test": 20,
                "r2": 0.1, "mae": 0.4, "rmse": 0.5, "coverage": {"0.5": 0.4, "0.9": 0.8},
                "parity": [[float(x), float(x) + 0.1, 0.4] for x in rng.normal(6, 1, 20)],
            }
        ],
        "training": {
            "history": [
                {"step": i, "molecules": 256 * i, "reconstruction": 50 - i, "kl": i / 2, "beta": 0.1} for i in range(20)
            ],
            "validation": [{"step": i, "kl": 3.0, "exact_reconstruction": i / 20} for i in (5, 10, 15)],
            "kl_per_dimension": [1.5, 0.2, 0.001], "warnings": ["the posterior nearly collapsed"],
        },
        "versions": {"rdkit": "2026.9.1"}, "machine": "two cores", "seconds": {"train": 130.0},
        "request": {
            "n": 10, "samples": 100, "strategy": "conditional", "temperature": 0.8, "seed": 0,
            "objectives": [objective],
        },
        "funnel": metrics.count_funnel(
            [("requested", 100), ("valid", 90), ("unique", 80), ("novel", 60), ("within target", 2)]
        ),
        "novelty": {"stereo_aware": {"count": 60, "of": 80}, "stereo_blind": {"count": 55, "of": 80}},
        "achieved": [
            {
                "property": "logp", "label": "logP", "basis": "computed", "aim": "2.5 ± 0.25",
                "of": 5, "mean": 2.6, "std": 0.14, "mae": 0.12, "within": 4,
                "sampled": {"of": 80, "mean": 2.1, "mae": 0.7, "within": 21},
            }
        ],
        "diversity": {"internal_diversity": 0.81, "scaffolds": 4, "of": 5},
        "distributions": [
            {
                "property": "logp", "label": "logP", "data": list(map(float, rng.normal(2, 1, 200))),
                "samples": list(map(float, rng.normal(2.4, 1, 100))), "candidates": [2.4, 2.5, 2.6],
            }
        ],
        "latent_map": {
            "data": rng.normal(size=(50, 2)).tolist(), "values": [None, *map(float, rng.normal(size=49))],
            "color_property": "logP", "candidates": [[0.0, 0.1]], "explained": [0.3, 0.2],
        },
        "warnings": ["the target lies at the edge of the data"],
    }  # fmt: skip


def as_report(content: dict[str, Any]) -> Report:
    """The content as a reader of report.json gets it."""
    return Report.from_dict(to_plain(content))
