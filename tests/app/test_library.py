"""The page of the library: search, decide, export, measurements, history."""

from __future__ import annotations

import asyncio
import csv
import io
import shutil
import sqlite3
from pathlib import Path

import pandas as pd
import pytest
from nicegui import ui
from nicegui.elements.upload_files import SmallFileUpload
from nicegui.testing.user import User
from rdkit import Chem

from pipeline.library.candidate_library import open_library
from tests.app.simulated_app import open_app

pytestmark = pytest.mark.anyio
OLD = Path(__file__).parent.parent / "old_formats" / "workspace"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose library holds the candidates of a run."""
    workspace = tmp_path_factory.mktemp("filled")
    shutil.copytree(OLD / "runs", workspace / "runs")
    with open_library(workspace) as library:
        library.add_missing_runs()
        assert len(library) > 3
    return workspace


@pytest.fixture
def workspace(filled: Path, tmp_path: Path) -> Path:
    shutil.copytree(filled, tmp_path / "w")
    return tmp_path / "w"


async def settle() -> None:
    await asyncio.sleep(0.3)


def list_ids(user: User) -> list[str]:
    return sorted(link.text for link in user.find(ui.link).elements if link.text.startswith("CV-"))


def press(user: User, label: str) -> None:
    user.find(kind=ui.button, content=label).click()


def fields(user: User) -> dict[str, ui.input]:
    return {str(field.props.get("label")): field for field in user.find(ui.input).elements}


async def test_an_empty_library_leads_to_the_start(tmp_path: Path) -> None:
    async with open_app(tmp_path) as user:
        await user.open("/library")
        await user.should_see("No molecule yet")


async def test_a_library_of_a_newer_version_is_said(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "library.sqlite") as connection:
        connection.execute("create table alembic_version (version_num text)")
        connection.execute("insert into alembic_version values ('9999')")
    async with open_app(tmp_path) as user:
        await user.open("/library")
        await user.should_see("newer")


async def test_a_substructure_is_searched_for_and_nonsense_is_said(workspace: Path) -> None:
    async with open_app(workspace) as user:
        await user.open("/library")
        await settle()
        everything = list_ids(user)
        with open_library(workspace) as library:
            expected = sorted(
                row["id"]
                for row in library.to_frame().to_dict("records")
                if Chem.MolFromSmiles(row["smiles"]).HasSubstructMatch(Chem.MolFromSmarts("[#7]"))
            )
        with user:
            fields(user)["Contains (SMARTS)"].set_value("[#7]")
        press(user, "Search")
        await settle()
        assert list_ids(user) == expected and set(expected) <= set(everything)
        for label, nonsense in (
            ("Contains (SMARTS)", "c1cc("),
            ("Like this molecule (SMILES)", "nonsense"),
            ("Further values", "mw is large"),
        ):
            with user:
                for name, field in fields(user).items():
                    field.set_value(nonsense if name.startswith(label) else "")
            user.notify.messages.clear()
            press(user, "Search")
            await settle()
            assert len(user.notify.messages) == 1, label


async def test_a_molecule_is_shortlisted_with_a_note_that_its_history_keeps(workspace: Path) -> None:
    async with open_app(workspace) as user:
        await user.open("/library")
        await settle()
        box = next(box for box in user.find(ui.checkbox).elements)
        molecule = str(box.props["aria-label"]).removeprefix("choose ")
        press(user, "Shortlist")
        await user.should_see("Tick the molecules first.")
        with user:
            box.set_value(True)
            fields(user)["Note, such as the reason"].set_value("<b>easy</b> to make")
        await user.should_see("1 molecule ticked.")
        press(user, "Shortlist")
        await settle()
        await user.should_see("shortlisted")
        await user.open(f"/library/{molecule}")
        await user.should_see("<b>easy</b> to make")
        await user.open("/library/CV-999999")
        await user.should_see("No such molecule")


async def test_a_page_whose_last_molecule_leaves_it_is_turned_back(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_library(workspace) as library:
        known = len(library)
    monkeypatch.setattr("flows.app.candidates.library.PAGE", known - 1)
    async with open_app(workspace) as user:
        await user.open("/library")
        await settle()
        with user:
            next(s for s in user.find(ui.select).elements if s.props.get("label") == "Status").set_value(["proposed"])
        press(user, "Search")
        await settle()
        everything = list_ids(user)
        press(user, "Further")
        await settle()
        [last] = user.find(ui.checkbox).elements
        with user:
            last.set_value(True)
        press(user, "Reject")
        await settle()
        await user.should_not_see("No molecule of the library is like that.")
        assert list_ids(user) == everything


async def test_the_order_list_has_what_the_search_shows(workspace: Path) -> None:
    with open_library(workspace) as library:
        chosen = library.to_frame(limit=2)
        library.set_status(list(chosen["id"]), "shortlisted")
    async with open_app(workspace) as user:
        await user.open("/library")
        await settle()
        with user:
            next(s for s in user.find(ui.select).elements if s.props.get("label") == "Status").set_value(
                ["shortlisted"]
            )
        press(user, "Search")
        await settle()
        assert list_ids(user) == sorted(chosen["id"])
        for kind in ("CSV", "SDF", "XLSX"):
            press(user, kind)
            content = (await user.download.next()).content
            if kind == "CSV":
                found = {row["smiles"] for row in csv.DictReader(io.StringIO(content.decode()))}
            elif kind == "SDF":
                supplier = Chem.SDMolSupplier()
                supplier.SetData(content.decode())
                found = {mol.GetProp("smiles") for mol in supplier}
            else:
                found = set(pd.read_excel(io.BytesIO(content))["smiles"])
            assert found == set(chosen["smiles"]), kind


async def test_the_order_list_is_not_of_what_was_typed_since_the_search(workspace: Path) -> None:
    async with open_app(workspace) as user:
        await user.open("/library")
        await settle()
        with open_library(workspace) as library:
            everything = set(library.to_frame()["smiles"])
        for typed in ("[#7]", "c1cc("):  # the second one is no structure, and is not searched for
            with user:
                fields(user)["Contains (SMARTS)"].set_value(typed)
            if typed == "c1cc(":
                press(user, "Search")
                await settle()
            press(user, "CSV")
            content = (await user.download.next()).content
            assert {row["smiles"] for row in csv.DictReader(io.StringIO(content.decode()))} == everything


async def test_measurements_are_brought_back(workspace: Path) -> None:
    with open_library(workspace) as library:
        first = library.to_frame(limit=1).iloc[0]
        name = next(c for c in first.index if c.endswith(("_computed", "_predicted"))).rpartition("_")[0]
    table = f"SMILES,{name}\n{first['smiles']},7.25\nCCCCCCCCCCCCCCCCCCCCCCC,1\n".encode()
    async with open_app(workspace) as user:
        await user.open("/library")
        await settle()
        upload = next(iter(user.find(ui.upload).elements))
        await upload.handle_uploads([SmallFileUpload("back.csv", "text/csv", table)])
        await user.should_see("2 rows read: 1 new measurement of 1 molecule", retries=30)
        await user.should_see("1 row without a molecule of the library")
        await user.open(f"/library/{first['id']}")
        await user.should_see("measured: 7.25")


async def test_a_slider_limits_a_value_and_the_table_sorts_by_its_heads(workspace: Path) -> None:
    with open_library(workspace) as library:
        everything = library.to_frame()
        extents = {extent.name: extent for extent in library.list_extents()}
    column = next(name for name in everything.columns if name.endswith("_computed"))
    assert extents[column].low == everything[column].min() and extents[column].high == everything[column].max()
    async with open_app(workspace) as user:
        await user.open("/library")
        await settle()
        label = next(
            str(s.props["aria-label"]) for s in user.find(ui.range).elements if "computed" in str(s.props["aria-label"])
        )
        slider = next(s for s in user.find(ui.range).elements if s.props["aria-label"] == label)
        name = next(
            n for n, extent in extents.items() if label.startswith(extent.label) and label.endswith(extent.basis)
        )
        middle = float(everything[name].median())
        with user:
            slider.set_value({"min": middle, "max": slider.value["max"]})
        press(user, "Search")
        await settle()
        assert list_ids(user) == sorted(everything.loc[everything[name] >= middle, "id"])
        await user.open("/library")
        await settle()
        with user:
            next(iter(user.find(ui.toggle).elements)).set_value("table")
        await settle()
        property_name, _, basis = name.rpartition("_")
        head = f"{property_name}, {basis}"
        ordered = everything.dropna(subset=[name]).sort_values(name)["id"].tolist()
        for expected in (ordered[::-1], ordered):
            press(user, head)
            await settle()
            links = sorted(
                (link for link in user.find(ui.link).elements if link.text.startswith("CV-")), key=lambda e: e.id
            )
            assert [link.text for link in links][:2] == expected[:2]
        await user.should_see("choose")
        for order in ("date", "id", "hit_probability"):
            with user:
                next(s for s in user.find(ui.select).elements if s.props.get("label") == "Order").set_value(order)
            user.notify.messages.clear()
            press(user, "Search")
            await settle()
            assert user.notify.messages == [], order
