"""Decides what the chiral flag 0 of the mol blocks of a file means: as drawn, or a racemate.

By the CTfile formats, flag 1 says that the configuration is the one that is drawn, flag 0 that the molecule is a racemate of it.
Most programs do not mean it so: RDKit and Open Babel write 0 for every molecule unless told otherwise, whereas PubChem writes 1
for every molecule with stereo. So the flag is believed only in a file that uses it, which is one where some record sets it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from pipeline.chemistry.config import StandardizeOptions
from pipeline.chemistry.standardization.standardize import Rejection
from pipeline.datasets.readers import Layout

_COUNTS = re.compile(r"([ \d]{3})([ \d]{3})([ \d]{9})?.*V2000\s*", re.ASCII)
_V3000_COUNTS = re.compile(r"M  V30 COUNTS( +\d+){4} +(\d).*", re.ASCII)
_V3000_WEDGE = re.compile(r"M  V30 \d+ \d+ \d+ \d+ .*CFG=[13]\b.*", re.ASCII)


def count_chiral_flags(lines: Iterable[str | Rejection]) -> tuple[int, int]:
    """Count in the lines of a file the records that set the chiral flag, and those that draw wedges in the plane without setting it."""
    set_, unset = 0, 0
    atoms = bonds = 0
    flag, wedged, deep = True, False, False
    program = comment = ""
    for line in lines:
        if not isinstance(line, str):
            break
        if line.rstrip().endswith(("V2000", "V3000")):
            deep = program[20:22] == "3D"
        program, comment = comment, line
        if atoms:
            atoms -= 1
        elif bonds:
            bonds -= 1
            wedged = wedged or (not flag and not deep and line[9:12].strip() in ("1", "6"))
            if not bonds:
                unset += wedged and not flag
        elif "V2000" in line:
            if match := _COUNTS.fullmatch(line):
                atoms, bonds = (int(text) if text.strip().isdigit() else 0 for text in match.group(1, 2))
                flag, wedged = (match[3] or "").rstrip().endswith("1"), False
                set_ += flag
        elif line.startswith("M  V30 COUNTS"):
            if match := _V3000_COUNTS.fullmatch(line):
                flag, wedged = match[2] == "1", False
                set_ += flag
        elif wedged and line.startswith("M  V30 MDLV30/STE"):  # its stereo groups say it better
            unset, wedged, flag = unset - 1, False, True
        elif not flag and not wedged and not deep and line.startswith("M  V30 ") and _V3000_WEDGE.fullmatch(line):
            unset, wedged = unset + 1, True
    return set_, unset


def settle_chiral_flag(options: StandardizeOptions, layout: Layout) -> tuple[StandardizeOptions, list[str]]:
    """Decide whether the chiral flag 0 means a racemate in a file.

    Returns:
        The options with the decision, and a sentence on it where a record has wedges and the flag 0.
    """
    if not layout.unflagged:
        return options, []
    meaning = options.chiral_flag
    count = "1 record with wedges has" if layout.unflagged == 1 else f"{layout.unflagged:,} records with wedges have"
    said = "as `ingest.standardize.chiral_flag` says"
    if meaning == "auto":
        meaning = "racemic" if layout.flagged else "absolute"
        said = (
            f"since {layout.flagged:,} others set the flag; set `ingest.standardize.chiral_flag` to 'absolute' to take them as drawn"
            if layout.flagged
            else "since no record of the file sets the flag; set `ingest.standardize.chiral_flag` to 'racemic' if they are racemates"
        )
    done = (
        "the configuration of their centers was made undefined" if meaning == "racemic" else "they were taken as drawn"
    )
    note = f"{count} the chiral flag 0, which means a racemate by the CTfile rules: {done}, {said}"
    return options.model_copy(update={"chiral_flag": meaning}), [note]
