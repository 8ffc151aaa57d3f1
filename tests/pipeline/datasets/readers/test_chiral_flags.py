"""The chiral flag of mol blocks: a racemate is not one enantiomer, and a program that never sets the flag does not mean it."""

from __future__ import annotations

from pathlib import Path

import pytest
from rdkit import Chem
from rdkit.Chem import rdDistGeom

from pipeline.chemistry.config import StandardizeOptions
from pipeline.chemistry.molecule import Molecule
from pipeline.chemistry.standardization.standardize import Standardizer
from pipeline.datasets.config import IngestConfig
from pipeline.datasets.ingest import ingest
from pipeline.datasets.readers.chiral_flags import count_chiral_flags
from pipeline.datasets.readers.text_files import read_raw_lines
from tests.pipeline.datasets.reading import write

CHIRAL, OTHER, FLAT = "C[C@H](N)c1ccccc1", "CC[C@@H](O)c1ccccc1", "CCOc1ccccc1"


def write_block(smiles: str, flag: int, v3000: bool = False, deep: bool = False) -> str:
    mol = Chem.MolFromSmiles(smiles)
    if deep:
        mol = Chem.AddHs(mol)
        assert rdDistGeom.EmbedMolecule(mol, randomSeed=1) == 0
    mol.SetIntProp("_MolFileChiralFlag", flag)
    return str(Chem.MolToMolBlock(mol, forceV3000=v3000))


def ingest_blocks(folder: Path, *blocks: str, meaning: str = "auto") -> tuple[dict[str, str], list[str]]:
    """Ingest mol blocks; returns the SMILES by the input, and the notes."""
    path = write(folder, "a.sdf", "$$$$\n".join(blocks))
    config = {
        "source": str(path), "compute": ("mw",), "merges": 0, "validation_fraction": 0, "test_fraction": 0, "workers": 1,
        "standardize": {"chiral_flag": meaning},
    }  # fmt: skip
    dataset = ingest(IngestConfig.model_validate(config), folder)
    table = dataset.table()
    return dict(zip(table["input"], table["smiles"], strict=True)), dataset.manifest["notes"]


@pytest.mark.parametrize("v3000", [False, True])
def test_flags_are_counted(tmp_path: Path, v3000: bool) -> None:
    blocks = [
        write_block(CHIRAL, 1, v3000), write_block(CHIRAL, 0, v3000), write_block(OTHER, 0, v3000),
        write_block(FLAT, 0, v3000), write_block("F/C=C/F", 0, v3000), write_block(CHIRAL, 0, v3000, deep=True),
    ]  # fmt: skip
    assert count_chiral_flags(read_raw_lines(write(tmp_path, "a.sdf", "$$$$\n".join(blocks)))) == (1, 2)
    assert count_chiral_flags(read_raw_lines(write(tmp_path, "b.sdf", "".join(blocks).replace("\n", "\r\n")))) == (1, 2)


def test_records_with_stereo_groups_do_not_count(tmp_path: Path) -> None:
    mol = Chem.MolFromSmiles(f"{CHIRAL} |&1:1|")
    blocks = [str(Chem.MolToV3KMolBlock(mol)), write_block(CHIRAL, 0, v3000=True)]
    assert count_chiral_flags(read_raw_lines(write(tmp_path, "a.sdf", "$$$$\n".join(blocks)))) == (0, 1)


def test_a_file_that_never_sets_the_flag_is_taken_as_drawn(tmp_path: Path) -> None:
    found, notes = ingest_blocks(tmp_path, write_block(CHIRAL, 0), write_block(OTHER, 0), write_block(FLAT, 0))
    assert set(found.values()) == {CHIRAL, Chem.CanonSmiles(OTHER), FLAT}
    assert [n for n in notes if "chiral flag" in n] == [
        "2 records with wedges have the chiral flag 0, which means a racemate by the CTfile rules: they were taken as drawn, "
        "since no record of the file sets the flag; set `ingest.standardize.chiral_flag` to 'racemic' if they are racemates"
    ]


@pytest.mark.parametrize("v3000", [False, True])
def test_a_file_that_uses_the_flag_is_believed(tmp_path: Path, v3000: bool) -> None:
    blocks = (write_block(CHIRAL, 1, v3000), write_block(OTHER, 0, v3000), write_block(FLAT, 0, v3000))
    found, notes = ingest_blocks(tmp_path, *blocks)
    assert found == {CHIRAL: CHIRAL, Chem.CanonSmiles(OTHER): "CCC(O)c1ccccc1", FLAT: FLAT}
    assert any("1 record with wedges" in note and "made undefined" in note for note in notes)


def test_the_setting_wins(tmp_path: Path) -> None:
    blocks = (write_block(CHIRAL, 1), write_block(OTHER, 0))
    found, notes = ingest_blocks(tmp_path, *blocks, meaning="absolute")
    assert Chem.CanonSmiles(OTHER) in found.values()
    assert any("as `ingest.standardize.chiral_flag` says" in note for note in notes)
    found, _ = ingest_blocks(tmp_path, write_block(OTHER, 0), meaning="racemic")
    assert list(found.values()) == ["CCC(O)c1ccccc1"]


def test_coordinates_in_space_and_double_bonds_keep_their_stereo() -> None:
    standardize = Standardizer(StandardizeOptions(chiral_flag="racemic"))
    for block, smiles in (
        (write_block(CHIRAL, 0, deep=True), CHIRAL),
        (write_block("F/C=C/F", 0), "F/C=C/F"),
        (write_block("F/C=C/[C@H](C)O", 0), "CC(O)/C=C/F"),
    ):
        found = standardize.from_molblock(block)
        assert isinstance(found, Molecule)
        assert found.smiles == smiles


@pytest.mark.parametrize(
    ("groups", "smiles"),
    [("&1:1", "CC(N)c1ccccc1"), ("o1:1", "CC(N)c1ccccc1"), ("a:1", CHIRAL)],
)
@pytest.mark.parametrize("flag", [0, 1])
def test_stereo_groups_of_a_mol_block_and_the_original(tmp_path: Path, groups: str, smiles: str, flag: int) -> None:
    mol = Chem.MolFromSmiles(f"{CHIRAL} |{groups}|")
    mol.SetIntProp("_MolFileChiralFlag", flag)
    found, _ = ingest_blocks(tmp_path, str(Chem.MolToMolBlock(mol, forceV3000=True)), write_block(FLAT, 0))
    ((original, kept),) = ((original, kept) for original, kept in found.items() if "N" in kept)
    assert kept == smiles
    assert original == (smiles if smiles == CHIRAL else f"{CHIRAL} |{groups}|")


def test_a_racemate_of_two_centers_in_a_mol_block() -> None:
    mol = Chem.MolFromSmiles("C[C@H](O)[C@@H](N)c1ccccc1 |&1:1,3|")
    found = Standardizer().from_molblock(Chem.MolToV3KMolBlock(mol))
    assert isinstance(found, Molecule)
    assert found.smiles == "CC(O)C(N)c1ccccc1"
    assert found.changes == ("stereo of a mixture made undefined",)


@pytest.mark.parametrize(("mark", "smiles"), [("4", "CC(N)c1ccccc1"), ("1", CHIRAL)])
def test_a_wiggly_bond_is_undefined_stereo(mark: str, smiles: str) -> None:
    lines = write_block(CHIRAL, 0).split("\n")
    at = next(i for i, line in enumerate(lines) if len(line) == 12 and line[9:12].strip() in ("1", "6"))
    up = lines[at][9:12].strip() == "1"
    lines[at] = lines[at][:9] + (f"  {mark}" if mark == "4" else lines[at][9:12])
    found = Standardizer().from_molblock("\n".join(lines))
    assert isinstance(found, Molecule)
    assert found.smiles == smiles, up


def test_an_either_double_bond_is_undefined_stereo() -> None:
    lines = write_block("C/C=C/c1ccccc1", 0).split("\n")
    at = next(i for i, line in enumerate(lines) if len(line) == 12 and line[6:9] == "  2")
    lines[at] = lines[at][:9] + "  3"
    found = Standardizer().from_molblock("\n".join(lines))
    assert isinstance(found, Molecule)
    assert found.smiles == "CC=Cc1ccccc1"
