"""The JavaScript libraries: each is the file that its package has, and stands beside its licence."""

from __future__ import annotations

import base64
import gzip
import hashlib
from pathlib import Path

import pytest

from pipeline.report.html import libraries

FOLDER = Path(str(libraries.find_folder()))
SCRIPTS = [entry.file for entry in libraries.list_libraries() if entry.file.endswith(".js")]


def test_each_file_is_in_the_table_with_its_digest_and_licence() -> None:
    listed = {entry.file for entry in libraries.list_libraries()}
    licences = {entry.licence_file for entry in libraries.list_libraries()}
    assert {path.name for path in FOLDER.iterdir()} == listed | licences | {"libraries.csv"}
    for entry in libraries.list_libraries():
        assert hashlib.sha256((FOLDER / entry.file).read_bytes()).hexdigest() == entry.sha256, entry.file
        licence = (FOLDER / entry.licence_file).read_text(encoding="utf-8")
        words = "Permission is hereby granted" if entry.licence == "MIT" else "Redistribution"
        assert words in licence, entry.file


@pytest.mark.parametrize("file", SCRIPTS)
def test_a_carried_script_is_the_one_whose_digest_is_told(file: str) -> None:
    carried = libraries.carry_script(file)
    text = gzip.decompress(base64.b64decode(carried.packed)).decode()
    assert text == libraries.read_script(file)
    assert base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() == carried.digest
    assert "sourceMappingURL" not in text


def test_modules_become_scripts_with_a_global_object() -> None:
    text = libraries.read_script(libraries.OPENCHEMLIB)
    assert "globalThis.OCL={" in text and "SmilesParser:" in text[text.index("globalThis.OCL={") :]
    text = libraries.read_script(libraries.INTERPRETER)
    assert "globalThis.vegaInterpreter={expressionInterpreter:expression};" in text
    assert "export {" not in text and "import {" not in text


def test_what_pages_carry_is_small() -> None:
    assert sum(len(libraries.carry_script(file).packed) for file in SCRIPTS) < 1_000_000
