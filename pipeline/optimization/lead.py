"""Lead optimization: better molecules that are still like the one that there is."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from rdkit import Chem, rdBase

from chem_vae.errors import UserError
from chem_vae.progress import Progress, silent
from pipeline.chemistry.fingerprints import ECFP4_2048, tanimoto
from pipeline.models.trained_model import TrainedModel
from pipeline.objectives.config import Constraint, Objective
from pipeline.optimization.config import OptimizeConfig
from pipeline.optimization.loop import optimize
from pipeline.optimization.result import Optimization
from pipeline.oracles.base import Oracle


@dataclass(frozen=True)
class Lead:
    """What became of a start."""

    start: str
    """Canonical SMILES."""
    start_score: float
    """NaN where the oracle gave none."""
    analogues: pd.DataFrame
    """Every scored molecule but the start, best first: smiles, score, similarity (to the start), order (of the call), and the
    other columns of `Optimization.calls`."""
    found: Optimization

    @property
    def best(self) -> str:
        """The best analogue, or the start where none is better."""
        return str(self.analogues["smiles"].iloc[0]) if self.improvement > 0 else self.start

    @property
    def improvement(self) -> float:
        """The best analogue's score less the start's; 0 where none is better, NaN where the start has no score."""
        if math.isnan(self.start_score):
            return math.nan
        highest = float(self.analogues["score"].iloc[0]) if len(self.analogues) else self.start_score
        return max(0.0, highest - self.start_score)


def improve(
    model: TrainedModel,
    smiles: str,
    objectives: Mapping[str, Objective] | str = "qed",
    *,
    similarity: float = 0.4,
    calls: int = 200,
    oracle: Oracle | Callable[[list[str]], Any] | None = None,
    folder: Path | None = None,
    progress: Progress = silent,
    **settings: Any,
) -> Lead:
    """The best molecules that `calls` oracle calls find among those like a start.

    >>> improve(load_model("moses"), "CC(=O)Nc1ccc(O)cc1", "qed", similarity=0.6).best  # doctest: +SKIP

    objectives: by endpoint of the oracle or computed property; a name alone is to be as high as possible. similarity:
    Tanimoto of ECFP4 (Morgan, radius 2, 2048 bits) to the start at least, as Jin et al. 2019 (arXiv:1812.01070) take it.
    The start is the first call. folder: of the log, so that a killed run goes on; none is kept when not given. settings: fields
    of OptimizeConfig; constraints are added to the similarity's.

    Raises UserError for a start that cannot be read, or spelled as SELFIES, and what `optimize` raises.
    """
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles)
    if mol is None or not mol.GetNumAtoms():
        raise UserError(f"the start {smiles!r} is no molecule that RDKit can read")
    wanted = {objectives: Objective(maximize=True)} if isinstance(objectives, str) else dict(objectives)
    alike = Constraint(similarity_to=(smiles,), at_least=similarity)
    settings["constraints"] = (alike, *settings.get("constraints", ()))
    told = {"oracle_calls": calls, "objectives": wanted, "seeds": (smiles,), **settings}
    config = OptimizeConfig.model_validate(told)
    if folder is not None:
        found = optimize(model, config, folder, oracle=oracle, progress=progress)
    else:
        with tempfile.TemporaryDirectory() as kept:
            found = optimize(model, config, Path(kept), oracle=oracle, progress=progress)
    return _lead(mol, found)


def _lead(mol: Chem.Mol, found: Optimization) -> Lead:
    bits = ECFP4_2048.bits(mol)
    first = found.calls["origin"] == "seed"
    scored = found.calls[~first & found.calls["score"].notna()]
    analogues = scored.sort_values(["score", "order"], ascending=[False, True], kind="stable").reset_index(drop=True)
    with rdBase.BlockLogs():
        alike = [tanimoto(bits, ECFP4_2048.bits(Chem.MolFromSmiles(s))) for s in analogues["smiles"]]
    analogues.insert(3, "similarity", pd.Series(alike, dtype=float))
    starts = found.calls.loc[first, "score"]
    return Lead(Chem.MolToSmiles(mol), float(starts.iloc[0]) if len(starts) else math.nan, analogues, found)
