"""Makes the table of the best molecules of a library, and of those that are chosen, with the library's own columns."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from chem_vae.progress import Progress
from pipeline.chemistry.molecule import Molecule
from pipeline.chemistry.properties import PROPERTIES
from pipeline.generation.acquisition.acquisition_search import build_table
from pipeline.generation.annotate import annotate
from pipeline.generation.screening.library_account import LibraryAccount
from pipeline.generation.screening.library_scoring import ComputedScore, KeptRow, LibraryScorer
from pipeline.models.spelling import encode_valid
from pipeline.models.trained_model import TrainedModel
from pipeline.objectives.desirability import ResolvedObjective, score
from pipeline.workspace.presentation.column_names import rename_taken

LIBRARY = "library"
"""The value of the column `strategy` for molecules that were chosen from a library."""


def build_library_table(scorer: LibraryScorer, best: Sequence[KeptRow]) -> pd.DataFrame:
    """Build the table of the best molecules of a library, with the columns that `choose_batch` and the report need."""
    molecules = [Molecule(row.smiles, row.inchikey) for row in best]
    rows = pd.DataFrame({"molecule": molecules, "origin": LIBRARY, "parent": None})
    if scorer.worth is None:
        table = _compute_table(scorer, scorer.computed, molecules)
    else:
        table = build_table(scorer.worth, rows).drop(columns=["origin", "parent"])
    table["strategy"] = LIBRARY
    return table


def annotate_batch(
    molecules: pd.DataFrame,
    model: TrainedModel,
    objectives: Sequence[ResolvedObjective],
    usual: Collection[str],
    progress: Progress,
) -> pd.DataFrame:
    """Annotate the molecules of the batch, which alone are shown."""
    aimed = {w.summary.name for w in objectives}
    others = [p.name for p in model.properties if p.kind == "computed" and p.name not in aimed and p.name in PROPERTIES]
    batch = molecules.index[molecules["batch"].notna()]
    return annotate(molecules, batch, (), others, n=len(batch), usual=usual, progress=progress)


def _compute_table(scorer: LibraryScorer, computed: ComputedScore, molecules: Sequence[Molecule]) -> pd.DataFrame:
    """Build the table where all objectives are computed from the structure."""
    values = computed.compute(molecules)
    scores = score(computed.objectives, values, len(molecules))
    hits = [w.find_hits(values[w.summary.name]) for w in computed.objectives]
    return pd.DataFrame(
        {
            "smiles": [m.smiles for m in molecules],
            "inchikey": [m.inchikey for m in molecules],
            "acquisition": scores,
            "sample": np.arange(len(molecules)),
            "strategy": LIBRARY,
            "z": list(encode_valid(scorer.model.checkpoint, molecules)),
            "molecule": list(molecules),
            **{f"{name}_computed": column for name, column in values.items()},
            "score": scores,
            "within_target": np.logical_and.reduce(hits),
            "in_domain": True,
        }
    )


def add_library_columns(
    candidates: pd.DataFrame, cells: Mapping[str, KeptRow], account: LibraryAccount
) -> pd.DataFrame:
    """Put the row in the library, the SMILES as it stands there, what was changed of it, and the library's own columns behind the InChIKey.

    A column whose name is taken gets `.library` behind it, and a number where that is taken too.
    """
    rows = [cells[key] for key in candidates["inchikey"]]
    added: dict[str, list[Any]] = {
        f"{LIBRARY}_{account.numbers.word}": [account.numbers.number(row.row) for row in rows],
        f"{LIBRARY}_smiles": [row.given for row in rows],
        f"{LIBRARY}_changes": [row.changes for row in rows],
    }
    if not any(row.given for row in rows):  # mol blocks
        del added[f"{LIBRARY}_smiles"]
    taken = {*candidates.columns, *added}
    names = rename_taken(account.columns, taken, LIBRARY)
    added |= {shown: [row.cells.get(name) for row in rows] for name, shown in names.items()}
    account.columns = list(names.values())
    at = candidates.columns.tolist().index("inchikey") + 1
    before, after = candidates.iloc[:, :at], candidates.iloc[:, at:]
    return pd.concat([before, pd.DataFrame(added, index=candidates.index, dtype=object), after], axis=1)
