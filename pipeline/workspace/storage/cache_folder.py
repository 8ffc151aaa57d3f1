"""The folder of this user's cache: downloads, and what only saves time."""

from __future__ import annotations

import os
from pathlib import Path

DRAWN = "replay"
"""The folder of the cache with molecules that base models drew (`pipeline.training.finetuning.replay_draws`)."""


def find_cache_folder() -> Path:
    """Find the folder: that of the variable CHEM_VAE_CACHE, or the user's cache folder. It is not created."""
    if told := os.environ.get("CHEM_VAE_CACHE"):
        return Path(told).expanduser()
    import platformdirs  # here: loads platformdirs

    return Path(platformdirs.user_cache_dir("chem-vae", appauthor=False))
