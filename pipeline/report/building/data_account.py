"""Describes the dataset of a run for its report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

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
    manifest = dataset.manifest
    keep = ("rows", "accepted", "duplicates", "rejected", "train", "validation", "test", "rejected_by_stage")
    return DatasetFacts(
        name=dataset.name,
        key=dataset.key,
        folder=str(dataset.folder),
        **{key: dataset.counts[key] for key in keep},
        **{key: manifest["source"].get(key) for key in ("licence", "citation")},
        summary=describe_counts(manifest),
        rejections=_list_rejections(dataset),
        changes=_list_changes(dataset),
        labels=[
            Labels(property=p.name, label=p.label, unit=p.unit, **dataset.labels[p.name])
            for p in dataset.properties
            if p.name in dataset.labels
        ],
        warnings=order_by_request(dataset.warnings, asked),
        notes=dataset.notes,
    )


@dataclass(frozen=True)
class NewestData:
    """The data of the last round alone, and the account of all rounds before it."""

    data: Dataset
    before: DatasetFacts
    """What the report of the round before tells, without what is told of the labels of all rounds again."""
    rejected: pd.DataFrame
    """The rejected rows of all rounds, each with its file."""


def add_newest(facts: DatasetFacts, newest: NewestData, labels: Mapping[str, Any]) -> None:
    """Make the account of the molecules of all rounds one of the user's files: every row of theirs is counted.

    Args:
        facts: The account of the file in which the rounds were put together; it is changed.
        newest: The last round, and the account of those before.
        labels: The counts of labels of all rounds, as a dataset's manifest has them.
    """
    data, before = newest.data, newest.before
    name, numbers, counts = data.name, data.row_numbers, data.counts
    facts.rows = (before.rows or 0) + counts["rows"]
    facts.rejected = (before.rejected or 0) + counts["rejected"]
    facts.duplicates = (before.rows or 0) + counts["rows"] - facts.rejected - (facts.accepted or 0)
    facts.rejected_by_stage = dict(Counter(before.rejected_by_stage) + Counter(counts["rejected_by_stage"]))
    keys = ("rows", "accepted", "duplicates", "rejected", "rejected_by_stage")
    whole = describe_counts({"counts": {key: getattr(facts, key) for key in keys}, "labels": labels})
    facts.summary = f"{whole}. New in this round, {name}: {describe_counts(data.manifest)}"
    facts.rejections = [*_list_rejections(data, f"{name} "), *before.rejections]
    facts.changes = _add_changes(data, before.changes, f"{name} ")
    facts.warnings = [*(f"{name}: {text}" for text in data.warnings), *facts.warnings, *before.warnings]
    lost = [
        f"{name}, {numbers.name(r['row'])}: {r['input'][:60]!r} was rejected: {r['reason']}"
        for r in data.rejections().head(MOST_NEW).to_dict("records")
    ]
    # the notes on the file in which the rounds were put together quote what no user has written
    facts.notes = [*(f"{name}: {text}" for text in data.notes), *lost, *before.notes]


def _list_rejections(dataset: Dataset, file: str = "") -> list[RejectedRow]:
    """List the first rejections of each stage."""
    first = dataset.rejections().groupby("stage", sort=False).head(EXAMPLES).to_dict("records")
    return [
        RejectedRow(
            row=f"{file}{dataset.row_numbers.name(r['row'])}", input=r["input"], stage=r["stage"], reason=r["reason"]
        )
        for r in first
    ]


def _list_changes(dataset: Dataset, file: str = "") -> list[Change]:
    """List what standardization changed, each with its count and an example."""
    examples = dataset.manifest.get("change_examples") or {}
    return [
        Change(
            change=change, explanation=describe(change), count=n, **_show_example(examples.get(change), dataset, file)
        )
        for change, n in dataset.changes.items()
    ]


def _add_changes(dataset: Dataset, before: Sequence[Change], file: str) -> list[Change]:
    """Add the changes of the last round to those of the rounds before, whose examples stay."""
    known = {change.change: change.model_copy() for change in before}
    for change in _list_changes(dataset, file):
        if change.change in known:
            known[change.change].count = (known[change.change].count or 0) + (change.count or 0)
        else:
            known[change.change] = change
    return list(known.values())


def _show_example(example: Mapping[str, Any] | None, dataset: Dataset, file: str) -> dict[str, str]:
    if not example:
        return {}
    return {
        "row": f"{file}{dataset.row_numbers.name(example['row'])}",
        "input": example["input"] or "",
        "smiles": example["smiles"],
    }
