"""Generates molecules that keep a scaffold: proposes them, holds them to the constraints, scores them, and varies the best."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

from chem_vae.progress import Progress
from chem_vae.seeds import derive_seed
from pipeline.chemistry.config import ScaffoldConfig
from pipeline.chemistry.molecule import Molecule
from pipeline.chemistry.variation.scaffold_request import open_scaffold
from pipeline.generation.config import SCAFFOLD, GenerateConfig
from pipeline.generation.sampling.batch_drawer import evaluate
from pipeline.generation.sampling.constraint_filter import MEETS, Refusals
from pipeline.generation.sampling.direct import COLUMNS, LESS, LOOKED_AT, SearchResult, explain_stop
from pipeline.models.scaffolds.scaffold_proposals import ScaffoldProposals
from pipeline.models.spelling import encode_valid, write_selfies
from pipeline.models.trained_model import TrainedModel
from pipeline.objectives.constraints import Constraints
from pipeline.objectives.desirability import ResolvedObjective, score
from pipeline.objectives.latent_objective import draw_conditions
from pipeline.workspace.progress.found_molecules import BestFound
from pipeline.workspace.work.long_work import watch_long_work

ROUNDS = 4  # rounds of varying the best molecules, where there is an objective
PARENTS = 50  # molecules that are varied


def search_scaffold(
    model: TrainedModel,
    objectives: Sequence[ResolvedObjective],
    config: GenerateConfig,
    samples: int,
    progress: Progress,
    constraints: Constraints,
    allowed: Collection[str] = (),
) -> SearchResult:
    """Search for molecules that keep the scaffold of the settings.

    Without an objective the molecules come in the order in which the model would make such molecules. With objectives half of
    them are made so, and the others by varying the groups of the best.

    Args:
        model: The trained model.
        objectives: The resolved objectives.
        config: The settings, with a scaffold.
        samples: The number of molecules to look at.
        progress: Told the stages "scaffold" and "generate".
        constraints: A molecule that breaks one is counted, and is no row of the result.
        allowed: What molecules may have although it is unusual; what the scaffold itself has is allowed in any case.

    Raises:
        UserError: The scaffold cannot be read, or the model cannot grow from it.
    """
    assert config.scaffold is not None
    seed = int(config.seed)
    generator = torch.Generator().manual_seed(seed)
    asked = draw_conditions(objectives, model.checkpoint)(1, generator) if objectives else None
    proposals = ScaffoldProposals(
        model,
        open_scaffold(config.scaffold),
        most_atoms=config.scaffold.most_atoms,
        allowed=allowed,
        conditions=asked,
        temperature=config.temperature,
        seed=seed,
        progress=progress,
    )
    found = _Found(model, objectives, constraints, proposals, samples, progress)
    first = math.ceil(samples / 2) if objectives else samples
    with watch_long_work(LOOKED_AT, LESS) as work:
        for start in range(0, first, config.batch_size):
            if work.is_stopped():
                break
            found.propose(min(config.batch_size, first - start))
            work.look(found.done, samples)
        size = max(1, (samples - first) // ROUNDS)
        for number in range(ROUNDS if objectives else 0):
            if work.is_stopped():
                break
            found.vary(size, derive_seed(seed, 3, number) % 2**31)
        stopped = work.is_stopped()
    if not objectives:
        found.order()
    return found.build_result(config, stopped)


def name_groups(candidates: pd.DataFrame, config: ScaffoldConfig) -> pd.DataFrame:
    """Add a column for each attachment point ("R1", "R2" ...) with the group there; a group at several points is "R1,R2".

    The table needs the column `molecule`; it is changed and returned.
    """
    scaffold = open_scaffold(config)
    placed = [scaffold.place(molecule.mol) for molecule in candidates["molecule"]]
    groups = [p.describe() if p is not None else {} for p in placed]
    for name in sorted({name for row in groups for name in row}):
        candidates[name] = pd.Series([row.get(name, "") for row in groups], index=candidates.index, dtype=object)
    return candidates


class _Found:
    """The distinct molecules of a search, and all counts."""

    def __init__(
        self,
        model: TrainedModel,
        objectives: Sequence[ResolvedObjective],
        constraints: Constraints,
        proposals: ScaffoldProposals,
        samples: int,
        progress: Progress,
    ) -> None:
        self.model, self.objectives, self.constraints = model, objectives, constraints
        self.proposals, self.samples, self.progress = proposals, samples, progress
        self.rows: list[dict[str, Any]] = []
        self.refusals = Refusals()
        self.counts = {"requested": 0, "valid": 0, "unique": 0}
        self._seen: set[str] = set()
        self.best = BestFound()
        self._proposed: set[str] = set()

    def propose(self, n: int) -> None:
        """Propose n more molecules."""
        drawn, sound = self.proposals.drawn, self.proposals.sound
        proposed = self.proposals.propose(n, self._proposed)
        self._proposed |= {p.smiles for p in proposed}
        self._examine(
            [p.smiles for p in proposed],
            [p.log_q for p in proposed],
            self.proposals.drawn - drawn,
            self.proposals.sound - sound,
        )

    def vary(self, n: int, seed: int) -> None:
        """Vary the groups of the best molecules."""
        best = sorted(self.rows, key=lambda row: -row["score"] if math.isfinite(row["score"]) else math.inf)
        parents = [row["smiles"] for row in best[:PARENTS]]
        if not parents:
            return self.propose(n)
        children = [child for child, _ in self.proposals.variation.vary(parents, n, seed) if child is not None]
        self._examine(children, [math.nan] * len(children), n, len(children))
        return None

    def order(self) -> None:
        """Order the molecules as the model would make such molecules."""
        order = self.proposals.order([(row["smiles"], row["log_q"]) for row in self.rows])
        self.rows = [self.rows[i] for i in order]
        for place, row in enumerate(self.rows):
            row["sample"] = place

    @property
    def done(self) -> int:
        """The number of molecules that were looked at."""
        return min(self.counts["requested"], self.samples)

    def build_result(self, config: GenerateConfig, stopped: bool) -> SearchResult:
        """Put the result together; `stopped` says that a person stopped the search."""
        if len(self.constraints):
            self.counts[MEETS] = self.refusals.passed
        for row in self.rows:
            row.pop("log_q")
        warnings = [explain_stop(self.done, self.samples)] if stopped else []
        if not stopped and self.counts["unique"] < min(config.n, self.samples):
            scaffold = self.proposals.scaffold
            warnings.append(
                f"only {self.counts['unique']:,} molecules were found that keep the scaffold {scaffold.text} and are sound and usual: "
                f"there are few groups that fit it in {self.proposals.max_atoms} heavy atoms; allow more with --added-atoms (scaffold.most_atoms)"
            )
        total = self.done if stopped else self.samples
        self.progress("generate", total, total)
        frame = pd.DataFrame(self.rows, columns=None if self.rows else COLUMNS)
        return SearchResult(frame, self.counts, warnings=warnings, refusals=self.refusals)

    def _examine(self, smiles: Sequence[str], log_q: Sequence[float], drawn: int, sound: int) -> None:
        """Hold molecules to the constraints and score them."""
        self.counts["requested"] += drawn
        self.counts["valid"] += sound
        fresh: dict[str, tuple[Molecule, float]] = {}
        for text, weight in zip(smiles, log_q, strict=True):
            molecule = self._standardize(Molecule(text))
            if molecule.inchikey and molecule.inchikey not in self._seen:
                fresh.setdefault(molecule.inchikey, (molecule, weight))
        self._seen |= fresh.keys()
        self.counts["unique"] = len(self._seen)
        passed = self.refusals.check(self.constraints, [m for m, _ in fresh.values()])
        kept = [pair for pair, fits in zip(fresh.values(), passed, strict=True) if fits]
        molecules = [m for m, _ in kept]
        z = encode_valid(self.model.checkpoint, molecules)
        values, deviations = evaluate(self.model, self.objectives, molecules, z)
        scores = score(self.objectives, values, len(kept))
        self.best.add([m.smiles for m in molecules], scores.tolist(), values)
        hits = [w.find_hits(values[w.summary.name]) for w in self.objectives]
        within = np.logical_and.reduce([np.ones(len(kept), bool), *hits])
        for i, (molecule, weight) in enumerate(kept):
            row = {
                "smiles": molecule.smiles,
                "inchikey": molecule.inchikey,
                "score": scores[i],
                "sample": len(self.rows),
            }
            string = write_selfies(molecule.smiles, self.model.checkpoint.vocabulary)
            row |= {"selfies": string, "strategy": SCAFFOLD, "z": z[i], "molecule": molecule}
            for w in self.objectives:
                name = w.summary.name
                row[f"{name}_{w.basis}"] = values[name][i]
                if w.basis == "predicted" and not w.summary.classes:
                    row[f"{name}_predicted_std"] = deviations[name][i]
            self.rows.append(row | {"within_target": bool(within[i]), "log_q": weight})
        shares = {"valid": self.counts["valid"] / max(1, self.counts["requested"]), "unique": len(self._seen)}
        self.progress("generate", self.done, self.samples, shares)

    def _standardize(self, molecule: Molecule) -> Molecule:
        """Bring a molecule to the standard form of the model's data, unless this would change the scaffold (a charge)."""
        standard = self.model.standardize(molecule)
        return standard if self.proposals.scaffold.is_in(standard.mol) else molecule
