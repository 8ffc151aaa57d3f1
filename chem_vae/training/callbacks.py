"""The callback that watches a training: log, validations, early stopping, warnings of collapse, and resume files."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from chem_vae.analysis import (
    FEWEST_FOR_VARIANCE,
    Scores,
    advise_on_collapse,
    advise_on_idle_dimensions,
    measure_exact_reconstruction,
    score,
)
from chem_vae.data import TokenDataset
from chem_vae.decoding import decode_ids
from chem_vae.errors import CollapseWarning
from chem_vae.progress import Progress
from chem_vae.training.losses import Elbo
from chem_vae.training.module import TrainingModule
from chem_vae.training.training_log import TrainingLog
from chem_vae.vocabulary import SelfiesVocabulary

SCORED_MOLECULES = 1000  # of the validation split, at each validation
RECONSTRUCTED_MOLECULES = 200
SAMPLED_MOLECULES = 200
RISING = 1.2  # times the KL of the validation before
FEWEST_STEPS = 50
"""Steps of a training below which a small KL says that little was learned yet, not that the posterior has collapsed."""

SampleMetrics = Callable[[list[str | None]], dict[str, float]]
"""SELFIES strings of prior samples -> named shares such as valid, unique, novel (chemistry that this room lacks)."""

OnValidation = Callable[[int, dict[str, float]], None]
"""Called after each validation with the step and the row that the log got; it may raise StopTraining."""


class StopTraining(Exception):
    """Raised by a caller's OnValidation to end the training in good order, with the best weights so far."""


class TrainingMonitor(Callback):
    """Reports progress, validates, keeps the best weights, warns of collapse, stops early, and writes the resume file by the clock.

    Args:
        module: The module that is trained.
        validation: Molecules to score; some of them, evenly spread, are used.
        vocabulary: To spell sampled molecules.
        max_length: The most ids of a decoded molecule.
        resume_file: Written every `checkpoint_seconds`; None for none.
        progress: Told of the steps done.
        sample_metrics: Computes shares of prior samples at each validation; None for none.
        on_validation: Called after each validation; it may raise StopTraining.
    """

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
        self.validation_data = validation.select(_spread_evenly(len(validation), SCORED_MOLECULES))
        self.reconstruction_data = validation.select(_spread_evenly(len(validation), RECONSTRUCTED_MOLECULES))
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

    @property
    def state_key(self) -> str:
        """The callback's name in resume files, which is that of version 0.1.0."""
        return "Watch"

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

    def on_fit_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        if self.record.ended:  # killed after it had ended: no further step is taken
            trainer.should_stop = True

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self.started = self.saved = self.reported = time.monotonic()
        self.progress("train", trainer.global_step, self.module.steps)

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        step, now = trainer.global_step, time.monotonic()
        self.module.update_average()
        self.molecules += outputs["molecules"] * trainer.world_size
        self.window.append(outputs)
        last = step >= self.module.steps
        if now - self.reported >= 2.0 or step == 1 or last:
            self._report(trainer, step, now)
        if self._is_validation_due(step):
            self._validate(trainer, step)
            self.reported += time.monotonic() - now  # the rate is that of training alone
        due = now - self.saved >= self.config.checkpoint_seconds
        if self.resume_file is not None and trainer.strategy.broadcast(due):  # the first device's clock counts
            trainer.save_checkpoint(self.resume_file)
            self.saved = time.monotonic()

    def _is_validation_due(self, step: int) -> bool:
        """Tell whether a step is one of `validations` that are evenly spread, the last of which is the last step."""
        wanted, steps = self.config.validations, self.module.steps
        return step * wanted // steps > (step - 1) * wanted // steps

    def _report(self, trainer: Any, step: int, now: float) -> None:
        # Batches of one length differ in loss by their length: a report is the mean over the molecules since the last.
        weights = torch.tensor([float(o["molecules"]) for o in self.window])
        terms = torch.stack([_stack_terms(o["terms"]) for o in self.window]).cpu()
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
        if trainer.logger is not None:
            figures = {name: value for name, value in row.items() if name != "step" and math.isfinite(value)}
            trainer.logger.log_metrics(figures, step=int(row["step"]))
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
            "exact_reconstruction": measure_exact_reconstruction(model, self.reconstruction_data, self.max_length),
        }
        if self.sample_metrics is not None:
            generator = torch.Generator().manual_seed(self.config.seed)
            z = torch.randn(SAMPLED_MOLECULES, model.latent_size, generator=generator).to(model.device)
            ids = decode_ids(model, z, temperature=1.0, max_length=self.max_length, generator=generator)
            shares = self.sample_metrics([None if i is None else self.vocabulary.decode(i) for i in ids])
            row |= {f"prior_{name}": value for name, value in shares.items()}
        self.record.validation.append(row)
        self._warn_of_collapse(scores, step)
        # Model selection by what is trained for, at the final beta.
        without = model.config.latent_dropout
        with_z = scores.reconstruction + self.config.beta * scores.kl
        selected = (1 - without) * with_z + without * scores.without_z
        if selected < self.best_loss:
            self.best_loss, self.stale = selected, 0
            self.record.best, self.record.kl_per_dimension = row, scores.kl_per_dimension.tolist()
            self.best_state = {k: v.detach().cpu().clone() for k, v in model.state_dict().items()}
        else:
            self.stale += 1
        if self.config.patience is not None and self.stale >= self.config.patience:
            self.record.ended = f"at step {step:,}: no better validation loss in {self.stale} validations"
            trainer.should_stop = True
        if self.on_validation is not None:
            try:
                self.on_validation(step, dict(row))
            except StopTraining as reason:
                self.record.ended = f"at step {step:,}: {reason}"
                trainer.should_stop = True

    def _warn_of_collapse(self, scores: Scores, step: int) -> None:
        """Keep the warnings of the latest validation alone; a small KL is to be expected in the first half of the training.

        After a few steps it is small for want of training, as it is where it still rises and there are few molecules.
        Of a few molecules it is not known which dimensions are idle.
        """
        self.record.warnings = [w for w in self.record.warnings if w not in self.collapse]
        self.collapse = []
        if 2 * step < self.module.steps or self.module.steps < FEWEST_STEPS:
            return
        latent_size = self.module.model.latent_size
        few = len(self.validation_data) < FEWEST_FOR_VARIANCE
        before = [row["kl"] for row in self.record.validation[-2:-1]]
        if few and before and scores.active_units and scores.kl > RISING * before[0]:
            return
        advice = advise_on_collapse(scores.kl, scores.active_units, latent_size, self.config.beta)
        if advice:
            warnings.warn(advice, CollapseWarning, stacklevel=2)
        elif not few:  # of the whole posterior there is more to say than of its idle dimensions
            advice = advise_on_idle_dimensions(scores.active_units, latent_size)
        self.collapse = [advice] if advice else []
        self.record.warnings += self.collapse


def _stack_terms(terms: Elbo) -> Tensor:
    """Stack the terms to report: (3,) reconstruction, without z, KL."""
    return torch.stack([terms.reconstruction.detach(), terms.without_z.detach(), terms.kl.sum()])


def _spread_evenly(n: int, most: int) -> Any:
    """Return at most `most` positions, evenly spread over n."""
    return torch.linspace(0, n - 1, min(n, most)).round().long().numpy() if n else torch.zeros(0).long().numpy()
