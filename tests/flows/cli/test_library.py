"""The commands of the candidate library: what they print and write, and their sentences for bad input."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest
from command_line import CommandLine, Done, refused


@pytest.fixture
def library(chem_vae: CommandLine, first_run: Done, workspace: Path, tmp_path: Path) -> Any:
    """Calls `chem-vae library` with a library of its own, in which the finished runs of the session are."""
    own = tmp_path / "own.sqlite"

    def call(name: str, *arguments: object) -> Done:
        return chem_vae("library", name, *arguments, "--library", own, "-w", workspace)

    done = call("add", "all")
    assert done.returncode == 0 and " candidates, " in done.stdout and str(own) in done.stdout, done.stderr
    return call


def read_json(done: Done) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_molecule_from_its_proposal_to_its_measurement(library: Any, tmp_path: Path) -> None:
    best, second, *_ = read_json(library("top", "-n", "5", "--json"))
    assert best["score"] >= second["score"] and best["status"] == "proposed"
    assert best["smiles"] in library("list").stdout
    done = library(
        "set-status", best["id"], second["smiles"], "--status", "ordered", "--why", "can be bought", "--by", "Ann"
    )
    assert done.returncode == 0 and best["id"] in done.stdout and second["id"] in done.stdout
    assert {row["id"] for row in read_json(library("list", "--status", "ordered", "--json"))} == {
        best["id"],
        second["id"],
    }
    assert library("list", "--status", "ordered", "--count").stdout == "2\n"
    measured = tmp_path / "measured.csv"
    measured.write_text(f"ID,potency,assay\n{best['id']},>6.5,A1\n{second['inchikey']},4.2,A1\nCV-999999,1,A1\n")
    done = library("import-measurements", measured, "--unmatched", tmp_path / "left.csv")
    assert "3 rows of measured.csv: 2 belong to molecules of the library, 1 does not" in done.stdout
    assert "2 measurements of 2 molecules are new, 0 were there already" in done.stdout
    assert "CV-999999" in (tmp_path / "left.csv").read_text()
    assert "0 measurements of 0 molecules are new, 2 were there" in library("import-measurements", measured).stdout
    june = tmp_path / "june.csv"
    june.write_text(f"ID,potency,assay\n{second['id']},4.2,A1\n")
    assert "equal to measurements of other files (1 of measured.csv)" in library("import-measurements", june).stderr
    assert "1 measurement of 1 molecule is new" in library("import-measurements", june, "--replicates").stdout
    history = read_json(library("show", best["smiles"], "--json"))
    assert history["statuses"][-1]["why"] or history["statuses"][0]["why"] == "can be bought"
    assert {row["who"] for row in history["statuses"]} >= {"Ann"}
    assert [row["cell"] for row in history["measurements"]] == [">6.5"]
    shown = library("show", best["id"]).stdout
    assert all(title in shown for title in ("values", "proposed by", "statuses", "measurements", "can be bought"))


def test_measurements_are_brought_to_a_run_that_has_learned_them(library: Any, tmp_path: Path) -> None:
    best, *_ = read_json(library("top", "-n", "1", "--json"))
    measured, labels = tmp_path / "measured.csv", tmp_path / "my labels.csv"
    measured.write_text(f"ID,half life\n{best['id']},12\n")
    done = library("import-measurements", measured, "--property", "half life")
    assert "has learned half life yet" in done.stderr
    assert "next: chem-vae library export labels.csv --labels" in done.stderr, done.stderr
    done = library("export", labels, "--labels")
    asked = f"chem-vae run --data '{labels}' --property 'half life' --maximize 'half life'"
    assert f"next: {asked}" in done.stderr, "what no run has learned is learned by a first run"
    measured.write_text(f"ID,potency\n{best['id']},6.5\n")
    done = library("import-measurements", measured)
    assert re.search(r"next: chem-vae update \S+ --data library", done.stderr), done.stderr
    done = library("export", labels, "--labels")
    assert re.search(r"next: chem-vae update \S+ --data '", done.stderr), done.stderr


def test_conditions_pages_and_exports(library: Any, tmp_path: Path) -> None:
    rows = read_json(library("list", "--range", "logp_computed>0", "--sort", "logp_computed", "--ascending", "--json"))
    values = [row["logp_computed"] for row in rows]
    assert values and values == sorted(values) and min(values) > 0
    first = library("list", "-n", "1", "--range", "logp_computed>0")
    assert "more molecules follow: --page 2" in first.stderr
    second = read_json(library("list", "-n", "1", "--page", "2", "--json"))
    assert second == read_json(library("list", "-n", "1", "--offset", "1", "--json"))
    alike = read_json(library("list", "--similar-to", rows[0]["smiles"], "--min-similarity", "0.99", "--json"))
    assert alike[0]["smiles"] == rows[0]["smiles"] and alike[0]["similarity"] == 1
    assert all("N" in row["smiles"].upper() for row in read_json(library("list", "--smarts", "[#7]", "--json")))
    assert "no molecule matches" in library("list", "--smarts", "[Xe]").stderr
    table = tmp_path / "found.csv"
    done = library("export", table, "--run", "latest")
    assert done.returncode == 0 and f"molecules: {table}" in done.stdout and "their columns: " in done.stdout
    with table.open(newline="") as file:
        assert len(list(csv.DictReader(file))) == int(done.stdout.split()[0])


def test_two_libraries_become_one(library: Any, chem_vae: CommandLine, workspace: Path, tmp_path: Path) -> None:
    known = len(read_json(library("list", "-n", "1000", "--json")))
    done = chem_vae("library", "merge", tmp_path / "own.sqlite", "--library", tmp_path / "b.sqlite", "-w", tmp_path)
    assert (
        done.returncode == 0 and f"{known:,} molecules of" in done.stdout and f"{known:,} are new here" in done.stdout
    )
    done = chem_vae("library", "merge", tmp_path / "own.sqlite", "--library", tmp_path / "b.sqlite", "-w", tmp_path)
    assert "0 are new here" in done.stdout


def test_bad_requests_are_refused(library: Any, tmp_path: Path) -> None:
    refused(library("list", "--smarts", "c1cc"), "no SMARTS")
    refused(library("list", "--similar-to", "xx"), "no SMILES")
    refused(library("list", "--range", "logpp>1"), "logp")
    refused(library("list", "--status", "lost"), "shortlisted")
    refused(library("list", "--since", "yesterday"), "yesterday")
    refused(library("list", "--run", "nothing"), "nothing")
    refused(library("show", "CV-999999"), "CV-999999")
    refused(library("set-status", "CCO", "--status", "lost"), "shortlisted")
    refused(library("merge", tmp_path / "nothing.sqlite"), "there is no library")
    refused(library("import-measurements", tmp_path / "nothing.csv"), "nothing.csv")
    refused(library("export", tmp_path / "found.doc"), ".csv")


def test_a_number_of_molecules_is_at_least_one(library: Any) -> None:
    for command in (("top", "-n", "-3"), ("list", "-n", "0")):
        refused = library(*command)
        assert refused.returncode == 2 and "--limit (-n) is 1 or more" in refused.stderr
