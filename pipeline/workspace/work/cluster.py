"""Sends parallel work to the workers of a Dask cluster instead of to processes of this machine.

`pipeline.workspace.work.parallel.Workers` and the oracles ask `find_cluster` where their jobs run. The workers must have this package
in the same version, and see the workspace under the same path.
"""

from __future__ import annotations

import os
import pickle
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, cast

import cloudpickle

from chem_vae.errors import ChemVAEError, UserError

VARIABLE = "CHEM_VAE_DASK"
"""The environment variable that names the cluster where no setting does."""
LOCAL = "local"
"""The address that stands for a cluster of processes of this machine, to try the settings with."""
CONNECT_SECONDS = 30


class Cluster:
    """A connected Dask cluster.

    Args:
        client: A `distributed.Client`.
    """

    def __init__(self, client: Any) -> None:
        self.client = client

    @property
    def count(self) -> int:
        """The number of jobs that run at once: one in each worker process, as selfies and torch have settings of a process."""
        return max(len(self.client.scheduler_info(n_workers=-1)["workers"]), 1)

    def open_executor(self) -> Executor:
        """Open an executor of the cluster. The scheduler gives a job whose worker died to another one, a few times."""
        return cast(Executor, self.client.get_executor(pure=False))

    def restart_worker(self, address: str) -> None:
        """Stop the process of a worker, with what hangs in it; its nanny starts another.

        A result that nobody has let go of yet would be computed anew elsewhere, and hang there: so it waits until there is none.
        """
        until = time.monotonic() + CONNECT_SECONDS
        while any(str(k).startswith("run_prepared") for keys in self.client.has_what([address]).values() for k in keys):
            if time.monotonic() > until:
                break
            time.sleep(0.05)
        self.client.restart_workers([address], timeout=CONNECT_SECONDS, raise_for_error=False)


_cluster: Cluster | None = None


def find_cluster() -> Cluster | None:
    """Find the cluster of the block `use_cluster` that is open in this process."""
    return _cluster


@contextmanager
def use_cluster(address: str | None, workspace: Path) -> Iterator[None]:
    """Send the parallel work of this process to a Dask cluster while the block runs.

    Args:
        address: The address of the scheduler, such as "tcp://host:8786", or "local". When None, CHEM_VAE_DASK gives it; without
            that either, the work stays in processes of this machine.
        workspace: A folder that the workers must see under the same path.

    Raises:
        UserError: If the package `distributed` is missing, if no scheduler answers, or if the workers have another version of this
            package or do not see the workspace.
    """
    global _cluster
    address = address or os.environ.get(VARIABLE) or None
    if address is None or _cluster is not None:  # a step of a job whose cluster is open already
        yield
        return
    try:
        from distributed import Client, LocalCluster  # here: an extra, and it takes a second to load
    except ImportError:
        raise UserError(
            f'to work on the Dask cluster {address}, install distributed: pip install "chem-vae[dask]"'
        ) from None
    local = LocalCluster(threads_per_worker=1, dashboard_address=None) if address == LOCAL else None
    try:
        try:
            client = Client(local or address, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError) as error:
            why = str(error) or type(error).__name__
            raise UserError(
                f"no Dask scheduler answers at {address} ({why}); start one with `dask scheduler`, and workers with "
                "`dask worker ADDRESS --nworkers auto --nthreads 1`"
            ) from None
        try:
            _check_workers(client, workspace)
            _cluster = Cluster(client)
            yield
        finally:
            _cluster = None
            client.close()
    finally:
        if local is not None:
            local.close()


def _check_workers(client: Any, workspace: Path) -> None:
    """Raise UserError unless there are workers, of this version of the package, that see the workspace."""
    try:
        client.wait_for_workers(1, timeout=CONNECT_SECONDS)
    except TimeoutError:
        raise UserError(
            f"the Dask scheduler {client.scheduler.address} has no workers; start some with "
            f"`dask worker {client.scheduler.address} --nworkers auto --nthreads 1`"
        ) from None
    workspace = workspace.resolve()
    workspace.mkdir(parents=True, exist_ok=True)
    token = workspace / f".seen-{secrets.token_hex(8)}.partial"
    token.touch()
    try:
        answers = client.run(probe_worker, str(token), on_error="return")
    finally:
        token.unlink(missing_ok=True)
    ours = find_version()
    for worker, answer in answers.items():
        if isinstance(answer, BaseException):
            raise UserError(f"the Dask worker {worker} cannot load chem-vae ({answer}); install version {ours} there")
        theirs, sees = answer
        if theirs != ours:
            raise UserError(f"the Dask worker {worker} has chem-vae {theirs}, and this is {ours}: install the same")
        if not sees:
            raise UserError(
                f"the Dask worker {worker} does not see the workspace {workspace}: it must be a folder that all machines "
                "see under the same path, such as a network file system"
            )


def probe_worker(token: str) -> tuple[str, bool]:
    """Return the version of this package in a worker, and whether the worker sees a file."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    return find_version(), Path(token).exists()


def find_version() -> str:
    """Find the installed version of this package."""
    try:
        return version("chem-vae")
    except PackageNotFoundError:
        return "from a checkout"


def list_lost_errors() -> tuple[type[BaseException], ...]:
    """List the errors that say that the cluster or too many of its workers are gone."""
    if _cluster is None:
        return ()
    from distributed import KilledWorker  # here: an extra
    from distributed.comm import CommClosedError  # here: an extra

    return KilledWorker, CommClosedError, CancelledError


def explain_loss(error: BaseException) -> ChemVAEError:
    """Make the error that says what became of a cluster, and what to do."""
    return ChemVAEError(
        f"the Dask cluster lost a job ({type(error).__name__}: {error}): its scheduler ended, or several workers died of it "
        "(killed, or out of memory); see their logs, and run again to go on where it stopped"
    )


_one_job = threading.Lock()
_setup = b""


def run_prepared(setup: bytes, function: Callable[[Any], Any], job: Any) -> Any:
    """Run a job in a worker of the cluster, one at a time in each process.

    Args:
        setup: A call that prepares the process, from cloudpickle; it is made again where the last job had another one, since a
            worker outlives the runs that it serves.
        function: What is called.
        job: Its argument.
    """
    global _setup
    with _one_job:
        if setup != _setup:
            if setup:
                pickle.loads(setup)()  # from the client, as the function itself; never from a file
            _setup = setup
        return function(job)


def pack_setup(setup: Callable[[], None] | None) -> bytes:
    """Pack a call that prepares a process; b"" for None."""
    return b"" if setup is None else cloudpickle.dumps(setup)
