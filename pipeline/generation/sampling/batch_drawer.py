"""Draws batches of molecules from a model: decoded, checked, encoded again and valued, in this process or in several."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from chem_vae.errors import UserError
from chem_vae.seeds import number_seed
from pipeline.chemistry.filters.structure_filters import name_first_unusual_of_each
from pipeline.chemistry.molecule import Molecule
from pipeline.chemistry.properties import compute, prepare_worker
from pipeline.generation.annotate import predict_property
from pipeline.generation.config import GenerateConfig
from pipeline.generation.sampling.batch import DrawJob, DrawnBatch
from pipeline.generation.sampling.kept_batches import KeptBatches
from pipeline.models.sampling import draw
from pipeline.models.spelling import encode_valid
from pipeline.models.trained_model import TrainedModel
from pipeline.objectives.desirability import ResolvedObjective
from pipeline.workspace.work.parallel import Workers, count_cores

PARALLEL_FROM = 4_000
"""Draws from which processes of their own are started, each of which loads the model; fewer are made before those are."""


@dataclass(frozen=True)
class BatchDrawer:
    """Draws batches for one generation."""

    model: TrainedModel
    objectives: Sequence[ResolvedObjective]
    config: GenerateConfig
    usual: frozenset[str] | None = None
    """Names and keys of structures that count as usual here (`allowed` of `name_first_unusual_of_each`); with None no molecule is looked at."""
    bounded: Sequence[ResolvedObjective] = ()
    """Only molecules that meet these objectives are looked at for unusual structures."""
    kept: KeptBatches | None = None
    """Where drawn batches are kept; None keeps none."""

    def draw(self, job: DrawJob) -> DrawnBatch:
        """Draw one batch, or take it from those kept; the same job gives the same molecules."""
        if self.kept is None:
            return self._draw(job)
        return self.kept.read(job) or self.kept.write(job, self._draw(job))

    def _draw(self, job: DrawJob) -> DrawnBatch:
        model, config = self.model, self.config
        drawn = draw(
            model.checkpoint,
            torch.from_numpy(job.z),
            torch.from_numpy(job.conditions),
            temperature=config.temperature,
            guidance=config.guidance,
            seed=number_seed(int(config.seed), job.number),
            redraws=config.redraws,
        )
        molecules = [c.molecule and model.standardize(c.molecule) for c in drawn.candidates]
        unchanged = [m == c.molecule for m, c in zip(molecules, drawn.candidates, strict=True)]
        spellings = [s if same else None for s, same in zip(drawn.spellings, unchanged, strict=True)]
        z = encode_valid(model.checkpoint, molecules, spellings)
        values, deviations = evaluate(model, self.objectives, molecules, z)
        unusual = self._name_unusual(molecules, values)
        return DrawnBatch(molecules, drawn.strings, drawn.canonical, z.numpy(), values, deviations, unusual)

    def _name_unusual(
        self, molecules: Sequence[Molecule | None], values: Mapping[str, list[float]]
    ) -> list[str | None]:
        names: list[str | None] = [None] * len(molecules)
        if self.usual is None:
            return names
        fits = np.array([molecule is not None for molecule in molecules], dtype=np.bool_)
        for w in self.bounded:
            fits &= w.find_hits(values[w.summary.name])
        rows = np.flatnonzero(fits).tolist()
        mols = [molecule.mol for row in rows if (molecule := molecules[row]) is not None]
        for row, name in zip(rows, name_first_unusual_of_each(mols, [self.usual] * len(mols)), strict=True):
            names[row] = name
        return names


class BatchPool:
    """A context manager that draws batches in processes of their own where they are many, else in this one.

    Args:
        drawer: What draws.
        draws: About the number of molecules that will be drawn.
    """

    def __init__(self, drawer: BatchDrawer, draws: int) -> None:
        count = count_cores() if draws >= PARALLEL_FROM else 1
        self._draw: Callable[[DrawJob], DrawnBatch] = drawer.draw if count == 1 else draw_in_worker
        names = [w.summary.name for w in drawer.objectives if w.basis == "computed"]
        parts = drawer.model.folder, drawer.objectives, drawer.config, drawer.usual, drawer.bounded, drawer.kept
        setup = partial(open_worker, *parts, prepare_worker(names))
        self._workers = Workers(count, setup, on_cluster=False)  # a cluster need not have the model's folder

    def __enter__(self) -> BatchPool:
        self._workers.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._workers.__exit__(*error)  # type: ignore[arg-type]

    def draw(self, jobs: Iterable[DrawJob]) -> Iterator[DrawnBatch]:
        """Draw the batches of jobs, in their order; jobs are taken a little ahead."""
        return self._workers.map(self._draw, jobs)


_drawer: BatchDrawer | None = None


def open_worker(
    folder: Path,
    objectives: Sequence[ResolvedObjective],
    config: GenerateConfig,
    usual: frozenset[str] | None,
    bounded: Sequence[ResolvedObjective],
    kept: KeptBatches | None,
    prepare: Callable[[], None],
) -> None:
    """Prepare a worker process: open the model, and compute with one thread, as there are as many workers as cores."""
    global _drawer
    torch.set_num_threads(1)
    prepare()
    _drawer = BatchDrawer(TrainedModel.open(folder), objectives, config, usual, bounded, kept)


def draw_in_worker(job: DrawJob) -> DrawnBatch:
    """Draw one batch with the drawer of this process."""
    assert _drawer is not None
    return _drawer.draw(job)


def evaluate(
    model: TrainedModel, objectives: Sequence[ResolvedObjective], molecules: Sequence[Molecule | None], z: Tensor
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Compute or predict the values (n,) of each objective; return them and the deviations of the predicted ones."""
    values: dict[str, list[float]] = {}
    deviations: dict[str, list[float]] = {}
    for w in objectives:
        name = w.summary.name
        if w.basis == "computed":
            values[name] = [compute(m.mol, [name])[0] if m is not None else math.nan for m in molecules]
            continue
        if (found := predict_property(model, name, molecules, z)) is None:
            raise UserError(f"there is no predictor of {name}: too few molecules were measured")
        values[name], deviations[name] = found.mean.tolist(), found.std.tolist()
    return values, deviations
