"""Properties and columns of the candidates' table."""

from __future__ import annotations

import re
from pathlib import Path

from pipeline.report.candidate_table import ShownProperty, choose_columns, collect_properties
from tests.pipeline.report.samples import as_report, candidates, full_report


def test_a_property_is_shown_as_computed_or_as_predicted(written: Path) -> None:
    columns = choose_columns(candidates(), collect_properties(as_report(full_report())))
    assert [(c.property.name, c.basis, c.spread) for c in columns] == [
        ("logp", "computed", None), ("pIC50", "predicted", "pIC50_predicted_std"),
    ]  # fmt: skip
    header = re.search(r"<th class=\"n predicted\">.*?</th>", written.read_text(encoding="utf-8"))
    assert header and "pIC50" in header.group(0)


def test_the_brief_aim_leaves_the_explanation_out() -> None:
    assert ShownProperty("x", "x", aim="high, ranked by the value itself (a hit: at least 1)").brief == "high"
