"""Describes a trained model in a few lines from its card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.models.description.benchmark_description import describe_benchmark, write_share
from pipeline.models.description.predictor_wording import describe_choice
from pipeline.workspace.presentation.formatting import format_brief


def describe_model(name: str, key: str, card: Mapping[str, Any]) -> str:
    """Describe a model by its card: data, training, vocabulary, predictors, benchmark, limits and warnings."""
    figures = card["figures"]
    lines = [
        f"model {name} ({key[:8]}), {card['parameters']:,} parameters",
        f"  trained on {card['dataset']['name']}: {card['training_molecules']:,} molecules, "
        f"{card['trained_seconds']:,.0f} s, {card['steps']:,} steps",
        f"  conditions: {', '.join(card['conditions']) or 'none'}",
        f"  vocabulary: {card['vocabulary']['symbols']} symbols, {card['vocabulary']['merges']} merges",
    ]
    if summary := card["dataset"].get("summary"):
        lines.insert(2, f"  data: {summary}")
    if ended := card.get("ended"):
        lines.insert(2, f"  training ended early, {ended}")
    if base := card.get("base"):
        before = f", trained for {base['trained_seconds']:,.0f} s before" if "trained_seconds" in base else ""
        lines.insert(2, f"  fine-tuned from {base['name']} ({base['key'][:8]}){before}")
        if base.get("fits"):
            lines.insert(3, f"    {base['name']}: {describe_fits(base['fits'])}")
    if grown := card.get("grown"):
        lines.append(f"  {grown['text']}")
    lines += [
        f"  {figure.replace('_', ' ')}: {format_brief(value)}" for figure, value in figures.items() if value is not None
    ]
    if samples := card.get("samples"):
        lines.append(f"  samples at temperature 1: {describe_samples(samples)}")
    if undefined := card.get("undefined_stereo"):
        shares = f"{write_share(undefined['drawn'])} of the samples and {write_share(undefined['data'])} of the data"
        lines.append(
            f"  undefined stereo: {shares}; what the samples have more often than the data gets a configuration"
        )
    for told in (card.get("finetuning") or {}).get("before_after", []):
        lines.append(f"  {told['of']}: {_describe_change(told)}")
    for p in card["predictors"]:
        if p["r2"] is not None and not p.get("classification"):
            lines.append(
                f"  predictor of {p['property']}: R2 {p['r2']:.3f} on {p['n_test']:,} held-out molecules ({p['method']})"
            )
        if p.get("compared"):
            lines.append(f"    {describe_choice(p['compared'])}")
    if benchmark := card.get("benchmark"):
        lines += [f"  {line}" for line in describe_benchmark(benchmark)]
    if "licence" in card:
        lines.append(f"  licence: {card['licence']}")
    lines += [f"  limit: {text}" for text in card.get("limits", [])]
    lines += [f"  warning: {w}" for w in list_model_warnings(card)]
    return "\n".join(lines)


def describe_fits(fits: Sequence[Mapping[str, Any]]) -> str:
    """Describe how well the base of a fine-tuned model fits the new molecules, beside the other models that there were.

    Args:
        fits: `name`, `spelled`, `of` and `nats` of each model, the base first (`pipeline.training.finetuning.choose_base.BaseFit`).
    """
    base, *others = fits
    shares = ", ".join(f"{fit['name']} {fit['spelled'] / max(fit['of'], 1):.0%}" for fit in others).replace("%", " %")
    share = f"{base['spelled'] / max(base['of'], 1):.0%}".replace("%", " %")
    text = f"it can spell {share} of {base['of']:,} molecules of the data" + f" ({shares})" * bool(others)
    if base["nats"] is None:
        return text
    nats = ", ".join(f"{fit['name']} {fit['nats']:.1f}" for fit in others if fit["nats"] is not None)
    of = "those that each of these models can spell" if others else "these"
    return f"{text}; -log p(x) of {of} is {base['nats']:.1f} nats" + f" ({nats})" * bool(nats)


def describe_samples(samples: Mapping[str, Any]) -> str:
    """Describe the shares of stereo and charges in samples and data (`pipeline.training.sample_check.check_samples`)."""
    parts = [
        f"{name} in {write_share(both['samples'])} of {both['samples']['of']:,} samples and {write_share(both['data'])} of the data"
        for name, both in samples.items()
    ]
    return ", ".join(parts)


def describe_base(card: Mapping[str, Any]) -> str | None:
    """Describe the model that the training started from; None for a training from nothing."""
    base = card.get("base")
    if not base:
        return None
    return f"{base['name']} ({base['key'][:8]})" + (f"; {describe_fits(base['fits'])}" if base.get("fits") else "")


def list_model_warnings(card: Mapping[str, Any]) -> list[str]:
    """List the warnings about the data that a model was trained on, then those of the training, each once."""
    return list(dict.fromkeys([*(card["dataset"].get("warnings") or ()), *card["warnings"]]))


def _describe_change(told: Mapping[str, Any]) -> str:
    """Describe a row of the card's before_after."""
    parts = [
        f"{label} {format_brief(told['before'][name])} -> {format_brief(told['after'][name])}"
        for name, label in (("exact_reconstruction", "exact reconstruction"), ("nats", "-log p(x) in nats"))
        if told["before"][name] is not None and told["after"][name] is not None
    ]
    return f"{', '.join(parts) or 'not measured'} ({told['molecules']:,} molecules)"
