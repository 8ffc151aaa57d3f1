"""The table of known structures: the same counts give the same bytes, what was counted is found, and damage is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem

from chem_vae.errors import DataError
from pipeline.chemistry.filters.atom_environments import compute_environments
from pipeline.chemistry.filters.structure_counts import count_smiles, count_structures, merge_counts
from pipeline.chemistry.filters.structure_table import load_table, read_table, write_table

SMILES = ["CCOc1ccccc1", "c1ccccc1CC(=O)O", "c1ccccc1CC(=O)[O-].[Na+]", "C1CC", "CCN1CCCC1"]


def test_structures_are_counted_by_molecule() -> None:
    counts = count_smiles(SMILES)
    assert (counts.molecules, counts.rejected) == (4, 1)
    assert sorted(counts.ring_systems.molecules.tolist()) == [1, 3]  # pyrrolidine, and benzene in three molecules
    halves = merge_counts([count_smiles(SMILES[:2]), count_smiles(SMILES[2:])])
    mols = [Chem.MolFromSmiles(s) for s in ("CCOc1ccccc1", "c1ccccc1CC(=O)O", "c1ccccc1CC(=O)O", "CCN1CCCC1")]
    for other in (halves, count_structures(mols)):
        for ours, theirs in zip(counts[2:], other[2:], strict=True):
            assert np.array_equal(ours.keys, theirs.keys) and np.array_equal(ours.molecules, theirs.molecules)


def test_a_table_gives_back_what_was_counted_at_least_twice(tmp_path: Path) -> None:
    counts, path = count_smiles(SMILES), tmp_path / "structures.safetensors"
    write_table(counts, path)
    first = path.read_bytes()
    write_table(merge_counts([count_smiles(SMILES[3:]), count_smiles(SMILES[:3])]), path)
    assert path.read_bytes() == first
    table = read_table(path)
    assert table.molecules == 4
    for counted, known in ((counts.radius_1, table.radius_1), (counts.ring_systems, table.ring_systems)):
        assert known.look_up(counted.keys).tolist() == [n if n > 1 else 0 for n in counted.molecules.tolist()]
    assert table.has_seen(counts.radius_2.keys).tolist() == [n > 1 for n in counts.radius_2.molecules.tolist()]
    write_table(count_smiles([]), path)
    assert not read_table(path).radius_1.look_up(counts.radius_1.keys).any()


def test_a_damaged_table_is_told(tmp_path: Path) -> None:
    path = tmp_path / "structures.safetensors"
    write_table(count_smiles(SMILES), path)
    data = path.read_bytes()
    for wrong in (data[:-3], data[:-3] + b"abc", b"", b"{}"):
        path.write_bytes(wrong)
        with pytest.raises(DataError, match="cannot be read as a table of known structures"):
            read_table(path)


def test_keys_do_not_change() -> None:
    """The shipped table is read with these keys, by every version of RDKit, NumPy and Python."""
    environments = compute_environments(Chem.MolFromSmiles("O=C(Nc1ccccc1)C1CCNC1"))
    assert [f"{key:016x}" for key in environments.radius_1[:3].tolist()] == KEYS[:3]
    assert [f"{key:016x}" for key in environments.radius_2[:2].tolist()] == KEYS[3:5]
    assert [f"{key:016x}" for key, _ in environments.ring_systems] == KEYS[5:]
    table = load_table()
    assert table.molecules > 1_000_000 and table.radius_1.look_up(environments.radius_1).min() > 1000
    assert table.has_seen(environments.radius_2).all()


KEYS = [
    "daf31409be724762",
    "c347f29b3ef976d9",
    "8084873c86e19e32",
    "7918dad1a9d4db5d",
    "f14aaf2836a7ded4",
    "e7c33e47497a2e24",
    "c527da6754e3e565",
]
