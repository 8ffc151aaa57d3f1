"""What a deployment needs to know of where the flows are."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from flows.deployment.deployment_plan import list_python_path
from pipeline.workspace.work import jobs


def test_another_process_finds_the_flows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/of/the/user")
    root, *others = list_python_path().split(os.pathsep)
    assert (Path(root) / "flows" / "campaign.py").is_file() and others == ["/of/the/user"]
    monkeypatch.delenv("PYTHONPATH")
    assert list_python_path() == root == str(jobs._ROOT)
    # without the .pth files of an installation in place, which would hide a wrong root
    script = f"import sys; sys.path.append({sysconfig.get_path('purelib')!r}); import flows.exit_codes as m; print(m.__file__)"
    done = subprocess.run(
        [sys.executable, "-S", "-c", script],
        env={"PYTHONPATH": root},
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str(Path(root) / "flows" / "exit_codes.py")
