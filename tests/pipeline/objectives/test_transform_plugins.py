"""A transform from another package: in Python, in a TOML file, and in a spawned process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from chem_vae.errors import UserError
from pipeline.objectives.config import TRANSFORM_NAMES, Objective
from pipeline.objectives.transforms import TRANSFORMS

PLUGIN = """
from dataclasses import dataclass
import torch
from pipeline.objectives.transforms import Transform, register_transform

@dataclass(frozen=True)
class Hill(Transform):
    name = "hill"
    low: float
    steepness: float = 2.0

    def compute_log_desirability(self, x):
        return -torch.log1p((self.low / x) ** self.steepness)

    @property
    def hit_interval(self):
        return self.low, None

def register():
    register_transform(Hill)
"""
USE = """
import sys
from pathlib import Path
import numpy as np
from pipeline.config import load_config
from pipeline.objectives.resolve import resolve
objectives = load_config(Path(sys.argv[1])).optimize.objectives
(objective,), _ = resolve(objectives, [], {"affinity": ("affinity", "nM")})
assert np.allclose(objective.compute_desirability([4.0, 8.0]), [0.5, 0.8]), objective.compute_desirability([4.0, 8.0])
assert objective.kind == "hill" and objective.find_hits([3.0, 5.0]).tolist() == [False, True]
"""


def install(folder: Path) -> None:
    """Put a tiny package with an entry point into a folder of PYTHONPATH."""
    (folder / "hill_plugin.py").write_text(PLUGIN)
    info = folder / "hill_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hill-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[chem_vae.transforms]\nours = hill_plugin:register\n")


def test_the_names_of_the_configuration_are_those_of_the_registry() -> None:
    assert set(TRANSFORM_NAMES) | {"target", "range"} == set(TRANSFORMS)


def test_a_package_adds_a_transform_that_a_toml_file_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")
    table = tmp_path / "campaign.toml"
    table.write_text(
        '[optimize.oracle]\nfunction = "a:b"\nendpoints = ["affinity"]\n'
        '[optimize.objectives]\naffinity = { transform = "hill", low = 4 }\n'
    )
    done = subprocess.run([sys.executable, "-c", USE, str(table)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    table.write_text(table.read_text().replace("low = 4", "low = 4, high = 9"))
    done = subprocess.run([sys.executable, "-c", USE, str(table)], capture_output=True, text=True)
    assert "UserError: the transform hill of affinity: " in done.stderr and "'high'" in done.stderr


def test_an_unknown_transform_is_told_with_those_there_are() -> None:
    with pytest.raises(UserError, match=r"unknown transform 'sigmoidal'; did you mean 'sigmoid'") as error:
        TRANSFORMS.find("sigmoidal")
    with pytest.raises(ValueError, match=r"unknown transform 'sigmoidal'; did you mean"):
        Objective(transform="sigmoidal", low=1.0, high=2.0)
    assert "reverse_linear" in str(error.value)
    with pytest.raises(ValueError, match="write target = ... instead"):
        Objective(transform="target", low=1.0)
