"""The speed of training on a GPU beside cuDNN's recurrent nets alone: the same sizes, the same batches, nothing else of a step."""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from speed_figures import Figure

SIZES: dict[str, dict[str, Any]] = {
    "default": {},
    "druglike": {"embedding_size": 192, "encoder_size": 320, "decoder_size": 896, "latent_size": 160},
}
"""The settings of a model by its name."""
BATCHES = (256, 2048)
"""Molecules of one optimizer step."""


def training_on_a_gpu(args: argparse.Namespace) -> tuple[dict[str, Any], list[Figure]]:
    """Time trainings as `chem-vae train` runs them, without their start and their validation; nothing where there is no GPU."""
    import numpy as np
    import torch

    from chem_vae.checkpoint import ConditionScale
    from chem_vae.config import ModelConfig
    from pipeline.datasets.config import IngestConfig
    from pipeline.datasets.ingest import ingest

    if not torch.cuda.is_available():
        return {"skipped": "no GPU that torch knows"}, []
    with tempfile.TemporaryDirectory() as folder:
        dataset = ingest(IngestConfig(limit=args.trained, compute=("logp",)), Path(folder))
        data, vocabulary = dataset.tokens("train"), dataset.vocabulary
        scales = (ConditionScale.fit("logp", "", data.values()[:, 0]),)
        data = data.select(np.tile(np.arange(len(data)), 12))  # so that batches of one length are full
        rows: list[dict[str, Any]] = [
            {
                "model": name,
                "batch": batch,
                **_measure(data, vocabulary, scales, ModelConfig(**sizes), batch, args.gpu_steps),
            }
            for name, sizes in SIZES.items()
            for batch in BATCHES
        ]
    details = {"device": torch.cuda.get_device_name(), "torch": torch.__version__, "rows": rows}
    return details, [
        Figure(
            f"training on a GPU, {r['model']}, batch {r['batch']}",
            r["molecules"] / r["step_seconds"],
            "molecules/s",
            r["molecules"] / r["recurrent_seconds"],
            "cuDNN's GRUs alone",
        )
        for r in rows
    ]


def _measure(data: Any, vocabulary: Any, scales: Any, config: Any, batch: int, steps: int) -> dict[str, float]:
    """Measure the seconds of a step: of a whole training, of its GRUs alone, and those in which the device computes."""
    import numpy as np

    from chem_vae.config import TrainingConfig
    from chem_vae.data import SameLengthBatches
    from chem_vae.training.trainer import train

    def seconds(count: int) -> float:
        settings = TrainingConfig(
            epochs=10_000, max_steps=count, batch_size=batch, validations=1, precision="bf16-mixed", accelerator="gpu"
        )
        started = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            train(data, data.select(np.arange(64)), vocabulary, scales, config, settings)
        return time.perf_counter() - started

    few = steps // 5
    seconds(few)  # the first use of the device, its libraries and each length
    step = (seconds(steps) - seconds(few)) / (steps - few)
    plan = SameLengthBatches(data, batch, 0)
    batches = [(b.tokens.shape[0], b.tokens.shape[1]) for b, _ in zip(plan, range(100), strict=False)]
    return {
        "step_seconds": step,
        "molecules": sum(b for b, _ in batches) / len(batches),
        "recurrent_seconds": _time_recurrent(config, batches),
        "busy_seconds": _sum_device_time(data, vocabulary, config, batch),
    }


def _time_recurrent(config: Any, batches: Sequence[tuple[int, int]]) -> float:
    """Time the forward and backward passes of the encoder's and the decoder's GRU alone, in bfloat16; the best of three rounds after a first."""
    import torch
    from torch import nn

    e, device = config.embedding_size, torch.device("cuda")
    encoder = nn.GRU(e, config.encoder_size, config.encoder_layers, batch_first=True, bidirectional=True)
    decoder = nn.GRU(e, config.decoder_size, config.decoder_layers, batch_first=True)
    nets = [net.to(device, torch.bfloat16) for net in (encoder, decoder)]
    widest, longest = (max(numbers) for numbers in zip(*batches, strict=True))
    symbols = torch.randn(widest, longest + 1, e, device=device, dtype=torch.bfloat16)
    times = []
    for _ in range(4):
        torch.cuda.synchronize()
        started = time.perf_counter()
        for molecules, length in batches:
            for net, more in zip(nets, (0, 1), strict=True):
                net(symbols[:molecules, : length + more].requires_grad_())[0].sum().backward()
        torch.cuda.synchronize()
        times.append((time.perf_counter() - started) / len(batches))
    return min(times[1:])


def _sum_device_time(data: Any, vocabulary: Any, config: Any, batch: int, steps: int = 20) -> float:
    """Sum the seconds of a bare step in which the device computes; the rest of a step it waits for the processor."""
    import torch
    from torch.profiler import ProfilerActivity, profile

    from chem_vae.data import SameLengthBatches
    from chem_vae.model import ChemVAE, make_optimizer
    from chem_vae.training.losses import elbo

    device = torch.device("cuda")
    model = ChemVAE(config, len(vocabulary), 1).to(device)
    optimizer = make_optimizer(model, 1e-3, 0.01)
    batches = [b for b, _ in zip(SameLengthBatches(data, batch, 0), range(steps + 5), strict=False)]

    def step(part: Any) -> None:
        with torch.autocast("cuda", torch.bfloat16):
            loss = elbo(model, part.tokens.to(device), part.conditions.to(device), 0.1).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0, foreach=True)
        optimizer.step()

    for part in batches[:5]:
        step(part)
    torch.cuda.synchronize()
    with profile(activities=[ProfilerActivity.CUDA]) as profiler:
        for part in batches[5:]:
            step(part)
        torch.cuda.synchronize()
    return sum(event.self_device_time_total for event in profiler.key_averages()) / 1e6 / len(batches[5:])
