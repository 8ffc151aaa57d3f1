"""The command tune, from a source to settings that train takes."""

from __future__ import annotations

from pathlib import Path

from command_line import CommandLine


def test_tune_ends_with_a_table_and_the_command_that_uses_it(
    chem_vae: CommandLine, config: Path, tmp_path: Path
) -> None:
    asked = ["tune", "--config", config, "--workspace", tmp_path, "--name", "first", "--vary", "beta=0.05,0.1"]
    done = chem_vae(*asked, "--trials", 1, "--epochs", 1, "--molecules", 100)
    assert done.returncode == 0, done.stderr
    head, _, row = done.stdout.splitlines()[:3]
    assert head.split()[:4] == ["trial", "state", "objective", "beta"]
    assert row.split()[:2] == ["1", "complete"] and row.split()[3] == "0.100"
    best = tmp_path / "studies" / "first" / "best.toml"
    assert f"best settings: {best}" in done.stdout and "next: chem-vae train" in done.stderr
    assert "beta = 0.1" in best.read_text()
    assert "1 of 1 complete" in done.stderr
    refused = chem_vae(*asked, "--trials", 2, "--epochs", 2, "--molecules", 100)
    assert refused.returncode == 2
    assert "tune.epochs was 1, now 2" in refused.stderr and "--name" in refused.stderr
