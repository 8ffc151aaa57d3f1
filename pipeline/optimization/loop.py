"""The optimization loop: ask, screen, score, tell; every call counted, logged and told, a killed run gone on with."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from chem_vae.checkpoint import Checkpoint
from chem_vae.errors import UserError
from chem_vae.optimizers import OPTIMIZERS, LatentOptimizer, Molecule, Proposal, create
from chem_vae.progress import Progress, silent
from pipeline.datasets.dataset import Dataset
from pipeline.models.trained_model import TrainedModel
from pipeline.objectives.constraints import named_molecules
from pipeline.optimization.clock import Clock
from pipeline.optimization.config import OptimizeConfig
from pipeline.optimization.constraint_filter import Admission
from pipeline.optimization.initial_population import (
    Usual,
    best_known,
    known_molecules,
    near_seeds,
    problem_of,
    read_seeds,
    seed_strings,
)
from pipeline.optimization.provenance import Accounts
from pipeline.optimization.result import Optimization, best_so_far, bettered, outcome
from pipeline.optimization.scoring import Scoring, oracle_of
from pipeline.oracles.base import Oracle
from pipeline.oracles.factory import open_oracle
from pipeline.oracles.function import FunctionOracle
from pipeline.oracles.ledger import CountedOracle, Map

LOG, ORIGINS, CLOCK = "oracle.jsonl", "proposals.jsonl", "clock.json"
STALE_ROUNDS = 10  # in a row without a molecule that is new, after which nothing more is expected
LOOKED_AT, EXPLAINED = (
    5000,
    1000,
)  # molecules, before the constraints are said to be such that none passes; of the last ones why
TOLD_AT_ONCE = 500


def optimize(
    model: TrainedModel,
    config: OptimizeConfig,
    folder: Path,
    *,
    oracle: Oracle | Callable[[list[str]], Any] | None = None,
    dataset: Dataset | None = None,
    map: Map | None = None,
    options: Mapping[str, Any] | None = None,
    progress: Progress = silent,
) -> Optimization:
    """Spend the budget on molecules that score ever better.

    folder: holds `oracle.jsonl`, a line for each call, and `proposals.jsonl`, where each molecule came from; a run that was
    stopped goes on from them, and asks again only about what had not been answered (see CountedOracle); `clock.json`, the
    seconds that it took, until it ends by itself. oracle: an Oracle, or a function from a list of SMILES to numbers, in the place of the
    configuration's. dataset: to start from (`start = "data"`). map: see CountedOracle, as for `options` (retries, batch_size,
    parallel), which stand in for the configuration's.

    Raises UserError for a budget below 1, objectives that nobody can score, seeds that cannot be read, and constraints that
    nothing passes; OracleError where the oracle fails for good (what was paid is in the log).
    """
    asked = _oracle(config, oracle)
    try:
        settings = config.oracle
        options = options if options is not None else {"retries": settings.retries, "batch_size": settings.batch_size, "parallel": settings.parallel} if settings else {}  # fmt: skip
        folder.mkdir(parents=True, exist_ok=True)
        clock = Clock(folder / CLOCK, config.minutes)
        options = {**options, "map": map, "seconds_left": clock.left}
        ledger = CountedOracle(asked, config.oracle_calls, folder / LOG, **options)
    except BaseException:
        asked.close()
        raise
    with ledger:
        found = _Loop(model, config, folder, ledger, clock, dataset, progress).run()
        clock.end()
        return found


def _oracle(config: OptimizeConfig, given: Oracle | Callable[[list[str]], Any] | None) -> Oracle:
    if given is None:
        return open_oracle(oracle_of(config))
    return given if isinstance(given, Oracle) else FunctionOracle(given)


class _Loop:
    def __init__(
        self,
        model: TrainedModel,
        config: OptimizeConfig,
        folder: Path,
        ledger: CountedOracle,
        clock: Clock,
        dataset: Dataset | None,
        progress: Progress,
    ) -> None:
        self.model, self.config, self.ledger, self.clock, self.progress = model, config, ledger, clock, progress
        self.checkpoint: Checkpoint = model.checkpoint
        self.scoring = Scoring(config, ledger.endpoints, model.properties)
        if config.enough is not None and not self.scoring.bounded:
            raise UserError(
                "enough counts the molecules that meet all objectives, and none of them says what is good enough; give one a "
                "bound, e.g. { maximize = true, low = 0.9 }, a target or a range"
            )
        seeds = read_seeds(config.seeds)
        usual = Usual.of(self.checkpoint, model.latent["mu"], [*seeds, *named_molecules(config.constraints)])
        self.admission = Admission(
            self.checkpoint.vocabulary, config.constraints, None if config.odd_structures else usual.oddities
        )
        self.screen = self.admission.screen
        self.seeds = seed_strings(seeds, self.screen, self.admission.constraints)
        self.best = best_known(config, self.scoring, self.screen, dataset) if config.start == "best" else []
        self.random = int(config.seed) + 1_000_003 * ledger.calls  # a run that goes on does not repeat itself
        self.problem = problem_of(model, config, self.scoring, self.screen, usual, self.seeds, dataset)
        self.optimizer: LatentOptimizer = create(config.strategy, self.problem, self.random % 2**31)
        if self.scoring.several > 1 and not self.optimizer.several_objectives:
            raise UserError(
                f"the strategy {config.strategy} takes one number; with a Pareto front use "
                + ", ".join(name for name, strategy in sorted(OPTIMIZERS.items()) if strategy.several_objectives)
            )
        self.accounts = Accounts(folder / ORIGINS)
        self.seconds = dict.fromkeys(("asking", "screening", "oracle", "telling"), 0.0)
        self.proposed = 0
        self.resumed = ledger.calls > 0
        self.scores: list[Any] = []
        """A number each, or of a front (objectives,)."""
        self.hits = 0

    # -- the loop ------------------------------------------------------------------------------------------------

    def run(self) -> Optimization:
        if self.ledger.calls:
            self._remember()
        known = set(self.ledger.history["smiles"])
        size = self.config.rounds_of()
        keys = [m.key for m in self.screen(self.seeds) if m is not None]  # each is one: they were checked
        if seeds := [s for s, key in zip(self.seeds, keys, strict=True) if key not in known]:
            self._round(known_molecules(seeds, self.checkpoint), "seed")
        known = set(self.ledger.history["smiles"])
        missing = min(size, self.ledger.left) - len(known - {*keys})
        missing = 0 if self.clock.over() else missing
        if (near := near_seeds(self.problem, self.seeds, known, missing, self.random)) is not None:
            self._round(near)
        known = set(self.ledger.history["smiles"])
        best = [s for s, m in zip(self.best, self.screen(self.best), strict=True) if m and m.key not in known]
        while best and not self._end():
            self._round(known_molecules(best[:size], self.checkpoint), "best of the data")
            best = best[size:]
        stale, ended, refused = 0, "", list[str | None]()
        self._told()
        while not (ended := self._end()):
            before = self.ledger.calls
            clock = time.perf_counter()
            proposal = self.optimizer.ask(min(size, self.ledger.left))
            self.seconds["asking"] += time.perf_counter() - clock
            strings = self._round(proposal)
            stale = stale + 1 if self.ledger.calls == before else 0
            if stale and not self.ledger.calls and len(self.admission.constraints):
                refused = [*refused, *strings][-EXPLAINED:]
                if self.admission.looked_at < LOOKED_AT and stale < LOOKED_AT // size:
                    continue  # what one molecule in a thousand has is found in the end
                self.admission.explain(refused)
            if stale >= STALE_ROUNDS:
                ended = f"the last {STALE_ROUNDS} rounds brought no molecule that was not asked about before"
                break
            self._told()
        return outcome(
            self.config,
            self.scoring,
            self.ledger,
            self.accounts,
            self._newly_broken(),
            ended=ended,
            seconds=self.seconds,
        )

    def _round(self, proposal: Proposal, origin: str | None = None) -> list[str | None]:
        """Screen a proposal, ask the oracle, tell the strategy; the proposal's strings."""
        clock = time.perf_counter()
        strings = self._decoded(proposal, self.random + self.proposed)
        molecules = self.screen(strings)
        self.seconds["screening"] += time.perf_counter() - clock
        self.proposed += len(strings)
        keys = [m.key if m is not None else None for m in molecules]
        self._note(strings, keys, proposal, origin)
        clock = time.perf_counter()
        paid = self.ledger.calls
        scored = self.ledger.score(keys, lambda stage, done, total, figures=None: self._told(paid + done))
        values = self.scoring.values(keys, scored.values)
        scores = self.scoring.scores(values, len(keys))
        self.seconds["oracle"] += time.perf_counter() - clock
        hits = self.scoring.hits(values, len(keys))
        for row in np.flatnonzero(scored.paid):
            self._count(scores[row], bool(hits[row]))
        if not self.clock.over():  # for what was not asked any more says nothing
            self._tell(proposal, molecules, scores)
        return strings

    def _decoded(self, proposal: Proposal, seed: int) -> list[str | None]:
        return self.optimizer.decode(proposal, temperature=self.config.temperature, seed=seed)

    def _tell(self, proposal: Proposal, molecules: Sequence[Molecule | None], scores: Any) -> None:
        clock = time.perf_counter()
        z = torch.full((len(molecules), self.checkpoint.model.latent_size), torch.nan)
        rows = [i for i, m in enumerate(molecules) if m is not None and m.selfies]
        if rows:
            z[rows] = self.checkpoint.encode([molecules[i].selfies for i in rows]).mu  # type: ignore[union-attr]
        self.optimizer.tell(proposal, z, torch.as_tensor(scores, dtype=torch.float32), molecules)
        self.seconds["telling"] += time.perf_counter() - clock

    def _count(self, score: Any, hit: bool) -> None:
        self.scores.append(score)
        self.hits += hit

    def _remember(self) -> None:
        """Tell the strategy what was paid before the run was stopped."""
        history = self.ledger.history
        self.progress("remember", 0, len(history))
        for start in range(0, len(history), TOLD_AT_ONCE):
            part = history.iloc[start : start + TOLD_AT_ONCE]
            keys = part["smiles"].tolist()
            values = self.scoring.values(keys, part[list(self.ledger.endpoints)].to_numpy(dtype=np.float64))
            molecules = self.screen.from_smiles(keys)
            broken = np.array([m is None for m in molecules])  # by a constraint that is new
            scores = self.scoring.scores(values, len(keys))
            scores[broken] = np.nan
            for row, hit in enumerate(self.scoring.hits(values, len(keys)) & ~broken):
                self._count(scores[row], bool(hit))
            strings = [m.selfies if m else None for m in molecules]
            self._tell(known_molecules(strings, self.checkpoint), molecules, scores)
            self.progress("remember", start + len(part), len(history))
        self.admission.counted([], [])  # what is remembered was counted when it was proposed

    def _end(self) -> str:
        """Why to stop now; "" to go on."""
        config, n = self.config, len(self.scores)
        if self.ledger.left == 0:
            return f"the budget of {config.oracle_calls:,} oracle calls is spent"
        if config.minutes is not None and self.clock.over():
            return f"{config.minutes:g} minutes are over"
        if config.enough is not None and self.hits >= config.enough:
            return f"{self.hits:,} molecules meet every objective"
        if config.patience is not None and n > config.patience:
            scores = np.array(self.scores, dtype=np.float64)
            scored = np.isfinite(scores.reshape(n, -1)[: -config.patience]).all(axis=1).sum() >= 10
            if scored and not bettered(scores, config.patience):
                what = "best ten" if scores.ndim == 1 else "front"
                return f"the last {config.patience:,} calls did not better the {what}"
        return ""

    def _told(self, calls: int | None = None) -> None:
        one = self.scores and self.scoring.several == 1
        best = float(best_so_far(np.array(self.scores))[-1]) if one else math.nan
        figures = {"best ten": best} if math.isfinite(best) else {}
        if self.scoring.bounded:
            figures["hits"] = self.hits
        self.progress("optimize", self.ledger.calls if calls is None else calls, self.config.oracle_calls, figures)

    # -- accounts ------------------------------------------------------------------------------------------------

    def _note(
        self, strings: Sequence[str | None], keys: Sequence[str | None], proposal: Proposal, origin: str | None
    ) -> None:
        """Write down where new molecules come from, before they are paid for, and what was refused."""
        origins: dict[str, tuple[str, str | None]] = {}
        for row, key in enumerate(keys):
            if key is not None:
                own = origin or (proposal.origins[row] if proposal.origins else self.config.strategy)
                origins.setdefault(key, (own, proposal.parents[row] if proposal.parents else None))
        self.accounts.note(origins, *self.admission.counted(strings, keys))

    def _newly_broken(self) -> NDArray[np.bool_]:
        """(calls,) of what was paid before the run was stopped, what breaks a constraint that is new."""
        keys = self.ledger.history["smiles"].tolist()
        if not len(self.admission.constraints) or not self.resumed:
            return np.zeros(len(keys), dtype=np.bool_)
        return np.array([m is None for m in self.screen.from_smiles(keys)], dtype=np.bool_)
