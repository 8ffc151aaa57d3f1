"""The commands run, ingest, train and generate: what they print and write, and their sentences for bad input."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from command_line import CommandLine, Done, refused


def test_run_prints_the_candidates_and_the_reports_path(first_run: Done, workspace: Path) -> None:
    lines = first_run.stdout.strip().splitlines()
    assert lines[-1].startswith("report: ") and Path(lines[-1].removeprefix("report: ")).is_file()
    assert any("logp (computed)" in line and "potency (predicted)" in line and "smiles" in line for line in lines)
    assert "requested" in first_run.stdout and "within target" in first_run.stdout
    assert "standardize: 300/300" in first_run.stderr
    assert first_run.stderr.strip().splitlines()[-1].startswith("next: chem-vae report ")


def test_a_second_run_reuses_and_says_so(first_run: Done, chem_vae: CommandLine, config: Path, workspace: Path) -> None:
    done = chem_vae(
        "run", "--config", config, "--set", "generate.n=3", "--name", "again", "-q", CHEM_VAE_WORKSPACE=str(workspace)
    )
    assert done.returncode == 0, done.stderr
    assert "reused: dataset molecules-" in done.stderr and "and model molecules-" in done.stderr
    assert "standardize" not in done.stderr
    folder = Path(done.stdout.strip().splitlines()[-1].removeprefix("report: ")).parent
    assert folder.name.endswith("-again")
    assert json.loads((folder / "config.json").read_text())["generate"]["n"] == 3
    assert f"next: chem-vae report {folder.name} --open\n" in done.stderr  # the variable's workspace need not be named


@pytest.mark.slow
def test_run_as_a_prefect_flow(first_run: Done, chem_vae_process: CommandLine, config: Path, workspace: Path) -> None:
    done = chem_vae_process("run", "--config", config, "--workspace", workspace, "--prefect", "--quiet")
    assert done.returncode == 0, done.stderr
    assert "report: " in done.stdout
    lines = done.stderr.strip().splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "reused",
        "reused",
        "when the candidates are measured",
        "next",
    ], "no progress, and nothing of Prefect"
    failed = chem_vae_process("run", "--config", config, "--workspace", workspace, "--prefect", "--data", "nothing.csv")
    refused(failed, "there is no file nothing.csv")
    assert failed.stderr.startswith("starting Prefect\n")


def test_ingest_train_generate_one_by_one(
    chem_vae: CommandLine, molecules: Path, config: Path, first_run: Done, workspace: Path
) -> None:
    done = chem_vae(
        "ingest", molecules, "--smiles-column", "SMILES", "--property", "potency=nM", "--compute", "logp",
        "--set", "ingest.merges=10", "--set", "ingest.workers=1", "--workspace", workspace,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "300 rows = 300 accepted" in done.stdout and "potency (measured)" in done.stdout
    assert "reused" in done.stderr  # the options are those of the run's config
    folder = Path(done.stdout.strip().splitlines()[-1].removeprefix("dataset: "))
    done = chem_vae("train", "--dataset", folder.name, "--config", config, "--workspace", workspace)
    assert done.returncode == 0, done.stderr
    assert "reused" in done.stderr and "next: chem-vae generate --model " in done.stderr
    model = Path(done.stdout.strip().splitlines()[-1].removeprefix("model: "))
    assert (model / "model.safetensors").is_file()


def test_generate_writes_the_form_that_the_name_says(
    chem_vae: CommandLine, first_run: Done, workspace: Path, tmp_path: Path
) -> None:
    done = chem_vae(
        "generate", "--model", "tiny", "--target", "logp=2", "--tolerance", "logp=1", "--maximize", "potency",
        "-n", 4, "--samples", 60, "--seed", 1, "-o", tmp_path / "found.csv", "--workspace", workspace,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = (tmp_path / "found.csv").read_text().splitlines()
    assert "smiles" in rows[0] and 1 <= len(rows) - 1 <= 4
    assert list(tmp_path.iterdir()) == [tmp_path / "found.csv"]


def test_fine_tuning_by_name(
    first_run: Done, chem_vae: CommandLine, molecules: Path, workspace: Path, tmp_path: Path
) -> None:
    workspace = Path(shutil.copytree(workspace, tmp_path / "workspace"))  # the others' latest model stays theirs
    base = next((workspace / "models").glob("molecules-????????")).name
    own = tmp_path / "own.csv"
    own.write_text(
        "SMILES,activity\n" + "\n".join(f"{'C' * (i % 9 + 1)}c1ccc(C{'N' if i % 2 else 'O'})cc1,{i}" for i in range(18))
    )
    quick = ("--epochs", 2, "--set", "train.training.validations=1", "--workspace", workspace)
    start = ("--from", base, "--data", own, "--property", "activity", "--compute", "logp")
    done = chem_vae("train", *start, *quick)
    assert done.returncode == 0, done.stderr
    assert f"fine-tuned from {base}" in done.stdout and "next: chem-vae generate --model own-" in done.stderr
    done = chem_vae("run", *start, *quick, "--target", "activity=9", "-n", 3, "--samples", 30)
    assert done.returncode == 0, done.stderr
    assert "model own-" in done.stderr and "few even for fine-tuning" in done.stdout  # reused, and honest
    listed = chem_vae("models", "--workspace", workspace)
    assert listed.returncode == 0 and "own-" in listed.stdout and "logp, potency, activity" in listed.stdout
    refused(chem_vae("run", "--from", "nowhere", "--data", own, "--workspace", workspace), "'nowhere'", base)
    refused(chem_vae("train", "--data", own, "--dataset", "own", "--workspace", workspace), "not both")
    refused(chem_vae("train", "--property", "activity", "--workspace", workspace), "--data my.csv")
    refused(
        chem_vae("generate", "--model", base, "--target", "tpsa=50", "--workspace", workspace),
        "unknown property",
        "logp",
    )


@pytest.mark.parametrize(
    ("name", "content", "options", "words"),
    [
        ("empty.csv", b"", [], ["empty"]),
        ("columns.csv", b"name,weight\na,1\nb,2\n", [], ["SMILES"]),
        ("wrong.csv", b"SMILES\nnot a molecule\nneither\n", [], ["reject"]),
        ("text.csv", b"SMILES,potency\nCCO,high\nCCN,low\nCCC,none\n", ["--property", "potency"], ["potency"]),
        ("some.csv", b"SMILES,potency\nCCO,1\nCCN,2\n", ["--property", "potancy"], ["potancy", "potency"]),
        ("some.xyz", b"3\n\nC 0 0 0\n", [], [".csv"]),
    ],
)
def test_bad_files(
    chem_vae: CommandLine, tmp_path: Path, name: str, content: bytes, options: list[str], words: list[str]
) -> None:
    (tmp_path / name).write_bytes(content)
    refused(chem_vae("ingest", name, "--quiet", *options, cwd=tmp_path), *words)
    assert not list(tmp_path.glob("workspace/datasets/*/manifest.json")), "something half-made looks whole"


def test_unknown_keys_of_a_file_are_named_with_line_and_nearest_key(chem_vae: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text('name = "x"\n[train.training]\nepoch = 3\n')
    refused(chem_vae("run", "--config", "c.toml", cwd=tmp_path), "c.toml, line 3", "train.training.epoch", "'epochs'")


def test_a_target_outside_the_data_is_a_warning(chem_vae: CommandLine, first_run: Done, workspace: Path) -> None:
    done = chem_vae("generate", "--target", "logp=40", "-n", 3, "--samples", 30, "-q", "--workspace", workspace)
    assert done.returncode == 0, done.stderr
    assert "warning: " in done.stdout and "outside the training data" in done.stdout


def test_too_few_hits_end_with_a_code_of_their_own(
    chem_vae: CommandLine, first_run: Done, workspace: Path, tmp_path: Path
) -> None:
    asked = ("generate", "--model", "tiny", "--target", "logp=2", "-n", 3, "--samples", 60, "-w", workspace)
    done = chem_vae(*asked, "--fail-under", 50)
    assert done.returncode == 3 and "report: " in done.stdout, "the run is there"
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error: the run ") and "fewer than fail_under = 50" in last
    assert chem_vae(*asked, "--fail-under", 1, "--tolerance", "logp=5").returncode == 0


def test_run_asks_for_the_data(chem_vae: CommandLine, tmp_path: Path) -> None:
    """Without any it would train on a large data set, which nobody asked for."""
    refused(chem_vae("run", cwd=tmp_path), "say what to learn from", "--data my.csv", "--data moses-sample")
    refused(chem_vae("run", "--maximize", "qed", cwd=tmp_path), "say what to learn from")
    assert list(tmp_path.iterdir()) == []
