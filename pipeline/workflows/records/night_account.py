"""Says what a run of a campaign knows of the nights before: what is new in its source, and what became of the model."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chem_vae.errors import UserError
from pipeline.config import CAMPAIGN, CampaignConfig
from pipeline.datasets.dataset import Dataset
from pipeline.datasets.growth import compare_datasets, explain_few, find_outage, is_same_source
from pipeline.models.trained_model import TrainedModel
from pipeline.report.model import Report
from pipeline.workspace.remote.outages import describe_age
from pipeline.workspace.remote.redaction import redact
from pipeline.workspace.runs import KIND, Run
from pipeline.workspace.storage.folders import read_manifest


@dataclass(frozen=True)
class NightAccount:
    """What is told of the nights before: sentences for people, and facts for the manifest of the run."""

    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def add_to(self, report: Report) -> None:
        """Put the sentences in front of those that the report has of its data."""
        report.dataset.notes = [*self.notes, *report.dataset.notes]
        report.dataset.warnings = [*self.warnings, *report.dataset.warnings]


def name_run(config: CampaignConfig, dataset: Dataset) -> str:
    """Name the run of a campaign: as it was named, else after its data."""
    return dataset.name if config.name == CAMPAIGN else config.name


def tell_night(source: str, model: TrainedModel, dataset: Dataset, workspace: Path) -> NightAccount:
    """Compare a campaign with the run of the night before.

    Args:
        source: The source of the campaign, as the user gave it.
        model: The model that the campaign uses.
        dataset: The dataset that its ingest made or found.
        workspace: The folder with the earlier runs.
    """
    notes: list[str] = []
    down = find_outage(source, dataset)
    last = find_last_run(source, workspace)
    told = {} if last is None else last.manifest
    same_data = last is not None and (told.get("dataset") or {}).get("key") == dataset.key
    same_model = last is not None and (told.get("model") or {}).get("key") == model.key
    facts: dict[str, Any] = {
        "source": redact(source),
        "since": None if last is None else last.id,
        "nothing_new": same_data and same_model,
        "down": down,
    }
    if last is not None and same_data and same_model:
        when = describe_age(told.get("finished"))
        notes.append(
            f"nothing new in {dataset.name} since the run {last.id} ({when}): its data and its model are used again"
        )
    elif (origin := dataset.manifest.get("grown_from")) and not same_data:
        facts |= {key: origin[key] for key in ("new", "changed", "gone")}
        notes.append(
            f"{dataset.name} has {dataset.counts['rows']:,} rows; the dataset {origin['folder']} "
            f"({describe_age(origin['created'])}) had {origin['rows']:,}; training molecules: {origin['new']:,} new, "
            f"{origin['changed']:,} with other measured values, {origin['gone']:,} gone"
        )
    facts["training"] = "used again" if same_model else "from its start"
    if not model.is_trained_on(dataset):
        facts["training"] = "skipped"
        notes.append(f"training was skipped, and {model.folder.name} is used{_explain_skip(model, dataset, workspace)}")
    elif not same_model and (grown := model.card.get("grown")):
        facts["training"] = "went on"
        notes.append(str(grown["text"]))
    return NightAccount(notes, [down] if down else [], {"last_night": facts})


def find_last_run(source: str, workspace: Path) -> Run | None:
    """Find the newest finished run of a campaign with the same source; None where there is none."""
    for folder in sorted((workspace / "runs").glob("[!.]*/"), reverse=True):
        try:
            run = Run(folder, read_manifest(folder, KIND))
        except UserError:  # not finished, or damaged
            continue
        night = run.manifest.get("last_night")
        if isinstance(night, dict) and is_same_source(night.get("source"), redact(source)):
            return run
    return None


def _explain_skip(model: TrainedModel, dataset: Dataset, workspace: Path) -> str:
    """Say how little is new since the model was trained; "" where its own dataset is no longer there."""
    own = model.dataset(workspace)
    if own is None or not model.is_trained_on(own):
        return ""
    return f": {explain_few(compare_datasets(own, dataset))}"
