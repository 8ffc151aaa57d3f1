"""Lead optimization: searches for better molecules that are still similar to a start."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from rdkit import Chem

from chem_vae.errors import UserError
from chem_vae.progress import Progress, silent
from pipeline.chemistry.fingerprints import ECFP4_2048, tanimoto
from pipeline.chemistry.molecule import parse_mols
from pipeline.chemistry.named_molecules import read_named_molecule
from pipeline.models.trained_model import TrainedModel, load_model
from pipeline.objectives.config import Constraint, Objective
from pipeline.optimization.config import OptimizeConfig
from pipeline.optimization.loop import optimize
from pipeline.optimization.result import Optimization
from pipeline.oracles.base import Oracle


@dataclass(frozen=True)
class Lead:
    """The result of a lead optimization."""

    start: str
    """Canonical SMILES."""
    start_score: float
    """NaN where the oracle gave none."""
    analogues: pd.DataFrame
    """Every scored molecule but the start, best first, with its similarity to the start and the columns of `Optimization.calls`."""
    found: Optimization

    @property
    def best(self) -> str:
        """The SMILES of the best analogue, or of the start where none is better."""
        return str(self.analogues["smiles"].iloc[0]) if self.improvement > 0 else self.start

    @property
    def improvement(self) -> float:
        """The best analogue's score minus the start's; 0 where none is better, NaN where the start has no score."""
        if math.isnan(self.start_score):
            return math.nan
        highest = float(self.analogues["score"].iloc[0]) if len(self.analogues) else self.start_score
        return max(0.0, highest - self.start_score)


def improve(
    model: TrainedModel | str | Path,
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
    """Search for the best molecules that are similar to a start.

    >>> improve(load_model("moses"), "CC(=O)Nc1ccc(O)cc1", "qed", similarity=0.6).best  # doctest: +SKIP

    The similarity is Tanimoto of ECFP4 (Morgan, radius 2, 2048 bits), as Jin et al. 2019 (arXiv:1812.01070) take it. The
    start is the first call.

    Args:
        model: The trained model, or what `load_model` takes.
        smiles: The start.
        objectives: Objectives by endpoint of the oracle or computed property; a name alone is to be as high as possible.
        similarity: The least similarity to the start, 0 to 1.
        calls: The number of oracle calls.
        oracle: An Oracle or a function from a list of SMILES to numbers; the computed properties when None.
        folder: Keeps the log, so that a killed run can go on; a temporary folder when None.
        progress: Told each stage of the work.
        **settings: Further fields of OptimizeConfig; constraints are added to the similarity's.

    Returns:
        The analogues, best first, beside the start and its score.

    Raises:
        UserError: The start is refused, is no text, or has no SELFIES string; and what `optimize` raises.
    """
    if not isinstance(smiles, str):
        raise UserError(f"the start is one SMILES, not a value of type {type(smiles).__name__}")
    model = load_model(model)
    mol = read_named_molecule(smiles, "start", model.standardize_options).mol
    wanted = {objectives: Objective(maximize=True)} if isinstance(objectives, str) else dict(objectives)
    alike = Constraint(similarity_to=(smiles,), at_least=similarity)
    settings["constraints"] = (alike, *settings.get("constraints", ()))
    told = {"oracle_calls": calls, "objectives": wanted, "seeds": (smiles,), **settings}
    config = OptimizeConfig.from_values(told)
    if folder is not None:
        found = optimize(model, config, folder, oracle=oracle, progress=progress)
    else:
        with tempfile.TemporaryDirectory() as kept:
            found = optimize(model, config, Path(kept), oracle=oracle, progress=progress)
    return _collect(mol, found)


def _collect(mol: Chem.Mol, found: Optimization) -> Lead:
    bits = ECFP4_2048.bits(mol)
    first = found.calls["origin"] == "seed"
    scored = found.calls[~first & found.calls["score"].notna()]
    analogues = scored.sort_values(["score", "order"], ascending=[False, True], kind="stable").reset_index(drop=True)
    alike = [tanimoto(bits, ECFP4_2048.bits(m)) for m in parse_mols(analogues["smiles"]) if m is not None]
    analogues.insert(3, "similarity", pd.Series(alike, dtype=float))
    starts = found.calls.loc[first, "score"]
    return Lead(Chem.MolToSmiles(mol), float(starts.iloc[0]) if len(starts) else math.nan, analogues, found)
