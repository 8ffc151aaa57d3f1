"""The 23 tasks of the PMO benchmark as oracles: a list of SMILES in, a list of scores out.

Practical molecular optimization (Gao et al. 2022, arXiv:2206.12411) takes them from GuacaMol (Brown et al. 2019,
doi:10.1021/acs.jcim.8b00839) in the form that TDC gives them (Huang et al. 2021, arXiv:2102.09548, `tdc.Oracle`), which is
followed here to the digit. Three of them (drd2, gsk3b, jnk3) are models of measured activities: `activity_models.py` evaluates
them from arrays that `convert_activity_models.py` makes once.

    from pmo_tasks import osimertinib_mpo   # as an oracle: pmo_tasks:osimertinib_mpo
    osimertinib_mpo(["CCO"])
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from activity_models import NAMES, predict_activity
from rdkit import Chem, DataStructs, rdBase
from rdkit.Chem import GraphDescriptors, Mol, rdFingerprintGenerator, rdMolDescriptors

from chem_vae.errors import unknown_name
from pipeline.chemistry.properties import get_property

Score = Callable[[Mol], float]
Kind = Literal["ECFP4", "ECFP6", "FCFP4", "AP", "PHCO"]
"""Counts of unhashed Morgan environments (by atoms, or by features: FCFP) or of atom pairs; pharmacophore bits."""


@dataclass(frozen=True)
class Task:
    """One task. Scores are in 0..1, higher is better."""

    name: str
    score: Score
    best: float | None = None
    """The highest score that a molecule can have, where that is known."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "__qualname__", self.name)  # an oracle made of it is called by it, as of a function

    def __call__(self, smiles: Sequence[str]) -> list[float]:
        """Score each SMILES; NaN where it is no molecule."""
        with rdBase.BlockLogs():
            return [self._one(text) for text in smiles]

    def _one(self, text: str) -> float:
        mol = Chem.MolFromSmiles(text) if isinstance(text, str) else None
        return float(self.score(mol)) if mol is not None and mol.GetNumAtoms() else math.nan


TASKS: dict[str, Task] = {}
"""PMO's names of tasks -> the functions."""


def task(name: str) -> Task:
    """Find the task of that name. Raises UserError that lists what there is."""
    if name not in TASKS:
        raise unknown_name("PMO task", name, TASKS)
    return TASKS[name]


def _task(name: str, score: Score, best: float | None = None) -> Task:
    TASKS[name] = Task(name, score, best)
    return TASKS[name]


# -- what scores are made of (GuacaMol's names in brackets) -------------------------------------------------------------


def clipped(upper: float) -> Callable[[float], float]:
    """Linear from 0 at 0 to 1 at `upper`, and 1 beyond (ClippedScoreModifier)."""
    return lambda x: min(max(x / upper, 0.0), 1.0)


def gaussian(mu: float, sigma: float, side: Literal["both", "below", "above"] = "both") -> Callable[[float], float]:
    """Compute a bell around mu. "below": 1 wherever x <= mu (MinGaussianModifier); "above": 1 wherever x >= mu (MaxGaussian...)."""

    def bell(x: float) -> float:
        if (side == "below" and x <= mu) or (side == "above" and x >= mu):
            return 1.0
        return math.exp(-0.5 * ((x - mu) / sigma) ** 2)

    return bell


def geometric(*scores: float) -> float:
    """Compute the geometric mean; 0 where one is 0."""
    return math.exp(sum(map(math.log, scores)) / len(scores)) if all(s > 0 for s in scores) else 0.0


@functools.cache
def _generator(kind: Kind) -> Any:
    if kind == "AP":
        return rdFingerprintGenerator.GetAtomPairGenerator(maxDistance=10)
    if kind == "FCFP4":
        features = rdFingerprintGenerator.GetMorganFeatureAtomInvGen()
        return rdFingerprintGenerator.GetMorganGenerator(radius=2, atomInvariantsGenerator=features)
    return rdFingerprintGenerator.GetMorganGenerator(radius={"ECFP4": 2, "ECFP6": 3}[kind])


def _fingerprint(mol: Mol, kind: Kind) -> Any:
    if kind == "PHCO":
        from rdkit.Chem.Pharm2D import Generate, Gobbi_Pharm2D

        return Generate.Gen2DFingerprint(mol, Gobbi_Pharm2D.factory)
    return _generator(kind).GetSparseCountFingerprint(mol)


@functools.cache
def _target(smiles: str, kind: Kind) -> Any:
    return _fingerprint(Chem.MolFromSmiles(smiles), kind)


def similarity(smiles: str, kind: Kind) -> Score:
    """Tanimoto similarity to a molecule."""
    return lambda mol: DataStructs.TanimotoSimilarity(_target(smiles, kind), _fingerprint(mol, kind))


def isomer(formula: str) -> Score:
    """Score the nearness of the molecular formula: the geometric mean of a bell (sigma 1) for each element and one (sigma 2) for the
    number of atoms, hydrogens counted."""
    wanted = {symbol: int(count or 1) for symbol, count in re.findall(r"([A-Z][a-z]*)(\d*)", formula)}
    bells = {symbol: gaussian(count, 1.0) for symbol, count in wanted.items()}
    total = gaussian(sum(wanted.values()), 2.0)

    def score(mol: Mol) -> float:
        symbols = [atom.GetSymbol() for atom in Chem.AddHs(mol).GetAtoms()]
        return geometric(*(bell(symbols.count(symbol)) for symbol, bell in bells.items()), total(len(symbols)))

    return score


def has(smarts: str, present: bool = True) -> Score:
    """1 where the substructure is there (or is not, if it is not to be), else 0."""
    pattern = Chem.MolFromSmarts(smarts)
    return lambda mol: float(mol.HasSubstructMatch(pattern) == present)


def _tpsa(mol: Mol) -> float:
    return float(rdMolDescriptors.CalcTPSA(mol))


def _logp(mol: Mol) -> float:
    return float(rdMolDescriptors.CalcCrippenDescriptors(mol)[0])


def _product(*parts: tuple[Score, Callable[[float], float]]) -> Score:
    """Compute the geometric mean of values, each with its modifier."""
    return lambda mol: geometric(*(modifier(value(mol)) for value, modifier in parts))


def _mean(*parts: tuple[Score, Callable[[float], float]]) -> Score:
    return lambda mol: sum(modifier(value(mol)) for value, modifier in parts) / len(parts)


def _same(x: float) -> float:
    return x


# -- the tasks --------------------------------------------------------------------------------------------------------

qed = _task("qed", lambda mol: get_property("qed")(mol))

celecoxib_rediscovery = _task(
    "celecoxib_rediscovery", similarity("CC1=CC=C(C=C1)C1=CC(=NN1C1=CC=C(C=C1)S(N)(=O)=O)C(F)(F)F", "ECFP4"), 1.0
)
troglitazone_rediscovery = _task(
    "troglitazone_rediscovery", similarity("Cc1c(C)c2OC(C)(COc3ccc(CC4SC(=O)NC4=O)cc3)CCc2c(C)c1O", "ECFP4"), 1.0
)
thiothixene_rediscovery = _task(
    "thiothixene_rediscovery", similarity("CN(C)S(=O)(=O)c1ccc2Sc3ccccc3C(=CCCN4CCN(C)CC4)c2c1", "ECFP4"), 1.0
)
albuterol_similarity = _task(
    "albuterol_similarity", _product((similarity("CC(C)(C)NCC(O)c1ccc(O)c(CO)c1", "FCFP4"), clipped(0.75))), 1.0
)
mestranol_similarity = _task(
    "mestranol_similarity",
    _product((similarity("COc1ccc2[C@H]3CC[C@@]4(C)[C@@H](CC[C@@]4(O)C#C)[C@@H]3CCc2c1", "AP"), clipped(0.75))),
    1.0,
)
median1 = _task(
    "median1",
    _product(
        (similarity("CC1(C)C2CCC1(C)C(=O)C2", "ECFP4"), _same),  # camphor
        (similarity("CC(C)C1CCC(C)CC1O", "ECFP4"), _same),  # menthol
    ),
)
median2 = _task(
    "median2",
    _product(
        (similarity("O=C1N(CC(N2C1CC3=C(C2C4=CC5=C(OCO5)C=C4)NC6=C3C=CC=C6)=O)C", "ECFP6"), _same),  # tadalafil
        (similarity("CCCC1=NN(C2=C1N=C(NC2=O)C3=C(C=CC(=C3)S(=O)(=O)N4CCN(CC4)C)OCC)C", "ECFP6"), _same),  # sildenafil
    ),
)
isomers_c7h8n2o2 = _task("isomers_c7h8n2o2", isomer("C7H8N2O2"), 1.0)
isomers_c9h10n2o2pf2cl = _task("isomers_c9h10n2o2pf2cl", isomer("C9H10N2O2PF2Cl"), 1.0)

_OSIMERTINIB = "COc1cc(N(C)CCN(C)C)c(NC(=O)C=C)cc1Nc2nccc(n2)c3cn(C)c4ccccc34"
osimertinib_mpo = _task(
    "osimertinib_mpo",
    _product(
        (_tpsa, gaussian(100, 10, "above")),
        (_logp, gaussian(1, 1, "below")),
        (similarity(_OSIMERTINIB, "FCFP4"), clipped(0.8)),
        (similarity(_OSIMERTINIB, "ECFP6"), gaussian(0.85, 0.1, "below")),
    ),
)
fexofenadine_mpo = _task(
    "fexofenadine_mpo",
    _product(
        (_tpsa, gaussian(90, 10, "above")),
        (_logp, gaussian(4, 1, "below")),
        (similarity("CC(C)(C(=O)O)c1ccc(cc1)C(O)CCCN2CCC(CC2)C(O)(c3ccccc3)c4ccccc4", "AP"), clipped(0.8)),
    ),
)
ranolazine_mpo = _task(
    "ranolazine_mpo",
    _product(
        (_tpsa, gaussian(95, 20, "above")),
        (_logp, gaussian(7, 1, "above")),
        (similarity("COc1ccccc1OCC(O)CN2CCN(CC(=O)Nc3c(C)cccc3C)CC2", "AP"), clipped(0.7)),
        (lambda mol: sum(atom.GetAtomicNum() == 9 for atom in mol.GetAtoms()), gaussian(1, 1)),
    ),
)
perindopril_mpo = _task(
    "perindopril_mpo",
    _product(
        (similarity("O=C(OCC)C(NC(C(=O)N1C(C(=O)O)CC2CCCCC12)C)CCC", "ECFP4"), _same),
        (lambda mol: float(rdMolDescriptors.CalcNumAromaticRings(mol)), gaussian(2, 0.5)),
    ),
)
amlodipine_mpo = _task(
    "amlodipine_mpo",
    _product(
        (similarity("Clc1ccccc1C2C(=C(/N/C(=C2/C(=O)OCC)COCCN)C)\\C(=O)OC", "ECFP4"), _same),
        (lambda mol: float(rdMolDescriptors.CalcNumRings(mol)), gaussian(3, 0.5)),
    ),
)
zaleplon_mpo = _task(
    "zaleplon_mpo",
    _product(
        (similarity("O=C(C)N(CC)C1=CC=CC(C2=CC=NC3=C(C=NN23)C#N)=C1", "ECFP4"), _same), (isomer("C19H17N3O2"), _same)
    ),
)  # fmt: skip


@functools.cache
def _sitagliptin(value: Callable[[Mol], float]) -> float:
    return value(Chem.MolFromSmiles("Fc1cc(c(F)cc1F)CC(N)CC(=O)N3Cc2nnc(n2CC3)C(F)(F)F"))


def _like_sitagliptin(value: Callable[[Mol], float], sigma: float) -> tuple[Score, Callable[[float], float]]:
    return (lambda mol: value(mol) - _sitagliptin(value)), gaussian(0, sigma)


sitagliptin_mpo = _task(
    "sitagliptin_mpo",
    _product(
        (similarity("Fc1cc(c(F)cc1F)CC(N)CC(=O)N3Cc2nnc(n2CC3)C(F)(F)F", "ECFP4"), gaussian(0, 0.1)),
        _like_sitagliptin(_logp, 0.2),
        _like_sitagliptin(_tpsa, 5),
        (isomer("C16H15F6N5O"), _same),
    ),
)
valsartan_smarts = _task(
    "valsartan_smarts",
    _product(
        (has("CN(C=O)Cc1ccc(c2ccccc2)cc1"), _same),
        _like_sitagliptin(_tpsa, 5),
        _like_sitagliptin(_logp, 0.2),
        _like_sitagliptin(GraphDescriptors.BertzCT, 30),
    ),
)

_HOP_FROM = "CCCOc1cc2ncnc(Nc3ccc4ncsc4c3)c2cc1S(=O)(=O)C(C)(C)C"
_HOP_SCAFFOLD = "[#7]-c1n[c;h1]nc2[c;h1]c(-[#8])[c;h0][c;h1]c12"
deco_hop = _task(
    "deco_hop",
    _mean(
        (similarity(_HOP_FROM, "PHCO"), clipped(0.85)),
        (has("CS([#6])(=O)=O", present=False), _same),
        (has("[#7]-c1ccc2ncsc2c1", present=False), _same),
        (has(_HOP_SCAFFOLD), _same),
    ),
    1.0,
)
scaffold_hop = _task(
    "scaffold_hop",
    _mean(
        (similarity(_HOP_FROM, "PHCO"), clipped(0.75)),
        (has("[#6]-[#6]-[#6]-[#8]-[#6]~[#6]~[#6]~[#6]~[#6]-[#7]-c1ccc2ncsc2c1"), _same),
        (has(_HOP_SCAFFOLD, present=False), _same),
    ),
    1.0,
)


def _activity(name: str) -> Score:
    """Score by a model of measured activities."""
    return lambda mol: float(predict_activity(name, [mol])[0])


drd2, gsk3b, jnk3 = (_task(name, _activity(name)) for name in NAMES)
