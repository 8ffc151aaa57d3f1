"""Records where each molecule came from and how many were proposed, refused and asked about, on disk, round by round."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.objectives.config import USUAL

_FORMER_NAMES = {"no odd structure": USUAL}
"""Constraints that earlier versions called otherwise."""
Origin = tuple[str, str | None]
"""The move or center that a molecule comes from, and its parent's SMILES."""


class Provenance:
    """Origins and counts of an optimization, kept in `proposals.jsonl`.

    The file has a line for each new molecule, written before the molecule is paid for, and a line with the counts of each
    round. A line that a kill cut short is passed over. What a killed round proposed counts as proposed, unless the search is
    repeated from its beginning.
    """

    def __init__(self, path: Path, *, repeats: bool = False) -> None:
        """Read the file of an earlier process, where there is one.

        Args:
            path: The file.
            repeats: Whether the search is repeated from where it began (`mark_begin`): its counts begin anew, too.
        """
        self._path = path
        self.origins: dict[str, Origin] = {}
        """The origins of molecules, by SMILES."""
        self.tally: Counter[str] = Counter()
        """proposed, valid, passed: rows of proposals. drafts: distinct molecules looked at, by strategies too."""
        self.broken: Counter[str] = Counter()
        """The drafts that failed each constraint first, by the constraint in words."""
        self.unusual: Counter[str] = Counter()
        """The drafts that were refused as unusual, by name of what was found first."""
        self._begin: tuple[Counter[str], Counter[str], Counter[str]] = (Counter(), Counter(), Counter())
        self._cut_short = self._read()
        if repeats and path.is_file():
            self._append([{"repeated": True}])
            self._restart()

    def record(
        self,
        origins: Mapping[str, Origin],
        counts: Mapping[str, int],
        broken: Mapping[str, int] | None = None,
        unusual: Mapping[str, int] | None = None,
    ) -> None:
        """Write a round to the file: its part of `origins`, `tally`, `broken` and `unusual`. Known molecules keep their origin."""
        new = {key: origin for key, origin in origins.items() if key not in self.origins}
        self.origins |= new
        self.tally.update(counts)
        self.broken.update(broken or {})
        self.unusual.update(unusual or {})
        lines = [{"smiles": key, "origin": name, "parent": parent} for key, (name, parent) in new.items()]
        told = {"broken": {k: n for k, n in (broken or {}).items() if n}, "unusual": dict(unusual or {})}
        self._append([*lines, {"counts": dict(counts), **told}])

    def mark_begin(self) -> None:
        """Write that a search begins after what is in the file, which it took over from another run."""
        self._append([{"begins": True}])

    def _append(self, entries: Sequence[Mapping[str, Any]]) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write("\n" * self._cut_short)
            self._cut_short = False
            file.write("".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries))
            file.flush()
            os.fsync(file.fileno())

    def find_origin(self, smiles: str) -> Origin:
        """Return a molecule's origin; "unknown" for one that no line names."""
        return self.origins.get(smiles, ("unknown", None))

    def _restart(self) -> None:
        self.tally, self.broken, self.unusual = (counter.copy() for counter in self._begin)

    def _read(self) -> bool:
        """Read the file; whether its last line was cut short."""
        text = self._path.read_text(encoding="utf-8", errors="replace") if self._path.is_file() else ""
        for line in text.splitlines():
            try:
                entry = json.loads(line)
                if "begins" in entry:
                    self._begin = (self.tally.copy(), self.broken.copy(), self.unusual.copy())
                elif "repeated" in entry:
                    self._restart()
                elif "counts" in entry:
                    self.tally.update({str(k): int(n) for k, n in entry["counts"].items()})
                    broken = {_FORMER_NAMES.get(str(k), str(k)): int(n) for k, n in entry["broken"].items()}
                    self.broken.update(broken)
                    self.unusual.update({str(k): int(n) for k, n in entry.get("unusual", {}).items()})
                else:
                    self.origins.setdefault(str(entry["smiles"]), (str(entry["origin"]), entry["parent"]))
            except (ValueError, KeyError, TypeError, AttributeError):
                continue
        return bool(text) and not text.endswith("\n")
