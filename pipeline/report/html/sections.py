"""The sections of the page that every run has: warnings, achieved values, plots with their captions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from markupsafe import Markup

from pipeline.models.description.predictor_wording import describe_choice
from pipeline.report.candidate_table import Column, mark_safe
from pipeline.report.facts.asked_and_found import Distribution
from pipeline.report.html import plots
from pipeline.report.model import Report
from pipeline.report.read_first import split_warnings
from pipeline.report.shown_properties import PREDICTED, ShownProperty
from pipeline.report.tables import list_warnings
from pipeline.workspace.presentation.formatting import (
    capitalize,
    count_decimals,
    count_things,
    format_number,
    format_percent,
    format_probability,
    is_number,
)
from pipeline.workspace.presentation.intervals import measure_mean_interval

WEAK_R2 = 0.3

_CURVES = {
    "reconstruction": "reconstruction, nats",
    "without_z": "without z, nats",
    "kl": "KL, nats",
    "active_units": "active units",
    "beta": "beta",
    "exact_reconstruction": "exact reconstruction",
}
_IN_PERCENT = {
    "exact_reconstruction": "exact reconstruction",
    "prior_valid": "prior samples valid",
    "prior_unique": "unique",
    "prior_novel": "novel",
}
_IN_NATS = {
    "reconstruction": "reconstruction",
    "without_z": "without z",
    "unconditioned": "without z or conditions",
    "kl": "KL",
    "loss": "loss",
}


def choose_warnings(report: Report, properties: Mapping[str, ShownProperty]) -> tuple[list[str], list[str]]:
    """Choose what is to be read first, five sentences at most; the rest are notes."""
    first, notes = split_warnings(report, collect_warnings(report))
    return [capitalize(text, properties) for text in first], [capitalize(text, properties) for text in notes]


def collect_warnings(report: Report) -> list[str]:
    """Collect the warnings of the run, of the training and of weak predictors, each once."""
    given = [*list_warnings(report), *report.training.warnings]
    for entry in report.predictors:
        is_told = any(f"predictor of {entry.property} is weak" in text for text in given)  # by the training
        if entry.r2 is not None and entry.r2 < WEAK_R2 and not is_told and not entry.classification:
            given.append(
                f"the predictor of {entry.property} explains little of it (R² {format_number(entry.r2, 2)} on held-out "
                "molecules): take its values as a hint, not as a ranking."
            )
    return list({text[:1].lower() + text[1:]: text for text in reversed(given) if text}.values())[::-1]


def make_achieved(report: Report, properties: Mapping[str, ShownProperty]) -> list[dict[str, Any]]:
    """Return a row for each property with an objective or with achieved values, with the decimals that its numbers need."""
    rows = []
    for row in report.requested_and_achieved():
        sizes = [v for v in (row.std, row.mae) if v]
        decimals = count_decimals(row.mean or 0.0, min(sizes)) if sizes else None
        if row.property:
            log = properties[row.property].logarithm
            raw = f"{log.column} {log.write(row.mean)}" if log and row.mean is not None else ""
            known = properties[row.property]
            is_chance = known.is_probability(row.basis)
            rows.append(
                {
                    "row": row,
                    "property": known,
                    "basis": known.name_basis(row.basis),
                    "is_predicted": row.basis == PREDICTED,
                    "decimals": decimals,
                    "raw": raw,
                    "write": format_probability if is_chance else partial(format_number, decimals=decimals),
                    "spread": format_percent(row.std, 1) if is_chance else format_number(row.std, decimals),
                    "interval": known.clip(measure_mean_interval(row.mean, row.std, row.of), row.basis),
                }
            )
    return rows


# -- plots with what stands beside them --------------------------------------------------------------------------------


def make_distributions(report: Report, properties: Mapping[str, ShownProperty]) -> Iterator[dict[str, Any]]:
    """Return the plots of distributions; an objective without values shows at least how desirable they would be."""
    drawn = {entry.property for entry in report.distributions}
    others = [
        Distribution(property=o.property, basis=o.basis) for o in report.request.objectives if o.property not in drawn
    ]
    for i, entry in enumerate([*report.distributions, *others]):
        known = properties.get(entry.property)
        svg = plots.draw_distribution(f"d{i}", entry, known.objective if known else None)
        if known and svg:
            yield {
                "property": known,
                "basis": known.name_basis(entry.basis),
                "svg": mark_safe(svg),
                "of": _count_values(report, entry),
            }


def _count_values(report: Report, entry: Distribution) -> str:
    """Return the number of molecules behind each curve of a distribution, in words."""
    samples, origin = ("molecule", " asked about") if report.optimization else ("distinct molecule", " made")
    if report.library:
        samples, origin = "best molecule", " of the library"
    curves = (
        (entry.data, entry.of.get("data"), "training molecule", ""),
        (entry.samples, entry.of.get("samples"), samples, origin),
        (entry.candidates, None, "candidate", ""),
    )
    told = []
    for values, of, what, behind in curves:
        if n := len(plots.to_values(values)):
            told.append((f"{n:,} of {count_things(of, what)}" if of and of > n else count_things(n, what)) + behind)
    return ", ".join(told)


def name_computed_despite_predictor(report: Report, columns: Sequence[Column]) -> str:
    """Return the labels of properties that have a predictor, and whose values on the page are computed."""
    predicted = {entry.property for entry in report.predictors}
    labels = [c.property.label for c in columns if c.basis == "computed" and c.property.name in predicted]
    return " and ".join([", ".join(labels[:-1]), labels[-1]] if len(labels) > 1 else labels)


def draw_latent_map(report: Report, properties: Mapping[str, ShownProperty]) -> Markup | None:
    """Return the map of the latent space; None for a report without one."""
    if report.latent_map is None:
        return None
    known = properties.get(report.latent_map.color_property or "")
    return mark_safe(plots.draw_latent_map("map", report.latent_map, known.label if known else ""))


def make_predictors(report: Report, properties: Mapping[str, ShownProperty]) -> Iterator[dict[str, Any]]:
    """Return the predictors with their figures and plots."""
    for i, entry in enumerate(report.predictors):
        known = properties.get(entry.property) or ShownProperty("", "property")
        two = entry.classification
        yield {
            "figures": entry,
            "property": known,
            "choice": describe_choice(entry.compared) if entry.compared else None,
            "parity": None
            if two
            else mark_safe(plots.draw_parity(f"p{i}", entry.parity, f"{known.label}, held-out value")),
            "calibration": mark_safe(
                plots.draw_reliability(f"c{i}", two["calibration"])
                if two
                else plots.draw_calibration(f"c{i}", entry.coverage)
            ),
        }


def make_rounds(report: Report, properties: Mapping[str, ShownProperty]) -> dict[str, Any] | None:
    """Return the rounds before this one, and for each property predictions against measurements; None without a round."""
    if not report.rounds:
        return None
    rows = []
    for entry in report.rounds:
        known = properties.get(entry.property) or ShownProperty(entry.property)
        write = format_probability if known.is_probability(PREDICTED) else format_number
        interval = known.clip(entry.found_interval, PREDICTED)
        rows.append({"round": entry, "predicted": write(entry.predicted), "interval": interval})
    points: dict[str, list[Any]] = {}
    for entry in report.rounds:
        points.setdefault(entry.label or entry.property, []).extend(entry.points)
    drawn = [
        plots.draw_parity(f"r{i}", rows, f"{name}, measured since") for i, (name, rows) in enumerate(points.items())
    ]
    return {"rows": rows, "plots": [mark_safe(svg) for svg in drawn if svg]}


def make_training(report: Report) -> dict[str, Any]:
    """Return the training curves, the KL of each latent dimension, and the model's figures."""
    curves = [
        mark_safe(plots.draw_training_curve(f"t{i}", report.training, key, label, key in _IN_PERCENT))
        for i, (key, label) in enumerate(_CURVES.items())
    ]
    return {
        "curves": [svg for svg in curves if svg],
        "kl": mark_safe(plots.draw_kl_per_dimension("k", report.training.kl_per_dimension)),
        "figures": list(_format_figures(report.model.figures)),
    }


def _format_figures(figures: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Return the model's figures with their units; those of unknown name as they are."""
    latent = figures.get("latent_size")
    for name, value in figures.items():
        if not is_number(value) or name in ("step", "molecules", "latent_size", "exact_reconstruction_of"):
            continue
        if name in _IN_PERCENT:
            of = figures.get(f"{name}_of")
            yield _IN_PERCENT[name], format_percent(value, 1) + (f" of {format_number(of)}" if is_number(of) else "")
        elif name in _IN_NATS:
            yield _IN_NATS[name], f"{format_number(value)} nats"
        elif name == "active_units" and latent:
            yield "active units", f"{format_number(value)} of {format_number(latent)}"
        else:
            yield name.replace("_", " "), format_number(value)
