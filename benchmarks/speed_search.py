"""The speed of an optimization beside its loop without the optimizer's own part, and of a run for a measured property."""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from speed_figures import Figure, count_cpu_seconds

MEASURED = 1210
"""The molecules of a measured run, as many as a usual series has."""


def optimization(args: argparse.Namespace) -> tuple[dict[str, Any], list[Figure]]:
    """Time the parts of an optimization by the default strategy, on the task whose molecules are the cheapest to decode."""
    import pmo_tasks
    from pmo_run import Stopwatch

    from chem_vae.checkpoint import Checkpoint
    from chem_vae.optimizers.gradient import GradientAscent
    from chem_vae.optimizers.retraining import WeightedRetraining
    from chem_vae.predictors.tanimoto_process import TanimotoProcess
    from pipeline.models.trained_model import load_model
    from pipeline.optimization.config import OptimizeConfig
    from pipeline.optimization.loop import optimize

    config = OptimizeConfig.model_validate(
        {"oracle": {"function": "pmo_tasks:isomers_c7h8n2o2"}, "oracle_calls": args.calls, "batch_size": 100, "seed": 0}
    )
    model, watch = load_model(args.model), Stopwatch()
    with (
        tempfile.TemporaryDirectory() as folder,
        watch.of("decode", Checkpoint, "decode"),
        watch.of("encode", Checkpoint, "encode"),
        watch.of("retrain", WeightedRetraining, "step"),
        watch.of("surrogate", TanimotoProcess, "__init__", "predict", "draw"),
        watch.of("surrogate", GradientAscent, "_climb"),
    ):
        before = count_cpu_seconds()
        found = optimize(model, config, Path(folder), oracle=pmo_tasks.isomers_c7h8n2o2)
        cpu = count_cpu_seconds() - before
    loop = sum(found.seconds.values())
    own = watch.seconds["retrain"] + watch.seconds["surrogate"]
    details = {"calls": args.calls, "cpu_seconds": cpu, "loop_seconds": found.seconds, "inside_seconds": watch.seconds}
    rate = len(found.calls) / loop
    return details, [
        Figure(
            "optimize, batches of 100", rate, "calls/s", rate * loop / (loop - own), "without retraining and surrogate"
        )
    ]


def measured(args: argparse.Namespace) -> tuple[dict[str, Any], list[Figure]]:
    """Count the processor seconds of `chem-vae run` for a measured property: logP with noise, as a stand-in for a measurement."""
    import numpy as np
    from rdkit import Chem
    from rdkit.Chem import Crippen

    from pipeline.datasets.readers.source import Source
    from pipeline.workspace.registry import resolve

    count, random = args.measured, np.random.default_rng(0)
    smiles = [t for chunk in Source.open(resolve("moses-sample").path).chunks(limit=count) for t in chunk.inputs if t]
    values = [Crippen.MolLogP(Chem.MolFromSmiles(text)) + random.normal(0, 0.3) for text in smiles]  # type: ignore[attr-defined]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "series.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([["smiles", "activity"], *zip(smiles, values, strict=True)])
        command = [
            sys.executable,
            "-W",
            "ignore",
            "-m",
            "flows.cli",
            "run",
            "--data",
            str(path),
            "--property",
            "activity",
        ]
        command += [
            "--maximize",
            "activity",
            "--from",
            args.model,
            "--workspace",
            folder,
            "--name",
            "series",
            "-n",
            "20",
        ]
        before = count_cpu_seconds()
        subprocess.run(command, check=True, capture_output=True)
        cpu = count_cpu_seconds() - before
        training = _count_training_seconds(Path(folder))
    return {"molecules": len(smiles), "cpu_seconds": cpu}, [
        Figure(
            f"measured run, {len(smiles):,} molecules",
            cpu,
            "CPU s",
            training,
            "the matrix products of its fine-tuning",
            False,
        )
    ]


def _count_training_seconds(workspace: Path) -> float:
    """Count the seconds that the matrix products of the run's fine-tuning take on its own, on these cores."""
    import torch
    from speed_training import count_training_work, measure_matrix_peak

    from chem_vae.config import TrainingConfig
    from chem_vae.training.precision import resolve_precision
    from pipeline.models.trained_model import load_model

    model = load_model(next((workspace / "models").glob("[!.]*/")), workspace)
    shown = json.loads((model.folder / "training.json").read_text(encoding="utf-8"))["history"][-1]["molecules"]
    dataset = model.dataset(workspace)
    assert dataset is not None, "the run has just made it"
    lengths = dataset.tokens("train").lengths
    precision = resolve_precision(TrainingConfig(accelerator="cpu"))
    peak = measure_matrix_peak(torch.float32 if precision == "32-true" else torch.bfloat16)
    work = count_training_work(model.checkpoint.model.config, len(model.checkpoint.vocabulary), float(lengths.mean()))
    return float(shown * work / peak * torch.get_num_threads())
