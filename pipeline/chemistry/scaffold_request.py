"""Opens what the settings of a scaffold ask for: a scaffold to keep, or a molecule of which a fragment is replaced."""

from __future__ import annotations

from pipeline.chemistry.config import ScaffoldConfig
from pipeline.chemistry.fragment_cuts import find_rest
from pipeline.chemistry.scaffolds import Scaffold


def open_scaffold(config: ScaffoldConfig) -> Scaffold:
    """Read the scaffold of the settings.

    Raises:
        UserError: It cannot be read or kept, or the fragment cannot be cut out of the molecule.
    """
    if config.keep is not None:
        return Scaffold(config.keep)
    assert config.molecule is not None and config.replace is not None
    return Scaffold(find_rest(config.molecule, config.replace))
