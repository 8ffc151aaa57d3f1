"""The accuracy of prediction and conditional generation by the number of measured values.

A property is treated as measured: its values are hidden from a share of the training and validation molecules, whose
structures stay. A model is trained on all molecules, its predictor fitted on those that keep their value, and both are
checked on held-out molecules whose true values are known: how well the property is predicted, and how closely molecules
generated for a wanted value meet it. The molecules that keep their value are nested: those of 1 % are among those of 3 %.
"""

from __future__ import annotations

import json
import math
import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rdkit import Chem

from chem_vae.atomic_files import write_json
from chem_vae.checkpoint import Checkpoint, ConditionScale
from chem_vae.data import TokenDataset
from chem_vae.errors import CollapseWarning, DataError, UserError, unknown_name
from chem_vae.predictors.predictor_figures import check
from chem_vae.predictors.predictor_fit import fit_predictor
from chem_vae.progress import Progress, silent
from chem_vae.training.trainer import train as train_core
from pipeline.chemistry.properties import PROPERTIES, compute
from pipeline.chemistry.validate import validate
from pipeline.datasets.dataset import Dataset
from pipeline.training.config import TrainConfig
from pipeline.workspace.storage.folders import hash_content, lock_folder

SHARES = (0.01, 0.03, 0.1, 0.3, 1.0)
_FEWEST = 10  # labels that a predictor needs
_CHECKED = 2000  # held-out molecules


@dataclass(frozen=True)
class LabelPoint:
    """One share of the labels. Errors are in the property's unit; NaN where nothing could be measured."""

    share: float
    labelled: int
    """Training molecules that keep their value."""
    of: int
    """Training molecules whose value was there to be hidden."""
    r2: float
    """R2 of the predictor on held-out molecules."""
    mae: float
    checked: int
    """Held-out molecules that r2 and mae are over."""
    mae_of_the_mean: float
    """The same error of always saying the labelled molecules' mean: what knowing nothing costs."""
    target_mae: float
    """Mean |computed - wanted| of molecules generated for the values of held-out molecules; NaN for a property that
    cannot be computed."""
    target_r: float
    """Pearson correlation of computed with wanted values."""
    target_mae_of_chance: float
    """The same error when each molecule is judged by another's wanted value."""
    valid: int
    """Valid molecules of `generated`; the errors are over them."""
    generated: int
    seconds: float


def label_curve(
    dataset: Dataset,
    property: str,
    shares: Sequence[float] = SHARES,
    config: TrainConfig | None = None,
    *,
    molecules: int | None = None,
    generated: int = 1000,
    temperature: float = 0.7,
    seed: int = 0,
    folder: Path | None = None,
    progress: Progress = silent,
) -> list[LabelPoint]:
    """Measure prediction and conditional generation for each share of labels kept, in the order of `shares`.

    >>> label_curve(dataset, "logp", (0.1, 1.0), molecules=5000)  # doctest: +SKIP

    molecules: training molecules, drawn with the seed; all when not given. The model is conditioned on `property` and,
    where `config.conditions` names others, on those with all their values. folder: each finished share is kept there and
    not made again, and a killed training goes on. Raises UserError for an unknown property, a share outside (0, 1] or
    one that leaves fewer than ten labels, DataError where nothing is held out.
    """
    names = [p.name for p in dataset.properties]
    config = config or TrainConfig()
    if config.base is not None:
        raise UserError(f"a label curve trains from nothing; leave out train.start (now {config.start!r})")
    conditions = [property, *(c for c in config.conditions or () if c != property)]
    for name in conditions:
        if name not in names:
            raise unknown_name("property of this dataset", name, names)
    columns = [names.index(c) for c in conditions]
    splits = select_splits(dataset, columns, molecules, seed)
    there = {s: int(np.isfinite(d.values()[:, 0]).sum()) for s, d in splits.items()}
    if there["test"] < 2:
        raise DataError(f"the dataset {dataset.name} has no test molecules with a value of {property} to check with")
    for share in shares:
        if not 0 < share <= 1:
            raise UserError(f"a share of labels lies above 0 and is 1 at most, not {share:g}")
        if _kept(there["train"], share) < _FEWEST:
            raise UserError(
                f"{share:g} of {there['train']:,} labels are fewer than {_FEWEST}; give a larger share or more molecules"
            )
    points = []
    progress("labels", 0, len(shares))
    for i, share in enumerate(shares):
        key = hash_content(
            dataset.key, conditions, config.model_dump(mode="json"), molecules, generated, temperature, seed, share, 1
        )
        job = _Job(dataset, conditions, columns, splits, config, share, generated, temperature, seed)
        points.append(_remembered(job, folder, key, progress))
        progress("labels", i + 1, len(shares), {"labels": points[-1].labelled, "R2": points[-1].r2})
    return points


def select_splits(
    dataset: Dataset, columns: Sequence[int], molecules: int | None, seed: int
) -> dict[str, TokenDataset]:
    """Select the molecules of a curve with these property columns: training ones drawn by the seed, all of validation, and 2,000 test
    molecules at most."""
    splits = {s: dataset.tokens(s).select_properties(columns) for s in ("train", "validation", "test")}
    random = np.random.default_rng(seed)
    for split, most in (("train", molecules), ("test", _CHECKED)):
        if most is not None and most < len(splits[split]):
            drawn = random.permutation(len(splits[split]))[:most]
            splits[split] = splits[split].select(np.sort(drawn))
    return splits


@dataclass(frozen=True)
class _Job:
    dataset: Dataset
    conditions: list[str]
    columns: list[int]
    splits: dict[str, TokenDataset]
    config: TrainConfig
    share: float
    generated: int
    temperature: float
    seed: int


def _remembered(job: _Job, folder: Path | None, key: str, progress: Progress) -> LabelPoint:
    """Return the point from its file, or make and write it."""
    if folder is None:
        return _point(job, None, progress)
    path = folder / f"labels-{job.share:g}-{key[:8]}.json"
    folder.mkdir(parents=True, exist_ok=True)
    with lock_folder(path, "measuring this share of labels"):
        if path.exists():
            try:
                found = json.loads(path.read_text(encoding="utf-8"))
                names = [f.name for f in fields(LabelPoint)]
                told: dict[str, Any] = {n: math.nan if found[n] is None else found[n] for n in names}
                return LabelPoint(**told)
            except (ValueError, KeyError, TypeError):
                pass  # damaged since: made again
        resume = path.with_suffix(".resume.safetensors")
        point = _point(job, resume, progress)
        write_json(path, asdict(point))
        resume.unlink(missing_ok=True)
    return point


def _point(job: _Job, resume: Path | None, progress: Progress) -> LabelPoint:
    started = time.monotonic()
    training, of = hide_labels(job.splits["train"], job.share, job.seed)
    validation, _ = hide_labels(job.splits["validation"], job.share, job.seed)
    values = training.values()
    scales = tuple(
        ConditionScale.fit(name, job.dataset.properties[c].unit, values[:, i])
        for i, (name, c) in enumerate(zip(job.conditions, job.columns, strict=True))
    )

    def shown(stage: str, done: int, total: int, figures: Any = None) -> None:
        progress(f"{stage} on {job.share:.3g} of the labels", done, total, figures)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CollapseWarning)
        checkpoint, log = train_core(
            training, validation, job.dataset.vocabulary, scales, job.config.model, job.config.training,
            resume_file=resume, progress=shown,
        )  # fmt: skip
    labelled = np.flatnonzero(np.isfinite(values[:, 0]))
    chosen = training.select(labelled)
    y = torch.from_numpy(values[labelled, 0])
    predictor = fit_predictor(checkpoint.encode_dataset(chosen).mu, y, seed=job.seed)
    test = job.splits["test"]
    truth = torch.from_numpy(test.values()[:, 0])
    figures = check(predictor, checkpoint.encode_dataset(test).mu, truth, len(labelled))
    measured = truth[torch.isfinite(truth)]
    met = _met(checkpoint, job, measured.numpy())
    return LabelPoint(
        share=job.share,
        labelled=len(labelled),
        of=of,
        r2=figures.r2,
        mae=figures.mae,
        checked=figures.n_test,
        mae_of_the_mean=float((measured - y.mean()).abs().mean()),
        **met,
        seconds=round(log.seconds if resume is not None else time.monotonic() - started, 1),
    )


def _met(checkpoint: Checkpoint, job: _Job, values: NDArray[np.float32]) -> dict[str, Any]:
    """Generate one molecule, without z, for each of `generated` values drawn from the held-out molecules' own."""
    name, random = job.conditions[0], np.random.default_rng(job.seed)
    nothing = {
        "target_mae": math.nan,
        "target_r": math.nan,
        "target_mae_of_chance": math.nan,
        "valid": 0,
        "generated": 0,
    }
    if name not in PROPERTIES or job.generated == 0:
        return nothing
    wanted = random.choice(values, job.generated).astype(np.float32)
    raw = np.full((len(wanted), len(job.conditions)), np.nan, dtype=np.float32)
    raw[:, 0] = wanted
    z = torch.full((len(wanted), checkpoint.model.latent_size), torch.nan)
    strings = checkpoint.decode(z, checkpoint.standardize_values(raw), temperature=job.temperature, seed=job.seed)
    candidates = validate(strings, checkpoint.vocabulary)
    got = np.array(
        [compute(Chem.MolFromSmiles(c.smiles), [name])[0] if c.smiles is not None else math.nan for c in candidates]
    )
    fine = np.isfinite(got)
    if fine.sum() < 3:
        return nothing | {"valid": int(fine.sum()), "generated": len(wanted)}
    spread = got[fine].std() > 0 and wanted[fine].std() > 0
    return {
        "target_mae": float(np.abs(got - wanted)[fine].mean()),
        "target_r": float(np.corrcoef(got[fine], wanted[fine])[0, 1]) if spread else math.nan,
        "target_mae_of_chance": float(np.abs(got[fine] - random.permutation(wanted[fine])).mean()),
        "valid": int(fine.sum()),
        "generated": len(wanted),
    }


def hide_labels(data: TokenDataset, share: float, seed: int) -> tuple[TokenDataset, int]:
    """Hide the first property (NaN) from all but a share of the molecules that have it; also return how many have it.

    A larger share keeps all labels that a smaller one keeps.
    """
    values = np.array(data.values())
    measured = np.flatnonzero(np.isfinite(values[:, 0]))
    order = np.random.default_rng((seed, len(measured))).permutation(measured)
    values[order[_kept(len(measured), share) :], 0] = np.nan
    properties = np.full(np.asarray(data.properties).shape, np.nan, dtype=np.float32)
    properties[data.indices] = values
    return replace(data, properties=properties), len(measured)


def _kept(measured: int, share: float) -> int:
    return round(share * measured)
