"""The page: one safe file that opens anywhere, whatever the report lacks and whatever the user brings."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pipeline import report
from pipeline.chemistry import metrics
from pipeline.chemistry.fingerprints import ECFP4_1024, ECFP4_2048, SIMULATED_COUNTS
from pipeline.report.facts.search_facts import Front, SearchMap
from pipeline.report.html import libraries, page, plots
from pipeline.report.html.search_plots import draw_front, draw_search_map
from pipeline.report.model import Report
from tests.pipeline.report.samples import (
    HOSTILE,
    SMILES,
    Reader,
    as_report,
    candidates,
    full_report,
    read_data,
    read_markup,
)


def test_one_file_that_loads_nothing(written: Path) -> None:
    text = written.read_text(encoding="utf-8")
    read = Reader(text)
    assert read.open == []
    beside = {"candidates.csv", "candidates-columns.csv", "candidates.sdf", "report.json", "report.md"}
    assert {load for load in read.loads if not load.startswith("#")} == beside
    assert "@import" not in text and not re.search(r"url\((?!#)", text)
    assert not {"img", "link", "iframe", "object", "base"} & set(read.tags)
    assert "default-src 'none'" in text
    assert len(text) < 4e6


def test_ids_of_all_the_drawings_differ_and_references_meet(written: Path) -> None:
    text = written.read_text(encoding="utf-8")
    read = Reader(text)
    assert len(read.ids) == len(set(read.ids))
    referred = {load[1:] for load in read.loads if load.startswith("#")} | set(re.findall(r"url\(#([^)]+)\)", text))
    assert referred <= set(read.ids)


def test_everything_is_on_the_page(written: Path) -> None:
    text = written.read_text(encoding="utf-8")
    shown = Reader(text).text
    for words in (
        "A night's work", "night-7", "2 of 5", "75\u00a0%", "internal diversity 0.81", "Read this first", "Glossary",
        "nearly collapsed", "edge of the data", "explains little", "90 of 100", "2.5\u00a0±\u00a00.25", "2.60",
        "4 of 5", "PAINS: ene_rhod_A(235)", "novel only by stereo", "in training data", "predicted", "± 0.40", "far",
        "R²", "GP", "6 of 8", "2 min 10 s", "21 of 80", "0.70", "The training ended at step 60: no better",
    ):  # fmt: skip
        assert words in shown, words
    assert "in the training data" in shown.split("Best candidates")[0]
    assert "valid" not in shown.split("Best candidates")[0]  # the page does not lead with validity
    assert text.count('class="mol"') == 2 * len(SMILES) + len(SMILES)  # gallery, table, neighbors
    plotted = ("against held-out", "nominal coverage", "latent dimension", "map of the latent", "KL, nats during")
    for label in plotted:
        assert label in text, label


def test_what_was_asked_for_and_of_how_many(written: Path) -> None:
    shown = Reader(written.read_text(encoding="utf-8")).text
    asked, rest = shown.split("Asked for: ")[1].split("Read this first")
    assert asked.startswith("logP 2.5\u00a0±\u00a00.25.")
    assert "The target lies at the edge of the data" in rest
    assert "200 training molecules, 100 distinct molecules made, 3 candidates" in rest
    assert "50.0\u00a0% of 500" in rest or "50\u00a0% of 500" in rest
    assert "4 symbols, 2 merges" in rest and "similarity · latent distance" in rest


def test_a_predictor_of_a_computed_property_is_no_source_of_the_tables(written: Path) -> None:
    words = "there the predictors only guide searches"
    assert words not in Reader(written.read_text(encoding="utf-8")).text  # pIC50 is only predicted
    content = full_report()
    content["predictors"].append({**content["predictors"][0], "property": "logp", "label": "logP"})
    assert f"computed values of logP: {words}" in Reader(page.render(as_report(content), candidates())).text


def test_every_color_is_that_of_each_theme(written: Path) -> None:
    text = written.read_text(encoding="utf-8")
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style
    assert ":root" not in text.split("</style>", 1)[1]
    themes = re.findall(r":root \{(.*?)\}", style.group(1), re.DOTALL)
    defined = [set(re.findall(r"(--[\w-]+):", theme)) for theme in themes]
    used = set(re.findall(r"var\((--[\w-]+)\)", text))
    assert len(defined) == 3 and {"--scale-0", "--scale-8", "--candidates"} <= used
    assert all(used <= theme for theme in defined)
    assert not re.search(r"(?:stroke|fill):\s*#", read_markup(text))  # a fixed color is lost on one ground


def test_what_the_user_brings_is_escaped(tmp_path: Path) -> None:
    content = full_report()
    content["title"] = content["run_id"] = content["machine"] = HOSTILE
    content["warnings"] = [HOSTILE]
    content["versions"] = {HOSTILE: HOSTILE}
    content["model"]["figures"] = {HOSTILE: 1.0}
    content["funnel"][0]["stage"] = HOSTILE
    content["distributions"][0]["property"] = content["distributions"][0]["label"] = HOSTILE + " $x_$"
    content["predictors"][0]["property"] = content["latent_map"]["color_property"] = HOSTILE
    content["request"]["objectives"][0]["aim"] = HOSTILE
    frame = candidates()
    frame["alerts"] = HOSTILE
    frame["smiles"] = frame["nearest_training_smiles"] = f'"><img src=x onerror=alert(1)>{HOSTILE}'
    frame[f"{HOSTILE}_computed"] = 1.0
    frame[f"{HOSTILE}_predicted_std"] = HOSTILE
    text = report.write(tmp_path, as_report(content), frame).read_text(encoding="utf-8")
    read = Reader(text)
    assert text.count("<script>") == 1  # the one that runs; beside it the data, and the libraries, which are compressed
    assert text.count("<script") == read.tags.count("script") == 2 + len(libraries.list_libraries()) - 1
    data = read_data(text)
    assert data["values"]["alerts"][0] == HOSTILE  # the same text, written so that it cannot end the element
    assert "img" not in read.tags and not read.handlers
    assert 'alert("x")' in read.text  # shown as text
    assert (tmp_path / "report.json").exists() and (tmp_path / "candidates.sdf").read_text() == ""


def test_the_scripts_are_those_that_the_policy_allows(written: Path) -> None:
    text = written.read_text(encoding="utf-8")
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    script = re.search(r"<script>(.*?)</script>", text, re.DOTALL)
    assert policy and script
    allowed = set(re.findall(r"'sha256-([^']+)'", policy[1]))
    scripts = [entry.file for entry in libraries.list_libraries() if entry.file.endswith(".js")]
    assert allowed == {libraries.digest_script(script[1]), *(libraries.carry_script(file).digest for file in scripts)}
    rules = {name: rest for name, _, rest in (rule.strip().partition(" ") for rule in policy[1].split(";"))}
    assert (
        rules["default-src"] == "'none'" and "unsafe" not in rules["script-src"] and rules["img-src"] == "data: blob:"
    )
    for file in scripts:
        assert libraries.carry_script(file).packed in text


# -- what is missing ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", sorted(full_report()))
@pytest.mark.parametrize("how", ["absent", "none", "wrong"])
def test_each_part_may_be_missing(missing: str, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # What is slow of a plot is tested below.
    monkeypatch.setattr(plots, "render_svg", lambda figure, name, label: f'<svg aria-label="{name}"></svg>')
    content = full_report()
    if how == "absent":
        del content[missing]
    else:
        content[missing] = None if how == "none" else ([] if isinstance(content[missing], dict) else {})
    assert Reader(page.render(as_report(content), candidates(2))).open == []


def test_parts_may_hold_nothing_but_none() -> None:
    def emptied(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: emptied(v) for k, v in value.items()}
        if isinstance(value, list):
            return [emptied(v) for v in value]
        return None

    assert Reader(page.render(as_report(emptied(full_report())), candidates(1))).open == []


def test_an_empty_report_and_an_empty_frame(tmp_path: Path) -> None:
    text = report.write(tmp_path, Report(), pd.DataFrame()).read_text(encoding="utf-8")
    shown = Reader(text).text
    assert "No candidate came through" in shown and "does not record where" in shown
    assert json.loads((tmp_path / "report.json").read_text()) == {}


def test_candidate_columns_may_be_missing_or_empty() -> None:
    frame = pd.DataFrame({"smiles": ["CCO", None, "C("], "logp_computed": [1.0, math.nan, None]})
    assert (
        Reader(page.render(as_report(full_report()), frame)).text.count("no drawing") == 4
    )  # the gallery and the table


def test_no_candidates_says_where_they_were_lost(tmp_path: Path) -> None:
    content = full_report()
    content["funnel"] = metrics.count_funnel([("requested", 100), ("unique", 12), ("novel", 0), ("within target", 0)])
    content["achieved"] = []
    shown = Reader(report.write(tmp_path, as_report(content), candidates(0)).read_text(encoding="utf-8")).text
    assert "lost at the stage novel: 0 of 12 remained" in shown
    assert "raise the temperature" in shown
    assert list(pd.read_csv(tmp_path / "candidates.csv").columns) == list(candidates().columns)


def test_only_the_first_hundred_are_drawn() -> None:
    frame = pd.concat([candidates(1)] * 120, ignore_index=True)
    text = page.render(as_report(full_report()), frame)
    assert text.count('<td class="structure"') == page.MOST_DRAWN
    assert "The first 100 of 120" in text


def test_a_page_of_a_front_tells_it_and_draws_no_single_best() -> None:
    content = full_report()
    content["request"]["constraints"] = ["no alert of pains"]
    content["request"]["objectives"].append({"property": "sa", "label": "SA", "aim": "low (a hit: at most 2)"})
    entry = {"property": "logp", "label": "logP", "points": [[1, 1.1], [2, 2.2], [3, 2.9]], "of": 3}
    searched = {"data": [[0, 0], [1, 1]], "calls": [[0, 0, 1], [1, 0, 2]], "path": [[0, 0, 1, 0.5], [1, 0, 2, 1.0]]}
    points = [[float(x), 10.0 - x] for x in range(10)] + [[1000.0, 9.0]]
    told = {
        "objectives": [{"property": "logp", "label": "logP"}, {"property": "sa", "label": "SA"}],
        "points": points, "front": points[:2], "size": 2, "of": 11,
    }  # fmt: skip
    content["optimization"] = {"map": searched, "front": told, "predictions": [entry], "calls": 11, "ended": "done"}
    frame = candidates()
    frame["score"] = [1.0, 1.0, 0.5, 0.5, 0.25]
    text = page.render(as_report(content), frame)
    shown = Reader(text).text
    assert shown.count("on the front") == 2 and "those on the Pareto front first" in shown
    assert "Constraints: no alert of pains." in shown and "60 of 80 candidates are not" in shown
    assert "SA (wanted: low)" in text and "logP (wanted: 2.5\u00a0±\u00a00.25)" in text
    assert not re.search(r">[\d,]*\d{4}</text>", str(draw_front("f", Front(**told), {})))  # the far one is outside
    assert "predicted against computed" in text and "The search in the latent space" in shown
    on_path, off = (draw_search_map("m", SearchMap(**searched), best=best) for best in (True, False))
    assert on_path and off and "var(--ink)" in on_path and "var(--ink)" not in off


def test_each_similarity_is_defined_by_its_fingerprint() -> None:
    content = full_report()
    content["request"]["constraints"] = ["ECFP4 similarity to CCO: at least 0.4"]
    frame = candidates().assign(similarity_to_measured=0.5)
    shown = Reader(page.render(as_report(content), frame)).text.split("Glossary")[-1]
    for fingerprint in (ECFP4_1024, ECFP4_2048, SIMULATED_COUNTS):
        assert fingerprint.description in shown
    without = Reader(page.render(as_report(full_report()), candidates())).text
    assert ECFP4_1024.description in without and ECFP4_2048.description in without
    assert SIMULATED_COUNTS.description not in without


def test_of_very_many_candidates_the_page_carries_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pd.concat([candidates(1)] * 12, ignore_index=True)
    text = page.render(as_report(full_report()), frame)
    assert "This page carries" not in text
    monkeypatch.setattr("pipeline.report.html.tool_page.MOST_CARRIED", 5)
    text = page.render(as_report(full_report()), frame)
    assert "This page carries the first 5 of 12 candidates" in text
    data = json.loads(text.partition('id="candidate-data">')[2].partition("</script>")[0])
    assert data["count"] == len(data["values"]["smiles"]) == 5
