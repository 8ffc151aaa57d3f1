"""Fine-tuning: a finished model goes on learning from a new dataset without forgetting its own.

The base's vocabulary and conditions are extended (`Checkpoint.extended`), and the new molecules are shown among replayed
ones of the base (`pipeline/training/finetuning/replay.py`). A base may itself be fine-tuned.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import selfies
import torch
from numpy.typing import NDArray

from chem_vae.analysis import measure_exact_reconstruction, measure_nats
from chem_vae.checkpoint import Checkpoint, ConditionScale
from chem_vae.data import TokenDataset
from chem_vae.errors import ChemVAEWarning, DataError, UserError, VocabularyError
from chem_vae.progress import Progress
from chem_vae.vocabulary import SelfiesVocabulary
from pipeline.chemistry.stereo_and_charge import measure_stereo_and_charge
from pipeline.datasets.dataset import SPLITS, Dataset
from pipeline.models.trained_model import TrainedModel
from pipeline.training.config import TrainConfig
from pipeline.training.finetuning.replay import draw_replay
from pipeline.training.finetuning.start import check_properties, settle_config
from pipeline.training.plan import TrainingPlan, choose_conditions, summarize_properties
from pipeline.workspace.lookup import write_model_name

SHOWN_MOLECULES = 60_000
"""Molecules, replayed ones included, that fine-tuning shows when no number of epochs is given..."""
FEWEST_EPOCHS, MOST_EPOCHS = 3, 60
"""...within these bounds on how often each new molecule is shown..."""
PATIENCE = 2
"""...and validations without a better loss after which it stops: the base may know the new molecules already."""
COMPARED_MOLECULES = 500
MOST_PULL = 0.03
"""How far replayed molecules may pull the share of stereo, or of charges, in p(x) away from that of the new molecules."""
_ENCODED_AT_ONCE = 100_000
_MEASURED = 10_000


def plan_fine_tuning(
    dataset: Dataset, base: TrainedModel, config: TrainConfig, folder: Path, progress: Progress
) -> TrainingPlan:
    """Plan the training that teaches a base model a dataset.

    The conditions are the base's, with the dataset's values where it has that property (else unknown), and then the dataset's own.

    Args:
        dataset: The new molecules.
        base: The model to start from.
        config: The settings.
        folder: The replayed molecules are kept there, for a resumed training.
        progress: Is told while molecules to replay are drawn.

    Raises:
        UserError: The dataset and the base do not go together.
        DataError: No molecule of the dataset can be spelled by the base, or there are no training molecules.
    """
    known = base.checkpoint.conditions
    chosen = choose_conditions(dataset, config, tuple(known))
    config = settle_config(config, base)
    about = summarize_properties(dataset, dataset.tokens("train"))
    check_properties(about, base)
    strings, kept, told = _spell_dataset(dataset, base.checkpoint.vocabulary)
    if not strings:
        raise DataError(
            f"no molecule of the dataset {dataset.name} can be spelled under the bond constraints of {write_model_name(base.folder)}"
        )
    columns = {p.name: i for i, p in enumerate(dataset.properties)}
    values = dataset.tokens("train").values()
    added = [c for c in chosen if c not in known]
    new_scales = [ConditionScale.fit(c, dataset.properties[columns[c]].unit, values[:, columns[c]]) for c in added]
    same = dataset.vocabulary.constraints == base.checkpoint.vocabulary.constraints
    symbols = dataset.vocabulary.symbols if same else sorted(selfies.get_alphabet_from_selfies(strings))
    try:
        with torch.random.fork_rng(devices=[]):  # new symbols begin at random
            torch.manual_seed(config.training.seed)
            start = base.checkpoint.extended(symbols, new_scales)
    except VocabularyError as error:
        raise UserError(
            f"the vocabulary of {write_model_name(base.folder)} has no room for {dataset.name}: {error}"
        ) from None
    splits = _encode_splits(dataset, start.vocabulary, strings, kept)
    if len(splits["train"]) == 0:
        raise DataError(f"the dataset {dataset.name} has no training molecules")
    columns_of = [columns.get(c) for c in start.conditions]

    new, share, training = _select_conditions(splits["train"], columns_of), config.replay, config.training
    at_once = max(1.0, len(new) / (1 - share))
    epochs = training.epochs or int(np.clip(round(SHOWN_MOLECULES / at_once), FEWEST_EPOCHS, MOST_EPOCHS))
    replayed = round(share * at_once * epochs)
    apart = dataset.table(["inchikey", "split"])
    unseen = frozenset(apart.loc[apart["split"] != "train", "inchikey"])
    replay = draw_replay(base, start, replayed, training.seed, folder, progress, unseen)
    without_z = _bound_replay_without_z(share, splits["train"], replay.shown, start.vocabulary)
    shown = _mix_molecules(new, epochs, replay.shown, replayed, without_z)
    fine_tuned = {
        "epochs": epochs,
        "shown_molecules": len(shown),
        "learning_rate": training.learning_rate,
        "beta": training.beta,
        "replay": share,
        "replay_without_z": without_z,
        "replay_source": replay.source,
        "replay_molecules": len(replay.shown) if replayed else 0,
        "new_symbols": list(start.vocabulary.symbols[len(base.checkpoint.vocabulary.symbols) :]),
        "new_conditions": added,
    }
    return TrainingPlan(
        training=shown,
        validation=_select_conditions(splits["validation"], columns_of),
        splits=splits,
        vocabulary=start.vocabulary,
        scales=start.scales,
        model=config.model,
        config=replace(
            training,
            epochs=1,  # the repetitions are in `shown`, so that its batches are full
            patience=PATIENCE if training.patience is None and training.epochs is None else training.patience,
        ),
        summaries=[*about, *(s for s in base.properties if s.name not in columns and s.name in known)],
        start=start,
        replay=replay,
        card={"base": _describe_lineage(base), "finetuning": fine_tuned},
        warnings=told + _warn_about_standardization(dataset, base),
    )


def compare_with_base(plan: TrainingPlan, after: Checkpoint) -> list[dict[str, Any]]:
    """Measure what fine-tuning gained and what it cost, on molecules that it was not shown.

    Returns:
        A row for held-out molecules of the new dataset and one for those of the base: `of`, `molecules`, and as `before` and `after`
        each `exact_reconstruction` (share, decoded greedily from the mean) and `nats` (`measure_nats`).
    """
    assert plan.start is not None and plan.replay is not None
    validation, test = plan.splits["validation"], plan.splits["test"]
    new = replace(test, indices=np.concatenate([test.indices, validation.indices]))
    rows = []
    theirs = f"{plan.replay.source}, {plan.replay.apart}"
    for of, data in (("new molecules, held out", new), (theirs, plan.replay.held_out)):
        some = data.select(np.random.default_rng(0).permutation(len(data))[:COMPARED_MOLECULES])
        figures = {"before": _measure_fit(plan.start, some), "after": _measure_fit(after, some)}
        rows.append({"of": of, "molecules": len(some), **figures})
    return rows


def _measure_fit(checkpoint: Checkpoint, data: TokenDataset) -> dict[str, float]:
    return {
        "exact_reconstruction": measure_exact_reconstruction(checkpoint.model, data, checkpoint.max_length),
        "nats": measure_nats(checkpoint.model, data),
    }


def _describe_lineage(base: TrainedModel) -> dict[str, Any]:
    """Describe the base, and its own base, for the card."""
    return {
        "name": write_model_name(base.folder),
        "key": base.key,
        "dataset": base.card["dataset"]["name"],
        "training_molecules": base.card["training_molecules"],
        "conditions": base.conditions,
        "base": base.card.get("base"),
        "trained_seconds": base.card["trained_seconds"] + (base.card.get("base") or {}).get("trained_seconds", 0.0),
    }


def _spell_dataset(dataset: Dataset, vocabulary: SelfiesVocabulary) -> tuple[list[str], NDArray[np.int64], list[str]]:
    """Return SELFIES strings under the base's bond constraints, the rows of the dataset that have one, and warnings."""
    if dataset.vocabulary.constraints == vocabulary.constraints:
        strings = dataset.table(["selfies"])["selfies"].tolist()
        return strings, np.arange(len(strings), dtype=np.int64), []
    strings, kept = [], []
    every = dataset.table(["smiles"])["smiles"].tolist()
    for row, smiles in enumerate(every):
        try:
            strings.append(vocabulary.from_smiles(smiles))
        except VocabularyError:
            continue
        kept.append(row)
    lost = len(every) - len(kept)
    warning = (
        f"the model to start from has other SELFIES bond constraints than the dataset {dataset.name}: its molecules were "
        f"spelled anew under the model's, which {lost:,} of {len(every):,} do not meet and are left out"
    )
    warnings.warn(warning, ChemVAEWarning, stacklevel=2)
    return strings, np.array(kept, np.int64), [warning]


def _encode_splits(
    dataset: Dataset, vocabulary: SelfiesVocabulary, strings: Sequence[str], kept: NDArray[np.int64]
) -> dict[str, TokenDataset]:
    """Encode the dataset's splits in the ids of a vocabulary, with the dataset's own properties."""
    every = TokenDataset.open(dataset.folder, split=None)
    flat, lengths = [], [0]
    for first in range(0, len(strings), _ENCODED_AT_ONCE):
        ids = vocabulary.encode_batch(strings[first : first + _ENCODED_AT_ONCE])
        lengths += [len(i) for i in ids]
        flat.append(np.fromiter((i for molecule in ids for i in molecule), np.uint16))
    offsets = np.cumsum(lengths, dtype=np.int64)
    properties = np.asarray(every.properties[kept])
    whole = TokenDataset(
        np.concatenate(flat),
        offsets,
        properties,
        np.arange(len(kept), dtype=np.int64),
        None if every.limits is None else np.asarray(every.limits[kept]),
        None if every.noise is None else np.asarray(every.noise[kept]),
    )
    place = np.full(len(every), -1, np.int64)
    place[kept] = np.arange(len(kept))
    found = {split: place[dataset.tokens(split).indices] for split in SPLITS}
    return {split: whole.select(at[at >= 0]) for split, at in found.items()}


def _select_conditions(data: TokenDataset, columns: Sequence[int | None]) -> TokenDataset:
    """Select property columns as conditions; None is a property that the molecules do not have (NaN)."""
    properties = np.full((len(data.properties), len(columns)), np.nan, np.float32)
    for to, column in enumerate(columns):
        if column is not None:
            properties[:, to] = data.properties[:, column]
    return replace(data, properties=properties, limits=None, noise=None)  # conditions are exact values alone


def _bound_replay_without_z(
    share: float, new: TokenDataset, replayed: TokenDataset, vocabulary: SelfiesVocabulary
) -> float:
    """Bound the share of replayed molecules among those that are decoded without z, and so teach p(x).

    Where the base's molecules have stereo or charges in another share than the new ones, replayed molecules would make p(x) a
    mixture of both. The bound keeps its shares within MOST_PULL of the new ones; the other replayed molecules keep z.
    """
    if not len(replayed) or not len(new):
        return share
    shares = [
        measure_stereo_and_charge(vocabulary.decode(data[i][0].tolist()) for i in range(min(len(data), _MEASURED)))
        for data in (new, replayed)
    ]
    apart = max(abs(shares[0][name].fraction - shares[1][name].fraction) for name in shares[0])
    return min(share, MOST_PULL / apart) if apart > 0 else share


def _mix_molecules(new: TokenDataset, times: int, replayed: TokenDataset, count: int, without_z: float) -> TokenDataset:
    """Mix the new molecules, `times` each, with `count` replayed ones, each as often as any other give or take one.

    So many of the replayed molecules always keep z that they are a share of `without_z` among the rest.
    """
    offsets = np.concatenate([new.offsets, new.offsets[-1] + replayed.offsets[1:]])
    again = np.resize(np.arange(len(replayed)), count) if len(replayed) else np.empty(0, np.int64)
    first = len(new.offsets) - 1
    free = times * len(new) * without_z / (1 - without_z) / max(count, 1)  # of the replayed ones, may lose z
    keeps_z = np.arange(first + len(replayed)) >= first + round(min(1.001 * free, 1.0) * len(replayed))
    return TokenDataset(
        np.concatenate([new.flat, replayed.flat]),
        offsets,
        np.concatenate([new.properties, replayed.properties]),
        np.concatenate([np.tile(new.indices, times), first + again]),
        keeps_z=keeps_z if keeps_z.any() else None,
    )


def _warn_about_standardization(dataset: Dataset, base: TrainedModel) -> list[str]:
    """Warn where the dataset and the base were standardized differently."""
    mine = dataset.manifest["options"]["standardize"]
    theirs = base.standardize_options.model_dump(mode="json")
    differing = sorted(
        name for name in theirs if name in ("stereo", "isotopes", "uncharge") and mine[name] != theirs[name]
    )
    return [
        f"the molecules were standardized otherwise than those of the model to start from ({', '.join(differing)})"
    ] * bool(differing)
