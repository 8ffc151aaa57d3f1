"""The commands that look at what is there: report, runs, datasets, models, inspect."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from command_line import CommandLine, Done, refused

from pipeline.workflows.records.failed_run import write_failed_run
from pipeline.workspace.lookup import list_shipped_models


def test_a_run_folder_with_parts_missing_says_which_and_shows_the_rest(
    chem_vae: CommandLine, first_run: Done, workspace: Path, tmp_path: Path
) -> None:
    run = next(path for path in (workspace / "runs").iterdir() if (path / "manifest.json").exists())
    copy = shutil.copytree(run, tmp_path / "runs" / run.name)
    for name in ("candidates.csv", "report.html"):
        (copy / name).unlink()
    done = chem_vae("report", run.name, "-w", tmp_path)
    assert done.returncode == 0 and "valid" in done.stdout and "report: " not in done.stdout
    assert "candidates.csv, report.html; what is left is shown" in done.stderr
    made = json.loads(chem_vae("report", run.name, "-w", tmp_path, "--json").stdout)
    assert made["missing"] == ["candidates.csv", "report.html"] and made["best"] == [] and made["funnel"]
    done = chem_vae("report", run.name, "-w", tmp_path, "--open")
    assert done.returncode == 2 and "error: there is no " in done.stderr


def test_report_runs_inspect_datasets(chem_vae: CommandLine, first_run: Done, workspace: Path) -> None:
    run = Path(first_run.stdout.strip().splitlines()[-1].removeprefix("report: ")).parent
    done = chem_vae("report", run.name, "--workspace", workspace)
    assert done.returncode == 0 and done.stdout == first_run.stdout
    latest = chem_vae("report", "--workspace", workspace)
    assert latest.returncode == 0 and "report: " in latest.stdout
    done = chem_vae("runs", "--workspace", workspace)
    assert done.returncode == 0 and run.name in done.stdout and "2.5 ± 1" in done.stdout and "finished" in done.stdout
    (entry,) = [
        e for e in json.loads(chem_vae("runs", "--json", "--workspace", workspace).stdout) if e["id"] == run.name
    ]
    assert entry["state"] == "finished" and entry["shared_bytes"] > 0 < entry["bytes"]
    assert entry["candidates"] == json.loads((run / "manifest.json").read_text())["candidates"] > 0
    refused(chem_vae("compare", run.name, run.name, "--workspace", workspace), "given twice")
    refused(chem_vae("compare", "nobody", "--workspace", workspace), "no two finished runs")
    dataset = next((workspace / "datasets").glob("molecules-????????"))
    model = next((workspace / "models").glob("molecules-????????"))
    for path, word in (
        (dataset, "300 rows"),
        (model, "parameters"),
        (run, "within target"),
        (run / "model", "parameters"),
    ):
        done = chem_vae("inspect", path)
        assert done.returncode == 0, done.stderr
        assert word in done.stdout
    done = chem_vae("datasets")
    assert done.returncode == 0 and "moses-sample" in done.stdout and "MIT" in done.stdout


def test_an_empty_workspace(chem_vae: CommandLine, tmp_path: Path) -> None:
    done = chem_vae("runs", "--workspace", tmp_path)
    assert done.returncode == 0 and done.stdout == "" and "no finished runs" in done.stderr
    refused(chem_vae("report", "--workspace", tmp_path), "no finished run", "chem-vae run")
    refused(chem_vae("generate", "--model", "latest", "--workspace", tmp_path), "no finished model", "chem-vae run")
    refused(chem_vae("train", "--workspace", tmp_path), "no finished dataset", "chem-vae ingest")


def test_a_failed_night_stands_among_the_runs(chem_vae: CommandLine, tmp_path: Path) -> None:
    reason = f"unknown property of this model 'nonsense'\nknown are {', '.join(f'p{i}' for i in range(80))}"
    folder = write_failed_run(tmp_path, "kin", "Failed", reason, settings={})
    done = chem_vae("runs", "--workspace", tmp_path)
    assert done.returncode == 0 and "unknown property of this model 'nonsense' known are p0," in done.stdout
    assert str(folder / "report.html") in done.stderr and max(map(len, done.stdout.splitlines())) < 250
    (entry,) = json.loads(chem_vae("runs", "--json", "--workspace", tmp_path).stdout)
    assert (entry["id"], entry["state"]) == (folder.name, "failed") and entry["why"].endswith("p79")
    refused(chem_vae("report", "--workspace", tmp_path), "no finished run")


def test_a_shipped_model_generates_where_the_workspace_has_none(chem_vae: CommandLine, tmp_path: Path) -> None:
    done = chem_vae("generate", "-n", "3", "--samples", "30", "-q", "--workspace", tmp_path)
    assert done.returncode == 0, done.stderr
    name = next(iter(list_shipped_models()))
    assert f"{name} is taken, which came with the installation; --model names another one" in done.stderr
    again = chem_vae("explore", "analogues", "CC(=O)Nc1ccc(O)cc1", "-n", "2", "-q", "--workspace", tmp_path)
    assert again.returncode == 0 and "is taken" not in again.stderr  # the run's model is the latest now


def test_damaged_checkpoints(chem_vae: CommandLine, first_run: Done, workspace: Path, tmp_path: Path) -> None:
    import shutil

    model = next((workspace / "models").glob("molecules-????????"))
    shutil.copytree(model, tmp_path / "cut")
    weights = tmp_path / "cut" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    refused(chem_vae("inspect", tmp_path / "cut"), "damaged")
    refused(chem_vae("generate", "--model", tmp_path / "cut", "-q", "--workspace", tmp_path), "damaged")
    shutil.copytree(model, tmp_path / "newer")
    for name in ("model.json", "manifest.json"):
        path = tmp_path / "newer" / name
        path.write_text(json.dumps({**json.loads(path.read_text()), "format_version": 99}))
    refused(chem_vae("inspect", tmp_path / "newer"), "format 99")


def test_runs_of_version_0_1_0_are_listed_and_shown(chem_vae: CommandLine) -> None:
    workspace = Path(__file__).parents[2] / "old_formats" / "workspace"
    listed = chem_vae("runs", "--workspace", workspace).stdout
    assert "20261125-200551-search" in listed and "13 of 30" in listed and "0 of 17" in listed
    for command in (
        ("report", "20261125-200547-tiny", "--workspace", workspace),
        ("inspect", workspace / "runs" / "20261125-200551-search"),
    ):
        done = chem_vae(*command)
        assert done.returncode == 0, done.stderr
        assert "logP (Crippen)" in done.stdout and "the predictor of potency is weak" in done.stdout


def test_a_dataset_tells_of_its_rows_and_writes_them_out(chem_vae: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "my.csv").write_text("SMILES,id\nCCCCO,1\nCCCC(=O)[O-].[Na+],2\nnot one,3\nCCCCN,4\n")
    done = chem_vae("ingest", tmp_path / "my.csv", "--workspace", tmp_path, "--set", "ingest.merges=5", "-q")
    assert done.returncode == 0, done.stderr
    done = chem_vae(
        "inspect", "my", "--workspace", tmp_path, "--rejected", tmp_path / "no.csv", "--changed", tmp_path / "c.xlsx"
    )
    assert done.returncode == 0, done.stderr
    assert "row 4: 'not one'" in done.stdout and "uncharged: 1, such as row 3" in done.stdout
    assert f"1 rejected row: {tmp_path / 'no.csv'}" in done.stdout and (tmp_path / "c.xlsx").stat().st_size
    assert (tmp_path / "no.csv").read_text().splitlines()[1].startswith("4,not one,parse,")
    refused(chem_vae("inspect", "my", "--workspace", tmp_path, "--rejected", tmp_path / "a.doc"), ".csv or .xlsx")
    refused(chem_vae("inspect", "moses", "--workspace", tmp_path, "--rejected", tmp_path / "a.csv"), "dataset")
