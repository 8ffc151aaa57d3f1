"""The speed of the parts, each beside its limit or a peer in the same run. Prints a table and keeps JSON in results/.

python benchmarks/speed.py training            # molecules/s beside the cores' matrix peak and the MOSES VAE's own code
python benchmarks/speed.py ingest moses        # rows/s and memory beside what RDKit and selfies alone need
python benchmarks/speed.py sampling moses      # molecules/s of a trained model: sample, decode, validate
python benchmarks/speed.py startup             # chem-vae --help
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
import types
import warnings
import zipfile
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chem_vae.atomic_files import write_json

RESULTS = Path(__file__).parent / "results"
warnings.filterwarnings("ignore")


def training(args: argparse.Namespace) -> dict[str, Any]:
    """Time one optimizer step after another, without validation or checkpoints, on real molecules of the embedded sample."""
    import torch

    from chem_vae.config import ModelConfig, TrainingConfig
    from chem_vae.data import SameLengthBatches
    from chem_vae.losses import elbo
    from chem_vae.model import ChemVAE
    from chem_vae.training import resolve_precision
    from pipeline.datasets.config import IngestConfig
    from pipeline.datasets.ingest import ingest

    with tempfile.TemporaryDirectory() as folder:
        dataset = ingest(IngestConfig(limit=args.molecules, compute=("logp",)), Path(folder))
        data, vocabulary = dataset.tokens("train"), dataset.vocabulary
        smiles = dataset.table(["smiles"], split="train")["smiles"].tolist()
        peaks = {d: _matrix_peak(getattr(torch, d)) for d in ("float32", "bfloat16")}
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
                work = _training_work(config, len(vocabulary), symbols)
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
        peer = _moses_vae(smiles, args.steps // 4)
    best = max(r["molecules_per_second"] for r in rows if "512" in r["model"])
    return {
        "matrix_peak_gflops": {k: v / 1e9 for k, v in peaks.items()},
        "ours": rows,
        "moses_vae": peer,
        "ratio_to_moses_vae": best / peer["molecules_per_second"],
    }


def _matrix_peak(dtype: Any, size: int = 2048) -> float:
    """Multiply-add operations per second (two each) of a large square matrix product; best of ten."""
    import torch

    a, b = torch.randn(size, size).to(dtype), torch.randn(size, size).to(dtype)
    times = []
    for _ in range(12):
        start = time.perf_counter()
        a @ b
        times.append(time.perf_counter() - start)
    return 2 * size**3 / min(times)


def _training_work(config: Any, ids: int, symbols: float) -> float:
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


def ingest_speed(args: argparse.Namespace) -> dict[str, Any]:
    """Measure a whole ingest: its wall time and the memory of all its processes, beside the chemistry that it cannot avoid."""
    from pipeline.datasets.config import IngestConfig
    from pipeline.datasets.ingest import ingest
    from pipeline.workspace.progress import show_progress

    config = IngestConfig(
        source=args.source, limit=args.limit, workers=args.workers, compute=tuple(filter(None, args.compute.split(",")))
    )
    before = _chemistry_alone(config)
    with (
        tempfile.TemporaryDirectory(dir=args.scratch) as folder,
        _MemoryWatch() as memory,
        show_progress() as progress,
    ):
        start = time.perf_counter()
        dataset = ingest(config, Path(folder), progress)
        seconds = time.perf_counter() - start
        counts = dataset.counts
        size = sum(p.stat().st_size for p in dataset.folder.rglob("*") if p.is_file())
    after = _chemistry_alone(config)
    alone = sum((before[k] + after[k]) / 2 for k in before)
    cores = config.workers or os.cpu_count() or 1
    return {
        "source": args.source,
        "counts": counts,
        "compute": list(config.compute),
        "seconds": seconds,
        "rows_per_second": counts["rows"] / seconds,
        "peak_memory_mb": memory.peak / 1e6,
        "largest_process_mb": memory.largest / 1e6,
        "dataset_mb": size / 1e6,
        "chemistry_microseconds": {k: 1e6 * (before[k] + after[k]) / 2 for k in before},
        "chemistry_limit_rows_per_second": cores / alone,
        "share_of_limit": counts["rows"] / seconds * alone / cores,
    }


def _chemistry_alone(config: Any, molecules: int = 2000) -> dict[str, float]:
    """Measure the seconds per molecule of each library call that the result needs, in one process on otherwise idle cores."""
    import selfies
    from rdkit import Chem, rdBase

    from pipeline.chemistry.properties import PROPERTIES
    from pipeline.datasets.source import Source
    from pipeline.workspace.registry import resolve

    source = Source.open(resolve(config.source).path)
    texts = [t for chunk in source.chunks(limit=molecules) for t in chunk.inputs if t][:molecules]
    found: dict[str, float] = {}

    def timed(name: str, call: Callable[[Any], Any], items: list[Any]) -> list[Any]:
        start = time.perf_counter()
        out = [call(item) for item in items]
        found[name] = (time.perf_counter() - start) / len(items)
        return out

    with rdBase.BlockLogs():
        mols = [m for m in timed("parse", Chem.MolFromSmiles, texts) if m is not None]
        smiles = timed("canonical SMILES", Chem.MolToSmiles, mols)
        timed("InChIKey", Chem.MolToInchiKey, mols)
        timed("SELFIES", selfies.encoder, smiles)
        for name in config.compute:
            PROPERTIES[name].function(mols[0])  # loads what it needs
            timed(name, PROPERTIES[name].function, mols)
    return found


class _MemoryWatch:
    """Resident memory of this process and its children, looked at twice a second (Linux)."""

    def __enter__(self) -> _MemoryWatch:
        self.peak = self.largest = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        page = os.sysconf("SC_PAGE_SIZE")
        while not self._stop.wait(0.5):
            resident, parents = {}, {}
            for entry in Path("/proc").iterdir():
                if entry.name.isdigit():
                    try:
                        parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
                        resident[int(entry.name)] = int((entry / "statm").read_text().split()[1]) * page
                    except OSError:
                        continue
            family = {os.getpid()}
            while more := {p for p, parent in parents.items() if parent in family} - family:
                family |= more
            sizes = [resident.get(p, 0) for p in family]
            self.peak, self.largest = max(self.peak, sum(sizes)), max(self.largest, *sizes)


def sampling(args: argparse.Namespace) -> dict[str, Any]:
    """Time a trained model: symbols drawn without z and from N(0, I), then SELFIES to canonical SMILES and InChIKey; and both as
    `chem-vae generate` does it, drawn again where not canonical."""
    from chem_vae.prior import sample_prior
    from pipeline.chemistry.validate import validate
    from pipeline.models.sampling import draw
    from pipeline.models.trained_model import load_model

    checkpoint = load_model(args.model, args.workspace).checkpoint
    rows = {}
    for prior in ("none", "normal"):
        checkpoint.decode(sample_prior(checkpoint, 100, prior), temperature=1.0, seed=0)
        z = sample_prior(checkpoint, args.molecules, prior)
        start = time.perf_counter()
        strings = checkpoint.decode(z, temperature=1.0, seed=0)
        decoded = time.perf_counter()
        valid = sum(c.valid for c in validate(strings, checkpoint.vocabulary))
        done = time.perf_counter()
        again = draw(checkpoint, z, temperature=1.0)
        redrawn = time.perf_counter()
        rows[prior] = {
            "molecules": args.molecules,
            "valid": valid,
            "decode_per_second": args.molecules / (decoded - start),
            "validate_per_second": args.molecules / (done - decoded),
            "both_per_second": args.molecules / (done - start),
            "redrawn_per_second": args.molecules / (redrawn - done),
            "draws": again.canonical.of,
        }
    return {"parameters": sum(p.numel() for p in checkpoint.model.parameters()), "priors": rows}


def startup(args: argparse.Namespace) -> dict[str, Any]:
    """chem-vae --help as a whole process, and Python alone."""

    def best(command: list[str]) -> list[float]:
        times = []
        for _ in range(11):
            start = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            times.append(time.perf_counter() - start)
        return sorted(times[1:])

    ours, python = best([sys.executable, "-m", "flows.cli.main", "--help"]), best([sys.executable, "-c", "pass"])
    return {
        "help_seconds": {"median": ours[5], "min": ours[0]},
        "python_alone_seconds": {"median": python[5], "min": python[0]},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("training")
    command.add_argument("--molecules", type=int, default=30_000)
    command.add_argument("--steps", type=int, default=40)
    command.set_defaults(run=training)
    command = commands.add_parser("ingest")
    command.add_argument("source")
    command.add_argument("--limit", type=int)
    command.add_argument("--workers", type=int)
    command.add_argument("--compute", default="logp,qed,sa,mw,tpsa", help="properties, comma-separated")
    command.add_argument("--scratch", type=Path, help="a folder with room for the dataset")
    command.set_defaults(run=ingest_speed)
    command = commands.add_parser("sampling")
    command.add_argument("model", help="a model or run folder, or a run's name")
    command.add_argument("--workspace", type=Path, default=Path("workspace"))
    command.add_argument("--molecules", type=int, default=5000)
    command.set_defaults(run=sampling)
    command = commands.add_parser("startup")
    command.set_defaults(run=startup)
    args = parser.parse_args()

    from pipeline.workspace.runs import describe_machine, list_versions

    start = time.perf_counter()
    figures = args.run(args)
    result = {
        "benchmark": args.command,
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{describe_machine()}, {_processor()}",
        "versions": list_versions(),
        "seconds": time.perf_counter() - start,
        **figures,
    }
    RESULTS.mkdir(exist_ok=True)
    name = args.command + (f"-{Path(args.source).stem}" if args.command == "ingest" else "")
    path = write_json(RESULTS / f"{name}.json", result)
    print(path.read_text())


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return "unknown processor"
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown processor")


if __name__ == "__main__":
    main()
