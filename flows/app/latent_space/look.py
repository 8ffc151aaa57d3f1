"""Looks at molecules with a model in one process of its own, which keeps the model in memory: the work behind the page Explore.

Its functions take and give plain data, so that the process of the pages loads no model.
"""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache
from typing import Any

from chem_vae.atomic_files import to_plain
from chem_vae.errors import ChemVAEError, UserError

SAMPLES = 8
"""The molecules that are made for each one that is grown from a scaffold."""
SHOWN_VALUES = ("logp", "mw")
MOST_POINTS = 1500
"""The training molecules of a map."""


class Looker:
    """Asks the process that has the model; it is started when it is first needed, and again where it died."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._pool: ProcessPoolExecutor | None = None

    async def ask(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Let the process call a function of this module.

        Raises:
            UserError: The function raised one, or the process died.
        """
        if self._pool is None:
            self._pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
        try:
            told, found = await asyncio.get_running_loop().run_in_executor(self._pool, _call, work, arguments)
        except BrokenProcessPool:
            self._pool = None
            raise UserError("the process with the model ended, perhaps for want of memory; try again") from None
        if told:
            raise UserError(told)
        return found

    def close(self) -> None:
        """End the process."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None


def _call(work: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[str, Any]:
    """Call a function; an error becomes its sentence, as not every error can be handed between processes."""
    try:
        return "", to_plain(work(*arguments))
    except ChemVAEError as error:
        return str(error), None


@lru_cache(maxsize=2)
def _open(model: str, workspace: str) -> Any:
    from pipeline.models.trained_model import load_model  # here: loads torch, in the process that works alone

    return load_model(model, workspace)


def describe(model: str, workspace: str, smiles: str) -> dict[str, Any]:
    """Say where a molecule lies: its anomaly score, and its predictions with their domain."""
    from pipeline.explore.anomaly import AnomalyScorer  # here: loads torch, in the process that works alone
    from pipeline.explore.prediction import predict  # here: loads torch, in the process that works alone

    trained = _open(model, workspace)
    scorer = AnomalyScorer(trained)
    strange = scorer.score([smiles]).iloc[0].to_dict()
    values = predict(trained, [smiles], progress=_silent).iloc[0].to_dict()
    properties = {p.name: {"label": p.label, "unit": p.unit} for p in trained.properties}
    return {"strange": strange, "values": values, "origin": scorer.origin, "properties": properties}


def find_analogues(model: str, workspace: str, smiles: str, number: int, reach: float) -> list[dict[str, Any]]:
    """Find new molecules around one, at growing distances."""
    from pipeline.explore.neighbors import analogues  # here: loads torch, in the process that works alone

    found = analogues(_open(model, workspace), smiles, number, reach=reach, temperature=0.0, progress=_silent)
    return [{str(k): v for k, v in row.items()} for row in found.to_dict("records")]


def find_path(model: str, workspace: str, start: str, end: str, steps: int) -> list[dict[str, Any]]:
    """Find the molecules between two."""
    from pipeline.explore.interpolation import interpolate  # here: loads torch, in the process that works alone

    found = interpolate(_open(model, workspace), start, end, steps, distinct=True)
    return [{str(k): v for k, v in row.items()} for row in found.to_dict("records")]


def grow(model: str, workspace: str, scaffold: str, number: int) -> dict[str, Any]:
    """Grow molecules that keep a scaffold: their structures, the groups at its points, and computed values."""
    from pipeline.generation.generate import generate  # here: loads torch, in the process that works alone

    settings: dict[str, Any] = {"scaffold": {"keep": scaffold}, "n": number, "samples": SAMPLES * number}
    found = generate(_open(model, workspace), progress=_silent, **settings)
    rows = []
    for row in found.candidates.to_dict("records"):
        groups = {
            str(k): str(v) for k, v in row.items() if str(k).startswith("R") and str(k)[1:2].isdigit() and v == v and v
        }
        values = {p: row[f"{p}_computed"] for p in SHOWN_VALUES if f"{p}_computed" in row}
        rows.append({"smiles": row["smiles"], "groups": groups, "values": values})
    return {"rows": rows, "warnings": found.warnings}


def draw_map(model: str, workspace: str, smiles: list[str]) -> dict[str, Any]:
    """Map the training molecules, and some molecules among them; those without a place are told with the reason."""
    from pipeline.explore.maps import latent_map  # here: loads torch, in the process that works alone

    made = latent_map(_open(model, workspace), "pca", smiles=smiles, most=MOST_POINTS, progress=_silent)
    rows = made.frame[made.frame["x"].notna()]
    points = [[r.x, r.y, r.value, r.kind] for r in rows.itertuples()]
    unplaced = made.frame.loc[made.frame["x"].isna(), "reason"].tolist()
    return {"points": points, "unplaced": unplaced, "label": made.label, "explained": list(made.explained)}


def _silent(stage: str, done: int, total: int, figures: Any = None) -> None:
    """Ignore progress."""
