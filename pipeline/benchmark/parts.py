"""Parts of a long job, each written when it is done, so that a second call goes on where the first was stopped."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chem_vae.atomic_files import to_plain, write_json


@dataclass
class Parts:
    """Results of named parts in a folder of JSON files, one each. `seconds` is the time that each took when it was made."""

    folder: Path
    key: str
    """A part that was written under another key is made again."""
    reused: list[str] = field(default_factory=list)
    results: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def do(self, name: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return the part's result as plain data: from its file, or made now and written. A damaged file is made again."""
        path = self.folder / f"{name}.json"
        kept = self._read(path)
        if kept is not None:
            self.reused.append(name)
        else:
            started = time.monotonic()
            result = to_plain(make())
            kept = {"part": name, "key": self.key, "seconds": time.monotonic() - started, "result": result}
            self.folder.mkdir(parents=True, exist_ok=True)
            write_json(path, kept)
        self.results[name], self.seconds[name] = kept["result"], float(kept["seconds"])
        return self.results[name]

    def _read(self, path: Path) -> dict[str, Any] | None:
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        whole = isinstance(kept, dict) and kept.get("key") == self.key and {"result", "seconds"} <= set(kept)
        return kept if whole else None
