"""The command `predict`: a file or SMILES in, values, domain and reasons out."""

from __future__ import annotations

import csv
from pathlib import Path

from command_line import CommandLine, Done, refused

from flows.cli.predict import FORMATS


def test_a_file_and_smiles_are_predicted(
    chem_vae: CommandLine, first_run: Done, workspace: Path, molecules: Path, tmp_path: Path
) -> None:
    ideas = tmp_path / "ideas.csv"
    smiles = [line.split(",")[0] for line in molecules.read_text().splitlines()[1:30]]
    ideas.write_text("\n".join(["SMILES,Name", *(f"{s},m{i}" for i, s in enumerate(smiles)), "xx,bad"]) + "\n")
    table = tmp_path / "predicted.csv"
    done = chem_vae("predict", ideas, "-m", "tiny", "-o", table, "-w", workspace)
    assert done.returncode == 0, done.stderr
    assert "potency_predicted" in done.stdout and f"30 rows: {table}" in done.stdout
    assert "1 of 30 rows cannot be read" in done.stderr and "rows have a prediction of potency" in done.stderr
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["Name"] for row in rows] == [*(f"m{i}" for i in range(29)), "bad"]
    assert rows[-1]["reason"] and not rows[-1]["potency_predicted"]
    done = chem_vae("predict", "OCC", "c1ccccc1", "-m", "tiny", "-w", workspace)
    assert done.returncode == 0 and "CCO" in done.stdout and "outside of the domain of potency" in done.stdout


def test_a_model_without_measured_properties_computes(chem_vae: CommandLine, workspace: Path) -> None:
    done = chem_vae("predict", "CCO", "-m", "moses", "-w", workspace)
    assert done.returncode == 0 and " 46.1 " in done.stdout, "ethanol has its weight"
    assert "nothing is predicted: all values are computed" in done.stderr


def test_every_promised_ending_is_written(
    chem_vae: CommandLine, first_run: Done, workspace: Path, tmp_path: Path
) -> None:
    for ending in FORMATS:
        table = tmp_path / f"found{ending}"
        done = chem_vae("predict", "CCO", "-m", "tiny", "-w", workspace, "-o", table)
        assert done.returncode == 0 and table.stat().st_size, done.stderr


def test_bad_requests_are_refused(chem_vae: CommandLine, first_run: Done, workspace: Path, tmp_path: Path) -> None:
    refused(chem_vae("predict", "-m", "tiny", "-w", workspace), "give SMILES, or a file")
    for name in ("found.doc", "found.parquet"):  # before the model is even looked for
        done = chem_vae("predict", "CCO", "-m", "nothing", "-w", workspace, "-o", tmp_path / name)
        refused(done, "must end in .csv or .xlsx")
    for limit in (-1, 0):
        done = chem_vae("predict", "CCO", "CCN", "-m", "nothing", "-w", workspace, "--limit", limit)
        refused(done, f"limit is {limit}: it must be 1 or more")
    refused(chem_vae("predict", "a.csv", "b.csv", "-m", "nothing", "-w", workspace), "give one file, or SMILES")
    (tmp_path / "empty.csv").write_text("SMILES,name\n")
    refused(chem_vae("predict", tmp_path / "empty.csv", "-m", "tiny", "-w", workspace, "-q"), "has no rows")
    refused(chem_vae("predict", tmp_path / "nothing.csv", "-m", "tiny", "-w", workspace), "nothing.csv")
