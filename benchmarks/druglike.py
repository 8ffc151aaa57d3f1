"""Measures a base model for drug-like molecules on held-out molecules: spelling, reconstruction, p(x), samples, targets.

    python benchmarks/druglike.py -m druglike --data druglike-prepared.csv.gz --moleculeace MoleculeACE/Data/benchmark_data
    python benchmarks/druglike.py -m moses --data druglike-prepared.csv.gz --only zinc250k likelihood --molecules 200 --output trial.json

The table of --data has the columns smiles, source and split (`benchmarks/prepare_druglike.py` writes it). Molecules are drawn from its
test split, which no training of the model has seen, without those of the series of --moleculeace, which are a row of their own; the
model's own molecules, in whichever split, are not looked for.

- zinc250k, other, moleculeace: what can be entered (standard form, SELFIES, vocabulary) and what comes back exactly when it is decoded
  greedily from the mean of the encoder, with stereo and charges; and the shares of stereo and charges of both.
- likelihood: the mean -log p(x) in nats, without z and without conditions.
- samples: molecules at temperature 1 as `generate` draws them: FCD to held-out molecules (10,000 of each unless told otherwise; and of
  held-out molecules to others, which a perfect model would reach), unique, novel, unusual structures, stereo and charges.
- conditions: the share within tolerance among the candidates that `generate` returns for each target.
- predictors: R2 of the latent predictors of computed properties.

Each row is kept in the output when it is done, and is measured again only where the model or its settings are others. No molecule is
written. Prints the table for benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import math
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prepare_druglike import examine

if TYPE_CHECKING:
    from pipeline.models.trained_model import TrainedModel

ROWS = ("zinc250k", "other", "moleculeace", "likelihood", "samples", "conditions", "predictors")
TOLERANCES = {"mw": 10.0, "logp": 0.25, "tpsa": 5.0, "qed": 0.05}
TARGETS: tuple[dict[str, float], ...] = (
    *({"mw": v} for v in (200.0, 450.0, 550.0)),
    *({"logp": v} for v in (-1.0, 2.5, 5.0)),
    {"tpsa": 120.0},
    {"mw": 450.0, "logp": 2.5},
    {"mw": 350.0, "tpsa": 120.0},
    {"mw": 400.0, "logp": 3.0, "tpsa": 80.0},
)
COMPUTED = ("logp", "qed", "sa", "mw", "tpsa")


class Bench:
    """The model, the held-out molecules, and the settings of the measurement."""

    def __init__(self, model: TrainedModel, options: argparse.Namespace) -> None:
        self.model, self.options = model, options
        self.seed: int = options.seed
        self.parts: dict[str, list[str]] = {}

    def held_out(self, part: str) -> list[str]:
        """The test molecules of a part ("zinc250k", "other", or "all"), as the table has them; read once.

        Those of the measured series are left out: held out as a whole, they would be most of the test split and another mix than the data.
        """
        if not self.parts:
            self.parts = {"zinc250k": [], "other": []}
            series = {examine(s) for path in self.list_series() for s in read_smiles(path)}
            graphs = {found[0] for found in series if found is not None}
            for row in read_table(self.options.data):
                found = examine(row["smiles"]) if row["split"] == "test" else None
                if found is not None and found[0] not in graphs:
                    self.parts["zinc250k" if row["source"] == "zinc250k" else "other"].append(row["smiles"])
        return [s for name in ("zinc250k", "other") if part in (name, "all") for s in self.parts[name]]

    def list_series(self) -> list[Path]:
        """List the tables of the measured series, none where no folder is given."""
        return sorted(self.options.moleculeace.glob("*.csv")) if self.options.moleculeace else []

    def draw(self, smiles: Sequence[str], n: int, seed: int = 0) -> list[str]:
        """Draw up to n molecules in random order."""
        import numpy as np

        order = np.random.default_rng(self.seed + seed).permutation(len(smiles))[:n]
        return [smiles[i] for i in order]

    def standardize(self, smiles: Iterable[str]) -> list[str]:
        """Bring molecules to the standard form of the model's data; those that its rules refuse are left out."""
        found = (self.model.speller.spell(text).smiles for text in smiles)
        return [text for text in found if text is not None]


def read_table(path: Path) -> Iterable[dict[str, str]]:
    """Read a CSV file, gzipped or not, row by row."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") if path.suffix == ".gz" else path.open(newline="") as file:
        yield from csv.DictReader(file)


def read_smiles(path: Path) -> list[str]:
    """Read the column smiles of a table."""
    return [row["smiles"] for row in read_table(path)]


# -- the rows --------------------------------------------------------------------------------------------------------


def measure_entering(bench: Bench, smiles: Sequence[str]) -> dict[str, Any]:
    """Count the molecules that can be entered, and those of them that come back exactly."""
    from pipeline.chemistry.metrics import Share
    from pipeline.chemistry.stereo_and_charge import measure_stereo_and_charge

    model = bench.model
    spelled = [s for s in model.spell(smiles) if s.selfies is not None]
    exact = []
    for start in range(0, len(spelled), 500):
        part = spelled[start : start + 500]
        z = model.checkpoint.encode([s.require_selfies() for s in part]).mu
        exact += [a == s.smiles for a, s in zip(model.decode(z), part, strict=True)]
    known = [str(s.smiles) for s in spelled]
    back = [text for text, same in zip(known, exact, strict=True) if same]
    return {
        "entered": Share(len(spelled), len(smiles)).to_dict(),
        "exact": Share(len(back), len(spelled)).to_dict(),
        "entered_shares": _to_dicts(measure_stereo_and_charge(known)),
        "exact_shares": _to_dicts(measure_stereo_and_charge(back)),
    }


def measure_part(bench: Bench, part: str) -> dict[str, Any]:
    """Measure entering and reconstruction of held-out molecules of one part of the data."""
    return measure_entering(bench, bench.draw(bench.held_out(part), bench.options.molecules))


def measure_moleculeace(bench: Bench) -> dict[str, Any]:
    """Measure entering and reconstruction of measured series, one table each, and of all of them together."""
    series = {}
    for path in bench.list_series():
        smiles = read_smiles(path)
        series[path.stem] = measure_entering(bench, bench.draw(smiles, bench.options.per_series or len(smiles)))
    if not series:
        raise SystemExit(f"there is no .csv in {bench.options.moleculeace}")
    sums = {
        name: {key: sum(s[name][key] for s in series.values()) for key in ("count", "of")}
        for name in ("entered", "exact")
    }
    figures = {name: {**both, "fraction": both["count"] / max(both["of"], 1)} for name, both in sums.items()}
    worst = min(series, key=lambda name: series[name]["exact"]["fraction"] or 0.0)
    return {**figures, "worst_series": worst, "series": series}


def measure_likelihood(bench: Bench) -> dict[str, Any]:
    """Measure the mean -log p(x) without z and conditions, of each part and of all held-out molecules as they are mixed."""
    from chem_vae.analysis import measure_nats
    from chem_vae.data import TokenDataset

    figures: dict[str, Any] = {}
    for part in ("all", "zinc250k", "other"):
        smiles = bench.draw(bench.held_out(part), bench.options.molecules)
        strings = [s.selfies for s in bench.model.spell(smiles) if s.selfies is not None]
        ids = bench.model.checkpoint.vocabulary.encode_batch(strings)
        nats = measure_nats(bench.model.checkpoint.model, TokenDataset.from_lists(ids))
        figures[part] = {"nats": nats, "of": len(strings), "drawn": len(smiles)}
    return figures


def measure_samples(bench: Bench) -> dict[str, Any]:
    """Compare samples at temperature 1 with held-out molecules."""
    from rdkit import Chem

    from pipeline.benchmark.chemnet import compute_fcd
    from pipeline.chemistry.filters.structure_filters import has_unusual_motif
    from pipeline.chemistry.metrics import Share
    from pipeline.chemistry.stereo_and_charge import measure_stereo_and_charge

    n = bench.options.samples
    sampled = bench.model.sample(n, temperature=1.0, seed=bench.seed)
    valid = [s for s in sampled if s is not None]
    drawn = bench.standardize(bench.draw(bench.held_out("all"), 2 * n, seed=1))
    half = len(drawn) // 2
    reference, others = drawn[:half], drawn[half:]

    def unusual(smiles: Sequence[str]) -> dict[str, Any]:
        mols = [Chem.MolFromSmiles(s) for s in smiles]
        return Share(sum(m is not None and has_unusual_motif(m) for m in mols), len(mols)).to_dict()

    return {
        "samples": n,
        "reference": len(reference),
        "fcd": compute_fcd(valid, reference),
        "fcd_of_data": compute_fcd(others, reference),
        "valid": Share(len(valid), n).to_dict(),
        "unique": Share(len(set(valid)), len(valid)).to_dict(),
        "novel": measure_novel(bench, set(valid)),
        "unusual": unusual(valid),
        "unusual_of_data": unusual(reference),
        "shares": _to_dicts(measure_stereo_and_charge(valid)),
        "shares_of_data": _to_dicts(measure_stereo_and_charge(reference)),
    }


def measure_novel(bench: Bench, smiles: set[str]) -> dict[str, Any]:
    """Count the molecules that are not in the training split of the table, in the standard form of the model's data."""
    from rdkit import Chem

    from pipeline.chemistry.metrics import Share
    from pipeline.chemistry.molecule import Molecule

    dataset = bench.model.dataset()
    if dataset is not None and bench.model.is_trained_on(dataset):
        known = set(dataset.table(["inchikey"], split="train")["inchikey"])
        keys = {bench.model.standardize(Molecule(s)).inchikey for s in smiles}
        return Share(len(keys - known), len(keys)).to_dict()
    left = set(smiles)
    if bench.options.data_has_training:
        for row in read_table(bench.options.data):  # written canonically where the sources are
            if row["split"] == "train" and (mol := Chem.MolFromSmiles(row["smiles"])) is not None:
                left.discard(Chem.MolToSmiles(mol))
        return Share(len(left), len(smiles)).to_dict()
    return Share(0, 0).to_dict()


def measure_conditions(bench: Bench) -> dict[str, Any]:
    """Measure the share within tolerance among the candidates that `generate` returns for each target."""
    from pipeline.chemistry.metrics import Share
    from pipeline.generation.config import GenerateConfig
    from pipeline.generation.generate import generate
    from pipeline.objectives.config import Objective

    figures = {}
    for target in TARGETS:
        wanted = {name: Objective(target=value, tolerance=TOLERANCES[name]) for name, value in target.items()}
        config = GenerateConfig(objectives=wanted, n=bench.options.candidates, seed=bench.seed)
        table = generate(bench.model, config=config).candidates
        within = table["within_target"].astype(bool)
        figures[" and ".join(f"{k} {v:g}" for k, v in target.items())] = {
            **Share(int(within.sum()), len(table)).to_dict(),
            "asked": bench.options.candidates,
            "mean": {name: float(table[f"{name}_computed"].mean()) for name in target if f"{name}_computed" in table},
        }
    return figures


def measure_predictors(bench: Bench) -> dict[str, Any]:
    """Measure R2 of the latent predictors of computed properties on held-out molecules."""
    import numpy as np
    import torch
    from rdkit import Chem

    from pipeline.chemistry.properties import compute

    smiles = bench.draw(bench.held_out("all"), bench.options.molecules, seed=2)
    spelled = [s for s in bench.model.spell(smiles) if s.selfies is not None]
    z = bench.model.checkpoint.encode([s.require_selfies() for s in spelled]).mu
    names = [name for name in COMPUTED if name in bench.model.predictors]
    values = np.array([compute(Chem.MolFromSmiles(str(s.smiles)), names) for s in spelled])
    figures: dict[str, Any] = {"of": len(spelled)}
    for i, name in enumerate(names):
        with torch.no_grad():
            mean, _ = bench.model.predictors[name].predict(z)
        true = values[:, i]
        error = ((mean.numpy() - true) ** 2).sum()
        figures[name] = float(1 - error / ((true - true.mean()) ** 2).sum())
    return figures


def _to_dicts(shares: Mapping[str, Any]) -> dict[str, Any]:
    return {name: share.to_dict() for name, share in shares.items()}


MEASURES: dict[str, Callable[[Bench], dict[str, Any]]] = {
    "zinc250k": lambda bench: measure_part(bench, "zinc250k"),
    "other": lambda bench: measure_part(bench, "other"),
    "moleculeace": measure_moleculeace,
    "likelihood": measure_likelihood,
    "samples": measure_samples,
    "conditions": measure_conditions,
    "predictors": measure_predictors,
}
SETTINGS = {
    "zinc250k": ("molecules",),
    "other": ("molecules",),
    "moleculeace": ("per_series",),
    "likelihood": ("molecules",),
    "samples": ("samples",),
    "conditions": ("candidates",),
    "predictors": ("molecules",),
}
"""The options that each row depends on, besides the model, the data and the seed."""


# -- the run -----------------------------------------------------------------------------------------------------------


def run(bench: Bench, wanted: Sequence[str], path: Path) -> dict[str, Any]:
    """Measure the wanted rows that the file does not have yet, and write the file after each of them."""
    from chem_vae.atomic_files import read_json, write_json
    from pipeline.workspace.registry import hash_file
    from pipeline.workspace.runs import list_versions

    found: dict[str, Any] = read_json(path) if path.is_file() else {}
    data = hash_file(bench.options.data)
    if found.get("model") != bench.model.key or found.get("data") != data:
        found = {}
    found |= {
        "benchmark": "druglike",
        "model": bench.model.key,
        "name": Path(bench.options.model).name,
        "data": data,
        "tolerances": TOLERANCES,
        "versions": list_versions(),
    }
    rows = found.setdefault("rows", {})
    for name in wanted:
        settings = {"seed": bench.seed, **{key: getattr(bench.options, key) for key in SETTINGS[name]}}
        if name in rows and rows[name]["settings"] == settings:
            print(f"{name}: measured before", file=sys.stderr)
            continue
        started = time.monotonic()
        figures = MEASURES[name](bench)
        seconds = round(time.monotonic() - started, 1)
        date = datetime.now(UTC).date().isoformat()
        rows[name] = {"settings": settings, "figures": _plain(figures), "seconds": seconds, "date": date}
        write_json(path, found)
        print(f"{name}: {seconds:,.0f} s", file=sys.stderr)
    return found


def _plain(value: Any) -> Any:
    """Replace NaN, which JSON does not have, by None."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-m", "--model", default="druglike", help="as --model of chem-vae takes it")
    parser.add_argument("--workspace", type=Path, default=Path("workspace"))
    parser.add_argument("--data", type=Path, required=True, help="the prepared table: smiles, source, split")
    parser.add_argument("--moleculeace", type=Path, help="a folder of tables with a column smiles, one for each series")
    parser.add_argument("--only", nargs="+", choices=ROWS, help="measure these rows alone")
    parser.add_argument("--molecules", type=int, default=2000, help="held-out molecules of each part")
    parser.add_argument("--per-series", type=int, default=0, help="molecules of each series; 0: all")
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--candidates", type=int, default=100, help="asked of `generate` for each target")
    parser.add_argument("--no-training-rows", dest="data_has_training", action="store_false",
                        help="do not read the table's training rows, which novelty needs where the dataset is not at hand")  # fmt: skip
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", type=Path, default=Path(__file__).resolve().parent / "results" / "druglike.json")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(options.threads)  # before torch loads
    from druglike_table import write_table

    from pipeline.models.trained_model import load_model

    wanted = options.only or [name for name in ROWS if name != "moleculeace" or options.moleculeace]
    if "moleculeace" in wanted and options.moleculeace is None:
        parser.error("moleculeace needs --moleculeace FOLDER")
    bench = Bench(load_model(options.model, options.workspace), options)
    print(write_table(run(bench, wanted, options.output)["rows"]))


if __name__ == "__main__":
    main()
