"""Prepares the start of an optimization: the problem that the strategy is told of, the seeds and their analogues."""

from __future__ import annotations

import math
import warnings
from collections.abc import Collection, Sequence
from dataclasses import replace

import pandas as pd
import torch
from rdkit import Chem

from chem_vae.checkpoint import Checkpoint
from chem_vae.errors import ChemVAEWarning, UserError
from chem_vae.optimizers import Problem, Proposal
from pipeline.chemistry.config import StandardizeOptions
from pipeline.chemistry.named_molecules import read_named_molecule
from pipeline.datasets.dataset import Dataset
from pipeline.models.trained_model import TrainedModel
from pipeline.models.training_set.usual_structures import UsualStructures
from pipeline.objectives.constraints import Constraints
from pipeline.objectives.desirability import score
from pipeline.objectives.latent_objective import draw_conditions, predict_log_desirability
from pipeline.optimization.config import OptimizeConfig
from pipeline.optimization.result import rank_candidates
from pipeline.optimization.scoring import Scoring
from pipeline.optimization.screen import NarrowScreen, Screen, Variation

POOL = 20_000  # the most training molecules to start from
BEST = 100  # the most molecules of the dataset that the oracle is asked about first
ANALOGUE_TRIES = 5  # rounds of varying the seeds
_SCREENED_AT_ONCE = 500


def build_problem(
    model: TrainedModel,
    config: OptimizeConfig,
    scoring: Scoring,
    screen: Screen,
    usual: UsualStructures,
    dataset: Dataset | None,
) -> Problem:
    """Put together what a strategy is told; `dataset` is needed for `start = "data"`."""
    checkpoint = model.checkpoint
    largest = config.max_heavy_atoms or max(math.ceil(1.25 * usual.heavy_atoms), 30)
    elements = config.elements or usual.elements
    variation = Variation(screen, elements=elements, max_atoms=largest)
    problem = Problem(
        checkpoint,
        draw_conditions(scoring.objectives, checkpoint, config.constraints, model.list_known_values()),
        predict_log_desirability(scoring.objectives, model.predictors),
        model.latent["mu"].float(),
        screen,
        variation,
        _draw_pool(dataset, screen, int(config.seed)) if config.start == "data" else (),
        config.temperature,
        scoring.several,
        search=config.search,
        vary_molecules=variation.make_molecules,
    )
    if not config.allowed_names:
        return problem
    narrow = NarrowScreen(screen, usual.allowed)
    usual_only = Variation(screen, elements=elements, max_atoms=largest, allowed=usual.allowed, narrow=narrow)
    molecules = usual_only.make_molecules
    return replace(problem, narrow=replace(problem, screen=narrow, vary=usual_only, vary_molecules=molecules))


def read_seeds(smiles: Sequence[str], options: StandardizeOptions | None = None) -> list[Chem.Mol]:
    """Read the SMILES of the seeds by the options of the model's data. Raises UserError for one that is refused."""
    return [read_named_molecule(text, "seed", options).mol for text in smiles]


def spell_seeds(mols: Sequence[Chem.Mol], screen: Screen, constraints: Constraints) -> list[str]:
    """Write the seeds as SELFIES strings. Raises UserError for one that has none, or breaks a constraint."""
    unconstrained, strings = Screen(screen.vocabulary), []
    for mol in mols:
        text = Chem.MolToSmiles(mol)
        spelled = unconstrained.spell([text])[0]
        if spelled is None:
            raise UserError(f"the seed {text!r} cannot be written as SELFIES")
        if screen([spelled])[0] is None:
            raise UserError(f"the seed {text!r} breaks a constraint: {constraints.check([mol]).reasons[0]}")
        if missing := screen.vocabulary.find_missing(spelled):
            warnings.warn(
                f"the model has never seen {', '.join(missing)} and cannot encode the seed {text}: it is asked about and varied "
                "as a structure, but no search in the latent space starts from it; fine-tune the model on such molecules",
                ChemVAEWarning,
                stacklevel=2,
            )
        strings.append(spelled)
    return strings


def propose_analogues(
    problem: Problem, seeds: Sequence[str], known: Collection[str], n: int, seed: int
) -> Proposal | None:
    """Propose up to n variations of the seeds: what a strategy draws to begin with may lie far from them.

    known: keys of molecules that were asked about already. Returns None where nothing can be varied.
    """
    assert problem.screen is not None and problem.vary is not None
    keys = [m.key for m in problem.screen(seeds) if m is not None]
    keys = [k for k in keys if "." not in k and Chem.MolFromSmiles(k).GetNumAtoms() > 1]  # what can be varied
    if not keys or n <= 0:
        return None
    found: dict[str, tuple[str, str]] = {}
    for attempt in range(ANALOGUE_TRIES):
        pairs = [(s, parent) for s, parent in problem.vary(keys, 4 * n, seed + attempt) if s is not None]
        for (string, parent), m in zip(pairs, problem.screen([s for s, _ in pairs]), strict=True):
            if m is not None and m.key not in known:
                found.setdefault(m.key, (string, parent))
        if len(found) >= n:
            break
        keys = [*keys, *found]  # the next step starts there, too
    rows = list(found.values())[:n]
    if not rows:
        return None
    return propose_known([s for s, _ in rows], problem.checkpoint)._replace(
        origins=["near a seed"] * len(rows), parents=[parent for _, parent in rows]
    )


def propose_known(strings: Sequence[str | None], checkpoint: Checkpoint) -> Proposal:
    """Propose known molecules, given as SELFIES strings, instead of latent points."""
    nowhere = torch.full((len(strings), checkpoint.model.latent_size), torch.nan)
    unknown = torch.full((len(strings), len(checkpoint.conditions)), torch.nan)
    return Proposal(nowhere, unknown, list(strings), ["known"] * len(strings))


def select_best_known(config: OptimizeConfig, scoring: Scoring, screen: Screen, dataset: Dataset | None) -> list[str]:
    """Select the molecules of a dataset, from any split, that do best by those objectives of which it has values.

    Returns SELFIES strings, best first: BEST at most, and not more than a quarter of the budget or one round, whichever is
    more. Raises UserError where the dataset is not there, or has no column that an objective names.
    """
    dataset = _require(dataset, "best")
    columns = [p.name for p in dataset.properties]
    objectives = [w for w in scoring.objectives if w.summary.name in columns]
    names = [w.summary.name for w in objectives]
    if not objectives:
        raise UserError(
            f'start = "best" ranks by the columns of the dataset {dataset.name} ({", ".join(columns) or "none"}), and no objective '
            f"is called like one of them: {', '.join(w.summary.name for w in scoring.objectives)}"
        )
    n = min(BEST, max(config.round_size, config.oracle_calls // 4))
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
        table.loc[rows, "selfies"] = pd.Series(screen.spell(table.loc[rows, "smiles"].tolist()), rows, dtype=object)
        best = rank_candidates(table.dropna(subset="selfies"), n, config.per_scaffold)
        if len(best) == n:
            break
    if best.empty:
        message = f"no molecule of {dataset.name} that is known to do well passes the constraints"
        warnings.warn(message, ChemVAEWarning, stacklevel=2)
    return [str(s) for s in best["selfies"]]


def _require(dataset: Dataset | None, start: str) -> Dataset:
    """Return the dataset. Raises UserError where there is none."""
    if dataset is None:
        raise UserError(
            f'start = "{start}" needs the model\'s dataset in the workspace; ingest it, or start from the prior'
        )
    return dataset


def _draw_pool(dataset: Dataset | None, screen: Screen, seed: int) -> list[str]:
    """Draw SELFIES strings of training molecules that pass the screen."""
    smiles = _require(dataset, "data").table(["smiles"], split="train")["smiles"]
    drawn = smiles.sample(min(len(smiles), POOL), random_state=seed).tolist()
    return [s for s in screen.spell(drawn) if s]
