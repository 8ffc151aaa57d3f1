"""Every command as a subprocess: exit codes, what goes to which stream, and the messages for bad input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command_line import ROOT, CommandLine, environment

from flows.cli.export import export

Done = subprocess.CompletedProcess[str]


def refused(done: Done, *words: str, code: int = 2) -> None:
    """A failed command: its exit code, one plain sentence on standard error, nothing on standard output, no traceback."""
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error: "), done.stderr
    for word in words:
        assert word in last, last


COMMANDS = (
    "run",
    "ingest",
    "train",
    "generate",
    "optimize",
    "report",
    "runs",
    "datasets",
    "models",
    "serve",
    "inspect",
    "tune",
)

# -- help ------------------------------------------------------------------------------------------------------------


def test_help_is_fast_and_names_every_command(chem_vae: CommandLine) -> None:
    seconds = []
    for _ in range(3):
        started = time.monotonic()
        done = chem_vae("--help")
        seconds.append(time.monotonic() - started)
    assert done.returncode == 0
    groups = ("benchmark", "explore")
    for command in (*COMMANDS, *groups):
        assert f"│ {command} " in done.stdout
    assert min(seconds) < 1.5, seconds


def test_the_command_line_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys, flows.cli.main; heavy = {'torch', 'rdkit', 'prefect', 'pandas', 'pydantic', 'numpy', 'lightning', "
        "'selfies', 'sklearn', 'matplotlib'}; print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment(tmp_path), capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(chem_vae: CommandLine, command: str) -> None:
    done = chem_vae(command, "--help")
    assert done.returncode == 0 and "--debug" in done.stdout
    if command not in ("runs", "datasets", "inspect"):
        assert f"chem-vae {command}" in done.stdout


def test_version(chem_vae: CommandLine) -> None:
    done = chem_vae("--version")
    assert done.returncode == 0 and done.stdout.startswith("chem-vae ")


# -- the commands that work ------------------------------------------------------------------------------------------


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


def test_run_as_a_prefect_flow(first_run: Done, chem_vae: CommandLine, config: Path, workspace: Path) -> None:
    done = chem_vae("run", "--config", config, "--workspace", workspace, "--prefect", "--quiet")
    assert done.returncode == 0, done.stderr
    assert "report: " in done.stdout
    lines = done.stderr.strip().splitlines()
    assert [line.partition(":")[0] for line in lines] == ["reused", "reused", "next"], (
        "no progress, and nothing of Prefect"
    )
    failed = chem_vae("run", "--config", config, "--workspace", workspace, "--prefect", "--data", "nothing.csv")
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


@pytest.mark.parametrize("suffix", ["csv", "smi", "sdf"])
def test_generate_writes_the_form_that_the_name_says(
    chem_vae: CommandLine, first_run: Done, workspace: Path, tmp_path: Path, suffix: str
) -> None:
    if suffix != "csv":  # once through the command, then from its run
        run = next((workspace / "runs").glob("*-tiny"))
        count = export(run, tmp_path / f"found.{suffix}")
        text = (tmp_path / f"found.{suffix}").read_text()
        assert count == (len(text.splitlines()) if suffix == "smi" else text.count("$$$$")) > 0
        return
    done = chem_vae(
        "generate", "--model", "tiny", "--target", "logp=2", "--tolerance", "logp=1", "--maximize", "potency",
        "-n", 4, "--samples", 60, "--seed", 1, "-o", tmp_path / "found.csv", "--workspace", workspace,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = (tmp_path / "found.csv").read_text().splitlines()
    assert "smiles" in rows[0] and 1 <= len(rows) - 1 <= 4
    assert list(tmp_path.iterdir()) == [tmp_path / "found.csv"]


def test_report_runs_inspect_datasets(chem_vae: CommandLine, first_run: Done, workspace: Path) -> None:
    run = Path(first_run.stdout.strip().splitlines()[-1].removeprefix("report: ")).parent
    done = chem_vae("report", run.name, "--workspace", workspace)
    assert done.returncode == 0 and done.stdout == first_run.stdout
    latest = chem_vae("report", "--workspace", workspace)
    assert latest.returncode == 0 and "report: " in latest.stdout
    done = chem_vae("runs", "--workspace", workspace)
    assert done.returncode == 0 and run.name in done.stdout and "2.5 ± 1" in done.stdout
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


def test_fine_tuning_by_name(first_run: Done, chem_vae: CommandLine, molecules: Path, workspace: Path) -> None:
    base = next((workspace / "models").glob("molecules-????????")).name
    own = molecules.with_name("own.csv")
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


def test_an_empty_workspace(chem_vae: CommandLine, tmp_path: Path) -> None:
    done = chem_vae("runs", "--workspace", tmp_path)
    assert done.returncode == 0 and done.stdout == "" and "no finished runs" in done.stderr
    refused(chem_vae("report", "--workspace", tmp_path), "no finished run", "chem-vae run")
    refused(chem_vae("generate", "--workspace", tmp_path), "no finished model", "chem-vae run")
    refused(chem_vae("train", "--workspace", tmp_path), "no finished dataset", "chem-vae ingest")


# -- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "--nothing"], ["no such option: --nothing", "chem-vae run --help"]),
        (["rum"], ["no such command 'rum'"]),
        (["run", "-n", "many"], ["--number"]),
        (["run", "--target", "logp"], ["--target logp=2.5"]),
        (["run", "--target", "logp=high"], ["'high' is not a number"]),
        (["run", "--range", "mw=300"], ["mw=300:400"]),
        (["run", "--maximize", "qed", "--minimize", "qed"], ["two aims"]),
        (["run", "--tolerance", "logp=0.1"], ["say exactly one of target"]),
        (["run", "--set", "train.model.latent_siz=8"], ["latent_siz", "did you mean 'latent_size'"]),
        (["run", "--set", "train.model.latent_size=[8"], ["TOML"]),
        (["run", "--config", "nothing.toml"], ["no configuration file nothing.toml"]),
        (["run", "--maximize", "qedd"], ["unknown property 'qedd'", "'qed'"]),
        (["run", "--maximize", "hbd"], ["--compute logp,qed,sa,mw,tpsa,hbd"]),
        (["run", "--compute", "logq"], ["unknown property 'logq'", "'logp'"]),
        (["run", "--strategy", "gradiant"], ["unknown strategy 'gradiant'", "'gradient'"]),
        (["run", "--data", "moses-sampel"], ["unknown dataset 'moses-sampel'", "'moses-sample'"]),
        (["ingest", "nothing.csv"], ["no file nothing.csv"]),
        (["inspect", "nothing"], ["no folder nothing"]),
        (["generate", "-o", "found.xlsx"], ["found.xlsx", ".sdf"]),
        (["generate", "-o", "nowhere/found.csv"], ["no folder nowhere"]),
        (["serve"], ["--cron", "0 2 * * *"]),
        (["serve", "--cron", "at two"], ["'at two' is not a cron schedule", "0 2 * * *"]),
        (["serve", "--cron", "99 2 * * *"], ["not a cron schedule"]),
        (["serve", "--cron", "0 2 * * *", "--timezone", "Europe/Berln"], ["Europe/Berlin"]),
        (["serve", "--cron", "0 2 * * *", "--flow", "campain"], ["'campaign'"]),
        (["serve", "--interval", "0"], ["interval"]),
        (["serve", "--flow", "update", "--cron", "0 2 * * *"], ["--data measured.csv"]),
        (["serve", "--cron", "0 2 * * *", "--set", "train.start=nowhere"], ["'nowhere'"]),
        (["serve", "--flow", "train", "--cron", "0 2 * * *", "--set", "train.start=nowhere"], ["'nowhere'"]),
        (["serve", "--flow", "train", "--data", "my.csv", "--cron", "0 2 * * *"], ["--data is for --flow update"]),
    ],
    ids=lambda value: " ".join(value) if value[0] in ("run", "rum", "ingest", "inspect", "generate", "serve") else "",
)
def test_bad_arguments(chem_vae: CommandLine, arguments: list[str], words: list[str], tmp_path: Path) -> None:
    refused(chem_vae(*arguments, cwd=tmp_path), *words)
    assert not list(tmp_path.glob("workspace/**/manifest.json"))


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


def test_a_traceback_only_with_debug(chem_vae: CommandLine, tmp_path: Path) -> None:
    done = chem_vae("ingest", "nothing.csv", "--debug", cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" in done.stderr and done.stderr.strip().splitlines()[-1].startswith("error: there is no file")


def test_an_interrupt_ends_with_130_and_how_to_go_on(molecules: Path, config: Path, tmp_path: Path) -> None:
    import signal

    process = subprocess.Popen(
        [sys.executable, "-m", "flows.cli.main", "run", "--config", config, "--set", "train.training.epochs=10000"],
        cwd=tmp_path,
        env=environment(tmp_path),
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # the tests may run in the background
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("train: "):
            break
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert errors.strip().splitlines()[-1] == "interrupted; run the same command again to resume"
    assert output == "" and "Traceback" not in errors
    assert not list((tmp_path / "workspace").glob("models/*/manifest.json"))


def test_a_reader_that_leaves_is_no_error(first_run: Done, workspace: Path, tmp_path: Path) -> None:
    command = f"{sys.executable} -m flows.cli.main runs --workspace {workspace} | head -c 1"
    done = subprocess.run(["bash", "-c", command], env=environment(tmp_path), capture_output=True, text=True)
    assert "Traceback" not in done.stderr and "BrokenPipe" not in done.stderr, done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_said_in_words() -> None:
    from flows.exit_codes import ending

    try:
        with open("/dev/full", "w") as file:
            file.write("x")
            file.flush()
    except OSError as error:
        message, code = ending(error)
    assert code == 1 and message.startswith("error: the disk is full")


def test_unexpected_errors_are_one_sentence() -> None:
    from flows.exit_codes import ending

    assert ending(ValueError("a\nb")) == (
        "error: ValueError: a b (unexpected; run again with --debug for the traceback)",
        1,
    )
    assert ending(KeyboardInterrupt())[1] == 130
    assert ending(PermissionError(13, "Permission denied", "/x"))[1] == 2


def test_the_checkout_was_tested() -> None:
    assert (ROOT / "flows" / "cli" / "main.py").is_file() and os.path.samefile(
        Path(sys.modules["flows"].__file__ or "").parents[1], ROOT
    )
