"""The interface of an oracle: molecules in, numbers out, as they come."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, NamedTuple, Self

from chem_vae.errors import ChemVAEError

LONGEST_REASON = 300  # characters of a reason that a log keeps


class OracleError(ChemVAEError):
    """An oracle raised, hung, ended, or answered something that is no answer (exit code 1)."""


class Answer(NamedTuple):
    """The answer of an oracle about one molecule."""

    row: int
    """The molecule's place among those that it was asked about."""
    values: tuple[float, ...]
    """(E,), one per endpoint; NaN where it has none."""
    reason: str | None = None
    """Why a value is NaN."""
    seconds: float | None = None
    """The seconds that it took; the time since the last answer when None."""


class Closing:
    """A context manager that closes itself at the end."""

    def close(self) -> None:
        """Let go of what is held."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Oracle(Closing, ABC):
    """Scores molecules. It may be asked from several threads at once; `close` ends the processes that it started.

    It neither counts nor remembers nor tries again: `pipeline.oracles.ledger.CountedOracle` does so for every oracle.
    """

    name: str
    endpoints: tuple[str, ...]
    at_once: bool = False
    """True where the answers of a batch come all together: batches are kept short, since a kill loses a whole one."""
    timeout: float | None = None
    """Seconds after which it stops a batch."""

    @abstractmethod
    def answers(self, smiles: Sequence[str]) -> Iterator[Answer]:
        """Yield one answer per molecule, in any order, each as soon as it is known (it is then paid and logged).

        An answer with NaN is final; a molecule without an answer may be asked again.

        Args:
            smiles: RDKit's canonical SMILES.

        Raises:
            OracleError: If no more answers will come.
            UserError: If the oracle cannot work as it is set up.
        """


def clip(text: str) -> str:
    """Put a reason on one line of bounded length.

    >>> clip("no receptor\\n  at /data ")
    'no receptor at /data'
    """
    text = " ".join(text.encode("utf-8", "replace").decode("utf-8").split())
    return text if len(text) <= LONGEST_REASON else text[: LONGEST_REASON - 1] + "…"


def drop_infinities(
    values: Sequence[float], endpoints: Sequence[str], reason: str | None
) -> tuple[tuple[float, ...], str | None]:
    """Replace infinities by NaN, and give a reason wherever there is a NaN.

    >>> drop_infinities((1.0, float("inf")), ("affinity", "qed"), None)
    ((1.0, nan), 'qed: infinite')
    """
    if all(map(math.isfinite, values)):
        return tuple(values), None
    if reason is None:
        words = {e: "infinite" if math.isinf(v) else "not a number" for e, v in zip(endpoints, values, strict=True)}
        wrong = [e for e, v in zip(endpoints, values, strict=True) if not math.isfinite(v)]
        reason = "; ".join(words[e] if len(endpoints) == 1 else f"{e}: {words[e]}" for e in wrong)
    return tuple(v if math.isfinite(v) else math.nan for v in values), clip(reason)


def quote(value: Any) -> str:
    """Quote a value for an error message: its kind, and as much of it as fits.

    >>> quote("none"), quote([])
    ("text 'none'", 'list []')
    """
    kind = "text" if isinstance(value, str) else type(value).__name__
    text = repr(value)
    return f"{kind} {text if len(text) <= 80 else text[:79] + '…'}"
