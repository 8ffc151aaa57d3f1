"""The report: one safe file that opens anywhere, and its data beside it, whatever is missing or hostile."""

from __future__ import annotations

import json
import math
import os
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem

from chem_vae import atomic_files
from pipeline import report
from pipeline.chemistry import metrics
from pipeline.chemistry.sdf_writer import sdf_text
from pipeline.report import optimization_plots, page, plots, reading, wording
from pipeline.report.candidates import Property, columns_in, properties_in

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
            "key": "abc", "parameters": 12345, "latent_size": 8, "conditions": ["logp"],
            "vocabulary": {"symbols": 4, "merges": 2},
            "figures": {"exact_reconstruction": 0.5, "exact_reconstruction_of": 500, "active_units": 6, "latent_size": 8},
        },
        "dataset": {"name": "tiny", "rows": 10, "accepted": 8, "duplicates": 1, "rejected": 1, "licence": "MIT"},
        "request": {
            "n": 10, "samples": 100, "strategy": "conditional", "temperature": 0.8, "seed": 0,
            "objectives": [objective],
        },
        "funnel": metrics.funnel(
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
        "versions": {"rdkit": "2026.9.1"}, "machine": "two cores", "seconds": {"train": 130.0},
    }  # fmt: skip


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return report.write(tmp_path_factory.mktemp("run"), full_report(), candidates())


def test_one_file_that_loads_nothing(written: Path) -> None:
    text = written.read_text(encoding="utf-8")
    read = Reader(text)
    assert read.open == []
    beside = {"candidates.csv", "candidates.sdf", "report.json"}
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
        "R²", "GP", "6 of 8", "2 min 10 s", "21 of 80", "0.70",
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
    assert f"computed values of logP: {words}" in Reader(page.render(content, candidates())).text


def test_every_color_is_that_of_each_theme(written: Path) -> None:
    text = written.read_text(encoding="utf-8")
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style
    themes = re.findall(r":root \{(.*?)\}", style.group(1), re.DOTALL)
    defined = [set(re.findall(r"(--[\w-]+):", theme)) for theme in themes]
    used = set(re.findall(r"var\((--[\w-]+)\)", text))
    assert len(defined) == 3 and {"--scale-0", "--scale-8", "--candidates"} <= used
    assert all(used <= theme for theme in defined)
    assert not re.search(r"(?:stroke|fill):\s*#", text.split("</style>")[1])  # a fixed color is lost on one ground


def test_a_property_is_shown_as_computed_or_as_predicted(written: Path) -> None:
    columns = columns_in(candidates(), properties_in(full_report()))
    assert [(c.property.name, c.basis, c.spread) for c in columns] == [
        ("logp", "computed", None), ("pIC50", "predicted", "pIC50_predicted_std"),
    ]  # fmt: skip
    header = re.search(r"<th class=\"n predicted\">.*?</th>", written.read_text(encoding="utf-8"))
    assert header and "pIC50" in header.group(0)


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
    text = report.write(tmp_path, content, frame).read_text(encoding="utf-8")
    read = Reader(text)
    assert text.count("<script>") == read.tags.count("script") == 1
    assert "img" not in read.tags and not read.handlers
    assert 'alert("x")' in read.text  # shown as text
    assert (tmp_path / "report.json").exists() and (tmp_path / "candidates.sdf").read_text() == ""


def test_the_script_is_the_one_that_the_policy_allows(written: Path) -> None:
    import base64
    import hashlib

    text = written.read_text(encoding="utf-8")
    script = re.search(r"<script>(.*?)</script>", text, re.DOTALL)
    assert script
    digest = base64.b64encode(hashlib.sha256(script.group(1).encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in text


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
    assert Reader(page.render(atomic_files.plain(content), candidates(2))).open == []


def test_parts_may_hold_nothing_but_none() -> None:
    def emptied(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: emptied(v) for k, v in value.items()}
        if isinstance(value, list):
            return [emptied(v) for v in value]
        return None

    assert Reader(page.render(emptied(full_report()), candidates(1))).open == []


def test_an_empty_report_and_an_empty_frame(tmp_path: Path) -> None:
    text = report.write(tmp_path, {}, pd.DataFrame()).read_text(encoding="utf-8")
    shown = Reader(text).text
    assert "No candidate came through" in shown and "does not record where" in shown
    assert json.loads((tmp_path / "report.json").read_text()) == {}


def test_candidate_columns_may_be_missing_or_empty() -> None:
    frame = pd.DataFrame({"smiles": ["CCO", None, "C("], "logp_computed": [1.0, math.nan, None]})
    assert Reader(page.render(full_report(), frame)).text.count("no drawing") == 4  # the gallery and the table


def test_no_candidates_says_where_they_were_lost(tmp_path: Path) -> None:
    content = full_report()
    content["funnel"] = metrics.funnel([("requested", 100), ("unique", 12), ("novel", 0), ("within target", 0)])
    content["achieved"] = []
    shown = Reader(report.write(tmp_path, content, candidates(0)).read_text(encoding="utf-8")).text
    assert "lost at the stage novel: 0 of 12 remained" in shown
    assert "raise the temperature" in shown
    assert list(pd.read_csv(tmp_path / "candidates.csv").columns) == list(candidates().columns)


# -- the files beside the page -----------------------------------------------------------------------------------------


def test_the_json_is_strict_and_comes_back(tmp_path: Path) -> None:
    content = full_report()
    content["achieved"][0]["mae"] = math.nan
    content["diversity"] = {"internal_diversity": np.float32(0.5), "scaffolds": np.int64(4), "of": 5}
    content["latent_map"]["data"] = np.array([[0.5, math.inf]])
    content["seconds"] = {"train": math.inf, 7: Path("x"), "unicode": "Å\u2028"}
    report.write(tmp_path, content, candidates())

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    back = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"), parse_constant=refuse)
    assert back["achieved"][0]["mae"] is None
    assert back["diversity"] == {"internal_diversity": 0.5, "scaffolds": 4, "of": 5}
    assert back["latent_map"]["data"] == [[0.5, None]]
    assert back["seconds"] == {"train": None, "7": "x", "unicode": "Å\u2028"}
    assert back["training"] == content["training"] and list(back) == list(content)


def test_the_sdf_holds_the_same_molecules_and_all_columns(written: Path) -> None:
    mols = list(Chem.SDMolSupplier(str(written.parent / "candidates.sdf")))
    assert [Chem.MolToSmiles(m) for m in mols] == [Chem.CanonSmiles(s) for s in SMILES]
    assert [m.GetProp("_Name") for m in mols] == [f"night-7-{i:03d}" for i in range(1, 6)]
    assert all(set(candidates().columns) <= set(m.GetPropNames()) for m in mols)
    assert float(mols[2].GetProp("pIC50_predicted")) == pytest.approx(8.1)
    assert mols[0].GetProp("alerts") == "" and mols[3].GetProp("alerts").startswith("PAINS")
    atoms = mols[0].GetConformer()
    assert not atoms.Is3D() and atoms.GetPositions().std() > 0.5


def test_an_sd_property_cannot_end_its_record() -> None:
    frame = candidates(2)
    frame["a\n>  <note>"] = ["one\n\n$$$$\ntwo", "$$$$"]
    frame["gap"] = [math.nan, 1.0]
    supplier = Chem.SDMolSupplier()
    supplier.SetData(sdf_text(frame, "run"))
    mols = list(supplier)
    assert len(mols) == 2 and None not in mols
    assert mols[0].GetProp("a_  _note_") == "one $$$$ two" and mols[1].GetProp("a_  _note_").strip() == "$$$$"
    assert not mols[0].HasProp("gap") and mols[1].GetProp("gap") == "1.0"


def test_the_csv_comes_back(written: Path) -> None:
    back = pd.read_csv(written.parent / "candidates.csv", keep_default_na=False)
    pd.testing.assert_frame_equal(back, candidates(), check_dtype=False)


def test_the_page_is_written_last_and_nothing_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        report.write(tmp_path, full_report(), candidates())
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    order: list[str] = []
    write_text = atomic_files.write_text

    def noting(path: Path, text: str) -> Path:
        order.append(path.name)
        return write_text(path, text)

    monkeypatch.setattr(atomic_files, "write_text", noting)
    assert report.write(tmp_path, full_report(), candidates()) == tmp_path / "report.html"
    assert order[-1] == "report.html"
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(order)


def test_only_the_first_hundred_are_drawn() -> None:
    frame = pd.concat([candidates(1)] * 120, ignore_index=True)
    text = page.render(full_report(), frame)
    assert text.count('<td class="structure"') == page.MOST_DRAWN
    assert "The first 100 of 120" in text


# -- plots, words --------------------------------------------------------------------------------------------


def test_plots_bear_odd_data() -> None:
    odd = [None, "x", math.nan, math.inf, 1.0, True]
    assert reading.finite(odd) == [1.0]
    assert reading.pairs([[1, 2], [None, 1], "ab", [1], 3]) == [(1.0, 2.0)]
    assert plots.distribution("a", {"data": [1.0] * 20, "candidates": odd}, None) is not None  # no spread at all
    assert plots.distribution("a", {"data": [None]}, None) is None
    assert plots.parity("a", [[1, 1], [2, None]], "x") is None
    assert plots.calibration("a", {"0.5": None, "x": 1}) is None
    assert plots.training_curve("a", [{"step": 1}], [], "kl", "KL") is None
    assert plots.training_curve("a", [{"step": 1, "kl": 0}, {"step": 2, "kl": 0}], [], "kl", "KL") is not None
    assert plots.kl_per_dimension("a", None) is None
    assert plots.latent_map("a", None) is None
    assert plots.latent_map("a", {"candidates": [[0, 0]]}) is not None


def test_a_steep_start_does_not_set_the_scale() -> None:
    history = [{"step": i, "kl": 5000.0 if i == 0 else 2.0} for i in range(100)]
    ticks = re.findall(r">([\d.]+)</text>", str(plots.training_curve("a", history, [], "kl", "KL")))
    assert "2.0" in ticks and not {t for t in ticks if float(t) > 100}


def test_values_beyond_the_frame_make_no_bar_at_its_edge() -> None:
    data = [0.0, 1.0] * 200
    inside, beyond = (plots.distribution("a", {"data": values}, None) for values in (data, [*data, 1e6]))
    assert inside == beyond


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
    text = page.render(content, frame)
    shown = Reader(text).text
    assert shown.count("on the front") == 2 and "those on the Pareto front first" in shown
    assert "Constraints: no alert of pains." in shown and "60 of 80 candidates are not" in shown
    assert "SA (wanted: low)" in text and "logP (wanted: 2.5\u00a0±\u00a00.25)" in text
    assert not re.search(r">[\d,]*\d{4}</text>", str(optimization_plots.front("f", told)))  # the far one is outside
    assert "predicted against computed" in text and "The search in the latent space" in shown
    on_path, off = (optimization_plots.search_map("m", searched, best=best) for best in (True, False))
    assert on_path and off and "var(--ink)" in on_path and "var(--ink)" not in off


def test_plots_repeat_to_the_byte_and_leave_matplotlib_as_it_was() -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    first, second = (plots.kl_per_dimension("k", [1.0, 0.5]) for _ in range(2))
    assert first == second and "var(--samples)" in str(first) and "#0000" not in str(first)
    assert dict(matplotlib.rcParams) == before


def test_aims_become_intervals() -> None:
    assert plots.aim_bounds({"target": 2.5, "tolerance": 0.25}) == (2.25, 2.75)
    assert plots.aim_bounds({"low": 1, "high": None}) == (1.0, None)
    assert plots.aim_bounds(None) == (None, None)


def test_numbers_for_reading() -> None:
    assert [wording.number(v) for v in (1584663, 0.84321, 12.345, -3.2, 0.0, 2e-5, None, "x")] == [
        "1,584,663", "0.843", "12.3", f"{MINUS}3.20", "0", f"2.0e{MINUS}05", DASH, DASH,
    ]  # fmt: skip
    assert wording.moment("2026-03-02T21:15:40+01:00") == "2026-03-02 20:15 UTC" and wording.moment("soon") == "soon"
    told = ("the data is small", "logp: missing", "pIC50 is far", "", "<b>")
    assert [wording.sentence(text, ["logp"]) for text in told] == ["The data is small", *told[1:]]
    assert Property("x", "x", aim="high, ranked by the value itself (a hit: at least 1)").brief == "high"
    shares = ((0, 5), (5, 5), (9999, 10000), (1, 100000), (1, 3), (1, 0))
    assert [wording.percent(*share).replace("\u00a0", " ") for share in shares] == [
        "0 %", "100 %", "99.9 %", "0.1 %", "33 %", DASH,
    ]  # fmt: skip
    spoken = [wording.duration(s) for s in (3.21, 42, 150, 7500, None)]
    assert spoken == ["3.2 s", "42 s", "2 min 30 s", "2 h 5 min", DASH]
    assert wording.decimals_for([300.12, 350.4]) == 0 and wording.decimals_for([2.4, 2.6], tolerance=0.25) == 2
