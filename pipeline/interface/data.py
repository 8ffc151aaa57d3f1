"""Ingests tables and files, trains on them, and predicts, from a notebook or a script."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from chem_vae.atomic_files import write_text
from chem_vae.errors import UserError
from chem_vae.progress import Progress
from pipeline.chemistry.output.molecule_table import MoleculeTable
from pipeline.datasets.config import IngestConfig, MeasuredProperty
from pipeline.datasets.dataset import Dataset
from pipeline.datasets.ingest import ingest as ingest_source
from pipeline.datasets.layout.given_molecules import list_given
from pipeline.explore.prediction import OF_FILE
from pipeline.explore.prediction import predict as predict_smiles
from pipeline.models.trained_model import TrainedModel, load_model
from pipeline.training.config import TrainConfig
from pipeline.training.train import train as train_on
from pipeline.workflows.upkeep.leftovers import TABLES
from pipeline.workspace.lookup import find_dataset, find_workspace
from pipeline.workspace.progress.bars import follow
from pipeline.workspace.storage.disk_space import check_writable


def ingest(
    source: IngestConfig | pd.DataFrame | str | Path,
    workspace: str | Path | None = None,
    progress: Progress | None = None,
    *,
    smiles: str | None = None,
    properties: str | Sequence[str | MeasuredProperty | Mapping[str, Any]] = (),
    name: str = "table",
    quiet: bool = False,
    **settings: Any,
) -> Dataset:
    """Make the dataset of a source, go on where a run was killed, or find it finished (`Dataset.reused`).

    >>> ingest(frame, smiles="SMILES", properties=["pIC50"])  # doctest: +SKIP

    Args:
        source: A DataFrame, a file, a URL or the name of a dataset, or all settings as an IngestConfig.
        workspace: The folder that gets the dataset, in `datasets/`; that of CHEM_VAE_WORKSPACE, or ./workspace, when not given.
        progress: Told each stage of the work; shown as bars when None.
        smiles: The column of SMILES; found by its cells and its name when None.
        properties: The measured properties, as on the command line: a column ("pIC50"), or with its unit ("IC50=nM").
        name: The name of the dataset of a DataFrame.
        quiet: Show no progress.
        **settings: Further fields of IngestConfig by name.

    Each warning of the dataset is raised as a `ChemVAEWarning`, also where the dataset was made before.

    Returns:
        The dataset, in which rows = accepted + duplicates + rejected.

    Raises:
        DataError: If the source cannot be read, or if no row becomes a training molecule.
        UserError: If a name is unknown.
        BusyError: If another process makes the same dataset.
    """
    folder = find_workspace(workspace)
    with follow(progress, quiet) as told:
        return ingest_source(make_config(source, folder, smiles, properties, name, settings), folder, told)


def train(
    dataset: Dataset | str | Path,
    config: TrainConfig | None = None,
    workspace: str | Path | None = None,
    progress: Progress | None = None,
    *,
    quiet: bool = False,
    **settings: Any,
) -> TrainedModel:
    """Train on a dataset, or reuse the model that the same data and settings gave before.

    A killed training goes on from its last checkpoint.

    Args:
        dataset: The dataset, its folder, or its name in the workspace.
        config: The settings; its `start` names a model to go on from (fine-tuning); where it is not given, one is chosen where the
            data is small.
        workspace: The folder whose `models/` gets the model; that of CHEM_VAE_WORKSPACE, or ./workspace, when not given.
        progress: Told each stage of the work; shown as bars when None.
        quiet: Show no progress.
        **settings: Fields of TrainConfig by name, which go before those of `config`.

    Raises:
        UserError: A condition is unknown, or the base and the data do not go together.
        DataError: A split has no molecules, or the labels cannot teach.
        CheckpointError: The base is damaged.
        BusyError: The same training is under way in another process.
    """
    folder = find_workspace(workspace)
    opened = dataset if isinstance(dataset, Dataset) else Dataset.open(find_dataset(str(dataset), folder))
    whole = TrainConfig.from_values({**(config or TrainConfig()).model_dump(exclude_unset=True), **settings})
    with follow(progress, quiet) as told:
        return train_on(opened, whole, folder, told)


def predict(
    model: TrainedModel | str | Path,
    smiles: str | Sequence[str] | pd.DataFrame,
    *,
    smiles_column: str | None = None,
    outside_domain: bool = False,
    workspace: str | Path | None = None,
    progress: Progress | None = None,
    quiet: bool = False,
) -> MoleculeTable:
    """Predict the measured properties of molecules; what a structure gives is computed instead.

    A molecule that fails has its reason in its row, and none stops the others. Outside of the domain of a predictor (molecules less
    similar to the measured ones than these are to each other) there is no prediction, unless it is asked for.

    Args:
        model: The trained model, its name, or what else `load_model` takes.
        smiles: n SMILES, one, or a DataFrame with a column of them, whose own columns and index are kept.
        smiles_column: The column of a DataFrame; found by its name when None.
        outside_domain: Also give the predictions that do not count.
        workspace: The folder in which the model is looked for; that of CHEM_VAE_WORKSPACE, or ./workspace, when not given.
        progress: Told each stage of the work; shown as bars when None.
        quiet: Show no progress.

    Returns:
        n rows, in order. Columns: input, smiles (standard form, or missing), for each measured property NAME_predicted (of two classes:
        the probability of the active one), NAME_predicted_std (of a new measurement), NAME_measured (where the model was trained on the
        molecule), NAME_similarity (to the nearest measured molecule) and NAME_in_domain; NAME_computed for the others; reason.

    Raises:
        UserError: The DataFrame has no such column.
    """
    opened = load_model(model, workspace)
    table = smiles if isinstance(smiles, pd.DataFrame) else None
    texts = list_given(smiles, smiles_column)
    with follow(progress, quiet) as told:
        found = predict_smiles(opened, texts, outside_domain=outside_domain, progress=told)
    if table is not None:
        own = table.rename(columns=lambda c: f"{c}{OF_FILE}" if c in found.columns else c)
        found = pd.concat([own, found.set_axis(own.index)], axis=1)
    return MoleculeTable(found)


def make_config(
    source: IngestConfig | pd.DataFrame | str | Path,
    workspace: Path,
    smiles: str | None,
    properties: str | Sequence[Any],
    name: str,
    settings: Mapping[str, Any],
) -> IngestConfig:
    """Make the settings of an ingest; a DataFrame is written into the workspace first, where the dataset can be made of it again."""
    given = {
        **settings,
        **({"smiles_column": smiles} if smiles else {}),
        **({"properties": properties} if properties else {}),
    }
    if isinstance(source, IngestConfig):
        return IngestConfig.from_values({**source.model_dump(exclude_unset=True), **given}) if given else source
    if isinstance(source, pd.DataFrame):
        given["source"] = str(write_frame(source, workspace, name))
    else:
        given["source"] = str(source)
    return IngestConfig.from_values(given)


def write_frame(table: pd.DataFrame, workspace: Path, name: str = "table") -> Path:
    """Write a DataFrame as a CSV file in the workspace; the same content is the same file.

    Raises:
        UserError: The name cannot be that of a file, or the table has no rows.
    """
    if not name or Path(name).name != name or name.startswith("."):
        raise UserError(f"{name!r} cannot be the name of a dataset: take letters, digits and dashes")
    if not len(table):
        raise UserError("the table has no rows: there is nothing to ingest")
    has_index = any(part is not None for part in table.index.names)  # an index with a name is a column of the user's
    text = str(table.to_csv(index=has_index, lineterminator="\n"))
    path = workspace / TABLES / hashlib.sha256(text.encode("utf-8")).hexdigest()[:8] / f"{name}.csv"
    if path.is_file():
        return path
    check_writable(workspace)
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_text(path, text)
