"""Training: from a dataset folder to a model folder with predictors and a card."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chem_vae.atomic_files import write_json
from chem_vae.config import ModelConfig
from chem_vae.errors import CheckpointError, ChemVAEWarning, DataError
from chem_vae.progress import Progress, silent
from chem_vae.training.precision import resolve_precision
from chem_vae.training.training_log import write_history
from chem_vae.vocabulary import SelfiesVocabulary
from pipeline.chemistry.metrics import measure_novelty, measure_uniqueness, measure_validity
from pipeline.chemistry.validate import validate
from pipeline.datasets.account import describe_counts
from pipeline.datasets.dataset import Dataset
from pipeline.datasets.labels.label_checks import find_label_problems, require_labels
from pipeline.models.stereo_choice import CARD_ENTRY
from pipeline.models.trained_model import KIND, TrainedModel
from pipeline.training.config import TrainConfig
from pipeline.training.finetuning.choose_base import BaseChoice
from pipeline.training.finetuning.finetune import compare_with_base, plan_fine_tuning
from pipeline.training.finetuning.start import (
    FEW_MOLECULES,
    choose_start,
    compare_shipped_models,
    open_base,
    settle_config,
)
from pipeline.training.plan import TrainingPlan, choose_conditions, plan_from_nothing
from pipeline.training.predictors.fit_measured import fit_measured
from pipeline.training.predictors.fit_predictors import fit_and_check, warn_about_predictors
from pipeline.training.sample_check import check_samples, compare_undefined_stereo, warn_about_samples
from pipeline.workspace.lookup import list_shipped_models, write_model_name
from pipeline.workspace.presentation.formatting import count_things
from pipeline.workspace.runs import describe_machine, list_versions
from pipeline.workspace.storage.disk_space import check_writable, explain_full_disk
from pipeline.workspace.storage.folders import build_folder, hash_content, lock_folder, set_aside, write_manifest

_NOT_OF_THE_MODEL = ("check_labels", "tensorboard", "go_on", "enough_new")
"""Settings that a model does not depend on."""
CHECK = "check what was learned"
VERY_FEW_MOLECULES = 200  # below it even fine-tuning has little to go by

__all__ = ["TrainedModel", "train"]


def train(
    dataset: Dataset,
    config: TrainConfig,
    workspace: Path,
    progress: Progress = silent,
    *,
    wishes: Mapping[str, Any] | None = None,
    grown: Mapping[str, Any] | None = None,
) -> TrainedModel:
    """Train on a dataset, or reuse the model that the same data and settings gave before.

    A killed training goes on from its last checkpoint.

    Args:
        dataset: The molecules.
        config: Its `start` names a model to go on from (fine-tuning); where it is not given, `choose_start` decides.
        workspace: The model's folder is `<workspace>/models/<dataset>-<key>`.
        progress: Is told of each stage.
        wishes: The settings that the user gave (`list_wishes`), where the configuration goes on from an earlier night's model.
        grown: What is told of that model and of what is new since, for the manifest and the card.

    Raises:
        UserError: A condition is unknown, or the base and the data do not go together.
        DataError: A split has no molecules, or the labels cannot teach (`pipeline.datasets.labels.label_checks`).
        CheckpointError: The base is damaged.
        BusyError: The same training is under way in another process.
    """
    wishes = list_wishes(config) if wishes is None else wishes
    config, choice = choose_start(config, dataset, progress)
    base = open_base(config, workspace)
    conditions = choose_conditions(dataset, config, tuple(base.conditions) if base else ())
    config = settle_config(config, base) if base else config
    # Settings of fine-tuning count only where there is some: its base by its key, however it was asked for.
    usual = {"keep_molecules"} if config.keep_molecules else set()  # the key of a model is that of before the setting
    settings = config.model_dump(mode="json", exclude={"start", "replay", *_NOT_OF_THE_MODEL, *usual})
    if settings["model"]["architecture"] == ModelConfig.architecture:  # the same for this one
        del settings["model"]["architecture"]
    if settings["training"]["nodes"] == 1:
        del settings["training"]["nodes"]
    started_from = {"base": base.key, "replay": config.replay} if base else None
    key = hash_content(dataset.key, settings, conditions, "chem-vae model", 1, *([started_from] if base else []))
    folder = workspace / "models" / f"{dataset.name}-{key[:8]}"
    if folder.exists():
        try:
            return TrainedModel.open(folder, reused=True, workspace=workspace)
        except (DataError, CheckpointError):  # damaged since: made again
            _set_aside(folder, workspace)
    found = require_labels(dataset) if config.check_labels else [f.text for f in find_label_problems(dataset)]
    check_writable(workspace, estimate_room(dataset, config), "the training")
    with explain_full_disk(workspace), build_folder(folder, "training this model") as partial:
        if partial != folder:
            if base:
                config = config.model_copy(
                    update={"start": write_model_name(base.folder)}
                )  # not "latest", which moves on
            board = workspace / "tensorboard" / folder.name if config.tensorboard else None
            history = {"wishes": wishes, "grown": grown}
            _train_into(partial, dataset, base, config, key, found, choice, history, board, progress)
    return TrainedModel.open(folder, workspace=workspace)


def list_wishes(config: TrainConfig) -> dict[str, Any]:
    """List the settings that a user gave for a training, by which a later night finds its model."""
    return config.model_dump(mode="json", exclude=set(_NOT_OF_THE_MODEL))


def estimate_room(dataset: Dataset, config: TrainConfig) -> int:
    """Estimate the bytes on the disk that a training takes: the weights several times over, and what is kept of the data."""
    model, ids = config.model, sum(dataset.manifest["vocabulary"].values())
    weights = model.embedding_size * ids + model.decoder_size * (ids + 2 * model.decoder_size)
    weights += 6 * model.encoder_layers * model.encoder_size * (model.embedding_size + model.encoder_size)
    weights += 3 * model.decoder_layers * model.decoder_size * (model.embedding_size + model.decoder_size)
    weights += 8 * model.encoder_size * model.latent_size
    copies = 7  # two resume files of weights, averages, best weights and two moments of the optimizer, while one replaces the other
    return 4 * copies * weights + 1_000 * min(dataset.counts["train"], 10_000)


def _set_aside(folder: Path, workspace: Path) -> None:
    """Rename the folder of a model that cannot be opened, so that its files are kept."""
    with lock_folder(folder, "training this model"):
        try:
            TrainedModel.open(folder, workspace=workspace)  # made again by another process meanwhile?
        except (DataError, CheckpointError) as error:
            if folder.exists():
                why, aside = str(error).partition("; ")[0], set_aside(folder)
                warnings.warn(f"{why}; it is kept as {aside} and trained again", ChemVAEWarning, stacklevel=3)


def _train_into(
    folder: Path,
    dataset: Dataset,
    base: TrainedModel | None,
    config: TrainConfig,
    key: str,
    found: list[str],
    choice: BaseChoice | None,
    history: Mapping[str, Any],
    tensorboard: Path | None,
    progress: Progress,
) -> None:
    # Here: lightning takes two seconds to load, which a night that trains nothing does without.
    from chem_vae.training.trainer import train as train_core

    started = time.monotonic()
    names = [p.name for p in dataset.properties]
    if len(dataset.tokens("train")) == 0:
        raise DataError(f"the dataset {dataset.name} has no training molecules")
    plan = plan_fine_tuning(dataset, base, config, folder, progress) if base else plan_from_nothing(dataset, config)
    checkpoint, record = train_core(
        plan.training,
        plan.validation,
        plan.vocabulary,
        plan.scales,
        plan.model,
        plan.config,
        start=plan.start.model if plan.start else None,
        resume_file=folder / "resume.safetensors",
        progress=progress,
        sample_metrics=_PriorMetrics(dataset, plan.vocabulary),
        tensorboard=tensorboard,
    )
    if plan.start is not None:
        checkpoint.max_length = max(checkpoint.max_length, plan.start.max_length)
    write_history(record, folder / "metrics.csv")
    seed = config.training.seed
    measured = [p.name for p in dataset.properties if p.kind == "measured"]
    figures, predictors = fit_and_check(
        checkpoint, plan.splits, names, record, seed, folder, progress,
        properties=len(plan.summaries), measured=measured, keep_molecules=config.keep_molecules,
    )  # fmt: skip
    told: list[str] = []
    if measured and config.keep_molecules:  # their substructures are kept
        new = [n for n in measured if base is None or n not in base.conditions]
        predictors, told = fit_measured(
            checkpoint, plan.start if new == measured else None, plan.splits, names, measured, predictors, folder, seed, progress
        )  # fmt: skip
    progress(CHECK, 0, 3)
    if plan.start is not None:
        plan.card["finetuning"]["before_after"] = compare_with_base(plan, checkpoint)
    if base is not None and (fits := _list_fits(base, dataset, choice, progress)):
        plan.card["base"]["fits"] = fits
    progress(CHECK, 1, 3)
    molecules = len(plan.splits["train"])
    undefined = compare_undefined_stereo(checkpoint, plan.splits["train"], seed)
    progress(CHECK, 2, 3)
    stereo = {CARD_ENTRY: undefined} if undefined else {}
    checkpoint.card = stereo  # by which samples are drawn
    samples = check_samples(checkpoint, plan.splits["train"], seed)
    progress(CHECK, 3, 3)
    checkpoint.card = {
        **stereo,
        "dataset": {
            "name": dataset.name,
            "key": dataset.key,
            "folder": dataset.folder.name,
            "standardize": dataset.manifest["options"]["standardize"],
            "summary": describe_counts(dataset.manifest),
            "warnings": dataset.warnings,
        },
        **plan.card,
        "grown": history["grown"],
        "conditions": checkpoint.conditions,
        "logarithms": {
            **(base.card.get("logarithms") or {} if base else {}),
            **{p.name: p.log.to_dict() for p in dataset.properties if p.log is not None},
        },
        "parameters": sum(p.numel() for p in checkpoint.model.parameters()),
        "latent_size": plan.model.latent_size,
        "vocabulary": {
            "symbols": len(checkpoint.vocabulary.symbols),
            "merges": len(checkpoint.vocabulary.merges),
            "ids": len(checkpoint.vocabulary),
        },
        "training_molecules": molecules,
        "trained_seconds": record.seconds,
        "precision": resolve_precision(config.training),
        "steps": int(record.history[-1]["step"]) if record.history else 0,
        "ended": record.ended,
        "figures": figures,
        "samples": samples,
        "predictors": predictors,
        "warnings": [
            *found,
            *_warn_about_size(molecules, plan),
            *plan.warnings,
            *_warn_about_forgetting(plan),
            *warn_about_samples(samples, config.replay if base else None),
            *record.warnings,
            *warn_about_predictors(predictors),
            *told,
        ],
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": describe_machine(),
        "versions": list_versions(),
    }
    checkpoint.save(folder)
    write_json(folder / "training.json", asdict(record))
    for leftover in (folder / "resume.safetensors", folder / "replay.parquet", *folder.glob("*.partial")):
        leftover.unlink(missing_ok=True)
    write_manifest(
        folder,
        {
            "format": KIND,
            "format_version": 1,
            "key": key,
            "config": config.model_dump(mode="json"),
            "card": checkpoint.card,
            "properties": [asdict(s) for s in plan.summaries],
            **history,
            "seconds": time.monotonic() - started,
        },
    )


def _list_fits(
    base: TrainedModel, dataset: Dataset, choice: BaseChoice | None, progress: Progress
) -> list[dict[str, Any]]:
    """List how well the base and the other shipped models fit the dataset, the base first; empty for a base that is not shipped."""
    name = write_model_name(base.folder)
    if name not in list_shipped_models():
        return []
    choice = choice or compare_shipped_models(dataset, progress)
    return [] if choice is None else [fit.to_dict() for fit in choice.put_first(name).fits]


class _PriorMetrics:
    """Computes valid, unique and novel shares of prior samples for the training log."""

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


def _warn_about_size(molecules: int, plan: TrainingPlan) -> list[str]:
    if plan.start is not None:
        if molecules >= VERY_FEW_MOLECULES:
            return []
        return [
            f"{count_things(molecules, 'molecule', 'is', 'are')} few even for fine-tuning: what is generated follows the model it started from more "
            "than them, and their measured values say little about others"
        ]
    if molecules >= FEW_MOLECULES:
        return []
    known = next(iter(list_shipped_models()), None)
    better = f"start from a model that knows chemistry: --from {known} (see chem-vae models), or " if known else ""
    return [
        f"{molecules:,} training molecules are few for a model that starts from nothing: expect crude structures; "
        f"{better}train on a larger file that holds yours too, with the measured column empty where nothing was measured"
    ]


def _warn_about_forgetting(plan: TrainingPlan) -> list[str]:
    """Warn where the base's own molecules have become much less likely, although they were shown to keep them likely."""
    warnings: list[str] = []
    if plan.card.get("finetuning", {}).get("replay_without_z", 0.0) < plan.card.get("finetuning", {}).get(
        "replay", 0.0
    ):
        return warnings
    for row in plan.card.get("finetuning", {}).get("before_after", [])[1:]:
        before, after = row["before"]["nats"], row["after"]["nats"]
        if after > 1.15 * before:
            warnings.append(
                f"fine-tuning forgot a part of what the base knew: -log p(x) of {row['of']} rose from {before:.1f} to "
                f"{after:.1f} nats; raise train.replay, or lower train.training.learning_rate or epochs"
            )
    return warnings
