"""The nasty file: every kind of bad row, each with the stage that must answer for it (None: accepted)."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from pipeline.chemistry.molecule import Molecule
from pipeline.chemistry.standardization.standardize import Rejection, Standardizer
from pipeline.datasets.config import IngestConfig
from pipeline.datasets.ingest import ingest

# (SMILES cell, what it becomes or None, stage of the rejection or None)
ROWS: list[tuple[str, str | None, str | None]] = [
    ("CCO", "CCO", None),
    ("OCC", None, "duplicate"),
    ("CC(=O)[O-].[Na+]", "CC(=O)O", None),  # salt, charge
    ("C[NH3+].[Cl-]", "CN", None),
    ("C[N+](C)(C)CC(=O)[O-]", "C[N+](C)(C)CC(=O)[O-]", None),  # a zwitterion keeps its charges
    ("N[C@@H](C)C(=O)O", "C[C@H](N)C(=O)O", None),  # stereo
    ("F/C=C/F", "F/C=C/F", None),
    ("[13CH3]C#N", "CC#N", None),  # isotope
    ("[2H]C([2H])([2H])S", "CS", None),
    ("CS(=O)c1ccccc1", "CS(=O)c1ccccc1", None),
    ("C[S+]([O-])c1ccccc1", None, "duplicate"),
    ("CN(=O)=O", "C[N+](=O)[O-]", None),
    ("[CH3:7]CCC", "CCCC", None),  # atom map
    ("C->[Pt]", None, "metal"),  # dative bond to a metal
    ("CN(C)(C)->BC", None, "bonds"),  # dative bond that stays
    ("*CC", None, "elements"),  # wildcard
    ("[R1]CC", None, "parse"),
    ("[Fe]", None, "metal"),
    ("OCl(=O)(=O)=O", None, "elements"),  # no carbon
    ("C[NH3+].[O-]Cl(=O)(=O)=O", None, "duplicate"),
    ("CC~C", None, "bonds"),
    ("CC(=O)OI(OC(C)=O)c1ccccc1", None, "encode"),  # hypervalent iodine
    ("C" * 10_000, None, "read"),
    ("C" * 130, None, "size"),
    ("[H][H]", None, "size"),
    ("C1CC", None, "parse"),
    ("c1cccc1", None, "parse"),
    ("CC(C)(C)(C)C", None, "parse"),
    ("not a molecule", None, "parse"),
    ("Ünsinn", None, "read"),
    ("\x00\x01\x02", None, "read"),
    ("", None, "read"),
    ("NaN", None, "read"),
    ("None", None, "parse"),
    ("NA", None, "parse"),
    ("   CCN   ", "CCN", None),
]


@pytest.mark.parametrize(("text", "smiles", "stage"), [row for row in ROWS if row[2] not in ("duplicate", "encode")])
def test_each_nasty_string_becomes_what_it_should(text: str, smiles: str | None, stage: str | None) -> None:
    found = Standardizer()(text, 7)
    if smiles is None:
        assert isinstance(found, Rejection), found
        assert (found.row, found.stage) == (7, stage)
        assert len(found.reason) > 8
        assert len(found.input) <= 501
    else:
        assert isinstance(found, Molecule), found
        assert found.smiles == smiles


def test_the_nasty_file_is_accounted_for_row_by_row(tmp_path: Path) -> None:
    path = tmp_path / "nasty.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([["id", "SMILES"], *([i, r[0]] for i, r in enumerate(ROWS))])
    more = {
        "validation_fraction": 0,
        "test_fraction": 0,
        "shard_rows": 7,
        "compute": ("mw",),
        "merges": 5,
        "workers": 1,
    }
    dataset = ingest(IngestConfig.model_validate({"source": str(path), **more}), tmp_path)
    counts = dataset.counts
    assert counts["rows"] == len(ROWS) == counts["accepted"] + counts["duplicates"] + counts["rejected"]
    accepted = {i: smiles for i, (_, smiles, _) in enumerate(ROWS) if smiles is not None}
    frame = dataset.table().set_index("row")
    assert frame["smiles"].to_dict() == accepted
    assert frame["id"].to_dict() == {i: str(i) for i in accepted}
    refused = {i: stage for i, (_, _, stage) in enumerate(ROWS) if stage not in (None, "duplicate")}
    assert dataset.rejections().set_index("row")["stage"].to_dict() == refused
    assert dataset.counts["duplicates"] == sum(stage == "duplicate" for _, _, stage in ROWS)
    assert dataset.rejections()["reason"].str.len().min() > 8
