"""The pages that look around a molecule, and that optimize a score."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path
from typing import Any

import pytest
from nicegui import ui
from nicegui.elements.upload_files import SmallFileUpload
from rdkit import Chem

from chem_vae.errors import DataError
from flows.app.latent_space import look
from flows.app.latent_space.explore import list_values, make_map
from flows.app.optimization.optimize import list_functions
from pipeline.chemistry.variation.scaffold_request import open_side_chains
from pipeline.models.trained_model import TrainedModel
from pipeline.workspace.work.jobs import open_job
from tests.app.simulated_app import open_app

ORACLE = b"""
import os
os.environ["RUN"] = "yes"
def _hidden(smiles): ...
def nothing(): ...
def count(smiles):
    return [float(len(s)) for s in smiles]
"""


def test_a_molecule_is_looked_at_with_plain_data(model: TrainedModel, workspace: Path) -> None:
    name, where = str(model.folder), str(workspace)
    told, found = look._call(look.describe, (name, where, "CCOc1ccccc1"))
    assert told == "" and 0 <= found["strange"]["percentile"] <= 100
    rows = list_values(found["values"], found["properties"])
    assert any(how == "predicted" and "assay" in label for label, _, how, _ in rows)
    assert any(how == "computed" for _, _, how, _ in rows)
    told, analogues = look._call(look.find_analogues, (name, where, "CCOc1ccccc1", 5, 1.5))
    distances = [row["distance"] for row in analogues]
    assert distances == sorted(distances)
    told, path = look._call(look.find_path, (name, where, "CCOc1ccccc1", "CCN", 5))
    assert path[0]["smiles"] == "CCOc1ccccc1" and path[-1]["smiles"] == "CCN"
    told, made = look._call(look.draw_map, (name, where, ["CCOc1ccccc1"]))
    assert sum(point[3] == "own" for point in made["points"]) == 1
    assert make_map(made)["series"][1]["data"] and made["unplaced"] == []
    told, made = look._call(look.draw_map, (name, where, ["C[Si](C)(C)c1ccccc1"]))
    assert not make_map(made)["series"][1]["data"] and "[Si]" in made["unplaced"][0]
    told, found = look._call(look.describe, (name, where, "no molecule"))
    assert found is None or math.isnan(found["strange"]["percentile"] or math.nan)
    told, found = look._call(look.find_path, (name, where, "CCO", "nonsense", 5))
    assert "nonsense" in told and found is None
    told, found = look._call(look.describe, ("no-such-model", where, "CCO"))
    assert "no-such-model" in told


def test_a_prediction_outside_of_the_domain_is_said_not_to_count() -> None:
    values: dict[str, Any] = {
        "y_predicted": math.nan,
        "y_predicted_std": math.nan,
        "y_similarity": 0.1,
        "y_in_domain": False,
    }
    [row] = list_values(values, {"y": {"label": "", "unit": "nM"}})
    assert row == (
        "y, nM",
        "not predicted",
        "predicted",
        "outside: no prediction counts (similarity to the nearest measured 0.10)",
    )


def test_molecules_are_grown_from_a_scaffold(model: TrainedModel, workspace: Path) -> None:
    scaffold = open_side_chains("CCOc1ccccc1")
    assert scaffold == "[*:1]c1ccccc1"
    told, found = look._call(look.grow, (str(model.folder), str(workspace), scaffold, 5))
    assert told == ""
    core = Chem.MolFromSmarts("c1ccccc1")
    assert found["rows"] and all(Chem.MolFromSmiles(row["smiles"]).HasSubstructMatch(core) for row in found["rows"])
    assert all(row["groups"].get("R1") and row["values"]["logp"] is not None for row in found["rows"])
    told, found = look._call(look.grow, (str(model.folder), str(workspace), "c1cc(", 5))
    assert told and found is None


@pytest.mark.anyio
async def test_a_scaffold_is_offered_and_what_grows_from_it_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Any, ...]] = []

    async def ask(looker: look.Looker, work: Any, *arguments: Any) -> Any:
        asked.append((work, *arguments))
        if work is look.describe:
            return {"strange": {"percentile": 5.0}, "values": {}, "origin": "molecules", "properties": {}}
        row = {"smiles": "CCOc1ccccc1", "groups": {"R1": "[*:1]OCC"}, "values": {"logp": 2.08}}
        return {"rows": [row], "warnings": ["few groups fit: allow more with --added-atoms 20"]}

    monkeypatch.setattr(look.Looker, "ask", ask)
    async with open_app(tmp_path) as user:
        await user.open("/explore?smiles=COc1ccccc1")
        await user.should_see("Keep the scaffold, change the rest", retries=30)
        field = next(i for i in user.find(ui.input).elements if i.props.get("label") == "Scaffold to keep (SMILES)")
        assert field.value == "[*:1]c1ccccc1"
        user.find(kind=ui.button, content="Grow").click()
        await user.should_see("R1: [*:1]OCC", retries=30)
        await user.should_see("logp 2.08")
        await user.should_see("allow more with “add up to 20 atoms”")
        assert asked[-1][0] is look.grow and asked[-1][3:] == ("[*:1]c1ccccc1", 12)
        with user:
            field.set_value(" ")
        user.find(kind=ui.button, content="Grow").click()
        await user.should_see("give the scaffold to keep")


@pytest.mark.anyio
async def test_what_is_asked_is_about_the_molecule_that_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Any, ...]] = []

    async def ask(looker: look.Looker, work: Any, *arguments: Any) -> Any:
        asked.append((work, *arguments))
        if work is look.describe:
            return {"strange": {"percentile": 99.9}, "values": {}, "origin": "molecules", "properties": {}}
        if work is look.draw_map:
            return {"points": [], "unplaced": ["the model has never seen [Si]"], "label": "", "explained": []}
        return {"rows": [], "warnings": []} if work is look.grow else []

    monkeypatch.setattr(look.Looker, "ask", ask)
    async with open_app(tmp_path) as user:
        await user.open("/explore?smiles=COc1ccccc1")
        await user.should_see("stranger than 99 of 100 molecules", retries=30)
        model = next(s for s in user.find(ui.select).elements if s.props.get("label") == "Model")
        looked_at, other = model.value, next(name for name in model.options if name != model.value)
        with user:  # the form is filled in for another look, which was not taken yet
            model.set_value(other)
            next(i for i in user.find(ui.input).elements if i.props.get("label") == "Molecule (SMILES)").set_value(
                "CCN"
            )
        for label in ("Find analogues", "Show the way", "Grow", "Draw the map"):
            user.find(kind=ui.button, content=label).click()
            await asyncio.sleep(0.2)
        await user.should_see("This molecule has no place on the map: the model has never seen [Si].")
    where = str(tmp_path.resolve())
    assert [works[:3] for works in asked] == [
        (work, looked_at, where)
        for work in (look.describe, look.find_analogues, look.find_path, look.grow, look.draw_map)
    ]
    assert [works[3] for works in asked] == ["COc1ccccc1"] * 3 + ["[*:1]c1ccccc1", ["COc1ccccc1"]]


@pytest.mark.anyio
async def test_what_is_no_molecule_is_said_without_asking_the_model(tmp_path: Path) -> None:
    async with open_app(tmp_path) as user:
        await user.open("/explore?smiles=c1cc(")
        await user.should_see("is no SMILES of a molecule", retries=20)
        await user.open("/explore")
        user.find("Look at it").click()
        await user.should_see("Draw a molecule, or paste its SMILES.")


@pytest.mark.anyio
async def test_an_oracle_is_listed_without_being_run_and_only_started_when_it_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []
    monkeypatch.setattr("pipeline.workspace.work.jobs.Job.start", lambda job: started.append(job.id))
    monkeypatch.delenv("RUN", raising=False)
    async with open_app(tmp_path) as user:
        await user.open("/optimize")
        with user:
            next(iter(user.find(ui.radio).elements)).set_value("own")
        await user.should_see("The file is run on this computer")
        upload = next(iter(user.find(ui.upload).elements))
        await upload.handle_uploads([SmallFileUpload("torch.py", "text/x-python", ORACLE)])
        await asyncio.sleep(0.3)
        function = next(s for s in user.find(ui.select).elements if s.props.get("label") == "Function")
        assert function.value == "count" and function.options == ["count"]
        user.find(kind=ui.button, content="Optimize").click()
        await user.should_see("tick that you know the code")
        assert started == []
        with user:
            next(iter(user.find(ui.checkbox).elements)).set_value(True)
        user.find(kind=ui.button, content="Optimize").click()
        await asyncio.sleep(0.3)
    job = open_job(tmp_path, started[0])
    assert job.settings["optimize"]["oracle"] == {"function": "oracle_torch:count"}
    assert job.settings["optimize"]["objectives"] == {"score": {"maximize": True}}
    assert (Path(job.facts["folder"]) / "oracle_torch.py").read_bytes() == ORACLE


@pytest.mark.anyio
async def test_a_search_begins_with_the_settings_of_the_app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    monkeypatch.setattr("pipeline.workspace.work.jobs.Job.start", lambda job: started.append(job.id))
    usual = {
        "objectives": {"logp": {"maximize": True}, "sa": {"minimize": True}},
        "aggregate": "pareto",
        "constraints": [{"property": "tpsa", "at_most": 90.0}],
        "patience": 200,
        "oracle": {"program": ["dock"], "endpoints": ["affinity"], "parallel": 4},
    }
    async with open_app(tmp_path, {"dask": "local", "optimize": usual}) as user:
        await user.open("/optimize")
        with user:
            next(iter(user.find(ui.switch).elements)).set_value(True)
        user.find(kind=ui.button, content="Optimize").click()
        await asyncio.sleep(0.3)
        settings = open_job(tmp_path, started.pop()).settings
        asked = settings["optimize"]
        assert settings["dask"] == "local" and asked["patience"] == 200
        assert asked["constraints"] == [*usual["constraints"], {"alerts": ["PAINS", "BRENK"]}]
        assert "oracle" not in asked and list(asked["objectives"]) == ["qed"] and asked["aggregate"] == "geometric"
        await user.open("/optimize")
        with user:
            next(iter(user.find(ui.radio).elements)).set_value("own")
        upload = next(iter(user.find(ui.upload).elements))
        await upload.handle_uploads([SmallFileUpload("dock.py", "text/x-python", ORACLE)])
        await asyncio.sleep(0.3)
        with user:
            next(iter(user.find(ui.checkbox).elements)).set_value(True)
        user.find(kind=ui.button, content="Optimize").click()
        await asyncio.sleep(0.3)
        asked = open_job(tmp_path, started.pop()).settings["optimize"]
        assert asked["oracle"] == {"parallel": 4, "function": "oracle_dock:count"}


@pytest.mark.parametrize("code", [b"x = 1", b"def f(:", b"\0", b"def f(): ...", "é".encode("utf-16")])
def test_what_is_no_oracle_is_refused(tmp_path: Path, code: bytes) -> None:
    (tmp_path / "x.py").write_bytes(code)
    with pytest.raises(DataError, match=r"x\.py"):
        list_functions(tmp_path / "x.py")
