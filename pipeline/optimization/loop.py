"""The optimization loop: ask, screen, score, tell. Every call is counted, logged and told; a killed run can go on."""

from __future__ import annotations

import contextlib
import math
import time
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from chem_vae.errors import ChemVAEWarning, UserError
from chem_vae.optimizers import STRATEGIES, Molecule, Proposal, create, spell_strategy
from chem_vae.progress import Progress, silent
from chem_vae.seeds import derive_seed
from pipeline.chemistry.filters.structure_filters import read_allowed
from pipeline.chemistry.variation.scaffold_request import open_scaffold
from pipeline.chemistry.variation.scaffold_variation import list_capped
from pipeline.datasets.dataset import Dataset
from pipeline.models.trained_model import TrainedModel
from pipeline.models.training_set.usual_structures import learn_usual_structures
from pipeline.objectives.constraints import Constraints, collect_named_molecules
from pipeline.optimization.clock import Clock
from pipeline.optimization.config import STOPPED, OptimizeConfig
from pipeline.optimization.initial_population import (
    build_problem,
    propose_analogues,
    propose_known,
    read_seeds,
    select_best_known,
    spell_seeds,
)
from pipeline.optimization.provenance import Origin, Provenance
from pipeline.optimization.result import Optimization, average_best, build_result, has_improved
from pipeline.optimization.scaffold_problem import PROPOSED, keep_scaffold
from pipeline.optimization.scoring import Scoring, choose_oracle
from pipeline.optimization.screen import Screen, Screened
from pipeline.optimization.size_limits import describe_size_limits, limit_sizes
from pipeline.oracles.base import Oracle
from pipeline.oracles.factory import open_oracle
from pipeline.oracles.function import FunctionOracle
from pipeline.oracles.ledger import CountedOracle, Map
from pipeline.workspace.presentation.formatting import count_things
from pipeline.workspace.progress.found_molecules import BestFound
from pipeline.workspace.work.long_work import LongWork, watch_long_work

LOG, ORIGINS, CLOCK = "oracle.sqlite", "proposals.jsonl", "clock.json"
STALE_ROUNDS = 10  # rounds in a row without a new molecule, after which the search ends
REFUSED_IN_A_ROW = 1000  # new molecules in a row that the constraints refuse, after which the search ends
LOOKED_AT = 5000  # molecules to look at before it is said that none passes the constraints
EXPLAINED = 1000  # the molecules looked at last that are checked one by one to explain why none passes
TOLD_AT_ONCE = 500
CALLS, GOES_ON = "oracle calls are to be made", "stops at once; the same command goes on from the answers so far"


def optimize(
    model: TrainedModel,
    config: OptimizeConfig,
    folder: Path,
    *,
    oracle: Oracle | Callable[[list[str]], Any] | None = None,
    dataset: Dataset | None = None,
    map: Map | None = None,
    options: Mapping[str, Any] | None = None,
    repeat_from: int | None = None,
    progress: Progress = silent,
    shows_best: bool = True,
    work: LongWork | None = None,
    usual: Collection[str] | None = None,
) -> Optimization:
    """Search for molecules with high scores until the budget of oracle calls or another limit ends the search.

    A search that was stopped goes on from the files in its folder. It asks again only about what had not been answered.

    Args:
        model: The model whose latent space is searched.
        config: The settings of the search.
        folder: Holds LOG, each oracle call; ORIGINS, where each molecule came from; and CLOCK, the seconds that the search
            took, until it ends by itself.
        oracle: An Oracle, or a function from a list of SMILES to numbers, instead of the settings' oracle.
        dataset: The molecules that `start = "data"` and `start = "best"` begin with.
        map: How batches are handed out, see CountedOracle.
        options: retries, batch_size and parallel of CountedOracle, instead of the settings'.
        repeat_from: Where the folder holds calls of a search with the same settings: the number of calls that it began with. It is
            repeated from there with the answers of the log, so that it goes the way that it would have gone without a stop. When not
            given, the strategy is told of all calls at once, which is faster, and goes on another way.
        progress: Told the stage "optimize" with the calls paid.
        shows_best: Whether the best molecules are shown to whoever watches the search.
        work: Says when to stop; when not given, the first Ctrl-C does after the round.
        usual: What is usual although it is unusual elsewhere; learned from the model, the seeds and the constraints when None.

    Raises:
        UserError: The budget is below 1, an objective can be scored by nobody, a seed cannot be read, or nothing passes the
            constraints.
        OracleError: The oracle fails for good. The answers until then are in the log.
    """
    config = config.model_copy(update={"strategy": spell_strategy(config.strategy)})
    asked = _open_oracle(config, oracle)
    try:
        if options is None:
            settings = {"retries", "batch_size", "parallel"}
            options = config.oracle.model_dump(include=settings) if config.oracle is not None else {}
        folder.mkdir(parents=True, exist_ok=True)
        clock = Clock(folder / CLOCK, config.minutes)
        ledger = CountedOracle(
            asked,
            config.oracle_calls,
            folder / LOG,
            **options,
            map=map,
            seconds_left=clock.seconds_left,
            repeat_from=repeat_from,
        )
    except BaseException:
        asked.close()
        raise
    with ledger:
        watch = (
            watch_long_work(CALLS, "--calls asks for less", GOES_ON) if work is None else contextlib.nullcontext(work)
        )
        with watch as watched:
            repeats = repeat_from is not None
            found = _Loop(model, config, folder, ledger, clock, dataset, progress, watched, usual, repeats=repeats)
            found.best_found = BestFound() if shows_best else None
            result = found.run()
        clock.forget()
        return result


def _open_oracle(config: OptimizeConfig, given: Oracle | Callable[[list[str]], Any] | None) -> Oracle:
    if given is None:
        return open_oracle(choose_oracle(config))
    return given if isinstance(given, Oracle) else FunctionOracle(given)


class _Loop:
    """One optimization from its start to its result."""

    def __init__(
        self,
        model: TrainedModel,
        config: OptimizeConfig,
        folder: Path,
        ledger: CountedOracle,
        clock: Clock,
        dataset: Dataset | None,
        progress: Progress,
        work: LongWork,
        told_usual: Collection[str] | None,
        *,
        repeats: bool,
    ) -> None:
        self.config, self.ledger, self.clock, self.progress = config, ledger, clock, progress
        self.work = work
        self.checkpoint = model.checkpoint
        self.scoring = Scoring(config, ledger.endpoints, model.properties)
        if config.enough is not None and not self.scoring.bounded:
            raise UserError(
                "enough counts the molecules that meet all objectives, and none of them says what is good enough; give one a "
                "bound, e.g. { maximize = true, low = 0.9 }, a target or a range"
            )
        seeds = read_seeds(config.seeds, model.standardize_options)
        named = [*seeds, *collect_named_molecules(config.constraints)]
        scaffold = open_scaffold(config.scaffold) if config.scaffold is not None else None
        named += list_capped(scaffold) if scaffold is not None else []
        usual = learn_usual_structures(model, named)
        if told_usual is not None:
            usual = replace(usual, allowed=frozenset(told_usual))
        self.usual = usual.allowed
        allowed = usual.allowed | read_allowed(config.allowed_names)
        self.size_limits = limit_sizes(config, model, ledger.oracle, named)
        if self.size_limits:
            warnings.warn(describe_size_limits(self.size_limits, bool(named)), ChemVAEWarning, stacklevel=2)
        self.constraints = Constraints((*config.constraints, *self.size_limits), allowed, scaffold)
        self.screen = Screen(self.checkpoint.vocabulary, self.constraints)
        self.seeds = spell_seeds(seeds, self.screen, self.constraints)
        start_best = config.start == "best"
        self.best = select_best_known(config, self.scoring, self.screen, dataset) if start_best else []
        seed = int(config.seed)  # a run that goes on does not repeat itself
        self.random = derive_seed(seed, ledger.calls) % 2**31 if ledger.calls else seed
        self.problem = build_problem(model, config, self.scoring, self.screen, usual, dataset)
        if config.scaffold is not None and scaffold is not None:
            self.problem = keep_scaffold(
                self.problem,
                model,
                scaffold,
                config.scaffold,
                screen=self.screen,
                allowed=allowed,
                n=min(PROPOSED, max(3 * config.round_size, 100)),
                seed=self.random,
                progress=progress,
            )
        self.optimizer = create(config.strategy, self.problem, self.random)
        if self.scoring.several > 1 and not self.optimizer.several_objectives:
            raise UserError(
                f"the strategy {config.strategy} takes one number; with a Pareto front use "
                + ", ".join(name for name, strategy in sorted(STRATEGIES.items()) if strategy.several_objectives)
            )
        self.provenance = Provenance(folder / ORIGINS, repeats=repeats)
        self.seconds = dict.fromkeys(("asking", "screening", "oracle", "telling"), 0.0)
        self.proposed = self.hits = self.drafts = 0
        self.resumed = ledger.calls > 0
        self.best_found: BestFound | None = None
        self.scores: list[Any] = []
        """One score for each call: a number or, for a front, (objectives,)."""

    # -- the stages of a search --------------------------------------------------------------------------------------

    def run(self) -> Optimization:
        if self.ledger.calls:
            self._remember(self.ledger.history)
        self.work.begin(self.ledger.calls, self.config.oracle.parallel if self.config.oracle is not None else 1)
        self._ask_about_seeds()
        self._ask_about_best()
        self._report_progress()
        ended = self._search()
        self._remember(self.ledger.take_rest(all_left=True))
        return build_result(
            self.config,
            self.scoring,
            self.ledger,
            self.provenance,
            ended=ended,
            broken=self._find_newly_broken(),
            seconds=self.seconds,
            usual=self.usual,
            size_limits=self.size_limits,
        )

    def _ask_about_seeds(self) -> None:
        """Ask about the seeds, then about analogues of them."""
        keys = [m.key for m in self.screen(self.seeds) if m is not None]  # none is refused: they were checked
        known = self._list_known()
        if new := [s for s, key in zip(self.seeds, keys, strict=True) if key not in known]:
            self._run_round(propose_known(new, self.checkpoint), "seed")
        known = self._list_known()
        missing = min(self.config.round_size, self.ledger.left) - len(known - {*keys})
        missing = 0 if self.clock.is_over() or self.work.is_stopped() else missing
        if (near := propose_analogues(self.problem, self.seeds, known, missing, self.random)) is not None:
            self._run_round(near)

    def _ask_about_best(self) -> None:
        """Ask about the best molecules of the dataset, round by round."""
        known, size = self._list_known(), self.config.round_size
        best = [s for s, m in zip(self.best, self.screen(self.best), strict=True) if m and m.key not in known]
        while best and not self._find_end():
            self._run_round(propose_known(best[:size], self.checkpoint), "best of the data")
            best = best[size:]

    def _search(self) -> str:
        """Follow the strategy to an end; return the reason for the end, in words."""
        stale = idle = looked_at = 0
        size, refused = self.config.round_size, list[str | None]()
        while not (ended := self._find_end()):
            before, drafts = self.ledger.calls, self.screen.drafts
            with self._measure("asking"):
                proposal = self.optimizer.ask(min(size, self.ledger.left))
            strings = self._run_round(proposal)
            paid, new = self.ledger.calls > before, self.screen.drafts - drafts
            stale, looked_at = (0, 0) if paid else (stale + 1, looked_at + new)
            idle = 0 if paid or new else idle + 1
            if stale and not self.ledger.calls and len(self.constraints):
                refused = [*refused, *strings][-EXPLAINED:]
                if self.screen.drafts < LOOKED_AT and stale < LOOKED_AT // size:
                    continue  # a property of one molecule in a thousand is found in the end
                self.screen.explain(refused)
            if idle >= STALE_ROUNDS:
                return f"the last {STALE_ROUNDS} rounds brought no molecule that was not asked about before"
            if stale >= STALE_ROUNDS and looked_at >= REFUSED_IN_A_ROW:
                return f"none of the last {looked_at:,} new molecules passes the constraints"
            self._report_progress()
        return ended

    def _find_end(self) -> str:
        """Return the reason to stop now; "" to go on."""
        config, n = self.config, len(self.scores)
        if self.work.is_stopped():
            if not self.ledger.calls:
                raise KeyboardInterrupt  # there is nothing to show
            return f"{STOPPED} after {self.ledger.calls:,} of {count_things(config.oracle_calls, 'oracle call')}; --continue goes on from here"
        if self.ledger.left == 0:
            return f"the budget of {count_things(config.oracle_calls, 'oracle call')} is spent"
        if config.minutes is not None and self.clock.is_over():
            return "1 minute is over" if config.minutes == 1 else f"{config.minutes:g} minutes are over"
        if config.enough is not None and self.hits >= config.enough:
            return f"{count_things(self.hits, 'molecule', 'meets', 'meet')} every objective"
        if config.patience is not None and n > config.patience:
            scores = np.array(self.scores, dtype=np.float64)
            scored = np.isfinite(scores.reshape(n, -1)[: -config.patience]).all(axis=1).sum() >= 10
            if scored and not has_improved(scores, config.patience):
                what = "best ten" if scores.ndim == 1 else "front"
                return f"the last {config.patience:,} calls did not better the {what}"
        return ""

    # -- one round ---------------------------------------------------------------------------------------------------

    def _run_round(self, proposal: Proposal, origin: str | None = None) -> list[str | None]:
        """Screen a proposal, ask the oracle about it and tell the strategy; return the proposal's strings."""
        with self._measure("screening"):
            strings = self.optimizer.decode(
                proposal, temperature=self.config.temperature, seed=self.random + self.proposed
            )
            screened = self.screen.examine(strings)
        molecules = [s.molecule if s is not None else None for s in screened]
        keys = [m.key if m is not None else None for m in molecules]
        self.proposed += len(strings)
        self._record_origins(screened, proposal, origin)
        with self._measure("oracle"):
            paid = self.ledger.calls
            scored = self.ledger.score(keys, lambda stage, done, n, figures=None: self._report_progress(paid + done))
            values = self.scoring.evaluate(keys, scored.values)
            scores = self.scoring.score(values, len(keys))
        hits = self.scoring.find_hits(values, len(keys))
        for row in np.flatnonzero(scored.paid):
            self._count(scores[row], bool(hits[row]))
        self._show_best(keys, scores, values)
        if not self.clock.is_over():  # a molecule that was not asked about any more has no score to tell
            self._tell(proposal, molecules, scores)
            self._remember(self.ledger.take_rest())
        return strings

    def _tell(self, proposal: Proposal, molecules: Sequence[Molecule | None], scores: NDArray[np.float64]) -> None:
        with self._measure("telling"):
            z = torch.full((len(molecules), self.checkpoint.model.latent_size), torch.nan)
            selfies = {row: m.selfies for row, m in enumerate(molecules) if m is not None and m.selfies}
            if selfies and self.optimizer.needs_encodings:
                z[list(selfies)] = self.checkpoint.encode(list(selfies.values())).mu
            self.optimizer.tell(proposal, z, torch.as_tensor(scores, dtype=torch.float64), molecules)

    def _count(self, score: Any, hit: bool) -> None:
        self.scores.append(score)
        self.hits += hit

    def _record_origins(self, screened: Sequence[Screened | None], proposal: Proposal, origin: str | None) -> None:
        """Write down where new molecules come from, before they are paid for, and how many were refused."""
        origins: dict[str, Origin] = {}
        for row, found in enumerate(screened):
            if found is not None and found.molecule is not None:
                own = origin or (proposal.origins[row] if proposal.origins else self.config.strategy)
                origins.setdefault(found.molecule.key, (own, proposal.parents[row] if proposal.parents else None))
        counts = {
            "proposed": len(screened),
            "valid": sum(found is not None for found in screened),
            "passed": sum(found is not None and found.molecule is not None for found in screened),
            "drafts": self.screen.drafts - self.drafts,
        }
        self.provenance.record(origins, counts, self.screen.broken, self.screen.unusual)
        self._restart_counts()

    def _restart_counts(self) -> None:
        """Count drafts and broken constraints from now on."""
        self.drafts = self.screen.drafts
        self.screen.broken.clear()
        self.screen.unusual.clear()

    # -- what was paid before ----------------------------------------------------------------------------------------

    def _remember(self, history: pd.DataFrame) -> None:
        """Tell the strategy what was paid before the run was stopped, a table as `CountedOracle.history` gives it."""
        if history.empty:
            return
        self.progress("remember", 0, len(history))
        for start in range(0, len(history), TOLD_AT_ONCE):
            part = history.iloc[start : start + TOLD_AT_ONCE]
            keys = part["smiles"].tolist()
            values = self.scoring.evaluate(keys, part[list(self.ledger.endpoints)].to_numpy(dtype=np.float64))
            molecules = self.screen.from_smiles(keys)
            broken = np.array([m is None for m in molecules])  # by a constraint that is new
            scores = self.scoring.score(values, len(keys))
            scores[broken] = np.nan
            for row, hit in enumerate(self.scoring.find_hits(values, len(keys)) & ~broken):
                self._count(scores[row], bool(hit))
            self._show_best(keys, scores, values)
            strings = [m.selfies if m else None for m in molecules]
            self._tell(propose_known(strings, self.checkpoint), molecules, scores)
            self.progress("remember", start + len(part), len(history))
        self._restart_counts()  # these molecules were counted when they were proposed

    def _find_newly_broken(self) -> NDArray[np.bool_]:
        """Say for each call (calls,) whether its molecule was paid for earlier and breaks a constraint that is new."""
        keys = self.ledger.history["smiles"].tolist()
        if not len(self.constraints) or not self.resumed:
            return np.zeros(len(keys), dtype=np.bool_)
        return np.array([m is None for m in self.screen.from_smiles(keys)], dtype=np.bool_)

    def _list_known(self) -> set[str]:
        return set(self.ledger.history["smiles"])

    # -- progress ----------------------------------------------------------------------------------------------------

    def _report_progress(self, calls: int | None = None) -> None:
        one = self.scores and self.scoring.several == 1
        best = float(average_best(np.array(self.scores))[-1]) if one else math.nan
        figures = {"best ten": self.scoring.to_own_value(best)} if math.isfinite(best) else {}
        if self.scoring.bounded:
            figures["hits"] = self.hits
        done = self.ledger.calls if calls is None else calls
        self.progress("optimize", done, self.config.oracle_calls, figures)
        self.work.look(done, self.config.oracle_calls)

    def _show_best(
        self, keys: Sequence[str | None], scores: NDArray[np.float64], values: Mapping[str, Sequence[float]]
    ) -> None:
        if self.best_found is not None:
            one = scores if scores.ndim == 1 else scores.mean(axis=1)  # a front has no single best; its middle is shown
            wanted = {w.summary.name: values[w.summary.name] for w in self.scoring.objectives}
            self.best_found.add(keys, one.tolist(), wanted)

    @contextlib.contextmanager
    def _measure(self, work: str) -> Iterator[None]:
        """Add the seconds of a block to those of a kind of work."""
        started = time.perf_counter()
        yield
        self.seconds[work] += time.perf_counter() - started
