"""Each command of `chem-vae explore` in this process: what it prints, what it writes, and its sentences for bad input."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from command_line import CommandLine, Done
from typer.testing import CliRunner

from chem_vae.errors import UserError
from flows.cli.main import app

COMMANDS = (
    "interpolate", "neighbors", "analogues", "reconstruct", "anomaly", "map", "traverse", "disentangle", "calibration",
    "robustness", "unusual",
)  # fmt: skip
A, B = "OCCc1ccc(cc1)C(=O)N", "COC1CCN(CC1)C(=O)OC"


@pytest.fixture(scope="session")
def model(first_run: Done, workspace: Path) -> Path:
    """A workspace with the dataset and the model of the session's first run."""
    return workspace


def explore(workspace: Path, *arguments: object) -> str:
    """Standard output of a command that works."""
    done = CliRunner().invoke(
        app, ["explore", *map(str, arguments), "--workspace", str(workspace)], catch_exceptions=False
    )
    assert done.exit_code == 0, done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("next: chem-vae "), done.stderr
    return done.stdout


def test_help_teaches(chem_vae: CommandLine) -> None:
    done = chem_vae("explore", "--help")
    assert done.returncode == 0 and all(f"│ {command} " in done.stdout for command in COMMANDS)
    for command in COMMANDS:
        text = CliRunner().invoke(app, ["explore", command, "--help"]).stdout
        assert f"chem-vae explore {command}" in " ".join(text.split()) and "--debug" in text


def test_interpolate(model: Path, tmp_path: Path) -> None:
    out = explore(model, "interpolate", A, B, "--steps", 5, "-o", tmp_path / "path.svg")
    assert "NC(=O)c1ccc(CCO)cc1" in out and "COC(=O)N1CCC(OC)CC1" in out and "logp (computed)" in out
    drawn = ElementTree.parse(tmp_path / "path.svg").getroot().findall("{http://www.w3.org/2000/svg}svg")
    assert "5 molecules: " in out and 2 <= len(drawn) <= 5, "at least both ends are drawn"
    explore(model, "interpolate", A, B, "--distinct", "-o", tmp_path / "path.png")
    assert (tmp_path / "path.png").read_bytes().startswith(b"\x89PNG")


def test_the_next_command_is_about_the_same_model(model: Path) -> None:
    arguments = ["explore", "interpolate", A, B, "--steps", "3", "--workspace", str(model)]
    folder = next((model / "models").glob("*/manifest.json")).parent
    named = CliRunner().invoke(app, [*arguments, "--model", folder.name], catch_exceptions=False)
    assert f" --model {folder.name} --workspace" in named.stderr.splitlines()[-1]
    assert "--model" not in CliRunner().invoke(app, arguments, catch_exceptions=False).stderr


def test_neighbors_and_analogues(model: Path, tmp_path: Path) -> None:
    out = explore(model, "neighbors", A, "-k", 3, "-o", tmp_path / "near.csv", "-q")
    assert "distance" in out and len((tmp_path / "near.csv").read_text().splitlines()) == 4
    explore(model, "analogues", A, "-n", 3, "--temperature", 0.8, "-o", tmp_path / "new.sdf", "-q")
    assert "<distance>" in (tmp_path / "new.sdf").read_text()


def test_reconstruct_and_anomaly(model: Path, molecules: Path, tmp_path: Path) -> None:
    out = explore(model, "reconstruct", molecules, "--limit", 30, "-o", tmp_path / "back.csv", "-q")
    assert "of 30 (" in out and len((tmp_path / "back.csv").read_text().splitlines()) == 31
    out = explore(model, "anomaly", A, "C[Se]C", "nonsense", "-q")
    first = out.splitlines()[2]
    assert first.split()[:2] == ["2", "100"] and "[Se]" in first
    explore(model, "anomaly", molecules, "--limit", 40, "-o", tmp_path / "strange.png", "-q")
    assert (tmp_path / "strange.png").stat().st_size > 5000


def test_map_traverse_and_disentangle(model: Path, tmp_path: Path) -> None:
    out = explore(model, "map", A, "C[Se]C", "--color", "potency", "-o", tmp_path / "map.png", "-q")
    assert "1 of 2 given molecules placed" in out and (tmp_path / "map.png").exists()
    out = explore(model, "traverse", A, "--which", "0,2", "--steps", 3, "-o", tmp_path / "rows.svg")
    assert "axis 2" in out and (tmp_path / "rows.svg").exists()
    out = explore(model, "disentangle", "--method", "r2", "-o", tmp_path / "heat.png", "-q")
    assert "potency" in out and "gap" in out and (tmp_path / "heat.png").exists()


def test_calibration_and_robustness(model: Path, tmp_path: Path) -> None:
    out = explore(model, "calibration", "-o", tmp_path / "coverage.png", "-q")
    assert "90% interval" in out and (tmp_path / "coverage.png").exists()
    out = explore(model, "robustness", A, B, "--shares", "0,0.5", "-o", tmp_path / "damage.csv", "-q")
    assert "exact_share" in out and len((tmp_path / "damage.csv").read_text().splitlines()) == 3


def test_mistakes_are_sentences(model: Path, tmp_path: Path, chem_vae: CommandLine) -> None:
    for arguments, words in (
        (("interpolate", A, "C[Se]C"), "never seen [Se]"),
        (("analogues", "C1CC"), "not a SMILES"),
        (("map", "--method", "pcaa"), "did you mean 'pca'"),
        (("traverse", A, "--which", "a"), "--which 0,3,5"),
        (("robustness", "--shares", "some"), "--shares 0,0.1,0.3"),
        (("neighbors", A, "-o", str(tmp_path / "x.pdf")), "must end in"),
        (("reconstruct",), "no molecule to look at"),
        (("reconstruct", A, B, "--limit", "-1"), "limit is -1"),
        (("reconstruct", "a.csv", "b.smi"), "give one file, or SMILES: a.csv is a file"),
        (("anomaly", A, "a.parquet"), "give one file, or SMILES: a.parquet is a file"),
        (("interpolate", A, B, "--steps", "100000000"), "steps is 100,000,000: it must be from 2 to 10,000"),
        (("anomaly", A, "--limit", "0"), "limit is 0"),
        (("analogues", A, "--reach", "nan"), "reach above 0"),
        (("analogues", A, "--temperature", "-1"), "temperature 0 or more"),
        (("neighbors", A, "--seed", "-1"), "seed is -1"),
        (("map", "--most", "-5"), "most is -5"),
        (("anomaly", A, "-o", str(tmp_path / "no" / "x.csv")), "no folder"),
    ):
        done = CliRunner().invoke(app, ["explore", *arguments, "--workspace", str(model)])
        assert isinstance(done.exception, UserError) and words in str(done.exception), (arguments, done.exception)
    refused = chem_vae("explore", "analogues", "CCO", "--model", "latest", "--workspace", tmp_path)
    assert refused.returncode == 2 and refused.stderr.startswith("error: there is no finished model")


def test_unusual(tmp_path: Path) -> None:
    """One line for each row of the file, names and atoms where something is unusual; what cannot be read is said and counted."""
    file, table = tmp_path / "my.csv", tmp_path / "unusual.csv"
    file.write_text("id,smiles\na,CC(=O)Oc1ccccc1C(=O)O\nb,CCOOCCc1ccccc1\nc,C1CC\nd,OC(O)CCc1ccccc1.Cl\n")
    done = CliRunner().invoke(app, ["explore", "unusual", str(file), "-o", str(table)], catch_exceptions=False)
    assert done.exit_code == 0, done.stderr
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert [line[0] for line in lines] == ["1", "2", "3", "4"] and len(lines[0]) == 2
    assert (
        lines[1][1:] == ["CCOOCCc1ccccc1", "peroxide", "2 3"]
        and lines[2][1] == "C1CC"
        and "cannot be read" in lines[2][2]
    )
    assert lines[3][1:] == ["OC(O)CCc1ccccc1", "geminal diol", "0 1 2"]
    assert (
        "1 of 4 rows cannot be read" in done.stderr and "2 of 3 molecules have something unusual (66.7%)" in done.stderr
    )
    rows = list(csv.DictReader(table.open()))
    assert [row["unusual"] for row in rows] == ["", "peroxide", "", "geminal diol"] and rows[2]["reason"]
    assert "torch" not in subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "flows.cli", "explore", "unusual", "CCO"],
        capture_output=True, text=True, check=True,
    ).stderr  # fmt: skip


def test_one_molecule_has_the_verb_of_one() -> None:
    done = CliRunner().invoke(app, ["explore", "unusual", "CCOOC"], catch_exceptions=False)
    assert "1 of 1 molecule has something unusual" in done.stderr


def test_unusual_is_allowed_by_name_and_by_example(tmp_path: Path) -> None:
    def look(*arguments: object) -> str:
        return CliRunner().invoke(app, ["explore", "unusual", *map(str, arguments)], catch_exceptions=False).stdout

    like = tmp_path / "like.smi"
    like.write_text("COOCCC1CCCCC1 mine\n")
    odd = "CCOOCCc1ccccc1"
    assert "peroxide" in look(odd)
    assert look(odd, "--allow", "Peroxide") == look(odd, "--like", like) == f"1\t{odd}\n"
    with pytest.raises(UserError, match="there is no molecule"):
        look()
    with pytest.raises(UserError, match="did you mean 'peroxide'"):
        look(odd, "--allow", "peroxid")


def test_molecules_that_are_left_out_are_named(model: Path, tmp_path: Path) -> None:
    def say(*arguments: object) -> str:
        given = ["explore", *map(str, arguments), "--workspace", str(model), "-q"]
        done = CliRunner().invoke(app, given, catch_exceptions=False)
        assert done.exit_code == 0, done.stderr
        return done.stderr

    told = say("map", A, "C[Se]C", "C1CC", B, "-o", tmp_path / "map.csv")
    assert "2 of the given molecules are not on the map" in told and "  2: C[Se]C: the model has never seen" in told
    assert "  3: C1CC: not a SMILES" in told
    rows = [row for row in csv.DictReader((tmp_path / "map.csv").open()) if row["kind"] == "own"]
    assert [(row["number"], row["input"], bool(row["x"])) for row in rows] == [
        ("1", A, True), ("2", "C[Se]C", False), ("3", "C1CC", False), ("4", B, True),
    ]  # fmt: skip
    told = say("robustness", A, "C1CC", B, A, *["xx"] * 4, "--shares", "0")
    assert "6 of the given molecules are left out" in told and "  4: " in told and "and 1 more" in told
    assert "the same molecule as number 1" in told


def test_a_table_of_its_own_can_be_read_back(model: Path, tmp_path: Path) -> None:
    """The table of `unusual` has two columns of SMILES, and the advice to choose one can be followed."""
    table = tmp_path / "unusual.csv"
    given = [A + ".Cl", "CCOOCCc1ccccc1.Cl", B + ".Cl"]
    done = CliRunner().invoke(app, ["explore", "unusual", *given, "-o", str(table)], catch_exceptions=False)
    assert done.exit_code == 0, done.stderr
    refused = CliRunner().invoke(app, ["explore", "unusual", str(table)])
    assert "--smiles-column" in str(refused.exception)
    for column in ("smiles", "input"):
        for command in ("reconstruct", "anomaly", "map", "robustness"):
            explore(model, command, table, "--smiles-column", column, "-q")
        done = CliRunner().invoke(app, ["explore", "unusual", str(table), "--smiles-column", column])
        assert done.stdout.count("peroxide") == 1, done.exception
