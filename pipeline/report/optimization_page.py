"""What the page shows of an optimization: in words, tiles and tables; the plots are `optimization_plots`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from pipeline.report import drawings, optimization_plots, plots, wording
from pipeline.report.candidates import drawn
from pipeline.report.reading import finite, number_of, pairs, rows, table
from pipeline.report.wording import number, percent

MOST_ORIGINS = 12  # rows of the table; strategies with restarts have many centers
GLOSSARY = {
    "Best ten": "The mean score of the ten best molecules so far: steadier than the single best.",
    "Hypervolume": "How much of the objectives' space the front dominates, measured from a fixed worst point; more is better.",
    "Oracle": "Whoever scores: a computed property, a function or a program of yours. Each molecule is asked about once.",
    "Origin": "The move or the center of the search that proposed a molecule.",
    "Pareto front": "The molecules that no other one beats in every objective.",
}


def shown(report: Mapping[str, Any]) -> dict[str, Any] | None:
    """Everything of report.json's `optimization` that the template shows; None for a report without."""
    told = table(report, "optimization")
    if not told:
        return None
    origins = rows(told, "origins")
    decimals = _decimals(told)
    return {
        "plots": {key: drawn(svg) for key, svg in optimization_plots.curves(report).items()},
        "front": _front(told),
        "origins": origins[:MOST_ORIGINS],
        "more_origins": len(origins) - MOST_ORIGINS,
        "decimals": decimals,
        "constraints": _constraints(report, told),
        "drafts": number_of(told.get("drafts")),
        "failures": rows(told, "failures"),
        "predictions": [
            {**{key: entry.get(key) for key in ("label", "unit", "r2", "mae", "of")}, "svg": _parity(i, entry)}
            for i, entry in enumerate(rows(told, "predictions"))
            if number_of(entry.get("of"))
        ],
        "lineages": [_lineage(chain) for chain in told.get("lineages") or () if isinstance(chain, list)],
        "records": number_of(table(told, "map").get("records")),
        "placed": table(table(told, "map"), "placed"),
        "ended": str(told.get("ended") or ""),
        "asked": {
            "strategy": table(report, "request").get("strategy"),
            "oracle": table(report, "request").get("oracle"),
        },
        "seconds": [(name, wording.duration(value)) for name, value in table(told, "seconds").items()],
    }


def _parity(i: int, entry: Mapping[str, Any]) -> Markup | None:
    known, label = f"{entry.get('label')}, computed", "predicted against computed values"
    return drawn(plots.parity(f"pc{i}", entry.get("points"), known, label))


def _decimals(told: Mapping[str, Any]) -> int:
    """Of scores: so many that the last steps of the best ten show."""
    values = [
        row[1] for row in pairs([[r[0], r[2]] for r in told.get("curve") or () if isinstance(r, list) and len(r) > 2])
    ]
    return max(2, wording.decimals_for(values[len(values) // 4 :])) if values else 2


def _front(told: Mapping[str, Any]) -> dict[str, Any]:
    front = table(told, "front")
    return {"size": front.get("size"), "of": front.get("of")} if number_of(front.get("of")) else {}


def _constraints(report: Mapping[str, Any], told: Mapping[str, Any]) -> list[dict[str, Any]]:
    refused = {str(row.get("constraint")): row for row in rows(told, "constraints")}
    asked = [str(text) for text in table(report, "request").get("constraints") or ()]
    return [{"constraint": text, **{k: refused.get(text, {}).get(k) for k in ("count", "of")}} for text in asked]


def _lineage(chain: list[Any]) -> list[dict[str, Any]]:
    steps = [dict(step) for step in chain if isinstance(step, Mapping)]
    for step in steps:
        smiles = step.get("smiles")
        step["drawing"] = drawn(drawings.draw_molecule(smiles if isinstance(smiles, str) else None, 170, 110, 17.0))
    return steps


# -- in words --------------------------------------------------------------------------------------------------------


def verdict(report: Mapping[str, Any], facts: Mapping[str, Any]) -> list[Markup]:
    """The run in a few sentences: what the calls bought, hits, novelty, diversity, why it stopped."""
    told = table(report, "optimization")
    calls = number_of(told.get("calls")) or 0
    if not facts["candidates"]:
        return [
            Markup("<strong>No molecule was scored</strong> in {} oracle calls.").format(number(calls)),
            Markup("Stopped: {}.").format(told.get("ended")),
        ]
    sentences = []
    front = table(told, "front")
    if number_of(front.get("size")):
        sentences.append(
            Markup(
                "<strong>{} molecules</strong> of the {} scored form the Pareto front after {} oracle calls."
            ).format(number(front["size"]), number(front.get("of")), number(calls))
        )
    else:
        places = _decimals(told)
        sentences.append(
            Markup(
                "The best ten average <strong>{}</strong> after {} oracle calls; the best molecule scores {}."
            ).format(number(_best_ten(told), places), number(calls), number(told.get("best"), places))
        )
    if facts["within"] is not None:
        sentences.append(
            Markup("{} of {} candidates meet every objective.").format(
                number(facts["within"]), number(facts["candidates"])
            )
        )
    aware = table(table(report, "novelty"), "stereo_aware")
    if number_of(aware.get("of")):
        sentences.append(
            Markup("{} of {} candidates are not in the training data.").format(
                number(aware.get("count")), number(aware["of"])
            )
        )
    diversity = table(report, "diversity")
    if number_of(diversity.get("scaffolds")):
        sentences.append(Markup("The candidates spread over {} scaffolds.").format(number(diversity["scaffolds"])))
    sentences.append(Markup("Stopped: {}.").format(told.get("ended")))
    return sentences


def key_figures(report: Mapping[str, Any], facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The tiles under the verdict."""
    told = table(report, "optimization")
    calls, budget = number_of(told.get("calls")), number_of(told.get("budget"))
    tiles: list[dict[str, Any]] = []
    if number_of(table(told, "front").get("size")):
        front = table(told, "front")
        tiles.append(_tile("Pareto front", number(front["size"]), f"of {number(front.get('of'))} scored molecules"))
    elif (ten := _best_ten(told)) is not None:
        tiles.append(
            _tile("best ten", number(ten, _decimals(told)), f"best {number(told.get('best'), _decimals(told))}")
        )
    if calls is not None and budget:
        tiles.append(_tile("oracle calls", number(calls), f"of {number(budget)} allowed", min(1.0, calls / budget)))
    n = facts["candidates"]
    if facts["within"] is not None and n:
        tiles.append(_tile("within target", number(facts["within"]), f"of {number(n)} candidates", facts["within"] / n))
    aware, diversity = table(table(report, "novelty"), "stereo_aware"), table(report, "diversity")
    if number_of(aware.get("of")):
        among = f"of {number(aware['of'])} candidates"
        tiles.append(_tile("novel", number(aware.get("count")), among, aware["count"] / aware["of"]))
    if number_of(diversity.get("of")):
        tiles.append(_tile("scaffolds", number(diversity.get("scaffolds")), f"of {number(diversity['of'])} candidates"))
    if facts["flagged"] is not None and n:
        free = n - facts["flagged"]
        tiles.append(_tile("free of alerts", number(free), f"of {number(n)} candidates", free / n))
    return tiles


def _best_ten(told: Mapping[str, Any]) -> float | None:
    last = [row for row in told.get("curve") or () if isinstance(row, list) and len(row) > 2][-1:]
    return number_of(last[0][2]) if last else None


def _tile(label: str, value: str, among: str, share: float | None = None) -> dict[str, Any]:
    return {"label": label, "value": value, "among": among, "share": share}


def share_of(count: Any, of: Any) -> str:
    """ "12 of 300 · 4 %", or a dash."""
    if number_of(count) is None or not number_of(of):
        return wording.MISSING
    return f"{number(count)} of {number(of)} · {percent(count, of)}"


def widest(rows_of: list[dict[str, Any]], key: str) -> float:
    """The largest of a column, for bars."""
    return max(finite([row.get(key) for row in rows_of]), default=0.0) or 1.0
