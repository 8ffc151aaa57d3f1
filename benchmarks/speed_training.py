"""The speed of training beside what the matrix products of a step take on the same cores, and beside the MOSES VAE's own code."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
import types
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from speed_figures import Figure


def training(args: argparse.Namespace) -> tuple[dict[str, Any], list[Figure]]:
    """Time one optimizer step after another, without validation or checkpoints, on real molecules of the embedded sample."""
    import torch

    from chem_vae.config import ModelConfig, TrainingConfig
    from chem_vae.data import SameLengthBatches
    from chem_vae.model import ChemVAE
    from chem_vae.training.losses import elbo
    from chem_vae.training.precision import resolve_precision
    from pipeline.datasets.config import IngestConfig
    from pipeline.datasets.ingest import ingest

    with tempfile.TemporaryDirectory() as folder:
        dataset = ingest(IngestConfig(limit=args.trained, compute=("logp",)), Path(folder))
        data, vocabulary = dataset.tokens("train"), dataset.vocabulary
        smiles = dataset.table(["smiles"], split="train")["smiles"].tolist()
        peaks = {d: measure_matrix_peak(getattr(torch, d)) for d in ("float32", "bfloat16")}
        rows = []
        sizes = {
            "small (192 / 384)": ModelConfig(encoder_size=192, decoder_size=384),
            "default (256 / 512)": ModelConfig(),
        }
        precisions = list(dict.fromkeys(["32-true", resolve_precision(TrainingConfig(accelerator="cpu"))]))
        for name, config in sizes.items():
            for precision in precisions:
                torch.manual_seed(0)
                model = ChemVAE(config, len(vocabulary), 1)
                optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
                everything = [b for b in SameLengthBatches(data, 256, 0) if len(b.tokens) == 256]
                batches = everything[: args.steps + 3]

                def step(
                    batch: Any, model: Any = model, optimizer: Any = optimizer, half: bool = precision != "32-true"
                ) -> None:
                    with torch.autocast("cpu", torch.bfloat16, enabled=half):
                        loss = elbo(model, batch.tokens, batch.conditions, 0.1).loss
                    optimizer.zero_grad()
                    loss.backward()
                    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                    optimizer.step()

                seconds = _timed(step, batches)
                molecules = 256 * (len(batches) - 3)
                symbols = sum(b.tokens.shape[1] for b in batches[3:]) / (len(batches) - 3)
                work = count_training_work(config, len(vocabulary), symbols)
                peak = peaks["float32" if precision == "32-true" else "bfloat16"]
                rows.append(
                    {
                        "model": name,
                        "parameters": sum(p.numel() for p in model.parameters()),
                        "precision": precision,
                        "molecules_per_second": molecules / seconds,
                        "mean_ids": symbols,
                        "matrix_limit_molecules_per_second": peak / work,
                        "share_of_limit": molecules / seconds * work / peak,
                    }
                )
        peer = None if args.quick else _moses_vae(smiles, args.steps // 4)
    best = max(r["molecules_per_second"] for r in rows if "512" in r["model"])
    details = {"matrix_peak_gflops": {k: v / 1e9 for k, v in peaks.items()}, "ours": rows, "moses_vae": peer}
    if peer is not None:
        details["ratio_to_moses_vae"] = best / peer["molecules_per_second"]
    return details, [
        Figure(
            f"training, {r['model']}, {r['precision']}",
            r["molecules_per_second"],
            "molecules/s",
            r["matrix_limit_molecules_per_second"],
            "the matrix products",
        )
        for r in rows
    ]


def measure_matrix_peak(dtype: Any, size: int = 2048) -> float:
    """Multiply-add operations per second (two each) of a large square matrix product; best of ten."""
    import torch

    a, b = torch.randn(size, size).to(dtype), torch.randn(size, size).to(dtype)
    times = []
    for _ in range(12):
        start = time.perf_counter()
        a @ b
        times.append(time.perf_counter() - start)
    return 2 * size**3 / min(times)


def count_training_work(config: Any, ids: int, symbols: float) -> float:
    """Operations per molecule of the matrix products alone: forward once, backward twice."""
    e, h, d = config.embedding_size, config.encoder_size, config.decoder_size
    encoder = 2 * symbols * (e + h) * 3 * h
    decoder = (symbols + 1) * ((e + d) * 3 * d + 2 * d * d + d * ids)
    return 3 * 2 * (encoder + decoder)


def _moses_vae(smiles: list[str], steps: int) -> dict[str, Any]:
    """Time the MOSES baseline's own VAE and training loop, from the molsets wheel, on the same molecules (batch 512)."""
    import torch

    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, "molsets==0.3.1"]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        with zipfile.ZipFile(next(Path(folder).glob("*.whl"))) as wheel:
            wanted = [
                n
                for n in wheel.namelist()
                if n.startswith("moses/vae/") or n in ("moses/utils.py", "moses/interfaces.py")
            ]
            wheel.extractall(folder, wanted)
        package = types.ModuleType("moses")  # its own __init__ imports names that pandas and RDKit have removed
        package.__path__ = [str(Path(folder) / "moses")]
        sys.modules["moses"] = package
        from moses.utils import OneHotVocab
        from moses.vae import VAE, VAETrainer, vae_parser

        config = vae_parser().parse_args([])
        vocabulary = OneHotVocab.from_data(smiles)
        torch.manual_seed(0)
        model = VAE(vocabulary, config)
        trainer = VAETrainer(config)
        optimizer = torch.optim.Adam(trainer.get_optim_params(model), lr=config.lr_start)
        collate = trainer.get_collate_fn(model)
        batches = [collate(smiles[i * 512 : (i + 1) * 512]) for i in range(max(2, steps) + 1)]

        class Quiet(list):  # type: ignore[type-arg]
            def set_postfix_str(self, text: str) -> None:
                pass

        trainer._train_epoch(model, 0, Quiet(batches[:1]), 0.0, optimizer)
        start = time.perf_counter()
        trainer._train_epoch(model, 0, Quiet(batches[1:]), 0.0, optimizer)
        seconds = time.perf_counter() - start
    return {
        "parameters": sum(p.numel() for p in model.parameters()),
        "molecules_per_second": 512 * (len(batches) - 1) / seconds,
    }


def _timed(step: Callable[[Any], None], batches: Iterable[Any], warm_up: int = 3) -> float:
    start = 0.0
    for i, batch in enumerate(batches):
        if i == warm_up:
            start = time.perf_counter()
        step(batch)
    return time.perf_counter() - start
