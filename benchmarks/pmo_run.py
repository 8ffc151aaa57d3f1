"""One run of the PMO benchmark, in a process of its own (see pmo.py): its figures, and where its time goes."""

from __future__ import annotations

import contextlib
import math
import random
import resource
import shutil
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

DIGITS = 6  # of a score in the results
TOLD_EVERY = 1000  # calls between two lines of the log
DECODED = 100  # molecules of the decode that a step is compared with


@dataclass(frozen=True)
class Job:
    """One run, as a process is told of it."""

    task: str
    strategy: str
    seed: int
    calls: int
    batch: int | None
    start: str
    model: str
    workspace: Path
    kept: Path
    key: str
    table: str = "protocol"
    """The name of a table of `pmo_tables`, which has the settings."""
    library: str = ""
    """The name or the path of the library, for the table of that name."""
    library_size: int | None = None
    """The molecules of it that are scored beforehand, drawn by chance; None: all."""

    @property
    def name(self) -> str:
        return f"{self.task}-{self.strategy}-{self.seed}"


class Stopwatch:
    """Seconds spent in some methods, whoever calls them. What one of them calls of another counts for the outer one."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._inside = False

    @contextmanager
    def of(self, label: str, owner: type, *methods: str) -> Iterator[None]:
        """Time those methods of a class as `label` for as long as the context lasts."""
        self.seconds.setdefault(label, 0.0)
        kept = {method: getattr(owner, method) for method in methods}
        for method, function in kept.items():
            setattr(owner, method, self._timed(label, function))
        try:
            yield
        finally:
            for method, function in kept.items():
                setattr(owner, method, function)

    def _timed(self, label: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **options: Any) -> Any:
            if self._inside:
                return function(*args, **options)
            self._inside, started = True, time.perf_counter()
            try:
                return function(*args, **options)
            finally:
                self._inside = False
                self.seconds[label] += time.perf_counter() - started

        return timed


def run(job: Job) -> dict[str, Any]:
    """Return the result of one run from the workspace, or make and write it."""
    from pipeline.benchmark.parts import Parts
    from pipeline.workspace.storage.folders import lock_folder

    with lock_folder(job.kept / job.name, "at the same run"):
        return Parts(job.kept, job.key).do(job.name, lambda: _measured(job))


def _measured(job: Job) -> dict[str, Any]:
    import torch

    torch.set_num_threads(1)
    import pmo_protocol as pmo
    from pmo_tables import TABLES
    from pmo_tasks import task

    from chem_vae.checkpoint import Checkpoint
    from chem_vae.optimizers.gradient import GradientAscent
    from chem_vae.optimizers.retraining import WeightedRetraining
    from chem_vae.predictors.tanimoto_process import TanimotoProcess
    from pipeline.models.trained_model import load_model
    from pipeline.optimization.config import OptimizeConfig
    from pipeline.optimization.loop import optimize
    from pipeline.workspace.runs import describe_machine, list_versions

    model = load_model(job.model, job.workspace)
    decode_seconds = _decode_seconds(model.checkpoint)
    folder = job.kept / f"{job.name}.run"
    shutil.rmtree(folder, ignore_errors=True)
    highest = task(job.task).best
    ends = {} if highest is None else {"objectives": {"score": {"maximize": True, "low": highest - 1e-9}}, "enough": 10}
    seeds, library = _choose_seeds(job, model) if job.library else ((), "")
    settings = {
        "oracle": {"function": f"pmo_tasks:{job.task}"},
        "oracle_calls": job.calls,
        "strategy": job.strategy,
        "batch_size": job.batch,
        "start": job.start,
        "seed": job.seed,
        "seeds": seeds,
        **ends,  # the curve of the best ten cannot change any more once ten have the highest score that there is
        **TABLES[job.table].settings,
    }
    config = OptimizeConfig.model_validate(settings)
    dataset = model.dataset(job.workspace) if job.start == "data" else None
    watch, started, cpu = Stopwatch(), time.monotonic(), _cpu_seconds()
    with (
        watch.of("decode", Checkpoint, "decode"),
        watch.of("encode", Checkpoint, "encode"),
        watch.of("retrain", WeightedRetraining, "step"),
        watch.of("surrogate", TanimotoProcess, "__init__", "predict", "draw"),
        watch.of("surrogate", GradientAscent, "_climb"),
    ):
        found = optimize(model, config, folder, dataset=dataset, progress=_teller(job))
    seconds, cpu = time.monotonic() - started, _cpu_seconds() - cpu
    scores = found.calls["score"].tolist()
    figures = pmo.measure(
        scores,
        task=job.task,
        strategy=job.strategy,
        seed=job.seed,
        budget=job.calls,
        seconds=seconds,
        oracle_seconds=found.seconds["oracle"],
    )
    best = found.calls.sort_values("score", ascending=False).head(3)
    return {
        **{k: v for k, v in figures._asdict().items() if k != "best"},
        "table": job.table,
        "library": library,
        "rises": _rises(scores),
        "best": [[s, round(v, DIGITS)] for s, v in zip(best["smiles"], best["score"], strict=True)],
        "ended": found.ended,
        "counts": found.counts,
        "origins": _origins(found.calls),
        "batch": config.round_size,
        "cpu_seconds": cpu,
        "loop_seconds": found.seconds,
        "inside_seconds": watch.seconds,
        "decode_seconds": decode_seconds,
        "date": datetime.now(UTC).date().isoformat(),
        "machine": describe_machine(),
        "versions": list_versions(),
        "code": code_key(),
    }


def _choose_seeds(job: Job, model: Any) -> tuple[tuple[str, ...], str]:
    """Choose the best molecules of the library that the model's standardization reads; return them and the library in words."""
    from pmo_tables import BEST_OF_LIBRARY, choose_best, read_library
    from rdkit import Chem

    from chem_vae.errors import ChemVAEWarning, UserError
    from pipeline.optimization.initial_population import read_seeds
    from pipeline.workspace.registry import resolve

    source = resolve(job.library)
    smiles = read_library(source.path)
    if job.library_size is not None and job.library_size < len(smiles):
        smiles = random.Random(job.seed).sample(smiles, job.library_size)
    seeds: dict[str, None] = {}
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", ChemVAEWarning
        )  # what standardization changes is no news in a library of charged molecules
        for text, _ in choose_best(job.task, smiles, 2 * BEST_OF_LIBRARY):
            with contextlib.suppress(UserError):
                seeds[Chem.MolToSmiles(read_seeds([text], model.standardize_options)[0])] = None
            if len(seeds) == BEST_OF_LIBRARY:
                break
    return tuple(seeds), f"{len(smiles):,} molecules of {source.name}"


def code_key() -> str:
    """Hash the source that decides the course of a run, to name reused runs of another version."""
    from pipeline.workspace.storage.folders import hash_content

    root = Path(__file__).parents[1]
    rooms = {
        "pipeline/chemistry/variation": ("crossover", "mutations", "graph_edits"),
        "pipeline/chemistry/filters": (
            "structure_filters",
            "atom_environments",
            "structure_table",
            "unusual_patterns",
            "unusual_rings",
        ),
        "pipeline/models/training_set": ("usual_structures",),
        "chem_vae/predictors": ("tanimoto", "tanimoto_fit", "tanimoto_process"),
    }
    named = [root / room / f"{name}.py" for room, names in rooms.items() for name in names]
    folders = [root / "chem_vae" / "optimizers", root / "pipeline" / "objectives", root / "pipeline" / "optimization"]
    sources = [*named, *(path for folder in folders for path in sorted(folder.glob("*.py")))]
    return hash_content(*(path.read_text(encoding="utf-8") for path in sources))[:8]


def _cpu_seconds() -> float:
    return sum(
        used.ru_utime + used.ru_stime
        for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def _decode_seconds(checkpoint: Any) -> float:
    """Measure the median time of decoding DECODED molecules without z."""
    import torch

    nowhere, times = torch.full((DECODED, checkpoint.model.latent_size), torch.nan), []
    for seed in range(6):
        started = time.perf_counter()
        checkpoint.decode(nowhere, temperature=1.0, seed=seed)
        times.append(time.perf_counter() - started)
    return statistics.median(times[1:])


def _teller(job: Job) -> Callable[..., None]:
    told = 0

    def progress(stage: str, done: int, total: int, figures: Mapping[str, float] | None = None) -> None:
        nonlocal told
        if stage == "optimize" and done // TOLD_EVERY > told:
            told = done // TOLD_EVERY
            say(f"{job.name}: {done:,} of {total:,} calls, best ten {(figures or {}).get('best ten', math.nan):.3f}")

    return progress


def _rises(scores: Sequence[float]) -> list[list[float]]:
    """[call, score] wherever the best score rose: all that the calls to any level need."""
    rises: list[list[float]] = []
    for call, score in enumerate(scores, start=1):
        if score == score and (not rises or score > rises[-1][1]):
            rises.append([call, score])
    return rises


def _origins(calls: Any) -> dict[str, dict[str, float]]:
    """Summarize for each origin of molecules: calls, mean and highest score."""
    grouped = calls.groupby("origin")["score"]
    return {str(k): {"calls": len(v), "mean": float(v.mean()), "highest": float(v.max())} for k, v in grouped}


def say(text: str) -> None:
    """Write a line to the log."""
    print(text, file=sys.stderr, flush=True)
