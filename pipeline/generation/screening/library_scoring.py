"""Scores chunks of a library in worker processes: standardize, compare with what was measured, hold to the domain and constraints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.chemistry.molecule import Molecule, skeleton_key
from pipeline.chemistry.properties import compute
from pipeline.chemistry.standardization.standardize import Rejection
from pipeline.datasets.building.shards import hash_text
from pipeline.datasets.readers.source import Chunk
from pipeline.generation.acquisition.acquisition_search import AcquisitionScore
from pipeline.generation.config import GenerateConfig
from pipeline.generation.stereo_candidates import SAME
from pipeline.models.trained_model import TrainedModel
from pipeline.objectives.config import USUAL, Constraint
from pipeline.objectives.constraints import Constraints
from pipeline.objectives.desirability import ResolvedObjective, score

ELIGIBLE, HIT = "eligible", "eligible, within target"
DUPLICATE, MEASURED, COPY, OUTSIDE, UNKNOWN, PROPOSED = (
    "duplicate",
    "measured before",
    "stereoisomer of a measured molecule",
    "outside of the domain",
    "without a value",
    "proposed before",
)
"""The fates of a row of the library that is a molecule; what fails a constraint has the constraint's name, and what is unusual has
`UNUSUAL` and its name."""
UNUSUAL = f"{USUAL}: "


@dataclass(frozen=True)
class ScoringTask:
    """Everything that a worker needs to score a library.

    Args:
        folder: The model's folder.
        workspace: The folder in which the model's dataset is looked for.
        config: What is wanted.
        constraints: What every molecule has to meet: those of `config`, and those of the kind of the measured molecules.
        known: The molecules measured so far, as `list_measured_molecules` gives them; None without the dataset.
        measured: The InChIKeys of the molecules that are not chosen, since they were measured.
        usual: What is usual for the model or the user.
    """

    folder: Path
    workspace: Path | None
    config: GenerateConfig
    constraints: tuple[Constraint, ...]
    objectives: tuple[ResolvedObjective, ...]
    known: pd.DataFrame | None
    measured: frozenset[str]
    usual: frozenset[str]


class KeptRow(NamedTuple):
    """A molecule that may be chosen, with its row in the library and the cells of the row."""

    worth: float
    row: int
    smiles: str
    inchikey: str
    cells: dict[str, str | None]
    given: str = ""
    """The SMILES as the library gives it; "" for a mol block."""
    changes: str = ""
    """The changes that standardization made, such as the removal of a salt."""


@dataclass
class ScoredChunk:
    """The account of a chunk: every row is a rejection or has a fate."""

    rows: int
    rejections: list[Rejection]
    keys: NDArray[np.uint64]
    """(m,) a hash of the InChIKey of each molecule, in the order of the rows."""
    fates: list[str]
    """(m,) what became of each molecule."""
    kept: dict[int, KeptRow] = field(default_factory=dict)
    """The eligible molecules by their place among the m."""


class ComputedScore:
    """Scores molecules by computed properties alone: nothing is predicted, so that there is no domain."""

    def __init__(self, objectives: Sequence[ResolvedObjective]) -> None:
        self.objectives = objectives
        self.names = [w.summary.name for w in objectives]

    def compute(self, molecules: Sequence[Molecule]) -> dict[str, list[float]]:
        """Compute the values (n,) of the objectives by property."""
        rows = [compute(m.mol, self.names) for m in molecules]
        return {name: [row[i] for row in rows] for i, name in enumerate(self.names)}


class LibraryScorer:
    """Scores the rows of a library by what measuring them is worth.

    Args:
        task: What is wanted of which model.

    Raises:
        UserError: A property that is wanted can neither be computed nor predicted.
    """

    def __init__(self, task: ScoringTask) -> None:
        self.task = task
        self.model = TrainedModel.open(task.folder, workspace=task.workspace)
        self.standardizer = self.model.speller.standardizer
        self.skeletons = frozenset(map(skeleton_key, task.measured))
        self.constraints = Constraints(task.constraints, task.usual)
        predicted = any(w.basis == "predicted" for w in task.objectives)
        self.worth = (
            AcquisitionScore(self.model, task.objectives, task.config.measured, task.known) if predicted else None
        )
        self.computed = ComputedScore(task.objectives)

    def score(self, chunk: Chunk) -> ScoredChunk:
        """Score the rows of a chunk."""
        molecules, places, rejections = self._standardize(chunk)
        fates = [self._compare(molecule) for molecule in molecules]
        seen: set[str] = set()
        for i, molecule in enumerate(molecules):
            if molecule.inchikey in seen:
                fates[i] = DUPLICATE
            seen.add(molecule.inchikey)
        self._hold_to_domain(molecules, fates)
        self._hold_to_constraints(molecules, fates)
        left = [i for i, fate in enumerate(fates) if fate == ELIGIBLE]
        kept: dict[int, KeptRow] = {}
        for i, (worth, hit, inside) in zip(left, self._measure_worth([molecules[i] for i in left]), strict=True):
            if not np.isfinite(worth):
                fates[i] = UNKNOWN
                continue
            if not inside:
                fates[i] = OUTSIDE
                continue
            fates[i] = HIT if hit else ELIGIBLE
            place = places[i]
            cells = {name: column[place] for name, column in chunk.columns.items()}
            molecule, given = molecules[i], "" if chunk.molblocks else chunk.inputs[place] or ""
            changes = "; ".join(map(str, molecule.changes))
            kept[i] = KeptRow(worth, chunk.rows[place], molecule.smiles, molecule.inchikey, cells, given, changes)
        keys = np.array([hash_text(m.inchikey) for m in molecules], dtype=np.uint64)
        return ScoredChunk(len(chunk), rejections, keys, fates, kept)

    def _standardize(self, chunk: Chunk) -> tuple[list[Molecule], list[int], list[Rejection]]:
        """Standardize the rows of a chunk; return the molecules, their places in the chunk, and the rejections."""
        molecules, places, rejections = list[Molecule](), list[int](), list(chunk.rejections)
        for place, (row, text) in enumerate(zip(chunk.rows, chunk.inputs, strict=True)):
            read = self.standardizer.from_molblock if chunk.molblocks else self.standardizer
            found = read(text or "", row)
            if isinstance(found, Rejection):
                rejections.append(found)
            else:
                molecules.append(found)
                places.append(place)
        return molecules, places, rejections

    def _compare(self, molecule: Molecule) -> str:
        """Say whether a molecule was measured before, is a stereoisomer of a measured one, or may be chosen."""
        if molecule.inchikey in self.task.measured:
            return MEASURED
        if not self.task.config.allow_stereo_copies and molecule.stereo_blind_key in self.skeletons:
            return COPY
        return ELIGIBLE

    def _hold_to_domain(self, molecules: Sequence[Molecule], fates: list[str]) -> None:
        """Set the fates of the molecules of which a prediction does not count.

        Where the measured molecules are not at hand, one with the very fingerprint of a measured one counts as measured.
        """
        if self.worth is None:
            return
        left = [i for i, fate in enumerate(fates) if fate == ELIGIBLE]
        some = [molecules[i] for i in left]
        nearest = [p.similarity(some) for p in self.worth.predictors]
        shares = [n / max(f, 1e-6) for n, f in zip(nearest, self.worth.floors, strict=True)]
        inside, same = torch.stack(shares).amin(dim=0), torch.stack(nearest).amin(dim=0) >= SAME
        for i, share, is_same in zip(left, inside.tolist(), same.tolist(), strict=True):
            if is_same and not self.task.measured:
                fates[i] = MEASURED
            elif share < 1.0 and not self.task.config.measured.outside_domain:
                fates[i] = OUTSIDE

    def _hold_to_constraints(self, molecules: Sequence[Molecule], fates: list[str]) -> None:
        """Set the fates of the molecules that fail a constraint, or in which something is unusual."""
        left = [i for i, fate in enumerate(fates) if fate == ELIGIBLE]
        for i in left if len(self.constraints) else ():
            checked = self.constraints.check([molecules[i].mol])
            if (reason := checked.reasons[0]) is not None:
                fates[i] = f"{UNUSUAL}{next(iter(checked.unusual), '')}" if reason == USUAL else reason

    def _measure_worth(self, molecules: Sequence[Molecule]) -> list[tuple[float, bool, bool]]:
        """Return for each molecule what measuring it is worth, NaN where a value is missing, whether it is a hit, and whether its
        prediction counts."""
        if not molecules:
            return []
        objectives = self.task.objectives
        if self.worth is None:
            values = self.computed.compute(molecules)
            worth, counts = score(objectives, values, len(molecules)).tolist(), [True] * len(molecules)
        else:
            computed, predicted, _, inside = self.worth.predict(molecules)
            means: dict[str, Tensor] = computed | {name: p.mean for name, p in predicted.items()}
            values = {name: v.tolist() for name, v in means.items()}
            told = self.worth.score(molecules, computed, predicted, inside).numpy()
            counts = (inside.ge(1.0) | self.task.config.measured.outside_domain).tolist()
            worth = np.where(np.isfinite(np.array(list(values.values()))).all(axis=0), told, np.nan).tolist()
        hits = np.logical_and.reduce([w.find_hits(values[w.summary.name]) for w in objectives])
        return list(zip(worth, hits.tolist(), counts, strict=True))


_scorer: LibraryScorer | None = None


def open_scorer(task: ScoringTask) -> LibraryScorer:
    """Open the scorer of this process, which `score_chunk` uses."""
    global _scorer
    _scorer = LibraryScorer(task)
    return _scorer


def open_worker(task: ScoringTask) -> None:
    """Prepare a worker process: one thread each, as there are as many workers as cores."""
    torch.set_num_threads(1)
    open_scorer(task)


def score_chunk(chunk: Chunk) -> ScoredChunk:
    """Score a chunk with the scorer of this process."""
    assert _scorer is not None
    return _scorer.score(chunk)
