"""The first page: what is dropped, what was understood, what is wanted."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest
from nicegui import ui
from nicegui.elements.upload_files import SmallFileUpload
from nicegui.testing.user import User

from pipeline.workspace.work.jobs import Job, list_jobs, open_job
from tests.app.simulated_app import open_app

pytestmark = pytest.mark.anyio
CELLS = [
    ("CC(=O)Nc1ccc(O)cc1", "6.1"),
    ("c1ccccc1CCO", "5.2"),
    ("CCN(CC)CCO", "7.4"),
    ("c1ccccc", "4.0"),
    ("CCOC(=O)C", ""),
]


def write_table(rows: int = 30) -> bytes:
    lines = [f"{'C' * i}{CELLS[i % 3][0]},{4 + i % 5}.{i % 10}" for i in range(rows)]
    return "\n".join(["SMILES,pIC50", *lines, "c1ccccc,5.0", ""]).encode()


async def drop(user: User, name: str, content: bytes) -> None:
    """Drop a file on the page that the user sees."""
    upload = next(iter(user.find(ui.upload).elements))
    await upload.handle_uploads([SmallFileUpload(name, "text/csv", content)])
    await asyncio.sleep(0.5)


async def wait_for(user: User, text: str) -> None:
    await user.should_see(content=text, retries=300)


def write_two_columns() -> bytes:
    """Write a table with two measured columns, the second of two classes."""
    lines = [f"{'C' * i}{CELLS[i % 3][0]},{4 + i % 5}.{i % 10},{i % 2}" for i in range(30)]
    return "\n".join(["SMILES,pIC50,active", *lines, ""]).encode()


def find_selects(user: User) -> dict[str, ui.select]:
    return {str(select.props.get("label")): select for select in user.find(ui.select).elements}


async def wait_for_property(user: User, name: str) -> None:
    """Wait until the file is read again, and the page asks what is wanted of a property."""
    for _ in range(300):
        if (select := find_selects(user).get("Molecules whose")) and select.value == name:
            return
        await asyncio.sleep(0.1)
    pytest.fail(f"the page does not ask for {name}")


def find_range(user: User, label: str) -> ui.range:
    return next(slider for slider in user.find(ui.range).elements if slider.props["aria-label"] == label)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of runs that would have been started; files are read."""
    ids: list[str] = []
    start = Job.start
    monkeypatch.setattr(Job, "start", lambda job: ids.append(job.id) if job.kind == "run" else start(job))
    return ids


async def find_molecules(user: User, workspace: Path, started: list[str]) -> dict[str, Any]:
    """Press the button, and return the settings with which a run would start."""
    user.find("Find molecules").click()
    await asyncio.sleep(0.3)
    found: dict[str, Any] = open_job(workspace, started.pop()).settings["generate"]
    return found


async def test_a_dropped_file_is_understood_and_its_rejects_are_told(tmp_path: Path) -> None:
    async with open_app(tmp_path) as user:
        await user.open("/")
        await drop(user, "my data.csv", write_table())
        await wait_for(user, "This is what was understood")
        await wait_for(user, "What do you want?")
        await user.should_see("my data.csv")
        await user.should_see("values of pIC50")
        await user.should_see("1 rejected row with the reason")
        await user.should_see("of your 30 molecules with a value reach this")
        user.find("Download all as CSV").click()
        response = await user.download.next()
        assert b"c1ccccc" in response.content and b"RDKit cannot parse" in response.content


async def test_a_property_is_spelled_as_in_the_file_where_a_sentence_begins_with_it(tmp_path: Path) -> None:
    async with open_app(tmp_path) as user:
        await user.open("/")
        await drop(user, "few.csv", write_table(rows=2))
        await wait_for(user, "pIC50 has 2 usable labels")
        await user.should_not_see("PIC50")


async def test_nonsense_gets_a_clear_answer_and_is_not_kept(tmp_path: Path) -> None:
    async with open_app(tmp_path) as user:
        await user.open("/")
        for name, content in (
            ("x.csv", b"\x00\x01\x02" * 50),
            ("x.xlsx", b"no workbook"),
            ("x.sdf", b""),
            ("x.exe", b"MZ"),
        ):
            user.notify.messages.clear()
            await drop(user, name, content)
            assert len(user.notify.messages) == 1 and "x." in user.notify.messages[0], name
        assert list((tmp_path / "uploads").iterdir()) == []


async def test_a_name_with_html_stays_text(tmp_path: Path) -> None:
    async with open_app(tmp_path) as user:
        await user.open("/")
        table = b"SMILES,<img onerror=alert(1) src=x>\n" + b"\n".join(b"C" * (i + 1) + b"O,1.%d" % i for i in range(30))
        await drop(user, "<img src=x onerror=alert(1)>.csv", table)
        await wait_for(user, "What do you want?")
        assert "<img onerror=alert(1) src=x>" in {select.value for select in user.find(ui.select).elements}
        [folder] = (tmp_path / "uploads").iterdir()
        assert [path.name for path in folder.iterdir()] == ["img src_x onerror_alert(1)_.csv"]


async def test_the_goal_becomes_the_settings_of_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    async with open_app(tmp_path) as user:
        await user.open("/")
        await drop(user, "my.csv", write_table())
        await wait_for(user, "Find molecules")
        for aim, expected in (
            ("maximize", {"maximize": True, "low": 7.98}),
            ("minimize", {"minimize": True, "high": 4.02}),
            ("target", {"target": 6.24, "tolerance": 0.36}),
            ("range", {"range": [5.82, 6.66]}),
        ):
            selects = {select.props.get("label"): select for select in user.find(ui.select).elements}
            with user:
                selects["Goal"].set_value(aim)
            await asyncio.sleep(0.05)
            monkeypatch.setattr("pipeline.workspace.work.jobs.Job.start", lambda job: started.append(job.id))
            user.find("Find molecules").click()
            await asyncio.sleep(0.3)
            job = open_job(tmp_path, started.pop())
            objective = job.settings["generate"]["objectives"]["pIC50"]
            assert set(objective) == set(expected), aim
            assert job.settings["ingest"]["properties"] == [{"name": "pIC50", "log": False}]
            await user.open(f"/start/{job.facts['upload']}")
            await wait_for(user, "Find molecules")
        assert len(list_jobs(tmp_path, ("run",))) == 4


async def test_what_the_page_shows_after_a_file_was_read_again_is_what_runs(tmp_path: Path, started: list[str]) -> None:
    async with open_app(tmp_path) as user:
        await user.open("/")
        await drop(user, "my.csv", write_two_columns())
        await wait_for(user, "Find molecules")
        with user:
            find_selects(user)["Goal"].set_value("minimize")
            next(s for s in user.find(ui.switch).elements if "alerts" in s.text).set_value(True)
            find_range(user, "molecular weight").set_value({"min": 200, "max": 300})
        for column in ("", "pIC50"):
            with user:
                find_selects(user)["The measured value"].set_value(column)
            await wait_for_property(user, column or "logp")
            assert find_selects(user)["Goal"].value == "minimize"
            assert next(s for s in user.find(ui.switch).elements if "alerts" in s.text).value is True
            assert find_range(user, "molecular weight").value == {"min": 200, "max": 300}
            await user.should_see("molecular weight 200 to 300 g/mol")
        asked = await find_molecules(user, tmp_path, started)
        assert asked["objectives"]["pIC50"]["minimize"] is True
        assert asked["constraints"] == [
            {"alerts": ["PAINS", "BRENK"]},
            {"property": "mw", "at_least": 200, "at_most": 300},
        ]


async def test_nothing_is_between_two_classes(tmp_path: Path, started: list[str]) -> None:
    async with open_app(tmp_path) as user:
        await user.open("/")
        await drop(user, "my.csv", write_two_columns())
        await wait_for(user, "Find molecules")
        with user:
            find_selects(user)["Goal"].set_value("range")
            find_selects(user)["The measured value"].set_value("active")
        await wait_for_property(user, "active")
        await user.should_see("Two classes")
        goal = find_selects(user)["Goal"]
        assert (goal.value, "range" in goal.options) == ("maximize", False)
        assert (await find_molecules(user, tmp_path, started))["objectives"] == {"active": {"maximize": True}}
        await user.open(f"/start/{list_jobs(tmp_path, ('run',))[0].facts['upload']}")
        await wait_for(user, "Find molecules")
        assert "range" in find_selects(user)["Goal"].options


async def test_two_equal_ends_are_told(tmp_path: Path, started: list[str]) -> None:
    async with open_app(tmp_path) as user:
        await user.open("/")
        await drop(user, "my.csv", write_table())
        await wait_for(user, "Find molecules")
        with user:
            find_selects(user)["Goal"].set_value("range")
        await asyncio.sleep(0.05)
        with user:
            find_range(user, "between two values").set_value({"min": 6.0, "max": 6.0})
        user.find("Find molecules").click()
        await user.should_see("a range goes from its lower to its higher end")
        assert started == []


async def test_the_constraints_of_the_apps_own_settings_hold_beside_those_of_the_page(
    tmp_path: Path, started: list[str]
) -> None:
    usual: list[dict[str, Any]] = [{"property": "tpsa", "at_most": 90.0}, {"alerts": ["PAINS", "BRENK"]}]
    async with open_app(tmp_path, {"generate": {"constraints": usual, "samples": 500, "n": 7}}) as user:
        await user.open("/")
        await drop(user, "my.csv", write_table())
        await wait_for(user, "Find molecules")
        await user.should_see("This app's own settings ask in every run: tpsa at most 90; no alert of PAINS, BRENK.")
        asked = await find_molecules(user, tmp_path, started)
        assert asked["constraints"] == usual and asked["samples"] == 500 and asked["n"] == 7
        await user.open(f"/start/{list_jobs(tmp_path, ('run',))[0].facts['upload']}")
        await wait_for(user, "Find molecules")
        with user:
            next(s for s in user.find(ui.switch).elements if "alerts" in s.text).set_value(True)
            find_range(user, "molecular weight").set_value({"min": 200, "max": 300})
        asked = await find_molecules(user, tmp_path, started)
        assert asked["constraints"] == [*usual, {"property": "mw", "at_least": 200, "at_most": 300}]


async def test_a_file_whose_dataset_was_deleted_is_read_again(tmp_path: Path) -> None:
    async with open_app(tmp_path) as user:
        await user.open("/")
        await drop(user, "my.csv", write_table())
        await wait_for(user, "Find molecules")
        [upload] = (tmp_path / "uploads").iterdir()
        for expected in (1, 2, 2):  # the second time its dataset is gone, the third time it is there again
            await user.open(f"/start/{upload.name}")
            await wait_for(user, "Find molecules")
            assert len(list_jobs(tmp_path, ("ingest",))) == expected
            if expected == 1:
                shutil.rmtree(tmp_path / "datasets")


async def test_a_run_is_started_once_however_often_the_button_is_pressed(tmp_path: Path, started: list[str]) -> None:
    async with open_app(tmp_path) as user:
        await user.open("/")
        await drop(user, "my.csv", write_table())
        await wait_for(user, "Find molecules")
        number = next(n for n in user.find(ui.number).elements if n.props["label"] == "Molecules")
        with user:
            number.set_value(None)
        user.find("Find molecules").click()
        await user.should_see("Molecules: give a number")
        assert not list_jobs(tmp_path, ("run",))
        with user:
            number.set_value(9)
        user.find("Find molecules").click().click()
        await asyncio.sleep(0.5)
    [job] = list_jobs(tmp_path, ("run",))
    assert started == [job.id] and job.settings["generate"]["n"] == 9


@pytest.mark.parametrize("ask", ["none", "several"])
async def test_the_column_of_molecules_can_be_chosen(tmp_path: Path, ask: str) -> None:
    others = [CELLS[i % 3][0] for i in range(30)] if ask == "several" else ["unknown compound"] * 30
    odd = "Oc1ccccc1" if ask == "several" else "compound number 7 of the third plate"
    lines = [
        f"{i},{other},{'C' * i}{odd if i % 3 and ask == 'none' else CELLS[i % 3][0]},{4 + i % 5}.{i % 10}"
        for i, other in enumerate(others)
    ]
    async with open_app(tmp_path) as user:
        await user.open("/")
        await drop(user, "my.csv", "\n".join(["no,partner,the compound,pIC50", *lines, ""]).encode())
        await wait_for(user, "Which column holds the molecules?")
        which = find_selects(user)["Column of molecules (SMILES)"]
        assert "the compound" in which.options and (ask == "several" or which.value == "the compound")
        [upload] = (tmp_path / "uploads").iterdir()
        with user:
            which.set_value("no" if ask == "none" else "partner")
        user.find("Read it").click()
        if ask == "none":
            await wait_for(user, "This file cannot be used")
            await user.open(f"/start/{upload.name}?column=the%20compound")
        await wait_for(user, "What do you want?")
        chosen = "the compound" if ask == "none" else "partner"
        await user.should_see(f"The molecules are in the column {chosen}")
        assert list_jobs(tmp_path, ("ingest",))[0].settings["ingest"]["smiles_column"] == chosen
