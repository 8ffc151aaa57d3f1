"""The first page: what is dropped, what was understood, what is wanted."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from nicegui import ui
from nicegui.elements.upload_files import SmallFileUpload
from nicegui.testing.user import User

from pipeline.workspace.work.jobs import list_jobs, open_job
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
