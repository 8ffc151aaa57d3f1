"""Hitting property values without an oracle: molecules are asked of the model, and every one counts.

    python benchmarks/target_hitting.py --model moses
    python benchmarks/target_hitting.py --model moses --molecules 100 --seeds 0 --temperatures 0.5 --output trial.json

For each target (logP 0, 2.5 and 5; QED 0.9; pairs at once) 1,000 molecules are drawn from p(x | c), as the strategy
`conditional` of `chem-vae generate` draws them, at several temperatures and guidances. Reported is the share within the tolerance
(logP 0.25, QED 0.05, TPSA 5 Å²) of all that were asked for, distinct ones among the valid (InChIKey), and those of the
distinct ones that are not in the training data, where the data is in the workspace. Beside it what `chem-vae generate` makes
of a surplus: the nearest 1,000 distinct molecules of five times as many, since computed properties cost nothing.

Finished parts are kept in the workspace. Writes benchmarks/results/target-hitting.json and prints the table for README.md.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pipeline.models.trained_model import TrainedModel

TOLERANCES = {"logp": 0.25, "qed": 0.05, "tpsa": 5.0}
TARGETS: tuple[dict[str, float], ...] = (
    {"logp": 0.0},
    {"logp": 2.5},
    {"logp": 5.0},
    {"qed": 0.9},
    {"logp": 2.5, "qed": 0.9},
    {"logp": 2.5, "tpsa": 60.0},
    {"qed": 0.9, "tpsa": 60.0},
)
SURPLUS = 5


def label(target: Mapping[str, float]) -> str:
    """The name in the table.

    >>> label({"logp": 2.5, "qed": 0.9})
    'logp 2.5 and qed 0.9'
    """
    return " and ".join(f"{name} {value:g}" for name, value in target.items())


def measured(
    model: TrainedModel, target: Mapping[str, float], known: frozenset[str] | None, n: int, sampling: Any, seed: int
) -> dict[str, Any]:
    """Measure the figures of one target at one temperature with one seed. known: the training data's InChIKeys."""
    import numpy as np

    from pipeline.benchmark.targets import draw
    from pipeline.chemistry.metrics import measure_novelty, measure_uniqueness
    from pipeline.chemistry.molecule import Molecule

    names = list(target)
    asked = np.array([target[name] for name in names])
    started = time.perf_counter()
    rows = np.tile(asked, (SURPLUS * n, 1))
    smiles, canonical = draw(model.checkpoint, len(rows), sampling, targets=rows, names=names, seed=seed)
    seconds = time.perf_counter() - started
    errors, values = _errors(smiles, names, asked)
    valid = [s is not None for s in smiles]
    keys = np.array([""] * len(smiles), dtype=object)
    keys[valid] = [model.standardize(Molecule(s)).inchikey for s in smiles if s is not None]
    first = slice(0, n)
    own = [k for k in keys[first] if k]
    figures = {
        "drawn": _within(errors[first]),
        "mae": {name: _mean(np.abs(values[first, i] - asked[i])) for i, name in enumerate(names)},
        "valid": {"count": len(own), "of": n},
        "unique": measure_uniqueness(own).to_dict(),
        "novel": measure_novelty(sorted(set(own)), known).to_dict() if known is not None else None,
        "canonical": canonical.to_dict(),
        "seconds": seconds / SURPLUS,
    }
    nearest = _nearest(errors, keys, n)
    figures["nearest"] = {
        **_within(errors[nearest]),
        "of_distinct": len(set(keys) - {""}),
        "novel": measure_novelty(list(keys[nearest]), known).to_dict() if known is not None else None,
    }
    return figures


def _errors(
    smiles: Sequence[str | None], names: Sequence[str], asked: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute the largest of a molecule's errors in tolerances (n,), and the values (n, len(names)); NaN for no molecule."""
    import numpy as np
    from rdkit import Chem

    from pipeline.chemistry.properties import compute

    values = np.full((len(smiles), len(names)), np.nan)
    for row, text in enumerate(smiles):
        if text is not None:
            values[row] = compute(Chem.MolFromSmiles(text), names)
    return (np.abs(values - asked) / [TOLERANCES[name] for name in names]).max(axis=1), values


def _nearest(errors: NDArray[np.float64], keys: NDArray[np.object_], n: int) -> list[int]:
    """Return the rows of the n nearest molecules, each molecule once."""
    import numpy as np

    found: dict[str, int] = {}
    for row in np.argsort(errors, kind="stable"):  # NaN comes last
        if np.isfinite(errors[row]) and len(found) < n:
            found.setdefault(str(keys[row]), int(row))
    return list(found.values())


def _within(errors: NDArray[np.float64]) -> dict[str, Any]:
    from pipeline.chemistry.metrics import Share

    return {"within": Share(int((errors <= 1 + 1e-9).sum()), len(errors)).to_dict()}


def _mean(values: NDArray[np.float64]) -> float:
    import numpy as np

    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else float("nan")


def markdown(parts: Sequence[Mapping[str, Any]]) -> str:
    """Render the table: mean ± standard deviation over the seeds."""
    from pipeline.benchmark.table import table

    head = [
        "target",
        "temperature",
        "guidance",
        "within, as drawn",
        "mean error",
        "unique",
        "novel",
        f"nearest of {SURPLUS}x: within",
    ]
    rows = []
    for key in dict.fromkeys((p["target"], p["temperature"], p["guidance"]) for p in parts):
        own = [p for p in parts if (p["target"], p["temperature"], p["guidance"]) == key]
        errors = [
            f"{name} {statistics.mean(p['mae'][name] for p in own):.2g}"
            for name in own[0]["mae"]
            if all(p["mae"][name] is not None for p in own)
        ]
        rows.append(
            [
                key[0],
                f"{key[1]:g}",
                f"{key[2]:g}",
                _spread([p["drawn"]["within"] for p in own]),
                ", ".join(errors),
                _spread([p["unique"] for p in own]),
                _spread([p["novel"] for p in own]),
                _spread([p["nearest"]["within"] for p in own]),
            ]
        )
    return "\n".join(table(head, rows)) + "\n"


def _spread(shares: Sequence[Mapping[str, Any] | None]) -> str:
    """Fractions, with their denominator."""
    there = [s for s in shares if s is not None and s["fraction"] is not None]
    if not there:
        return "–"
    fractions = [s["fraction"] for s in there]
    spread = f" ± {statistics.stdev(fractions):.1%}" if len(there) > 1 else ""
    of = sorted({int(s["of"]) for s in there})
    return f"{statistics.mean(fractions):.1%}{spread} of {of[0]:,}" + (f" to {of[-1]:,}" if of[-1] > of[0] else "")


def main() -> None:
    """Measure what is not there yet, write the results, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="moses", help="as --model of chem-vae takes it")
    parser.add_argument("--molecules", type=int, default=1000, help="for each target, temperature and seed")
    parser.add_argument("--temperatures", default="0.5,0.7,1.0", metavar="FLOAT,...")
    parser.add_argument(
        "--guidance",
        default="0,1",
        metavar="FLOAT,...",
        help="how much more closely targets are followed than learned",
    )
    parser.add_argument("--seeds", default="0,1,2", metavar="INT,...")
    parser.add_argument("--workspace", type=Path, default=Path(os.environ.get("CHEM_VAE_WORKSPACE", "workspace")))
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "target-hitting.json")
    args = parser.parse_args()

    from chem_vae.atomic_files import write_json
    from chem_vae.errors import ChemVAEError
    from pipeline.benchmark.parts import Parts
    from pipeline.benchmark.targets import Sampling, find_unconditioned
    from pipeline.models.trained_model import load_model
    from pipeline.workspace.runs import describe_machine, list_versions
    from pipeline.workspace.storage.folders import hash_content

    try:
        model = load_model(args.model, args.workspace)
    except ChemVAEError as error:
        parser.error(str(error))
    if missing := find_unconditioned(model.checkpoint, list(TOLERANCES)):
        parser.error(f"the model is not conditioned on {', '.join(missing)}")
    dataset = model.dataset(args.workspace)
    known = None
    if dataset is not None:  # another's held-out molecules may be the model's own
        split = "train" if model.is_trained_on(dataset) else None
        known = frozenset(dataset.table(["inchikey"], split=split)["inchikey"])
    settings = {"molecules": args.molecules, "tolerances": TOLERANCES, "surplus": SURPLUS}
    key = hash_content("target-hitting", 1, model.key, settings, dataset.key if dataset is not None else None)
    kept, parts = Parts(args.workspace / "benchmarks" / f"target-hitting-{key[:8]}", key), []
    drawn = itertools.product(
        TARGETS,
        map(float, args.temperatures.split(",")),
        map(float, args.guidance.split(",")),
        map(int, args.seeds.split(",")),
    )
    for target, temperature, guidance, seed in drawn:
        name = f"{label(target).replace(' ', '-')}-at-{temperature:g}-guided-{guidance:g}-{seed}"
        sampling = Sampling(temperature=temperature, guidance=guidance)
        found = kept.do(
            name,
            lambda: measured(model, target, known, args.molecules, sampling, seed),  # noqa: B023 (called at once)
        )
        share = found["drawn"]["within"]
        print(f"{name}: {share['count']} of {share['of']} within", file=sys.stderr, flush=True)
        about = {"target": label(target), "temperature": temperature, "guidance": guidance, "seed": seed}
        parts.append({**about, **found})
    written = {
        "benchmark": "target hitting",
        "date": datetime.now(UTC).date().isoformat(),
        "machine": describe_machine(),
        "versions": list_versions(),
        "model": {"key": model.key, "parameters": model.card["parameters"], "dataset": model.card["dataset"]["name"]},
        "compared_with": None
        if dataset is None
        else {"name": dataset.name, "key": dataset.key, "molecules": len(known or ())},
        "settings": settings,
        "parts": parts,
    }
    args.output.parent.mkdir(parents=True, exist_ok=True)
    write_json(args.output, written)
    print(markdown(parts))


if __name__ == "__main__":
    main()
