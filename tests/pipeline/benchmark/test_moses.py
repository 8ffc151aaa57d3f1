"""The benchmark: metrics that can be checked by hand, the cache, resumption, and a whole run of the tiny model."""

from __future__ import annotations

import builtins
import csv
import gzip
import json
import math
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rdkit import Chem

from chem_vae.errors import BusyError, DataError, UserError
from chem_vae.progress import silent
from pipeline.benchmark import chemnet, distribution, molecules, moses, reference, similarity, targets
from pipeline.benchmark.chemnet import Gaussian, Moments, compute_frechet_distance
from pipeline.benchmark.distribution import (
    compute_cosine,
    compute_wasserstein,
    measure_fragment_similarity,
    measure_neutrality,
    measure_novelty,
    measure_passing_filters,
    measure_property_distance,
    measure_scaffold_similarity,
    measure_snn,
    measure_uniqueness,
    measure_validity,
)
from pipeline.benchmark.molecules import Wanted, find_ring_scaffold, measure, split_fragments
from pipeline.benchmark.moses import BenchmarkSettings, average_seeds, run_benchmark, score_samples
from pipeline.benchmark.parts import Parts
from pipeline.benchmark.reference import Reference, build_reference, load_arrays
from pipeline.benchmark.samples import read_samples
from pipeline.benchmark.similarity import compute_internal_diversities, compute_nearest_similarities
from pipeline.benchmark.table import render_markdown
from pipeline.chemistry.metrics import Share, measure_internal_diversity
from pipeline.models.trained_model import TrainedModel
from pipeline.workspace.folders import lock_folder

ACETANILIDE, ASPIRIN = "CC(=O)Nc1ccccc1", "CC(=O)Oc1ccccc1C(=O)O"
ODD = ["OCC", "CCO", None, "", "C1CC", "C[N+](C)(C)C", "c1ccccc1"]
"""Ethanol twice, not decoded, the empty molecule, an open ring, a charged one, benzene."""


def test_counts() -> None:
    assert measure_validity(ODD) == Share(4, 7), "the empty molecule is none"
    assert measure_neutrality(ODD) == Share(3, 4)
    assert measure_uniqueness(ODD, 1000) == Share(3, 4)
    assert measure_uniqueness(ODD, 2) == Share(1, 2), "among the first k valid ones, spelled twice"
    assert measure_novelty(ODD, ["CCO", "C1=CC=CC=C1"]) == Share(2, 3), (
        "benzene is known under another spelling, as in MOSES"
    )
    assert measure_validity([]).of == 0 and math.isnan(measure_validity([]).fraction)


def test_rows_are_kept() -> None:
    assert measure(ODD).rows == [0, 1, 5, 6]
    assert measure(ODD).smiles == ["CCO", "CCO", "C[N+](C)(C)C", "c1ccccc1"]


def test_several_processes_give_the_same(sample_smiles: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(molecules, "_CHUNK", 20)
    asked = [*sample_smiles[:50], "nonsense"]
    one, two = (measure(asked, Wanted(properties=False), workers=n) for n in (1, 2))
    assert one.smiles == two.smiles and one.rows == two.rows and one.valid == Share(50, 51)
    assert one.fragments == two.fragments and one.scaffolds == two.scaffolds
    assert np.array_equal(one.fingerprints, two.fingerprints)


def test_fragments_and_scaffolds() -> None:
    mol = Chem.MolFromSmiles(ACETANILIDE)
    assert Counter(split_fragments(mol)) == Counter(["[1*]C(C)=O", "[5*]N[5*]", "[16*]c1ccccc1"])
    assert find_ring_scaffold(mol) is None, "one ring is too few"
    assert find_ring_scaffold(Chem.MolFromSmiles("Cc1ccc(-c2ccccc2)cc1")) == "c1ccc(-c2ccccc2)cc1"
    biphenyls = ["Cc1ccc(-c2ccccc2)cc1", "Fc1ccc(-c2ccccc2)cc1", "CCC"]
    assert measure_scaffold_similarity(biphenyls, ["c1ccc(-c2ccccc2)cc1"]) == pytest.approx(1.0)
    assert measure_scaffold_similarity(biphenyls, ["c1ccc2ccccc2c1"]) == 0.0
    # fragments of the first: three, each once; of benzene: itself, which is none of them
    assert measure_fragment_similarity([ACETANILIDE], [ACETANILIDE]) == pytest.approx(1.0)
    assert measure_fragment_similarity([ACETANILIDE], ["c1ccccc1"]) == 0.0
    assert compute_cosine({"a": 1, "b": 1}, {"a": 1}) == pytest.approx(1 / math.sqrt(2))
    assert math.isnan(compute_cosine({}, {"a": 1}))


def test_similarity() -> None:
    bits = np.zeros((3, 1024), dtype=np.uint8)
    bits[0, :4] = bits[1, 2:6] = bits[2, 500:503] = 1  # the first two share 2 of 6
    packed = np.packbits(bits, axis=1)
    assert compute_nearest_similarities(packed[:1], packed[1:]).tolist() == pytest.approx([1 / 3])
    assert np.isnan(compute_nearest_similarities(packed, packed[:0])).all()
    rows = [(1 + 1 / 3) / 3, (1 + 1 / 3) / 3, 1 / 3]
    squares = [math.sqrt((1 + 1 / 9) / 3), math.sqrt((1 + 1 / 9) / 3), math.sqrt(1 / 3)]
    assert compute_internal_diversities(packed) == pytest.approx([1 - np.mean(rows), 1 - np.mean(squares)])
    full = np.packbits(np.ones((1, 1024), dtype=np.uint8), axis=1)  # more bits than bfloat16 can count
    assert compute_nearest_similarities(full, packed).tolist() == pytest.approx([4 / 1024])


def test_similarity_agrees_with_rdkit(sample_smiles: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similarity, "_BLOCK", 64)
    measured = measure(sample_smiles[:150], Wanted(properties=False), workers=1)
    ours = compute_internal_diversities(measured.fingerprints)
    assert ours[0] == pytest.approx(measure_internal_diversity(measured.smiles), abs=1e-6)
    assert ours[1] == pytest.approx(measure_internal_diversity(measured.smiles, p=2), abs=1e-6)
    assert (
        measure_snn(sample_smiles[:5], sample_smiles[3:50]) < 1 == measure_snn(sample_smiles[3:5], sample_smiles[:50])
    )


def test_wasserstein() -> None:
    values = np.array([0.0, 1.0, 3.0])
    assert compute_wasserstein(values, values + 2) == pytest.approx(2.0)
    assert compute_wasserstein(values, np.array([5.0])) == pytest.approx((5 + 4 + 2) / 3)
    assert compute_wasserstein(np.array([1.0, math.nan]), np.array([1.0])) == 0.0
    assert math.isnan(compute_wasserstein(np.array([]), values))
    assert measure_property_distance(["C"], ["CC"], "mw") == pytest.approx(14.027, abs=1e-3)  # CH2


@pytest.mark.parametrize(
    ("smiles", "passes"),
    [
        (ACETANILIDE, True),
        ("C[N+](C)(C)C", False),  # charged
        ("C[N+](=O)[O-]", False),  # so is nitromethane, as a whole or not
        ("CCP", False),  # phosphorus
        ("C1CCCCCC1", True),
        ("C1CCCCCCC1", False),  # eight atoms in a ring
        ("CCS", False),  # the rule below: a thiol's hydrogen
        ("CSC", True),
    ],
)
def test_filters(smiles: str, passes: bool) -> None:
    assert measure_passing_filters([smiles], ["[#16]-[#1]"]) == Share(int(passes), 1)


def test_filters_count_among_the_valid() -> None:
    assert measure_passing_filters(["CC", "C1CC", "CCP"], []) == Share(1, 2)
    with pytest.raises(DataError, match="C1CC"):
        measure_passing_filters(["CC"], ["C1CC"])


def test_rules_are_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from pipeline.benchmark import filters

    texts = {"mcf": "names,smarts\nMCF1,[#6]=O\n", "pains": '"c1ccccc1"   ,"<regId=a(1)>"\n'}
    for name, text in texts.items():
        (tmp_path / f"{name}.csv.gz").write_bytes(gzip.compress(text.encode()))
    monkeypatch.setattr(filters, "resolve", lambda *a, **k: None)
    monkeypatch.setattr(filters, "find_extra_file", lambda dataset, name: tmp_path / f"{name}.csv.gz")
    assert filters.load_rules() == ("[#6]=O", "c1ccccc1")
    (tmp_path / "pains.csv.gz").write_bytes(b"\x1f\x8b broken")
    with pytest.raises(DataError, match="delete it"):
        filters.load_rules()


# -- FCD ---------------------------------------------------------------------------------------------------------------


def test_frechet_distance_in_closed_form() -> None:
    # Diagonal covariances: the sum of (m1 - m2)² + (s1 - s2)² over the dimensions.
    a = Gaussian(np.array([0.0, 1.0]), np.diag([4.0, 9.0]), 10)
    b = Gaussian(np.array([3.0, 1.0]), np.diag([1.0, 25.0]), 10)
    assert compute_frechet_distance(a, b) == pytest.approx(9 + 1 + 4)
    assert compute_frechet_distance(a, a) == pytest.approx(0.0, abs=1e-9)
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])  # the distance does not depend on the axes
    turned = [Gaussian(turn @ g.mean, turn @ g.covariance @ turn.T, 10) for g in (a, b)]
    assert compute_frechet_distance(*turned) == pytest.approx(14)
    singular = Gaussian(np.zeros(2), np.diag([1.0, 0.0]), 10)
    assert compute_frechet_distance(singular, Gaussian(np.zeros(2), np.eye(2), 10)) == pytest.approx(1.0)
    assert math.isnan(compute_frechet_distance(a, Gaussian(a.mean, a.covariance, 1)))


def test_frechet_distance_agrees_with_a_general_matrix_root() -> None:
    linalg = pytest.importorskip("scipy.linalg")
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2000, 30)), rng.normal(size=(2000, 30)) @ rng.normal(size=(30, 30))
    a, b = (Gaussian(v.mean(axis=0), np.cov(v.T), len(v)) for v in (x, y))
    root = linalg.sqrtm(a.covariance @ b.covariance).real
    expected = ((a.mean - b.mean) ** 2).sum() + np.trace(a.covariance + b.covariance - 2 * root)
    assert compute_frechet_distance(a, b) == pytest.approx(expected, abs=1e-4)


def test_chemnet(sample_smiles: list[str]) -> None:
    fcd_torch = pytest.importorskip("fcd_torch")
    assert fcd_torch is not None
    some = measure(sample_smiles[:40], Wanted(structure=False, properties=False)).smiles
    whole = chemnet.fit_gaussian(some)
    parted = chemnet.fit_gaussian(some, batch_size=7)
    assert np.allclose(whole.mean, parted.mean, atol=1e-6) and np.allclose(
        whole.covariance, parted.covariance, atol=1e-6
    )
    assert whole.covariance.shape == (chemnet.FEATURES, chemnet.FEATURES) and whole.n == 40
    assert compute_frechet_distance(whole, parted) == pytest.approx(0.0, abs=1e-3)
    assert chemnet.compute_fcd(some[:20], some[20:]) > 1
    assert math.isnan(chemnet.compute_fcd(some[:1], some))


def test_chemnet_goes_on_at_its_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def moments(smiles: list[str], **_: Any) -> Moments:
        asked.append(smiles)
        if len(asked) == 3:
            raise KeyboardInterrupt
        features = np.array([[float(len(s))] for s in smiles])
        return Moments(len(smiles), features.sum(axis=0), features.T @ features)

    monkeypatch.setattr(reference, "sum_moments", moments)
    monkeypatch.setattr(reference, "_PIECE", 2)
    smiles = ["C", "CC", "CCC", "CCCC", "CCCCC"]
    with pytest.raises(KeyboardInterrupt):
        reference._sum_in_pieces(smiles, tmp_path / "a.npz", silent, "ChemNet")
    found = reference._sum_in_pieces(smiles, tmp_path / "a.npz", silent, "ChemNet").gaussian()
    assert asked == [["C", "CC"], ["CCC", "CCCC"], ["CCCCC"], ["CCCCC"]]
    assert (found.n, found.mean[0], found.covariance[0, 0]) == (5, 3.0, 2.5)


def test_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, model: TrainedModel, tmp_path: Path) -> None:
    real = builtins.__import__

    def absent(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("fcd_torch"):
            raise ImportError("No module named 'fcd_torch'")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(UserError, match=r"chem-vae\[benchmark\]"):
        chemnet.find_fcd_version()
    with pytest.raises(UserError, match=r"chem-vae\[benchmark\]"):
        run_benchmark(model, BenchmarkSettings().quick(), tmp_path)
    assert not any(tmp_path.iterdir()), "it is said before anything is begun"


# -- the cache and the parts ---------------------------------------------------------------------------------------------


def test_damaged_cache_is_made_again(tmp_path: Path) -> None:
    made = []

    def make() -> dict[str, Any]:
        made.append(1)
        return reference.to_arrays(measure([ACETANILIDE, ASPIRIN, "c1ccc2ccccc2c1"]))

    path, names = tmp_path / "a.npz", reference._CHEMISTRY
    first = load_arrays(path, names, make)
    again = load_arrays(path, names, make)
    assert len(made) == 1 and all(np.array_equal(first[n], again[n]) for n in names)
    assert reference._read_counter(again, "scaffolds") == Counter({"c1ccc2ccccc2c1": 1})
    whole = path.read_bytes()
    for damage in (whole[: len(whole) // 2], b"", whole[:200] + bytes(60) + whole[260:]):
        path.write_bytes(damage)
        assert np.array_equal(load_arrays(path, names, make)["fingerprints"], first["fingerprints"])
        assert path.read_bytes()[:2] == b"PK"
    assert len(made) == 4
    path.unlink()
    with lock_folder(path, "computing"), pytest.raises(BusyError):
        load_arrays(path, names, make)
    assert [p.name for p in tmp_path.iterdir() if p.suffix != ".lock"] == []


def test_parts_go_on(tmp_path: Path) -> None:
    def no() -> dict[str, Any]:
        raise AssertionError("it is there already")

    parts = Parts(tmp_path, "key")
    assert parts.do("one", lambda: {"share": np.float64(0.5), "none": math.nan}) == {"share": 0.5, "none": None}
    again = Parts(tmp_path, "key")
    assert again.do("one", no) == {"share": 0.5, "none": None} and again.reused == ["one"]
    assert Parts(tmp_path, "other").do("one", lambda: {"x": 1}) == {"x": 1}
    (tmp_path / "one.json").write_text('{"key": "other", "resu')
    assert Parts(tmp_path, "other").do("one", lambda: {"x": 2}) == {"x": 2}


def test_over_seeds() -> None:
    shares = [{"valid": Share(9, 10).to_dict(), "SNN": 0.5}, {"valid": Share(7, 10).to_dict(), "SNN": None}]
    found = average_seeds(shares)
    assert found["valid"] == {
        "count": 16,
        "of": 20,
        "mean": 0.8,
        "std": pytest.approx(math.sqrt(0.02)),
        "seeds": [0.9, 0.7],
    }
    assert math.isnan(found["SNN"]["mean"]), "one that failed is not averaged away"
    assert average_seeds(shares[:1])["valid"]["std"] is None


def test_compare() -> None:
    asked = np.array([[0.5, 2.0, 1.0, 300.0], [0.7, 3.0, 2.0, 320.0], [0.9, 4.0, 3.0, 340.0]])
    found = targets.compare_with_targets(asked, asked + np.array([0.1, 0.0, -0.5, 10.0]))
    assert found["properties"]["qed"]["mae"] == pytest.approx(0.1)
    assert found["properties"]["logp"]["mae_normalized"] == pytest.approx(0.5 / 10.9473)
    assert found["mean_pearson_r"] == pytest.approx(1.0) and found["of"] == 3
    assert found["mean_mae_normalized"] == pytest.approx((0.1 / 0.7572 + 0 + 0.5 / 10.9473 + 10 / 99.982) / 4, rel=1e-6)
    failed = asked + np.array([0.1, 0.0, -0.5, 10.0])
    failed[0, 0] = math.nan
    assert targets.compare_with_targets(asked, failed)["of"] == 2
    assert math.isnan(targets.compare_with_targets(asked[:0], asked[:0])["mean_mae_normalized"])


def test_settings_are_checked() -> None:
    with pytest.raises(UserError, match="did you mean 'normal'"):
        BenchmarkSettings(prior="norml")
    with pytest.raises(UserError, match="samples should be 1"):
        BenchmarkSettings(samples=0)
    with pytest.raises(UserError, match="temperature"):
        BenchmarkSettings(temperature=-1)


def test_samples_files(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,Smiles\n1,CCO\n2,\n3,not one\n")
    assert read_samples(tmp_path / "a.csv") == ["CCO", None, "not one"]
    (tmp_path / "b.smi.gz").write_bytes(gzip.compress(b"CCO ethanol\n\nCC\n"))
    assert read_samples(tmp_path / "b.smi.gz") == ["CCO", None, "CC"]
    (tmp_path / "c.csv").write_text("structure\nCCO\n")
    with pytest.raises(DataError, match="no column SMILES; it has structure"):
        read_samples(tmp_path / "c.csv")
    with pytest.raises(UserError, match="should end in"):
        read_samples(tmp_path / "d.xlsx")
    with pytest.raises(DataError, match="no file"):
        read_samples(tmp_path / "e.smi")


# -- a whole run -------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_moses(monkeypatch: pytest.MonkeyPatch, sample_smiles: list[str]) -> None:
    """A MOSES of some dozen molecules, without ChemNet and without the network."""
    sets = {"train": sample_smiles[:2800:7], "test": sample_smiles[1:300:7]}
    references = {name: build_reference(name, sets["test"], workers=1, chemnet=False) for name in ("Test", "TestSF")}

    def given(name: str, **_: Any) -> Reference:
        return references[name]

    monkeypatch.setattr(moses, "read_split", lambda split: sets[split])
    monkeypatch.setattr(moses, "load_reference", given)
    monkeypatch.setattr(moses, "load_rules", lambda: ("[#16]-[#1]",))
    monkeypatch.setattr(moses, "find_fcd_version", lambda: "none")


SMALL = BenchmarkSettings(samples=60, seeds=2, reconstructions=20, targets=20, per_value=4)


def test_whole_benchmark(
    small_moses: None, model: TrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []

    def progress(stage: str, done: int, total: int, figures: Any = None) -> None:
        said.append(stage)

    folder = run_benchmark(model, SMALL, tmp_path, workers=1, progress=progress)
    results = json.loads((folder / "results.json").read_text())
    assert {"sample, seed 0", "sample, seed 1", "reconstruct from mean", "measure samples, seed 1"} <= set(said)
    figures = results["distribution"]
    assert figures["valid"]["of"] == 120 and len(figures["valid"]["seeds"]) == 2
    assert 0 < figures["SNN/Test"]["mean"] <= 1 and "FCD/Test" not in figures
    assert figures["Novelty"]["of"] == figures["Novelty (InChIKey)"]["of"] > 0
    assert results["model"]["key"] == model.key and results["settings"]["samples"] == 60
    with (folder / "samples-0.csv").open() as file:
        smiles = [row["SMILES"] for row in csv.DictReader(file)]
    assert len(smiles) == 60
    assert measure_validity(smiles).fraction == figures["valid"]["seeds"][0], "the file alone gives the same figures"
    share = results["reconstruction"]["from_mean"]["molecule"]
    assert share["of"] == results["posterior"]["molecules"] == 20
    assert results["reconstruction"]["from_mean"]["ids"]["count"] <= share["count"]
    assert results["reconstruction"]["passed_over"]["training_data_checked"] is True
    assert "sa" in results["protocol_b"]["skipped"], "the tiny model knows logP and the weight alone"
    assert len(results["single_targets"]["mw"]["targets"]) == len(targets.QUANTILES)
    assert results["single_targets"]["mw"]["targets"][0]["within"]["of"] == 4
    page = (folder / "results.md").read_text()
    assert "| CharRNN | 0.9748 |" in page and "**this model**" in page and "nan" not in page
    ours = next(line for line in page.splitlines() if line.startswith("| **this model** |"))
    assert ours.split(" | ")[2:4] == ["–", "–"], "60 samples tell nothing of uniqueness among 1,000"
    assert "parameters, trained on assay (" in page
    base = {"name": "a-1", "dataset": "a", "training_molecules": 5000, "base": {"name": "b", "dataset": "B", "training_molecules": 70, "base": None}}  # fmt: skip
    told = render_markdown({**results, "model": {**results["model"], "base": base}})
    assert "fine-tuned from a-1, trained on a (5,000 molecules), itself fine-tuned from b, trained on B (70" in told
    tuned = replace(model, manifest={**model.manifest, "card": {**model.card, "base": base}})
    assert not moses._Benchmark(tuned, SMALL, folder, None, 1, progress).known  # type: ignore[arg-type]

    # A part that was lost is made again, alike; what is there is not touched.
    kept = json.loads((folder / "parts" / "distribution-1.json").read_text())
    (folder / "parts" / "distribution-1.json").unlink()
    (folder / "samples-1.csv").unlink()
    before = (folder / "parts" / "reconstruction.json").stat().st_mtime_ns
    monkeypatch.setattr(moses, "measure_reconstruction", None)
    assert run_benchmark(model, SMALL, tmp_path, workers=1) == folder
    assert json.loads((folder / "parts" / "distribution-1.json").read_text())["result"] == kept["result"]
    assert (folder / "parts" / "reconstruction.json").stat().st_mtime_ns == before
    assert not list(tmp_path.rglob("*.partial"))


def test_own_samples_are_scored(small_moses: None) -> None:
    found = score_samples(["CCO", "OCC", "CCS", None], workers=1)
    assert (found["samples"], found["valid"]["count"], found["unique@1000"]["count"]) == (4, 3, 2)
    assert found["Filters"] == {"count": 2, "of": 3, "fraction": 2 / 3} and found["Novelty"]["fraction"] == 1.0
    assert found["weight"] > 200, "far lighter than a test molecule"
    assert 0 < found["SNN/TestSF"] < 0.5 and found["Scaf/Test"] != found["Scaf/Test"], "no scaffold to compare"


def test_another_setting_is_another_folder(small_moses: None, model: TrainedModel, tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    def stop(stage: str, done: int, total: int, figures: Any = None) -> None:
        raise Stop

    for settings in (SMALL, BenchmarkSettings(samples=61, seeds=2, reconstructions=20, targets=20, per_value=4)):
        with pytest.raises(Stop):
            run_benchmark(model, settings, tmp_path, workers=1, progress=stop)
    assert len([p for p in (tmp_path / "benchmarks").iterdir() if p.is_dir()]) == 2


def test_protocol_b_and_unknown_targets(model: TrainedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "RANGES", {"logp": (-5.0, 5.0), "mw": (100.0, 400.0)})
    population = np.full((30, 5), np.nan)
    population[:, 0], population[:, 3] = np.linspace(0, 4, 30), np.linspace(200, 350, 30)
    found = targets.run_protocol_b(model.checkpoint, population, 12, targets.Sampling(temperature=0.5), workers=1)
    assert set(found["properties"]) == {"logp", "mw"} and found["valid"]["of"] == 12
    assert found["of"] == found["valid"]["count"] > 0
    again = targets.run_protocol_b(model.checkpoint, population, 12, targets.Sampling(temperature=0.5), workers=1)
    assert json.dumps(found) == json.dumps(again), "a seed repeats it"
    with pytest.raises(UserError, match="not conditioned on qed"):
        targets.draw(model.checkpoint, 2, targets.Sampling(), targets=np.ones((2, 1)), names=["qed"])


def test_figures_as_json() -> None:
    plain = distribution.to_json({"valid": Share(1, 2), "SNN": 0.5})
    assert plain == {"valid": {"count": 1, "of": 2, "fraction": 0.5}, "SNN": 0.5}
    assert distribution.to_number(Share(1, 2)) == 0.5
