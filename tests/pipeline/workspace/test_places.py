"""Places mean the same from every folder, and names and addresses stay what they are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.workspace.places import (
    make_file_absolute,
    make_folder_absolute,
    make_model_absolute,
    make_places_absolute,
    make_source_absolute,
    make_variables_absolute,
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder."""
    made = tmp_path / "here"
    made.mkdir()
    monkeypatch.chdir(made)
    monkeypatch.setenv("HOME", str(tmp_path))
    return made


def test_files_need_not_be_there(folder: Path) -> None:
    assert make_file_absolute("lib.sqlite") == str(folder / "lib.sqlite")
    assert (
        make_file_absolute("../lib.sqlite") == make_file_absolute("~/lib.sqlite") == str(folder.parent / "lib.sqlite")
    )
    assert make_file_absolute("sqlite:///lib.sqlite") == f"sqlite:///{folder}/lib.sqlite"
    assert make_file_absolute("file://pub") == f"file://{folder}/pub"
    for address in ("postgresql://me:${PASSWORD}@host/db", "s3://bucket/x", "sqlite:////a/b.sqlite", "/a/b.sqlite"):
        assert make_file_absolute(address) == address


def test_a_link_may_be_led_elsewhere(folder: Path) -> None:
    (folder / "june.csv").touch()
    (folder / "newest.csv").symlink_to("june.csv")
    assert make_source_absolute("newest.csv") == str(folder / "newest.csv")


def test_names_stay_what_they_are(folder: Path) -> None:
    (folder / "moses-sample").touch()
    for name in ("moses-sample", "moses-sampel", "https://host/a.csv"):
        assert make_source_absolute(name) == name
    assert make_source_absolute("./moses-sample") == str(folder / "moses-sample")
    for source in ("gone.csv", "night/*.csv", "part/gone"):
        assert make_source_absolute(source) == str(folder / source)
    for name in ("latest", "moses", "here"):
        (folder / name).mkdir()
        assert make_folder_absolute(name) == make_model_absolute(name) == name, "a folder without a model or a run"
    (folder / "moses" / "model.json").touch()
    assert make_model_absolute("moses") == "moses", "as a shipped model is found before a folder"
    assert make_folder_absolute("moses") == make_model_absolute("./moses") == str(folder / "moses")


def test_settings_in_tables_and_by_dotted_key(folder: Path) -> None:
    tables = {
        "name": "my.csv",
        "library": None,
        "screen": {"library": "a.csv", "limit": 3},
        "ingest": {"source": "b.csv"},
    }
    assert make_places_absolute(tables) == {
        **tables,
        "screen": {"library": str(folder / "a.csv"), "limit": 3},
        "ingest": {"source": str(folder / "b.csv")},
    }
    assert make_places_absolute({"screen.library": "a.csv", "generate.n": 3}) == {
        "screen.library": str(folder / "a.csv"),
        "generate.n": 3,
    }


def test_variables_of_processes_in_other_folders(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHEM_VAE_LIBRARY", "team.sqlite")
    monkeypatch.delenv("CHEM_VAE_PUBLISH", raising=False)
    make_variables_absolute()
    assert os.environ["CHEM_VAE_LIBRARY"] == str(folder / "team.sqlite") and "CHEM_VAE_PUBLISH" not in os.environ
