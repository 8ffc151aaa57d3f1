"""Properties and columns of the candidates' table."""

from __future__ import annotations

import re
from pathlib import Path

from rdkit import Chem

from pipeline.chemistry.molecule import Molecule
from pipeline.report.candidate_table import choose_columns, count_hidden_columns, make_rows
from pipeline.report.html.page import render
from pipeline.report.shown_properties import ShownProperty, collect_properties
from tests.pipeline.report.samples import as_report, candidates, full_report, read_markup


def test_a_property_is_shown_as_computed_or_as_predicted(written: Path) -> None:
    report = as_report(full_report())
    columns = choose_columns(candidates(), collect_properties(report), report)
    assert [(c.property.name, c.basis, c.spread) for c in columns] == [
        ("logp", "computed", None), ("pIC50", "predicted", "pIC50_predicted_std"),
    ]  # fmt: skip
    header = re.search(r"<th class=\"n predicted\">.*?</th>", written.read_text(encoding="utf-8"))
    assert header and "pIC50" in header.group(0)


def test_values_of_another_molecule_or_of_a_vendor_are_no_values_of_the_candidate() -> None:
    report = as_report({**full_report(), "library": {"columns": ["pKa_predicted"]}})
    frame = candidates().assign(nearest_measured_dock_predicted=-7.5, pKa_predicted=4.0)
    columns = choose_columns(frame, collect_properties(report), report)
    assert [c.source for c in columns] == ["logp_computed", "pIC50_predicted"]
    assert count_hidden_columns(frame, columns, report) == 1  # the predicted logP


def test_a_measured_value_has_its_unit_and_no_decimals_that_arithmetic_made() -> None:
    report = as_report(full_report())
    frame = candidates(3).assign(
        nearest_measured_smiles="CCO",
        nearest_measured_pIC50=["98.76", ">7.638272163982407", "0.04567"],
        nearest_measured_id="00129.12345678",
    )
    rows = make_rows(frame, choose_columns(frame, collect_properties(report), report))
    facts = [dict(row["measured"]["facts"]) for row in rows]
    assert [fact["pIC50, log M"] for fact in facts] == ["98.76", ">7.64", "0.04567"]
    assert facts[0]["id"] == "00129.12345678"


def test_the_brief_aim_leaves_the_explanation_out() -> None:
    assert ShownProperty("x", "x", aim="high, ranked by the value itself (a hit: at least 1)").brief == "high"


def test_what_is_unusual_is_named_and_its_atoms_are_marked() -> None:
    frame = candidates(3)
    smiles = ["CCOOCC", "CCO", "OCC"]
    turned = Chem.MolFromSmiles("O(OCC)CC")  # the same molecule as the first, its atoms in another order
    frame["smiles"], frame["molecule"] = smiles, [Molecule("CCOOCC", mol=turned), Molecule("CCO"), Molecule("OCC")]
    frame["unusual"], frame["unusual_atoms"] = ["peroxide", "", None], ["2 3", "", None]
    rows = list(make_rows(frame, []))
    assert [row["unusual"] for row in rows] == [["peroxide"], [], []]
    assert [str(row["drawing"]).count("<circle") for row in rows] == [2, 0, 0]
    by_smiles = list(make_rows(frame.drop(columns="molecule"), []))
    assert rows[0]["drawing"] == by_smiles[0]["drawing"], "the numbers are those of the SMILES in the row"
    page = render(as_report(full_report()), frame)
    assert "unusual: peroxide</span>" in page and 'data-usual="0"' in page and page.count('data-usual="1"') == 2
    assert "One has something unusual in the structure" in page and "nothing unusual" in page
    without = render(as_report(full_report()), candidates(3))
    assert "nothing unusual" not in read_markup(without) and "badge unusual" not in read_markup(without)
