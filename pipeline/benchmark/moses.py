"""The MOSES benchmark of one model: distribution, reconstruction and targets, all from the same checkpoint.

    python: run_benchmark(load_model("moses"), BenchmarkSettings(), workspace)
    shell:  chem-vae benchmark moses --model moses

Everything lies in `<workspace>/benchmarks/moses-<key>/`: the samples, a JSON file for each part, `results.json` and
`results.md`. The key is a hash of the model's weights and of the settings.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from chem_vae.atomic_files import write_json, write_text
from chem_vae.errors import DataError
from chem_vae.progress import Progress, silent
from pipeline.benchmark.chemnet import find_fcd_version
from pipeline.benchmark.config import BenchmarkSettings
from pipeline.benchmark.distribution import compute_distribution, count_passing, count_unusual, to_json
from pipeline.benchmark.filters import load_rules
from pipeline.benchmark.molecules import MeasuredParts, measure
from pipeline.benchmark.parts import Parts
from pipeline.benchmark.reconstruction import (
    draw_held_out,
    encode_held_out,
    measure_reconstruction,
    summarize_posterior,
)
from pipeline.benchmark.reference import TEST_SETS, Reference, load_reference, read_split
from pipeline.benchmark.table import render_markdown
from pipeline.benchmark.targets import Sampling, draw, run_protocol_b, run_single_targets
from pipeline.chemistry.metrics import measure_novelty
from pipeline.models.trained_model import TrainedModel
from pipeline.workspace.registry import hash_file
from pipeline.workspace.runs import describe_machine, list_versions
from pipeline.workspace.storage.folders import hash_content, lock_folder

UNREADABLE = "invalid"
"""Stands in samples files for a molecule that was not decoded: no program takes it for a molecule, as it may an empty cell."""
UNUSUAL_OF = 10_000
"""MOSES test molecules among which unusual structures are counted, to compare with."""
_FORMAT = 3


def run_benchmark(
    model: TrainedModel,
    settings: BenchmarkSettings | None = None,
    workspace: Path = Path("workspace"),
    *,
    workers: int | None = None,
    progress: Progress = silent,
) -> Path:
    """Run the parts of the benchmark that are not done yet and write results.json and results.md.

    Args:
        model: The model.
        settings: Amounts and sampling; None: the published ones.
        workspace: The results lie in its folder `benchmarks`.
        workers: Processes; None: all cores.
        progress: Is told of each stage.

    Returns:
        The folder of the results.

    Raises:
        UserError: fcd_torch is missing.
        BusyError: Another process runs the same benchmark.
    """
    settings = settings or BenchmarkSettings()
    fcd = find_fcd_version()  # better now than after an hour
    weights = hash_file(model.folder / "model.safetensors")
    key = hash_content(_FORMAT, weights, hash_file(model.folder / "model.json"), asdict(settings), list_versions(), fcd)
    folder = workspace / "benchmarks" / f"moses-{key[:8]}"
    with lock_folder(folder, "benchmarking this model"):
        folder.mkdir(parents=True, exist_ok=True)
        parts = Parts(folder / "parts", key)
        _Benchmark(model, settings, folder, parts, workers, progress).run()
        dataset = model.card["dataset"]
        results = {
            "benchmark": "moses",
            "date": datetime.now(UTC).strftime("%Y-%m-%d"),
            "machine": describe_machine(),
            "versions": {**list_versions(), "fcd_torch": fcd},
            "key": key,
            "model": {
                "name": model.folder.name,
                "key": model.key,
                "weights_sha256": weights,
                "parameters": model.card["parameters"],
                "trained_on": dataset["name"],
                "training_molecules": model.card["training_molecules"],
                "base": model.card.get("base"),
                "trained_seconds": model.card["trained_seconds"],
            },
            "settings": asdict(settings),
            "seeds": _list_seeds(settings),
            "seconds": parts.seconds,
            "distribution": average_seeds([parts.results[f"distribution-{seed}"] for seed in _list_seeds(settings)]),
            **{name: parts.results[name] for name in ("posterior", "reconstruction", "protocol_b", "single_targets")},
            "unusual_in_data": parts.results["unusual_in_data"],
            "canonical": {str(seed): parts.results[f"samples-{seed}"]["canonical"] for seed in _list_seeds(settings)},
            "by_seed": {str(seed): parts.results[f"distribution-{seed}"] for seed in _list_seeds(settings)},
        }
        write_json(folder / "results.json", results)
        write_text(folder / "results.md", render_markdown(results))
    return folder


def score_samples(
    smiles: Sequence[str | None], *, workers: int | None = None, progress: Progress = silent
) -> dict[str, Any]:
    """Compute the distribution metrics of MOSES for your own list, invalid molecules included, as plain data."""
    find_fcd_version()
    references = [load_reference(name, workers=workers, progress=progress) for name in TEST_SETS]
    figures = compute_distribution(
        smiles,
        references,
        training=set(read_split("train")),
        rules=load_rules(),
        workers=workers,
        progress=progress,
    )
    return {"samples": len(smiles), **to_json(figures)}


def average_seeds(figures: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Average metrics over seeds: mean and standard deviation (n - 1; None for one seed), with the Shares' counts summed up.

    >>> average_seeds([{"SNN": 0.5}, {"SNN": 0.7}])["SNN"]["mean"]
    0.6
    """
    rows: dict[str, dict[str, Any]] = {}
    for name in figures[0]:
        found = [f[name] for f in figures]
        row: dict[str, Any] = {}
        if isinstance(found[0], dict):
            row = {"count": sum(f["count"] for f in found), "of": sum(f["of"] for f in found)}
            found = [f["fraction"] for f in found]
        values = np.array([np.nan if v is None else v for v in found], dtype=np.float64)
        row["mean"] = float(values.mean())
        row["std"] = float(values.std(ddof=1)) if len(values) > 1 else None
        rows[name] = {**row, "seeds": values.tolist()}
    return rows


@dataclass
class _Benchmark:
    model: TrainedModel
    settings: BenchmarkSettings
    folder: Path
    parts: Parts
    workers: int | None
    progress: Progress

    def run(self) -> None:
        """Run all parts; those that need no reference are quick and come first."""
        settings, checkpoint = self.settings, self.model.checkpoint
        self.parts.do("posterior", lambda: summarize_posterior(self.posterior))
        self.parts.do(
            "reconstruction",
            lambda: measure_reconstruction(checkpoint, self.held, self.posterior, settings.first_seed, self.progress),
        )
        self.parts.do("unusual_in_data", self.count_unusual_in_data)
        for seed in _list_seeds(settings):
            self.parts.do(f"samples-{seed}", lambda seed=seed: self.draw(seed))  # type: ignore[misc]
        for seed in _list_seeds(settings):
            self.parts.do(f"distribution-{seed}", lambda seed=seed: self.compute_distribution(seed))  # type: ignore[misc]
        for name, measure_it, n in (
            ("protocol_b", run_protocol_b, settings.targets),
            ("single_targets", run_single_targets, settings.per_value),
        ):
            self.parts.do(
                name,
                lambda measure_it=measure_it, n=n: measure_it(  # type: ignore[misc]
                    checkpoint,
                    self.references[0].properties,
                    n,
                    Sampling(settings.prior, settings.target_temperature, settings.guidance, settings.redraws),
                    seed=settings.first_seed,
                    workers=self.workers,
                    progress=self.progress,
                ),
            )

    def count_unusual_in_data(self) -> dict[str, Any]:
        """Count the unusual structures among some of MOSES' test molecules."""
        test = read_split("test")
        chosen = np.random.default_rng(self.settings.first_seed).permutation(len(test))[:UNUSUAL_OF]
        wanted = MeasuredParts(structure=False, properties=False, unusual=True)
        some = [test[i] for i in sorted(chosen)]
        stage = "look for unusual structures in MOSES Test"
        return count_unusual(measure(some, wanted, workers=self.workers, progress=self.progress, stage=stage)).to_dict()

    def draw(self, seed: int) -> dict[str, Any]:
        """Draw samples into a file; its hash is the part's result."""
        settings = self.settings
        smiles, canonical = draw(
            self.model.checkpoint,
            settings.samples,
            Sampling(settings.prior, settings.temperature, redraws=settings.redraws),
            seed=seed,
            progress=self.progress,
            stage=f"sample, seed {seed}",
        )
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerows([("SMILES",), *((s or UNREADABLE,) for s in smiles)])
        write_text(self._samples(seed), text.getvalue())
        return {
            "file": self._samples(seed).name,
            "sha256": hash_file(self._samples(seed)),
            "samples": len(smiles),
            "canonical": canonical.to_dict(),
        }

    def compute_distribution(self, seed: int) -> dict[str, Any]:
        path = self._samples(seed)
        if not path.is_file() or hash_file(path) != self.parts.results[f"samples-{seed}"]["sha256"]:
            again = self.draw(seed)  # the file was lost or edited: the same seed gives the same molecules
            if again["sha256"] != self.parts.results[f"samples-{seed}"]["sha256"]:
                raise DataError(f"{path} was changed and cannot be drawn again alike; delete {self.folder}")
        with path.open(encoding="utf-8", newline="") as file:
            smiles = [row["SMILES"] for row in csv.DictReader(file)]
        measured = measure(
            smiles,
            MeasuredParts(rules=load_rules(), inchikeys=bool(self.known), unusual=True),
            workers=self.workers,
            progress=self.progress,
            stage=f"measure samples, seed {seed}",
        )
        figures = compute_distribution(measured, self.references, training=self.training, progress=self.progress)
        figures["Filters"] = count_passing(measured)
        if (
            self.known
        ):  # MOSES' novelty compares spellings; this is the chemist's, against the model's own training data
            figures["Novelty (InChIKey)"] = measure_novelty(sorted(set(measured.inchikeys) - {""}), self.known)
        return to_json(figures)

    def _samples(self, seed: int) -> Path:
        return self.folder / f"samples-{seed}.csv"

    @cached_property
    def held(self) -> Any:
        return draw_held_out(
            self.model, read_split("test"), self.settings.reconstructions, self.settings.first_seed, self.progress
        )

    @cached_property
    def posterior(self) -> Any:
        return encode_held_out(self.model.checkpoint, self.held)

    @cached_property
    def references(self) -> list[Reference]:
        return [load_reference(name, workers=self.workers, progress=self.progress) for name in TEST_SETS]

    @cached_property
    def training(self) -> frozenset[str]:
        return frozenset(read_split("train"))

    @cached_property
    def known(self) -> frozenset[str]:
        """InChIKeys of the training data; empty for a fine-tuned model, whose dataset lacks its base's molecules."""
        dataset = None if self.model.card.get("base") else self.model.dataset()
        return frozenset(dataset.table(["inchikey"], split="train")["inchikey"]) if dataset is not None else frozenset()


def _list_seeds(settings: BenchmarkSettings) -> list[int]:
    return list(range(settings.first_seed, settings.first_seed + settings.seeds))
