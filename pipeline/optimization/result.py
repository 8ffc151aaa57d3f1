"""The result of an optimization: every call with its origin, the candidates, the counts."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.chemistry.metrics import find_scaffold
from pipeline.chemistry.molecule import Molecule
from pipeline.chemistry.output.molecule_table import HasCandidates, MoleculeTable, list_drawings, list_lines
from pipeline.objectives.config import Constraint
from pipeline.objectives.desirability import ResolvedObjective
from pipeline.objectives.pareto import choose_reference_point, compute_hypervolume, number_fronts
from pipeline.optimization.config import OptimizeConfig
from pipeline.oracles.computed import ComputedOracle
from pipeline.workspace.presentation.formatting import count_things
from pipeline.workspace.presentation.notebook_card import Card, Picture
from pipeline.workspace.presentation.plot_style import PAPER, open_figure, render_picture

if TYPE_CHECKING:
    from pipeline.optimization.provenance import Provenance
    from pipeline.optimization.scoring import Scoring
    from pipeline.oracles.ledger import CountedOracle


@dataclass(repr=False)
class Optimization(HasCandidates):
    """The result of an optimization. Scores come from computed values alone; no column here holds a prediction."""

    calls: pd.DataFrame
    """A row for each oracle call, in order: order, smiles, score, the values (`<name>_computed`), hit, failed (the reason, or
    ""), origin (which move or center), parent (SMILES or None), round, seconds."""
    candidates: pd.DataFrame
    """The best molecules, ranked, at most `per_scaffold` of one scaffold."""
    counts: dict[str, int]
    """proposed, valid and passed (the constraints): rows of proposals. asked, scored (a number for every objective), failed,
    hits: of oracle calls. drafts: distinct molecules that were looked at for it."""
    objectives: list[ResolvedObjective]
    config: OptimizeConfig
    ended: str
    """The reason why it stopped, in words."""
    warnings: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    """Seconds of asking, screening, oracle and telling."""
    broken: dict[str, int] = field(default_factory=dict)
    """The drafts that failed each constraint first, by the constraint in words."""
    unusual: dict[str, int] = field(default_factory=dict)
    """The drafts that were refused as unusual, by name of what was found first in them; the most frequent first."""
    usual: frozenset[str] = frozenset()
    """What is usual for the model and the user (`pipeline.models.training_set.usual_structures`), without what the settings allow by name."""
    oracle: str = ""
    """The name of the oracle."""
    novelty: dict[str, int] = field(default_factory=dict)
    """The candidates that are not in the training data and those that were never proposed before, where this is known."""
    by_oracle: tuple[str, ...] = ()
    """The endpoints that a function or a program of the user gave, not a formula of RDKit."""
    size_limits: tuple[Constraint, ...] = ()
    """The constraints on the size that held by default, beside those of the settings."""
    report: dict[str, Any] = field(default_factory=dict)
    """report.json, where a run folder was written."""

    @property
    def bounded(self) -> bool:
        """Whether any objective has a bound that makes a hit; without one every scored molecule is a hit."""
        return any(w.low is not None or w.high is not None for w in self.objectives)

    def to_frame(self) -> MoleculeTable:
        """Return the candidates, one per row, best first."""
        return MoleculeTable(self.candidates.drop(columns=["z", "molecule"], errors="ignore"))

    def plot(self, x: str | None = None, y: str | None = None) -> Picture:
        """Plot the mean of the best ten scores after each call; with x or y one column of the candidates against another."""
        return super().plot(x, y) if x or y else Picture(self._render_curve)

    def describe_card(self) -> Card:
        """Describe the result: what was asked for, what was paid, and the best molecules drawn."""
        asked = [f"{w.summary.name} {w.aim}" for w in self.objectives]
        names = [name for name in ("asked", "scored", "failed", "hits") if name in self.counts]
        facts = (
            [("asked for", "; ".join(asked)), ("oracle", self.oracle)]
            if self.oracle
            else [("asked for", "; ".join(asked))]
        )
        facts.append(("calls", ", ".join(f"{name} {self.counts[name]:,}" for name in names)))
        facts.append(("ended", self.ended))
        table, values = self.to_frame(), self._list_values()
        return Card(
            f"{count_things(len(table), 'candidate')} of {count_things(len(self.calls), 'oracle call')}",
            facts,
            self.warnings,
            list_drawings(table, values),
            list_lines(table, values),
            'all of them: .to_frame(), .calls, .grid(n=...), .plot(), .save("found.sdf")',
        )

    def _list_values(self) -> list[str]:
        return [f"{w.summary.name}_computed" for w in self.objectives]

    def _render_curve(self, kind: str) -> bytes:
        curve = self.curve()
        with open_figure(5.2, 3.2) as figure:
            axes = figure.add_subplot()
            axes.plot(np.arange(1, len(curve) + 1), curve, color=PAPER.candidates)
            axes.set_xlabel("oracle calls")
            axes.set_ylabel("mean of the best ten scores")
        return render_picture(figure, kind)

    def curve(self, top: int = 10) -> NDArray[np.float64]:
        """Return (calls,) the mean of the best `top` scores after each call; a failed call changes nothing."""
        return average_best(self.calls["score"].to_numpy(dtype=np.float64), top)


def average_best(scores: NDArray[np.float64], top: int = 10) -> NDArray[np.float64]:
    """Compute (n,) the mean of the best `top` of the scores (n,) up to each row; NaN until there is a score.

    >>> average_best(np.array([1.0, np.nan, 3.0]), 1).tolist()
    [1.0, 1.0, 3.0]
    """
    best: list[float] = []
    means = np.full(len(scores), np.nan)
    for i, value in enumerate(scores.tolist()):
        if value == value:
            if len(best) < top:
                heapq.heappush(best, value)
            else:
                heapq.heappushpop(best, value)
        if best:
            means[i] = sum(best) / len(best)
    return means


def has_improved(scores: NDArray[np.float64], last: int) -> bool:
    """Say whether the last scores raised the mean of the best ten or, for scores (n, objectives), the front's hypervolume."""
    if scores.ndim == 1:
        curve = average_best(scores)
        return bool(curve[-1] > curve[-1 - last])
    corner = choose_reference_point(scores)  # one for both, since volumes compare only from the same point
    return compute_hypervolume(scores, corner) > (1 + 1e-9) * compute_hypervolume(scores[:-last], corner)


def rank_candidates(
    calls: pd.DataFrame, n: int, per_scaffold: int, is_left_out: Callable[[str], bool] = lambda smiles: False
) -> pd.DataFrame:
    """Rank the best n scored molecules, at most `per_scaffold` of one scaffold, and add the columns rank and scaffold.

    Molecules without a ring have no scaffold in common, so that any number of them is taken.
    Molecules of whose SMILES `is_left_out` says True are passed over, and so is a tautomer of a better one that shares its InChIKey.
    """
    ordered = calls[calls["score"].notna()].sort_values(["score", "order"], ascending=[False, True], kind="stable")
    rows, scaffolds, held, keys = [], [], dict[str | None, int](), set[str]()
    for i, smiles in zip(ordered.index, ordered["smiles"], strict=True):
        if is_left_out(smiles):
            continue
        own = find_scaffold(smiles)
        is_free = not own or held.get(own, 0) < per_scaffold
        key = (Molecule(smiles).inchikey or smiles) if is_free else None
        if key is not None and key not in keys:
            keys.add(key)
            held[own] = held.get(own, 0) + 1
            rows.append(i)
            scaffolds.append(own)
        if len(rows) == n:
            break
    found = ordered.loc[rows].reset_index(drop=True)
    found.insert(0, "rank", np.arange(1, len(found) + 1))
    found["scaffold"] = pd.Series(scaffolds, dtype=object)
    return found


def explain_full_scaffolds(candidates: pd.DataFrame, config: OptimizeConfig) -> list[str]:
    """Say in a sentence that there are fewer candidates than asked for, since some scaffolds have as many as one may have."""
    held = candidates["scaffold"].replace("", None).value_counts()
    full = int((held >= config.per_scaffold).sum())
    if len(candidates) >= config.n or not full:
        return []
    scaffolds = "one scaffold has" if full == 1 else f"{full:,} scaffolds have"
    return [
        f"{len(candidates):,} candidates instead of {config.n:,}: {scaffolds} {config.per_scaffold:,} of them, which is the most that one may "
        f"have; --set optimize.per_scaffold={10 * config.per_scaffold} allows more"
    ]


def build_result(
    config: OptimizeConfig,
    scoring: Scoring,
    ledger: CountedOracle,
    provenance: Provenance,
    broken: NDArray[np.bool_],
    *,
    ended: str,
    seconds: Mapping[str, float],
    usual: frozenset[str] = frozenset(),
    size_limits: Sequence[Constraint] = (),
) -> Optimization:
    """Put together the result of a run; `broken` (calls,) marks what was paid for and breaks a constraint that is new."""
    history = ledger.history
    keys = history["smiles"].tolist()
    values = scoring.evaluate(keys, history[list(ledger.endpoints)].to_numpy(dtype=np.float64))
    scores = scoring.score(values, len(keys))
    scores[broken] = np.nan
    calls = history[["order", "smiles"]].copy()
    if scores.ndim == 2:  # a front: the rank is by what a molecule adds to it
        for i, w in enumerate(scoring.objectives):
            calls[f"{w.summary.name}_ranked_by"] = scores[:, i]
        calls["score"] = _score_fronts(scores)
    else:
        calls["score"] = scores
    for name, column in values.items():
        calls[f"{name}_computed"] = column
    calls["hit"] = scoring.find_hits(values, len(keys)) & ~broken
    calls["failed"] = history["reason"].fillna("").mask(broken, "breaks a constraint")
    calls["origin"] = [provenance.find_origin(k)[0] for k in keys]
    calls["parent"] = pd.Series([provenance.find_origin(k)[1] for k in keys], dtype=object)  # None stays None
    calls["round"], calls["seconds"] = history["round"], history["seconds"]
    counts = {
        **{name: provenance.tally[name] for name in ("proposed", "valid", "passed", "drafts")},
        "asked": ledger.calls,
        "scored": int(calls["score"].notna().sum()),
        "failed": int((calls["score"].isna() & ~broken).sum()),
        "hits": int(calls["hit"].sum()),
    }
    warnings = [*scoring.warnings, *scoring.warn_of_outside(values)]
    if broken.any():
        warnings.append(
            f"{int(broken.sum()):,} of the {count_things(len(keys), 'molecule')} paid for {'breaks' if broken.sum() == 1 else 'break'} a constraint "
            "that was not set when the oracle was asked: no candidates"
        )
    if counts["failed"] > 0.1 * max(1, ledger.calls):
        warnings.append(f"an objective has no number for {counts['failed']:,} of {ledger.calls:,} calls")
    return Optimization(
        calls,
        rank_candidates(calls, config.n, config.per_scaffold),
        counts,
        scoring.objectives,
        config,
        ended,
        warnings,
        dict(seconds),
        broken=dict(provenance.broken),
        unusual=dict(provenance.unusual.most_common()),
        usual=usual,
        oracle=ledger.oracle.name,
        by_oracle=() if isinstance(ledger.oracle, ComputedOracle) else tuple(ledger.endpoints),
        size_limits=tuple(size_limits),
    )


def _score_fronts(scores: NDArray[np.float64]) -> list[float]:
    """Score the front as 1 and the fronts behind it as less; NaN where an objective failed."""
    fine = ~np.isnan(scores).any(axis=1)
    out = np.full(len(scores), np.nan)
    if fine.any():
        out[fine] = 1.0 / (1.0 + number_fronts(scores[fine]))
    return [float(v) for v in out]
