"""Oracles and settings that the tests of optimization share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pipeline.optimization.config import OptimizeConfig


class Nitrogens:
    """Scores the share of nitrogen; counts what it is asked, and may be killed or fail."""

    def __init__(self, killed_at: int | None = None, fails: Callable[[str], bool] = lambda s: False) -> None:
        self.asked: list[str] = []
        self.killed_at, self.fails = killed_at, fails

    def __call__(self, smiles: list[str]) -> list[float | None]:
        if self.killed_at is not None and len(self.asked) >= self.killed_at:
            raise Killed
        self.asked += smiles
        return [None if self.fails(s) else s.upper().count("N") / len(s) for s in smiles]


class Killed(BaseException):
    """Ends the loop as SIGKILL would: nothing catches it."""


def config(calls: int = 40, **settings: Any) -> OptimizeConfig:
    usual = {"strategy": "genetic", "batch_size": 10, "n": 10, "objectives": {"score": {"maximize": True}}}
    return OptimizeConfig.model_validate({**usual, "oracle_calls": calls, **settings})
