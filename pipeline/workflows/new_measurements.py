"""Reads new measurements, finds what of them is new to a dataset, and writes old and new ones to one file."""

from __future__ import annotations

import math
import shlex
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from chem_vae.atomic_files import write_text
from chem_vae.errors import ChemVAEWarning, UserError
from chem_vae.progress import Progress
from pipeline.datasets.config import IngestConfig, MeasuredProperty
from pipeline.datasets.dataset import Dataset, DatasetProperty
from pipeline.datasets.ingest import ingest
from pipeline.datasets.labels.assay_export import find_assay_columns
from pipeline.datasets.labels.label_checks import find_label_problems
from pipeline.datasets.labels.left_out import LeaveOut
from pipeline.datasets.labels.where import Where, has_column
from pipeline.datasets.readers import Hints
from pipeline.datasets.readers.source import Source
from pipeline.datasets.shard_settings import BESIDE, ROW_OF_SOURCE
from pipeline.workspace.presentation.csv_tables import format_csv
from pipeline.workspace.registry import resolve
from pipeline.workspace.storage.folders import hash_content

OTHER_FILE: dict[str, Any] = {"ingest.delimiter": None, "ingest.encoding": None, "ingest.sheet": None}
"""Settings for the file of new measurements, which may be laid out differently from that of the run."""


def read_measurements(
    old: IngestConfig,
    measured: Sequence[DatasetProperty],
    source: str,
    smiles_column: str | None,
    workspace: Path,
    progress: Progress,
) -> tuple[Dataset, list[str]]:
    """Ingest a file of new measurements by the rules of the data before.

    A property that is learned as a logarithm (pIC50) is read from its raw column (IC50), or, where that is missing, from a column
    of its own name. The words of classes mean what they meant in the data before, also where a round has those of one class alone.

    Returns:
        The dataset of the file, and the names of the properties that it has.

    Raises:
        UserError: If the file has none of the measured columns.
    """
    raw = {p.log.column: p.name for p in measured if p.log is not None}
    wanted = [*(p.name for p in measured), *raw]
    layout = {name: getattr(old, name) for name in ("delimiter", "encoding", "sheet")}
    hints = Hints(smiles_column=smiles_column, columns=tuple(wanted), **layout)
    there = set(Source.open(resolve(source, None, progress).path, hints).read_columns())
    asked: dict[str, MeasuredProperty] = {}
    before = {p.name: p for p in old.measured}
    for p in measured:
        if p.log is not None and p.log.column in there:
            asked[p.name] = MeasuredProperty(name=p.log.column, unit=p.log.raw_unit, log=True)
        elif p.name in there:
            plain = MeasuredProperty(name=p.name, unit="" if p.log else p.unit)
            read_before = plain if p.log else before.get(p.name, plain)
            asked[p.name] = read_before.model_copy(update={"classes": p.classes})
    if not asked:
        raise UserError(
            f"{source} has none of the measured columns {', '.join(wanted)} that the run learned; it has "
            f"{', '.join(sorted(there)) or 'none'}: rename its column, or learn another property with a run of its own: "
            f"chem-vae run --data {shlex.quote(source)} --property NAME --maximize NAME"
        )
    names = {*asked, *(p.name for p in asked.values())}
    config = IngestConfig(
        source=source,
        smiles_column=smiles_column,
        properties=tuple(asked.values()),
        compute=(),
        **layout,
        leave_out=tuple(rule for rule in old.leave_out if LeaveOut.parse(rule).name in names),
        where=tuple(rule for rule in old.where if has_column(rule, there)),
        decimal=old.decimal,
        censored=old.censored,
        assay_columns=old.assay_columns,
        accept_lost_labels=old.accept_lost_labels,
        most_spread=old.most_spread,
        standardize=old.standardize,
        merges=0,
        validation_fraction=0.0,
        test_fraction=0.0,
        workers=1,
    )
    return _ingest_round(config, workspace, progress), list(asked)


def refuse_mixed(dataset: Dataset, fresh: Dataset, names: Sequence[str]) -> None:
    """Raise UserError where a further round has words of two classes for a property that is a number in the data before, or numbers for classes.

    Args:
        dataset: The data before.
        fresh: The dataset of the new file alone.
        names: The measured properties that the new file has.
    """
    for name in names:
        for worded, other in ((fresh, dataset), (dataset, fresh)):
            classes = next((p.classes for p in worded.properties if p.name == name), None)
            if classes is None or bool(other.table([name])[name].dropna().isin((0.0, 1.0)).all()):
                continue
            first, second = ("numbers", "these words") if worded is fresh else ("these words", "numbers")
            raise UserError(
                f"{name} has the words {classes[0]!r} and {classes[1]!r} in {worded.name} and numbers in {other.name}: the run learned "
                f"{first}, and {second} cannot join them. Give {first}, or learn {second} with a run of their own"
            )


def _ingest_round(config: IngestConfig, workspace: Path, progress: Progress) -> Dataset:
    """Ingest the file of one round, without warnings that its labels are too few to learn from: they join those before."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ChemVAEWarning)
        made = ingest(config, workspace, progress)
    alone = {problem.text for problem in find_label_problems(made)}
    told = [text for text in made.warnings if text not in alone]
    for text in told:
        warnings.warn(text, ChemVAEWarning, stacklevel=2)
    return replace(made, manifest={**made.manifest, "warnings": told})


def read_labels(dataset: Dataset, names: Sequence[str], *others: str) -> pd.DataFrame:
    """Read inchikey, the given columns, and of each property its value, bounds and spread; NaN where there is none."""
    columns = [c for name in names for c in (name, *(f"{name}_{kind}" for kind in BESIDE))]
    there = dataset.columns
    return dataset.table(["inchikey", *others, *(c for c in columns if c in there)]).reindex(
        columns=["inchikey", *others, *columns]
    )


def select_new(dataset: Dataset, found: pd.DataFrame) -> pd.DataFrame:
    """Select the molecules that the data has not, or not with that label; labels that it has become NaN.

    A bound is new only where the data has no exact value of the molecule.

    Args:
        dataset: The data before.
        found: smiles, inchikey, and of each property its value, and its bounds and spread where it has any.
    """
    plain = {f"{c}_{kind}" for c in found.columns for kind in BESIDE}
    names = [str(c) for c in found.columns if c not in ("smiles", "inchikey", *plain)]
    new = found.reindex(
        columns=["smiles", "inchikey", *(c for n in names for c in (n, *(f"{n}_{kind}" for kind in BESIDE)))]
    )
    data = read_labels(dataset, names).set_index("inchikey")
    before = data.reindex(new["inchikey"]).reset_index(drop=True)
    new = new.reset_index(drop=True)
    for name in names:
        sides = [f"{name}_lower", f"{name}_upper"]
        is_same = np.asarray(np.isclose(new[name], before[name], rtol=1e-6, atol=0.0))
        close = np.asarray(np.isclose(new[sides], before[sides], rtol=1e-6, atol=0.0, equal_nan=True))
        same_bounds = np.asarray(close.all(axis=1))
        is_known = is_same | (new[name].isna().to_numpy() & (same_bounds | before[name].notna().to_numpy()))
        new.loc[is_known, [name, *sides, f"{name}_spread"]] = np.nan
    is_wanted = np.asarray(has_labels(new, names).any(axis=1)) | ~new["inchikey"].isin(data.index).to_numpy()
    return new[is_wanted].reset_index(drop=True)


def has_labels(table: pd.DataFrame, names: Sequence[str]) -> np.ndarray:
    """Whether each row has a value or a bound of each property: (rows, properties) bool."""
    kinds = [table[[n, f"{n}_lower", f"{n}_upper"]].notna().any(axis=1).to_numpy() for n in names]
    return np.column_stack(kinds) if kinds else np.zeros((len(table), 0), bool)


def merge_measurements(
    old: IngestConfig, dataset: Dataset, new: pd.DataFrame, workspace: Path, fresh: Dataset | None = None
) -> IngestConfig:
    """Write old molecules, in their splits, and new ones to a file of the workspace; return the settings to ingest it.

    The user's own columns travel along, and each molecule's row is named by the user's own file.

    Args:
        old: The settings of the data before.
        dataset: The data before.
        new: The new molecules and labels, as `select_new` has them.
        workspace: The folder whose `updates/` gets the file.
        fresh: The dataset of the file that the new ones are from; None where they are from no file.
    """
    measured = [p for p in dataset.properties if p.kind == "measured"]
    names = [p.name for p in measured]
    before = read_labels(dataset, names, "smiles", "split")
    latest = new.set_index("inchikey").reindex(before["inchikey"])
    for name in names:
        if name in latest:  # the new label replaces the old one: a median of both would change with each repetition
            labels = [name, *(f"{name}_{kind}" for kind in BESIDE)]
            is_new = has_labels(latest, [name])[:, 0]
            before.loc[is_new, labels] = latest.reindex(columns=labels)[is_new].to_numpy()
    added = new[~new["inchikey"].isin(before["inchikey"])]
    both = pd.concat([before, added.reindex(columns=before.columns)], ignore_index=True)
    table = pd.DataFrame({"smiles": both["smiles"], "split": both["split"]})
    for p in measured:
        table[p.log.column if p.log else p.name] = _write_cells(both, p)
    measured_columns = list(table.columns[2:])
    columns = [c for c in dataset.columns if c not in table and not _is_beside(c, measured_columns)]
    own = [_read_own(dataset, both["inchikey"])]
    if fresh is not None:
        own.insert(0, _read_own(fresh, both["inchikey"], new["inchikey"]))
    for column in dict.fromkeys(name for part in reversed(own) for name in part.columns):
        if column not in measured_columns and not _is_beside(column, measured_columns):
            cells = [part[column] for part in own if column in part]
            table[column] = cells[0] if len(cells) == 1 else cells[0].where(cells[0].notna(), cells[1])
    rules = tuple(rule for rule in old.where if has_column(rule, columns))
    for column, values in Where.read(rules, columns).allowed.items():  # which all of these rows hold
        usual = next(iter(values.values()))
        table[column] = table[column].fillna(usual) if column in table else usual
    text = format_csv(table)
    folder = workspace / "updates" / hash_content(text)[:8]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{dataset.name}.csv"
    if not path.is_file():
        write_text(path, text)
    properties: Any = tuple(
        {"name": p.log.column, "unit": p.log.raw_unit, "log": True}
        if p.log
        else {"name": p.name, "unit": p.unit, "classes": p.classes}
        for p in measured
    )
    changed = {
        "source": str(path),
        "smiles_column": "smiles",
        "properties": properties,
        "log": False,
        "where": rules,
        "decimal": ".",
        "split_column": "split",
        **{key.removeprefix("ingest."): None for key in OTHER_FILE},
        "header": True,
    }
    return IngestConfig.model_validate({**old.model_dump(), **changed, "limit": None, "sha256": None})


def _read_own(dataset: Dataset, keys: pd.Series, among: pd.Series | None = None) -> pd.DataFrame:
    """Read the user's own columns of molecules, and the name of their row in the user's file; nothing of others.

    Args:
        dataset: The data.
        keys: (n,) the InChIKeys of the molecules that are asked for.
        among: The InChIKeys of those that something is read of; all when None.

    Returns:
        One row for each key, in their order, as the dataset has the cells.
    """
    there = dataset.columns
    columns = [*dataset.own_columns, *(c for c in (ROW_OF_SOURCE,) if c in there)]
    table = dataset.table(["inchikey", "row", *columns]).set_index("inchikey").astype(object).replace("", np.nan)
    rows = table.pop("row")
    if ROW_OF_SOURCE not in there:
        name = Path(str(dataset.manifest["options"]["source"])).name
        table[ROW_OF_SOURCE] = [f"{name} {dataset.row_numbers.name(int(row))}" for row in rows]
    known = table if among is None else table[table.index.isin(among)]
    return known.reindex(keys).reset_index(drop=True)


def _is_beside(column: str, measured: Sequence[str]) -> bool:
    """Whether a column would be read as the relation or unit of a measured one, whose cells here have their own already."""
    kinds, cells = ("relation", "unit"), ({"=": 1}, {"nM": 1})
    found = [find_assay_columns(name, [column, name], (), {column: c}.__getitem__) for name in measured for c in cells]
    return any(getattr(beside, kind) == column for beside in found for kind in kinds)


def _write_cells(table: pd.DataFrame, p: DatasetProperty) -> list[str]:
    """Write the labels of a property as the cells of a column: "6.1", "6.1 ± 0.2", ">10", "2 - 5", in the raw unit."""
    arrays = [table[c].to_numpy(np.float64) for c in (p.name, *(f"{p.name}_{kind}" for kind in BESIDE))]
    if p.log is not None:
        value, lower, upper, spread = arrays
        raw = p.log.to_raw(value)
        ends = p.log.to_raw(lower), p.log.to_raw(upper)
        arrays = [raw, *(ends if p.log.sign > 0 else ends[::-1]), spread * raw * math.log(10.0)]
    return [_write_cell(*map(float, label)) for label in zip(*arrays, strict=True)]


def _write_cell(value: float, lower: float, upper: float, spread: float) -> str:
    if math.isfinite(value):
        return f"{value!r} ± {spread!r}" if math.isfinite(spread) and spread > 0 else repr(value)
    if math.isfinite(lower) and math.isfinite(upper):
        return f"{lower!r} - {upper!r}"
    return f">{lower!r}" if math.isfinite(lower) else f"<{upper!r}" if math.isfinite(upper) else ""
