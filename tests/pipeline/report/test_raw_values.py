"""Learned logarithms are shown in the raw unit too: in the candidates' table, the CSV and the page."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from pipeline.report import write
from pipeline.report.html import page
from pipeline.report.model import Report
from pipeline.report.raw_values import Logarithm, add_raw_values, read_logarithms
from tests.pipeline.report.samples import candidates, full_report

IC50 = {"column": "IC50", "raw_unit": "nM", "sign": -1, "exponent": -9}


def test_a_models_card_gives_the_way_back() -> None:
    (log,) = read_logarithms({"logarithms": {"pIC50": IC50}})
    assert log.to_raw(7.0) == pytest.approx(100) and log.name_raw() == "IC50_nM"
    assert [log.write(v) for v in (7.0, 6.13, 3.0, float("nan"), None)] == ["100 nM", "741 nM", "1,000,000 nM", "", ""]
    assert read_logarithms({}) == []


def test_raw_values_stand_behind_the_learned_ones() -> None:
    table = pd.DataFrame({"pIC50_predicted": [7.0, None], "pIC50_predicted_std": [0.1, 0.1], "smiles": ["C", "N"]})
    log = Logarithm(property="pIC50", column="IC50", unit="nM", sign=-1, exponent=-9)
    made = add_raw_values(table, [log])
    assert list(made.columns) == ["pIC50_predicted", "pIC50_predicted_std", "IC50_nM_predicted", "smiles"]
    assert made["IC50_nM_predicted"][0] == 100 and pd.isna(made["IC50_nM_predicted"][1])
    assert "IC50_nM_predicted" not in table and list(add_raw_values(made, [log]).columns) == list(made.columns)


def test_the_page_and_the_files_show_both(tmp_path: Path) -> None:
    data = full_report()
    data["logarithms"] = [{"property": "pIC50", "column": "IC50", "unit": "nM", "sign": -1, "exponent": -9}]
    report = Report.from_dict(data)
    text = page.render(report, candidates())
    assert "794 nM" in text, "6.1 of the first candidate"
    write(tmp_path, report, candidates())
    assert pd.read_csv(tmp_path / "candidates.csv")["IC50_nM_predicted"][0] == pytest.approx(794.3)
    assert "IC50_nM_predicted" in (tmp_path / "candidates.sdf").read_text()
