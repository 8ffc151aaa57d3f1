"""Writes the manifest of a changed folder anew, as its maker would."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pipeline.workspace.storage.folders import write_manifest


def sign_again(folder: Path, manifest: dict[str, Any] | None = None) -> None:
    """Write a manifest, or that of the folder, with the hashes of the files as they are now."""
    write_manifest(folder, manifest or json.loads((folder / "manifest.json").read_text(encoding="utf-8")))
