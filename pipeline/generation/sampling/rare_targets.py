"""Says before a generation that its targets and constraints are rare together, which share of the draws will meet them, and what to loosen."""

from __future__ import annotations

import math
import shlex
import warnings
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rdkit.Chem import Mol

from chem_vae.errors import ChemVAEWarning
from chem_vae.progress import Progress, silent
from chem_vae.seeds import derive_seed
from pipeline.chemistry.filters.structure_filters import has_unusual_motif
from pipeline.chemistry.metrics import Share
from pipeline.chemistry.molecule import Molecule, parse_mol
from pipeline.generation.config import GenerateConfig
from pipeline.generation.sampling.budget import BOUNDED, MOST, PER_CANDIDATE, Budget
from pipeline.generation.sampling.direct import DIRECT, sample
from pipeline.models.trained_model import TrainedModel
from pipeline.models.training_set.kept_molecules import read_kept_smiles
from pipeline.objectives.config import Constraint
from pipeline.objectives.constraints import Checked, Constraints
from pipeline.objectives.desirability import ResolvedObjective
from pipeline.objectives.latent_objective import find_limits
from pipeline.objectives.rules import find_limited_number
from pipeline.workspace.presentation.formatting import format_brief

RARE = 0.005
"""The share of training molecules that are as wanted below which a trial is made: a model that follows its conditions draws about
thirty times as many, up to one in eight."""
TRIAL = 300
"""The draws of a trial, which tell a share of 5 % to about ± 1.3 %."""
LOOKED_AT = 1000
"""The kept training molecules that are looked at where a constraint is about their structure."""
BETTER = 2.0
"""How many times as many hits a loosened target has to give to be advised."""


FAR = 2.0
"""The standard deviations of the data by which a target may be loosened and still is the target."""


@dataclass(frozen=True)
class Wish:
    """One thing that is wanted of every molecule: a target, a range, the limits of a property, or another constraint."""

    text: str
    name: str = ""
    """The property; "" for a constraint on the structure."""
    low: float = -math.inf
    high: float = math.inf
    target: float | None = None
    option: str = ""
    spread: float = 1.0
    """The standard deviation of the property in the training data."""
    constraint: Constraint | None = None
    """The constraint on the structure."""

    def measure_gaps(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Measure how far values (n,) lie outside of what is wanted: 0 inside, infinity for a missing value."""
        gaps = np.maximum(np.maximum(self.low - values, values - self.high), 0.0)
        return np.where(np.isfinite(values), gaps, np.inf)

    def loosen(self, gap: float) -> str:
        """Write the option by which values so far outside are accepted too."""
        if self.target is not None:
            new = _round_up(max(self.high - self.target, self.target - self.low) + gap)
            return f"--tolerance {shlex.quote(f'{self.name}={new:g}')} (now {format_brief(self.high - self.target)})"
        step = _round_up(gap)
        ends = ["" if math.isinf(v) else f"{v + s * step:.6g}" for v, s in ((self.low, -1), (self.high, 1))]
        return f"{self.option} {shlex.quote(self.name + '=' + ':'.join(ends))}"


@dataclass(frozen=True)
class Expectation:
    """The share of a run's draws that will be as asked for: valid, distinct, new, usual, within every target and constraint."""

    hits: int
    draws: int

    @property
    def share(self) -> float:
        """The share that the trial found."""
        return self.hits / self.draws

    @property
    def error(self) -> float:
        """The standard error of the share."""
        return math.sqrt(self.share * (1 - self.share) / self.draws)

    def describe(self, config: GenerateConfig) -> str:
        """Say how many draws the candidates take, and how many come of those that the run makes at most."""
        found = (
            f"{self.hits:,} of {self.draws:,} draws of a trial ({self.share:.1%} ± {self.error:.1%}) were as asked for"
        )
        most = config.samples or MOST * PER_CANDIDATE * config.n
        if not self.hits:
            return (
                f"none of {self.draws:,} draws of a trial was as asked for: expect fewer than one of {self.draws // 3:,} draws, and "
                f"at most {math.ceil(3 * most / self.draws):,} of {config.n:,} candidates in {most:,} draws"
            )
        needed = config.n / self.share
        if needed <= most:
            return f"{found}: about {_round_up(needed):,.0f} draws for {config.n:,}"
        return f"{found}: about {_round_up(self.share * most):,.0f} of {config.n:,} in the {most:,} draws that the run makes at most"

    def compare(self, hits: int, draws: int) -> str:
        """Say beside the promised share which one came."""
        return f"{self.share:.1%} ± {self.error:.1%} of the draws were expected to be as asked for, and {Share(hits, draws)} were"


def warn_of_rare_targets(
    model: TrainedModel,
    objectives: Sequence[ResolvedObjective],
    config: GenerateConfig,
    is_new: Callable[[str, str], bool] = lambda smiles, key: True,
    usual: Collection[str] = (),
    progress: Progress = silent,
) -> tuple[list[str], Expectation | None]:
    """Warn, before the work begins, where hardly any training molecule is as wanted: within all targets and constraints together.

    The strategies that draw from the model make a short trial then, since a model that follows its conditions draws far more of such
    molecules than its data holds.

    Args:
        model: The trained model.
        objectives: The resolved objectives; those that say themselves what is good enough count.
        config: The settings; the strategy is set.
        is_new: Says for a canonical SMILES and its InChIKey whether the molecule may be proposed.
        usual: What is usual in molecules all the same.
        progress: Told the stage "trial".

    Returns:
        The warnings that were given, and the share that the trial promises; None without a trial.
    """
    wishes = list_wishes(objectives, config.constraints, {p.name: max(p.std, 1e-9) for p in model.properties})
    met = _look_at_training_molecules(model, wishes)
    if not met:
        return [], None
    together = np.logical_and.reduce(list(met.values()))
    count, of = int(together.sum()), len(together)
    if count >= RARE * of:
        return [], None
    singles = {text: row.mean() for text, row in met.items()}
    told = f"{' and '.join(met)}: {count:,} of {of:,} training molecules ({count / of:.2%}) are like that"
    if len(met) > 1:
        parts = " and ".join(f"{share:.2%}" for share in singles.values())
        told += f" (by themselves {parts}, {np.prod(list(singles.values())):.2%} if they were independent)"
    expected = None
    if config.strategy in DIRECT and all(wish.name for wish in wishes):
        expected, advice = _make_trial(model, objectives, config, wishes, is_new, usual, progress)
        told = "; ".join([told, expected.describe(config), *advice])
    else:
        told += "; expect a longer search, and fewer hits"
    warnings.warn(told, ChemVAEWarning, stacklevel=2)
    return [told], expected


def list_wishes(
    objectives: Sequence[ResolvedObjective], constraints: Sequence[Constraint], spreads: Mapping[str, float]
) -> list[Wish]:
    """List what is wanted of every molecule: the bounded objectives, then the constraints on other properties and on the structure.

    `spreads` are the standard deviations of properties in the training data, as far as they are known.
    """
    wishes = []
    for w in objectives:
        if w.kind in BOUNDED:
            ends = -math.inf if w.low is None else w.low, math.inf if w.high is None else w.high
            text, spread = f"{w.summary.name} {w.aim}", max(w.summary.std, 1e-9)
            wishes.append(Wish(text, w.summary.name, *ends, w.target, "--range", spread))
    aimed = {wish.name for wish in wishes}
    limits = find_limits(constraints)
    for c in constraints:
        if c.property is None:
            wishes.append(Wish(c.describe(), constraint=c))
        elif c.property not in aimed:
            aimed.add(c.property)
            words = " and ".join(d.describe() for d in constraints if d.property == c.property)
            spread = spreads.get(c.property, 1.0)
            wishes.append(Wish(words, c.property, *limits[c.property], option="--within", spread=spread))
    return wishes


def _look_at_training_molecules(model: TrainedModel, wishes: Sequence[Wish]) -> dict[str, NDArray[np.bool_]]:
    """Say for some training molecules (m,) whether they meet each wish that can be told of them, by its text."""
    known = {name: values.double().numpy() for name, values in model.list_known_values().items()}
    known = {name: values for name, values in known.items() if len(values) and np.isfinite(values).all()}
    if all(wish.name in known for wish in wishes):
        return {wish.text: wish.measure_gaps(known[wish.name]) == 0 for wish in wishes}
    smiles = read_kept_smiles(model)
    mols = [mol for text in smiles[:: max(1, len(smiles) // LOOKED_AT)] if (mol := parse_mol(text)) is not None]
    if not mols:
        return {wish.text: wish.measure_gaps(known[wish.name]) == 0 for wish in wishes if wish.name in known}
    return {wish.text: met for wish in wishes if (met := _check(wish, mols)) is not None}


def _check(wish: Wish, mols: Sequence[Mol]) -> NDArray[np.bool_] | None:
    """Say for molecules (m,) whether they meet a wish; None where it cannot be computed of them."""
    if wish.constraint is not None:
        return Constraints((wish.constraint,)).check(mols).passed
    number = find_limited_number(wish.name)
    return None if number is None else wish.measure_gaps(np.array([number(mol) for mol in mols])) == 0


class _OpenConstraints(Constraints):
    """Constraints that the strategy knows of, and that refuse nothing: a trial is to see what misses them, and by how much."""

    def check(self, mols: Sequence[Mol | None], usual: bool = False) -> Checked:
        passed = np.array([mol is not None for mol in mols], dtype=np.bool_)
        return Checked(passed, [None] * len(mols), {}, Counter())


def _make_trial(
    model: TrainedModel,
    objectives: Sequence[ResolvedObjective],
    config: GenerateConfig,
    wishes: Sequence[Wish],
    is_new: Callable[[str, str], bool],
    usual: Collection[str],
    progress: Progress,
) -> tuple[Expectation, list[str]]:
    """Draw some molecules as the run will; return the share that is as asked for, and which wish to loosen by how much."""

    def tell(stage: str, done: int, total: int, figures: Mapping[str, float] | None = None) -> None:
        progress("trial", done, total, figures)

    constraints = _OpenConstraints(config.constraints)
    seed = derive_seed(int(config.seed), TRIAL) % 2**31
    trial = config.model_copy(update={"samples": TRIAL, "batch_size": TRIAL, "seed": seed})
    found = sample(model, objectives, trial, Budget(trial, objectives, constraints), tell, constraints)
    draws = found.counts["requested"]
    table = found.molecules
    molecules: list[Molecule] = [
        m for m, *names in zip(table["molecule"], table["smiles"], table["inchikey"], strict=True) if is_new(*names)
    ]
    molecules = [m for m in molecules if not has_unusual_motif(m.mol, usual)]
    if not molecules:
        return Expectation(0, draws), []
    rows = table.set_index("inchikey").loc[[m.inchikey for m in molecules]]
    gaps = np.stack([wish.measure_gaps(_read_values(rows, wish, molecules)) for wish in wishes])
    hits = int((gaps == 0).all(axis=0).sum())
    return Expectation(hits, draws), _advise(wishes, gaps, hits, draws)


def _read_values(rows: pd.DataFrame, wish: Wish, molecules: Sequence[Molecule]) -> NDArray[np.float64]:
    """Return the values (m,) of a wish's property: those that the search has, or computed ones."""
    for basis in ("computed", "predicted"):
        if (column := f"{wish.name}_{basis}") in rows:
            return rows[column].to_numpy(dtype=np.float64)
    number = find_limited_number(wish.name)
    assert number is not None
    return np.array([number(m.mol) for m in molecules], dtype=np.float64)


def _advise(wishes: Sequence[Wish], gaps: NDArray[np.float64], hits: int, draws: int) -> list[str]:
    """Say which wish, loosened by the least, gives BETTER times as many hits; nothing where none does.

    Args:
        wishes: k wishes.
        gaps: (k, m) how far each molecule is outside of each wish.
        hits: The molecules that meet all.
        draws: The draws of the trial.
    """
    wanted = max(math.ceil(BETTER * hits), math.ceil(0.02 * draws))
    best: tuple[float, Wish, float, int] | None = None
    for i, wish in enumerate(wishes):
        others = (np.delete(gaps, i, axis=0) == 0).all(axis=0)
        near = np.sort(gaps[i][others])
        if len(near) < wanted or not np.isfinite(near[wanted - 1]):
            continue
        gap = float(near[wanted - 1])
        if gap > FAR * wish.spread:
            continue
        if best is None or gap / wish.spread < best[0]:
            best = gap / wish.spread, wish, gap, int((near <= _widen(wish, gap)).sum())
    if best is None:
        return ["no single one of them, loosened, would help much: loosen several"] if len(wishes) > 1 else []
    _, wish, gap, count = best
    return [f"{wish.loosen(gap)} would accept about {count / draws:.1%} of the draws"]


def _widen(wish: Wish, gap: float) -> float:
    """Return the gap that `Wish.loosen` accepts, which rounds up."""
    if wish.target is None:
        return _round_up(gap)
    width = max(wish.high - wish.target, wish.target - wish.low)
    return _round_up(width + gap) - width


def _round_up(value: float) -> float:
    """Round up to two figures."""
    if value <= 0 or not math.isfinite(value):
        return value
    step = 10.0 ** (math.floor(math.log10(value)) - 1)
    return math.ceil(round(value / step, 6)) * step
