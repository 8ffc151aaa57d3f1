"""Tells the best molecules of a search to whoever listens, while it goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

SHOWN = 12
"""The molecules that are told."""


@dataclass(frozen=True)
class FoundMolecule:
    """A molecule that a search has found so far."""

    smiles: str
    values: Mapping[str, float] = field(default_factory=dict)
    """Its values by name, as "pKi"."""


_listeners: list[Callable[[Sequence[FoundMolecule]], None]] = []


@contextmanager
def hear_molecules(listener: Callable[[Sequence[FoundMolecule]], None]) -> Iterator[None]:
    """Call the listener with the best molecules, the best first, whenever a search of this process finds better ones."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


class BestFound:
    """Keeps the best molecules of one search and tells them; without a listener it does nothing."""

    def __init__(self) -> None:
        """Begin with none."""
        self._best: list[tuple[float, FoundMolecule]] = []
        self._seen: set[str] = set()

    def add(
        self, smiles: Sequence[str | None], scores: Sequence[float], values: Mapping[str, Sequence[float]] | None = None
    ) -> None:
        """Add further molecules.

        Args:
            smiles: n molecules, None for those to be left out.
            scores: Their scores (n,); higher is better, and NaN is left out.
            values: Their values (n,) by name.
        """
        if not _listeners:
            return
        before = list(self._best)
        for i, (text, score) in enumerate(zip(smiles, scores, strict=True)):
            if text is None or score != score or text in self._seen:
                continue
            self._seen.add(text)
            if len(self._best) == SHOWN and score <= self._best[-1][0]:
                continue
            known = {name: float(column[i]) for name, column in (values or {}).items() if column[i] == column[i]}
            self._best.append((float(score), FoundMolecule(text, known)))
            self._best.sort(key=lambda pair: -pair[0])
            del self._best[SHOWN:]
        if self._best != before:
            for listener in _listeners:
                listener([molecule for _, molecule in self._best])
