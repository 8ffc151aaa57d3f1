"""Training: the Lightning module, what is watched, and train().

A run that is killed and started again gives the same weights as one that was not: the order of the batches is a
function of (seed, epoch), the random numbers of each step a function of (seed, step), and the rest is in the checkpoint.
"""

from __future__ import annotations

import copy
import csv
import logging
import math
import os
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import lightning
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from chem_vae.analysis import Scores, collapse_advice, exact_reconstruction, idle_advice, score
from chem_vae.checkpoint import Checkpoint, ConditionScale
from chem_vae.config import ModelConfig, TrainingConfig
from chem_vae.data import Batch, SameLengthBatches, TokenDataset
from chem_vae.decoding import decode_ids
from chem_vae.errors import CollapseWarning, DataError, MemoryWarning, TrainingError
from chem_vae.losses import Elbo, beta_at, elbo
from chem_vae.model import ChemVAE
from chem_vae.progress import Progress, silent
from chem_vae.resume import SafetensorsIO
from chem_vae.vocabulary import SelfiesVocabulary

SCORED_MOLECULES = 1000  # of the validation split, at each validation
RECONSTRUCTED_MOLECULES = 200
SAMPLED_MOLECULES = 200

SampleMetrics = Callable[[list[str | None]], dict[str, float]]
"""SELFIES strings of prior samples -> named shares such as valid, unique, novel (chemistry that this room lacks)."""

OnValidation = Callable[[int, dict[str, float]], None]
"""Called after each validation with the step and the row that the log got; it may raise StopTraining."""


class StopTraining(Exception):
    """Raised by a caller's OnValidation: training ends here, in good order, with the best weights so far."""


@dataclass
class TrainingLog:
    """What was watched: one row per report, one per validation, and the warnings."""

    history: list[dict[str, float]] = field(default_factory=list)
    validation: list[dict[str, float]] = field(default_factory=list)
    kl_per_dimension: list[float] = field(default_factory=list)
    """Of the weights that are kept."""
    best: dict[str, float] = field(default_factory=dict)
    """The validation row of the weights that are kept."""
    warnings: list[str] = field(default_factory=list)
    seconds: float = 0.0
    """Training time, over all resumptions."""


class TrainingModule(lightning.LightningModule):
    """ChemVAE with its optimizer and schedules."""

    def __init__(
        self,
        model: ChemVAE,
        config: TrainingConfig,
        scales: tuple[ConditionScale, ...],
        steps: int,
        pieces: int = 1,
    ) -> None:
        super().__init__()
        self.model, self.config, self.steps = model, config, steps
        self.pieces = pieces
        """How many parts a batch is worked off in, where the device has no memory for all of it at once."""
        self.waiting: list[Batch] = []
        self.molecules = 0  # of the batch at work
        self.averaged = copy.deepcopy(model).requires_grad_(False).eval() if config.averaging > 0 else model
        """What is scored and kept: the moving average of the weights (Polyak & Juditsky 1992), or the weights."""
        self.register_buffer("mean", torch.tensor([s.mean for s in scales]), persistent=False)
        self.register_buffer("std", torch.tensor([s.std for s in scales]), persistent=False)
        self.mean: Tensor
        self.std: Tensor

    def configure_optimizers(self) -> Any:
        decayed = [p for p in self.model.parameters() if p.ndim >= 2]
        others = [p for p in self.model.parameters() if p.ndim < 2]
        groups = [
            {"params": decayed, "weight_decay": self.config.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ]
        optimizer = torch.optim.AdamW(groups, lr=self.config.learning_rate, fused=True)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self._learning_rate_factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _learning_rate_factor(self, step: int) -> float:
        """Linear warm-up, then half a cosine down to a hundredth."""
        warmup = max(1, round(self.config.warmup * self.steps))
        if step < warmup:
            return (step + 1) / warmup
        progress = min(1.0, (step - warmup) / max(1, self.steps - warmup))
        return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress))

    def training_step(self, batch: Batch, batch_index: int) -> dict[str, Any]:
        # Random numbers as a function of (seed, step, device): no generator state has to survive a kill.
        torch.manual_seed((self.config.seed * 1_000_003 + self.global_step) * 1009 + self.global_rank)
        first, *self.waiting = _pieces(batch, self.pieces)
        self.molecules = len(batch.tokens)
        terms = self._bound(first)
        return {
            "loss": terms.loss * (len(first.tokens) / self.molecules),
            "terms": terms._replace(loss=terms.loss.detach()),  # of the first piece, a fair sample of the batch
            "beta": self._beta,
            "molecules": self.molecules,
        }

    def backward(self, loss: Tensor, *more: Any, **named: Any) -> None:
        """The gradient of the batch, one piece after the other: no two of them are in memory together."""
        super().backward(loss, *more, **named)
        plugin: Any = self.trainer.precision_plugin
        scaler = getattr(plugin, "scaler", None)
        while self.waiting:
            piece = self.waiting.pop()
            with plugin.train_step_context():
                part = self._bound(piece).loss * (len(piece.tokens) / self.molecules)
            super().backward(part if scaler is None else scaler.scale(part), *more, **named)

    @property
    def _beta(self) -> float:
        return beta_at(self.config, self.global_step / max(1, self.steps))

    def _bound(self, batch: Batch) -> Elbo:
        conditions = (batch.conditions - self.mean) / self.std
        terms = elbo(self.model, batch.tokens, conditions, self._beta, self.config.free_bits)
        if not torch.isfinite(terms.loss):
            raise TrainingError(
                f"the loss is no longer a number (step {self.global_step}); lower train.training.learning_rate "
                f"(now {self.config.learning_rate:g}) or train with precision 32-true"
            )
        return terms

    def configure_gradient_clipping(self, optimizer: Any, *limits: Any, **more: Any) -> None:
        """Lightning's own clipping refuses a fused optimizer, whose step is twice as fast."""
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.gradient_clip, foreach=True)

    def follow(self) -> None:
        """Move the average towards the weights; at the start, where they move fast, more closely."""
        if self.averaged is self.model:
            return
        decay = min(self.config.averaging, (1 + self.global_step) / (10 + self.global_step))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.averaged.parameters()), list(self.model.parameters()), 1 - decay)


class _Watch(Callback):
    """Reports progress, validates, warns of collapse, checkpoints by the clock, and stops early."""

    def __init__(
        self,
        module: TrainingModule,
        validation: TokenDataset,
        vocabulary: SelfiesVocabulary,
        max_length: int,
        resume_file: Path | None,
        progress: Progress,
        sample_metrics: SampleMetrics | None,
        on_validation: OnValidation | None = None,
    ) -> None:
        self.on_validation = on_validation
        self.module, self.config = module, module.config
        self.validation_data = validation.select(_spread(len(validation), SCORED_MOLECULES))
        self.reconstruction_data = validation.select(_spread(len(validation), RECONSTRUCTED_MOLECULES))
        self.vocabulary, self.max_length, self.sample_metrics = vocabulary, max_length, sample_metrics
        self.resume_file, self.progress = resume_file, progress
        self.record = TrainingLog()
        self.best_loss, self.stale = math.inf, 0
        self.best_state: dict[str, Tensor] = {}
        self.collapse: list[str] = []  # the warnings of the log that the latest validation gave
        self.molecules = self.reported_molecules = 0
        self.window: list[dict[str, Any]] = []
        self.seconds_before = 0.0
        self.started = self.saved = self.reported = time.monotonic()
        self.every = max(1, module.steps // self.config.validations)

    # What a resumed run must know; tensors and plain types only.
    def state_dict(self) -> dict[str, Any]:
        return {
            "log": {**asdict(self.record), "seconds": self.seconds},
            "best_loss": self.best_loss,
            "stale": self.stale,
            "molecules": self.molecules,
            "best_state": self.best_state,
            "collapse": list(self.collapse),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.record = TrainingLog(**state_dict["log"])
        self.seconds_before = self.record.seconds
        self.best_loss, self.stale = state_dict["best_loss"], state_dict["stale"]
        self.molecules = self.reported_molecules = state_dict["molecules"]
        self.best_state = state_dict["best_state"]
        self.collapse = list(state_dict.get("collapse", []))

    @property
    def seconds(self) -> float:
        return self.seconds_before + time.monotonic() - self.started

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self.started = self.saved = self.reported = time.monotonic()
        self.progress("train", trainer.global_step, self.module.steps)

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        step, now = trainer.global_step, time.monotonic()
        self.module.follow()
        self.molecules += outputs["molecules"] * trainer.world_size
        self.window.append(outputs)
        last = step >= self.module.steps
        if now - self.reported >= 2.0 or step == 1 or last:
            self._report(trainer, step, now)
        if (step % self.every == 0 and self.module.steps - step >= self.every) or last:
            self._validate(trainer, step)
            self.reported += time.monotonic() - now  # the rate is that of training alone
        due = now - self.saved >= self.config.checkpoint_seconds
        if self.resume_file is not None and trainer.strategy.broadcast(due):  # the first device's clock counts
            trainer.save_checkpoint(self.resume_file)
            self.saved = time.monotonic()

    def _report(self, trainer: Any, step: int, now: float) -> None:
        # Batches of one length differ in loss by their length: a report is the mean over the molecules since the last.
        weights = torch.tensor([float(o["molecules"]) for o in self.window])
        terms = torch.stack([_terms(o["terms"]) for o in self.window]).cpu()
        seen = ~terms.isnan()
        means = (terms.nan_to_num() * weights[:, None]).sum(0) / (seen * weights[:, None]).sum(0)
        reconstruction, without_z, kl = means.tolist()
        row = {
            "step": step,
            "molecules": self.molecules,
            "seconds": self.seconds,
            "reconstruction": reconstruction,
            "without_z": without_z,
            "kl": kl,
            "beta": self.window[-1]["beta"],
            "learning_rate": trainer.optimizers[0].param_groups[0]["lr"],
            "molecules_per_second": (self.molecules - self.reported_molecules) / max(now - self.reported, 1e-9),
        }
        self.reported, self.reported_molecules, self.window = now, self.molecules, []
        self.record.history.append(row)
        figures = {"recon": row["reconstruction"], "KL": row["kl"], "lr": row["learning_rate"]}
        figures["mol/s"] = row["molecules_per_second"]
        if self.record.validation:
            figures["active"] = self.record.validation[-1]["active_units"]
        self.progress("train", step, self.module.steps, figures)

    def _validate(self, trainer: Any, step: int) -> None:
        if len(self.validation_data) == 0:
            return
        # Every device scores the same weights, so that all of them stop together and none waits for another.
        model, scale = self.module.averaged, (self.module.mean.cpu(), self.module.std.cpu())
        scores = score(model, self.validation_data, scale, -(-self.config.batch_size // self.module.pieces))
        row = {
            "step": step,
            "molecules": self.molecules,
            "loss": scores.loss,
            "reconstruction": scores.reconstruction,
            "without_z": scores.without_z,
            "unconditioned": scores.unconditioned,
            "kl": scores.kl,
            "active_units": scores.active_units,
            "exact_reconstruction": exact_reconstruction(model, self.reconstruction_data, self.max_length),
        }
        if self.sample_metrics is not None:
            generator = torch.Generator().manual_seed(self.config.seed)
            z = torch.randn(SAMPLED_MOLECULES, model.latent_size, generator=generator).to(model.device)
            ids = decode_ids(model, z, temperature=1.0, max_length=self.max_length, generator=generator)
            shares = self.sample_metrics([None if i is None else self.vocabulary.decode(i) for i in ids])
            row |= {f"prior_{name}": value for name, value in shares.items()}
        self.record.validation.append(row)
        self._watch_for_collapse(scores, step)
        # Model selection by what is trained for: reconstruction + beta KL, at the final beta.
        selected = scores.reconstruction + self.config.beta * scores.kl
        if selected < self.best_loss:
            self.best_loss, self.stale = selected, 0
            self.record.best, self.record.kl_per_dimension = row, scores.kl_per_dimension.tolist()
            self.best_state = {k: v.detach().cpu().clone() for k, v in model.state_dict().items()}
        else:
            self.stale += 1
        if self.config.patience is not None and self.stale >= self.config.patience:
            self.record.warnings.append(
                f"stopped early at step {step}: no better validation loss in {self.stale} validations"
            )
            trainer.should_stop = True
        if self.on_validation is not None:
            try:
                self.on_validation(step, dict(row))
            except StopTraining as reason:
                self.record.warnings.append(f"stopped at step {step}: {reason}")
                trainer.should_stop = True

    def _watch_for_collapse(self, scores: Scores, step: int) -> None:
        """What is said is of the latest validation; a small KL is to be expected in the first half."""
        self.record.warnings = [w for w in self.record.warnings if w not in self.collapse]
        self.collapse = []
        if 2 * step < self.module.steps:
            return
        latent_size = self.module.model.latent_size
        advice = collapse_advice(scores.kl, scores.active_units, latent_size, self.config.beta)
        if advice:
            warnings.warn(advice, CollapseWarning, stacklevel=2)
        else:  # of the whole posterior there is more to say than of its idle dimensions
            advice = idle_advice(scores.active_units, latent_size)
        self.collapse = [advice] if advice else []
        self.record.warnings += self.collapse


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
) -> tuple[Checkpoint, TrainingLog]:
    """Train a ChemVAE and return the checkpoint of its best validation, with what was watched.

    data, validation: molecules with their properties (N, P) in raw units; scales: one per property. start: a model of
    these sizes whose weights the training begins with (fine-tuning); it is left as it was.
    resume_file: written every `checkpoint_seconds`; where it exists, training goes on from it. on_validation: told of
    each validation (a resumed run: of those that are still to come); StopTraining from it ends the training early.
    Where the device runs out of memory, each batch is worked off in halves, quarters and so on from the last checkpoint
    (or the start) on, with a warning; the gradient stays that of the whole batch. Raises TrainingError when the loss is
    no longer a number or memory does not even do for one molecule, DataError without training molecules.
    """
    if len(data) == 0:
        raise DataError("there is no molecule to train on: the training split is empty")
    lengths = data.lengths
    max_length = int(1.5 * lengths.max()) + 10
    steps_per_epoch = len(SameLengthBatches(data, config.batch_size, config.seed, 0, config.devices))
    steps = config.epochs_for(len(data)) * steps_per_epoch
    steps = min(steps, config.max_steps or steps)
    pieces, told = 1, []
    while True:
        torch.manual_seed(config.seed)
        model = ChemVAE(model_config, len(vocabulary), len(scales))
        if start is not None:
            model.load_state_dict(start.state_dict())
        module = TrainingModule(model, config, scales, steps, pieces)
        watch = _Watch(module, validation, vocabulary, max_length, resume_file, progress, sample_metrics, on_validation)
        try:
            trainer = _fit(module, watch, data, resume_file)
            break
        except torch.OutOfMemoryError as error:
            told.append(_out_of_memory(config, pieces, error))
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


def _fit(module: TrainingModule, watch: _Watch, data: TokenDataset, resume_file: Path | None) -> lightning.Trainer:
    config = module.config
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"lightning\.")
        warnings.filterwarnings("ignore", message=r".*lr_scheduler.step\(\).*")
        trainer = lightning.Trainer(
            accelerator=config.accelerator,
            devices=config.devices,
            precision=resolve_precision(config),
            max_steps=module.steps,
            max_epochs=-1,
            callbacks=[watch],
            plugins=[SafetensorsIO()],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
            limit_val_batches=0,
        )
        batches = SameLengthBatches(data, config.batch_size, config.seed, trainer.global_rank, trainer.world_size)
        resume = str(resume_file) if resume_file is not None and resume_file.exists() else None
        try:
            trainer.fit(module, train_dataloaders=batches, ckpt_path=resume)
        except SystemExit as ended:  # Lightning's answer to Ctrl-C would end a notebook's kernel
            raise KeyboardInterrupt from ended
    return trainer


def _out_of_memory(config: TrainingConfig, pieces: int, error: torch.OutOfMemoryError) -> str:
    """Warn that batches will be worked off in twice as many pieces. Raises TrainingError where that cannot help."""
    now, after = -(-config.batch_size // pieces), -(-config.batch_size // (2 * pieces))
    if now == 1 or config.devices > 1:  # with several devices the others would wait for this one for ever
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


def _pieces(batch: Batch, count: int) -> list[Batch]:
    """The batch in at most so many parts, none of them empty."""
    if count == 1:
        return [batch]
    tokens, conditions = batch.tokens.chunk(count), batch.conditions.chunk(count)
    return [Batch(t, c) for t, c in zip(tokens, conditions, strict=True)]


def resolve_precision(config: TrainingConfig) -> Literal["32-true", "bf16-mixed", "16-mixed"]:
    """What `precision = "auto"` means on this machine."""
    if config.precision != "auto":
        return config.precision
    if config.accelerator != "cpu" and torch.cuda.is_available():
        return "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "32-true"
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return "bf16-mixed" if supported is not None and supported() else "32-true"


def write_history(log: TrainingLog, path: Path) -> None:
    """The training history as CSV."""
    partial = path.with_name(path.name + ".partial")
    with partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(log.history[0]) if log.history else ["step"])
        writer.writeheader()
        writer.writerows(log.history)
    os.replace(partial, path)


def _terms(terms: Elbo) -> Tensor:
    """(3,) reconstruction, without z, KL."""
    return torch.stack([terms.reconstruction.detach(), terms.without_z.detach(), terms.kl.sum()])


def _spread(n: int, most: int) -> Any:
    """At most `most` positions, evenly spread over n."""
    return torch.linspace(0, n - 1, min(n, most)).round().long().numpy() if n else torch.zeros(0).long().numpy()
