"""Runs are published to an S3 server, used from there in another workspace, and verified; no secret is written."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import CommandLine, Done, refused
from s3_server import S3Server


@pytest.mark.slow
def test_a_night_is_published_and_used_elsewhere(
    chem_vae: CommandLine, config: Path, first_run: Done, workspace: Path, s3: S3Server, tmp_path: Path
) -> None:
    hub, there = "s3://lab/hub", tmp_path / "there"
    options = ("--config", config, "--workspace", workspace)
    done = chem_vae("generate", *options, "--publish", hub, "--name", "elsewhere", **s3.environment)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("published datasets/") >= 1 and "published models/" in done.stderr
    run = Path(next(line for line in done.stdout.splitlines() if line.startswith("report: "))[8:]).parent.name
    assert f"published runs/{run}" in done.stderr and f"{hub}/runs/{run}" in done.stderr

    again = chem_vae("publish", "--workspace", workspace, CHEM_VAE_PUBLISH=hub, **s3.environment)
    assert again.returncode == 0 and "0 files were copied" in again.stderr, again.stderr
    verified = chem_vae("verify", hub, "--workspace", there, **s3.environment)
    assert verified.returncode == 0 and verified.stdout.count("whole") >= 3, verified.stdout

    model = chem_vae(
        "generate", *("--config", config), "-m", f"{hub}/runs/{run}", "--workspace", there, "--name", "there", **s3.environment
    )  # fmt: skip
    assert model.returncode == 0, model.stderr
    shown = chem_vae("report", f"{hub}/runs/{run}", "--workspace", there, **s3.environment)
    assert shown.returncode == 0 and str(there / "fetched") in shown.stdout
    compared = chem_vae("compare", f"{hub}/runs/{run}", "latest", "--workspace", there, **s3.environment)
    assert compared.returncode == 0 and run in compared.stdout, compared.stderr
    name = next(key for key in s3.list_keys("hub/datasets/")).split("/")[2]
    trained = chem_vae(
        "train", "--config", config, "--dataset", f"{hub}/datasets/{name}", "--workspace", there, **s3.environment
    )
    assert trained.returncode == 0, trained.stderr

    damaged = next(key for key in s3.list_keys(f"hub/runs/{run}") if key.endswith("candidates.csv"))
    s3.put(damaged, s3.get(damaged)[:-1] + b"X")
    verified = chem_vae("verify", f"{hub}/runs/{run}", **s3.environment)
    assert verified.returncode == 1 and "damaged" in verified.stdout and "publish --check" in verified.stdout
    fresh = tmp_path / "fresh"
    refused(chem_vae("report", f"{hub}/runs/{run}", "-w", fresh, **s3.environment), "candidates.csv is damaged")
    repaired = chem_vae("publish", "--check", "--to", hub, "--workspace", workspace, **s3.environment)
    assert repaired.returncode == 0 and "1 file was copied" in repaired.stderr
    assert chem_vae("verify", f"{hub}/runs/{run}", **s3.environment).returncode == 0

    secrets = [s3.environment[name].encode() for name in s3.environment if "KEY" in name]
    for folder in (workspace, there):
        for path in folder.rglob("*"):
            assert not path.is_file() or not any(secret in path.read_bytes() for secret in secrets), path
    assert not any(secret in s3.get(key) for key in s3.list_keys("hub") for secret in secrets)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("runs", "--workspace", "s3://lab/workspace"), "keep the workspace on a disk"),
        (("publish", "--workspace", "none"), "say where: --to s3://bucket/chem-vae"),
        (("generate", "--publish", "nope://x", "-q"), "unknown scheme of an address 'nope'"),
        (("generate", "-m", "gs://lab/model", "-q"), 'pip install "chem-vae[gs]"'),
        (("library", "top", "--library", "s3://lab/library.sqlite"), "postgresql://user:${PASSWORD}@host/database"),
    ],
)
def test_what_is_refused(chem_vae: CommandLine, arguments: tuple[str, ...], told: str) -> None:
    done = chem_vae(*arguments)
    assert done.returncode == 2 and told in done.stderr and "Traceback" not in done.stderr
