"""From a dataset folder to a model folder: train from nothing or from a model, fit the predictors, write the card."""

from __future__ import annotations

import os
import time
import warnings
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from chem_vae.atomic_files import write_json
from chem_vae.config import ModelConfig
from chem_vae.errors import CheckpointError, ChemVAEWarning, DataError
from chem_vae.progress import Progress, silent
from chem_vae.training import resolve_precision, write_history
from chem_vae.training import train as train_core
from chem_vae.vocabulary import SelfiesVocabulary
from pipeline.chemistry.metrics import measure_novelty, measure_uniqueness, measure_validity
from pipeline.chemistry.validate import validate
from pipeline.datasets.dataset import Dataset
from pipeline.models.trained_model import KIND, TrainedModel
from pipeline.training.config import TrainConfig
from pipeline.training.finetune import FEW_MOLECULES, base_model, before_and_after, chosen_start, fine_tuning, settled
from pipeline.training.fit_predictors import fit_and_check, predictor_warnings
from pipeline.training.plan import Course, chosen_conditions, from_nothing
from pipeline.workspace.folders import build_folder, hash_content, lock_folder
from pipeline.workspace.lookup import list_shipped_models, write_model_name
from pipeline.workspace.runs import describe_machine, list_versions

VERY_FEW_MOLECULES = 200  # below it even fine-tuning has little to go by

__all__ = ["TrainedModel", "train"]


def train(dataset: Dataset, config: TrainConfig, workspace: Path, progress: Progress = silent) -> TrainedModel:
    """Train on a dataset, or reuse the model that the same data and settings gave before.

    `config.start` names a model to go on from (fine-tuning); not given, `pipeline.training.finetune.chosen_start` decides. The folder is `<workspace>/models/<dataset>-<key>`. A
    killed training goes on from its last checkpoint. Raises UserError for an unknown condition or a base that does not
    go with the data, DataError for a split without molecules, CheckpointError for a damaged base, BusyError when it is
    already under way.
    """
    config = chosen_start(config, dataset)
    base = base_model(config, workspace)
    conditions = chosen_conditions(dataset, config, tuple(base.conditions) if base else ())
    config = settled(config, base) if base else config
    # Settings of fine-tuning count only where there is some: its base by its key, however it was asked for.
    usual = {"keep_molecules"} if config.keep_molecules else set()  # the key of a model is that of before the setting
    settings = config.model_dump(mode="json", exclude={"start", "replay", *usual})
    if settings["model"]["architecture"] == ModelConfig.architecture:  # the same for this one
        del settings["model"]["architecture"]
    started_from = {"base": base.key, "replay": config.replay} if base else None
    key = hash_content(dataset.key, settings, conditions, "chem-vae model", 1, *([started_from] if base else []))
    folder = workspace / "models" / f"{dataset.name}-{key[:8]}"
    if folder.exists():
        try:
            return TrainedModel.open(folder, reused=True, workspace=workspace)
        except (DataError, CheckpointError):  # damaged since: made again
            _set_aside(folder, workspace)
    with build_folder(folder, "training this model") as partial:
        if partial != folder:
            if base:
                config = config.model_copy(
                    update={"start": write_model_name(base.folder)}
                )  # not "latest", which moves on
            _train_into(partial, dataset, base, config, key, progress)
    return TrainedModel.open(folder, workspace=workspace)


def _set_aside(folder: Path, workspace: Path) -> None:
    """Rename a model's folder that cannot be opened: what is in it may be of use to its owner yet."""
    with lock_folder(folder, "training this model"):
        try:
            TrainedModel.open(folder, workspace=workspace)  # made again by another process meanwhile?
        except (DataError, CheckpointError) as error:
            if folder.exists():
                aside = folder.with_name(f"{folder.name}.damaged-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}")
                os.replace(folder, aside)
                warnings.warn(f"{error}; it is kept as {aside} and trained again", ChemVAEWarning, stacklevel=3)


def _train_into(
    folder: Path, dataset: Dataset, base: TrainedModel | None, config: TrainConfig, key: str, progress: Progress
) -> None:
    started = time.monotonic()
    names = [p.name for p in dataset.properties]
    if len(dataset.tokens("train")) == 0:
        raise DataError(f"the dataset {dataset.name} has no training molecules")
    course = fine_tuning(dataset, base, config, folder, progress) if base else from_nothing(dataset, config)
    checkpoint, record = train_core(
        course.training,
        course.validation,
        course.vocabulary,
        course.scales,
        course.model,
        course.config,
        start=course.start.model if course.start else None,
        resume_file=folder / "resume.safetensors",
        progress=progress,
        sample_metrics=_PriorMetrics(dataset, course.vocabulary),
    )
    if course.start is not None:
        checkpoint.max_length = max(checkpoint.max_length, course.start.max_length)
    write_history(record, folder / "metrics.csv")
    seed = config.training.seed
    figures, predictors = fit_and_check(
        checkpoint, course.splits, names, record, seed, folder, progress,
        properties=len(course.summaries), keep_molecules=config.keep_molecules,
    )  # fmt: skip
    measured = [p.name for p in dataset.properties if p.kind == "measured"]
    told: list[str] = []
    if measured and config.keep_molecules:  # their substructures are kept
        from pipeline.training.fit_measured import fit_measured

        new = [n for n in measured if base is None or n not in base.conditions]
        predictors, told = fit_measured(
            checkpoint, course.start if new == measured else None, course.splits, names, measured, predictors, folder, seed, progress
        )  # fmt: skip
    if course.start is not None:
        course.card["finetuning"]["before_after"] = before_and_after(course, checkpoint)
    molecules = len(course.splits["train"])
    checkpoint.card = {
        "dataset": {
            "name": dataset.name,
            "key": dataset.key,
            "folder": dataset.folder.name,
            "standardize": dataset.manifest["options"]["standardize"],
        },
        **course.card,
        "conditions": checkpoint.conditions,
        "parameters": sum(p.numel() for p in checkpoint.model.parameters()),
        "latent_size": course.model.latent_size,
        "vocabulary": {
            "symbols": len(checkpoint.vocabulary.symbols),
            "merges": len(checkpoint.vocabulary.merges),
            "ids": len(checkpoint.vocabulary),
        },
        "training_molecules": molecules,
        "trained_seconds": record.seconds,
        "precision": resolve_precision(config.training),
        "steps": int(record.history[-1]["step"]) if record.history else 0,
        "figures": figures,
        "predictors": predictors,
        "warnings": [
            *_size_warnings(molecules, course),
            *course.warnings,
            *_forgetting_warnings(course),
            *record.warnings,
            *predictor_warnings(predictors),
            *told,
        ],
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": describe_machine(),
        "versions": list_versions(),
    }
    checkpoint.save(folder)
    write_json(folder / "training.json", asdict(record))
    write_json(
        folder / "manifest.json",
        {
            "format": KIND,
            "format_version": 1,
            "key": key,
            "config": config.model_dump(mode="json"),
            "card": checkpoint.card,
            "properties": [asdict(s) for s in course.summaries],
            "seconds": time.monotonic() - started,
        },
    )
    for leftover in (folder / "resume.safetensors", folder / "replay.parquet", *folder.glob("*.partial")):
        leftover.unlink(missing_ok=True)


class _PriorMetrics:
    """Valid, unique and novel shares of prior samples, for the training log. The training keys are read once."""

    def __init__(self, dataset: Dataset, vocabulary: SelfiesVocabulary) -> None:
        self.vocabulary = vocabulary
        self.known = set(dataset.table(["inchikey"], split="train")["inchikey"])

    def __call__(self, strings: list[str | None]) -> dict[str, float]:
        candidates = validate(strings, self.vocabulary)
        keys = [c.inchikey for c in candidates if c.inchikey is not None]
        distinct = sorted(set(keys))
        return {
            "valid": measure_validity(candidates).fraction,
            "unique": measure_uniqueness(keys).fraction,
            "novel": measure_novelty(distinct, self.known).fraction,
        }


def _size_warnings(molecules: int, course: Course) -> list[str]:
    if course.start is not None:
        if molecules >= VERY_FEW_MOLECULES:
            return []
        return [
            f"{molecules:,} molecules are few even for fine-tuning: what is generated follows the model it started from more "
            "than them, and their measured values say little about others"
        ]
    if molecules >= FEW_MOLECULES:
        return []
    known = next(iter(list_shipped_models()), None)
    better = f"start from a model that knows chemistry: --from {known}, or " if known else ""
    return [
        f"{molecules:,} training molecules are few for a model that starts from nothing: expect crude structures; "
        f"{better}train on a larger file that holds yours too, with the measured column empty where nothing was measured"
    ]


def _forgetting_warnings(course: Course) -> list[str]:
    """Whether the base's own molecules have become much less likely."""
    warnings = []
    for row in course.card.get("finetuning", {}).get("before_after", [])[1:]:
        before, after = row["before"]["nats"], row["after"]["nats"]
        if after > 1.15 * before:
            warnings.append(
                f"fine-tuning forgot a part of what the base knew: -log p(x) of {row['of']} rose from {before:.1f} to "
                f"{after:.1f} nats; raise train.replay, or lower train.training.learning_rate or epochs"
            )
    return warnings
