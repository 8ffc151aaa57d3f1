"""What an optimization starts from: the problem as a strategy is told of it, the seeds, their analogues."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence

import torch
from rdkit import Chem, rdBase

from chem_vae.checkpoint import Checkpoint
from chem_vae.errors import UserError
from chem_vae.optimizers import Problem, Proposal
from pipeline.dataset import Dataset
from pipeline.model import TrainedModel
from pipeline.objectives import Constraints
from pipeline.objectives.latent import draw_conditions, log_desirability
from pipeline.optimization.config import OptimizeConfig
from pipeline.optimization.scoring import Scoring
from pipeline.screening import Screen, variation

POOL = 20_000  # training molecules to start from at most
NEAR_TRIES = 5  # to vary the seeds


def problem_of(
    model: TrainedModel,
    config: OptimizeConfig,
    scoring: Scoring,
    screen: Screen,
    seeds: Sequence[str],
    dataset: Dataset | None,
) -> Problem:
    """seeds: as `seed_strings` spells them. Raises UserError where molecules of a dataset are asked for that is not there."""
    checkpoint = model.checkpoint
    elements = config.elements or _elements(checkpoint, seeds)
    largest = config.max_heavy_atoms or _atom_limit(model, screen, seeds)
    return Problem(
        checkpoint,
        draw_conditions(scoring.wanted, checkpoint),
        log_desirability(scoring.wanted, model.predictors),
        model.latent["mu"].float(),
        screen,
        variation(screen, elements=elements, max_atoms=largest),
        _pool(dataset, screen, int(config.seed)) if config.start == "data" else (),
        config.temperature,
        scoring.several,
    )


def seed_strings(smiles: Sequence[str], screen: Screen, constraints: Constraints) -> list[str]:
    """The SELFIES strings of the seeds. Raises UserError for one that cannot be read or spelled, or breaks a constraint."""
    free, strings = Screen(screen.vocabulary), []
    for text in smiles:
        with rdBase.BlockLogs():
            mol = Chem.MolFromSmiles(text)
        if mol is None or not mol.GetNumAtoms():
            raise UserError(f"the seed {text!r} is no molecule that RDKit can read")
        spelled = free.spellings([Chem.MolToSmiles(mol)])[0]
        if spelled is None:
            raise UserError(f"the seed {text!r} cannot be written as SELFIES")
        if screen([spelled])[0] is None:
            raise UserError(f"the seed {text!r} breaks a constraint: {constraints.check([mol]).reasons[0]}")
        strings.append(spelled)
    return strings


def near_seeds(problem: Problem, seeds: Sequence[str], known: Collection[str], n: int, random: int) -> Proposal | None:
    """A round of analogues of the seeds: what a strategy draws to begin with lies anywhere, and hardly near them.

    known: keys of molecules that were asked about; n: how many at most. None where nothing can be varied.
    """
    assert problem.screen is not None and problem.vary is not None
    keys = [m.key for m in problem.screen(seeds) if m is not None]
    keys = [k for k in keys if "." not in k and Chem.MolFromSmiles(k).GetNumAtoms() > 1]  # what can be varied
    if not keys or n <= 0:
        return None
    found: dict[str, tuple[str, str]] = {}
    for attempt in range(NEAR_TRIES):
        pairs = [(s, parent) for s, parent in problem.vary(keys, 4 * n, random + attempt) if s is not None]
        for (string, parent), m in zip(pairs, problem.screen([s for s, _ in pairs]), strict=True):
            if m is not None and m.key not in known:
                found.setdefault(m.key, (string, parent))
        if len(found) >= n:
            break
        keys = [*keys, *found]  # the next step starts there, too
    rows = list(found.values())[:n]
    if not rows:
        return None
    return known_molecules([s for s, _ in rows], problem.checkpoint)._replace(
        origins=["near a seed"] * len(rows), parents=[parent for _, parent in rows]
    )


def known_molecules(strings: Sequence[str | None], checkpoint: Checkpoint) -> Proposal:
    """Molecules in the form of a proposal."""
    nowhere = torch.full((len(strings), checkpoint.model.latent_size), torch.nan)
    unknown = torch.full((len(strings), len(checkpoint.conditions)), torch.nan)
    return Proposal(nowhere, unknown, list(strings), ["known"] * len(strings))


def _pool(dataset: Dataset | None, screen: Screen, seed: int) -> list[str]:
    if dataset is None:
        raise UserError(
            'start = "data" needs the model\'s dataset in the workspace; ingest it, or start from the prior'
        )
    smiles = dataset.table(["smiles"], split="train")["smiles"]
    drawn = smiles.sample(min(len(smiles), POOL), random_state=seed).tolist()
    return [s for s in screen.spellings(drawn) if s]


def _atom_limit(model: TrainedModel, screen: Screen, seeds: Sequence[str]) -> int:
    """A quarter more heavy atoms than the largest of the seeds and of the molecules that the model knows, as far as some of
    the kept ones tell; 30 at least."""
    strings = model.checkpoint.decode(model.latent["mu"].float()[:200])
    sizes = _sizes(Screen(screen.vocabulary), strings) or [40]
    return max(math.ceil(1.25 * max(sizes + _sizes(screen, seeds))), 30)


def _sizes(screen: Screen, strings: Sequence[str | None]) -> list[int]:
    return [Chem.MolFromSmiles(m.key).GetNumHeavyAtoms() for m in screen(strings) if m is not None]


def _elements(checkpoint: Checkpoint, seeds: Sequence[str]) -> tuple[str, ...]:
    """Of the vocabulary's symbols and the seeds'."""
    found = set()
    for text in (*checkpoint.vocabulary.symbols, *seeds):
        found |= set(re.findall(r"\[[=#\\/]?(?:\d+)?([A-Z][a-z]?)(?=[\]@H+-])", text))
    return tuple(sorted(found - {"H"})) or ("C", "N", "O")
