"""Proposals for a measured property on real labels: what a batch promises, what an independent judge says of it.

    python benchmarks/measured.py --data MoleculeACE/Data/benchmark_data                 # first batches on every series
    python benchmarks/measured.py --data FOLDER --rounds 3 --series CHEMBL204_Ki ...     # further rounds
    python benchmarks/measured.py --data FOLDER --series CHEMBL204_Ki --arms product     # a try

Each file of the folder is a series of MoleculeACE (van Tilborg et al. 2022, doi:10.1021/acs.jcim.2c01073; the wheel of
MoleculeACE 3.0.0 has all thirty): molecules with a measured Ki or EC50, here as a negative decadic logarithm. The lower two thirds are told, the upper third
is held back. Each arm chooses 50 molecules; a hit is a molecule at or above the 90 % quantile of what was told. Arms:

- product: `pipeline.generation.generate.generate` with its defaults, maximizing the property. The predictor is fitted and chosen as
  in a run; the model is not fine-tuned on the molecules (`--tune` does so, which takes minutes for each series)
- mutants: the 50 best by the same predictor of 4,000 mutants of the 100 best molecules that were told
- library: the 50 best by the same predictor of 20,000 molecules of ZINC250k
- random: 50 of these by chance

The judge is a random forest on Morgan counts and RDKit's descriptors that is fitted on all labels, the held-back ones too. It shrinks
unfamiliar molecules to the mean, so that the truth of the 50 best of the held-back third by the predictor is a second figure. In
further rounds the arm is told the judge's values, with the noise of the judge's out-of-bag residuals.

Writes results/measured.json and prints the table for README.md; killed, it goes on series by series.
"""

from __future__ import annotations

import argparse
import functools
import os
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from measured_table import write_table
from numpy.typing import NDArray
from rdkit import Chem, rdBase
from rdkit.Chem import rdMolDescriptors
from sklearn.ensemble import RandomForestRegressor

from chem_vae.atomic_files import write_json
from pipeline.benchmark.parts import Parts
from pipeline.chemistry.filters.structural_alerts import find_structural_alerts
from pipeline.chemistry.filters.structure_filters import has_unusual_motif
from pipeline.chemistry.fingerprints import SIMULATED_COUNTS
from pipeline.chemistry.molecule import Molecule
from pipeline.chemistry.properties import compute
from pipeline.chemistry.variation.crossover import vary
from pipeline.datasets.config import IngestConfig
from pipeline.datasets.dataset import Dataset
from pipeline.datasets.ingest import ingest
from pipeline.generation.acquisition.hit_probability import COLUMN, compute_hit_probability, expect_hits
from pipeline.generation.config import GenerateConfig
from pipeline.generation.generate import generate
from pipeline.models.measured_predictor import MeasuredPredictor
from pipeline.models.trained_model import TrainedModel, load_model
from pipeline.objectives.config import Objective
from pipeline.objectives.desirability import PropertySummary, ResolvedObjective
from pipeline.objectives.resolve import resolve
from pipeline.training.config import TrainConfig
from pipeline.training.predictors.compare_predictors import compare, fit_process
from pipeline.training.predictors.labelled import Labelled
from pipeline.workspace.lookup import write_model_name
from pipeline.workspace.runs import describe_machine, list_versions
from pipeline.workspace.storage.folders import hash_content

HERE = Path(__file__).parent
ARMS = ("product", "mutants", "library", "random")
ASSAY = "assay"
MUTANTS, PARENTS, LIBRARY = 4000, 100, 20_000
TREES = 150


# -- data and judge --------------------------------------------------------------------------------------------------


def read_series(path: Path) -> pd.DataFrame:
    """Read a series: smiles (canonical) and its measured value, the mean where a molecule occurs twice."""
    table = pd.read_csv(path)
    values = 9.0 - np.log10(table["exp_mean [nM]"].to_numpy())
    with rdBase.BlockLogs():
        smiles = [Chem.CanonSmiles(text) for text in table["smiles"]]
    return pd.DataFrame({"smiles": smiles, ASSAY: values}).groupby("smiles", as_index=False).mean()


def split_series(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split into the lower two thirds, in random order, and the upper third."""
    order = np.argsort(table[ASSAY].to_numpy(), kind="stable")
    least = 2 * len(table) // 3
    told = table.iloc[order[:least]].sample(frac=1, random_state=0).reset_index(drop=True)
    return told, table.iloc[order[least:]].reset_index(drop=True)


class Judge:
    """Judges molecules by a random forest that knows every label of a series."""

    def __init__(self, table: pd.DataFrame) -> None:
        values = table[ASSAY].to_numpy()
        forest = RandomForestRegressor(TREES, max_features=0.05, oob_score=True, random_state=0, n_jobs=1)
        self.forest = forest.fit(self._describe(table["smiles"]), values)
        self.residuals = values - forest.oob_prediction_
        self.r2 = 1.0 - float(np.var(self.residuals) / np.var(values))

    def __call__(self, smiles: Sequence[str]) -> NDArray[np.float64]:
        """Judge n molecules (n,)."""
        return np.asarray(self.forest.predict(self._describe(smiles)))

    def count_hits(self, judged: NDArray[np.float64], least: float) -> float:
        """Count the hits that are expected of measurements around the judged values, with the judge's own errors."""
        return float(np.mean(judged[:, None] + self.residuals[None, :] >= least, axis=1).sum())

    @staticmethod
    def _describe(smiles: Sequence[str]) -> NDArray[np.float32]:
        properties = rdMolDescriptors.Properties()  # type: ignore[attr-defined]  # RDKit's stubs lack it
        mols = [Chem.MolFromSmiles(text) for text in smiles]
        counts = np.stack([SIMULATED_COUNTS.counts(mol).clip(max=255) for mol in mols])
        others = np.stack([np.nan_to_num(np.array(properties.ComputeProperties(mol))) for mol in mols])
        return np.hstack([counts, others]).astype(np.float32)


@functools.lru_cache(maxsize=1)
def draw_library(path: Path) -> list[str]:
    """Draw LIBRARY molecules of ZINC250k as canonical SMILES."""
    lines = [line.split()[0] for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [Chem.CanonSmiles(text) for text in random.Random(0).sample(lines, min(LIBRARY, len(lines)))]


# -- arms ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bench:
    """One series: what was told, what judges, and what chooses."""

    name: str
    told: pd.DataFrame
    held: pd.DataFrame
    judge: Judge
    model: TrainedModel
    args: argparse.Namespace
    seed: int = 0

    @functools.cached_property
    def predictor(self) -> MeasuredPredictor:
        """The predictor of the measured property as a run fits it, over structure."""
        labelled = Labelled(self.told["smiles"].tolist(), torch.tensor(self.told[ASSAY].to_numpy()))
        found = compare(labelled, seed=self.seed)
        assert found is not None
        process = fit_process(labelled.select_inputs(found.choice.chosen), labelled.labels)
        process.scale = found.choice.scales[found.choice.chosen]
        return MeasuredPredictor(ASSAY, found.choice.chosen, process, None, found.card)

    @functools.cached_property
    def taught(self) -> TrainedModel:
        """The model with the predictor; its network stays as it was."""
        about = PropertySummary.from_values(ASSAY, ASSAY, "", "measured", self.told[ASSAY].to_numpy())
        known = [p for p in self.model.manifest["properties"] if p["name"] != ASSAY]
        manifest = {**self.model.manifest, "properties": [*known, vars(about)]}
        taught = replace(self.model, manifest=manifest)
        taught.__dict__["checkpoint"], values = self.model.checkpoint, self.model.latent["values"]
        unknown = torch.full((len(values), 1), torch.nan, dtype=values.dtype)
        taught.__dict__["latent"] = {**self.model.latent, "values": torch.cat([values, unknown], dim=1)}
        taught.__dict__["measured"] = {ASSAY: self.predictor}
        return taught

    @functools.cached_property
    def objective(self) -> ResolvedObjective:
        """The objective, whose hits are the best tenth of what was told."""
        return resolve({ASSAY: Objective(maximize=True)}, self.taught.properties)[0][0]

    def ingest(self, workspace: Path) -> Dataset:
        """Make a dataset of what was told."""
        workspace.mkdir(parents=True, exist_ok=True)
        source = workspace / f"{self.name}-{len(self.told)}.csv"
        self.told.to_csv(source, index=False)
        return ingest(IngestConfig.model_validate({"source": str(source), "properties": [{"name": ASSAY}]}), workspace)


def propose(bench: Bench, proposed: Sequence[str] = ()) -> tuple[list[str], dict[str, Any]]:
    """Choose a batch with the product."""
    workspace = bench.args.workspace / "benchmarks" / "measured" / "workspace"
    dataset = bench.ingest(workspace)
    model = bench.taught
    if bench.args.tune:
        from pipeline.training.train import train  # here: to load Lightning takes seconds

        model = train(dataset, TrainConfig(start=str(bench.model.folder)), workspace)
    config = GenerateConfig(
        objectives={ASSAY: Objective(maximize=True)}, n=bench.args.batch, samples=bench.args.samples, seed=bench.seed
    )
    keys = {Molecule(text).inchikey for text in proposed}
    made = generate(model, config=config, dataset=dataset, exclude=keys)
    return made.candidates["smiles"].tolist(), {"counts": made.counts, "warnings": made.warnings}


def mutate(bench: Bench, proposed: Sequence[str] = ()) -> tuple[list[str], dict[str, Any]]:
    """Choose the best mutants of the best molecules by the predictor."""
    best = bench.told.sort_values(ASSAY, ascending=False)["smiles"].tolist()[:PARENTS]
    children = [child for child, _ in vary(best, MUTANTS, bench.seed, crossover=0.0, rank_weight=10.0) if child]
    return rank(bench, list(dict.fromkeys(children)), proposed), {}


def search_library(bench: Bench, proposed: Sequence[str] = ()) -> tuple[list[str], dict[str, Any]]:
    """Choose the best molecules of the library by the predictor."""
    return rank(bench, draw_library(bench.args.library), proposed), {}


def draw(bench: Bench, proposed: Sequence[str] = ()) -> tuple[list[str], dict[str, Any]]:
    """Draw molecules of the library."""
    return random.Random(bench.seed).sample(draw_library(bench.args.library), bench.args.batch), {}


def rank(bench: Bench, smiles: Sequence[str], proposed: Sequence[str]) -> list[str]:
    """Return the best molecules by the predictor's mean that were neither told nor proposed."""
    known = {*bench.told["smiles"], *proposed}
    left = [text for text in smiles if text not in known]
    order = bench.predictor.predict(left).mean.argsort(descending=True)
    return [left[i] for i in order[: bench.args.batch].tolist()]


CHOOSERS = {"product": propose, "mutants": mutate, "library": search_library, "random": draw}


# -- figures ---------------------------------------------------------------------------------------------------------


def measure_batch(bench: Bench, smiles: Sequence[str]) -> dict[str, Any]:
    """Measure what the predictor promises of a batch, and what the judge says."""
    found, function = bench.predictor.predict(smiles), bench.predictor.predict_function(smiles)
    judged, w = bench.judge(smiles), bench.objective
    table = pd.DataFrame({"smiles": list(smiles), "molecule": [Molecule(text) for text in smiles], "z": None})
    table[f"{ASSAY}_predicted"], table[f"{ASSAY}_predicted_std"] = found.mean.numpy(), found.std.numpy()
    table[COLUMN] = compute_hit_probability([w], table)
    hits = expect_hits(table, bench.taught, [w], bench.seed)
    assert hits is not None and w.low is not None
    mols = [m.mol for m in table["molecule"]]
    weights = np.array([compute(mol, ["mw"])[0] for mol in mols])
    told = [compute(Chem.MolFromSmiles(text), ["mw"])[0] for text in bench.told["smiles"]]
    nearest = bench.predictor.similarity(smiles)
    return {
        "n": len(smiles),
        "predicted": float(found.mean.mean()),
        "deviation": float(found.std.mean()),
        "spread": float(function.std.mean()),
        "judged": float(judged.mean()),
        "judged_best": float(judged.max()),
        "expected_hits": hits.expected,
        "interval": [hits.low, hits.high],
        "judged_hits": bench.judge.count_hits(judged, w.low),
        "judged_values_above": int((judged >= w.low).sum()),
        "unusual": float(np.mean([has_unusual_motif(mol) for mol in mols])),
        "alerts": float(np.mean([bool(a) for a in find_structural_alerts(list(smiles))])),
        "heavier_than_95": int((weights > np.quantile(told, 0.95)).sum()),
        "weight": float(weights.mean()),
        "sa": float(np.mean([compute(mol, ["sa"])[0] for mol in mols])),
        "similarity": float(nearest.mean()),
    }


def run_series(path: Path, arm: str, rounds: int, model: TrainedModel, args: argparse.Namespace) -> dict[str, Any]:
    """Run the rounds of one arm on one series."""
    table = read_series(path)
    told, held = split_series(table)
    judge = _judge(path)
    noise, proposed, rows = np.random.default_rng(args.seed), list[str](), list[dict[str, Any]]()
    bench = Bench(path.stem, told, held, judge, model, args, args.seed)
    order = bench.predictor.predict(held["smiles"].tolist()).mean.argsort(descending=True)[: args.batch].tolist()
    about = {
        "series": path.stem,
        "arm": arm,
        "labels": len(told),
        "deviation": float(table[ASSAY].std()),
        "judge_r2": judge.r2,
        "best_told": float(told[ASSAY].nlargest(10).mean()),
        "least_hit": bench.objective.low,
        "alerts_told": float(np.mean([bool(a) for a in find_structural_alerts(told["smiles"].tolist()[:500])])),
        "representation": bench.predictor.representation,
        "r2": bench.predictor.compared["representations"][bench.predictor.representation]["r2"],
        "held": {
            "mean": float(held[ASSAY].mean()),
            "chosen": float(held[ASSAY].iloc[order].mean()),
            "predicted": float(bench.predictor.predict(held["smiles"].iloc[order].tolist()).mean.mean()),
        },
    }
    for number in range(1, rounds + 1):
        began = time.perf_counter()
        smiles, more = CHOOSERS[arm](bench, proposed)
        row = {"round": number, "seconds": time.perf_counter() - began, **measure_batch(bench, smiles), **more}
        rows.append(row)
        proposed += smiles
        print(
            f"{path.stem} {arm} round {number}: predicted {row['predicted']:.2f} ± {row['deviation']:.2f}, judged {row['judged']:.2f}; "
            f"hits expected {row['expected_hits']:.1f}, judged {row['judged_hits']:.1f}; {row['seconds']:.0f} s",
            flush=True,
        )
        if number < rounds:
            judged = judge(smiles) + noise.choice(judge.residuals, len(smiles))
            known = pd.concat([bench.told, pd.DataFrame({"smiles": smiles, ASSAY: judged})], ignore_index=True)
            bench = replace(bench, told=known, seed=args.seed + number)
    return {**about, "rounds": rows}


@functools.lru_cache(maxsize=1)
def _judge(path: Path) -> Judge:
    return Judge(read_series(path))


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder of MoleculeACE's .csv files")
    parser.add_argument("--library", type=Path, required=True, help="ZINC250k: a file with a SMILES a line")
    parser.add_argument("--series", nargs="+", help="names of files without .csv; all when not given")
    parser.add_argument("--arms", nargs="+", default=list(ARMS), choices=ARMS)
    parser.add_argument("-m", "--model", default="moses", help="the model that proposes")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--batch", type=int, default=50)
    parser.add_argument(
        "--samples", type=int, default=None, help="molecules that the product looks at; its default when not given"
    )
    parser.add_argument("--tune", action="store_true", help="fine-tune the model on what was told, as a run does")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workspace", type=Path, default=Path(os.environ.get("CHEM_VAE_WORKSPACE", "workspace")))
    parser.add_argument("--output", type=Path, default=HERE / "results" / "measured.json")
    args = parser.parse_args()
    torch.set_num_threads(1)
    paths = [args.data / f"{name}.csv" for name in args.series] if args.series else sorted(args.data.glob("*.csv"))
    if not paths:
        raise SystemExit(f"there is no .csv in {args.data}")
    model = load_model(args.model, args.workspace)
    settings = {k: getattr(args, k) for k in ("batch", "samples", "tune", "seed", "rounds")}
    kept = Parts(args.workspace / "benchmarks" / "measured", hash_content(settings, model.key))
    parts = []
    for path in paths:
        for arm in args.arms:
            name = f"{path.stem}-{arm}-{args.rounds}" + ("-tuned" if args.tune else "")
            parts.append(kept.do(name, lambda: run_series(path, arm, args.rounds, model, args)))  # noqa: B023 (called at once)
    about = {
        "benchmark": "measured",
        "date": datetime.now(UTC).date().isoformat(),
        "machine": describe_machine(),
        "versions": list_versions(),
        "settings": {**settings, "model": write_model_name(model.folder)},
    }
    write_json(args.output, {**about, "series": parts})
    print(write_table(parts))


if __name__ == "__main__":
    main()
