"""report.html: gathers what the template shows. What the report lacks is left out, or said to be missing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from importlib import resources
from typing import Any

import pandas as pd
from markupsafe import Markup

from pipeline.report import optimization_page, plotted, wording
from pipeline.report.candidates import (
    Property,
    alerts_in,
    columns_in,
    hidden_in,
    properties_in,
    rows_in,
    truth,
)
from pipeline.report.reading import finite, number_of, table, texts
from pipeline.report.reading import rows as rows_of
from pipeline.report.wording import number

MOST_DRAWN = 100  # candidates in the page; the CSV and SDF files hold all
GALLERY = 8


def render(report: Mapping[str, Any], candidates: pd.DataFrame) -> str:
    """The whole page as text. `report` is report.json's content (strict JSON types), all of it optional."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    candidates = candidates.loc[:, ~candidates.columns.duplicated()]
    properties = properties_in(report)
    columns = columns_in(candidates, properties)
    rows = list(rows_in(candidates.head(MOST_DRAWN), columns))
    facts = _facts(candidates, properties)
    search = optimization_page.shown(report)
    words: Any = wording if search is None else optimization_page
    script = _resource("page.js")
    environment = Environment(
        loader=PackageLoader("pipeline.report", "."),
        autoescape=True,  # SMILES and the names of the user's columns are not to be trusted
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=number, duration=wording.duration, decimals=lambda v, d: number(v, d))
    environment.globals.update(percent=wording.percent, number_of=number_of, breakable=_breakable)
    return environment.get_template("template.html.j2").render(
        report=report,
        data=table(report, "dataset"),
        model=table(report, "model"),
        style=Markup(_resource("page.css")),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        created=wording.moment(report.get("created")),
        asked=[p for p in properties.values() if p.objective and p.aim],
        constraints=texts(table(report, "request"), "constraints"),
        verdict=words.verdict(report, facts),
        tiles=words.key_figures(report, facts),
        o=search,
        share_of=optimization_page.share_of,
        warnings=_warnings(report, properties),
        funnel=_funnel(report),
        drawn=_drawn(report),
        achieved=_achieved(report, properties),
        spread=_spread(report),
        columns=columns,
        hidden_columns=hidden_in(candidates, columns),
        rows=rows,
        gallery=rows[:GALLERY],
        score_decimals=max(2, wording.decimals_for(finite([row["score"] for row in rows]))),
        to_measured=any(row["to_measured"] is not None for row in rows),
        known_neighbors=any(row["similarity"] is not None for row in rows),
        kept_neighbors=number_of(report.get("kept_neighbors")),
        total=len(candidates),
        distributions=list(plotted.distributions(report, properties)),
        predictors=list(plotted.predictors(report, properties)),
        computed_too=plotted.computed_too(report, columns),
        training=plotted.training(report),
        map=plotted.latent_map(report, properties),
        provenance=_provenance(report),
        glossary=wording.GLOSSARY
        if search is None
        else dict(sorted({**wording.GLOSSARY, **optimization_page.GLOSSARY}.items())),
    )


def _resource(name: str) -> str:
    return (resources.files("pipeline.report") / name).read_text(encoding="utf-8")


def _breakable(name: str) -> Markup:
    """A long name with underscores, which a narrow column may break behind them."""
    return Markup("_<wbr>").join(name.split("_"))


def _facts(candidates: pd.DataFrame, properties: Mapping[str, Property]) -> dict[str, Any]:
    aimed = any(p.objective for p in properties.values())
    within = flagged = None
    if aimed and "within_target" in candidates:
        within = sum(bool(truth(v)) for v in candidates["within_target"])
    if "alerts" in candidates:
        flagged = sum(bool(alerts_in(a)) for a in candidates["alerts"])
    return {"candidates": len(candidates), "within": within, "flagged": flagged}


def _warnings(report: Mapping[str, Any], properties: Mapping[str, Property]) -> list[str]:
    given = [*texts(report, "warnings"), *texts(table(report, "training"), "warnings")]
    for entry in rows_of(report, "predictors"):
        r2 = number_of(entry.get("r2"))
        if r2 is not None and r2 < 0.3:
            given.append(
                f"The predictor of {entry.get('property')} explains little of it (R² {number(r2, 2)} on held-out "
                "molecules): take its values as a hint, not as a ranking."
            )
    return [wording.sentence(text, properties) for text in dict.fromkeys(given)]


# -- funnel, requested against achieved ------------------------------------------------------------------------------


def _funnel(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    stages = [s for s in rows_of(report, "funnel") if number_of(s.get("count")) is not None]
    widest = max((number_of(s.get("of")) or number_of(s["count"]) or 0 for s in stages), default=0) or 1
    return [
        {
            "stage": str(stage.get("stage") or ""),
            "explanation": str(stage.get("explanation") or ""),
            "count": stage["count"],
            "of": stage.get("of"),
            "first": i == 0,
            "width": 100 * (number_of(stage["count"]) or 0) / widest,
            "before": 100 * (number_of(stage.get("of")) or 0) / widest,
        }
        for i, stage in enumerate(stages)
    ]


def _drawn(report: Mapping[str, Any]) -> str:
    """How many strings were decoded for the molecules of the funnel's first stage; "" where none was drawn again."""
    share = table(report, "canonical")
    if not number_of(report.get("redraws")) or not number_of(share.get("of")):
        return ""
    return (
        f"A string that did not spell its molecule as the training data would was drawn again, up to {report['redraws']} "
        f"times: {wording.number(share['of'])} were decoded, {wording.percent(share['count'], share['of'])} of them so spelled."
    )


def _achieved(report: Mapping[str, Any], properties: Mapping[str, Property]) -> list[dict[str, Any]]:
    rows = {str(a.get("property")): a for a in rows_of(report, "achieved")}
    names = [n for n, p in properties.items() if p.objective or n in rows]
    found = []
    for name in names:
        row, known = rows.get(name, {}), properties[name]
        values = [v for v in (number_of(row.get("std")), number_of(row.get("mae"))) if v]
        found.append(
            {
                "property": known,
                "basis": row.get("basis") or (known.objective or {}).get("basis"),
                "decimals": wording.decimals_for([min(values) * 0.999]) if values else None,
                **{key: row.get(key) for key in ("of", "mean", "std", "mae", "within")},
                "sampled": table(row, "sampled"),
            }
        )
    return found


def _spread(report: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Novelty and diversity: (what, figure, counted among)."""
    rows = []
    made = "candidates" if table(report, "optimization") else "distinct molecules"
    for key, words in (("stereo_aware", "novel"), ("stereo_blind", "novel, stereo ignored")):
        share = table(table(report, "novelty"), key)
        if number_of(share.get("count")) is not None:
            fraction = wording.percent(share["count"], share.get("of"))
            among = f"of {number(share.get('of'))} {made} · {fraction}"
            rows.append((words, number(share["count"]), among))
    diversity = table(report, "diversity")
    among = f"of {number(diversity.get('of'))} candidates"
    if number_of(diversity.get("scaffolds")) is not None:
        rows.append(("distinct scaffolds", number(diversity["scaffolds"]), among))
    if number_of(diversity.get("internal_diversity")) is not None:
        rows.append(("internal diversity", number(diversity["internal_diversity"], 3), among))
    return rows


# -- provenance ------------------------------------------------------------------------------------------------------


def _provenance(report: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Groups of (name, value), without what the report does not hold."""
    data, model, request = (table(report, key) for key in ("dataset", "model", "request"))
    groups: dict[str, dict[str, Any]] = {
        "Run": {
            "run": report.get("run_id"),
            "created": wording.moment(report.get("created")),
            **_some(request, "strategy", "oracle", "oracle_calls", "aggregate", "samples", "temperature", "seed"),
            "machine": report.get("machine"),
        },
        "Data": _some(
            data, "name", "key", "rows", "accepted", "duplicates", "rejected", "train", "validation", "test",
            "licence", "citation",
        ),
        "Model": {
            **_some(model, "key", "parameters", "latent_size"),
            "vocabulary": ", ".join(f"{number(n)} {what}" for what, n in table(model, "vocabulary").items()),
            "conditions": ", ".join(texts(model, "conditions")),
            "training molecules": model.get("training_molecules"),
            "trained for": wording.duration(model["trained_seconds"]) if model.get("trained_seconds") else None,
        },
        "Time": {key: wording.duration(value) for key, value in table(report, "seconds").items()},
        "Versions": table(report, "versions"),
    }  # fmt: skip
    shown = {
        title: [(name, _plainly(name, value)) for name, value in items.items() if value not in (None, "")]
        for title, items in groups.items()
    }
    return [(title, items) for title, items in shown.items() if items]


def _some(data: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {key.replace("_", " "): data.get(key) for key in keys}


def _plainly(name: str, value: Any) -> str:
    """Ids and seeds as they are written; other numbers for reading."""
    if isinstance(value, str) or name in ("seed", "key", "run"):
        return str(value)
    return f"{value:g}" if isinstance(value, float) and abs(value) < 1000 else number(value)
