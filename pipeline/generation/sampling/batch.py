"""A batch of draws from a model: the points that it is drawn from, and the molecules that came of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chem_vae.optimizers import Proposal
from pipeline.chemistry.metrics import Share
from pipeline.chemistry.molecule import Molecule


@dataclass(frozen=True)
class DrawJob:
    """The points that one batch is drawn from; arrays, since tensors would take shared memory to reach another process."""

    number: int
    """The draws before this batch."""
    z: NDArray[np.float32]
    """(n, D) latent points; NaN where the molecule is drawn without one."""
    conditions: NDArray[np.float32]
    """(n, P) standardized conditions; NaN where nothing is asked for."""


@dataclass(frozen=True)
class DrawnBatch:
    """The molecules that were drawn from the n points of a job, with their strings and values; row i is of point i."""

    molecules: list[Molecule | None]
    """In the standard form of the training data; None where there is no molecule."""
    strings: list[str | None]
    """The decoded SELFIES strings."""
    canonical: Share
    """How many of the decoded strings are the canonical spelling of their molecule."""
    encoded: NDArray[np.float32]
    """(n, D) where each molecule itself lies; NaN where there is none."""
    values: dict[str, list[float]]
    """The values (n,) of each objective."""
    deviations: dict[str, list[float]]
    """The deviations (n,) of the predicted ones."""
    unusual: list[str | None]
    """The name of the first unusual structure of each molecule. None where there is no such structure, or where `pipeline.generation.sampling.batch_drawer.BatchDrawer` does not look for one."""


def make_job(number: int, proposal: Proposal) -> DrawJob:
    """Make the job that draws from a proposal."""
    z, conditions = proposal.z.float().numpy(force=True), proposal.conditions.float().numpy(force=True)
    return DrawJob(number, z, conditions)
