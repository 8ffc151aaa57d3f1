"""PMO: scores that can be worked out by hand, and figures that match the published code's arithmetic."""

from __future__ import annotations

import math

import numpy as np
import pmo_tasks
import pytest
from activity_models import NAMES
from pmo_protocol import PUBLISHED, best_known, calls_to_reach, markdown, measure, top_auc
from pmo_tasks import TASKS, clipped, gaussian, geometric, task
from rdkit import Chem

from chem_vae.errors import UserError
from pipeline.chemistry.properties import get_property
from pipeline.oracles.function import FunctionOracle, load_function

CELECOXIB = "CC1=CC=C(C=C1)C1=CC(=NN1C1=CC=C(C=C1)S(N)(=O)=O)C(F)(F)F"
OSIMERTINIB = "COc1cc(N(C)CCN(C)C)c(NC(=O)C=C)cc1Nc2nccc(n2)c3cn(C)c4ccccc34"
TARGETS = {
    "celecoxib_rediscovery": CELECOXIB,
    "troglitazone_rediscovery": "Cc1c(C)c2OC(C)(COc3ccc(CC4SC(=O)NC4=O)cc3)CCc2c(C)c1O",
    "thiothixene_rediscovery": "CN(C)S(=O)(=O)c1ccc2Sc3ccccc3C(=CCCN4CCN(C)CC4)c2c1",
    "albuterol_similarity": "CC(C)(C)NCC(O)c1ccc(O)c(CO)c1",
    "mestranol_similarity": "COc1ccc2[C@H]3CC[C@@]4(C)[C@@H](CC[C@@]4(O)C#C)[C@@H]3CCc2c1",
}


def _score(name: str, smiles: str) -> float:
    return task(name)([smiles])[0]


@pytest.mark.parametrize("name", TARGETS)
def test_the_target_scores_one(name: str) -> None:
    assert _score(name, TARGETS[name]) == 1.0
    assert _score(name, "CC(=O)Oc1ccccc1C(=O)O") < 0.5


def test_published_formulas_on_known_molecules() -> None:
    """Worked out with RDKit's older fingerprint functions and numpy from the formulas of TDC."""
    aspirin = "CC(=O)OC1=CC=CC=C1C(=O)O"
    wanted = {
        "celecoxib_rediscovery": 0.1158, "median1": 0.0398, "median2": 0.0955, "osimertinib_mpo": 0.1295, "fexofenadine_mpo": 0.1486,
        "ranolazine_mpo": 0.0073, "perindopril_mpo": 0.1187, "amlodipine_mpo": 0.0085, "isomers_c7h8n2o2": 0.2725,
        "isomers_c9h10n2o2pf2cl": 0.1850, "albuterol_similarity": 0.2353, "mestranol_similarity": 0.0915, "deco_hop": 0.5092,
        "scaffold_hop": 0.3472, "zaleplon_mpo": 0.0000, "sitagliptin_mpo": 0.0002, "valsartan_smarts": 0.0, "qed": 0.5501,
    }  # fmt: skip
    assert {name: round(_score(name, aspirin), 4) for name in wanted} == wanted
    assert len(TASKS) == 23


def test_osimertinib_by_hand() -> None:
    """Itself: both similarities are 1, so one is clipped to 1 and the other is 1.5 sigma beyond 0.85."""
    mol = Chem.MolFromSmiles(OSIMERTINIB)
    tpsa, logp = get_property("tpsa")(mol), get_property("logp")(mol)
    parts = [math.exp(-0.5 * x**2) for x in (0.0, 1.5, logp - 1, (tpsa - 100) / 10)]
    assert _score("osimertinib_mpo", OSIMERTINIB) == pytest.approx(math.prod(parts) ** 0.25)


def test_isomers() -> None:
    assert _score("isomers_c7h8n2o2", "Nc1ccc(C(=O)NO)cc1") == 1.0
    # one carbon and two hydrogens too many: 3 atoms in all
    bells = [math.exp(-0.5), math.exp(-0.5 * 4), 1.0, 1.0, math.exp(-0.5 * (3 / 2) ** 2)]
    assert _score("isomers_c7h8n2o2", "CNc1ccc(C(=O)NO)cc1") == pytest.approx(math.prod(bells) ** 0.2)


def test_hops() -> None:
    start = "CCCOc1cc2ncnc(Nc3ccc4ncsc4c3)c2cc1S(=O)(=O)C(C)(C)C"
    assert _score("scaffold_hop", start) == pytest.approx(
        2 / 3
    )  # like itself, decorated, but the scaffold is not to be there
    assert _score("deco_hop", start) == pytest.approx(
        2 / 4
    )  # like itself, with the scaffold, but with both decorations


def test_what_is_no_molecule_has_no_score() -> None:
    for name in {*TASKS} - {*NAMES}:
        assert all(math.isnan(score) for score in task(name)(["", "nonsense", "c1ccccc"]))
        assert task(name)([]) == []


def test_tasks_by_name() -> None:
    assert all(getattr(pmo_tasks, name) is TASKS[name] for name in TASKS)
    oracle = load_function("pmo_tasks:qed")
    assert oracle is TASKS["qed"] and FunctionOracle(oracle).name == "pmo_tasks:qed"
    with pytest.raises(UserError, match="celecoxib_rediscovery"):
        task("celecoxib_rediscovry")


def test_modifiers() -> None:
    assert [clipped(0.8)(x) for x in (-1, 0, 0.4, 0.8, 2)] == [0, 0, 0.5, 1, 1]
    assert [gaussian(1, 2, "below")(x) for x in (-5, 1, 3)] == [1, 1, math.exp(-0.5)]
    assert [gaussian(1, 2, "above")(x) for x in (-1, 1, 9)] == [math.exp(-0.5), 1, 1]
    assert gaussian(1, 2)(-1) == gaussian(1, 2)(3) == math.exp(-0.5)
    assert geometric(0.25, 1.0) == 0.5 and geometric(0.0, 1.0) == 0.0


def _published_auc(scores: np.ndarray, top: int, every: int, budget: int) -> float:
    """The area as arXiv:2206.12411 defines it, in another way: the integral of the broken line through the logged points."""
    ends = [*range(every, len(scores), every), len(scores)]
    levels = [np.sort(scores[:e])[::-1][:top].mean() for e in ends]
    x, y = [0, *ends], [0.0, *levels]
    if len(scores) < budget:
        x, y = [*x, budget], [*y, levels[-1]]
    return float(np.trapezoid(y, x) / budget)


@pytest.mark.parametrize("n", [1, 99, 100, 101, 950, 1000])
@pytest.mark.parametrize("top", [1, 10, 100])
def test_area_under_the_curve(n: int, top: int) -> None:
    scores = np.random.default_rng(n).random(n)
    assert top_auc(list(scores), top, budget=1000) == pytest.approx(_published_auc(scores, top, 100, 1000), abs=1e-12)


def test_area_of_odd_runs() -> None:
    assert top_auc([], budget=100) == 0.0
    assert top_auc([1.0] * 300, budget=200) == top_auc([1.0] * 200, budget=200) == 0.75  # what is beyond does not count
    assert top_auc([math.nan, 1.0], top=1, budget=2, every=1) == pytest.approx(0.25)
    with pytest.raises(UserError, match="budget"):
        top_auc([1.0], budget=0)


def test_calls_to_reach_a_level() -> None:
    assert calls_to_reach([0.1, math.nan, 0.95], 0.9) == 3
    assert calls_to_reach([0.1, 0.2], 0.9) is None and calls_to_reach([], 0.9) is None
    assert best_known("celecoxib_rediscovery", []) == 1.0
    assert best_known("median1", [[0.1, math.nan], [0.4]]) == 0.4
    with pytest.raises(UserError, match="not known"):
        best_known("median1", [[math.nan]])


def test_figures_of_a_run() -> None:
    scores = [i / 1000 for i in range(250)] + [math.nan]
    figures = measure(scores, task="median1", strategy="genetic", seed=3, budget=1000)
    assert (figures.calls, figures.failed, figures.top1) == (251, 1, 0.249)
    assert figures.top10 == pytest.approx(np.mean(np.arange(240, 250) / 1000))
    assert figures.best == [0.099, 0.199, 0.249] and len(figures.curve) == 3
    assert figures.auc_top10 == top_auc(scores, 10, 1000) and figures.auc_top100 == top_auc(scores, 100, 1000)
    with pytest.raises(UserError, match="no oracle call"):
        measure([], task="median1", strategy="genetic", seed=0)


def test_the_table_says_how_many_seeds() -> None:
    runs = {
        ("median1", "genetic", 0): [0.1, 0.2, 0.4],
        ("median1", "genetic", 1): [0.1, 0.1, 0.2],
        ("median1", "random", 0): [0.1, 0.1, 0.1],
        ("qed", "genetic", 0): [0.9, 0.9, 0.9],
    }
    figures = [
        measure(scores, task=t, strategy=s, seed=seed, budget=10, seconds=30.0, oracle_seconds=10.0)._asdict()
        for (t, s, seed), scores in runs.items()
    ]
    text = markdown(figures, runs)
    lines = text.splitlines()
    genetic = next(line for line in lines if line.startswith("| **genetic**"))
    first, second = (top_auc(runs[("median1", "genetic", seed)], 10, 10) for seed in (0, 1))
    assert f"{(first + second) / 2:.3f} ± " in genetic and "(2) | " in genetic
    assert next(line for line in lines if line.startswith("| **random**")).endswith("(1) | – |")
    assert f"| REINVENT | {PUBLISHED['REINVENT']['median1']:.3f} | {PUBLISHED['REINVENT']['qed']:.3f} |" in lines
    assert "| genetic | 3 (1 of 2) | 1 (1 of 1) |" in lines and "| random | none of 1 | – |" in lines
    assert "median1 (0.360)" in text and "Seconds a run beside the oracle's own: 20 to 20." in text
    assert "reached it" not in markdown(figures)
