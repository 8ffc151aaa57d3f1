"""Counts molecules with stereo or a formal charge by the text of their SMILES or SELFIES strings."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pipeline.chemistry.metrics import Share

_CHARGE = re.compile(r"[+-]\d*\]")  # [O-], [Fe+2], and [N+1] of SELFIES


def has_stereo(text: str) -> bool:
    """Tell whether a canonical SMILES or SELFIES string has a defined stereocenter or double bond.

    >>> has_stereo("C[C@H](N)O"), has_stereo("C/C=C/C"), has_stereo("CCO")
    (True, True, False)
    """
    return "@" in text or "/" in text or "\\" in text


def has_charge(text: str) -> bool:
    """Tell whether an atom of a SMILES or SELFIES string has a formal charge.

    >>> has_charge("C[NH3+]"), has_charge("[C][N+1]"), has_charge("c1ccccc1-c1ccccc1")
    (True, True, False)
    """
    return _CHARGE.search(text) is not None


def measure_stereo_and_charge(texts: Iterable[str]) -> dict[str, Share]:
    """Measure the shares of molecules with stereo and with a charge: `stereo` and `charge`."""
    every = list(texts)
    return {
        "stereo": Share(sum(map(has_stereo, every)), len(every)),
        "charge": Share(sum(map(has_charge, every)), len(every)),
    }
