"""Treats stereo in candidates: predicts the isomers of those with undefined stereo, and leaves out copies of measured molecules."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pipeline.chemistry.molecule import Molecule, skeleton_key
from pipeline.chemistry.stereo_isomers import enumerate_stereoisomers
from pipeline.datasets.dataset import Dataset
from pipeline.generation.sampling.batch_drawer import evaluate
from pipeline.models.spelling import encode_valid
from pipeline.models.trained_model import TrainedModel
from pipeline.objectives.desirability import ResolvedObjective, score
from pipeline.workspace.presentation.formatting import count_of

NO_COPY = "no stereoisomer of a measured molecule"
"""The stage of the funnel without copies of measured molecules."""
SAME = 1.0 - 1e-6
"""The similarity from which on two molecules have the same fingerprint, which does not see stereo."""


def list_measured_keys(dataset: Dataset | None, objectives: Sequence[ResolvedObjective]) -> set[str]:
    """List the InChIKeys of the molecules with a measured value, or a bound, of every objective that can only be measured."""
    names = [w.summary.name for w in objectives if w.basis == "predicted"]
    if dataset is None or not names or any(name not in dataset.columns for name in names):
        return set()
    beside = {n: [c for c in (n, f"{n}_lower", f"{n}_upper") if c in dataset.columns] for n in names}
    table = dataset.table(["inchikey", *(column for columns in beside.values() for column in columns)])
    measured = np.ones(len(table), dtype=np.bool_)
    for columns in beside.values():
        measured &= np.isfinite(table[columns].to_numpy(dtype=np.float64)).any(axis=1)
    return set(table.loc[measured, "inchikey"])


def find_stereo_copies(molecules: pd.DataFrame, measured: Collection[str]) -> pd.Series:
    """Find the molecules that differ from a measured one only in stereo, isotopes or protonation, or not at all.

    Args:
        molecules: A table with the column `inchikey`; where no measured molecule is known, `similarity_to_measured` decides.
        measured: The InChIKeys of the measured molecules.
    """
    if measured:
        return molecules["inchikey"].map(skeleton_key).isin({skeleton_key(key) for key in measured})
    if "similarity_to_measured" in molecules:
        return molecules["similarity_to_measured"] >= SAME
    return pd.Series(False, index=molecules.index)


def explain_stereo_copies(count: int, of: int) -> str:
    """Say how many molecules were left out as copies of measured ones, and how to let them through."""
    return (
        f"{count_of(count, of, 'new molecule', 'differs', 'differ')} from a measured one only in stereo, isotopes or protonation, and "
        f"{'was' if count == 1 else 'were'} left out; "
        "--set generate.allow_stereo_copies=true lets them through"
    )


def predict_isomers(
    candidates: pd.DataFrame,
    model: TrainedModel,
    objectives: Sequence[ResolvedObjective],
    most: int,
    known: Collection[str] = (),
) -> pd.DataFrame:
    """Enumerate the stereoisomers of the candidates with undefined stereo, and predict each on its own.

    A predictor over substructures does not see stereo, and gives the isomers of one molecule the same value.

    Args:
        candidates: The candidates, with the columns `rank`, `molecule` and `undefined_stereo`.
        model: The trained model.
        objectives: The resolved objectives.
        most: The most isomers of one candidate.
        known: InChIKeys of molecules that are in the data.

    Returns:
        A row for each isomer, those of one parent together and the best first: isomer ("3.1" is the best one of the candidate of rank 3), parent_rank,
        parent, smiles, inchikey, isomers (how many there are at most), in_data, and the values, score and within_target of the objectives.
    """
    rows: list[dict[str, Any]] = []
    undefined = candidates[candidates["undefined_stereo"].fillna(0) > 0]
    for rank, smiles, parent in zip(undefined["rank"], undefined["smiles"], undefined["molecule"], strict=True):
        found, count = enumerate_stereoisomers(parent, most)
        rows += [{"parent_rank": int(rank), "parent": smiles, "smiles": text, "isomers": count} for text in found]
    columns = ["isomer", "parent_rank", "parent", "smiles", "inchikey", "isomers", "in_data"]
    if not rows:
        return pd.DataFrame(columns=columns)
    molecules = [Molecule(row["smiles"]) for row in rows]
    table = pd.DataFrame(rows)
    table["inchikey"] = [m.inchikey for m in molecules]
    table["in_data"] = table["inchikey"].isin(set(known))
    values, deviations = evaluate(model, objectives, molecules, encode_valid(model.checkpoint, molecules))
    within = np.ones(len(rows), dtype=np.bool_)
    for w in objectives:
        name = w.summary.name
        table[f"{name}_{w.basis}"] = values[name]
        if w.basis == "predicted" and not w.summary.classes:
            table[f"{name}_predicted_std"] = deviations[name]
        within &= w.find_hits(values[name])
    table["score"], table["within_target"] = score(objectives, values, len(rows)), within
    table = table.sort_values(["parent_rank", "score", "smiles"], ascending=[True, False, True], kind="stable")
    number = table.groupby("parent_rank").cumcount() + 1
    table["isomer"] = table["parent_rank"].astype(str) + "." + number.astype(str)
    return table[[*columns, *(c for c in table if c not in columns)]].reset_index(drop=True)
