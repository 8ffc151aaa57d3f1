"""The candidates as one JSON model: every column with its kind, unit and meaning, the marks, the places on the map."""

from __future__ import annotations

import base64
import json

import numpy as np
import pandas as pd
from rdkit import Chem

from chem_vae.atomic_files import to_plain
from pipeline.chemistry.filters.structural_alerts import find_structural_alerts
from pipeline.chemistry.fingerprints import ECFP4_2048
from pipeline.report.candidate_data import (
    EMPTY,
    FLAG,
    LIST,
    NUMBER,
    STRUCTURE,
    TEXT,
    CandidateData,
    collect_candidate_data,
)
from pipeline.report.html.tool_page import embed_json, pack_fingerprints
from pipeline.report.model import Report
from tests.pipeline.report.samples import HOSTILE, SMILES, as_report, candidates, full_report


def test_every_column_is_there_with_its_kind_and_meaning() -> None:
    frame = candidates().assign(acquisition=[None] * len(SMILES), mine=[HOSTILE] * len(SMILES))
    data = collect_candidate_data(as_report(full_report()), frame)
    assert [column.column for column in data.columns] == list(frame.columns) == list(data.values)
    kinds = {column.column: column.kind for column in data.columns}
    wanted = {
        "rank": NUMBER,
        "smiles": STRUCTURE,
        "novel": FLAG,
        "alerts": LIST,
        "inchikey": TEXT,
        "acquisition": EMPTY,
        "mine": TEXT,
    }
    assert {name: kinds[name] for name in wanted} == wanted
    by_name = {column.column: column for column in data.columns}
    logp, potency = by_name["logp_computed"], by_name["pIC50_predicted"]
    assert logp.is_objective and (logp.low, logp.high) == (2.25, 2.75) and logp.is_shown and logp.basis == "computed"
    assert potency.spread == "pIC50_predicted_std" and potency.unit == "log M" and potency.basis == "predicted"
    assert all(column.meaning for column in data.columns if column.column != "mine")
    assert not by_name["acquisition"].is_shown and by_name["scaffold"].can_group if "scaffold" in by_name else True
    again = CandidateData.from_dict(json.loads(json.dumps(data.to_dict(), allow_nan=False)))
    assert again == data


def test_missing_values_and_missing_columns_are_none() -> None:
    frame = pd.DataFrame({"smiles": ["CCO", None], "logp_computed": [np.nan, np.inf]})
    data = collect_candidate_data(Report(), frame)
    assert data.values["logp_computed"] == [None, None] and data.values["rank"] == [1, 2]
    empty = collect_candidate_data(Report(), pd.DataFrame())
    assert empty.count == 0 and empty.values["smiles"] == []


def test_the_atoms_of_alerts_and_of_what_is_unusual_are_marked() -> None:
    smiles = ["O=C1NC(=S)S/C1=C\\c1ccccc1", "CCOOCC", "CCO"]
    frame = pd.DataFrame({"smiles": smiles, "alerts": ["; ".join(a) for a in find_structural_alerts(smiles)]})
    frame["unusual"], frame["unusual_atoms"] = ["", "peroxide", ""], ["", "2 3", ""]
    marks = collect_candidate_data(Report(), frame).marks
    assert list(marks[0]) == find_structural_alerts(smiles)[0] and marks[2] == {}
    assert 4 in marks[0]["BRENK: Thiocarbonyl_group"]  # the sulfur of C=S
    assert marks[1]["peroxide"] == [2, 3]


def test_candidates_are_placed_by_their_rows_on_the_map() -> None:
    content = full_report()
    content["latent_map"] |= {"candidates": [[1.0, 2.0], [3.0, 4.00004]], "candidate_rows": [0, 3]}
    places = collect_candidate_data(as_report(content), candidates()).map
    assert places and places.points == [[1.0, 2.0], [], [], [3.0, 4.0], []]
    del content["latent_map"]["candidate_rows"]  # an old report does not say which candidates they are
    assert collect_candidate_data(as_report(content), candidates()).map is None


def test_the_ancestors_of_a_candidate_are_traced() -> None:
    content = full_report()
    chain = [
        {"smiles": "C", "score": 0.1},
        {"smiles": "CC", "score": 0.2, "origin": "mutated"},
        {"smiles": "CCO", "origin": "crossed"},
    ]
    content["optimization"] = {"lineages": [chain], "calls": 3}
    frame = pd.DataFrame(
        {"smiles": ["CCO", "CCN", "N"], "parent": ["CC", "CCO", None], "origin": ["crossed", "grown", None]}
    )
    lineages = collect_candidate_data(as_report(content), frame).lineages
    assert [step["smiles"] for step in lineages[0]] == ["CC", "C"]
    assert [(step["smiles"], step["origin"]) for step in lineages[1]] == [
        ("CCO", "grown"),
        ("CC", "crossed"),
        ("C", "mutated"),
    ]
    assert lineages[2] == []


def test_data_in_a_page_cannot_end_its_element() -> None:
    hostile = {"a": f"</script>{HOSTILE}<!--\u2028&amp;"}
    text = str(embed_json(hostile))
    assert not set("<>&\u2028") & set(text) and json.loads(text) == hostile


def test_fingerprints_are_those_of_the_other_columns() -> None:
    packed = pack_fingerprints(["CCO", None, "C("])
    bits = np.unpackbits(np.frombuffer(base64.b64decode(packed[0]), dtype=np.uint8), bitorder="little")
    assert bits.tolist() == ECFP4_2048.array(Chem.MolFromSmiles("CCO")).tolist() and packed[1:] == ["", ""]


def test_values_are_the_numbers_of_the_table() -> None:
    data = collect_candidate_data(as_report(full_report()), candidates())
    assert data.values["pIC50_predicted"] == to_plain(candidates()["pIC50_predicted"].tolist())
