"""The results of the benchmark in Markdown, beside published ones."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

COLUMNS = {
    "valid": "Valid",
    "unique@1000": "U@1k",
    "unique@10000": "U@10k",
    "FCD/Test": "FCD Test",
    "FCD/TestSF": "FCD TestSF",
    "SNN/Test": "SNN Test",
    "SNN/TestSF": "SNN TestSF",
    "Frag/Test": "Frag Test",
    "Scaf/Test": "Scaf Test",
    "Scaf/TestSF": "Scaf TestSF",
    "IntDiv": "IntDiv",
    "IntDiv2": "IntDiv2",
    "Filters": "Filters",
    "Novelty": "Novelty",
}
"""The metrics that were published, with their headings, in the published order."""
PUBLISHED: dict[str, tuple[float | None, ...]] = {
    "Train": (1, 1, 1, 0.008, 0.4755, 0.6419, 0.5859, 1, 0.9907, 0, 0.8567, 0.8508, 1, None),
    "CharRNN": (0.9748, 1, 0.9994, 0.0732, 0.5204, 0.6015, 0.5649, 0.9998, 0.9242, 0.1101, 0.8562, 0.8503, 0.9943, 0.8419),
    "VAE": (0.9767, 1, 0.9984, 0.099, 0.567, 0.6257, 0.5783, 0.9994, 0.9386, 0.0588, 0.8558, 0.8498, 0.997, 0.6949),
    "AAE": (0.9368, 1, 0.9973, 0.5555, 1.0572, 0.6081, 0.5677, 0.991, 0.9022, 0.0789, 0.8557, 0.8499, 0.996, 0.7931),
    "JTN-VAE": (1, 1, 0.9996, 0.3954, 0.9382, 0.5477, 0.5194, 0.9965, 0.8964, 0.1009, 0.8551, 0.8493, 0.976, 0.9143),
    "LatentGAN": (0.8966, 1, 0.9968, 0.2968, 0.8281, 0.5371, 0.5132, 0.9986, 0.8867, 0.1072, 0.8565, 0.8505, 0.9735, 0.9498),
}  # fmt: skip
"""From the README of github.com/molecularsets/moses: 30,000 samples each. Train: the training set itself as samples."""
PROTOCOL_B = {
    "marginal": ((0.117, 0.115, 0.067, 0.272), 0.143, (0.489, 0.570, 0.802, 0.396), 0.564, 0.750),
    "MolHIT": ((0.061, 0.040, 0.049, 0.081), 0.058, (0.804, 0.790, 0.950, 0.685), 0.807, 0.963),
}
"""MolHIT's figures for itself and a marginal (DiGress-like) model: errors of QED, SA, logP and MW, their mean, Pearson's r,
their mean, validity."""


def make_distribution_rows(figures: Mapping[str, Mapping[str, Any]]) -> list[list[str]]:
    """Make one row of cells for the model (mean ± deviation), then the published ones."""
    ours = ["**this model**"]
    for name in COLUMNS:
        row = figures.get(name, {})
        ours.append("–" if _is_too_few(name, row) else _format_spread(row.get("mean"), row.get("std")))
    return [ours, *([name, *(_format_cell(v) for v in values)] for name, values in PUBLISHED.items())]


def render_markdown(results: Mapping[str, Any]) -> str:
    """Render results.json as a page of Markdown."""
    settings, model, figures = results["settings"], results["model"], results["distribution"]
    seeds = ", ".join(map(str, results["seeds"]))
    lines = [
        f"# MOSES benchmark of {model['name']}",
        "",
        f"{results['date']}, {results['machine']}. Model {model['key'][:8]}: {model['parameters']:,} parameters, "
        f"{_describe_origin(model)} for {model['trained_seconds']:,.0f} s. All figures "
        "are of this one checkpoint.",
        "",
        "## Distribution",
        "",
        f"{settings['samples']:,} samples for each of {settings['seeds']} seed(s) ({seeds}); prior {settings['prior']}, "
        f"temperature {settings['temperature']:g}, {_describe_redraws(settings, results['canonical'].values())}; mean ± standard deviation "
        "over the seeds. Published rows: 30,000 samples, "
        "github.com/molecularsets/moses; fewer samples give a higher FCD and a lower Scaf.",
        "",
        *table(["model", *COLUMNS.values()], make_distribution_rows(figures)),
        "",
        "Also: "
        + "; ".join(
            f"{label} {_format_spread(figures[name]['mean'], figures[name]['std'])}"
            for name, label in (
                ("neutral", "without a formal charge"),
                ("Novelty (InChIKey)", "novelty by InChIKey against its training data"),
                ("Frag/TestSF", "Frag TestSF"),
                ("logP", "Wasserstein distance of logP"),
                ("SA", "of SA"),
                ("QED", "of QED"),
                ("weight", "of molecular weight"),
            )
            if name in figures
        )
        + "."
        + _describe_unusual(results),
        "",
        "## Reconstruction",
        "",
        *_render_reconstruction(results),
        "",
        "## Protocol B: QED, SA, logP and molecular weight asked for together",
        "",
        *_render_protocol_b(results["protocol_b"], settings),
        "",
        "## One target at a time",
        "",
        *_render_single_targets(results["single_targets"], settings),
        "",
        "Seconds: " + ", ".join(f"{name} {seconds:,.0f}" for name, seconds in results["seconds"].items()) + ".",
    ]
    return "\n".join(lines) + "\n"


def _describe_unusual(results: Mapping[str, Any]) -> str:
    """Describe the share of unusual structures beside that of the data; "" for results without it."""
    ours, data = results["distribution"].get("Unusual"), results.get("unusual_in_data")
    if ours is None or data is None:
        return ""
    spread = "" if ours["std"] is None else f" ± {ours['std']:.2%}"
    return (
        f" Unusual structures: {ours['mean']:.2%}{spread} of the valid samples ({ours['count']:,} of {ours['of']:,}); "
        f"of MOSES' test molecules {_format_share(data)}."
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Render the lines of a Markdown table."""
    return [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]


def _render_reconstruction(results: Mapping[str, Any]) -> list[str]:
    found, posterior = results["reconstruction"], results["posterior"]
    rows = [
        [label, *(_format_share(found[name][what]) for what in ("molecule", "ids", "valid"))]
        for name, label in (("from_mean", "posterior mean"), ("from_sample", "a z drawn from the posterior"))
    ]
    passed = found["passed_over"]
    return [
        *table(["greedy, free-running, from", "the same molecule", "the same symbols", "valid"], rows),
        "",
        f"MOSES test molecules, conditions unknown. Passed over: {passed['refused']:,} that the model cannot spell, "
        f"{passed['in_training_data']:,} of its training data"
        + (". " if passed["training_data_checked"] else " (which was not at hand to look). ")
        + f"KL {posterior['kl_nats']:.1f} nats a molecule; {posterior['active_units']} of {posterior['latent_size']} "
        "latent dimensions active.",
    ]


def _render_protocol_b(found: Mapping[str, Any], settings: Mapping[str, Any]) -> list[str]:
    if "skipped" in found:
        return [f"Not measured: {found['skipped']}."]
    rows = list(found["properties"].values())
    ours = [
        "**this model**",
        "/".join(_format_cell(r["mae_normalized"], 3) for r in rows)
        + f" ({_format_cell(found['mean_mae_normalized'], 3)})",
        "/".join(_format_cell(r["pearson_r"], 3) for r in rows) + f" ({_format_cell(found['mean_pearson_r'], 3)})",
        _format_share(found["valid"]),
    ]
    published = [
        [
            name,
            "/".join(_format_cell(v, 3) for v in errors) + f" ({_format_cell(error, 3)})",
            "/".join(_format_cell(v, 3) for v in correlations) + f" ({_format_cell(r, 3)})",
            f"{valid:.1%}",
        ]
        for name, (errors, error, correlations, r, valid) in PROTOCOL_B.items()
    ]
    raw = ", ".join(
        f"{name} {_format_cell(r['mae'], 3)} {r['unit']}".strip() for name, r in found["properties"].items()
    )
    return [
        *table(["model", "MAE QED/SA/logP/MW (mean)", "Pearson r (mean)", "valid"], [ours, *published]),
        "",
        f"One molecule for each vector; errors min-max normalized. In raw units: {raw}. Temperature "
        f"{settings['target_temperature']:g}, guidance {settings['guidance']:g}, {_describe_redraws(settings, [found['canonical']])}.",
    ]


def _render_single_targets(found: Mapping[str, Any], settings: Mapping[str, Any]) -> list[str]:
    rows = []
    for name, figures in found.items():
        if "skipped" in figures:
            rows.append([name, figures["skipped"], "", "", ""])
            continue
        aims = "; ".join(
            f"{_format_cell(t['target'], 3)}: {_format_cell(t['mae'], 3)}, {t['within']['fraction']:.0%}"
            for t in figures["targets"]
        )
        within = [t["within"] for t in figures["targets"]]
        share = sum(w["count"] for w in within) / sum(w["of"] for w in within)
        unit = f" {figures['unit']}" if figures["unit"] else ""
        rows.append(
            [
                name,
                f"{_format_cell(figures['mae'], 3)}{unit}",
                f"{_format_cell(figures['tolerance'], 3)}",
                f"{share:.1%}",
                aims,
            ]
        )
    return [
        *table(["property", "MAE", "tolerance", "within it", "target: MAE, share within"], rows),
        "",
        f"{settings['per_value']:,} molecules a value, at quantiles of the MOSES test set; the tolerance is a tenth of its "
        "middle 90 %.",
    ]


def _describe_redraws(settings: Mapping[str, Any], canonical: Iterable[Mapping[str, Any]]) -> str:
    """Describe how often molecules were drawn again, and the share of all draws that needed no other."""
    shares = list(canonical)
    share = {"count": sum(s["count"] for s in shares), "of": sum(s["of"] for s in shares)}
    share["fraction"] = share["count"] / share["of"] if share["of"] else 0
    redraws = settings["redraws"]
    return (
        f"drawn again up to {redraws} times where not spelled canonically (of all draws {_format_share(share)} were)"
        if redraws
        else "none drawn again"
    )


def _describe_origin(model: Mapping[str, Any]) -> str:
    """Describe the training data, that of a base included."""
    told = f"{model['trained_on']} ({model['training_molecules']:,} molecules)"
    bases, base = [], model.get("base")
    while base:
        bases.append(f"{base['name']}, trained on {base['dataset']} ({base['training_molecules']:,} molecules)")
        base = base.get("base")
    return (
        f"fine-tuned from {', itself fine-tuned from '.join(bases)}; here on {told}" if bases else f"trained on {told}"
    )


def _is_too_few(name: str, row: Mapping[str, Any]) -> bool:
    """Tell whether unique@k was taken over fewer than k molecules, which makes it look better."""
    k = int(name.removeprefix("unique@")) if name.startswith("unique@") else 0
    return bool(row) and "of" in row and row["of"] < k * len(row["seeds"])


def _format_share(share: Mapping[str, Any]) -> str:
    return f"{share['fraction']:.1%} ({share['count']:,} of {share['of']:,})" if share["of"] else "none"


def _format_spread(mean: float | None, std: float | None) -> str:
    return _format_cell(mean) + (f" ± {_format_cell(std)}" if std is not None and mean is not None else "")


def _format_cell(value: float | None, digits: int = 4) -> str:
    return (
        "–"
        if value is None or math.isnan(value)
        else f"{value:.{digits}g}"
        if abs(value) >= 10
        else f"{value:.{digits}f}"
    )
