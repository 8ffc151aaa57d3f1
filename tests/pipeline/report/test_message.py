"""report.md: the verdict of the page, what is to be read first, and the best candidates, safe as Markdown."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from pipeline import report
from pipeline.report.model import Report
from tests.pipeline.report.samples import HOSTILE, SMILES, Reader, as_report, candidates, full_report


def test_the_message_has_the_verdict_of_the_page_and_the_candidates(written: Path) -> None:
    text = (written.parent / report.MESSAGE).read_text(encoding="utf-8")
    page = Reader(written.read_text(encoding="utf-8")).text
    assert text.startswith("# A night's work\n")
    assert (
        "**2 of 5** candidates meet every objective" in text
        and "2 of 5 candidates meet every objective" in " ".join(page.split())
    )
    assert "- The target lies at the edge of the data" in text
    for place, smiles in enumerate(SMILES, start=1):
        assert f"| {place} | `{smiles}` |" in text
    assert "6.10 ± 0.40" in text and "PAINS: ene\\_rhod\\_A(235)" in text and "night-7" in text


def test_only_the_first_ten_are_listed(tmp_path: Path) -> None:
    frame = pd.concat([candidates(1)] * 30, ignore_index=True).assign(rank=range(1, 31))
    report.write(tmp_path, as_report(full_report()), frame)
    text = (tmp_path / report.MESSAGE).read_text(encoding="utf-8")
    assert text.count("| `") == 10 and "The first 10 of 30" in text


def test_what_the_user_brings_stays_text(tmp_path: Path) -> None:
    content = full_report()
    content["title"] = content["request"]["objectives"][0]["label"] = HOSTILE + "|"
    report.write(tmp_path, as_report(content), candidates().assign(alerts=f"{HOSTILE} | x\ny"))
    text = (tmp_path / report.MESSAGE).read_text(encoding="utf-8")
    assert "<script" not in text.replace("\\<script", "")
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert len({line.replace("\\|", "").count("|") for line in rows}) == 1


def test_no_candidates_and_no_report(tmp_path: Path) -> None:
    report.write(tmp_path, Report(), pd.DataFrame())
    assert "**No candidate came through.**" in (tmp_path / report.MESSAGE).read_text(encoding="utf-8")
