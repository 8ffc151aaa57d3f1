"""Progress as a file: a process writes each step of its work as a line of JSON, and any other one reads how far it is."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.workspace.progress.found_molecules import FoundMolecule

VARIABLE = "CHEM_VAE_PROGRESS_FILE"
"""The environment variable with the file that a process adds its progress to."""
_EVERY = 0.5
"""The seconds between two lines of a stage."""
_MOLECULES_EVERY = 1.0
"""The seconds between two lines of molecules."""
MOST_FIGURES = 2_000
"""The points of a curve that are kept of a stage."""


class FileProgress:
    """Listens to progress and adds it to a file."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8", buffering=1)
        self._last: dict[str, float] = {}
        self._shown = 0.0
        self._pending: Sequence[FoundMolecule] = ()

    def __call__(self, stage: str, done: int, total: int, figures: Mapping[str, float] | None = None) -> None:
        """Write a line for the first and the last call of a stage, and for those between not more often than twice a second."""
        now = time.time()
        if stage in self._last and done < total and now - self._last[stage] < _EVERY:
            return
        self._last[stage] = now
        line = {"time": now, "stage": stage, "done": done, "total": total}
        shown = {name: float(value) for name, value in (figures or {}).items()}
        text = json.dumps({**line, **({"figures": shown} if shown else {})}, ensure_ascii=False)
        self._file.write(f"{text.replace('NaN', 'null').replace('Infinity', 'null')}\n")

    def show_molecules(self, molecules: Sequence[FoundMolecule]) -> None:
        """Write a line with the best molecules so far, not more often than once a second; the last ones are written in any case."""
        self._pending = molecules
        if time.time() - self._shown >= _MOLECULES_EVERY:
            self._write_molecules()

    def _write_molecules(self) -> None:
        self._shown = time.time()
        told = [{"smiles": m.smiles, "values": dict(m.values)} for m in self._pending]
        text = json.dumps({"time": self._shown, "molecules": told}, ensure_ascii=False)
        self._file.write(f"{text.replace('NaN', 'null').replace('Infinity', 'null')}\n")
        self._pending = ()

    def close(self) -> None:
        """Close the file."""
        if self._pending:
            self._write_molecules()
        self._file.close()


def mark_begin(path: Path) -> None:
    """Add to a file of progress that a process begins: what an earlier one did not finish stood still until now."""
    with path.open("a", encoding="utf-8") as file:
        file.write(
            f"\n{json.dumps({'time': time.time(), 'begun': True})}\n"
        )  # the last line of a killed process may be open


def find_progress_file() -> Path | None:
    """Return the file that this process is to write its progress to; None where there is none."""
    path = os.environ.get(VARIABLE)
    return Path(path) if path else None


@dataclass
class StageProgress:
    """How far a stage is, and the figures that it told on the way."""

    name: str
    done: int = 0
    total: int = 0
    began: float = 0.0
    """In seconds since 1970."""
    last: float = 0.0
    began_at: int = 0
    """The units that were done when it began: more than 0 where it was resumed."""
    figures: list[tuple[int, dict[str, float]]] = field(default_factory=list)
    """Pairs of units done and figures by name."""

    @property
    def is_finished(self) -> bool:
        """Whether all of it is done."""
        return self.done >= self.total

    @property
    def share(self) -> float:
        """The share that is done, in 0..1."""
        return min(self.done / self.total, 1.0) if self.total > 0 else 1.0

    @property
    def seconds_left(self) -> float | None:
        """The seconds that the rest takes at the rate so far; None before there is a rate."""
        made = self.done - self.began_at
        if made <= 0 or self.is_finished:
            return None
        return (self.last - self.began) / made * (self.total - self.done)


class ProgressReader:
    """Reads the file of a process's progress, each time from where it stopped."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self.stages: dict[str, StageProgress] = {}
        """By name, in the order in which they began."""
        self.molecules: list[FoundMolecule] = []
        """The best molecules so far, the best first."""
        self.begun = 0.0
        """When the last process began, in seconds since 1970."""
        self._earlier: dict[str, StageProgress] = {}
        """The stages of an earlier process that the last one has told nothing of yet."""

    def update(self) -> bool:
        """Read what has been added; says whether there was anything."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                added = file.read()
        except OSError:
            return False
        whole = added[: added.rfind(b"\n") + 1]  # the last line may not be whole yet
        self._offset += len(whole)
        for line in whole.splitlines():
            self._take(line)
        return bool(whole)

    def _take(self, line: bytes) -> None:
        try:
            told: dict[str, Any] = json.loads(line)
            if "molecules" in told:
                self.molecules = [_read_molecule(entry) for entry in told["molecules"]]
                return
            if "begun" in told:
                self._begin(float(told["time"]))
                return
            name, done, total, at = str(told["stage"]), int(told["done"]), int(told["total"]), float(told["time"])
        except (ValueError, KeyError, TypeError, AttributeError):
            return  # a process was killed in the middle of a line
        stage = self.stages.get(name)
        earlier = self._earlier.pop(name, None)
        if stage is None or done < stage.done or earlier:  # it began, or began again
            self.stages.pop(name, None)
            stage = self.stages[name] = StageProgress(name, began=at, began_at=done)
            if earlier and done >= earlier.done:  # it goes on
                stage.figures = earlier.figures
        stage.done, stage.total, stage.last = done, total, at
        figures = {k: float(v) for k, v in (told.get("figures") or {}).items() if isinstance(v, int | float)}
        if figures and len(stage.figures) < MOST_FIGURES:
            stage.figures.append((done, figures))

    def _begin(self, at: float) -> None:
        """Let the stages of an earlier process begin anew, without the time between; those that it finished stay in sight."""
        self.begun, self._earlier = at, self.stages
        self.stages = {name: stage for name, stage in self.stages.items() if stage.is_finished}


def _read_molecule(entry: Mapping[str, Any]) -> FoundMolecule:
    values = {str(name): float(value) for name, value in entry["values"].items() if isinstance(value, int | float)}
    return FoundMolecule(str(entry["smiles"]), values)
