"""Describes the dataset of a run for its report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.chemistry.standardization.changes import describe
from pipeline.datasets.account import describe_counts, order_by_request
from pipeline.datasets.dataset import Dataset
from pipeline.report.facts.dataset_facts import Change, DatasetFacts, Labels, RejectedRow

EXAMPLES = 3
"""The rejections of each stage that the report shows."""
MOST_NEW = 10
"""The rejections of the last round that the report names."""


def describe_dataset(dataset: Dataset | None, card: Mapping[str, Any], asked: Iterable[str]) -> DatasetFacts:
    """Describe the dataset of a run.

    Args:
        dataset: The dataset; None where it is not at hand.
        card: The card of the model that was trained on it.
        asked: The names of the properties that the run was asked for; warnings about them come first.
    """
    asked = list(asked)
    if dataset is None:
        known = card["dataset"]
        warnings = order_by_request(known.get("warnings") or (), asked)
        return DatasetFacts(name=known["name"], key=known["key"], summary=known.get("summary", ""), warnings=warnings)
    manifest, numbers = dataset.manifest, dataset.row_numbers
    keep = ("rows", "accepted", "duplicates", "rejected", "train", "validation", "test", "rejected_by_stage")
    first = dataset.rejections().groupby("stage", sort=False).head(EXAMPLES).to_dict("records")
    examples = manifest.get("change_examples") or {}
    return DatasetFacts(
        name=dataset.name,
        key=dataset.key,
        folder=str(dataset.folder),
        **{key: dataset.counts[key] for key in keep},
        **{key: manifest["source"].get(key) for key in ("licence", "citation")},
        summary=describe_counts(manifest),
        rejections=[
            RejectedRow(row=numbers.name(r["row"]), input=r["input"], stage=r["stage"], reason=r["reason"])
            for r in first
        ],
        changes=[
            Change(change=change, explanation=describe(change), count=n, **_show_example(examples.get(change), dataset))
            for change, n in dataset.changes.items()
        ],
        labels=[
            Labels(property=p.name, label=p.label, unit=p.unit, **dataset.labels[p.name])
            for p in dataset.properties
            if p.name in dataset.labels
        ],
        warnings=order_by_request(dataset.warnings, asked),
        notes=dataset.notes,
    )


def add_newest(facts: DatasetFacts, newest: Dataset) -> None:
    """Add the account of the last round's own file to that of all data: its counts, rejections, warnings and notes."""
    name, numbers = newest.name, newest.row_numbers
    facts.summary += f". New in this round, {name}: {describe_counts(newest.manifest)}"
    facts.warnings = [*(f"{name}: {text}" for text in newest.warnings), *facts.warnings]
    lost = [
        f"{name}, {numbers.name(r['row'])}: {r['input'][:60]!r} was rejected: {r['reason']}"
        for r in newest.rejections().head(MOST_NEW).to_dict("records")
    ]
    facts.notes = [*(f"{name}: {text}" for text in newest.notes), *lost, *facts.notes]


def _show_example(example: Mapping[str, Any] | None, dataset: Dataset) -> dict[str, str]:
    if not example:
        return {}
    return {
        "row": dataset.row_numbers.name(example["row"]),
        "input": example["input"] or "",
        "smiles": example["smiles"],
    }
