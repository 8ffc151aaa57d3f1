"""The report in words: numbers as a chemist writes them, the verdict, the key figures, the glossary."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup

from pipeline.report.reading import number_of, rows, table

MISSING = "\N{EN DASH}"
_MINUS = "\N{MINUS SIGN}"

LOST_AT = {
    "decoded": "The decoder does not end its strings: train longer.",
    "valid": "Hardly any string is a molecule: train longer, or lower the temperature.",
    "unique": "The model repeats itself: raise the temperature, or train longer.",
    "novel": "The model repeats its training data: raise the temperature, or ask for more samples.",
    "alert-free": "Every molecule carries a structural alert: allow alerts (they are flags), or train on cleaner data.",
    "within target": "The target may lie outside the data: widen the tolerance, or ask for more samples.",
}

GLOSSARY = {
    "Active units": "Latent dimensions that say something about the molecule; the decoder ignores the others.",
    "Alert": "A substructure of the PAINS or BRENK lists, often behind false assay hits: a reason to look twice.",
    "Beta": "The weight of the KL term in the training loss; below 1 it favors reconstruction.",
    "Computed": "Calculated from the structure itself by RDKit.",
    "Coverage": "The share of held-out values inside the predictor's interval; it should equal what is promised.",
    "Desirability": "How welcome a value is, 0 to 1; a candidate's score is their geometric mean over the objectives.",
    "Distance to training": "In latent space; 1 is as far as molecules of the data typically lie from each other.",
    "Internal diversity": "One minus the mean Tanimoto similarity over all pairs (MOSES IntDiv); 0 is all alike.",
    "Kept training molecules": "Drawn by chance and stored with the model; where its data is not there, they stand for it "
    "as neighbors. The nearest of all may be nearer, and what is new beside them may be in the data.",
    "KL": "What the encoder knows of a molecule beyond the prior, in nats; near zero, the latent space is unused.",
    "Mean miss": "Mean absolute error (MAE): how far values lie from their target on average, in their own unit.",
    "Novel": "Not in the training data by InChIKey; stereo ignored: not even as another stereoisomer or charge state.",
    "Predicted": "Estimated by a model fitted to known values, with its standard deviation (±); not a measurement.",
    "QED": "Quantitative estimate of drug-likeness, from 0 to 1.",
    "Reconstruction": "The decoder's loss on a molecule given its own latent code, in nats; lower is better.",
    "SA": "Synthetic accessibility score, from 1 (easy) to 10 (hard).",
    "Scaffold": "The rings of a molecule and what links them (Bemis-Murcko).",
    "Similarity": "Tanimoto similarity of Morgan fingerprints (radius 2, 1024 bits); 1 is the same fingerprint.",
}


# -- numbers ---------------------------------------------------------------------------------------------------------


def number(value: Any, decimals: int | None = None) -> str:
    """For reading: three figures or so, thousands apart; a dash where there is no number.

    >>> number(1584663), number(0.84321), number(12.345), number(2.0, 2)
    ('1,584,663', '0.843', '12.3', '2.00')
    """
    known = number_of(value)
    if known is None:
        return MISSING
    if decimals is None:
        size = abs(known)
        if known == round(known) and size < 1e12:
            return f"{known:,.0f}".replace("-", _MINUS)
        if size < 1e-3:
            return f"{known:.1e}".replace("-", _MINUS)
        decimals = 0 if size >= 1000 else 1 if size >= 10 else 2 if size >= 1 else 3
    return f"{known:,.{decimals}f}".replace("-", _MINUS)


def percent(count: Any, of: Any) -> str:
    """A share for reading, never rounded up to all or down to none."""
    c, n = number_of(count), number_of(of)
    if c is None or not n:
        return MISSING
    share = 100 * c / n
    if share in (0, 100):
        return f"{share:.0f}\u00a0%"
    return f"{min(max(share, 0.1), 99.9):.{1 if share < 10 or share > 90 else 0}f}\u00a0%"


def decimals_for(values: Sequence[float], tolerance: float | None = None) -> int:
    """So many decimals that the spread of a column (or the tolerance asked for) shows in two figures."""
    if not values or all(v == round(v) for v in values):
        return 0
    spread = tolerance or (max(values) - min(values)) / 4 or abs(values[0]) or 1.0
    return min(4, max(0, 1 - math.floor(math.log10(spread))))


def duration(seconds: Any) -> str:
    """Seconds as a person says them.

    >>> duration(42), duration(150), duration(7500)
    ('42 s', '2 min 30 s', '2 h 5 min')
    """
    known = number_of(seconds)
    if known is None:
        return MISSING
    if known < 60:
        return f"{number(known, 0 if known >= 10 else 1)} s"
    minutes, rest = divmod(round(known), 60)
    hours, minutes_left = divmod(minutes, 60)
    return f"{hours} h {minutes_left} min" if hours else f"{minutes} min {rest} s"


def moment(value: Any) -> str:
    """A time of ISO 8601 as a person writes it, in UTC; other text as it is.

    >>> moment("2026-03-02T21:15:40+01:00"), moment("2026-03-02")
    ('2026-03-02 20:15 UTC', '2026-03-02')
    """
    text = str(value or "")
    try:
        known = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{known.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if known.tzinfo else text


def sentence(text: str, names: Collection[str] = ()) -> str:
    """A message with a capital first letter, unless it begins with one of the names or with something spelled its own way.

    >>> sentence("the target lies outside"), sentence("logp is missing", ["logp"]), sentence("pIC50 is missing")
    ('The target lies outside', 'logp is missing', 'pIC50 is missing')
    """
    first = text.split(" ", 1)[0].rstrip(":,")
    return text[:1].upper() + text[1:] if first.isalpha() and first.islower() and first not in names else text


# -- the verdict -----------------------------------------------------------------------------------------------------


def verdict(report: Mapping[str, Any], facts: Mapping[str, Any]) -> list[Markup]:
    """The run in a few sentences: candidates within target, novelty, diversity. Never validity, which is cheap.

    facts: candidates, within, flagged (counts over the candidates; within is None without objectives).
    """
    n = facts["candidates"]
    if not n:
        return _nothing_left(report)
    sentences = []
    wanted = number_of(table(report, "request").get("n"))
    short = Markup(" ({} were asked for)").format(number(wanted)) if wanted and wanted > n else Markup("")
    if facts["within"] is not None:
        sentences.append(
            Markup("<strong>{} of {}</strong> candidates meet every objective{}.").format(
                number(facts["within"]), number(n), short
            )
        )
    else:
        sentences.append(Markup("<strong>{}</strong> candidates, without an objective{}.").format(number(n), short))
    aware, blind = (table(table(report, "novelty"), key) for key in ("stereo_aware", "stereo_blind"))
    if number_of(aware.get("of")):
        text = Markup("Of {} distinct molecules made, <strong>{}</strong> are not in the training data").format(
            number(aware["of"]), percent(aware.get("count"), aware["of"])
        )
        if number_of(blind.get("of")):
            same = blind.get("count") == aware.get("count")
            share = Markup("{}").format(percent(blind.get("count"), blind["of"]))
            text += Markup(" ({} when stereo is ignored)").format("also" if same else share)
        sentences.append(text + ".")
    diversity = table(report, "diversity")
    if number_of(diversity.get("scaffolds")):
        text = Markup("The candidates spread over <strong>{} scaffolds</strong>").format(number(diversity["scaffolds"]))
        if number_of(diversity.get("internal_diversity")) is not None:
            text += Markup(", internal diversity {}").format(number(diversity["internal_diversity"], 2))
        sentences.append(text + ".")
    if facts["flagged"] is not None:
        words = {0: "None carries", 1: "One carries"}.get(facts["flagged"], f"{facts['flagged']:,} carry")
        sentences.append(Markup("{} a structural alert.").format(words))
    return sentences


def _nothing_left(report: Mapping[str, Any]) -> list[Markup]:
    stages = rows(report, "funnel")
    sentences = [Markup("<strong>No candidate came through.</strong>")]
    for stage in stages:
        if number_of(stage.get("count")) == 0:
            sentences.append(
                Markup("The molecules were lost at the stage <strong>{}</strong>: 0 of {} remained.").format(
                    stage.get("stage"), number(stage.get("of"))
                )
            )
            sentences.append(Markup("{}").format(LOST_AT.get(str(stage.get("stage")), "")))
            break
    else:
        sentences.append(Markup("The run does not record where the molecules were lost."))
    return [s for s in sentences if s]


def key_figures(report: Mapping[str, Any], facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The tiles under the verdict: label, value, what it is counted among, share in 0..1 or None."""
    n = facts["candidates"]
    aware = table(table(report, "novelty"), "stereo_aware")
    diversity = table(report, "diversity")
    tiles = [
        _tile("within target", facts["within"], n, "candidates"),
        _tile("novel", aware.get("count"), aware.get("of"), "distinct molecules made"),
        _tile("scaffolds", diversity.get("scaffolds"), diversity.get("of"), "candidates", bar=False),
        _tile("free of alerts", None if facts["flagged"] is None else n - facts["flagged"], n, "candidates"),
    ]
    return [t for t in tiles if t is not None]


def _tile(label: str, count: Any, of: Any, among: str, bar: bool = True) -> dict[str, Any] | None:
    c, n = number_of(count), number_of(of)
    if c is None or not n:
        return None
    return {"label": label, "value": number(c), "among": f"of {number(n)} {among}", "share": c / n if bar else None}
