"""The page's plots with what stands beside them: distributions, predictors, training, the map of the latent space."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from pipeline.models.predictor_wording import describe_choice
from pipeline.report import plots, wording
from pipeline.report.candidates import Column, Property, drawn
from pipeline.report.reading import finite, number_of, table
from pipeline.report.reading import rows as rows_of
from pipeline.report.wording import number


def distributions(report: Mapping[str, Any], properties: Mapping[str, Property]) -> Iterator[dict[str, Any]]:
    entries = rows_of(report, "distributions")
    drawn_already = {str(entry.get("property")) for entry in entries}
    entries += [
        o for o in rows_of(table(report, "request"), "objectives") if str(o.get("property")) not in drawn_already
    ]
    for i, entry in enumerate(entries):  # an objective without values shows at least how desirable they would be
        known = properties.get(str(entry.get("property")))
        svg = plots.distribution(f"d{i}", entry, known.objective if known else None)
        if known and svg:
            yield {"property": known, "basis": entry.get("basis"), "svg": drawn(svg), "of": _counted(report, entry)}


def _counted(report: Mapping[str, Any], entry: Mapping[str, Any]) -> str:
    """Of how many molecules each curve of a distribution is."""
    samples = "molecules asked about" if table(report, "optimization") else "distinct molecules made"
    words = (("data", "training molecules"), ("samples", samples), ("candidates", "candidates"))
    counts = [(len(finite(entry.get(key))), table(entry, "of").get(key), what) for key, what in words]
    return ", ".join(
        f"{number(n)} {f'of {number(all_)} ' if isinstance(all_, int) and all_ > n else ''}{what}"
        for n, all_, what in counts
        if n
    )


def computed_too(report: Mapping[str, Any], columns: Sequence[Column]) -> str:
    """The properties with a predictor whose values on the page are computed all the same."""
    predicted = {str(entry.get("property")) for entry in rows_of(report, "predictors")}
    labels = [c.property.label for c in columns if c.basis == "computed" and c.property.name in predicted]
    return " and ".join([", ".join(labels[:-1]), labels[-1]] if len(labels) > 1 else labels)


def latent_map(report: Mapping[str, Any], properties: Mapping[str, Property]) -> Markup | None:
    latent = table(report, "latent_map")
    known = properties.get(str(latent.get("color_property")))
    return drawn(plots.latent_map("map", latent, known.label if known else ""))


def predictors(report: Mapping[str, Any], properties: Mapping[str, Property]) -> Iterator[dict[str, Any]]:
    for i, entry in enumerate(rows_of(report, "predictors")):
        known = properties.get(str(entry.get("property"))) or Property("", "property")
        yield {
            "property": known,
            **{key: entry.get(key) for key in ("method", "n_train", "n_test", "r2", "mae", "rmse")},
            "choice": describe_choice(entry["compared"]) if isinstance(entry.get("compared"), Mapping) else None,
            "parity": drawn(plots.parity(f"p{i}", entry.get("parity"), f"{known.label}, held-out value")),
            "calibration": drawn(plots.calibration(f"c{i}", entry.get("coverage"))),
        }


_CURVES = (
    ("reconstruction", "reconstruction, nats"),
    ("without_z", "without z, nats"),
    ("kl", "KL, nats"),
    ("active_units", "active units"),
    ("beta", "beta"),
    ("exact_reconstruction", "exact reconstruction"),
)


def training(report: Mapping[str, Any]) -> dict[str, Any]:
    told = table(report, "training")
    history, validation = rows_of(told, "history"), rows_of(told, "validation")
    curves = [
        {
            "label": label,
            "svg": drawn(plots.training_curve(f"t{i}", history, validation, key, label, key in _IN_PERCENT)),
        }
        for i, (key, label) in enumerate(_CURVES)
    ]
    return {
        "curves": [c for c in curves if c["svg"]],
        "kl": drawn(plots.kl_per_dimension("k", told.get("kl_per_dimension"))),
        "figures": list(_figures(table(table(report, "model"), "figures"))),
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


def _figures(figures: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The model's figures with their units; those of unknown name as they are."""
    latent = number_of(figures.get("latent_size"))
    for name, value in figures.items():
        if number_of(value) is None or name in ("step", "molecules", "latent_size", "exact_reconstruction_of"):
            continue
        if name in _IN_PERCENT:
            of = number_of(figures.get(f"{name}_of"))
            yield _IN_PERCENT[name], wording.percent(value, 1) + (f" of {number(of)}" if of else "")
        elif name in _IN_NATS:
            yield _IN_NATS[name], f"{number(value)} nats"
        elif name == "active_units" and latent:
            yield "active units", f"{number(value)} of {number(latent)}"
        else:
            yield name.replace("_", " "), number(value)
