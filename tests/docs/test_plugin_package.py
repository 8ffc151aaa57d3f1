"""A package of another author adds one of each thing that can be added, and the command line and Python use them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = Path(__file__).with_name("plugin_package")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the package is installed, as pip would, without a network or a build."""
    folder = tmp_path_factory.mktemp("installed")
    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    name, version = project["name"], project["version"]
    shutil.copytree(PACKAGE / "toy_chemistry", folder / "toy_chemistry")
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8")
    lines = [
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in entries.items())
        for group, entries in project["entry-points"].items()
    ]
    (info / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
    return folder


def run(installed: Path, folder: Path, *arguments: str) -> str:
    """Run Python with the package installed; return what it prints."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(installed)]), "OMP_NUM_THREADS": "1"}
    environment.pop("CHEM_VAE_WORKSPACE", None)
    done = subprocess.run([sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_command_line_reads_the_format_and_computes_the_property_in_two_processes(
    installed: Path, tmp_path: Path
) -> None:
    (tmp_path / "some.toy").write_text("".join(f">m{i} {'C' * (i + 1)}Cl\n" for i in range(12)), encoding="utf-8")
    command = ["-m", "flows.cli", "ingest", "some.toy", "--compute", "mw,toy_halogens"]
    for setting in ("workers=2", "shard_rows=5", "merges=0", "validation_fraction=0", "test_fraction=0"):
        command += ["--set", f"ingest.{setting}"]
    printed = run(installed, tmp_path, *command)
    assert "12 rows = 12 accepted" in printed
    assert "toy_halogens (computed): 1 ±" in printed


@pytest.mark.slow
def test_search_takes_the_strategy(installed: Path, tmp_path: Path) -> None:
    program = (
        "import pipeline as mg\n"
        "found = mg.optimize('moses', maximize='toy_halogens', calls=20, batch_size=10, strategy='toy_climb')\n"
        "print(found.config.strategy, len(found.calls))\n"
    )
    assert run(installed, tmp_path, "-c", program).split() == ["toy_climb", "20"]


def test_architecture_transform_and_oracle_are_known(installed: Path, tmp_path: Path) -> None:
    program = (
        "import torch\n"
        "from chem_vae.config import ModelConfig\n"
        "from chem_vae.model import ChemVAE\n"
        "from pipeline.objectives.config import Objective\n"
        "from pipeline.objectives.transforms import TRANSFORMS\n"
        "from pipeline.oracles.config import OracleConfig\n"
        "from pipeline.oracles.factory import open_oracle\n"
        "config = ModelConfig('toy_gru', embedding_size=4, encoder_size=4, decoder_size=4, latent_size=2)\n"
        "print(ChemVAE(config, vocabulary_size=5, properties=1).config.architecture)\n"
        "wanted = Objective(transform='toy_plateau', low=1.0, high=3.0)\n"
        "made = TRANSFORMS[wanted.transform](low=wanted.low, high=wanted.high)\n"
        "print(made.compute_desirability(torch.tensor([1.0, 2.0, 3.0])).tolist())\n"
        "with open_oracle(OracleConfig(registered='toy_lengths', options={'best': 3})) as oracle:\n"
        "    print([answer.values for answer in oracle.answers(['CCO', 'CC'])])\n"
    )
    assert run(installed, tmp_path, "-c", program) == "toy_gru\n[0.5, 1.0, 0.5]\n[(0.0,), (-1.0,)]\n"


def test_without_the_package_its_names_are_unknown(tmp_path: Path) -> None:
    program = (
        "from chem_vae.errors import UserError\n"
        "from pipeline.chemistry.properties import get_property\n"
        "try:\n    get_property('toy_halogens')\nexcept UserError:\n    print('unknown')\n"
    )
    assert run(tmp_path, tmp_path, "-c", program) == "unknown\n"
