from __future__ import annotations

from pathlib import Path

import pytest

from chem_vae.errors import DataError, NoSmilesColumnError, UnclearColumnError
from pipeline.datasets.readers import Hints
from pipeline.datasets.readers.source import Source
from tests.pipeline.datasets.reading import molecules, read_all, write

MOLECULES = ["CCOc1ccccc1C(=O)N", "CC(=O)Nc1ccc(O)cc1", "Cc1ccc(S(N)(=O)=O)cc1", "O=C(O)c1ccccc1OC"]
CHIRAL = ["C[C@H](N)c1ccccc1", "F/C=C/Cl", "CC[C@@H](C)C(=O)O", "Cc1ccccc1"]
FLAT = ["CC(N)c1ccccc1", "FC=CCl", "CCC(C)C(=O)O", "Cc1ccccc1"]


def make_table(*columns: tuple[str, list[str]]) -> str:
    names, cells = zip(*columns, strict=True)
    return "\n".join([",".join(names), *(",".join(row) for row in zip(*cells, strict=True))])


def test_cells_win_over_the_name(tmp_path: Path) -> None:
    ids = [f"ACE-{i}" for i in range(4)]
    text = make_table(("Molecule", ids), ("Cleaned SMILES", MOLECULES), ("pIC50", list("5678")))
    source, chunks = read_all(write(tmp_path, "a.csv", text), rows=9)
    assert source.smiles_column == "Cleaned SMILES" and [s for _, s in molecules(chunks)] == MOLECULES
    assert chunks[0].columns["Molecule"] == ids
    assert any("'Cleaned SMILES'" in note and "'Molecule' holds identifiers" in note for note in source.notes)
    text = make_table(("smiles", [""] * 4), ("drawn", MOLECULES))
    assert read_all(write(tmp_path, "b.csv", text))[0].smiles_column == "drawn", "a SMILES column that is empty"


@pytest.mark.parametrize("names", [("reactant", "product"), ("SMILES", "parent SMILES"), ("smiles", "scaffold")])
def test_two_columns_of_different_molecules_are_a_question(tmp_path: Path, names: tuple[str, str]) -> None:
    path = write(tmp_path, "a.csv", make_table((names[0], MOLECULES), (names[1], MOLECULES[::-1])))
    with pytest.raises(UnclearColumnError) as error:
        Source.open(path)
    assert error.value.columns == names
    for name, example in zip(names, (MOLECULES[0], MOLECULES[3]), strict=True):
        assert name in str(error.value) and example in str(error.value)
    assert "--smiles-column" in str(error.value)
    assert Source.open(path, Hints(names[1])).smiles_column == names[1]


@pytest.mark.parametrize(
    "names", [("canonical_smiles", "isomeric_smiles"), ("isosmiles", "canonicalsmiles"), ("a", "b")]
)
@pytest.mark.parametrize("stereo_first", [True, False])
def test_of_two_copies_the_one_with_stereo_is_taken_and_said(
    tmp_path: Path, names: tuple[str, str], stereo_first: bool
) -> None:
    cells = (CHIRAL, FLAT) if stereo_first else (FLAT, CHIRAL)
    source = Source.open(write(tmp_path, "a.csv", make_table(*zip(names, cells, strict=True))))
    assert source.smiles_column == names[cells.index(CHIRAL)]
    assert any("with stereo" in note and "same molecules" in note for note in source.layout.notes)


@pytest.mark.parametrize(
    ("name", "cells", "kind"),
    [
        ("InChI", ["InChI=1S/C2H6O/c1-2-3/h3H,2H2,1H3", "InChI=1S/CH4/h1H4"], "InChI"),
        ("smiles", ["InChI=1S/C2H6O/c1-2-3/h3H2", "InChI=1S/CH4/h1H4"], "InChI"),
        ("key", ["LFQSCWFLJHTTHZ-UHFFFAOYSA-N", "VNWKTOKETHGBQD-UHFFFAOYSA-N"], "InChIKeys"),
        ("CAS", ["64-17-5", "50-78-2"], "CAS numbers"),
        ("compound", ["aspirin", "caffeine"], "names"),
        ("molecule", ["aspirin", "caffeine"], "names"),
        ("selfies", ["[C][C][O]", "[C][=C][C][Ring1][O]"], "SELFIES"),
    ],
)
def test_a_file_without_smiles_is_told_what_it_holds(tmp_path: Path, name: str, cells: list[str], kind: str) -> None:
    path = write(tmp_path, "a.csv", make_table(("id", ["7", "8"]), (name, [f'"{cell}"' for cell in cells])))
    with pytest.raises(DataError, match=f"no column of a.csv holds SMILES.*{name!r} seems to hold {kind}: "):
        Source.open(path)


def test_a_file_without_smiles_names_first_what_looks_most_like_them(tmp_path: Path) -> None:
    words = ["not a molecule", "nor this", "a plate", MOLECULES[0]]
    path = write(tmp_path, "a.csv", make_table(("no", list("1234")), ("drawn", words), ("unit", ["nM"] * 4)))
    with pytest.raises(NoSmilesColumnError) as error:
        Source.open(path)
    assert error.value.columns == ("drawn", "no", "unit")


def test_the_first_molecule_may_come_late(tmp_path: Path) -> None:
    text = make_table(("id", [str(i) for i in range(304)]), ("drawing", [""] * 300 + MOLECULES))
    assert Source.open(write(tmp_path, "a.csv", text)).smiles_column == "drawing"


def test_a_name_behind_the_smiles_in_a_cell_is_kept(tmp_path: Path) -> None:
    cells = [f"{smiles} CPD {i}" for i, smiles in enumerate(MOLECULES)]
    source, chunks = read_all(write(tmp_path, "a.csv", make_table(("smiles", cells), ("x", list("1234")))), rows=9)
    assert [s for _, s in molecules(chunks)] == cells, "the input stays whole"
    assert chunks[0].columns == {"x": list("1234"), "name": [f"CPD {i}" for i in range(4)]}
    assert any("'name'" in note for note in source.notes)
    source, chunks = read_all(write(tmp_path, "c.csv", f'smiles,x\n"{MOLECULES[0]} a\nb",1\n{MOLECULES[1]} c,2\n'))
    assert source.count() == 3 == sum(len(chunk) + chunk.line_breaks for chunk in chunks), "a line break counts once"
    text = make_table(("smiles", cells), ("name", list("abcd")))
    assert read_all(write(tmp_path, "b.csv", text))[0].columns == ["name", "smiles name"]
    text = make_table(("smiles", cells), ("name", list("abcd")), ("smiles name", list("efgh")))
    assert read_all(write(tmp_path, "d.csv", text))[0].columns == ["name", "smiles name", "smiles name.1"]


def test_cxsmiles_stay_whole_in_every_kind_of_file(tmp_path: Path) -> None:
    extended = ["C[C@H](N)c1ccccc1 |&1:1|", "O[C@H](Br)[C@H](F)C |&1:1,3|", "CCO"]
    listed = "".join(f"{text}\tcpd {i}\n" for i, text in enumerate(extended))
    for name, text in (("a.smi", listed.replace("\t", " ")), ("b.smi", listed), ("c.smi", listed.replace("\t", "  "))):
        _, (chunk,) = read_all(write(tmp_path, name, text))
        assert chunk.inputs == extended and chunk.columns["name"] == ["cpd 0", "cpd 1", "cpd 2"]
    text = make_table(("smiles", [f'"{cell}"' for cell in extended]), ("x", list("123")))
    _, (chunk,) = read_all(write(tmp_path, "d.csv", text))
    assert chunk.inputs == extended and chunk.columns == {"x": list("123")}


def test_commas_between_the_bars_need_no_quotes(tmp_path: Path) -> None:
    text = "id,smiles,x\n1,C[C@H](N)c1ccccc1 |&1:1,3,4|,5\n2,CCO |o1:1,2|,6\n3,CCN,7\n4,CCN,7,8\n"
    _, (chunk,) = read_all(write(tmp_path, "a.csv", text), rows=9)
    assert chunk.inputs == ["C[C@H](N)c1ccccc1 |&1:1,3,4|", "CCO |o1:1,2|", "CCN"]
    assert chunk.columns == {"id": ["1", "2", "3"], "x": ["5", "6", "7"]} and len(chunk.rejections) == 1


def test_the_products_own_tables_ask_no_question(tmp_path: Path) -> None:
    text = make_table(
        ("rank", list("1234")),
        ("smiles", MOLECULES),
        ("nearest_training_smiles", MOLECULES[::-1]),
        ("nearest_measured_smiles", MOLECULES[::-1]),
    )
    assert Source.open(write(tmp_path, "a.csv", text)).smiles_column == "smiles"


def test_an_extension_behind_the_name_stays_with_its_structure(tmp_path: Path) -> None:
    text = "C[C@H](N)O alaninol |&1:1|\nC[C@H](N)CO |&1:1| b\nCCO d\nc1ccccc1O | g\n"
    _, (chunk, *_) = read_all(write(tmp_path, "a.smi", text), rows=9)
    assert chunk.inputs == ["C[C@H](N)O |&1:1|", "C[C@H](N)CO |&1:1|", "CCO", "c1ccccc1O"]
    assert chunk.columns == {"name": ["alaninol", "b", "d", "| g"]}
