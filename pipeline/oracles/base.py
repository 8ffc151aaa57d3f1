"""What an oracle is: molecules in, numbers out, as they come."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from chem_vae.errors import ChemVAEError

LONGEST_REASON = 300  # characters of a reason that a log keeps


class OracleError(ChemVAEError):
    """An oracle did not answer: it raised, hung, ended, or answered something that is no answer (exit code 1)."""


class Answer(NamedTuple):
    """What an oracle says of one molecule."""

    row: int
    """Of the molecules that it was asked about."""
    values: tuple[float, ...]
    """(E,), one per endpoint; NaN where it has none."""
    reason: str | None = None
    """Why a value is NaN."""
    seconds: float | None = None
    """What the molecule took; the time since the last answer when not given."""


class Oracle(ABC):
    """Scores molecules. It may be asked from several threads at once.

    It neither counts nor remembers nor tries again: pipeline.oracles.ledger.CountedOracle does, for every oracle.
    """

    name: str
    endpoints: tuple[str, ...]
    at_once: bool = False
    """Whether a batch's answers come all together, so that a kill loses the whole batch: it is kept short then."""
    timeout: float | None = None
    """Seconds after which it stops a batch; one whose answers come all at once is kept well below that."""

    @abstractmethod
    def answers(self, smiles: Sequence[str]) -> Iterator[Answer]:
        """One answer per molecule, in any order, each handed over (and so paid and logged) as soon as it is known.

        smiles: RDKit's canonical ones. An answer with NaN is final; a molecule without an answer may be asked again.
        Raises OracleError where no more answers will come, and UserError where the oracle cannot work as it is set up.
        """

    def evaluate(self, smiles: Sequence[str]) -> NDArray[np.float64]:
        """(n, E) values, NaN where a molecule failed; neither counted nor tried again. Raises as `answers` does."""
        values = np.full((len(smiles), len(self.endpoints)), np.nan)
        for answer in self.answers(smiles):
            values[answer.row] = answer.values
        return values

    def close(self) -> None:  # noqa: B027 (most have nothing to end)
        """End the processes that it started."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def clip(text: str) -> str:
    """A reason on one line of bounded length.

    >>> clip("no receptor\\n  at /data ")
    'no receptor at /data'
    """
    text = " ".join(text.encode("utf-8", "replace").decode("utf-8").split())
    return text if len(text) <= LONGEST_REASON else text[: LONGEST_REASON - 1] + "…"


def without_infinities(
    values: Sequence[float], endpoints: Sequence[str], reason: str | None
) -> tuple[tuple[float, ...], str | None]:
    """Values with NaN in the place of infinities, and a reason wherever there is a NaN.

    >>> without_infinities((1.0, float("inf")), ("affinity", "qed"), None)
    ((1.0, nan), 'qed: infinite')
    """
    if all(map(math.isfinite, values)):
        return tuple(values), None
    kept = tuple(v if math.isfinite(v) else math.nan for v in values)
    if reason is None:
        about = [("infinite" if math.isinf(v) else "not a number", e) for v, e in zip(values, endpoints, strict=True)]
        wrong = [(what, e) for (what, e), v in zip(about, values, strict=True) if not math.isfinite(v)]
        reason = "; ".join(what if len(endpoints) == 1 else f"{e}: {what}" for what, e in wrong)
    return kept, clip(reason)


def shown(value: Any) -> str:
    """A value as an error message quotes it: its kind, and as much of it as fits.

    >>> shown("none"), shown([])
    ("text 'none'", 'list []')
    """
    kind = "text" if isinstance(value, str) else type(value).__name__
    text = repr(value)
    return f"{kind} {text if len(text) <= 80 else text[:79] + '…'}"
