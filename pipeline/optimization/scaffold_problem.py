"""Makes the problem of a search keep a scaffold: its start, its variations, and whatever a strategy decodes."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from rdkit import Chem

from chem_vae.errors import UserError
from chem_vae.optimizers import Problem
from chem_vae.progress import Progress, silent
from pipeline.chemistry.config import ScaffoldConfig
from pipeline.chemistry.variation.grafting import graft
from pipeline.chemistry.variation.scaffold_variation import ScaffoldVariation
from pipeline.chemistry.variation.scaffolds import Scaffold
from pipeline.models.scaffolds.scaffold_proposals import ScaffoldProposals
from pipeline.models.trained_model import TrainedModel
from pipeline.optimization.screen import Screen

PROPOSED = 300  # molecules that a search starts from at most


def keep_scaffold(
    problem: Problem,
    model: TrainedModel,
    scaffold: Scaffold,
    settings: ScaffoldConfig,
    *,
    screen: Screen,
    allowed: Collection[str] | None,
    n: int,
    seed: int,
    progress: Progress = silent,
) -> Problem:
    """Change what a strategy is told, so that all that it proposes keeps a scaffold.

    It starts from molecules of the model around the scaffold, varies groups alone, and what it decodes is put onto the scaffold
    where it lacks it.

    Args:
        problem: The problem without the scaffold.
        model: The trained model.
        scaffold: The scaffold.
        settings: Its settings.
        screen: The screen of the search, which refuses what lacks the scaffold.
        allowed: Unusual motifs that molecules may have; None: any.
        n: Molecules to start from.
        seed: The seed of the proposals.
        progress: Told the stage "scaffold".

    Raises:
        UserError: The model cannot grow from the scaffold, or nothing that keeps it meets the constraints.
    """
    proposals = ScaffoldProposals(
        model,
        scaffold,
        most_atoms=settings.most_atoms,
        allowed=allowed,
        temperature=problem.temperature,
        seed=seed,
        progress=progress,
    )
    proposed = proposals.propose(3 * n)
    order = proposals.order([(p.smiles, p.log_q) for p in proposed])
    spelled = [s for s in screen.spell([proposed[i].smiles for i in order]) if s][:n]
    if not spelled and not problem.pool:
        screen.explain([s for s in Screen(screen.vocabulary).spell([p.smiles for p in proposed]) if s])
        raise UserError(
            f"no molecule was found that keeps the scaffold {scaffold.text} and meets the constraints; allow more atoms with "
            "--added-atoms (scaffold.most_atoms), or drop a constraint"
        )
    variation = proposals.variation
    return replace(
        problem,
        pool=[*problem.pool, *spelled],
        vary=_make_variation(variation, screen),
        vary_molecules=None,
        narrow=None,
        adapt=_make_adaptation(variation, screen),
    )


Vary = Callable[[Sequence[str], int, int], list[tuple[str | None, str]]]
Adapt = Callable[[Sequence[str | None], int], list[str | None]]


def _make_variation(variation: ScaffoldVariation, screen: Screen) -> Vary:
    def vary(keys: Sequence[str], n: int, seed: int) -> list[tuple[str | None, str]]:
        pairs = variation.vary(keys, n, seed)
        spelled = screen.spell([child for child, _ in pairs])
        return [(string, parent) for string, (_, parent) in zip(spelled, pairs, strict=True)]

    return vary


def _make_adaptation(variation: ScaffoldVariation, screen: Screen) -> Adapt:
    free = Screen(screen.vocabulary, cache=5000)

    def adapt(strings: Sequence[str | None], seed: int) -> list[str | None]:
        rng = random.Random(seed)
        mols = [Chem.MolFromSmiles(m.key) if m is not None else None for m in free(strings)]
        return screen.spell([graft(variation, mol, rng) if mol is not None else None for mol in mols])

    return adapt
