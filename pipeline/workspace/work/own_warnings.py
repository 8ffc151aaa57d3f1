"""Passes our own warnings on to whoever keeps or shows them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from chem_vae.errors import ChemVAEWarning, MomentaryWarning


@contextmanager
def hear_warnings(listener: Callable[[str], object], *, momentary: bool = True) -> Iterator[None]:
    """Call the listener with the text of each `ChemVAEWarning` that is raised inside; each is shown as well, as before.

    Args:
        listener: Is called with one text at a time, e.g. the `append` of a list.
        momentary: Also call it with what matters only while the work goes on.
    """
    shown_before = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *place: Any) -> None:
        if issubclass(category, ChemVAEWarning) and (momentary or not issubclass(category, MomentaryWarning)):
            listener(str(message))
        shown_before(message, category, *place)

    warnings.filterwarnings("always", category=ChemVAEWarning, append=True)  # not only the first one of a line of code
    warnings.showwarning = show  # type: ignore[assignment]
    try:
        yield
    finally:
        warnings.showwarning = shown_before
