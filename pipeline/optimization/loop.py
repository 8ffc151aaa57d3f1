"""The optimization loop: ask, screen, score, tell; every call counted, logged and told, a killed run gone on with."""

from __future__ import annotations

import math
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from rdkit import Chem, rdBase
from torch import Tensor

from chem_vae.checkpoint import Checkpoint
from chem_vae.errors import UserError
from chem_vae.optimizers import LatentOptimizer, Molecule, Problem, Proposal, create
from chem_vae.progress import Progress, silent
from pipeline.dataset import Dataset
from pipeline.model import TrainedModel
from pipeline.objectives import Constraints
from pipeline.objectives.pareto import ranks
from pipeline.optimization.accounts import Accounts
from pipeline.optimization.config import OptimizeConfig
from pipeline.optimization.result import Optimization, best_so_far, ranked
from pipeline.optimization.scoring import Scoring, oracle_of
from pipeline.oracles.base import Oracle
from pipeline.oracles.function import FunctionOracle
from pipeline.oracles.ledger import CountedOracle, Map
from pipeline.oracles.opening import open_oracle
from pipeline.screening import Screen, variation

LOG, ORIGINS = "oracle.jsonl", "proposals.jsonl"
STALE_ROUNDS = 10  # in a row without a molecule that is new, after which nothing more is expected
POOL = 20_000  # training molecules to start from at most
TOLD_AT_ONCE = 500
NEAR_TRIES = 5  # to vary the seeds


def optimize(
    model: TrainedModel,
    config: OptimizeConfig,
    folder: Path,
    *,
    oracle: Oracle | Callable[[list[str]], Any] | None = None,
    dataset: Dataset | None = None,
    map: Map | None = None,
    progress: Progress = silent,
) -> Optimization:
    """Spend the budget on molecules that score ever better.

    folder: holds `oracle.jsonl`, a line for each call, and `proposals.jsonl`, where each molecule came from; a run that was
    stopped goes on from them, and pays for nothing twice. oracle: an Oracle, or a function from a list of SMILES to
    numbers, in the place of the configuration's. dataset: to start from (`start = "data"`). map: see CountedOracle.

    Raises UserError for a budget below 1, objectives that nobody can score, seeds that cannot be read, and constraints that
    nothing passes; OracleError where the oracle fails for good (what was paid is in the log).
    """
    asked = _oracle(config, oracle)
    try:
        settings = config.oracle
        options = {"retries": settings.retries, "batch_size": settings.batch_size, "parallel": settings.parallel} if settings else {}  # fmt: skip
        folder.mkdir(parents=True, exist_ok=True)
        ledger = CountedOracle(asked, config.oracle_calls, folder / LOG, map=map, **options)  # type: ignore[arg-type]
    except BaseException:
        asked.close()
        raise
    with ledger:
        return _Loop(model, config, folder, ledger, dataset, progress).run()


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
        dataset: Dataset | None,
        progress: Progress,
    ) -> None:
        self.model, self.config, self.ledger, self.progress = model, config, ledger, progress
        self.checkpoint: Checkpoint = model.checkpoint
        self.scoring = Scoring(config, ledger.endpoints, model.properties)
        if config.enough is not None and not self.scoring.bounded:
            raise UserError(
                "enough counts the molecules that meet all objectives, and none of them says what is good enough; give one a "
                "bound, e.g. { maximize = true, low = 0.9 }, a target or a range"
            )
        self.constraints = Constraints(config.constraints)
        self.screen = Screen(self.checkpoint.vocabulary, self._allowed if len(self.constraints) else None)
        self.free = Screen(self.checkpoint.vocabulary)
        self.broken: Counter[str] = Counter()
        self.seeds = self._seeds()
        self.random = int(config.seed) + 1_000_003 * ledger.calls  # a run that goes on does not repeat itself
        self.optimizer: LatentOptimizer = create(config.strategy, self._problem(dataset), self.random % 2**31)
        if self.scoring.several > 1 and not self.optimizer.several_objectives:
            raise UserError(
                f"the strategy {config.strategy} takes one number; with a Pareto front use adaptive, turbo or genetic"
            )
        self.accounts = Accounts(folder / ORIGINS)
        self.seconds = dict.fromkeys(("asking", "screening", "oracle", "telling"), 0.0)
        self.proposed = self.drafts = 0
        self.resumed = ledger.calls > 0
        self.scores: list[float] = []
        self.hits = 0

    # -- the loop ------------------------------------------------------------------------------------------------

    def run(self) -> Optimization:
        started = time.monotonic()
        if self.ledger.calls:
            self._remember()
        known = set(self.ledger.history["smiles"])
        if seeds := [s for s, m in zip(self.seeds, self.screen(self.seeds), strict=True) if m and m.key not in known]:
            self._round(self._known(seeds), "seed")
        if self.seeds and self.ledger.left and (near := self._near_seeds()) is not None:
            self._round(near)
        stale, rounds, ended = 0, 0, ""
        size = self.config.rounds_of()
        self._told()
        while not (ended := self._end(started)):
            before = self.ledger.calls
            clock = time.perf_counter()
            proposal = self.optimizer.ask(min(size, self.ledger.left))
            self.seconds["asking"] += time.perf_counter() - clock
            self._round(proposal)
            rounds += 1
            stale = stale + 1 if self.ledger.calls == before else 0
            if stale and not self.ledger.calls and len(self.constraints):
                self._nothing_passes(proposal)
            if stale == STALE_ROUNDS:
                ended = f"the last {STALE_ROUNDS} rounds brought no molecule that was not asked about before"
                break
            self._told()
        return self._outcome(ended)

    def _round(self, proposal: Proposal, origin: str | None = None) -> None:
        """Screen a proposal, ask the oracle, tell the strategy."""
        clock = time.perf_counter()
        seed = self.random + self.proposed
        strings = self.optimizer.decode(proposal, temperature=self.config.temperature, seed=seed)
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
        self._tell(proposal, molecules, scores)

    def _tell(self, proposal: Proposal, molecules: Sequence[Molecule | None], scores: Any) -> None:
        clock = time.perf_counter()
        z = torch.full((len(molecules), self.checkpoint.model.latent_size), torch.nan)
        rows = [i for i, m in enumerate(molecules) if m is not None and m.selfies]
        if rows:
            z[rows] = self.checkpoint.encode([molecules[i].selfies for i in rows]).mu  # type: ignore[union-attr]
        self.optimizer.tell(proposal, z, torch.as_tensor(scores, dtype=torch.float32), molecules)
        self.seconds["telling"] += time.perf_counter() - clock

    def _count(self, score: Any, hit: bool) -> None:
        self.scores.append(float(np.mean(score)))
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
            self._tell(self._known([m.selfies if m else None for m in molecules]), molecules, scores)
            self.progress("remember", start + len(part), len(history))

    def _end(self, started: float) -> str:
        """Why to stop now; "" to go on."""
        config, n = self.config, len(self.scores)
        if self.ledger.left == 0:
            return f"the budget of {config.oracle_calls:,} oracle calls is spent"
        if config.minutes is not None and time.monotonic() - started > 60 * config.minutes:
            return f"{config.minutes:g} minutes are over"
        if config.enough is not None and self.hits >= config.enough:
            return f"{self.hits:,} molecules meet every objective"
        if config.patience is not None and np.isfinite(self.scores[: max(0, n - config.patience)]).sum() >= 10:
            curve = best_so_far(np.array(self.scores))
            if not curve[-1] > curve[-1 - config.patience]:
                return f"the last {config.patience:,} calls did not better the best ten"
        return ""

    def _told(self, calls: int | None = None) -> None:
        best = float(best_so_far(np.array(self.scores))[-1]) if self.scores else math.nan
        figures = {"best ten": best} if math.isfinite(best) else {}
        if self.scoring.bounded:
            figures["hits"] = self.hits
        self.progress("optimize", self.ledger.calls if calls is None else calls, self.config.oracle_calls, figures)

    # -- what it starts from -------------------------------------------------------------------------------------

    def _problem(self, dataset: Dataset | None) -> Problem:
        checkpoint, config = self.checkpoint, self.config
        elements = config.elements or _elements(checkpoint, self.seeds)
        largest = max((Chem.MolFromSmiles(m.key).GetNumHeavyAtoms() for m in self.screen(self.seeds) if m), default=0)
        limit = config.max_heavy_atoms or max(math.ceil(1.25 * self._typical_size()), math.ceil(1.25 * largest), 30)
        conditions = checkpoint.conditions
        wanted = {w.about.name: w for w in self.scoring.wanted}

        def draw_conditions(n: int, generator: torch.Generator) -> Tensor:
            raw = torch.full((n, len(conditions)), torch.nan)
            for i, name in enumerate(conditions):
                if name in wanted:
                    raw[:, i] = wanted[name].draw(n, generator)
            return checkpoint.standardized(raw)

        pool = self._pool(dataset) if config.start == "data" else ()
        return Problem(
            checkpoint,
            draw_conditions,
            self._log_desirability(),
            self.model.latent["mu"].float(),
            self.screen,
            variation(self.screen, elements=elements, max_atoms=limit),
            pool,
            config.temperature,
            self.scoring.several,
        )

    def _log_desirability(self) -> Callable[[Tensor], Tensor] | None:
        """Of the model's own predictors, where it has one for every objective."""
        wanted, predictors = self.scoring.wanted, self.model.predictors
        if not wanted or any(w.about.name not in predictors for w in wanted):
            return None
        total = sum(w.weight for w in wanted)

        def log_desirability(z: Tensor) -> Tensor:
            logs = [w.weight / total * w.log_desirability(predictors[w.about.name].predict(z).mean) for w in wanted]
            return torch.stack(logs).sum(dim=0)

        return log_desirability

    def _pool(self, dataset: Dataset | None) -> list[str]:
        if dataset is None:
            raise UserError(
                'start = "data" needs the model\'s dataset in the workspace; ingest it, or start from the prior'
            )
        smiles = dataset.table(["smiles"], split="train")["smiles"]
        drawn = smiles.sample(min(len(smiles), POOL), random_state=int(self.config.seed)).tolist()
        return [s for s in self.screen.spellings(drawn) if s]

    def _seeds(self) -> list[str]:
        strings = []
        for text in self.config.seeds:
            with rdBase.BlockLogs():
                mol = Chem.MolFromSmiles(text)
            if mol is None or not mol.GetNumAtoms():
                raise UserError(f"the seed {text!r} is no molecule that RDKit can read")
            spelled = Screen(self.checkpoint.vocabulary).spellings([Chem.MolToSmiles(mol)])[0]
            if spelled is None:
                raise UserError(f"the seed {text!r} cannot be written as SELFIES")
            if self.screen([spelled])[0] is None:
                raise UserError(f"the seed {text!r} breaks a constraint: {self.constraints.check([mol]).reasons[0]}")
            strings.append(spelled)
        return strings

    def _near_seeds(self) -> Proposal | None:
        """A round of analogues of the seeds: what a strategy draws to begin with lies anywhere, and hardly near them."""
        seeds = [m.key for m in self.screen(self.seeds) if m is not None]
        keys = [k for k in seeds if "." not in k and Chem.MolFromSmiles(k).GetNumAtoms() > 1]  # what can be varied
        vary, known = self.optimizer.problem.vary, {*self.ledger.history["smiles"]}
        n = min(self.config.rounds_of(), self.ledger.left) - len(known - {*seeds})
        if vary is None or not keys or n <= 0:
            return None
        found: dict[str, tuple[str, str]] = {}
        for attempt in range(NEAR_TRIES):
            pairs = [(s, parent) for s, parent in vary(keys, 4 * n, self.random + attempt) if s is not None]
            for (string, parent), m in zip(pairs, self.screen([s for s, _ in pairs]), strict=True):
                if m is not None and m.key not in known:
                    found.setdefault(m.key, (string, parent))
            if len(found) >= n:
                break
            keys = [*keys, *found]  # the next step starts there, too
        rows = list(found.values())[:n]
        if not rows:
            return None
        return self._known([s for s, _ in rows])._replace(
            origins=["near a seed"] * len(rows), parents=[parent for _, parent in rows]
        )

    def _typical_size(self) -> float:
        """Heavy atoms of the largest molecules that the model knows, as far as the kept ones tell."""
        strings = self.checkpoint.decode(self.model.latent["mu"].float()[:200])
        sizes = [Chem.MolFromSmiles(m.key).GetNumHeavyAtoms() for m in Screen(self.checkpoint.vocabulary)(strings) if m]
        return float(max(sizes, default=40))

    def _known(self, strings: Sequence[str | None]) -> Proposal:
        """Molecules in the form of a proposal."""
        checkpoint = self.checkpoint
        nowhere = torch.full((len(strings), checkpoint.model.latent_size), torch.nan)
        unknown = torch.full((len(strings), len(checkpoint.conditions)), torch.nan)
        return Proposal(nowhere, unknown, list(strings), ["known"] * len(strings))

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
        refused = [s for s, key in zip(strings, keys, strict=True) if key is None]
        passed = len(strings) - len(refused)
        valid = passed + (sum(m is not None for m in self.free(refused)) if len(self.constraints) else 0)
        tally = self.screen.tally
        drafts = tally["valid"] + tally["constrained"] - self.drafts
        self.drafts += drafts
        counts = {"proposed": len(strings), "valid": valid, "passed": passed, "drafts": drafts}
        self.accounts.note(origins, counts, self.broken)
        self.broken.clear()

    def _allowed(self, mols: Sequence[Any]) -> Any:
        """The constraints' verdict on molecules that were not seen before; what broke which is counted."""
        checked = self.constraints.check(mols)
        self.broken.update(checked.counts)
        return checked.passed

    def _nothing_passes(self, proposal: Proposal) -> None:
        strings = self.optimizer.decode(proposal, temperature=self.config.temperature, seed=self.random)
        mols = [Chem.MolFromSmiles(m.key) for m in self.free(strings) if m is not None]
        if mols:
            raise UserError(self.constraints.explain(mols))

    def _outcome(self, ended: str) -> Optimization:
        history = self.ledger.history
        keys = history["smiles"].tolist()
        values = self.scoring.values(keys, history[list(self.ledger.endpoints)].to_numpy(dtype=np.float64))
        scores = self.scoring.scores(values, len(keys))
        broken = np.zeros(len(keys), dtype=np.bool_)
        if len(self.constraints) and self.resumed:  # what was paid before may break a constraint that is new
            broken = np.array([m is None for m in self.screen.from_smiles(keys)], dtype=np.bool_)
            scores[broken] = np.nan
        calls = history[["order", "smiles"]].copy()
        warnings = list(self.scoring.warnings)
        if scores.ndim == 2:  # a front: the rank is by what a molecule adds to it
            for i, w in enumerate(self.scoring.wanted):
                calls[f"{w.about.name}_ranked_by"] = scores[:, i]
            calls["score"] = _front_score(scores)
        else:
            calls["score"] = scores
        for name, column in values.items():
            calls[f"{name}_computed"] = column
        calls["hit"] = self.scoring.hits(values, len(keys)) & ~broken
        calls["failed"] = history["reason"].fillna("").mask(broken, "breaks a constraint")
        calls["origin"] = [self.accounts.of(k)[0] for k in keys]
        calls["parent"] = pd.Series([self.accounts.of(k)[1] for k in keys], dtype=object)  # None stays None
        calls["round"], calls["seconds"] = history["round"], history["seconds"]
        tally = self.accounts.tally
        counts = {
            **{name: tally[name] for name in ("proposed", "valid", "passed", "drafts")},
            "asked": self.ledger.calls,
            "scored": self.ledger.calls - self.ledger.failed,
            "failed": self.ledger.failed,
            "hits": int(calls["hit"].sum()),
        }
        if self.ledger.failed > 0.1 * max(1, self.ledger.calls):
            warnings.append(f"the oracle gave no number for {self.ledger.failed:,} of {self.ledger.calls:,} calls")
        candidates = ranked(calls, self.config.n, self.config.per_scaffold)
        return Optimization(
            calls,
            candidates,
            counts,
            self.scoring.wanted,
            self.config,
            ended,
            warnings,
            dict(self.seconds),
            broken=dict(self.accounts.broken),
            oracle=self.ledger.oracle.name,
        )


def _front_score(scores: Any) -> list[float]:
    """1 for the front, less for the fronts behind it; NaN where an objective failed."""
    fine = ~np.isnan(scores).any(axis=1)
    out = np.full(len(scores), np.nan)
    if fine.any():
        out[fine] = 1.0 / (1.0 + ranks(scores[fine]))
    return [float(v) for v in out]


def _elements(checkpoint: Checkpoint, seeds: Sequence[str]) -> tuple[str, ...]:
    """Of the vocabulary's symbols and the seeds'."""
    found = set()
    for text in (*checkpoint.vocabulary.symbols, *seeds):
        found |= set(re.findall(r"\[[=#\\/]?(?:\d+)?([A-Z][a-z]?)(?=[\]@H+-])", text))
    return tuple(sorted(found - {"H"})) or ("C", "N", "O")
