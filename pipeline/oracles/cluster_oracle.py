"""An oracle whose batches run on the workers of a Dask cluster."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any

from chem_vae.errors import UserError
from pipeline.oracles.base import Answer, Oracle, OracleError
from pipeline.oracles.config import OracleConfig
from pipeline.workspace.presentation.formatting import count_things
from pipeline.workspace.work.cluster import Cluster, explain_loss, list_lost_errors, run_prepared

Opener = Callable[[OracleConfig], Oracle]


class ClusterOracle(Oracle):
    """Asks an oracle that each worker of a cluster opens for itself; as many batches run at once as the ledger sends.

    A program is started on the worker, and a function is imported there, so that both must be installed or lie where Python and
    the shell of the worker find them. A function that takes longer than the timeout is stopped with its worker, which starts anew.

    Args:
        config: What the workers open.
        open_oracle: How they open it.
        cluster: The cluster.

    Raises:
        UserError: If a worker cannot open the oracle.
    """

    at_once = True

    def __init__(self, config: OracleConfig, open_oracle: Opener, cluster: Cluster) -> None:
        self.name, self.endpoints, self.timeout = config.name or _name(config), config.all_endpoints(), config.timeout
        self._work, self._config, self._cluster = partial(ask_here, open_oracle), config.model_dump_json(), cluster
        self._executor = cluster.open_executor()
        self._ask([])  # what cannot be opened is told now

    def answers(self, smiles: Sequence[str]) -> Iterator[Answer]:
        """Yield all answers of a batch when its worker has them."""
        yield from (Answer(*answer) for answer in self._ask(smiles))

    def close(self) -> None:
        """Cancel what is under way."""
        self._executor.shutdown(wait=False)

    def _ask(self, smiles: Sequence[str]) -> list[Any]:
        try:  # no name for the future: while there is one, the cluster keeps the result, and would compute it anew
            kind, found = self._executor.submit(run_prepared, b"", self._work, (self._config, list(smiles))).result()
        except list_lost_errors() as error:
            raise OracleError(f"{self.name}: {explain_loss(error)}") from error
        if kind == "hung":
            self._cluster.restart_worker(found)
            raise OracleError(
                f"{self.name} did not return within {self.timeout:g} s for {count_things(len(smiles), 'molecule')}; its worker was stopped"
            )
        if kind == "answers":
            return list(found)
        raise (UserError if kind == "unusable" else OracleError)(found)


def _name(config: OracleConfig) -> str:
    """Name an oracle as it names itself on one machine."""
    program = " ".join(config.program) if config.program else None
    return config.function or program or config.registered or ", ".join(config.property or ())


_opened: dict[str, Oracle] = {}


def ask_here(open_oracle: Opener, job: tuple[str, list[str]]) -> tuple[str, Any]:
    """Answer a batch in a worker, in plain data, since what a function raises need not be picklable.

    Args:
        open_oracle: Opens the oracle, once in each process.
        job: The settings of the oracle as JSON, and the SMILES; of none, the oracle is only opened.

    Returns:
        "answers" and a list of them; "unusable" or "failed" and a message; or "hung" and the address of this worker.
    """
    from distributed import get_worker  # here: an extra

    text, smiles = job
    config = OracleConfig.model_validate_json(text)
    try:
        if text not in _opened:
            alone = {"parallel": 1} if config.program else {"parallel": 1, "timeout": None}
            _opened[text] = open_oracle(config.model_copy(update=alone))
        oracle = _opened[text]
        if not smiles:
            return "answers", []
        seconds = None if config.program else config.timeout  # the oracle of a program stops it by itself
        answered = _call_within(lambda: [tuple(a) for a in oracle.answers(smiles)], seconds)
    except UserError as error:
        return "unusable", str(error)
    except OracleError as error:
        return "failed", str(error)
    return ("hung", get_worker().address) if answered is None else ("answers", answered)


def _call_within(call: Callable[[], list[Any]], seconds: float | None) -> list[Any] | None:
    """Call a function in a thread and return its result, or None where it takes too long; raises what it raises."""
    if seconds is None:
        return call()
    done: Future[list[Any]] = Future()

    def work() -> None:
        try:
            done.set_result(call())
        except BaseException as error:
            done.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    try:
        return done.result(seconds)
    except TimeoutError:
        if done.done():
            raise
        return None
