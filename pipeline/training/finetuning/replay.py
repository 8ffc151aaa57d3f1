"""Replay: molecules of a base model that fine-tuning shows again, so that it does not forget them.

They are training molecules of the base where its dataset lies in the workspace. Else the base draws them from p(x), without z (Robins
1995, doi:10.1080/09540099550039318; Shin et al. 2017, arXiv:1705.08690), again where they are not spelled canonically
(`pipeline.models.sampling`); a shipped base brings molecules that it drew.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chem_vae.atomic_files import write_whole
from chem_vae.checkpoint import Checkpoint
from chem_vae.data import TokenDataset
from chem_vae.errors import TrainingError
from chem_vae.progress import Progress
from pipeline.datasets.dataset import Dataset
from pipeline.models.trained_model import TrainedModel
from pipeline.training.finetuning.replay_draws import BATCH, Drawn, draw_batch, list_computed_conditions, read_draws

MOST_FROM_DATA = 100_000  # distinct molecules replayed, where reading them is all it takes
MOST_DRAWN = 12_000  # where each has to be drawn, validated and its conditions computed
HELD_OUT = 500  # of them never shown, to tell what was forgotten
_FILE = "replay.parquet"


@dataclass(frozen=True)
class Replay:
    """Molecules of a base, in the ids and with the conditions of the extended model."""

    shown: TokenDataset
    held_out: TokenDataset
    source: str
    """Their origin, in words."""
    drawn: bool
    """Whether the base drew them itself."""
    apart: str = "held out"
    """Describes `held_out`: the base may have seen molecules of a dataset that only stands for its own."""


def draw_replay(
    base: TrainedModel,
    extended: Checkpoint,
    n: int,
    seed: int,
    folder: Path,
    progress: Progress,
    unseen: Collection[str] = frozenset(),
) -> Replay:
    """Draw molecules to be shown again, and HELD_OUT others that are not shown.

    Args:
        base: The model to start from.
        extended: The base with the new symbols and conditions.
        n: Distinct molecules to be shown, at most.
        seed: Draws them.
        folder: The molecules are kept there, for a resumed training.
        progress: Is told while the base draws.
        unseen: InChIKeys of molecules that must not be shown: the held-out ones of the new dataset.

    Raises:
        TrainingError: The base draws next to no valid molecule and some are to be shown.
    """
    data = _find_own_data(base)
    source = f"molecules of {data.folder.name}" if data else "molecules that the base drew itself"
    file = folder / _FILE
    if not file.is_file():
        count = HELD_OUT + min(n, MOST_FROM_DATA if data else MOST_DRAWN)
        if data:
            table = _take_from_data(data, extended, count, seed, unseen)
        else:
            table = _draw_from_base(base, extended, count, seed, progress, unseen, fewest=100 if n else 0)
        with write_whole(file) as partial:
            table.to_parquet(partial)
    table = pd.read_parquet(file)
    parts = []
    for held in (False, True):
        rows = table[table["held_out"] == held]
        values = (
            rows[extended.conditions].to_numpy(np.float32)
            if extended.conditions
            else np.empty((len(rows), 0), np.float32)
        )
        parts.append(TokenDataset.from_lists(extended.vocabulary.encode_batch(rows["selfies"].tolist()), values))
    apart = "held out" if data is None or base.is_trained_on(data) else "not shown again (the base may know them)"
    return Replay(parts[0], parts[1], source, data is None, apart)


def _find_own_data(base: TrainedModel) -> Dataset | None:
    """Find the base's dataset (or one that stands for it), if the base has learned from it alone and spells SELFIES alike."""
    own, earlier = (base.card["dataset"]["name"], base.card["training_molecules"]), base.card.get("base")
    while earlier:
        if (earlier["dataset"], earlier["training_molecules"]) != own:  # it started from other molecules
            return None
        earlier = earlier.get("base")
    data = base.dataset()
    if data is None or data.manifest["constraints"] != base.checkpoint.vocabulary.constraints:
        return None
    return data


def _take_from_data(
    data: Dataset, extended: Checkpoint, count: int, seed: int, unseen: Collection[str] = frozenset()
) -> pd.DataFrame:
    """Take training molecules, and held-out ones of the test split (of the training split where there is none)."""
    random, vocabulary = np.random.default_rng(seed), data.vocabulary
    known = {p.name: i for i, p in enumerate(data.properties)}
    rest = data.tokens("test")
    barred = data.table(["inchikey"])["inchikey"].isin(unseen).to_numpy()
    plan = [(data.tokens("train"), count - HELD_OUT if len(rest) else count, False), (rest, HELD_OUT, True)]
    strings: list[str] = []
    values: list[NDArray[np.float32]] = []
    held: list[bool] = []
    for split, most, held_out in plan:
        allowed = np.flatnonzero(~barred[split.indices])
        for i in np.sort(random.permutation(allowed)[:most]).tolist():
            ids, row = split[i]
            string = vocabulary.decode(ids.tolist())
            if extended.vocabulary.find_missing(string):
                continue
            strings.append(string)
            values.append(np.array([row[known[c]] if c in known else np.nan for c in extended.conditions], np.float32))
            held.append(held_out)
    if len(rest) == 0:
        held = _mark_held_out(len(strings))
    return _build_table(strings, np.array(values), held, extended.conditions)


def _draw_from_base(
    base: TrainedModel,
    extended: Checkpoint,
    count: int,
    seed: int,
    progress: Progress,
    unseen: Collection[str] = frozenset(),
    fewest: int = 100,
) -> pd.DataFrame:
    """Draw distinct valid molecules from the base without z or conditions, and compute their properties."""
    computed = list_computed_conditions(base)
    columns = [extended.conditions.index(c) for c in computed]
    found: dict[str, str] = {}
    rows: list[NDArray[np.float32]] = []
    progress("replay", 0, count)
    asked = 0
    for drawn in _iterate_draws(base, computed, count, seed):
        asked += len(drawn.selfies)
        for inchikey, string, own in zip(drawn.inchikeys, drawn.selfies, drawn.values, strict=True):
            if len(found) >= count or inchikey in found or inchikey in unseen:
                continue
            values = np.full(len(extended.conditions), np.nan, np.float32)
            values[columns] = own
            found[inchikey] = string
            rows.append(values)
        progress("replay", len(found), count)
        if len(found) >= count:
            break
    if len(found) < min(fewest, count):
        raise TrainingError(
            f"of {asked:,} valid molecules that the base model drew, {len(found)} are distinct, too few to replay; "
            "start from another model, or fine-tune without: --set train.replay=0"
        )
    return _build_table(list(found.values()), np.array(rows), _mark_held_out(len(found)), extended.conditions)


def _iterate_draws(base: TrainedModel, properties: Sequence[str], count: int, seed: int) -> Iterator[Drawn]:
    """Iterate over valid molecules that the base drew: those of its folder first, then new ones, up to four times as many as asked for."""
    if (kept := read_draws(base, properties, seed)) is not None:
        yield kept
    for start in range(0, 4 * count + BATCH, BATCH):
        yield draw_batch(base, properties, seed, start)


def _mark_held_out(n: int) -> list[bool]:
    """Mark the last HELD_OUT of n molecules, half of them where there are few."""
    held = min(HELD_OUT, n // 2)
    return [i >= n - held for i in range(n)]


def _build_table(
    strings: Sequence[str], values: NDArray[np.float32], held: Sequence[bool], conditions: Sequence[str]
) -> pd.DataFrame:
    values = values.reshape(len(strings), len(conditions))  # of no molecule too
    columns = {name: values[:, i] for i, name in enumerate(conditions)}
    return pd.DataFrame({"selfies": list(strings), "held_out": list(held), **columns})
