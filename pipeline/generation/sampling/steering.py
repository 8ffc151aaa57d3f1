"""Steers further draws towards what was asked for, by what the first draws have shown.

Two errors are corrected. Where the molecules have other values than the decoder was asked for, it is asked for values that lie as
far on the other side. Where few molecules meet constraints that are no conditions of the model (a substructure, a similarity),
most further ones are drawn near molecules that meet them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from rdkit import Chem
from torch import Tensor

from chem_vae.latent import sample_shell
from chem_vae.optimizers import Proposal
from pipeline.chemistry.molecule import Molecule, parse_mols
from pipeline.chemistry.properties import PROPERTIES, compute
from pipeline.generation.sampling.constraint_filter import Refusals
from pipeline.models.spelling import encode_valid
from pipeline.models.trained_model import TrainedModel
from pipeline.models.training_set.kept_molecules import read_kept_smiles
from pipeline.objectives.constraints import Constraints, collect_named_molecules

STEP, FARTHEST = 0.7, 1.5
"""The part of an error that is corrected at once, and the largest correction in standard deviations of the data."""
FEW = 0.2
"""The share of molecules that meet the constraints below which further ones are drawn near molecules that meet them."""
NEAR = 0.75
"""The share of further draws that is drawn near such molecules."""
REACH = (0.3, 1.5)
"""How near, in units of the typical distance between nearest training molecules."""
EXAMINED, MOST_STARTS = 2000, 500


class Steering:
    """Changes the proposals of a strategy by what was learned of earlier ones.

    Args:
        model: The trained model.
        constraints: What every molecule has to meet.
        seed: The seed of the random numbers.
    """

    def __init__(self, model: TrainedModel, constraints: Constraints, seed: int) -> None:
        self.model, self.constraints = model, constraints
        self.generator = torch.Generator().manual_seed(seed)
        names = model.checkpoint.conditions
        self.columns = [i for i, name in enumerate(names) if name in PROPERTIES]
        self.names = [names[i] for i in self.columns]
        self.offset = torch.zeros(len(names))
        self.starts: Tensor | None = None
        """Latent points (m, D) of molecules that meet the constraints; None before they are looked for."""
        self.drawn_near = 0
        self._is_structural = any(c.property not in self.names and c.alerts is None for c in constraints.constraints)

    def change(self, proposal: Proposal, refusals: Refusals) -> Proposal:
        """Return a proposal with corrected conditions, and with points near molecules that meet the constraints."""
        proposal = proposal._replace(conditions=proposal.conditions + self.offset)
        if not self._is_structural or refusals.passed >= FEW * refusals.examined:
            return proposal
        if self.starts is None:
            self.starts = self._find_starts()
        if not len(self.starts):
            return proposal
        z, spread = proposal.z.clone(), self.model.measure("data").spread
        rows = (torch.rand(len(z), generator=self.generator) < NEAR).nonzero()[:, 0].tolist()
        low, high = REACH
        for row in rows:
            start = self.starts[int(torch.randint(len(self.starts), (1,), generator=self.generator))]
            reach = low + (high - low) * float(torch.rand(1, generator=self.generator))
            z[row] = sample_shell(start, reach * self.model.typical_distance, 1, spread, self.generator)[0]
        self.drawn_near += len(rows)
        return proposal._replace(z=z)

    def learn(self, asked: Tensor, molecules: Sequence[Molecule | None], z: Tensor, passed: NDArray[np.bool_]) -> None:
        """Learn from the molecules of a proposal.

        Args:
            asked: Standardized conditions (n, P) before they were corrected.
            molecules: n molecules, None where there is none.
            z: Latent points (n, D) of the molecules.
            passed: Whether each molecule met the constraints (n,).
        """
        wanted = torch.isfinite(asked[:, self.columns]).any(dim=0).tolist()
        names = [name for name, is_wanted in zip(self.names, wanted, strict=True) if is_wanted]
        there = [i for i, molecule in enumerate(molecules) if molecule is not None]
        if names and there:
            values = torch.full((len(there), asked.shape[1]), torch.nan)
            columns = [self.model.checkpoint.conditions.index(name) for name in names]
            values[:, columns] = torch.tensor([compute(m.mol, names) for m in molecules if m is not None])
            error = (asked[there] - self.model.checkpoint.standardize_values(values)).nanmean(dim=0).nan_to_num()
            self.offset = (self.offset + STEP * error).clamp(-FARTHEST, FARTHEST)
        if self.starts is not None and len(self.starts) < MOST_STARTS and passed.any():
            more = z[torch.from_numpy(passed)]
            self.starts = torch.cat([self.starts, more[torch.isfinite(more).all(dim=1)]])[:MOST_STARTS]

    def _find_starts(self) -> Tensor:
        """Find molecules that meet the constraints: those that constraints name, and among the model's kept ones."""
        named = [Chem.MolToSmiles(mol) for mol in collect_named_molecules(self.constraints.constraints)]
        kept = read_kept_smiles(self.model)[:EXAMINED]
        passed = self.constraints.check(parse_mols(kept)).passed
        smiles = [*named, *(text for text, fits in zip(kept, passed, strict=True) if fits)]
        z = encode_valid(self.model.checkpoint, smiles[:MOST_STARTS])
        return z[torch.isfinite(z).all(dim=1)]
