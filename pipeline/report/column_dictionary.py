"""The dictionary of the columns of candidates.csv: what each one means, its unit, and where its values come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from pipeline.chemistry.fingerprints import ECFP4_2048, SIMULATED_COUNTS
from pipeline.report.facts.part import Part
from pipeline.report.model import Report
from pipeline.report.shown_properties import (
    COMPUTED,
    ORACLE,
    PREDICTED,
    ShownProperty,
    collect_properties,
    list_own_columns,
    list_value_columns,
)
from pipeline.workspace.presentation.value_columns import NEAREST_MEASURED, split_value_column

MEASURED = "measured"
"""The basis of a value of the nearest measured molecule, beside those of the candidates' own values."""
_STD = "_std"
_MEANINGS = {
    "rank": "The place among the candidates; 1 is the best.",
    "smiles": "The structure as canonical SMILES.",
    "inchikey": "The InChIKey of the structure.",
    "score": "What the candidates are ranked by; more is better, also where a value is to be low.",
    "hit_probability": "The model's own probability that a measurement reaches every goal, from 0 to 1.",
    "within_target": "Whether every objective is met; a predicted value may be within and the measured one outside.",
    "novel": "Whether the molecule is neither in the training data nor among those that earlier runs proposed.",
    "novel_stereo_blind": "The same as `novel` with stereo, isotopes and charge ignored.",
    "in_domain": "Whether the molecule is similar enough to a measured one for a prediction to count.",
    "proposed_before": "Whether an earlier run of the candidate library proposed the molecule.",
    "alerts": "The names of PAINS and BRENK alerts, with semicolons between.",
    "unusual": "The names of what is unusual in the structure, with semicolons between.",
    "unusual_atoms": "For each name in `unusual` the numbers of its atoms in `smiles`, from 0 on.",
    "scaffold": "The Bemis-Murcko scaffold as SMILES without stereo; empty for a molecule without a ring.",
    "undefined_stereo": "The number of centers and double bonds whose configuration is not said.",
    "nearest_training_smiles": "The most similar training molecule.",
    "nearest_training_similarity": f"The Tanimoto similarity to it, of {ECFP4_2048.description}.",
    "distance_to_training": "The distance to the training data in the latent space; 1 is as far as molecules of the data lie apart.",
    "similarity_to_measured": f"The Tanimoto similarity to the nearest measured molecule, of {SIMULATED_COUNTS.description}.",
    f"{NEAREST_MEASURED}smiles": "The most similar measured molecule.",
    f"{NEAREST_MEASURED}similarity": f"The Tanimoto similarity to it, of {ECFP4_2048.description}.",
    f"{NEAREST_MEASURED}row": "The row of the data in which it stands.",
    "sample": "The number of the sample that the molecule was drawn as.",
    "selfies": "The structure as SELFIES, as the model wrote it.",
    "strategy": "The strategy that made the molecule.",
    "origin": "The move or search center that proposed the molecule.",
    "parent": "The molecule that it was made from.",
    "parent_similarity": f"The Tanimoto similarity to the parent, of {ECFP4_2048.description}.",
    "order": "The number of its oracle call, from 0 on.",
    "round": "The round of the search in which it was asked about.",
    "seconds": "The seconds from the start of the search to its oracle call.",
    "acquisition": "What a measurement of the molecule is expected to be worth, on the scale of the score.",
    "batch": "The place at which the molecule was chosen for the batch.",
    "library_row": "The row of the library in which the molecule stands.",
    "isomers": "The number of its stereoisomers, at most.",
}  # fmt: skip

_LABELS = {
    "rank": "rank",
    "hit_probability": "chance of a hit",
    "novel_stereo_blind": "novel, stereo ignored",
    "undefined_stereo": "undefined stereo",
    "nearest_training_smiles": "nearest training molecule",
    "nearest_training_similarity": "similarity to training",
    "distance_to_training": "latent distance to training",
    "similarity_to_measured": "similarity to measured, with counts",
    f"{NEAREST_MEASURED}smiles": "nearest measured molecule",
    f"{NEAREST_MEASURED}similarity": "similarity to measured",
    f"{NEAREST_MEASURED}row": "its row",
    "parent_similarity": "similarity to parent",
    "inchikey": "InChIKey",
    "smiles": "SMILES",
    "selfies": "SELFIES",
    "within_target": "within target",
}


class ColumnEntry(Part):
    """The entry of a column in the dictionary."""

    column: str = ""
    label: str = ""
    """The name as a page shows it."""
    meaning: str = ""
    basis: str = ""
    """"computed", "predicted", "by your oracle" or "measured"; "" where the column holds no value of a property."""
    unit: str = ""
    property: str = ""
    """The property whose value, or whose standard deviation, the column holds; "" for another column."""


def describe_columns(columns: Sequence[str], report: Report) -> list[ColumnEntry]:
    """Describe the columns of candidates.csv, each with its meaning, in the order given.

    Args:
        columns: The names of the columns.
        report: The report of the run, which knows properties, units and the columns of a library.
    """
    properties = collect_properties(report)
    raws = {log.name_raw(): log for log in report.logarithms}
    own = set(list_own_columns(report))
    values = list_value_columns(columns, report)
    measured = {c.property.name: c.property.unit for c in values if c.basis == PREDICTED}
    measured |= {name: log.unit for name, log in raws.items() if name in measured}
    entries = []
    for column in columns:
        name, basis = split_value_column(column.removesuffix(_STD))
        if column in own:
            entries.append(ColumnEntry(column=column, label=column, meaning="A column of the library, as it came."))
        elif column in _MEANINGS:
            label = _LABELS.get(column, column.replace("_", " "))
            entries.append(ColumnEntry(column=column, label=label, meaning=_MEANINGS[column]))
        elif column.startswith(NEAREST_MEASURED):
            entries.append(_describe_neighbor(column, measured))
        elif basis and name in raws:
            log = raws[name]
            what = f"{log.property} turned back into {log.column}{f' in {log.unit}' if log.unit else ''}."
            entries.append(
                ColumnEntry(column=column, label=log.column, meaning=what, basis=basis, unit=log.unit, property=name)
            )
        elif basis:
            entries.append(_describe_value(column, name, basis, properties))
        else:
            entries.append(ColumnEntry(column=column, label=column))
    return entries


def _describe_neighbor(column: str, measured: Mapping[str, str]) -> ColumnEntry:
    """Describe a column of the nearest measured molecule: one of `measured`, with its unit, or one of the user's own."""
    what = column.removeprefix(NEAREST_MEASURED)
    meaning = f"{what} of the nearest measured molecule, as the data has it."
    basis = MEASURED if what in measured else ""
    return ColumnEntry(column=column, label=f"its {what}", meaning=meaning, basis=basis, unit=measured.get(what, ""))


def _describe_value(column: str, name: str, basis: str, properties: Mapping[str, ShownProperty]) -> ColumnEntry:
    """Describe a column that holds a property's value or its standard deviation."""
    known = properties.get(name) or ShownProperty(name)
    source = known.name_basis(basis)
    how = {
        PREDICTED: "predicted by the model",
        COMPUTED: "computed from the structure",
        ORACLE: "given by your oracle",
    }.get(source, source)
    is_spread = column.endswith(_STD)
    meaning = f"The standard deviation of the predicted {known.label}." if is_spread else f"{known.label}, {how}."
    label = f"± {known.label}" if is_spread else known.label
    return ColumnEntry(column=column, label=label, meaning=meaning, basis=source, unit=known.unit, property=name)


def make_dictionary(entries: Sequence[ColumnEntry]) -> pd.DataFrame:
    """Put the entries together as the table that stands beside an export: column, meaning, basis and unit."""
    rows = [{"column": e.column, "meaning": e.meaning, "basis": e.basis, "unit": e.unit} for e in entries]
    return pd.DataFrame(rows, columns=["column", "meaning", "basis", "unit"])
