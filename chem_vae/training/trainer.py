"""Train a model: from token datasets to a checkpoint.

A run that is killed and started again gives the same weights as one that was not: the order of the batches is a
function of (seed, epoch), the random numbers of each step a function of (seed, step), and the rest is in the checkpoint.
"""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

import lightning
import torch
from lightning.pytorch.loggers import TensorBoardLogger

from chem_vae.checkpoint import Checkpoint, ConditionScale
from chem_vae.config import ModelConfig, TrainingConfig
from chem_vae.data import SameLengthBatches, TokenDataset
from chem_vae.errors import DataError, MemoryWarning, TrainingError, UserError
from chem_vae.model import ChemVAE
from chem_vae.progress import Progress, silent
from chem_vae.training.callbacks import OnValidation, SampleMetrics, StopTraining, TrainingMonitor
from chem_vae.training.checkpoint_io import SafetensorsIO, find_usable
from chem_vae.training.module import TrainingModule
from chem_vae.training.precision import resolve_precision
from chem_vae.training.training_log import TrainingLog, write_history
from chem_vae.vocabulary import SelfiesVocabulary

__all__ = ["OnValidation", "SampleMetrics", "StopTraining", "TrainingLog", "train", "write_history"]


def train(
    data: TokenDataset,
    validation: TokenDataset,
    vocabulary: SelfiesVocabulary,
    scales: tuple[ConditionScale, ...],
    model_config: ModelConfig,
    config: TrainingConfig,
    *,
    start: ChemVAE | None = None,
    resume_file: Path | None = None,
    progress: Progress = silent,
    sample_metrics: SampleMetrics | None = None,
    on_validation: OnValidation | None = None,
    tensorboard: Path | None = None,
) -> tuple[Checkpoint, TrainingLog]:
    """Train a ChemVAE.

    Where the device runs out of memory, each batch is worked off in halves, quarters and so on from the last checkpoint (or the
    start) on, with a warning; the gradient stays that of the whole batch.

    Args:
        data: Training molecules with their properties (N, P) in raw units.
        validation: Held-out molecules, likewise.
        vocabulary: The vocabulary of the ids.
        scales: One per property.
        model_config: The architecture.
        config: The settings of the training.
        start: A model of these sizes whose weights the training begins with (fine-tuning); it is left as it was.
        resume_file: Written every `checkpoint_seconds`; where it exists, training goes on from it.
        progress: Told of the steps done.
        sample_metrics: Computes shares of prior samples at each validation.
        on_validation: Told of each validation (a resumed run: of those that are still to come); StopTraining from it ends the
            training early.
        tensorboard: A folder that gets the figures of each report as TensorBoard reads them.

    Returns:
        The checkpoint of the best validation, and the log.

    Raises:
        DataError: If there is no training molecule.
        UserError: If figures for TensorBoard are asked for, and it is not installed.
        TrainingError: If the loss is no longer a number, or memory does not even do for one molecule.
    """
    if len(data) == 0:
        raise DataError("there is no molecule to train on: the training split is empty")
    lengths = data.lengths
    max_length = int(1.5 * lengths.max()) + 10
    steps_per_epoch = len(SameLengthBatches(data, config.batch_size, config.seed, 0, config.world_size))
    steps = config.count_epochs(len(data)) * steps_per_epoch
    steps = min(steps, config.max_steps or steps)
    pieces, told = 1, []
    while True:
        torch.manual_seed(config.seed)
        model = ChemVAE(model_config, len(vocabulary), len(scales))
        if start is not None:
            model.load_state_dict(start.state_dict())
        module = TrainingModule(model, config, scales, steps, pieces)
        watch = TrainingMonitor(
            module, validation, vocabulary, max_length, resume_file, progress, sample_metrics, on_validation
        )
        try:
            trainer = _fit(module, watch, data, resume_file, tensorboard)
            break
        except torch.OutOfMemoryError as error:
            told.append(_warn_of_memory(config, pieces, error))
        pieces *= 2  # out here, where the error no longer holds on to the tensors of its frames
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
    if trainer.global_rank > 0:  # a helper process of the first device, which goes on alone
        raise SystemExit(0)
    watch.record.seconds = watch.seconds
    watch.record.warnings += told
    model = module.averaged
    if watch.best_state:
        model.load_state_dict(watch.best_state)
    model.to("cpu").eval()
    return Checkpoint(model, vocabulary, scales, max_length), watch.record


def _fit(
    module: TrainingModule,
    watch: TrainingMonitor,
    data: TokenDataset,
    resume_file: Path | None,
    tensorboard: Path | None,
) -> lightning.Trainer:
    config = module.config
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"lightning\.")
        warnings.filterwarnings("ignore", message=r".*lr_scheduler.step\(\).*")
        trainer = lightning.Trainer(
            accelerator=config.accelerator,
            devices=config.devices,
            num_nodes=config.nodes,
            precision=resolve_precision(config),
            max_steps=module.steps,
            max_epochs=-1,
            callbacks=[watch],
            plugins=[SafetensorsIO()],
            logger=False if tensorboard is None else _open_tensorboard(tensorboard),
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
            limit_val_batches=0,
        )
        batches = SameLengthBatches(data, config.batch_size, config.seed, trainer.global_rank, trainer.world_size)
        usable = find_usable(resume_file, module)
        try:
            trainer.fit(module, train_dataloaders=batches, ckpt_path=str(usable) if usable else None)
        except SystemExit as ended:  # Lightning's answer to Ctrl-C would end a notebook's kernel
            raise KeyboardInterrupt from ended
    return trainer


def _open_tensorboard(folder: Path) -> TensorBoardLogger:
    """Open Lightning's logger for TensorBoard, which writes into the folder itself.

    Raises:
        UserError: If TensorBoard is not installed.
    """
    try:
        return TensorBoardLogger(folder.parent, name=folder.name, version="")
    except ModuleNotFoundError:
        raise UserError("TensorBoard is not installed; install it: pip install 'chem-vae[tensorboard]'") from None


def _warn_of_memory(config: TrainingConfig, pieces: int, error: torch.OutOfMemoryError) -> str:
    """Warn that batches will be worked off in twice as many pieces, and return the warning.

    Raises:
        TrainingError: If that cannot help.
    """
    now, after = -(-config.batch_size // pieces), -(-config.batch_size // (2 * pieces))
    if now == 1 or config.world_size > 1:  # with several devices the others would wait for this one for ever
        raise TrainingError(
            f"the device ran out of memory with {now} molecules at a time; train a smaller model (train.model.decoder_size) "
            "or with a smaller train.training.batch_size"
        ) from error
    message = (
        f"the device ran out of memory with {now} molecules at a time: going on with {after} at a time, which is slower and "
        "changes nothing else"
    )
    warnings.warn(message, MemoryWarning, stacklevel=3)
    return message
