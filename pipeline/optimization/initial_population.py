"""What an optimization starts from: the problem as a strategy is told of it, the seeds, their analogues."""

from __future__ import annotations

import math
import re
import warnings
from collections import Counter
from collections.abc import Collection, Sequence
from typing import NamedTuple

import pandas as pd
import torch
from rdkit import Chem, rdBase
from torch import Tensor

from chem_vae.checkpoint import Checkpoint
from chem_vae.errors import ChemVAEWarning, UserError
from chem_vae.optimizers import Problem, Proposal
from pipeline.chemistry.structure_filters import oddities
from pipeline.datasets.dataset import Dataset
from pipeline.models.trained_model import TrainedModel
from pipeline.objectives.constraints import Constraints
from pipeline.objectives.desirability import score
from pipeline.objectives.latent_objective import draw_conditions, log_desirability
from pipeline.optimization.config import OptimizeConfig
from pipeline.optimization.result import ranked
from pipeline.optimization.scoring import Scoring
from pipeline.optimization.screen import Screen, variation

POOL = 20_000  # training molecules to start from at most
BEST = 100  # of the dataset, that the oracle is asked about first
_SCREENED_AT_ONCE = 500
NEAR_TRIES = 5  # to vary the seeds
SHOWN = 400  # of the model's molecules, to tell what is usual


class Usual(NamedTuple):
    """What the molecules given and the model's own are like, as far as some of the kept ones tell."""

    heavy_atoms: int
    """Of the largest."""
    oddities: frozenset[str]
    """Of what was given, and of one in a hundred of the others."""

    @classmethod
    def of(cls, checkpoint: Checkpoint, points: Tensor, given: Sequence[Chem.Mol]) -> Usual:
        """points: where molecules of the model lie (m, D); given: seeds, and what the constraints name."""
        strings = checkpoint.decode(points[:SHOWN].float())
        own = [Chem.MolFromSmiles(m.key) for m in Screen(checkpoint.vocabulary)(strings) if m is not None]
        counts = Counter(oddity for mol in own for oddity in oddities(mol))
        common = {oddity for oddity, count in counts.items() if count >= max(2, 0.01 * len(own))}
        sizes = [mol.GetNumHeavyAtoms() for mol in (*own, *given)]
        return cls(max(sizes, default=40), frozenset(common.union(*map(oddities, given))))


def problem_of(
    model: TrainedModel,
    config: OptimizeConfig,
    scoring: Scoring,
    screen: Screen,
    usual: Usual,
    seeds: Sequence[str],
    dataset: Dataset | None,
) -> Problem:
    """seeds: as `seed_strings` spells them. Raises UserError where molecules of a dataset are asked for that is not there."""
    checkpoint = model.checkpoint
    elements = config.elements or _elements(checkpoint, seeds)
    largest = config.max_heavy_atoms or max(math.ceil(1.25 * usual.heavy_atoms), 30)
    return Problem(
        checkpoint,
        draw_conditions(scoring.objectives, checkpoint),
        log_desirability(scoring.objectives, model.predictors),
        model.latent["mu"].float(),
        screen,
        variation(screen, elements=elements, max_atoms=largest),
        _pool(dataset, screen, int(config.seed)) if config.start == "data" else (),
        config.temperature,
        scoring.several,
    )


def read_seeds(smiles: Sequence[str]) -> list[Chem.Mol]:
    """Raises UserError for one that cannot be read."""
    mols = []
    for text in smiles:
        with rdBase.BlockLogs():
            mol = Chem.MolFromSmiles(text)
        if mol is None or not mol.GetNumAtoms():
            raise UserError(f"the seed {text!r} is no molecule that RDKit can read")
        mols.append(mol)
    return mols


def seed_strings(mols: Sequence[Chem.Mol], screen: Screen, constraints: Constraints) -> list[str]:
    """The SELFIES strings of the seeds. Raises UserError for one that cannot be spelled, or breaks a constraint."""
    free, strings = Screen(screen.vocabulary), []
    for mol in mols:
        text = Chem.MolToSmiles(mol)
        spelled = free.spellings([text])[0]
        if spelled is None:
            raise UserError(f"the seed {text!r} cannot be written as SELFIES")
        if screen([spelled])[0] is None:
            raise UserError(f"the seed {text!r} breaks a constraint: {constraints.check([mol]).reasons[0]}")
        if missing := screen.vocabulary.missing(spelled):
            warnings.warn(
                f"the model has never seen {', '.join(missing)} and cannot encode the seed {text}: it is asked about and varied "
                "as a structure, but no search in the latent space starts from it; fine-tune the model on such molecules",
                ChemVAEWarning,
                stacklevel=2,
            )
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


def best_known(config: OptimizeConfig, scoring: Scoring, screen: Screen, dataset: Dataset | None) -> list[str]:
    """The SELFIES strings of the molecules of a dataset, whatever their split, that do best by those objectives of which it has
    values, best first, `per_scaffold` of a scaffold at most: BEST, but a quarter of the budget, or a round where that is more.

    Raises UserError where the dataset is not there, or has no column that an objective names.
    """
    dataset = _there(dataset, "best")
    columns = [p.name for p in dataset.properties]
    objectives = [w for w in scoring.objectives if w.about.name in columns]
    names = [w.about.name for w in objectives]
    if not objectives:
        raise UserError(
            f'start = "best" ranks by the columns of the dataset {dataset.name} ({", ".join(columns) or "none"}), and no objective '
            f"is called like one of them: {', '.join(w.about.name for w in scoring.objectives)}"
        )
    n = min(BEST, max(config.rounds_of(), config.oracle_calls // 4))
    table = dataset.table(["smiles", *names])
    values = {name: table[name].astype(float).tolist() for name in names}
    table["score"] = score(
        objectives, values, len(table), "arithmetic" if config.aggregate == "arithmetic" else "geometric"
    )
    table["order"] = range(len(table))
    table = table.dropna(subset="score").sort_values(["score", "order"], ascending=[False, True]).head(POOL)
    table["selfies"] = pd.Series(None, index=table.index, dtype=object)
    best = table.head(0)
    for first in range(0, len(table), _SCREENED_AT_ONCE):
        rows = table.index[first : first + _SCREENED_AT_ONCE]
        table.loc[rows, "selfies"] = pd.Series(screen.spellings(table.loc[rows, "smiles"].tolist()), rows, dtype=object)
        best = ranked(table.dropna(subset="selfies"), n, config.per_scaffold)
        if len(best) == n:
            break
    if best.empty:
        message = f"no molecule of {dataset.name} that is known to do well passes the constraints"
        warnings.warn(message, ChemVAEWarning, stacklevel=2)
    return [str(s) for s in best["selfies"]]


def _there(dataset: Dataset | None, start: str) -> Dataset:
    if dataset is None:
        raise UserError(
            f'start = "{start}" needs the model\'s dataset in the workspace; ingest it, or start from the prior'
        )
    return dataset


def _pool(dataset: Dataset | None, screen: Screen, seed: int) -> list[str]:
    smiles = _there(dataset, "data").table(["smiles"], split="train")["smiles"]
    drawn = smiles.sample(min(len(smiles), POOL), random_state=seed).tolist()
    return [s for s in screen.spellings(drawn) if s]


def _elements(checkpoint: Checkpoint, seeds: Sequence[str]) -> tuple[str, ...]:
    """Of the vocabulary's symbols and the seeds'."""
    found = set()
    for text in (*checkpoint.vocabulary.symbols, *seeds):
        found |= set(re.findall(r"\[[=#\\/]?(?:\d+)?([A-Z][a-z]?)(?=[\]@H+-])", text))
    return tuple(sorted(found - {"H"})) or ("C", "N", "O")
