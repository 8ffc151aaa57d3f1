"""An oracle that is a Python function, called in this process."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout, suppress
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

from chem_vae.errors import UserError, unknown_name
from pipeline.oracles.answers import read_answers
from pipeline.oracles.base import Answer, Oracle, OracleError, clip
from pipeline.workspace.check_arguments import list_names


class FunctionOracle(Oracle):
    """Calls a function in this process, one batch at a time, since few functions are made for threads.

    What it prints goes to standard error. Nothing can stop it when it hangs; `FunctionPoolOracle` can, and runs several
    batches at once.

    Args:
        function: It takes a list of SMILES and returns for each a number, None, a dictionary by endpoint or a list in
            their order; an array (n,) or (n, E) will do.
        endpoints: The names of the values, or of the only one.
        name: The name in the log; the function's when None.
    """

    at_once = True

    def __init__(
        self, function: Callable[[list[str]], Any], endpoints: str | Sequence[str] = ("score",), name: str | None = None
    ) -> None:
        self._function = function
        self._lock = threading.Lock()
        self.endpoints = list_names("endpoints", endpoints)
        self.name = name or f"{function.__module__}:{getattr(function, '__qualname__', type(function).__name__)}"

    def answers(self, smiles: Sequence[str]) -> Iterator[Answer]:
        """Yield all answers when the function returns."""
        with self._lock, redirect_stdout(sys.stderr):
            started = time.perf_counter()
            try:
                readings = read_answers(self._function(list(smiles)), len(smiles), self.endpoints)
            except OracleError as error:
                raise OracleError(f"{self.name}: {error}") from error
            except (Exception, SystemExit) as error:
                raise OracleError(f"{self.name} raised {describe_error(error)}") from error
            seconds = (time.perf_counter() - started) / max(len(smiles), 1)
        for row, reading in enumerate(readings):
            yield Answer(row, reading.values, reading.reason, seconds)


def load_function(spelled: str) -> Callable[[list[str]], Any]:
    """Import the function that "package.module:function" names, also from the working folder.

    Raises:
        UserError: If there is no such module or function, if importing fails, or if it cannot be called.
    """
    module_name, _, path = spelled.partition(":")
    if not module_name or not path:
        raise UserError(f"{spelled!r} does not name a function; write package.module:function")
    _look_in_working_folder()
    try:
        with redirect_stdout(sys.stderr):
            found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is not None and (module_name + ".").startswith(error.name + "."):
            raise UserError(
                f"there is no Python module {error.name!r} (for the oracle {spelled}); it must be installed, lie in the "
                f"working folder {os.getcwd()}, or in a folder of PYTHONPATH"
            ) from None
        raise UserError(f"importing {module_name} for the oracle {spelled} failed: {describe_error(error)}") from error
    except (Exception, SystemExit) as error:
        raise UserError(f"importing {module_name} for the oracle {spelled} failed: {describe_error(error)}") from error
    for part in path.split("."):
        if not hasattr(found, part):
            there = [n for n, value in vars(found).items() if callable(value) and not n.startswith("_")]
            raise unknown_name(f"function of {module_name}", part, there)
        found = getattr(found, part)
    if not callable(found):
        raise UserError(f"{spelled} is a {type(found).__name__}, not a function of a list of SMILES")
    function: Callable[[list[str]], Any] = found
    return function


def find_module(name: str) -> Path | None:
    """Find the file of a Python module as `load_function` does, without importing anything; None where it has none."""
    _look_in_working_folder()
    first, *rest = name.split(".")
    with suppress(ImportError, ValueError):  # ValueError: a module without a specification, such as __main__
        spec = importlib.util.find_spec(first)
        for part in rest:
            spec = PathFinder.find_spec(f"{spec.name}.{part}", spec.submodule_search_locations) if spec else None
        return Path(spec.origin) if spec is not None and spec.has_location and spec.origin else None
    return None


def _look_in_working_folder() -> None:
    """Have modules of the working folder found, also those that have just been written."""
    if os.getcwd() not in sys.path and "" not in sys.path:
        sys.path.append(os.getcwd())  # a console script's path lacks it; last, so that nothing is shadowed
    importlib.invalidate_caches()


def describe_error(error: BaseException) -> str:
    """Describe an exception on one line: its kind, its message and where it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({os.path.basename(frames[-1].filename)}, line {frames[-1].lineno})" if frames else ""
    return clip(f"{type(error).__name__}: {error}") + place
