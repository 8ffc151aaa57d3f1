"""The speed of sampling and of whole generations, beside what the libraries and the matrix products alone need."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from typing import Any

from speed_figures import Figure, count_cpu_seconds
from speed_ingest import measure_chemistry_alone
from speed_training import measure_matrix_peak

IMPORTS = "import torch, pandas; from rdkit import Chem"


def sampling(args: argparse.Namespace) -> tuple[dict[str, Any], list[Figure]]:
    """Time a trained model: symbols drawn without z and from N(0, I), then SELFIES to canonical SMILES and InChIKey; and both as
    `chem-vae generate` does it, drawn again where not canonical."""
    from chem_vae.prior import sample_prior
    from pipeline.chemistry.validate import validate
    from pipeline.models.sampling import draw
    from pipeline.models.trained_model import load_model

    checkpoint = load_model(args.model, args.workspace).checkpoint
    rows, figures, limit = {}, [], 1 / measure_seconds_alone(checkpoint, ())
    for prior, said in (("none", "without z"), ("normal", "from N(0, I)")):
        checkpoint.decode(sample_prior(checkpoint, 100, prior), temperature=1.0, seed=0)
        z = sample_prior(checkpoint, args.molecules, prior)
        start = time.process_time()
        strings = checkpoint.decode(z, temperature=1.0, seed=0)
        decoded = time.process_time()
        valid = sum(c.valid for c in validate(strings, checkpoint.vocabulary))
        done = time.process_time()
        again = draw(checkpoint, z, temperature=1.0)
        redrawn = time.process_time()
        rows[prior] = {
            "molecules": args.molecules,
            "valid": valid,
            "decode_per_core_second": args.molecules / (decoded - start),
            "validate_per_core_second": args.molecules / (done - decoded),
            "both_per_core_second": args.molecules / (done - start),
            "redrawn_per_core_second": args.molecules / (redrawn - done),
            "draws": again.canonical.of,
        }
        what = "the matrix products, selfies and RDKit, each molecule once"
        figures.append(
            Figure(f"sampling {said}", args.molecules / (redrawn - done), "molecules a core second", limit, what)
        )
    parameters = sum(p.numel() for p in checkpoint.model.parameters())
    return {"model": args.model, "parameters": parameters, "priors": rows}, figures


def measure_seconds_alone(checkpoint: Any, properties: tuple[str, ...]) -> float:
    """Measure the seconds of one core that a molecule takes without anything of this project: the matrix products of the decoder, selfies
    both ways, RDKit's SMILES, InChIKey and properties."""
    import selfies
    import torch

    from pipeline.datasets.config import IngestConfig
    from pipeline.datasets.readers.source import Source
    from pipeline.workspace.registry import resolve

    texts = next(Source.open(resolve("moses-sample").path).chunks(limit=500)).inputs
    strings = [selfies.encoder(text) for text in texts if text]
    start = time.process_time()
    for string in strings:
        selfies.decoder(string)
    read = (time.process_time() - start) / len(strings)
    chemistry = measure_chemistry_alone(IngestConfig(source="moses-sample", compute=properties), len(strings))
    config, ids = checkpoint.model.config, len(checkpoint.vocabulary)
    e, d = config.embedding_size, config.decoder_size
    symbols = sum(len(checkpoint.vocabulary.encode(s)) for s in strings) / len(strings)
    work = 2 * (symbols + 1) * ((e + d) * 3 * d + 2 * d * d + d * ids)
    return float(sum(chemistry.values()) + read + work / measure_matrix_peak(torch.float32) * torch.get_num_threads())


def generation(args: argparse.Namespace) -> tuple[dict[str, Any], list[Figure]]:
    """Count the processor seconds of whole generations: of 100 candidates beside the imports alone, and of each further one."""
    from pipeline.models.trained_model import load_model

    def count(command: list[str]) -> float:
        before = count_cpu_seconds()
        subprocess.run([sys.executable, "-W", "ignore", *command], check=True, capture_output=True)
        return count_cpu_seconds() - before

    def generate(n: int, *options: str) -> float:
        with tempfile.TemporaryDirectory() as folder:
            command = ["-m", "flows.cli", "generate", "-m", args.model, "-n", str(n), "--workspace", folder, *options]
            return count(command)

    imports = min(count(["-c", IMPORTS]) for _ in range(3))
    few = sorted(generate(100, "--target", "logp=2.5") for _ in range(3))[1]
    start, many = generate(100), generate(args.candidates)
    each = (many - start) / (args.candidates - 100)
    alone = measure_seconds_alone(load_model(args.model).checkpoint, ("logp", "qed", "sa", "mw", "tpsa"))
    details = {
        "imports": imports,
        "targeted_100": few,
        "plain_100": start,
        "candidates": args.candidates,
        "plain_many": many,
    }
    return details, [
        Figure("generate -n 100 --target logp=2.5", few, "CPU s", imports, "importing torch, RDKit and pandas", False),
        Figure("a further candidate", 1e3 * each, "CPU ms", 1e3 * alone, "the libraries and products alone", False),
    ]


def startup(args: argparse.Namespace) -> tuple[dict[str, Any], list[Figure]]:
    """Time chem-vae --help as a whole process, and Python alone."""

    def measure(command: list[str]) -> list[float]:
        times = []
        for _ in range(11):
            start = time.perf_counter()
            subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL)
            times.append(time.perf_counter() - start)
        return sorted(times[1:])

    ours, python = measure(["-m", "flows.cli.main", "--help"]), measure(["-c", "import typer"])
    return {"help_seconds": ours, "typer_alone_seconds": python}, [
        Figure("chem-vae --help", ours[5], "s", python[5], "importing typer", False)
    ]
